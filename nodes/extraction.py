"""Reading one row for each container element, for the node ``dataExtractor`` (nodes.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from playwright.async_api import Error, Locator

from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.extraction_scripts import FIRST_VALUE, ROWS
from nodes.model import INTERPOLATED, REQUIRED, OneOf, Part, Text

__all__ = ["ExtractedField", "extract_rows", "usable_fields"]

_SELECTOR_TYPES: Final = ("css", "xpath", "text")
_VALUES: Final = ("text", "attribute", "innerHTML")


class ExtractedField(Part):
    """One column: where it is within the container, and what of it is wanted."""

    name: Annotated[Text, REQUIRED] = None
    """Key in the row, and column in the CSV file."""
    selector: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """The element, relative to its container; the first match counts."""
    selector_type: Annotated[str, OneOf(*_SELECTOR_TYPES)] = "css"
    """How `selector` is read."""
    extract: Annotated[str, OneOf(*_VALUES)] = "text"
    """What of the element is wanted; texts are not trimmed."""
    attribute: Text = None
    """Name of the attribute, for `attribute`; without one the value is null."""


def usable_fields(fields: Sequence[ExtractedField], run: NodeRun) -> Sequence[ExtractedField]:
    """The fields with the references in their selectors replaced.

    Raises:
        NodeDataError: There is no field, or one lacks its name or selector, or has an unknown type.
    """
    if not fields:
        raise NodeDataError("Property 'fields' needs at least one field", field="fields")
    return [_usable(field, index, run) for index, field in enumerate(fields)]


def _usable(field: ExtractedField, index: int, run: NodeRun) -> ExtractedField:
    run.require(field.name, f"fields.{index}.name")
    selector = run.interpolate(run.require(field.selector, f"fields.{index}.selector"))
    for name, value, known in (
        ("selectorType", field.selector_type, _SELECTOR_TYPES),
        ("extract", field.extract, _VALUES),
    ):
        if value not in known:
            raise NodeDataError(
                f"Property 'fields.{index}.{name}' has the unknown value '{value}'; it can be: {', '.join(known)}",
                field=f"fields.{index}.{name}",
            )
    return field.model_copy(update={"selector": selector.strip()})


async def extract_rows(
    run: NodeRun,
    containers: Locator,
    fields: Sequence[ExtractedField],
    *,
    limit: int,
    tolerant: bool,
) -> list[dict[str, object]]:
    """One row for each container, in one round trip if plain CSS and XPath say where everything is.

    Args:
        run: The node being run.
        containers: The container elements.
        fields: The columns, from `usable_fields`.
        limit: How many rows at most; 0 means all.
        tolerant: A selector that cannot be understood makes a column of nulls instead of an error.

    Raises:
        playwright.async_api.Error: A selector cannot be understood.
    """
    specs = [_spec(field) for field in fields]
    found = await containers.evaluate_all(ROWS, {"fields": specs, "limit": limit})
    rows: list[list[object]] = found["rows"]
    if found["others"]:
        elements = await containers.element_handles()
        for index in found["others"]:
            query, spec = _playwright_selector(fields[index]), specs[index]
            for row, element in zip(rows, elements, strict=False):
                try:
                    row[index] = await element.eval_on_selector_all(query, FIRST_VALUE, spec)
                except Error as error:
                    if not tolerant or run.session.lost:
                        raise
                    run.log(
                        "warning", f"Field '{fields[index].name}' is null: {error.message.splitlines()[0]}"
                    )
    names = [str(field.name) for field in fields]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _spec(field: ExtractedField) -> Mapping[str, Any]:
    """What the script needs to know about a field."""
    selector = field.selector or ""
    if field.selector_type == "xpath":
        selector = selector.removeprefix("xpath=")
        # As Playwright has it: a path from the root is one from the container.
        selector = f".{selector}" if selector.startswith("/") else selector
    return {
        "selector": selector,
        "engine": field.selector_type,
        "extract": field.extract,
        "attribute": field.attribute,
    }


def _playwright_selector(field: ExtractedField) -> str:
    selector = field.selector or ""
    if field.selector_type == "css":
        return selector
    engine = f"{field.selector_type}="
    return selector if selector.startswith(engine) else f"{engine}{selector}"
