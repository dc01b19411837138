"""An engine whose executions do nothing until a test says how they end: for orders of things, not for nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from batches.engine import Engine, Handle
from batches.errors import ExecutionLost
from batches.events import ErrorInfo, Event, ExecutionEnded, ExecutionStarted, ExecutionStatus
from batches.spec import ExecutionSpec


class LightHandle(Handle):
    """An attempt that waits to be told how it ends."""

    def __init__(self, spec: ExecutionSpec, engine: LightEngine) -> None:
        self.spec = spec
        self._engine = engine
        self._end: asyncio.Future[ExecutionStatus | None] = asyncio.get_running_loop().create_future()

    def end(self, status: ExecutionStatus | None) -> None:
        """End in this state; None loses it."""
        if not self._end.done():
            self._end.set_result(status)

    async def events(self) -> AsyncIterator[Event]:
        ids: dict[str, Any] = {"batch_id": self.spec.batch_id, "execution_id": self.spec.execution_id}
        yield ExecutionStarted(**ids, attempt=self.spec.attempt, number=1)
        status = await self._end
        self._engine.left(self)
        if status is None:
            raise ExecutionLost("the light went out")
        error = None if status is ExecutionStatus.COMPLETED else ErrorInfo(code="X", message=status)
        yield ExecutionEnded(**ids, attempt=self.spec.attempt, number=2, status=status, error=error)

    async def cancel(self, grace_s: float) -> None:
        assert grace_s > 0
        self.end(ExecutionStatus.STOPPED)


class LightEngine(Engine):
    """Holds attempts, and remembers how many it ever held at once."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self.running: dict[str, LightHandle] = {}
        self.most = 0

    @property
    def capacity(self) -> int:
        return self._slots

    async def start(self) -> None:
        assert not self.running

    async def run(self, spec: ExecutionSpec) -> Handle:
        await asyncio.sleep(0)
        assert spec.execution_id not in self.running
        handle = self.running[spec.execution_id] = LightHandle(spec, self)
        self.most = max(self.most, len(self.running))
        return handle

    def left(self, handle: LightHandle) -> None:
        del self.running[handle.spec.execution_id]

    async def close(self, grace_s: float) -> None:
        for handle in list(self.running.values()):
            await handle.cancel(grace_s)
