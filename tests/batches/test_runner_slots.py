"""Slots and counts of the runner: true whatever is stopped, fails, is retried or lost, in whatever order."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batches.events import ExecutionStatus
from batches.memory_store import MemoryStore
from batches.request import BatchRequest, WorkItem
from batches.runner import Runner, StopReport
from batches.state import BatchState
from tests.batches.light_engine import LightEngine

SLOTS = 3
OUTCOMES = (ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, None)


class RunnerMachine(RuleBasedStateMachine):
    """Does things to a runner, some of them at once, and looks at it when it has come to rest."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.loop.run(self._open())
        self.states: list[BatchState] = []
        self.workers: dict[str, int] = {}
        self.final: dict[str, ExecutionStatus] = {}
        self.reports: list[StopReport] = []
        self.fullest = 0

    async def _open(self) -> None:
        path = Path(self.folder.name)
        store = MemoryStore(path)
        await store.open()
        self.engine = LightEngine(SLOTS)
        self.runner = Runner(store=store, engine=self.engine, output=path, root=path)
        await self.runner.start()
        self.runner.log.listen(lambda _event, _state: self._look())

    def _look(self) -> None:
        self.fullest = max(self.fullest, self.runner.queue.in_use, len(self.engine.running))

    def do(self, *work: Coroutine[Any, Any, Any]) -> list[Any]:
        """Begin these at once and wait until nothing moves any more."""

        async def all_of_it() -> list[Any]:
            results = await asyncio.gather(*work)
            for _ in range(30):
                await asyncio.sleep(0)
            return results

        return self.loop.run(all_of_it())

    def stopped(self, *work: Coroutine[Any, Any, Any]) -> None:
        self.reports += [item for item in self.do(*work) if isinstance(item, StopReport)]

    async def _end(self, execution_id: str, outcome: ExecutionStatus | None) -> None:
        await asyncio.sleep(0)
        handle = self.engine.running.get(execution_id)
        if handle is not None:
            handle.end(outcome)

    @rule(
        size=st.integers(0, 4),
        workers=st.integers(1, 4),
        priority=st.integers(0, 1),
        retries=st.integers(0, 1),
    )
    def submit(self, size: int, workers: int, priority: int, retries: int) -> None:
        items = tuple(WorkItem(f"{number}.json", f"{number}.json", {}) for number in range(size))
        request = BatchRequest(items, workers=workers, priority=priority, retries=retries)
        (state,) = self.do(self.runner.submit(request))
        self.states.append(state)
        self.workers[state.batch_id] = workers

    @precondition(lambda self: self.engine.running)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def end_one(self, data: st.DataObject, outcome: ExecutionStatus | None) -> None:
        self.do(self._end(data.draw(st.sampled_from(sorted(self.engine.running))), outcome))

    @precondition(lambda self: any(state.executions for state in self.states))
    @rule(data=st.data())
    def stop_one(self, data: st.DataObject) -> None:
        names = [name for state in self.states for name in state.executions]
        self.stopped(self.runner.stop_execution(data.draw(st.sampled_from(names))))

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def stop_batch(self, data: st.DataObject) -> None:
        self.stopped(self.runner.stop_batch(data.draw(st.sampled_from(self.states)).batch_id))

    @precondition(lambda self: self.states)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def at_once(self, data: st.DataObject, outcome: ExecutionStatus | None) -> None:
        """Two stops, the end of what runs, and a new batch, all in the same moment."""
        batch_id = data.draw(st.sampled_from(self.states)).batch_id
        running = [self._end(name, outcome) for name in self.engine.running]
        self.stopped(self.runner.stop_all(), *running, self.runner.stop_batch(batch_id))

    @invariant()
    def slots_are_never_exceeded(self) -> None:
        assert 0 <= self.runner.queue.in_use <= SLOTS
        assert self.fullest <= SLOTS
        assert self.engine.most <= SLOTS

    @invariant()
    def nothing_waits_beside_a_free_slot(self) -> None:
        assert self.runner.queue.in_use == len(self.engine.running)
        for state in self.states:
            counts = state.counts
            assert counts.running <= self.workers[state.batch_id]
            if counts.queued and self.runner.queue.in_use < SLOTS:
                assert counts.running == self.workers[state.batch_id]

    @invariant()
    def counts_are_true_and_final_states_stay(self) -> None:
        for state in self.states:
            counts = state.counts
            parts = (counts.queued, counts.running, counts.completed, counts.failed, counts.stopped)
            assert sum(parts) == counts.total == len(state.executions)
            assert (state.ended_at is not None) == state.is_over
            for name, execution in state.executions.items():
                if execution.status.is_final:
                    assert self.final.setdefault(name, execution.status) is execution.status
                else:
                    assert name not in self.final

    @invariant()
    def stops_tell_what_they_did(self) -> None:
        for report in self.reports:
            assert sum(report.per_batch.values()) == report.total
            assert all(report.per_batch.values())
        told = sum(report.total for report in self.reports)
        assert told == list(self.final.values()).count(ExecutionStatus.STOPPED)

    def teardown(self) -> None:
        self.do(self.runner.close())
        assert all(state.is_over and state.ended_at is not None for state in self.states)
        assert (self.runner.queue.in_use, self.runner.queue.waiting) == (0, 0)
        assert not self.engine.running
        self.loop.close()
        self.folder.cleanup()


TestRunner = RunnerMachine.TestCase
TestRunner.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
