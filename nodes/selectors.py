"""From a selector, its type and its modifiers to a Playwright locator (nodes.md, sections A and B).

What can be known from the text alone is decided in `selector_problem` and `build_locator`, without a browser;
only the type ``text`` has to look at the page (`nodes.text_search`).
"""

from __future__ import annotations

from typing import Final

from playwright.async_api import Error, Locator

from nodes.blocks import SELECTOR_TYPES, Modifiers, SelectorBlock
from nodes.context import NodeRun
from nodes.selector_syntax import (
    TEXT,
    Scope,
    build_locator,
    narrow,
    narrows,
    not_blank,
    selector_problem,
    selector_problems,
)
from nodes.text_search import find_by_text

__all__ = [
    "Scope",
    "build_locator",
    "locate",
    "scroll_smoothly",
    "selector_problem",
    "selector_problems",
    "target",
]

_SMOOTH_SCROLL_MS: Final = 5_000
_SMOOTH_SCROLL: Final = """element => new Promise(done => {
  const finish = setTimeout(done, 1000);
  let last = NaN, still = 0;
  const watch = () => {
    const {top, left} = element.getBoundingClientRect(), at = top * 1e6 + left;
    still = at === last ? still + 1 : 0;
    last = at;
    if (still < 5) return requestAnimationFrame(watch);
    clearTimeout(finish);
    done();
  };
  element.scrollIntoView({behavior: 'smooth', block: 'center', inline: 'nearest'});
  requestAnimationFrame(watch);
})"""


async def target(run: NodeRun, data: SelectorBlock, timeout_ms: float) -> Locator:
    """The element that a node works on, scrolled to first if the workflow asks for that.

    Args:
        run: The node being run.
        data: The node's properties.
        timeout_ms: Limit for finding the element, ms.

    Raises:
        NodeDataError: The node has no selector.
        SelectorError: The selector cannot be understood.
        ElementError: A selector of type ``text`` matched nothing, or several elements.
    """
    locator = await locate(
        run, data.selector, data.selector_type, data.selector_modifiers, timeout_ms=timeout_ms
    )
    if run.settings.scroll_then_action:
        await scroll_smoothly(run, locator, timeout_ms)
    return locator


async def locate(
    run: NodeRun,
    selector: str | None,
    selector_type: str = "css",
    modifiers: Modifiers | None = None,
    *,
    timeout_ms: float,
    name: str = "selector",
    many: bool = False,
) -> Locator:
    """A locator in the current frame or page. Only the type ``text`` looks at the page.

    Args:
        run: The node being run.
        selector: The selector's text.
        selector_type: How it is read; an unknown type means a raw Playwright selector.
        modifiers: What narrows it down.
        timeout_ms: How long the type ``text`` waits for its element, ms; 0 looks once.
        name: The property that holds the selector, for messages.
        many: The caller counts or lists: the type ``text`` neither waits nor minds no or several matches.

    Raises:
        NodeDataError: The selector is absent.
        SelectorError: It is blank or cannot be understood.
        ElementError: The type is ``text`` and it matched nothing in time, or several elements.
    """
    if selector is None:
        run.require(None, name)
    kind = selector_type or "css"
    if kind not in SELECTOR_TYPES:
        run.log("warning", f"Unknown selector type '{kind}': '{name}' is read as a raw Playwright selector")
    if kind != TEXT:
        return build_locator(run.scope, selector or "", kind, modifiers, name=name)
    found = await find_by_text(
        run.scope, not_blank(selector or "", kind, name), timeout_ms, many=many, narrowed=narrows(modifiers)
    )
    return narrow(run.scope, found, modifiers, name)


async def scroll_smoothly(run: NodeRun, locator: Locator, timeout_ms: float) -> None:
    """Scroll the element to the centre and wait until it rests; best effort, for at most 5 seconds.

    What is wrong with the element, the operation itself will say.
    """
    try:
        await locator.evaluate(_SMOOTH_SCROLL, timeout=min(timeout_ms, _SMOOTH_SCROLL_MS))
    except Error as error:
        run.log("debug", f"Did not scroll before the operation: {error.message.splitlines()[0]}")
