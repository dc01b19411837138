"""The node types of the format's example plugin (nodes.md, ``example.fillForm`` and ``example.scrollTo``)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nodes.arrays import ARRAY_OR_TEXT
from nodes.blocks import SelectorType, TimeoutBlock
from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.model import REQUIRED, LooseText, Milliseconds, NodeData, OneOf, Part, Text
from nodes.registry import NodeType
from nodes.selectors import locate, scroll_smoothly

__all__ = ["FillForm", "FillFormData", "ScrollTo", "ScrollToData"]


class FormField(Part):
    """A field and what to fill in; nothing here is interpolated."""

    selector: Annotated[Text, REQUIRED] = None
    """The field."""
    selector_type: SelectorType = "css"
    """How `selector` is read."""
    value: LooseText = None
    """What to fill in."""
    timeout: Milliseconds = 30_000
    """How long to wait for the field, ms."""


class FillFormData(NodeData):
    """Which fields to fill."""

    fields: Annotated[tuple[FormField, ...], ARRAY_OR_TEXT, REQUIRED] = ()
    """The fields, filled one after the other."""


class FillForm(NodeType[FillFormData]):
    """Fill several fields one after the other."""

    name: ClassVar = "example.fillForm"
    title: ClassVar = "Fill Form"
    category: ClassVar = "examples"

    async def run(self, data: FillFormData, run: NodeRun) -> None:
        """Fill.

        Raises:
            NodeDataError: There are no fields, or one has no selector; nothing is filled then.
        """
        if not data.fields:
            raise NodeDataError("Property 'fields' needs at least one field", field="fields")
        for index, field in enumerate(data.fields):
            run.require(field.selector, f"fields.{index}.selector")
        for index, field in enumerate(data.fields):
            name = f"fields.{index}.selector"
            element = await locate(
                run, field.selector, field.selector_type, timeout_ms=field.timeout, name=name
            )
            await element.fill(field.value or "", timeout=field.timeout)
        run.result = f"{len(data.fields)} fields filled"


class ScrollToData(TimeoutBlock):
    """Where to scroll, and how."""

    selector: Annotated[Text, REQUIRED] = None
    """The element, taken literally."""
    selector_type: SelectorType = "css"
    """How `selector` is read."""
    behavior: Annotated[str, OneOf("smooth", "auto")] = "smooth"
    """`smooth` also brings the element to the centre, in a smooth movement whose end is waited for."""


class ScrollTo(NodeType[ScrollToData]):
    """Scroll to an element."""

    name: ClassVar = "example.scrollTo"
    title: ClassVar = "Scroll To"
    category: ClassVar = "examples"

    async def run(self, data: ScrollToData, run: NodeRun) -> None:
        """Scroll.

        Raises:
            NodeDataError: There is no selector.
        """
        element = await locate(
            run, run.require(data.selector, "selector"), data.selector_type, timeout_ms=data.timeout
        )
        await element.scroll_into_view_if_needed(timeout=data.timeout)
        if data.behavior != "auto":
            await scroll_smoothly(run, element, data.timeout)
