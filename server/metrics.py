"""The server's numbers for Prometheus: what events tell is counted, the rest is read when someone asks."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from batches.events import (
    BatchEnded,
    BatchStatus,
    Event,
    ExecutionEnded,
    ExecutionRetried,
    ExecutionStatus,
    RetryReason,
)
from batches.pool import BrowserPool
from batches.service import Service
from batches.state import BatchState
from server.hub import Hub

__all__ = ["Metrics"]

BUCKETS_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""Upper bounds of the histogram of durations, seconds."""

_OPEN: Final = tuple(status for status in ExecutionStatus if not status.is_final)
_FINAL: Final = tuple(status for status in ExecutionStatus if status.is_final)


class Metrics:
    """The numbers of one server, in a registry of its own.

    Args:
        service: The runs.
        pool: Gives the browsers, once there are some.
        hub: Gives the socket clients, once there are some.
    """

    def __init__(
        self, service: Service, *, pool: Callable[[], BrowserPool | None], hub: Callable[[], Hub | None]
    ) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        self._ended = Counter(
            "batchwright_executions_ended", "Executions that ended.", ["status"], registry=self.registry
        )
        self._batches_ended = Counter(
            "batchwright_batches_ended", "Batches that ended.", ["status"], registry=self.registry
        )
        self._retries = Counter(
            "batchwright_execution_retries",
            "Attempts that were tried again.",
            ["reason"],
            registry=self.registry,
        )
        self._durations = Histogram(
            "batchwright_execution_duration_seconds",
            "From the first start of an execution to its end.",
            ["status"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        for status in _FINAL:
            self._ended.labels(status.value)
        for outcome in BatchStatus:
            if outcome is not BatchStatus.RUNNING:
                self._batches_ended.labels(outcome.value)
        for reason in RetryReason:
            self._retries.labels(reason.value)
        self.registry.register(_Moment(service, pool, hub))
        ProcessCollector(namespace="batchwright", registry=self.registry)

    def listen(self) -> Callable[[], None]:
        """Count from now on; returns what ends that."""
        return self._service.log.listen(self._on_event)

    def _on_event(self, event: Event, state: BatchState) -> None:
        match event:
            case ExecutionEnded():
                self._ended.labels(event.status.value).inc()
                duration = state.executions[event.execution_id].duration_ms
                if duration is not None:
                    self._durations.labels(event.status.value).observe(duration / 1000)
            case ExecutionRetried():
                self._retries.labels(event.reason.value).inc()
            case BatchEnded():
                self._batches_ended.labels(event.status.value).inc()
            case _:
                return


class _Moment(Collector):
    """What is true at this moment, read from those who know."""

    def __init__(
        self, service: Service, pool: Callable[[], BrowserPool | None], hub: Callable[[], Hub | None]
    ) -> None:
        self._service = service
        self._pool = pool
        self._hub = hub

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read what is not there yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All gauges, and the totals that others keep."""
        yield InfoMetricFamily(
            "batchwright", "This program.", {"version": importlib.metadata.version("batchwright")}
        )
        yield from self._runs()
        yield from self._journal()
        yield from self._browsers()
        yield from self._sockets()

    def _runs(self) -> Iterator[Metric]:
        active = self._service.active()
        open_ones = GaugeMetricFamily(
            "batchwright_executions", "Executions that have not ended.", labels=["status"]
        )
        for status in _OPEN:
            count = sum(found.execution.status is status for found in active)
            open_ones.add_metric([status.value], count)
        yield open_ones
        yield _gauge(
            "batches_running", "Batches that have not ended.", len({item.batch.batch_id for item in active})
        )
        slots = self._service.runner.queue
        yield _gauge("queue_length", "Executions that wait for a slot.", slots.waiting)
        yield _gauge("slots", "Executions that may run at once.", slots.slots)
        yield _gauge("slots_in_use", "Slots taken.", slots.in_use)
        yield _gauge("accepting", "1 while new work is taken.", int(self._service.accepting))

    def _journal(self) -> Iterator[Metric]:
        log = self._service.log
        yield _gauge("journal_lag_events", "Events that are not in the journal yet.", log.lag)
        yield _counter(
            "journal_errors", "Whether the journal could not be written.", int(log.error is not None)
        )

    def _browsers(self) -> Iterator[Metric]:
        pool = self._pool()
        if pool is None:
            return
        stats = pool.stats
        yield _gauge("browsers", "Browsers that are open.", stats.browsers)
        yield _gauge("browser_leases", "Executions that hold a browser.", stats.leases)
        yield _counter("browser_starts", "Browsers started.", stats.launched)
        yield _counter("browser_crashes", "Browsers that died or hung.", stats.crashed)
        yield _counter("browser_contexts", "Browser contexts opened.", stats.contexts)

    def _sockets(self) -> Iterator[Metric]:
        hub = self._hub()
        if hub is None:
            return
        stats = hub.stats()
        yield _gauge("socket_clients", "Connected Socket.IO clients.", stats.clients)
        yield _gauge("event_lag_seconds", "Age of the oldest event that a client has not got yet.", stats.lag)
        yield _gauge("event_lag_messages", "Messages that the slowest client is behind.", stats.behind)
        yield _counter("socket_gaps", "How often a client lost events.", stats.gaps)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"batchwright_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"batchwright_{name}", text, value=value)
