"""The browser library as scripts see it: made by reflection from Playwright's Python classes.

The Python API is generated from the same description as the JavaScript one, so most names follow by spelling
(``text_content`` is ``textContent``). What is spelled otherwise is in `_RENAMED`; what only JavaScript has is in
`nodes.script.special`.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from playwright.async_api import _generated as generated

__all__ = ["Member", "class_of", "classes", "description", "js_name", "python_name"]

_RENAMED: Final[Mapping[str, str]] = {
    "query_selector": "$",
    "query_selector_all": "$$",
    "eval_on_selector": "$eval",
    "eval_on_selector_all": "$$eval",
    "continue_": "continue",
    "and_": "and",
    "or_": "or",
    "expect_request": "waitForRequest",
    "expect_response": "waitForResponse",
    "expect_navigation": "waitForNavigation",
    "start_har": "startHar",
    "stop_har": "stopHar",
}

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "on": ("on", "addListener", "prependListener"),
    "remove_listener": ("off", "removeListener"),
}

_LISTENING: Final = frozenset({"on", "once", "remove_listener"})
"""Methods that return the object itself in JavaScript."""

_ACRONYMS: Final[Mapping[str, str]] = {
    "html": "HTML",
    "url": "URL",
    "http": "HTTP",
    "https": "HTTPS",
    "json": "JSON",
    "har": "HAR",
    "cdp": "CDP",
    "gc": "GC",
    "css": "CSS",
    "js": "JS",
}

_PARTS: Final = frozenset(
    {
        "APIRequestContext",
        "Clock",
        "Credentials",
        "Debugger",
        "Keyboard",
        "Mouse",
        "Screencast",
        "Touchscreen",
        "Tracing",
        "WebMCP",
        "WebStorage",
    }
)
"""Classes whose one object is a property of another in JavaScript (``page.keyboard``), not a method."""

_CHAINED: Final = frozenset({"Locator", "FrameLocator"})
"""Classes whose objects only describe where to look, so that making one needs no answer."""

_ONLY: Final[Mapping[str, frozenset[str]]] = {
    "Browser": frozenset({"version", "is_connected", "browser_type"}),
    "BrowserType": frozenset({"name"}),
    "Playwright": frozenset(),
    "Selectors": frozenset(),
    "APIRequest": frozenset(),
}
"""Classes of which scripts get a part: a browser is shared with other executions."""

_HIDDEN: Final = frozenset({"pause", "pick_locator", "cancel_pick_locator"})
"""Members that need a person at the window, or have another form in JavaScript."""


@dataclass(frozen=True, slots=True)
class Member:
    """A method or property.

    Attributes:
        name: Its name in Python.
        kind: ``async``, ``sync``, ``listen`` (sync, returns its object), ``step`` (a method that leads to another
            object) or ``part`` (a property that does).
        leads_to: The class that a step or part leads to.
    """

    name: str
    kind: str
    leads_to: str | None = None


@cache
def classes() -> Mapping[type, Mapping[str, Member]]:
    """The classes that scripts know, each with its members by JavaScript name."""
    found = {
        value: _members(value)
        for name, value in vars(generated).items()
        if inspect.isclass(value)
        and value.__module__ == generated.__name__
        and not name.startswith("_")
        and not name.endswith("Assertions")
    }
    return {value: members for value, members in found.items() if members}


@cache
def description(class_name: str) -> Mapping[str, list[str | None]]:
    """A class for the JavaScript side: for each member its kind, Python name and the class that it leads to."""
    members = next((found for value, found in classes().items() if value.__name__ == class_name), {})
    return {name: [member.kind, member.name, member.leads_to] for name, member in members.items()}


def class_of(value: object) -> str | None:
    """The name of the class of a browser object that scripts may have."""
    for base in type(value).__mro__:
        if base in classes():
            return base.__name__
    return None


def js_name(name: str) -> str:
    """The JavaScript spelling of a Python name."""
    if name in _RENAMED:
        return _RENAMED[name]
    first, *rest = name.strip("_").split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in rest)


@cache
def python_name(name: str) -> str:
    """The Python spelling of a JavaScript name: ``noWaitAfter`` is ``no_wait_after``."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _members(cls: type) -> dict[str, Member]:
    members: dict[str, Member] = {}
    allowed = _ONLY.get(cls.__name__)
    for name in dir(cls):
        if name.startswith("_") or name in _HIDDEN or (allowed is not None and name not in allowed):
            continue
        if name in _LISTENING and "on" not in vars(cls):
            continue
        member = _member(name, inspect.getattr_static(cls, name))
        if member is None:
            continue
        for spelled in _ALIASES.get(name, (js_name(name),)):
            members[spelled] = member
    if cls.__name__ == "Disposable":
        members["dispose"] = members.pop("close")
    if "expect_event" in dir(cls) and "waitForEvent" not in members and allowed is None:
        members["waitForEvent"] = Member("expect_event", "async")
    return members


def _member(name: str, value: Any) -> Member | None:
    function = value.fget if isinstance(value, property) else value
    if not inspect.isfunction(function) or (name.startswith("expect_") and name not in _RENAMED):
        return None
    leads_to = _class_name(function)
    kind = "sync"
    if inspect.iscoroutinefunction(function) or name.startswith("expect_"):
        kind = "async"
    elif leads_to in _CHAINED:
        kind = "step"
    elif isinstance(value, property) and leads_to in _PARTS:
        kind = "part"
    elif name in _LISTENING:
        kind = "listen"
    return Member(name, kind, leads_to if kind in {"step", "part"} else None)


def _class_name(function: Callable[..., Any] | None) -> str | None:
    """The class that a function returns, if it is annotated with just one."""
    annotation = getattr(function, "__annotations__", {}).get("return")
    if isinstance(annotation, typing.ForwardRef):
        return annotation.__forward_arg__
    if isinstance(annotation, str):
        return annotation.strip("\"'")
    return annotation.__name__ if inspect.isclass(annotation) else None
