"""The navigation node (nodes.md, ``navigation``): going to pages, and opening, switching and closing tabs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, Literal

from playwright.async_api import Error, Page

from nodes.blocks import RetryBlock, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import BrowserStateError, NodeTimeoutError
from nodes.limits import time_limit
from nodes.model import INTERPOLATED, REQUIRED, Integer, OneOf, Text
from nodes.operation import perform
from nodes.patterns import read_pattern
from nodes.registry import NodeType

__all__ = ["Navigation", "NavigationData", "full_url"]

WaitUntil = Literal["load", "domcontentloaded", "networkidle", "commit"]

_WAIT_UNTIL: Final[Mapping[str, WaitUntil]] = {
    "load": "load",
    "domcontentloaded": "domcontentloaded",
    "networkidle": "networkidle",
    "commit": "commit",
}
_SCHEME: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://|(?:about|blob|data|file|javascript|view-source):", re.IGNORECASE
)
_SETTLE_MS: Final = 5_000
_SETTLE: Final = """() => new Promise(done => {
  window.dispatchEvent(new Event('resize'));
  const frame = left => left ? requestAnimationFrame(() => frame(left - 1)) : done();
  frame(3);
})"""
_TAB_GRACE_MS: Final = 2_000
"""How long ``switchTab`` waits for a tab that the preceding node may be opening, ms."""
_LOOK_EVERY_S: Final = 0.05
"""Pause between two looks at the list of tabs, which costs no call to the browser."""


class NavigationData(WaitBlock, RetryBlock, TimeoutBlock):
    """Where to go, or which tab to open, switch to or close."""

    action: Annotated[
        Text,
        REQUIRED,
        OneOf("navigate", "goBack", "goForward", "reload", "newTab", "switchTab", "closeTab"),
    ] = None
    """What to do."""
    url: Annotated[Text, INTERPOLATED] = None
    """Address for `navigate` (required) and `newTab`; `https://` is added to one without a scheme."""
    wait_until: Annotated[str, OneOf(*_WAIT_UNTIL)] = "networkidle"
    """What counts as having arrived (`navigate`, `goBack`, `goForward`, `reload`, `newTab`)."""
    referer: Annotated[Text, INTERPOLATED] = None
    """The `Referer` header for `navigate`."""
    tab_index: Integer = None
    """Tab for `switchTab` and `closeTab`, counted from 0 in the order of opening."""
    url_pattern: Annotated[Text, INTERPOLATED] = None
    """Regular expression for the tab's URL (`switchTab` without `tabIndex`)."""
    context_key: Text = None
    """Data key for the page: `newPage` for `newTab` and `currentPage` for `switchTab` if absent."""


class Navigation(NodeType[NavigationData]):
    """Go to a page, back, forward or reload it; open, switch and close tabs.

    The tab switched to is current for all later nodes. A new tab does not become current by itself.
    HTTP error statuses do not fail the node.
    """

    name = "navigation"
    title = "Navigation"
    category = "browser"
    writes = ("newPage", "currentPage")

    async def run(self, data: NavigationData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            BrowserStateError: There is no such tab.
        """
        action = choose(_ACTIONS, data.action, "action")
        wait_until = choose(_WAIT_UNTIL, data.wait_until, "waitUntil")
        await perform(run, data, lambda: action(data, run, wait_until))


def full_url(text: str) -> str:
    """An address as a person writes it, with a scheme: ``example.com`` and ``localhost:3000`` get ``https://``."""
    url = text.strip()
    if _SCHEME.match(url):
        return url
    return f"https:{url}" if url.startswith("//") else f"https://{url}"


async def _navigate(data: NavigationData, run: NodeRun, wait_until: WaitUntil) -> None:
    page = run.page
    url = full_url(run.require(data.url, "url"))
    await page.goto(url, wait_until=wait_until, timeout=data.timeout, referer=data.referer or None)
    if run.settings.settle:
        await _settle(page, run)
    run.result = page.url


async def _go_back(data: NavigationData, run: NodeRun, wait_until: WaitUntil) -> None:
    await run.page.go_back(wait_until=wait_until, timeout=data.timeout)
    run.result = run.page.url


async def _go_forward(data: NavigationData, run: NodeRun, wait_until: WaitUntil) -> None:
    await run.page.go_forward(wait_until=wait_until, timeout=data.timeout)
    run.result = run.page.url


async def _reload(data: NavigationData, run: NodeRun, wait_until: WaitUntil) -> None:
    await run.page.reload(wait_until=wait_until, timeout=data.timeout)
    run.result = run.page.url


async def _new_tab(data: NavigationData, run: NodeRun, wait_until: WaitUntil) -> None:
    async with time_limit(data.timeout, "Opening a tab"):
        page = await run.session.context.new_page()
    if data.url and data.url.strip():
        try:
            await page.goto(full_url(data.url), wait_until=wait_until, timeout=data.timeout)
        except BaseException:
            # A retry opens a tab of its own; this one would shift the numbers of the tabs.
            await _close(page, data.timeout)
            raise
    run.data[data.context_key or "newPage"] = page
    run.result = page.url


async def _switch_tab(data: NavigationData, run: NodeRun, _wait_until: WaitUntil) -> None:
    page = await _find_tab(data, run)
    run.session.switch_page(page)
    async with time_limit(data.timeout, "Bringing the tab to the front"):
        await page.bring_to_front()
    run.data[data.context_key or "currentPage"] = page
    run.result = page.url


async def _close_tab(data: NavigationData, run: NodeRun, _wait_until: WaitUntil) -> None:
    page = run.page
    if data.tab_index is not None:
        tabs = run.session.pages
        if not 0 <= data.tab_index < len(tabs):
            raise _no_tab(data, run)
        page = tabs[data.tab_index]
    await _close(page, data.timeout)


_ACTIONS: Final[Mapping[str, Callable[[NavigationData, NodeRun, WaitUntil], Awaitable[None]]]] = {
    "navigate": _navigate,
    "goBack": _go_back,
    "goForward": _go_forward,
    "reload": _reload,
    "newTab": _new_tab,
    "switchTab": _switch_tab,
    "closeTab": _close_tab,
}


async def _settle(page: Page, run: NodeRun) -> None:
    """Let the page come to rest, best effort: body, network idle, a resize event, three animation frames."""
    try:
        await page.wait_for_selector("body", state="attached", timeout=_SETTLE_MS)
        await page.wait_for_load_state("networkidle", timeout=_SETTLE_MS)
    except Error as error:
        run.log("debug", f"The page did not come to rest: {error.message.splitlines()[0]}")
    try:
        async with time_limit(_SETTLE_MS, "Drawing the page"):
            await page.evaluate(_SETTLE)
    except (Error, NodeTimeoutError) as error:
        run.log("debug", f"The page was not drawn anew: {error.message.splitlines()[0]}")


async def _close(page: Page, timeout_ms: float) -> None:
    async with time_limit(timeout_ms, "Closing a tab"):
        await page.close()


async def _find_tab(data: NavigationData, run: NodeRun) -> Page:
    """The tab that the properties name; one that is just being opened gets a moment to appear."""
    current = run.page
    pattern = None
    if data.tab_index is None and data.url_pattern:
        pattern = read_pattern(data.url_pattern.strip(), "urlPattern")
    clock = asyncio.get_running_loop()
    end = clock.time() + min(data.timeout, _TAB_GRACE_MS) / 1000
    while True:
        tabs = run.session.pages
        if data.tab_index is not None:
            found = list(tabs[data.tab_index : data.tab_index + 1]) if data.tab_index >= 0 else []
        elif pattern is not None:
            found = [tab for tab in tabs if pattern.search(tab.url)]
        else:
            found = [tab for tab in tabs if tab is not current]
        if found:
            return found[0]
        if clock.time() >= end:
            raise _no_tab(data, run)
        await asyncio.sleep(_LOOK_EVERY_S)


def _no_tab(data: NavigationData, run: NodeRun) -> BrowserStateError:
    urls = ", ".join(f"{index}: {tab.url}" for index, tab in enumerate(run.session.pages))
    if data.tab_index is not None:
        wanted = f"number {data.tab_index} (counted from 0)"
    elif data.url_pattern:
        wanted = f"with a URL matching '{data.url_pattern}'"
    else:
        wanted = "other than the current one"
    return BrowserStateError(f"There is no tab {wanted}; open tabs: {urls}")
