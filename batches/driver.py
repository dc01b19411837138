"""The process through which Playwright talks to browsers: starting it, knowing when it died, ending it."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Final, Self

from playwright.async_api import Error, Playwright, async_playwright

from batches.lifeline import Lifeline
from batches.managed import cache_folder
from batches.processes import ProcessId, children, kill_tree, now
from nodes.errors import BrowserLostError

__all__ = ["Driver"]

_START_TIMEOUT_S: Final = 30.0
_KILL_TIMEOUT_S: Final = 5.0
_RUNS: Final = "run-driver"

_COMPILED: Final = "NODE_COMPILE_CACHE"
"""Names the folder in which Node keeps compiled code, which takes a quarter off the driver's start."""

_log = logging.getLogger("batchwright.browsers")


class Driver:
    """One running driver process. A dead one is replaced by starting another, never revived.

    Use `Driver.start`; afterwards it is the caller's to `stop`.

    Args:
        playwright: The Playwright object on top of it.
        process: Its process; None if it could not be told apart from others of ours.
    """

    def __init__(self, playwright: Playwright, process: ProcessId | None) -> None:
        self._playwright = playwright
        self._lifeline = Lifeline(process) if process is not None else None
        self._stopped = False

    @classmethod
    async def start(cls, timeout_s: float = _START_TIMEOUT_S) -> Self:
        """Start a driver.

        Args:
            timeout_s: Longest time it may take, in seconds.

        Raises:
            BrowserLostError: It did not start.
        """
        if (folder := cache_folder()) is not None:
            os.environ.setdefault(_COMPILED, str(folder / "node"))
        began = now()
        try:
            async with asyncio.timeout(timeout_s):
                playwright = await async_playwright().start()
        except BaseException as error:  # cancelled, too, it must not stay behind
            for process in await asyncio.to_thread(children, _RUNS, since=began):
                await asyncio.to_thread(kill_tree, process, _KILL_TIMEOUT_S)
            if not isinstance(error, TimeoutError | Error | OSError):
                raise
            reason = str(error) or f"no answer within {timeout_s:g} s"
            raise BrowserLostError(
                f"Playwright's driver did not start ({reason}). Check the machine with 'batchwright doctor'"
            ) from error
        started = await asyncio.to_thread(children, _RUNS, since=began)
        # Two at once cannot be told apart here; the first browser then tells who its parent is.
        return cls(playwright, started[0] if len(started) == 1 else None)

    @property
    def playwright(self) -> Playwright:
        """The Playwright object on top of it."""
        return self._playwright

    @property
    def process(self) -> ProcessId | None:
        """Its process, where known."""
        return self._lifeline.process if self._lifeline is not None else None

    @property
    def alive(self) -> bool:
        """Whether it can be asked for something."""
        return not self._stopped and (self._lifeline is None or self._lifeline.alive)

    def learn(self, process: ProcessId | None) -> None:
        """Remember the driver's process, told by a browser that it started.

        Args:
            process: The parent of that browser.
        """
        if self._lifeline is None and process is not None:
            self._lifeline = Lifeline(process)

    async def stop(self, timeout_s: float) -> None:
        """End it; it closes what browsers it still has. One that does not end in time is killed.

        Args:
            timeout_s: Longest time to wait for an orderly end, in seconds.
        """
        if self._stopped:
            return
        self._stopped = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._playwright.stop()
        except (TimeoutError, Error, OSError) as error:
            _log.warning("Playwright's driver did not stop within %g s and is killed: %r", timeout_s, error)
        finally:
            if self._lifeline is not None:
                if self._lifeline.alive:
                    await asyncio.to_thread(kill_tree, self._lifeline.process, _KILL_TIMEOUT_S)
                self._lifeline.close()
