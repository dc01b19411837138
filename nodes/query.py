"""The node that reads from the page (nodes.md, ``elementQuery``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from playwright.async_api import Error, Locator

from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import ElementError
from nodes.limits import time_limit
from nodes.model import INTERPOLATED, REQUIRED, OneOf, Text
from nodes.operation import perform
from nodes.registry import NodeType
from nodes.selectors import locate, target

__all__ = ["ElementQuery", "ElementQueryData"]


class ElementQueryData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """What to read from which element, and where to put it."""

    action: Annotated[
        Text,
        REQUIRED,
        OneOf(
            *("getText", "getAttribute", "getCount", "isVisible"),
            *("isEnabled", "isChecked", "getBoundingBox", "getAllText"),
        ),
    ] = None
    """What to read."""
    selector: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """The element, or all elements for `getCount` and `getAllText`."""
    attribute_name: Annotated[Text, INTERPOLATED] = None
    """Name of the attribute for `getAttribute`."""
    output_variable: Text = None
    """Data key for the result; each action has its own if absent: `text`, `attribute`, `count`, ..."""


class ElementQuery(NodeType[ElementQueryData]):
    """Read a text, an attribute, a count, a state or a position from the page into data."""

    name = "elementQuery"
    title = "Element Query"
    category = "interaction"
    writes = ("text", "attribute", "count", "isVisible", "isEnabled", "isChecked", "boundingBox")

    async def run(self, data: ElementQueryData, run: NodeRun) -> None:
        """Read and store.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
        """
        query = choose(_QUERIES, data.action, "action")

        async def read() -> None:
            run.data[data.output_variable or query.variable] = await query.read(data, run)

        await perform(run, data, read)


async def _text(data: ElementQueryData, run: NodeRun) -> str:
    return await (await target(run, data, data.timeout)).text_content(timeout=data.timeout) or ""


async def _attribute(data: ElementQueryData, run: NodeRun) -> str | None:
    name = run.require(data.attribute_name, "attributeName").strip()
    return await (await target(run, data, data.timeout)).get_attribute(name, timeout=data.timeout) or None


async def _count(data: ElementQueryData, run: NodeRun) -> int:
    matches = await _matches(data, run)
    async with time_limit(data.timeout, f"Counting '{data.selector}'"):
        return await matches.count()


async def _all_text(data: ElementQueryData, run: NodeRun) -> list[str]:
    matches = await _matches(data, run)
    async with time_limit(data.timeout, f"Reading all of '{data.selector}'"):
        return await matches.all_text_contents()


async def _matches(data: ElementQueryData, run: NodeRun) -> Locator:
    return await locate(
        run, data.selector, data.selector_type, data.selector_modifiers, timeout_ms=data.timeout, many=True
    )


async def _is_visible(data: ElementQueryData, run: NodeRun) -> bool:
    async def visible() -> bool:
        element = await target(run, data, data.timeout)
        await element.wait_for(state="visible", timeout=data.timeout)
        return True

    return await _or_false(visible, run)


async def _is_enabled(data: ElementQueryData, run: NodeRun) -> bool:
    async def enabled() -> bool:
        return await (await target(run, data, data.timeout)).is_enabled(timeout=data.timeout)

    return await _or_false(enabled, run)


async def _is_checked(data: ElementQueryData, run: NodeRun) -> bool:
    async def checked() -> bool:
        return await (await target(run, data, data.timeout)).is_checked(timeout=data.timeout)

    return await _or_false(checked, run)


async def _or_false(question: Callable[[], Awaitable[bool]], run: NodeRun) -> bool:
    """The answer; no for an element that is missing or ambiguous, but not for a browser that is gone."""
    try:
        return await question()
    except (Error, ElementError) as error:
        if run.session.lost or run.session.page_or_none is None:
            raise
        run.log("debug", f"Answering false: {error.message}")
        return False


async def _bounding_box(data: ElementQueryData, run: NodeRun) -> dict[str, float]:
    box = await (await target(run, data, data.timeout)).bounding_box(timeout=data.timeout)
    return {side: box[side] if box else 0 for side in ("x", "y", "width", "height")}


@dataclass(frozen=True, slots=True)
class _Query:
    """How an action reads, and where its result goes by default."""

    variable: str
    read: Callable[[ElementQueryData, NodeRun], Awaitable[object]]


_QUERIES: Final[Mapping[str, _Query]] = {
    "getText": _Query("text", _text),
    "getAttribute": _Query("attribute", _attribute),
    "getCount": _Query("count", _count),
    "isVisible": _Query("isVisible", _is_visible),
    "isEnabled": _Query("isEnabled", _is_enabled),
    "isChecked": _Query("isChecked", _is_checked),
    "getBoundingBox": _Query("boundingBox", _bounding_box),
    "getAllText": _Query("text", _all_text),
}
