"""A runner in this process, with everything real but the disk, and ways to hold its executions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batches.events import Event, ExecutionEnded, NodeStarted
from batches.local import LocalEngine
from batches.memory_store import MemoryStore
from batches.pool import BrowserPool
from batches.request import BatchRequest, WorkItem
from batches.runner import Runner
from batches.state import BatchState
from nodes.catalogue import default_registry
from tests.running import chain, node

PATIENCE_S = 60
"""How long anything may take on a busy machine; no test asserts a time."""
MINUTE_MS = 60_000

START = node("start", "start")


def passing() -> dict[str, Any]:
    return chain(START, node("say", "stringValue", value="x"))


def failing() -> dict[str, Any]:
    return chain(START, node("bad", "loadConfigFile"))


def pausing() -> dict[str, Any]:
    return chain(START, node("pause", "wait", waitType="timeout", value=MINUTE_MS))


def browsing(url: str, *steps: dict[str, Any]) -> dict[str, Any]:
    go = node("go", "navigation", action="navigate", url=url)
    return chain(START, node("open", "openBrowser"), go, *steps)


def request(*documents: Mapping[str, Any], **options: Any) -> BatchRequest:
    """A batch of these documents, named 0.json, 1.json, ..."""
    items = tuple(
        WorkItem(f"{number}.json", f"{number}.json", document) for number, document in enumerate(documents)
    )
    return BatchRequest(items, **{"workers": 4, **options})


@dataclass
class Stage:
    """A runner and what it has done so far."""

    runner: Runner
    pool: BrowserPool
    store: MemoryStore
    events: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self, event: Event, _state: BatchState) -> None:
        self.events.append(event)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the events tell."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def at_node(self, node_id: str, count: int = 1) -> None:
        """Wait until so many executions have come to a node."""
        await self.until(lambda: len(self.visits(node_id)) >= count)

    def visits(self, node_id: str) -> list[NodeStarted]:
        return [item for item in self.events if isinstance(item, NodeStarted) and item.node_id == node_id]

    def ends(self) -> list[ExecutionEnded]:
        return [item for item in self.events if isinstance(item, ExecutionEnded)]

    async def over(self, batch_id: str) -> BatchState:
        """Wait for the end of a batch, whose numbers must then be true and saved."""
        state = await asyncio.wait_for(self.runner.wait(batch_id), PATIENCE_S)
        counts = state.counts
        assert counts.completed + counts.failed + counts.stopped + counts.interrupted == counts.total
        assert state.ended_at is not None
        assert (await self.store.load(batch_id)).counts == counts
        assert await self.store.events(batch_id) == [
            item for item in self.events if item.batch_id == batch_id
        ]
        return state


@asynccontextmanager
async def stage(tmp_path: Path, *, slots: int = 4) -> AsyncIterator[Stage]:
    """A runner that is closed at the end of the block and then has nothing left to do."""
    store, pool = MemoryStore(tmp_path), BrowserPool()
    await store.open()
    engine = LocalEngine(default_registry(), pool, slots=slots)
    runner = Runner(store=store, engine=engine, output=tmp_path, root=tmp_path)
    await runner.start()
    result = Stage(runner, pool, store)
    runner.log.listen(result.listen)
    try:
        yield result
    finally:
        await asyncio.wait_for(runner.close(), PATIENCE_S)
        await store.close()
    assert (runner.queue.in_use, runner.queue.waiting) == (0, 0)
    assert (runner._jobs, runner._tasks, engine._handles) == ({}, set(), set())
    assert [item.seq for item in result.events] == list(range(1, len(result.events) + 1))


def ids(state: BatchState) -> list[str]:
    return list(state.executions)


def words(state: BatchState) -> list[str]:
    """The states of the executions, in input order."""
    return [execution.status.value for execution in state.executions.values()]
