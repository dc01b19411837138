"""The debug information of a page: what somebody needs to see why a node failed (api.md, section 2.2).

It is taken from the open page when a node fails, and on request while the execution is paused. Paths of screenshots
are relative to the output folder; surfaces make them absolute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from playwright.async_api import Error
from pydantic import Field

from batches.events import Record
from batches.similar import similar_selectors
from nodes.accessibility import accessibility_snapshot
from nodes.document import Node
from nodes.masking import Masker
from nodes.session import BrowserSession

__all__ = ["MAX_SOURCE", "DebugInfo", "collect", "failed_selector", "has_debug_info"]

MAX_SOURCE: Final = 1024 * 1024
"""Longest page source kept, characters."""

_PART_S: Final = 5.0
"""How long one part may take, seconds."""

_PAGE_TYPES: Final = frozenset({"action", "type", "elementQuery", "screenshot"})

T = TypeVar("T")


class DebugInfo(Record):
    """What a page was like."""

    page_url: str
    page_source: str | None = None
    """HTML, cut at 1 MiB."""
    similar_selectors: tuple[Mapping[str, object], ...] | None = None
    """Only when a selector failed: ``{selector, selectorType, reason, elementInfo?}``."""
    accessibility_tree: Mapping[str, object] | None = None
    """Nested ``{role?, name?, value?, level?, children?}``."""
    screenshot_paths: Mapping[str, str] = Field(default_factory=dict)
    """By timing: `pre`, `post`, `failure`."""


def has_debug_info(node: Node) -> bool:
    """Whether a failure of the node has to do with the page (api.md, section 9.1)."""
    if node.type in _PAGE_TYPES or node.data.get("selector"):
        return True
    if node.type == "navigation":
        return bool(node.data.get("waitForSelector"))
    return node.type == "wait" and node.data.get("waitType") == "selector"


def failed_selector(node: Node) -> str | None:
    """The selector of a node that may have found nothing, as it stands in the workflow."""
    names = ("selector", "value") if node.type == "wait" else ("selector", "waitForSelector")
    return next((value for name in names if isinstance(value := node.data.get(name), str) and value), None)


async def collect(
    session: BrowserSession,
    masker: Masker,
    *,
    selector: str | None = None,
    screenshots: Mapping[str, str] | None = None,
) -> DebugInfo:
    """Look at the current page; parts that cannot be had in time are left out.

    Args:
        session: The execution's browser.
        masker: Takes secrets out.
        selector: The selector that failed, to look for similar ones.
        screenshots: Pictures that were taken, by timing.

    Raises:
        PageMissingError: No page is open.
    """
    page = session.page
    source = await _part(page.content())
    source = masker.text(source) if source is not None else None
    if source is not None and len(source) > MAX_SOURCE:
        source = f"{source[:MAX_SOURCE]}\n<!-- cut at {MAX_SOURCE} of {len(source)} characters -->"
    similar = await _part(similar_selectors(session.scope, selector)) if selector else None
    info = DebugInfo(
        page_url=page.url,
        similar_selectors=tuple(similar) if similar is not None else None,
        accessibility_tree=await _part(accessibility_snapshot(page)),
        screenshot_paths=dict(screenshots or {}),
    )
    return masker.value(info).model_copy(update={"page_source": source})


async def _part(work: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(_PART_S):
            return await work
    except (Error, TimeoutError):
        return None
