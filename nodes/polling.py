"""Repeating a check until it passes or its time is over (nodes.md, ``verify``: the intended timing)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from playwright.async_api import Error

from nodes.clock import elapsed
from nodes.limits import time_limit
from nodes.verify_model import Finding

__all__ = ["CONTENT_MS", "ONCE_MS", "Check", "check_once", "poll"]

CONTENT_MS: Final = 5_000.0
"""How long a content check goes on after its first answer, ms: pages fill their elements late."""

ONCE_MS: Final = 1_000.0
"""How long a single look at an element that is there may take, ms."""

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.25
_PAUSE_STEP_S: Final = 0.05

_LEAST_MS: Final = 250.0
"""Time for the last look, ms; with less, the browser would have no chance to answer."""

_GRACE_MS: Final = 5_000.0
"""How much longer than its limit a check may take before the page counts as hung, ms."""

_NAVIGATING: Final = ("Execution context was destroyed", "Frame was detached", "frame got detached")
"""What Playwright says when a navigation interrupts a look at the page."""

Check = Callable[[float], Awaitable[Finding]]
"""One look at the page; the argument is the time it may take, ms."""


async def poll(check: Check, timeout_ms: float, *, content: bool = False) -> Finding:
    """Look at once, then again with growing pauses, until the check passes or the time is over.

    Args:
        check: One look.
        timeout_ms: Time limit, ms.
        content: Whether what is looked at is there already after the first look, so that only
            `CONTENT_MS` more are worth waiting.

    Returns:
        The last finding.

    Raises:
        NodeTimeoutError: The page does not answer at all.
    """
    clock = elapsed
    end = clock() + timeout_ms / 1000
    async with time_limit(timeout_ms + _GRACE_MS, "The check of a page that does not answer"):
        finding = await _look(check, timeout_ms)
        if content:
            end = min(end, clock() + CONTENT_MS / 1000)
        pause = _FIRST_PAUSE_S
        while not (finding.passed or finding.final) and (left := end - clock()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(pause + _PAUSE_STEP_S, _LONGEST_PAUSE_S)
            finding = await _look(check, max((end - clock()) * 1000, _LEAST_MS))
    return finding


async def check_once(check: Check) -> Finding:
    """Look a single time.

    Raises:
        NodeTimeoutError: The page does not answer.
    """
    async with time_limit(ONCE_MS + _GRACE_MS, "The check of a page that does not answer"):
        return await check(ONCE_MS)


async def _look(check: Check, limit_ms: float) -> Finding:
    try:
        return await check(limit_ms)
    except Error as error:
        if not any(sign in error.message for sign in _NAVIGATING):
            raise
        return Finding(
            passed=False,
            subject="the page",
            expectation="stay long enough to be checked",
            reason="but went on to another page",
        )
