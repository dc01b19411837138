"""The nodes that act on one element (nodes.md, ``type`` and ``action``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal

from playwright.async_api import Error, Locator
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from nodes.blocks import Modifiers, RetryBlock, SelectorBlock, SelectorType, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import ElementError, NodeDataError
from nodes.limits import time_limit
from nodes.matching import js_text
from nodes.model import INTERPOLATED, REQUIRED, Flag, LooseText, Number, OneOf, Text
from nodes.operation import perform
from nodes.registry import NodeType
from nodes.selectors import locate, target

__all__ = ["Action", "ActionData", "TypeData", "TypeText"]

_BUTTONS: Final[Mapping[str, Literal["left", "middle", "right"]]] = {
    "left": "left",
    "right": "right",
    "middle": "middle",
}
_DRAG_STEPS: Final = 10
"""Mouse moves on the way: pages with their own drag code react to movement, not to the arrival alone."""
_SET_VALUE: Final = """(element, value) => {
  element.value = value;
  element.dispatchEvent(new Event('input', {bubbles: true}));
}"""


class TypeData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """Where to enter which text, and how."""

    text: Annotated[LooseText, INTERPOLATED] = None
    """The text. It must be there; it may be empty."""
    input_method: Annotated[
        str, OneOf("fill", "type", "pressSequentially", "append", "prepend", "direct")
    ] = "fill"
    """Set the value at once, key by key, after or before what is there, or directly in the DOM."""
    delay: Number = None
    """Pause between two keys, ms (`type`, `pressSequentially`)."""
    clear_first: Flag = False
    """Empty the field first (`type`, `pressSequentially`)."""


class TypeText(NodeType[TypeData]):
    """Enter text into a field."""

    name = "type"
    title = "Type"
    category = "interaction"

    async def run(self, data: TypeData, run: NodeRun) -> None:
        """Enter the text.

        Raises:
            NodeDataError: Selector or text is missing.
        """
        if data.text is None:
            raise NodeDataError(
                "Property 'text' is required for node type type; it may be empty", field="text"
            )
        text = data.text
        enter = _METHODS.get(data.input_method, _fill_text)
        await perform(run, data, lambda: enter(data, run, text))


async def _fill_text(data: TypeData, run: NodeRun, text: str) -> None:
    await (await target(run, data, data.timeout)).fill(text, timeout=data.timeout)


async def _type_keys(data: TypeData, run: NodeRun, text: str) -> None:
    field = await target(run, data, data.timeout)
    if data.clear_first:
        await field.clear(timeout=data.timeout)
    await field.press_sequentially(text, delay=data.delay, timeout=data.timeout)


async def _append(data: TypeData, run: NodeRun, text: str) -> None:
    field = await target(run, data, data.timeout)
    await field.fill(await _value_of(field, data.timeout) + text, timeout=data.timeout)


async def _prepend(data: TypeData, run: NodeRun, text: str) -> None:
    field = await target(run, data, data.timeout)
    await field.fill(text + await _value_of(field, data.timeout), timeout=data.timeout)


async def _set_value(data: TypeData, run: NodeRun, text: str) -> None:
    await (await target(run, data, data.timeout)).evaluate(_SET_VALUE, text, timeout=data.timeout)


async def _value_of(field: Locator, timeout_ms: float) -> str:
    """What the field holds; empty for an element that has no value."""
    try:
        return await field.input_value(timeout=timeout_ms)
    except PlaywrightTimeoutError:
        raise
    except Error:
        return ""


_METHODS: Final[Mapping[str, Callable[[TypeData, NodeRun, str], Awaitable[None]]]] = {
    "fill": _fill_text,
    "type": _type_keys,
    "pressSequentially": _type_keys,
    "append": _append,
    "prepend": _prepend,
    "direct": _set_value,
}


class ActionData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """What to do with which element."""

    action: Annotated[
        Text,
        REQUIRED,
        OneOf("click", "doubleClick", "rightClick", "hover", "dragAndDrop", "dblclick", "dragTo", "fill"),
    ] = None
    """What to do. `dblclick` is `doubleClick`, `dragTo` is `dragAndDrop`; `fill` enters `value`."""
    selector: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """The element; for `dragAndDrop` the one that is dragged."""
    button: Annotated[str, OneOf(*_BUTTONS)] = "left"
    """Mouse button for `click`."""
    delay: Number = None
    """Pause after `doubleClick` or `hover`, ms."""
    value: Annotated[Any, INTERPOLATED] = None
    """Text for `fill`; other actions ignore it."""
    target_selector: Annotated[Text, INTERPOLATED] = None
    """Where `dragAndDrop` drops."""
    target_selector_type: SelectorType = "css"
    """How `targetSelector` is read."""
    target_selector_modifiers: Modifiers | None = None
    """What narrows `targetSelector` down."""
    target_x: Number = None
    """Where `dragAndDrop` drops without `targetSelector`: px from the left of the viewport."""
    target_y: Number = None
    """The same from the top."""


class Action(NodeType[ActionData]):
    """Click, double-click, right-click, hover over or drag an element."""

    name = "action"
    title = "Action"
    category = "interaction"

    async def run(self, data: ActionData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            ElementError: The element to drag is not visible.
        """
        action = choose(_ACTIONS, data.action, "action")
        await perform(run, data, lambda: action(data, run))


async def _click(data: ActionData, run: NodeRun) -> None:
    button = choose(_BUTTONS, data.button, "button")
    await (await target(run, data, data.timeout)).click(button=button, timeout=data.timeout)


async def _double_click(data: ActionData, run: NodeRun) -> None:
    await (await target(run, data, data.timeout)).dblclick(timeout=data.timeout)
    await _pause(data)


async def _right_click(data: ActionData, run: NodeRun) -> None:
    await (await target(run, data, data.timeout)).click(button="right", timeout=data.timeout)


async def _hover(data: ActionData, run: NodeRun) -> None:
    await (await target(run, data, data.timeout)).hover(timeout=data.timeout)
    await _pause(data)


async def _pause(data: ActionData) -> None:
    if data.delay and data.delay > 0:
        await asyncio.sleep(data.delay / 1000)


async def _fill(data: ActionData, run: NodeRun) -> None:
    if data.value is None:
        raise NodeDataError("Property 'value' is required for the action 'fill'", field="value")
    await (await target(run, data, data.timeout)).fill(js_text(data.value), timeout=data.timeout)


async def _drag_and_drop(data: ActionData, run: NodeRun) -> None:
    if not data.target_selector and (data.target_x is None or data.target_y is None):
        raise NodeDataError(
            "Property 'targetSelector' is required for the action 'dragAndDrop', or both 'targetX' and 'targetY'",
            field="targetSelector",
        )
    source = await target(run, data, data.timeout)
    if data.target_selector:
        destination = await locate(
            run,
            data.target_selector,
            data.target_selector_type,
            data.target_selector_modifiers,
            timeout_ms=data.timeout,
            name="targetSelector",
        )
        await source.drag_to(destination, timeout=data.timeout)
    else:
        await _drag_to_point(data, run, source, data.target_x or 0, data.target_y or 0)


async def _drag_to_point(data: ActionData, run: NodeRun, source: Locator, x: float, y: float) -> None:
    if await source.bounding_box(timeout=data.timeout) is None:
        raise ElementError(f"The element '{data.selector}' cannot be dragged: it is not visible")
    await source.scroll_into_view_if_needed(timeout=data.timeout)
    box = await source.bounding_box(timeout=data.timeout)
    if box is None:
        raise ElementError(f"The element '{data.selector}' cannot be dragged: it disappeared")
    mouse = run.page.mouse
    async with time_limit(data.timeout, "Dragging with the mouse"):
        await mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await mouse.down()
        await mouse.move(x, y, steps=_DRAG_STEPS)
        await mouse.up()


_ACTIONS: Final[Mapping[str, Callable[[ActionData, NodeRun], Awaitable[None]]]] = {
    "click": _click,
    "doubleClick": _double_click,
    "rightClick": _right_click,
    "hover": _hover,
    "dragAndDrop": _drag_and_drop,
    "dblclick": _double_click,
    "dragTo": _drag_and_drop,
    "fill": _fill,
}
