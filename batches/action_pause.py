"""Pausing inside a node, before its next browser action, through Playwright's own debugger.

While Playwright holds an action, its time limits stand still, and the page can be looked at.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from playwright.async_api import BrowserContext, Error

from batches.breakpoints import Hit
from batches.controls import Step
from batches.events import PauseAt, PauseReason
from batches.gate import Gate
from batches.walk import Walker
from nodes.session import BrowserSession

__all__ = ["ActionPause"]

_LIMIT_S: Final = 5.0

logger = logging.getLogger("batchwright.debugger")


class ActionPause:
    """Holds an execution before browser actions.

    Args:
        session: Its browser.
        walker: Knows where the walk stands.
        gate: Holds the execution, and hears of resuming controls.
    """

    def __init__(self, session: BrowserSession, walker: Walker, gate: Gate) -> None:
        self._session = session
        self._walker = walker
        self._gate = gate
        self._watched: set[BrowserContext] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def request(self) -> None:
        """Hold the next browser action of any of the execution's contexts.

        Raises:
            playwright.async_api.Error: A context is being closed.
            TimeoutError: The browser does not answer.
        """
        async with asyncio.timeout(_LIMIT_S):
            for context in list(self._session.contexts.values()):  # more may open meanwhile
                if context not in self._watched:
                    self._watched.add(context)
                    context.debugger.on("pausedstatechanged", lambda *_, held=context: self._changed(held))
                if context.debugger.paused_details is None:
                    await context.debugger.request_pause()

    async def close(self) -> None:
        """End what still waits; idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _changed(self, context: BrowserContext) -> None:
        details = context.debugger.paused_details
        if details is None:
            return
        task = asyncio.create_task(self._hold(context, str(details["title"])), name="pause at an action")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hold(self, context: BrowserContext, title: str) -> None:
        spot, debugger = self._walker.innermost.spot, context.debugger
        try:
            if spot is None or self._gate.standing is not None:
                await debugger.resume()
                return
            message = f"Paused inside node {spot.node.title}, before: {title}"
            command = await self._gate.hold(spot, PauseAt.ACTION, Hit(PauseReason.REQUESTED, message))
            if isinstance(command, Step):
                await debugger.next()
            else:
                await debugger.resume()
        except Error as error:
            logger.debug("the held action is gone: %s", error.message)
