"""The selector type ``text``: finding an element by what a person would call it (nodes.md, section A).

The strategies are tried in a fixed order and the first with a match wins. If none has one, the browser waits
for any of them to match, so elements that appear later are found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

from playwright.async_api import Frame, Locator, Page
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from nodes.errors import ElementError
from nodes.limits import time_limit

__all__ = ["find_by_text"]

_ROLES: Final[tuple[Literal["button", "link", "menuitem", "tab", "option"], ...]] = (
    "button",
    "link",
    "menuitem",
    "tab",
    "option",
)
_GRACE_MS: Final = 5_000
"""A page that does not even count its elements for this long hangs."""


async def find_by_text(
    scope: Page | Frame, text: str, timeout_ms: float, *, many: bool, narrowed: bool
) -> Locator:
    """The matches of the first strategy that has any.

    Args:
        scope: Where to look.
        text: What the element is called.
        timeout_ms: How long to wait for a match, ms; 0 looks once.
        many: Look once and accept any number of matches, also none.
        narrowed: Modifiers will choose among several matches.

    Raises:
        ElementError: Nothing matches in time, or several elements do and nothing chooses among them.
        NodeTimeoutError: The page does not answer.
    """
    strategies = _strategies(scope, text)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_ms / 1000
    async with time_limit(timeout_ms + _GRACE_MS, f"The search for '{text}'"):
        while True:
            for how, locator in strategies:
                count = await locator.count()
                if count > 1 and not (many or narrowed):
                    raise _ambiguous(text, how, count)
                if count:
                    return locator
            if many:
                return strategies[-1][1]
            remaining_ms = (deadline - loop.time()) * 1000
            if remaining_ms <= 0 or not await _appeared(strategies, remaining_ms):
                raise _missing(text, timeout_ms, strategies)


def _strategies(scope: Page | Frame, text: str) -> Sequence[tuple[str, Locator]]:
    return (
        *((f"role {role}", scope.get_by_role(role, name=text)) for role in _ROLES),
        ("label", scope.get_by_label(text)),
        ("placeholder", scope.get_by_placeholder(text)),
        ("exact text", scope.get_by_text(text, exact=True)),
        ("part of a text", scope.get_by_text(text)),
    )


async def _appeared(strategies: Sequence[tuple[str, Locator]], timeout_ms: float) -> bool:
    """Wait in the browser until any strategy matches."""
    (_, any_match), *others = strategies
    for _, locator in others:
        any_match = any_match.or_(locator)
    try:
        await any_match.first.wait_for(state="attached", timeout=timeout_ms)
    except PlaywrightTimeoutError:
        return False
    return True


def _ambiguous(text: str, how: str, count: int) -> ElementError:
    return ElementError(
        f"The text '{text}' matches {count} elements by {how}; "
        "choose one with the modifier nth, filterText or filterSelector"
    )


def _missing(text: str, timeout_ms: float, strategies: Sequence[tuple[str, Locator]]) -> ElementError:
    tried = ", ".join(how for how, _ in strategies)
    return ElementError(f"No element matches the text '{text}' within {timeout_ms:g} ms; tried: {tried}")
