"""The wait block: conditions around a node's operation (nodes.md, section C)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final

from playwright.async_api import Error
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from nodes.blocks import Modifiers, WaitBlock
from nodes.context import NodeRun
from nodes.errors import NodeDataError, NodeError, NodeTimeoutError
from nodes.matching import url_matches
from nodes.selectors import locate

__all__ = [
    "has_waits",
    "wait_for_condition",
    "wait_for_conditions",
    "wait_for_selector",
    "wait_for_url",
    "wait_until_visible",
]

_SEQUENTIAL: Final = "sequential"


def has_waits(data: WaitBlock) -> bool:
    """Whether there is anything to wait for."""
    return bool(data.wait_for_selector or data.wait_for_url or data.wait_for_condition)


async def wait_for_conditions(run: NodeRun, data: WaitBlock, timeout_ms: float) -> None:
    """Wait for all conditions of the block; with ``failSilently`` a failed wait is only logged.

    Args:
        run: The node being run.
        data: Its properties.
        timeout_ms: Limit for conditions without a limit of their own, ms.

    Raises:
        NodeTimeoutError: A condition was not met in time.
        NodeDataError: The URL pattern is not a valid regular expression.
    """
    try:
        await _wait(_conditions(run, data, timeout_ms), sequential=data.wait_strategy == _SEQUENTIAL)
    except (NodeError, Error) as error:
        if not data.fail_silently or run.session.lost:
            raise
        run.log("warning", f"Going on after a failed wait: {error.message}")


async def wait_for_selector(run: NodeRun, data: WaitBlock, timeout_ms: float) -> None:
    """Wait until the element of ``waitForSelector`` is visible."""
    await wait_until_visible(
        run,
        data.wait_for_selector,
        data.wait_for_selector_type,
        data.wait_for_selector_modifiers,
        timeout_ms=timeout_ms,
        name="waitForSelector",
    )


async def wait_until_visible(
    run: NodeRun,
    selector: str | None,
    selector_type: str,
    modifiers: Modifiers | None,
    *,
    timeout_ms: float,
    name: str,
) -> None:
    """Wait until an element is visible; the arguments are those of `nodes.selectors.locate`."""
    locator = await locate(run, selector, selector_type, modifiers, timeout_ms=timeout_ms, name=name)
    try:
        await locator.wait_for(state="visible", timeout=timeout_ms)
    except PlaywrightTimeoutError as error:
        raise NodeTimeoutError(
            f"Waited {timeout_ms:g} ms in vain for '{selector}' to become visible"
        ) from error


async def wait_for_url(run: NodeRun, pattern: str, timeout_ms: float, *, name: str = "waitForUrl") -> None:
    """Wait until the page's URL matches ``/regex/`` or contains the text, and the page is loaded."""
    page = run.page
    try:
        url_matches(page.url, pattern)
    except re.error as error:
        raise NodeDataError(
            f"Property '{name}' holds the invalid regular expression '{pattern}': {error}", field=name
        ) from error
    try:
        await page.wait_for_url(lambda url: url_matches(url, pattern), timeout=timeout_ms)
    except PlaywrightTimeoutError as error:
        raise NodeTimeoutError(
            f"Waited {timeout_ms:g} ms in vain for a loaded page with URL '{pattern}'; it is at {page.url}"
        ) from error


async def wait_for_condition(run: NodeRun, expression: str, timeout_ms: float) -> None:
    """Wait until a JavaScript expression (or the result of a function) is truthy in the page."""
    try:
        await run.scope.wait_for_function(expression, timeout=timeout_ms)
    except PlaywrightTimeoutError as error:
        raise NodeTimeoutError(
            f"Waited {timeout_ms:g} ms in vain for the condition '{expression}' to become true"
        ) from error


def _conditions(run: NodeRun, data: WaitBlock, timeout_ms: float) -> list[Callable[[], Awaitable[None]]]:
    """The conditions that are given, in the order of the sequential strategy."""
    waits: list[Callable[[], Awaitable[None]]] = []
    if data.wait_for_selector:
        waits.append(
            lambda: wait_for_selector(run, data, data.wait_for_selector_timeout or timeout_ms),
        )
    if url := data.wait_for_url:
        waits.append(lambda: wait_for_url(run, url, data.wait_for_url_timeout or timeout_ms))
    if condition := data.wait_for_condition:
        waits.append(
            lambda: wait_for_condition(run, condition, data.wait_for_condition_timeout or timeout_ms)
        )
    return waits


async def _wait(waits: list[Callable[[], Awaitable[None]]], *, sequential: bool) -> None:
    if sequential or len(waits) == 1:
        for wait in waits:
            await wait()
        return
    try:
        async with asyncio.TaskGroup() as group:
            for number, wait in enumerate(waits):
                group.create_task(_run(wait), name=f"wait-{number}")
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _run(wait: Callable[[], Awaitable[None]]) -> None:
    await wait()
