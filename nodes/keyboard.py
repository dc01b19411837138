"""Keys and scrolling (nodes.md, ``keyboard`` and ``scroll``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from playwright.async_api import Error, Locator

from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.limits import time_limit
from nodes.model import INTERPOLATED, REQUIRED, Flag, LooseText, Number, OneOf, Text
from nodes.operation import perform
from nodes.registry import NodeType
from nodes.selectors import target

__all__ = ["Keyboard", "KeyboardData", "Scroll", "ScrollData"]

# A field with `autofocus` gets it with the page's first picture, which scrolls back to the field: so the first
# picture comes first. A page that paints nothing, such as one in the background, is not waited for.
_SCROLL: Final = """async ([method, left, top]) => {
  await new Promise((painted) => { requestAnimationFrame(painted); setTimeout(painted, 1000); });
  window[method]({left, top: top ?? document.documentElement.scrollHeight, behavior: 'instant'});
}"""

_GONE_ON: Final = "Execution context was destroyed"
"""What Playwright says when the page goes on to another one meanwhile: that one is scrolled then."""


class KeyboardData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """Which keys go where."""

    action: Annotated[Text, REQUIRED, OneOf("press", "type", "insertText", "shortcut", "down", "up")] = None
    """What to do with the keys."""
    selector: Annotated[Text, INTERPOLATED] = None
    """The element that gets the focus first; without it the keys go to whatever has the focus."""
    key: Annotated[LooseText, INTERPOLATED] = None
    """Name of the key for `press`, `down` and `up`, such as `Enter`; upper and lower case differ."""
    text: Annotated[LooseText, INTERPOLATED] = None
    """Text for `type` and `insertText`."""
    shortcut: Annotated[Text, INTERPOLATED] = None
    """Keys for `shortcut`, such as `Control+A`."""
    delay: Number = None
    """Pause between two keys of `type`, ms."""
    clear_first: Flag = False
    """Empty the field first (`type` and `insertText` with a selector)."""


class Keyboard(NodeType[KeyboardData]):
    """Press keys, shortcuts and modifier keys, or type text."""

    name = "keyboard"
    title = "Keyboard"
    category = "interaction"

    async def run(self, data: KeyboardData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            NodeTimeoutError: The page did not take the keys in time.
        """
        action = choose(_KEY_ACTIONS, data.action, "action")
        await perform(run, data, lambda: action(data, run))


async def _focus_of(data: KeyboardData, run: NodeRun) -> Locator | None:
    """The element that the keys are for; None leaves them to whatever has the focus."""
    if not data.selector or not data.selector.strip():
        return None
    return await target(run, data, data.timeout)


def _given(value: str | None, name: str, data: KeyboardData) -> str:
    """A property that must not be empty; a space is a key and a text like any other."""
    if not value:
        raise NodeDataError(f"Property '{name}' is required for the action '{data.action}'", field=name)
    return value


async def _press(data: KeyboardData, run: NodeRun) -> None:
    await _press_keys(data, run, _given(data.key, "key", data))


async def _shortcut(data: KeyboardData, run: NodeRun) -> None:
    await _press_keys(data, run, _given(data.shortcut, "shortcut", data).strip())


async def _press_keys(data: KeyboardData, run: NodeRun, keys: str) -> None:
    element = await _focus_of(data, run)
    if element is not None:
        await element.press(keys, timeout=data.timeout)
        return
    async with time_limit(data.timeout, f"Pressing '{keys}'"):
        await run.page.keyboard.press(keys)


async def _type(data: KeyboardData, run: NodeRun) -> None:
    text = _given(data.text, "text", data)
    element = await _focus_of(data, run)
    if element is not None:
        if data.clear_first:
            await element.clear(timeout=data.timeout)
        await element.press_sequentially(text, delay=data.delay, timeout=data.timeout)
        return
    async with time_limit(data.timeout, "Typing"):
        await run.page.keyboard.type(text, delay=data.delay)


async def _insert_text(data: KeyboardData, run: NodeRun) -> None:
    text = _given(data.text, "text", data)
    element = await _focus_of(data, run)
    if element is not None:
        await element.fill(text, timeout=data.timeout)
        return
    async with time_limit(data.timeout, "Inserting text"):
        await run.page.keyboard.insert_text(text)


async def _hold(data: KeyboardData, run: NodeRun) -> None:
    key = _given(data.key, "key", data)
    await _focus(data, run)
    async with time_limit(data.timeout, f"Holding '{key}' down"):
        await run.page.keyboard.down(key)


async def _release(data: KeyboardData, run: NodeRun) -> None:
    key = _given(data.key, "key", data)
    await _focus(data, run)
    async with time_limit(data.timeout, f"Releasing '{key}'"):
        await run.page.keyboard.up(key)


async def _focus(data: KeyboardData, run: NodeRun) -> None:
    element = await _focus_of(data, run)
    if element is not None:
        await element.focus(timeout=data.timeout)


_KEY_ACTIONS: Final[Mapping[str, Callable[[KeyboardData, NodeRun], Awaitable[None]]]] = {
    "press": _press,
    "type": _type,
    "insertText": _insert_text,
    "shortcut": _shortcut,
    "down": _hold,
    "up": _release,
}


class ScrollData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """Where to scroll to."""

    action: Annotated[
        Text,
        REQUIRED,
        OneOf("scrollToElement", "scrollToPosition", "scrollBy", "scrollToTop", "scrollToBottom"),
    ] = None
    """Where to, or how far."""
    x: Number = None
    """Position from the left for `scrollToPosition`, px."""
    y: Number = None
    """Position from the top for `scrollToPosition`, px."""
    delta_x: Number = None
    """Way to the right for `scrollBy`, px."""
    delta_y: Number = None
    """Way down for `scrollBy`, px."""


class Scroll(NodeType[ScrollData]):
    """Scroll the page to an element, a position, the top or the bottom, or by a distance."""

    name = "scroll"
    title = "Scroll"
    category = "interaction"

    async def run(self, data: ScrollData, run: NodeRun) -> None:
        """Scroll.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            NodeTimeoutError: The page did not scroll in time.
        """
        action = choose(_SCROLL_ACTIONS, data.action, "action")
        await perform(run, data, lambda: action(data, run))


async def _to_element(data: ScrollData, run: NodeRun) -> None:
    element = await target(run, data, data.timeout)
    await element.scroll_into_view_if_needed(timeout=data.timeout)


async def _to_position(data: ScrollData, run: NodeRun) -> None:
    await _scroll(data, run, "scrollTo", *_point(data, x=data.x, y=data.y))


async def _by_distance(data: ScrollData, run: NodeRun) -> None:
    await _scroll(data, run, "scrollBy", *_point(data, deltaX=data.delta_x, deltaY=data.delta_y))


async def _to_top(data: ScrollData, run: NodeRun) -> None:
    await _scroll(data, run, "scrollTo", 0, 0)


async def _to_bottom(data: ScrollData, run: NodeRun) -> None:
    await _scroll(data, run, "scrollTo", 0, None)


def _point(data: ScrollData, **numbers: float | None) -> list[float]:
    found = []
    for name, number in numbers.items():
        if number is None:
            raise NodeDataError(f"Property '{name}' is required for the action '{data.action}'", field=name)
        found.append(number)
    return found


async def _scroll(data: ScrollData, run: NodeRun, method: str, left: float, top: float | None) -> None:
    async with time_limit(data.timeout, "Scrolling"):
        while True:
            try:
                await run.scope.evaluate(_SCROLL, [method, left, top])
            except Error as error:
                if _GONE_ON not in error.message:
                    raise
            else:
                return


_SCROLL_ACTIONS: Final[Mapping[str, Callable[[ScrollData, NodeRun], Awaitable[None]]]] = {
    "scrollToElement": _to_element,
    "scrollToPosition": _to_position,
    "scrollBy": _by_distance,
    "scrollToTop": _to_top,
    "scrollToBottom": _to_bottom,
}
