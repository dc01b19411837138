"""A service in this process on a store of choice, and executions that end when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from batches.events import ExecutionStatus
from batches.runner import Runner
from batches.service import Service
from batches.state import BatchState
from batches.store import Store
from batches.tinydb_store import TinyDbStore
from nodes.catalogue import default_registry
from tests.batches.light_engine import LightEngine
from tests.batches.runs import PATIENCE_S


@dataclass
class Desk:
    """A service, and how its executions end."""

    service: Service
    engine: LightEngine
    store: Store
    changed: asyncio.Event

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the events tell."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def running(self, *names: str) -> None:
        """Wait until these executions run."""
        await self.until(lambda: all(self.is_running(name) for name in names))

    def is_running(self, name: str) -> bool:
        found = [item.execution for item in self.service.active() if item.execution.execution_id == name]
        return bool(found) and found[0].status is ExecutionStatus.RUNNING

    async def end(self, name: str, status: ExecutionStatus = ExecutionStatus.COMPLETED) -> None:
        """Let an execution run and end it."""
        await self.running(name)
        self.engine.running[name].end(status)
        await self.until(lambda: not self.is_running(name))

    async def over(self, state: BatchState, *statuses: ExecutionStatus) -> BatchState:
        """End the executions of a batch in these states, in this order, and wait for its end."""
        for name, status in zip(list(state.executions), statuses, strict=False):
            await self.end(name, status)
        return await asyncio.wait_for(self.service.runner.wait(state.batch_id), PATIENCE_S)


@asynccontextmanager
async def desk(
    output: Path, *, slots: int = 2, resume: bool = False, dies: bool = False, store: Store | None = None
) -> AsyncIterator[Desk]:
    """A service that has started; at the end of the block it is closed, or dies without a word."""
    store = store or TinyDbStore(output)
    await store.open()
    engine = LightEngine(slots)
    runner = Runner(store=store, engine=engine, output=output, root=output)
    service = Service(runner=runner, store=store, registry=default_registry(), output=output, roots=(output,))
    changed = asyncio.Event()
    service.log.listen(lambda _event, _state: changed.set())
    await service.start(resume=resume)
    try:
        yield Desk(service, engine, store, changed)
        if dies:
            await service.log.flush()
            await store.close()
    finally:
        await asyncio.wait_for(service.close(), PATIENCE_S)
        await store.close()
