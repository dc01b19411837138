"""The default engine: executions as asyncio tasks of this process, with browsers from a provider."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final

from batches.attempt import Attempt
from batches.controls import Control, ControlOutcome
from batches.engine import Engine, Handle
from batches.errors import ExecutionLost
from batches.events import Event, ExecutionEnded
from batches.gate import conflict
from batches.log_context import EXECUTION_ID
from batches.screen import PictureSize, Screen, ShowPicture
from batches.spec import ExecutionSpec
from nodes.errors import BatchwrightError
from nodes.provider import BrowserProvider
from nodes.registry import Registry
from nodes.script.pool import WorkerPool
from nodes.secrets import Secrets

__all__ = ["LocalEngine"]

logger = logging.getLogger("batchwright.engine")

_DONE: Final = None


class _LocalHandle(Handle):
    def __init__(self, spec: ExecutionSpec, free: asyncio.Semaphore) -> None:
        self.spec = spec
        self.queue: asyncio.Queue[Event | BatchwrightError | None] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None
        self.attempt: Attempt | None = None
        self.screen = Screen()
        self._free = free
        self._holds_slot = True

    async def events(self) -> AsyncIterator[Event]:
        while True:
            item = await self.queue.get()
            if item is _DONE:
                raise ExecutionLost(f"{self.spec.execution_id} ended without a result")
            if isinstance(item, BatchwrightError):
                raise item
            yield item
            if isinstance(item, ExecutionEnded):
                return

    async def cancel(self, grace_s: float) -> None:
        if self.task is None or self.task.done():
            return
        self.task.cancel("stopped")
        done, _ = await asyncio.wait({self.task}, timeout=grace_s)
        if not done:
            logger.warning("%s: did not stop within %g s", self.spec.execution_id, grace_s)

    async def send(self, control: Control) -> ControlOutcome:
        if self.attempt is None:
            return conflict("The execution is just starting", "running")
        return await self.attempt.control(control)

    def watch(self, size: PictureSize | None, show: ShowPicture | None = None) -> None:
        self.screen.watch(size, show)

    def park(self) -> None:
        if self._holds_slot:
            self._holds_slot = False
            self._free.release()

    async def unpark(self) -> None:
        if not self._holds_slot:
            await self._free.acquire()
            self._holds_slot = True
            if self.task is None or self.task.done():
                self.park()


class LocalEngine(Engine):
    """Runs executions in this process.

    Args:
        registry: The node types.
        provider: Where browsers come from; closed with the engine.
        slots: How many executions run at the same time.
        secrets: What workflows may name as ``${secrets.NAME}``.
    """

    def __init__(
        self,
        registry: Registry,
        provider: BrowserProvider,
        *,
        slots: int,
        secrets: Secrets | None = None,
    ) -> None:
        self._registry = registry
        self._provider = provider
        self._slots = slots
        self._secrets = secrets or Secrets()
        self._scripts = WorkerPool()
        self._free = asyncio.Semaphore(slots)
        self._handles: set[_LocalHandle] = set()

    @property
    def capacity(self) -> int:
        """The number of slots."""
        return self._slots

    async def start(self) -> None:
        """Nothing to prepare: browsers are launched when the first execution wants one."""

    def expect(self, waiting: int) -> None:
        """Tell the browsers."""
        self._provider.expect(waiting)

    def warm_up(self) -> None:
        """Tell the browsers."""
        self._provider.warm_up()

    async def run(self, spec: ExecutionSpec) -> Handle:
        """Begin an attempt in a task of its own, named after the execution."""
        await self._free.acquire()
        handle = _LocalHandle(spec, self._free)
        self._handles.add(handle)
        handle.task = asyncio.create_task(self._attempt(handle), name=f"execution {spec.execution_id}")
        handle.task.add_done_callback(lambda _task: self._over(handle))
        return handle

    async def _attempt(self, handle: _LocalHandle) -> None:
        EXECUTION_ID.set(handle.spec.execution_id)
        try:
            handle.attempt = Attempt(
                handle.spec,
                self._registry,
                self._provider,
                handle.queue.put_nowait,
                self._scripts,
                screen=handle.screen,
                secrets=self._secrets,
            )
            await handle.attempt.run()
        except ExecutionLost as lost:
            handle.queue.put_nowait(lost)
        except Exception as error:  # a fault of ours must not end the batch
            logger.exception("%s: the attempt failed outside its nodes", handle.spec.execution_id)
            handle.queue.put_nowait(ExecutionLost(f"{type(error).__name__}: {error}"))

    def _over(self, handle: _LocalHandle) -> None:
        """Free the slot; a callback, because a task cancelled before its first step runs no code of its own."""
        handle.queue.put_nowait(_DONE)
        self._handles.discard(handle)
        handle.park()

    async def close(self, grace_s: float) -> None:
        """Cancel all attempts, then close the processes for scripts and the browsers."""
        await asyncio.gather(*(handle.cancel(grace_s) for handle in list(self._handles)))
        await self._scripts.close()
        await self._provider.close()
