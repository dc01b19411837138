"""The typed data model of a node: field types that read values as real files have them.

Every node type declares a `NodeData` model. Names are camelCase in files and snake_case here; null means
absent; unknown properties are kept and ignored. A value of the wrong type is an error before the run; a
*missing* required property fails the node when it runs, as in workflow-format.md, section 5.2, because the
node may never be reached or may have ``failSilently``.

Marks on a field say what else holds for it, for the runner as well as for the documentation: `INTERPOLATED`
fields have their references replaced before the node sees them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from nodes.interpolation import interpolate, interpolate_deep
from nodes.matching import js_text, parse_float_prefix

__all__ = [
    "DEFAULT_TIMEOUT_MS",
    "INTERPOLATED",
    "INTERPOLATED_DEEP",
    "REQUIRED",
    "AbsentAs",
    "Flag",
    "Integer",
    "LooseText",
    "Mark",
    "Milliseconds",
    "NodeData",
    "Number",
    "OneOf",
    "Part",
    "Text",
    "Texts",
    "Unparsable",
    "describe",
]

DEFAULT_TIMEOUT_MS: Final = 30_000.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A fact about a field, beyond its type.

    Attributes:
        name: What it says, for code and documentation.
    """

    name: str


INTERPOLATED: Final = Mark("interpolated")
"""References in the text are replaced before the node runs, "(I)" in nodes.md."""

INTERPOLATED_DEEP: Final = Mark("interpolated-deep")
"""The same for every text inside an object or array, "(I, deep)" in nodes.md."""

REQUIRED: Final = Mark("required")
"""The node fails without it."""


class OneOf:
    """Mark: the values a text property understands, for documentation and messages.

    Another value is not a validation error: what it means is the node type's business (nodes.md).
    """

    def __init__(self, *values: str) -> None:
        self.values = values

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Add the values to the field's JSON schema."""
        return {**handler(core_schema), "examples": list(self.values)}


def _flag(value: object) -> object:
    if isinstance(value, str):
        return {"true": True, "false": False, "": False}.get(value.strip().lower(), value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value in (0, 1):
        return bool(value)
    if not isinstance(value, bool):
        raise ValueError("should be true or false")  # noqa: TRY004 - pydantic collects ValueError
    return value


def _number(value: object) -> object:
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            raise ValueError("should be a number") from None
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError("should be a number")
    return value


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise ValueError("should be a finite number")
    return value


def _whole(value: object) -> object:
    number = _number(value)
    return int(number) if isinstance(number, float) and math.isfinite(number) else number


def _loose_text(value: object) -> object:
    return js_text(value) if isinstance(value, bool | int | float) else value


def _texts(value: object) -> object:
    if value == "":
        return ()
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple(_loose_text(item) for item in items)


class AbsentAs(BeforeValidator):
    """Read a number for which an empty text and 0 select a default."""

    def __init__(self, default: float) -> None:
        super().__init__(lambda value: _number(value) or default)


class Unparsable(BeforeValidator):
    """Read a number leniently: whatever is no number, or 0, selects a default (nodes.md, section D)."""

    def __init__(self, default: float | None) -> None:
        def read(value: object) -> object:
            number = parse_float_prefix(value) if isinstance(value, str) else _number(value)
            return number or default

        super().__init__(read)


Flag = Annotated[bool, BeforeValidator(_flag)]
"""A boolean, also as "true"/"false" or 0/1."""

Text = str | None
"""A text."""

LooseText = Annotated[str | None, BeforeValidator(_loose_text)]
"""A text that may also be written as a number or boolean: what a user types, not a selector."""

Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
"""A list of texts, also a single one; an empty text alone means none."""

Number = Annotated[float | None, AfterValidator(_finite), BeforeValidator(_number)]
"""A number, also as its text; an empty text means absent."""

Integer = Annotated[int | None, BeforeValidator(_whole)]
"""A whole number; a fraction is cut off."""

Milliseconds = Annotated[float, AfterValidator(_finite), AbsentAs(DEFAULT_TIMEOUT_MS)]
"""A timeout in ms, 30000 by default; an empty text and 0 count as absent."""


class Part(BaseModel):
    """An object in a workflow file: null means absent, unknown keys are kept and ignored.

    An empty text means absent, too, where a text has a default: editors write it for a field left empty.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="allow",
        frozen=True,
        protected_namespaces=(),
        defer_build=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, values: object) -> object:
        if isinstance(values, Mapping):
            defaulted = cls._texts_with_default()
            return {
                key: value
                for key, value in values.items()
                if value is not None and (value != "" or key not in defaulted)
            }
        return values

    @classmethod
    @cache
    def _texts_with_default(cls) -> frozenset[str]:
        """Names and aliases of the fields for which an empty text selects the default."""
        return frozenset(
            key
            for name, info in cls.model_fields.items()
            if isinstance(info.default, str) and info.default
            for key in (name, info.alias or name)
        )


class NodeData(Part):
    """Properties that every node type has (workflow-format.md, section 3.1)."""

    common_fields: ClassVar[frozenset[str]] = frozenset(
        {"label", "bypass", "breakpoint", "fail_silently", "is_test"}
    )
    """Fields that the engine reads on every type; documentation lists them once."""

    label: LooseText = None
    """Display name in progress, messages and reports."""
    bypass: Flag = False
    """Leave the node out: it is reported as bypassed and the flow goes on (exactly `true` counts)."""
    breakpoint: Flag = False
    """Marks the node as a breakpoint for the debugger."""
    fail_silently: Flag = False
    """Report a failure of this node and go on with the next (exactly `true` counts)."""
    is_test: Flag = True
    """`false` leaves the node out of all reports."""

    @classmethod
    @cache
    def interpolated_keys(cls) -> Mapping[str, bool]:
        """Property names to interpolate, and whether deep."""
        keys = {}
        for name, info in cls.model_fields.items():
            if INTERPOLATED in info.metadata or INTERPOLATED_DEEP in info.metadata:
                keys[info.alias or name] = INTERPOLATED_DEEP in info.metadata
        return keys

    @classmethod
    def resolve(
        cls,
        values: Mapping[str, object],
        data: Mapping[str, object],
        variables: Mapping[str, object],
        secrets: Mapping[str, str] | None = None,
    ) -> Mapping[str, object]:
        """``values`` with the references in interpolated properties replaced; the same object if none has any.

        Raises:
            SecretMissingError: One refers to a secret that is not there; without ``secrets`` these stay.
        """
        changed: dict[str, object] = {}
        for key, deep in cls.interpolated_keys().items():
            value = values.get(key)
            if isinstance(value, str):
                text = interpolate(value, data, variables, secrets)
                if text is not value:
                    changed[key] = text
            elif deep and value is not None:
                changed[key] = interpolate_deep(value, data, variables, secrets)
        return {**values, **changed} if changed else values

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """Validate the properties of a node.

        Raises:
            pydantic.ValidationError: A value has the wrong type; see `checked`.
        """
        return cls.model_validate(values)

    @classmethod
    def checked(
        cls, values: Mapping[str, object], unknown: frozenset[str] = frozenset()
    ) -> tuple[Self | None, list[str]]:
        """Look for wrong types among ``values``; required properties are not asked for.

        Args:
            values: The properties as they stand in the file.
            unknown: Properties whose value is only known at run time; values with references are, too.

        Returns:
            What `read` would return, None if a value is wrong or not known yet; and one message for each wrong one.
        """
        later = {
            key
            for key in cls.interpolated_keys()
            if isinstance(text := values.get(key), str) and "${" in text
        }
        later |= unknown
        known = {key: value for key, value in values.items() if key not in later} if later else values
        try:
            model = cls.model_validate(known)
        except ValidationError as error:
            return None, [describe(item) for item in error.errors()]
        return (None if later else model), []


def describe(item: Any) -> str:
    """One pydantic error as ``property 'a.b': message, got value``."""
    path = ".".join(str(part) for part in item["loc"] if not _is_branch(part)) or "data"
    message = str(item["msg"]).removeprefix("Value error, ")
    shown = repr(item.get("input"))
    return f"property '{path}': {message[:1].lower()}{message[1:]}, got {shown[:80]}"


def _is_branch(part: object) -> bool:
    """Whether pydantic's location part names a branch of a union instead of a property."""
    return isinstance(part, str) and ("[" in part or part in {"str", "float", "int", "bool", "dict", "list"})
