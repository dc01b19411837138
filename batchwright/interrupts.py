"""Ctrl-C, termination, a closed terminal: the first signal asks nicely, the second kills."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar

from batches.processes import descendants, identify, kill_tree
from batchwright.exit_codes import ExitCode

__all__ = ["Interrupts"]

KILL_TIMEOUT_S: Final = 1.0
"""How long to wait for one killed process tree to be gone, seconds."""

_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

T = TypeVar("T")


class Interrupts:
    """Watches for signals while something runs.

    Args:
        on_first: Called at the first signal.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self._on_first = on_first
        self._received = asyncio.Event()
        self._before_kill: Callable[[], None] = lambda: None

    @property
    def received(self) -> bool:
        """Whether a signal came in."""
        return self._received.is_set()

    async def wait(self) -> None:
        """Wait for the first signal."""
        await self._received.wait()

    async def guard(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do something that the first signal cancels; None if it did."""
        task = asyncio.create_task(work, name="work until a signal")
        signalled = asyncio.create_task(self.wait(), name="wait for a signal")
        try:
            await asyncio.wait({task, signalled}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            return None if task.cancelled() else await task
        finally:
            signalled.cancel()
            task.cancel()
            await asyncio.gather(signalled, task, return_exceptions=True)

    @contextmanager
    def watching(self, before_kill: Callable[[], None]) -> Iterator[None]:
        """Handle signals inside the block, those aside that whoever started us wants ignored.

        Args:
            before_kill: Called when a second signal kills, to save what can be saved.
        """
        self._before_kill = before_kill
        with ExitStack() as stack:
            for number in _SIGNALS:
                # A job in the background of a script, or under nohup.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    stack.callback(self._watch(number))
            yield

    def _watch(self, number: signal.Signals) -> Callable[[], object]:
        """Handle one signal; returns what ends that."""
        loop = asyncio.get_running_loop()
        before = signal.getsignal(number)
        try:
            loop.add_signal_handler(number, self._on_signal)
        except NotImplementedError:  # the event loop of Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._on_signal))
            return lambda: signal.signal(number, before)

        def stop() -> None:
            loop.remove_signal_handler(number)
            signal.signal(number, before)

        return stop

    def _on_signal(self) -> None:
        if not self.received:
            self._received.set()
            self._on_first()
            return
        try:
            _kill_children()
            self._before_kill()
        finally:
            os._exit(ExitCode.INTERRUPTED)


def _kill_children() -> None:
    """Kill every process below this one: the driver and all browsers."""
    me = identify(os.getpid())
    for process in descendants(me) if me is not None else ():
        kill_tree(process, KILL_TIMEOUT_S)
