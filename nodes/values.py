"""Node types that provide a value to other nodes (nodes.md, ``intValue`` and the others)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, TypeVar

from nodes.context import NodeRun
from nodes.matching import js_text, parse_float_prefix, parse_int_prefix
from nodes.model import INTERPOLATED, NodeData, OneOf, Text
from nodes.registry import NodeType

__all__ = ["BooleanValue", "InputValue", "InputValueData", "IntValue", "StringValue", "ValueData"]

D = TypeVar("D", bound=NodeData)

_WRITES: Final = ("value", "variables.<node id>", "variables.<variableName>")

_TRUE_TEXTS: Final = frozenset({"true", "1", "yes"})

_WHOLE_UP_TO: Final = 2.0**53
"""From here on not every whole number is a JavaScript number."""


class ValueData(NodeData):
    """A value, and a name for it."""

    value: Annotated[Any, INTERPOLATED] = None
    """The value; in a text, references are replaced."""
    variable_name: Text = None
    """A variable to set, besides the one that is named after the node's id."""


class InputValueData(NodeData):
    """A value of a chosen type, and a name for it."""

    value: Any = None
    """The value, taken as it is written."""
    data_type: Annotated[Text, OneOf("int", "float", "double", "string", "boolean")] = "string"
    """What the value is read as."""
    variable_name: Text = None
    """A variable to set, besides the one that is named after the node's id."""


class _Provider(NodeType[D]):
    """What all types have in common that provide a value."""

    category: ClassVar = "values"
    writes: ClassVar = _WRITES
    uses_page: ClassVar = False


class IntValue(_Provider[ValueData]):
    """Provide a whole number; a text that does not start with one gives 0."""

    name: ClassVar = "intValue"
    title: ClassVar = "Integer Value"

    async def run(self, data: ValueData, run: NodeRun) -> None:
        """Store the number; one that is written as a number is not rounded."""
        value = data.value if _is_number(data.value) else parse_int_prefix(_text(data.value)) or 0
        _provide(run, value, data.variable_name)


class StringValue(_Provider[ValueData]):
    """Provide a text."""

    name: ClassVar = "stringValue"
    title: ClassVar = "String Value"

    async def run(self, data: ValueData, run: NodeRun) -> None:
        """Store the text."""
        _provide(run, _text(data.value), data.variable_name)


class BooleanValue(_Provider[ValueData]):
    """Provide true or false; the texts `true`, `1` and `yes` count as true."""

    name: ClassVar = "booleanValue"
    title: ClassVar = "Boolean Value"

    async def run(self, data: ValueData, run: NodeRun) -> None:
        """Store true or false."""
        _provide(run, _text(data.value).strip().lower() in _TRUE_TEXTS, data.variable_name)


class InputValue(_Provider[InputValueData]):
    """Provide a value of a chosen type; references in it are not replaced."""

    name: ClassVar = "inputValue"
    title: ClassVar = "Input Value"

    async def run(self, data: InputValueData, run: NodeRun) -> None:
        """Convert and store the value; an unknown type means a text."""
        convert = _CONVERSIONS.get(data.data_type or "string", _text)
        _provide(run, convert(data.value), data.variable_name)


def _provide(run: NodeRun, value: object, variable_name: str | None) -> None:
    """Store a value where the nodes look that use it (workflow-format.md, section 8)."""
    run.variables[run.node.id] = value
    if variable_name and variable_name.strip():
        run.variables[variable_name.strip()] = value
    run.data["value"] = value


def _text(value: object) -> str:
    return "" if value is None else js_text(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _int(value: object) -> int:
    if isinstance(value, int | float) and _is_number(value):
        return math.floor(value)
    return parse_int_prefix(_text(value)) or 0


def _float(value: object) -> float:
    """A number; whole ones without a fraction, as JavaScript would write them."""
    number = (
        value if isinstance(value, int | float) and _is_number(value) else parse_float_prefix(_text(value))
    )
    if not number:
        return 0
    return int(number) if abs(number) < _WHOLE_UP_TO and number == int(number) else number


def _boolean(value: object) -> bool:
    return _text(value) in {"true", "1"}


_CONVERSIONS: Final[Mapping[str, Callable[[object], object]]] = {
    "int": _int,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
}
