"""What the installed Playwright can do, by reflection: methods and assertions with their parameters.

Names are JavaScript's (``waitForTimeout``, ``toHaveText``) or Python's (``wait_for_timeout``, ``to_have_text``).
Arguments are JSON: an array of positional ones, whose last may be an object of options as in JavaScript, or one object
of all by name. Inside them ``{"regex": "...", "flags": "i"}`` is a regular expression and ``{"locator": "..."}`` an
element of the page.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

import typing_extensions
from playwright.async_api import (
    BrowserContext,
    Frame,
    Keyboard,
    Locator,
    Mouse,
    Page,
    Touchscreen,
)
from playwright.async_api import _generated as generated
from pydantic import (
    ConfigDict,
    PydanticSchemaGenerationError,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)

from nodes.errors import NodeDataError
from nodes.script.api import Member, classes, js_name, python_name

__all__ = ["ASSERTED", "TARGETS", "Operation", "Parameter", "assertion", "method_of", "placeholder"]

TARGETS: Final[Mapping[str, type]] = {
    "page": Page,
    "frame": Frame,
    "locator": Locator,
    "context": BrowserContext,
    "keyboard": Keyboard,
    "mouse": Mouse,
    "touchscreen": Touchscreen,
    "clock": generated.Clock,
}
"""What a node may call, by the word in workflow files."""

ASSERTED: Final[Mapping[str, type]] = {
    "page": generated.PageAssertions,
    "locator": generated.LocatorAssertions,
}
"""What can be asserted about what."""

_MARKS: Final = ("regex", "locator")
_CALLED: Final = frozenset({"async", "sync", "step"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a method.

    Attributes:
        name: In Python.
        hint: Its type.
        by_position: Whether it may be given by position.
        required: Whether it must be given.
    """

    name: str
    hint: Any
    by_position: bool
    required: bool

    @property
    def takes_object(self) -> bool:
        """Whether an object may be its value."""
        return any(part in (Any, dict, Mapping) or typing.is_typeddict(part) for part in _leaves(self.hint))

    @property
    def takes_path(self) -> bool:
        """Whether it names files."""
        return Path in _leaves(self.hint)

    def fitted(self, value: object) -> object:
        """The value in the type of the parameter.

        Raises:
            pydantic.ValidationError: It cannot have that type.
        """
        adapter = _adapter(self.hint)
        return value if adapter is None else adapter.validate_python(value)


@dataclass(frozen=True, slots=True)
class Operation:
    """A method or property of Playwright.

    Attributes:
        name: In Python.
        title: As it is shown: ``locator.dragTo``.
        parameters: By name; None for a property.
        is_synchronous: Whether it answers at once, as methods do that make a locator.
        returns: Whether it has a result.
    """

    name: str
    title: str
    parameters: Mapping[str, Parameter] | None
    is_synchronous: bool = False
    returns: bool = True

    def sort(self, given: Sequence[object] | Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
        """Sort arguments to parameters.

        Returns:
            The arguments by parameter, as they were given, and what is wrong with them.
        """
        parameters = self.parameters or {}
        places = [item for item in parameters.values() if item.by_position]
        positional, options = _split(given, places)
        problems: list[str] = []
        if len(positional) > len(places):
            count = len(places)
            problems.append(
                f"{self.title} takes {count or 'no'} argument{'' if count == 1 else 's'} by position, "
                f"got {len(positional)}"
            )
        values = {place.name: value for place, value in zip(places, positional, strict=False)}
        for key, value in options.items():
            name = python_name(key)
            if name not in parameters:
                problems.append(f"{self.title} has no option '{key}'{_hint(key, map(js_name, parameters))}")
            else:
                values[name] = value
        problems += [
            f"{self.title} needs '{js_name(item.name)}'"
            for item in parameters.values()
            if item.required and item.name not in values
        ]
        return values, problems

    def problems(self, given: Sequence[object] | Mapping[str, object]) -> list[str]:
        """What is wrong with arguments as they stand in a file; those with references are known only later."""
        values, problems = self.sort(given)
        for name, value in values.items():
            if not _is_open(value):
                problems += self._type_problems(name, value)
        return problems

    def fit(self, values: Mapping[str, object]) -> dict[str, object]:
        """Sorted arguments in the types of their parameters.

        Raises:
            NodeDataError: One cannot have its type.
        """
        fitted: dict[str, object] = {}
        for name, value in values.items():
            problems = self._type_problems(name, value)
            if problems:
                raise NodeDataError(problems[0], field="arguments")
            fitted[name] = (self.parameters or {})[name].fitted(value)
        return fitted

    def _type_problems(self, name: str, value: object) -> list[str]:
        try:
            (self.parameters or {})[name].fitted(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            message = str(first["msg"])
            shown = repr(value)[:80]
            return [f"{self.title}: '{js_name(name)}': {message[:1].lower()}{message[1:]}, got {shown}"]
        return []


def placeholder(value: object) -> str | None:
    """``regex`` or ``locator`` for an object that stands for one; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    return next((mark for mark in _MARKS if isinstance(value.get(mark), str)), None)


def method_of(target: str, name: str) -> Operation:
    """A method or property of a target.

    Raises:
        NodeDataError: There is no such target or method.
    """
    cls = _known(TARGETS, target, "target")
    callable_members = {key: member for key, member in classes()[cls].items() if member.kind in _CALLED}
    by_python = {member.name: member for member in callable_members.values()}
    member = callable_members.get(name) or by_python.get(name)
    if member is None:
        raise NodeDataError(
            f"Playwright's {target} has no method '{name}'{_hint(name, callable_members)}", field="method"
        )
    return _operation(cls, member, f"{target}.{name}")


def assertion(target: str, name: str, *, negated: bool) -> Operation:
    """An assertion about a target; ``not.`` before its name negates it as well.

    Raises:
        NodeDataError: There is no such assertion.
    """
    cls = _known(ASSERTED, target, "target")
    bare = name.removeprefix("not.")
    known = {js_name(key): key for key in vars(cls) if key.startswith("to_")}
    python = known.get(bare, bare if bare in known.values() else None)
    if python is None:
        raise NodeDataError(
            f"Playwright has no assertion '{name}' about a {target}{_hint(bare, known)}", field="expect"
        )
    is_not = negated != name.startswith("not.")
    member = Member(f"not_{python}" if is_not else python, "async")
    return _operation(cls, member, f"expect({target}).{'not.' if is_not else ''}{js_name(python)}")


@cache
def _operation(cls: type, member: Member, title: str) -> Operation:
    found = inspect.getattr_static(cls, member.name)
    if isinstance(found, property):
        return Operation(member.name, title, None)
    function = getattr(cls, member.name)
    return Operation(
        member.name,
        title,
        _parameters(function),
        is_synchronous=member.kind != "async",
        returns=typing.get_type_hints(function, vars(generated)).get("return") is not type(None),
    )


def _parameters(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    hints = typing.get_type_hints(function, vars(generated))
    return {
        name: Parameter(
            name,
            hints.get(name, Any),
            # The one argument of a function for the page is a positional one in JavaScript everywhere.
            by_position=item.kind is item.POSITIONAL_OR_KEYWORD or name == "arg",
            required=item.default is item.empty,
        )
        for name, item in inspect.signature(function).parameters.items()
        if name != "self"
    }


def _split(
    given: Sequence[object] | Mapping[str, object], places: Sequence[Parameter]
) -> tuple[Sequence[object], Mapping[str, object]]:
    """Positional arguments, and those by name."""
    if isinstance(given, Mapping):
        return (), given
    last = given[-1] if given else None
    if isinstance(last, Mapping) and placeholder(last) is None:
        index = len(given) - 1
        if index >= len(places) or not (places[index].required or places[index].takes_object):
            return given[:-1], {str(key): value for key, value in last.items()}
    return given, {}


def _is_open(value: object) -> bool:
    """Whether something in a value is known only when the node runs."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return placeholder(value) is not None or any(map(_is_open, value.values()))
    return isinstance(value, list | tuple) and any(map(_is_open, value))


def _known(table: Mapping[str, type], target: str, field: str) -> type:
    if target not in table:
        raise NodeDataError(f"there is no target '{target}'; it can be: {', '.join(table)}", field=field)
    return table[target]


def _hint(name: str, known: typing.Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _leaves(hint: Any) -> Iterator[Any]:
    """The types that a hint is made of."""
    arguments = typing.get_args(hint)
    if not arguments:
        yield hint
    else:
        yield typing.get_origin(hint)
        for argument in arguments:
            yield from _leaves(argument)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    """Checks values of a type; None for types that cannot be checked."""
    # An object type has a configuration of its own.
    config = None if typing.is_typeddict(hint) else ConfigDict(arbitrary_types_allowed=True)
    try:
        return TypeAdapter(_readable(hint), config=config)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return None


def _readable(hint: Any) -> Any:
    """The type with its object types in a form that pydantic takes on every Python, and without unknown keys."""
    if typing.is_typeddict(hint):
        fields = {
            key: (
                typing_extensions.Required if key in hint.__required_keys__ else typing_extensions.NotRequired
            )[_readable(value)]
            for key, value in typing.get_type_hints(hint, vars(generated)).items()
        }
        make: Any = typing_extensions.TypedDict
        made = make(hint.__name__, fields)
        made.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
        return made
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if not arguments or origin is typing.Literal or isinstance(arguments[0], list):
        return hint
    return hint.copy_with(tuple(map(_readable, arguments)))
