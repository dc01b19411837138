"""``iframe``: working inside a frame of the page.

Source: nodes.md, iframe, as intended there: after ``switchToIframe`` later selector nodes act inside the frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from playwright.async_api import Frame

from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import ElementError, NodeTimeoutError
from nodes.limits import time_limit
from nodes.model import INTERPOLATED, REQUIRED, OneOf, Text
from nodes.operation import perform
from nodes.patterns import read_pattern
from nodes.registry import NodeType
from nodes.selectors import locate, selector_problems, target

__all__ = ["Iframe", "IframeData"]

_FRAME_VARIABLE: Final = "iframePage"
_CONTENT_VARIABLE: Final = "iframeContent"
_LOOK_EVERY_S: Final = 0.05
"""Pause between two looks at the list of frames, which costs no call to the browser."""


class IframeData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """Properties of ``iframe``."""

    action: Annotated[Text, REQUIRED, OneOf("switchToIframe", "switchToMainFrame", "getIframeContent")] = None
    """What to do."""
    name: Annotated[Text, INTERPOLATED] = None
    """Name of the frame (`switchToIframe`), if there is no `selector`."""
    url: Annotated[Text, INTERPOLATED] = None
    """Regular expression on the frame's URL (`switchToIframe`), if there is no `selector` and no `name`."""
    context_key: Text = None
    """Data key for the frame, `iframePage` if absent."""
    iframe_selector: Annotated[Text, INTERPOLATED] = None
    """The iframe element (`getIframeContent`), read by `selectorType` and `selectorModifiers`."""
    content_selector: Annotated[Text, INTERPOLATED] = None
    """The element inside the frame (`getIframeContent`): CSS, or XPath when it starts with `//`."""
    output_variable: Text = None
    """Data key for the text (`getIframeContent`), `iframeContent` if absent."""


class Iframe(NodeType[IframeData]):
    """Switch into a frame of the page and back, or read text from one."""

    name = "iframe"
    title = "Iframe"
    category = "browser"
    writes = (_FRAME_VARIABLE, _CONTENT_VARIABLE)

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Name a selector that cannot be understood."""
        return selector_problems(values)

    async def run(self, data: IframeData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            NodeTimeoutError: No such frame appeared in time.
            ElementError: The selector's element is not a frame.
        """
        action = choose(_ACTIONS, data.action, "action")
        run.page  # noqa: B018 - raises the right error when nothing is open
        await perform(run, data, lambda: action(data, run))


async def _switch_to_iframe(data: IframeData, run: NodeRun) -> None:
    if data.selector:
        frame = await _frame_by_selector(data, run)
    elif data.name:
        frame = await _frame_where(run, data, lambda frame: frame.name == data.name, f"named '{data.name}'")
    elif data.url:
        pattern = read_pattern(data.url, "url")
        frame = await _frame_where(
            run,
            data,
            lambda frame: pattern.search(frame.url) is not None,
            f"with a URL matching '{data.url}'",
        )
    else:
        scope = run.scope
        parent = scope if isinstance(scope, Frame) else scope.main_frame
        frame = await _frame_where(run, data, lambda frame: frame.parent_frame == parent, "in the page")
    run.session.switch_frame(frame)
    run.data[data.context_key or _FRAME_VARIABLE] = frame
    run.result = frame.url


async def _frame_by_selector(data: IframeData, run: NodeRun) -> Frame:
    locator = await target(run, data, data.timeout)
    async with time_limit(data.timeout, f"Looking into the frame '{data.selector}'"):
        element = await locator.element_handle(timeout=data.timeout)
        frame = await element.content_frame()
        await element.dispose()
    if frame is None:
        raise ElementError(f"The element '{data.selector}' is not an iframe; let the selector name one")
    return frame


async def _frame_where(
    run: NodeRun, data: IframeData, matches: Callable[[Frame], bool], description: str
) -> Frame:
    """The first frame that matches, in the order of the page; waits until there is one."""
    page = run.page
    try:
        async with asyncio.timeout(data.timeout / 1000):
            while True:
                for frame in page.frames:
                    if frame.parent_frame is not None and matches(frame):
                        return frame
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise NodeTimeoutError(f"No frame {description} appeared within {data.timeout:g} ms") from None


async def _switch_to_main_frame(data: IframeData, run: NodeRun) -> None:
    run.session.switch_frame(None)
    run.data.pop(data.context_key or _FRAME_VARIABLE, None)


async def _get_iframe_content(data: IframeData, run: NodeRun) -> None:
    run.require(data.iframe_selector, "iframeSelector")
    content = run.require(data.content_selector, "contentSelector").strip()
    iframe = await locate(
        run,
        data.iframe_selector,
        data.selector_type,
        data.selector_modifiers,
        timeout_ms=data.timeout,
        name="iframeSelector",
    )
    inner = iframe.content_frame.locator(f"xpath={content}" if content.startswith("//") else content)
    text = await inner.text_content(timeout=data.timeout)
    run.data[data.output_variable or _CONTENT_VARIABLE] = text or ""


_ACTIONS: Final[Mapping[str, Callable[[IframeData, NodeRun], Awaitable[None]]]] = {
    "switchToIframe": _switch_to_iframe,
    "switchToMainFrame": _switch_to_main_frame,
    "getIframeContent": _get_iframe_content,
}
