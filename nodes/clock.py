"""The clock of an execution: time limits that stand still while the execution is paused.

A limit that is watched loses its deadline when the clock stops, and gets the rest of its time back when the clock
goes on. Times are seconds of the event loop's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["CLOCK", "Clock", "elapsed"]


class Clock:
    """Stops and continues the time limits of one execution."""

    def __init__(self) -> None:
        self._limits: dict[asyncio.Timeout, float | None] = {}
        self._stopped_at: float | None = None
        self._paused = 0.0

    @property
    def stopped(self) -> bool:
        """Whether it stands still."""
        return self._stopped_at is not None

    def time(self) -> float:
        """The loop's time without the time that the clock stood still."""
        now = asyncio.get_running_loop().time()
        return (now if self._stopped_at is None else self._stopped_at) - self._paused

    @contextmanager
    def watches(self, limit: asyncio.Timeout) -> Iterator[None]:
        """Let a limit that was entered stand still with this clock, for the length of the block."""
        self._limits[limit] = None
        if self.stopped:
            self._hold(limit)
        try:
            yield
        finally:
            del self._limits[limit]

    def stop(self) -> None:
        """Stand still; does nothing if it does already."""
        if self._stopped_at is not None:
            return
        self._stopped_at = asyncio.get_running_loop().time()
        for limit in self._limits:
            self._hold(limit)

    def start(self) -> None:
        """Go on; does nothing if it does already."""
        if self._stopped_at is None:
            return
        now = asyncio.get_running_loop().time()
        self._paused += now - self._stopped_at
        self._stopped_at = None
        for limit, left in self._limits.items():
            if left is not None and not limit.expired():
                limit.reschedule(now + left)
                self._limits[limit] = None

    def _hold(self, limit: asyncio.Timeout) -> None:
        due = limit.when()
        # One that has just run out cancels its block already, and cannot be changed any more.
        if due is not None and not limit.expired():
            self._limits[limit] = due - asyncio.get_running_loop().time()
            limit.reschedule(None)


CLOCK: Final[ContextVar[Clock | None]] = ContextVar("execution clock", default=None)
"""The clock of the execution that runs here, if there is one."""


def elapsed() -> float:
    """The time by the execution's clock, else by the event loop's, seconds; only differences mean anything."""
    clock = CLOCK.get()
    return asyncio.get_running_loop().time() if clock is None else clock.time()
