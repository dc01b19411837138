"""The bridge from a script to the browser: handles, calls, events and errors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Dialog, Route
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from nodes.errors import NodeError
from nodes.script import special
from nodes.script.api import class_of, classes
from nodes.script.arguments import ScriptFunction, read_argument, truth_of
from nodes.script.binding import ArgumentError, Binder
from nodes.script.values import UNDEFINED, Wire, encode

__all__ = ["Bridge", "BridgeError", "CallFailure", "ScriptOverError"]

CallBack = Callable[[int, list[Wire]], Awaitable[Wire]]

_API_NAME: Final = re.compile(r"^[A-Z]\w*\.\w+: ")
_SNAKE_CALL: Final = re.compile(r"\b(get_by_\w+|frame_locator|content_frame)\(")
_QUOTED_SELECTOR: Final = re.compile(r'\b((?:locator|frameLocator|getBy\w+)\()"([^"\'\\]*)"')
_JUDGES: Final = frozenset({"predicate", "url_or_predicate", "url"})
_REPORTS_BACK: Final = frozenset({"callback", *_JUDGES})
"""Parameters whose functions' errors belong to the caller; those of listeners go into the log."""


class BridgeError(Exception):
    """Raised for a call that failed; ``name`` and ``message`` are what the script's error gets."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


class CallFailure(Exception):  # noqa: N818 - an error of the script, on its way through Playwright
    """Raised inside Playwright when a function of the script failed."""


class ScriptOverError(CallFailure):
    """Raised when the script ended before its function was called or had returned."""


class Bridge:
    """What a script can do with the browser.

    Args:
        call_back: Calls a function of the script by its number with encoded arguments.
        path: Resolves file names.
        log: Called with a level and a message.
    """

    def __init__(
        self, call_back: CallBack, path: Callable[[str], Path], log: Callable[[str, str], None]
    ) -> None:
        self._call_back = call_back
        self._log = log
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}
        self._callbacks: dict[tuple[int, str], Callable[..., Any]] = {}
        self._listeners: set[int] = set()
        self._binder = Binder(self, self._callback, path)
        self.lost: PlaywrightError | None = None
        """The last error that said that page, context or browser are gone."""

    @property
    def listens(self) -> bool:
        """Whether Playwright holds a function of the script, which it may call at any time."""
        return bool(self._listeners)

    def handle_of(self, value: object) -> Wire | None:
        """The handle of a browser object; None for anything else."""
        name = class_of(value)
        if name is None:
            return None
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return {"h": number, "c": name}

    def resolve(self, wire: Wire) -> Any:
        """The object of a handle, after the steps that lead on from it."""
        value: Any = self._objects[wire["h"]]
        steps = wire.get("c")
        for name, given in steps if isinstance(steps, list) else ():
            value = self._step(value, name, given)
        return value

    async def call(self, on: Wire, name: str, title: str, given: list[Wire]) -> Wire:
        """Call an asynchronous method.

        Raises:
            BridgeError: It failed.
        """
        try:
            target = self.resolve(on)
            method = _public(target, name)
            arguments = self._binder.bind(method, given)
            result = await special.perform(target, name, method, arguments)
            return self._result(method, result)
        except Exception as error:
            raise self._failure(error, title) from error

    def demand(self, on: Wire, name: str, title: str, given: list[Wire]) -> Wire:
        """Call a synchronous method or read a property.

        Raises:
            BridgeError: It failed.
        """
        try:
            value = _public(self.resolve(on), name)
            if not callable(value):
                return encode(special.property_value(name, value), self)
            return self._called(value, name, given)
        except Exception as error:
            raise self._failure(error, title) from error

    def _called(self, method: Callable[..., Any], name: str, given: list[Wire]) -> Wire:
        arguments = self._binder.bind(method, given).values
        if inspect.iscoroutinefunction(arguments.get("url")):
            raise ArgumentError("url: a function is not supported here")
        result = self._result(method, method(**arguments))
        if name == "remove_listener":
            self._listeners -= {wire["f"] for wire in given if isinstance(wire, dict) and "f" in wire}
        return result

    def _step(self, value: Any, name: str, given: list[Wire]) -> Any:
        member = _public(value, name)
        return member(**self._binder.bind(member, given).values) if callable(member) else member

    def _result(self, method: Callable[..., Any], result: object) -> Wire:
        if result is None and _returns_nothing(getattr(method, "__func__", method)):
            return {"v": 0}
        if hasattr(result, "__aexit__") and class_of(result) is None:
            return {"v": 0}
        return encode(result, self)

    def _callback(self, function: ScriptFunction, parameter: str) -> Callable[..., Any]:
        """A Python function that calls one of the script; the same each time, so that it can be removed."""
        key = (function.number, parameter)
        if parameter not in _JUDGES:
            self._listeners.add(function.number)
        if key not in self._callbacks:
            self._callbacks[key] = self._make_callback(function.number, parameter)
        return self._callbacks[key]

    def _make_callback(self, number: int, parameter: str) -> Callable[..., Any]:
        async def call(*args: object) -> object:
            try:
                given = [{"u": args[0]}] if parameter == "url" else [encode(arg, self) for arg in args]
                wire = await self._call_back(number, given)
            except ScriptOverError:
                if parameter in _REPORTS_BACK:
                    raise
                await _let_go(args)
                return None
            except CallFailure as error:
                if parameter in _REPORTS_BACK:
                    raise
                self._log("error", f"Uncaught {error}")
                return None
            if parameter in _JUDGES:
                return truth_of(wire)
            value = read_argument(wire, self)
            return None if value is UNDEFINED else value

        return call

    def _failure(self, error: Exception, title: str) -> BridgeError:
        if isinstance(error, PlaywrightError):
            if "closed" in error.message or "crashed" in error.message or "disconnected" in error.message:
                self.lost = error
            name = "TimeoutError" if isinstance(error, PlaywrightTimeoutError) else "Error"
            return BridgeError(name, f"{title}: {_javascript_words(error.message)}")
        if isinstance(error, CallFailure):
            return BridgeError("Error", str(error))
        if isinstance(error, ArgumentError | NodeError | TypeError | ValueError | OSError | re.error):
            return BridgeError("Error", f"{title}: {error}")
        return BridgeError("Error", f"{title}: {type(error).__name__}: {error}")


async def _let_go(args: tuple[object, ...]) -> None:
    """Do with a dialog or request what happens when nobody listens, so that the page does not hang."""
    with suppress(PlaywrightError):
        match args:
            case [Dialog() as dialog, *_]:
                await dialog.dismiss()
            case [Route() as route, *_]:
                await route.fallback()
            case _:
                pass


@cache
def _returns_nothing(method: Callable[..., Any]) -> bool:
    return inspect.signature(method).return_annotation in {None, "None"}


def _public(target: object, name: str) -> Any:
    """A member that scripts may use, so that nothing else can be reached by a forged message."""
    allowed = next((classes()[base] for base in type(target).__mro__ if base in classes()), {})
    if not any(member.name == name for member in allowed.values()):
        raise ArgumentError(f"{name} is not available")
    return getattr(target, name)


def _javascript_words(message: str) -> str:
    """A message of the Python library in the words of the JavaScript one."""
    message = _API_NAME.sub("", message).rstrip()
    message = _SNAKE_CALL.sub(lambda match: f"{_camel(match[1])}(", message)
    return _QUOTED_SELECTOR.sub(r"\1'\2'", message)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
