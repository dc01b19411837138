"""Running a node's operation with the waits and retries that its properties ask for.

Source: nodes.md, sections C and D. Waits are part of each attempt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nodes.blocks import RetryBlock, TimeoutBlock, WaitBlock
from nodes.context import NodeRun
from nodes.model import DEFAULT_TIMEOUT_MS, NodeData
from nodes.retries import with_retries
from nodes.waits import has_waits, wait_for_conditions

__all__ = ["perform"]

T = TypeVar("T")


async def perform(
    run: NodeRun,
    data: NodeData,
    operation: Callable[[], Awaitable[T]],
    *,
    timeout_ms: float | None = None,
) -> T | None:
    """Run an operation, with waits if ``data`` has a wait block and retries if it has a retry block.

    Args:
        run: The node being run.
        data: Its properties.
        operation: One attempt; called again for each retry.
        timeout_ms: Limit of waits without one of their own, ms; the node's ``timeout`` if not given.

    Returns:
        The operation's result; None when it failed but the retry condition holds.
    """
    attempt = operation
    if isinstance(data, WaitBlock) and has_waits(data):
        attempt = _with_waits(run, data, operation, timeout_ms or _node_timeout(data))
    if isinstance(data, RetryBlock) and data.retry_enabled:
        return await with_retries(run, data, attempt)
    return await attempt()


def _node_timeout(data: NodeData) -> float:
    return data.timeout if isinstance(data, TimeoutBlock) else DEFAULT_TIMEOUT_MS


def _with_waits(
    run: NodeRun, data: WaitBlock, operation: Callable[[], Awaitable[T]], timeout_ms: float
) -> Callable[[], Awaitable[T]]:
    async def attempt() -> T:
        if not data.wait_after_operation:
            await wait_for_conditions(run, data, timeout_ms)
        result = await operation()
        if data.wait_after_operation:
            await wait_for_conditions(run, data, timeout_ms)
        return result

    return attempt
