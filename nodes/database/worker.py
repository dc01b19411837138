"""A thread of its own for a connection whose driver blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["Worker"]

T = TypeVar("T")

_INTERRUPT_S: Final = 10.0
"""How long an interrupted call may take to come back, seconds."""


class Worker:
    """Runs blocking calls one after the other, so that a connection is never used by two of them.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, call: Callable[[], T], interrupt: Callable[[], None] | None = None) -> T:
        """Run a blocking call and wait for its end, also when the waiting task is cancelled.

        Args:
            call: What to run in the thread.
            interrupt: Makes the call come back early; runs in another thread when the task is cancelled.
        """
        job = self._executor.submit(call)
        future = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(_look_at)
            if not job.cancel() and interrupt is not None:
                await _interrupt(future, interrupt)
            raise

    def close(self) -> None:
        """End the thread after the call that it is in."""
        self._executor.shutdown(wait=False)


async def _interrupt(future: asyncio.Future[T], interrupt: Callable[[], None]) -> None:
    """Interrupt a call until it is over: at first it may not have come to what can be interrupted."""
    pause_s, waited_s = 0.05, 0.0
    while not future.done() and waited_s < _INTERRUPT_S:
        await asyncio.to_thread(interrupt)
        await asyncio.wait({future}, timeout=pause_s)
        waited_s += pause_s
        pause_s = min(pause_s * 2, 1.0)


def _look_at(future: asyncio.Future[T]) -> None:
    """Take the outcome of a call that nobody waits for any more, so that asyncio does not complain."""
    if not future.cancelled():
        future.exception()
