"""Ctrl-C and termination: the first asks nicely, the second kills."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from batches.processes import descendants, identify, kill_tree
from batchwright.exit_codes import ExitCode

__all__ = ["Interrupts"]

KILL_TIMEOUT_S: Final = 1.0
"""How long to wait for one killed process tree to be gone, seconds."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Watches for signals while a batch runs.

    Args:
        say: Called with a line for the user.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._received = asyncio.Event()
        self._before_kill: Callable[[], None] = lambda: None

    @property
    def received(self) -> bool:
        """Whether a signal came in."""
        return self._received.is_set()

    async def wait(self) -> None:
        """Wait for the first signal."""
        await self._received.wait()

    @contextmanager
    def watching(self, before_kill: Callable[[], None]) -> Iterator[None]:
        """Handle signals inside the block.

        Args:
            before_kill: Called when a second signal kills, to save what can be saved.
        """
        loop = asyncio.get_running_loop()
        self._before_kill = before_kill
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if not self.received:
            self._say("Stopping: running workflows are stopped and results written. Ctrl-C again kills.")
            self._received.set()
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
