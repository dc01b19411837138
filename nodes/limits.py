"""A time limit for what the browser library runs without one (keyboard, mouse, scripts, counting)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nodes.clock import CLOCK
from nodes.errors import NodeTimeoutError

__all__ = ["time_limit"]


@asynccontextmanager
async def time_limit(timeout_ms: float, what: str) -> AsyncIterator[None]:
    """Cancel the block when it takes too long; time in which the execution is paused does not count.

    Args:
        timeout_ms: The limit, ms.
        what: What the block does, as the subject of the message ("The key press").

    Raises:
        NodeTimeoutError: The time ran out.
    """
    limit = asyncio.timeout(timeout_ms / 1000)
    clock = CLOCK.get()
    try:
        async with limit:
            if clock is None:
                yield
            else:
                with clock.watches(limit):
                    yield
    except TimeoutError:
        if limit.expired():
            raise NodeTimeoutError(f"{what} did not finish within {timeout_ms:g} ms") from None
        raise
