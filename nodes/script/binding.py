"""Putting a script's arguments into the places of a Python method.

JavaScript passes what is required by position and the rest as an object at the end; Python takes the same names,
spelled otherwise, as keywords.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from nodes.script.api import js_name, python_name
from nodes.script.arguments import ScriptFunction, read_argument
from nodes.script.values import UNDEFINED, Remotes, Wire

__all__ = ["ArgumentError", "Arguments", "Binder"]

_SOURCE: Final = frozenset({"expression", "script"})
"""Parameters for which a function is sent to the page as source; for all others it is called in the script."""

_MATCHED_HERE: Final = frozenset({"url", "url_or_predicate"})
"""Parameters whose regular expressions are matched by Python."""

_OTHER_NAMES: Final[Mapping[str, str]] = {"content": "script"}
"""Options that JavaScript spells in its own way, where the method has none of the spelled name."""


class ArgumentError(Exception):
    """Raised when arguments do not fit; the message is that of the JavaScript library."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    annotation: str
    by_position: bool
    required: bool

    @property
    def takes_object(self) -> bool:
        return any(word in self.annotation for word in ("Any", "Dict", "_api_structures"))

    @property
    def takes_path(self) -> bool:
        return "pathlib.Path" in self.annotation

    @property
    def expected(self) -> str:
        """What the JavaScript library says it expects."""
        kinds = {"str": "string", "float": "number", "int": "number", "bool": "boolean"}
        return next((name for word, name in kinds.items() if word in self.annotation), "object")


@dataclass(slots=True)
class Arguments:
    """Arguments for a Python method.

    Attributes:
        values: By parameter name; what was not given is not there.
    """

    values: dict[str, object]

    def take(self, name: str, default: object = None) -> Any:
        """Remove an argument and return it."""
        return self.values.pop(name, default)


class Binder:
    """Binds arguments for one script.

    Args:
        remotes: Resolves handles.
        callback: Makes a Python function that calls a function of the script; gets it and the parameter's name.
        path: Resolves file names.
    """

    def __init__(
        self,
        remotes: Remotes,
        callback: Callable[[ScriptFunction, str], Callable[..., Any]],
        path: Callable[[str], Path],
    ) -> None:
        self._remotes = remotes
        self._callback = callback
        self._path = path

    def bind(self, method: Callable[..., Any], given: list[Wire]) -> Arguments:
        """Sort a script's arguments to the parameters of a method.

        Raises:
            ArgumentError: A required one is missing.
        """
        parameters = _parameters(getattr(method, "__func__", method))
        places = [parameter for parameter in parameters.values() if parameter.by_position]
        positional, options = _split(given, places)
        values: dict[str, object] = {}
        for parameter, wire in zip(places, positional, strict=False):
            self._put(values, parameter, wire)
        for key, wire in options.items():
            name = python_name(key)
            target = parameters.get(name) or parameters.get(_OTHER_NAMES.get(name, ""))
            if target is not None:
                self._put(values, target, wire, is_option=True)
        for parameter in places:
            if parameter.required and parameter.name not in values:
                raise ArgumentError(
                    f"{js_name(parameter.name)}: expected {parameter.expected}, got undefined"
                )
        return Arguments(values)

    def _put(
        self, values: dict[str, object], parameter: _Parameter, wire: Wire, *, is_option: bool = False
    ) -> None:
        value = read_argument(wire, self._remotes, matched_here=parameter.name in _MATCHED_HERE)
        if value is UNDEFINED:
            return
        if value is None and is_option:
            if "'null'" in parameter.annotation:
                values[parameter.name] = "null"
            return
        values[parameter.name] = self._fitted(parameter, value)

    def _fitted(self, parameter: _Parameter, value: object) -> object:
        if isinstance(value, ScriptFunction) and parameter.name not in _SOURCE:
            return self._callback(value, parameter.name)
        if parameter.takes_path:
            if isinstance(value, str):
                return self._path(value)
            if isinstance(value, list):
                return [self._path(item) if isinstance(item, str) else item for item in value]
        return value


def _split(given: list[Wire], places: list[_Parameter]) -> tuple[list[Wire], Mapping[str, Wire]]:
    """Positional arguments, and the options if the last argument holds them."""
    last = given[-1] if given else None
    if isinstance(last, dict) and "o" in last:
        index = len(given) - 1
        if index >= len(places) or not (places[index].required or places[index].takes_object):
            return given[:-1], last["o"]
    return given, {}


@cache
def _parameters(function: Callable[..., Any]) -> Mapping[str, _Parameter]:
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            continue
        # The one argument of a function for the page is the second argument in JavaScript everywhere.
        by_position = parameter.kind is parameter.POSITIONAL_OR_KEYWORD or name == "arg"
        annotation = str(parameter.annotation)
        if inspect.isclass(parameter.annotation):
            annotation = parameter.annotation.__qualname__
            if parameter.annotation.__module__.endswith("_api_structures"):
                annotation = f"_api_structures.{annotation}"
        found[name] = _Parameter(name, annotation, by_position, required=parameter.default is parameter.empty)
    if function.__name__ == "add_init_script":
        found["arg"] = _Parameter("arg", "Any", by_position=True, required=False)
    return found
