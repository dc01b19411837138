"""The event log: numbers without gaps, late events dropped, listeners and journals that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from batches.errors import StoreError
from batches.eventlog import EventLog
from batches.events import (
    BatchEnded,
    BatchStarted,
    BatchStatus,
    ErrorInfo,
    Event,
    ExecutionEnded,
    ExecutionRetried,
    ExecutionStarted,
    ExecutionStatus,
    LogLine,
    NodeEnded,
    NodeStarted,
    NodeStatus,
    RetryReason,
)
from batches.memory_store import MemoryStore
from batches.state import BatchState
from tests.batches.event_samples import begin, execution_id, run


class FailingStore(MemoryStore):
    """A store whose journal fails from a certain moment on."""

    def __init__(self, output: Path) -> None:
        super().__init__(output)
        self.failure: Exception | None = None
        self.synced: list[bool] = []

    async def append(self, batch_id: str, events: Sequence[Event], *, sync: bool) -> None:
        if self.failure is not None:
            raise self.failure
        self.synced.append(sync)
        await super().append(batch_id, events, sync=sync)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FailingStore]:
    store = FailingStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def errors() -> list[StoreError]:
    return []


@pytest.fixture
async def log(store: FailingStore, errors: list[StoreError]) -> AsyncIterator[EventLog]:
    log = EventLog(store, on_error=errors.append)
    await log.start()
    yield log
    await log.close()


async def test_numbers_have_no_gaps_although_late_events_are_dropped(
    log: EventLog, store: FailingStore
) -> None:
    batch = (await store.reserve(2)).batch_id
    heard: list[Event] = []
    log.listen(lambda event, _state: heard.append(event))
    place: dict[str, Any] = {"batch_id": batch, "execution_id": execution_id(batch, 1)}
    visit: dict[str, Any] = {**place, "node_id": "n", "node_type": "wait"}
    assert log.append(ExecutionStarted(**place)) is None
    taken = [
        log.append(begin(batch, 2)),
        log.append(ExecutionStarted(**place)),
        log.append(NodeStarted(**visit)),
        log.append(ExecutionEnded(**place, status=ExecutionStatus.STOPPED)),
    ]
    late = [
        log.append(NodeEnded(**visit, status=NodeStatus.COMPLETED)),
        log.append(ExecutionEnded(**place, status=ExecutionStatus.COMPLETED)),
        log.append(
            ExecutionRetried(**place, reason=RetryReason.FAILED, error=ErrorInfo(code="X", message="x"))
        ),
        log.append(begin(batch, 2)),
        log.append(ExecutionStarted(batch_id=batch, execution_id="exec-9-9")),
        log.append(LogLine(batch_id="batch-9", execution_id="exec-9-9", level="info", message="x")),
    ]
    assert late == [None] * len(late)
    assert [event.seq for event in taken if event is not None] == [1, 2, 3, 4]
    assert heard == taken
    await log.flush()
    assert await store.events(batch) == taken
    assert log.states[batch].executions[place["execution_id"]].status == "stopped"


async def test_numbers_go_on_where_the_store_ends(store: FailingStore) -> None:
    for expected in ([1, 2, 3], [4, 5, 6]):
        log = EventLog(store)
        await log.start()
        batch = (await store.reserve(1)).batch_id
        for event in (begin(batch, 1), *list(run(batch, 1))[:2]):
            log.append(event)
        await log.close()
        assert [event.seq for event in await store.events(batch)] == expected


async def test_a_listener_that_fails_hurts_neither_the_log_nor_the_others(
    log: EventLog, store: FailingStore
) -> None:
    heard: list[int] = []

    def fail(_event: Event, _state: BatchState) -> None:
        raise RuntimeError("a listener's own fault")

    def listen_once(event: Event, _state: BatchState) -> None:
        heard.append(event.seq)
        stop()

    log.listen(fail)
    stop = log.listen(listen_once)
    log.listen(lambda event, _state: heard.append(-event.seq))
    batch = (await store.reserve(1)).batch_id
    for event in (begin(batch, 1), *list(run(batch, 1))[:1]):
        assert log.append(event) is not None
    await log.flush()
    assert heard == [1, -1, -2]
    assert len(await store.events(batch)) == 2


async def test_ends_are_made_durable_and_the_rest_is_not(log: EventLog, store: FailingStore) -> None:
    batch = (await store.reserve(1)).batch_id
    events = [begin(batch, 1), *run(batch, 1), BatchEnded(batch_id=batch, status=BatchStatus.COMPLETED)]
    for event in events:
        assert log.append(event) is not None
        await log.flush()
    assert [isinstance(event, ExecutionEnded | BatchEnded) for event in events] == store.synced


async def test_events_are_written_together_and_results_bring_them_out(
    log: EventLog, store: FailingStore
) -> None:
    batch = (await store.reserve(1)).batch_id
    *steps, end = [begin(batch, 1), *run(batch, 1)]
    for event in steps:
        log.append(event)
        await asyncio.sleep(0)
    assert (store.synced, log.lag) == ([], len(steps))
    log.append(end)
    async with asyncio.timeout(60):
        while log.lag:  # noqa: ASYNC110 - the writer wakes nobody who does not ask it to write
            await asyncio.sleep(0)
    assert store.synced == [True]


async def test_a_journal_that_cannot_be_written_is_told_once_and_keeps_nobody_waiting(
    log: EventLog, store: FailingStore, errors: list[StoreError]
) -> None:
    batch = (await store.reserve(1)).batch_id
    log.append(begin(batch, 1))
    await log.flush()
    store.failure = StoreError("Disk full", code="DISK_FULL")
    for event in list(run(batch, 1))[:2]:
        assert log.append(event) is not None
        with pytest.raises(StoreError, match="Disk full"):
            await asyncio.wait_for(log.flush(), 30)
    store.failure = None
    await asyncio.wait_for(log.close(), 30)
    assert errors == [log.error]
    assert [type(event) for event in await store.events(batch)] == [BatchStarted]


async def test_a_fault_of_the_store_keeps_nobody_waiting_either(
    log: EventLog, store: FailingStore, errors: list[StoreError]
) -> None:
    batch = (await store.reserve(1)).batch_id
    store.failure = ZeroDivisionError("a fault of ours")
    log.append(begin(batch, 1))
    with pytest.raises(StoreError, match="ZeroDivisionError: a fault of ours"):
        await asyncio.wait_for(log.flush(), 30)
    assert errors == [log.error]


async def test_forgetting_and_closing_twice(log: EventLog, store: FailingStore) -> None:
    batch = (await store.reserve(1)).batch_id
    log.append(begin(batch, 1))
    log.forget(batch)
    log.forget(batch)
    assert batch not in log.states
    await log.close()
    await log.close()
    assert len(await store.events(batch)) == 1
