"""The processes that run scripts: started when one is needed, kept for the next ones, closed when idle."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Final

from nodes.script.errors import ScriptError
from nodes.script.process import WorkerProcess

__all__ = ["WorkerPool"]

_IDLE_S: Final = 30.0
_LONGEST_TURN_S: Final = 3600.0
"""Last resort against a process that computes on while nobody watches it, seconds."""

logger = logging.getLogger("batchwright.scripts")


class WorkerPool:
    """Hands out processes, one script each at a time. Nothing is started before the first script.

    Args:
        keep: How many idle processes are kept warm; one for each processor if not given.
        idle_s: After this time without work a process is closed, seconds.
    """

    def __init__(self, *, keep: int | None = None, idle_s: float = _IDLE_S) -> None:
        self._keep = keep if keep is not None else os.cpu_count() or 1
        self._idle_s = idle_s
        self._idle: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def idle(self) -> int:
        """How many living processes wait for work."""
        return sum(worker.alive for worker in self._idle)

    async def take(self, memory_mb: int) -> WorkerProcess:
        """A process for one script; give it back with `give`, or kill it.

        Args:
            memory_mb: What its scripts may take, MB.

        Raises:
            ScriptError: None can be started.
        """
        while (worker := self._pick(memory_mb)) is not None:
            try:
                await worker.ready()
            except ScriptError as error:
                logger.warning("An idle process for scripts is replaced: %s", error.message)
            else:
                # It may have died after it said that it is ready.
                if worker.alive:
                    return worker
                self._close_later(worker)
        worker = await WorkerProcess.start(memory_mb, _LONGEST_TURN_S)
        await worker.ready()
        return worker

    def _pick(self, memory_mb: int) -> WorkerProcess | None:
        """Take an idle process with this limit out of the pool."""
        for worker, timer in self._idle.items():
            if worker.memory_mb == memory_mb:
                timer.cancel()
                del self._idle[worker]
                return worker
        return None

    def give(self, worker: WorkerProcess) -> None:
        """Take back a process whose script is over: it gets a fresh isolate and waits for the next one."""
        if self._closed or not worker.alive or len(self._idle) >= self._keep:
            self._close_later(worker)
            return
        worker.write(b"E")
        timer = asyncio.get_running_loop().call_later(self._idle_s, self._expire, worker)
        self._idle[worker] = timer

    async def close(self) -> None:
        """Close all idle processes; those that come back later are closed, too."""
        self._closed = True
        for worker, timer in self._idle.items():
            timer.cancel()
            self._close_later(worker)
        self._idle.clear()
        while self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    def _expire(self, worker: WorkerProcess) -> None:
        if self._idle.pop(worker, None) is not None:
            self._close_later(worker)

    def _close_later(self, worker: WorkerProcess) -> None:
        task = asyncio.create_task(worker.close(), name=f"close script process {worker.pid}")
        self._closing.add(task)
        task.add_done_callback(self._closed_one)

    def _closed_one(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A process for scripts could not be closed: %r", error)
