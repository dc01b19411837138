"""Calls that JavaScript and Python make in different ways."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from playwright.async_api import Error, Route

from nodes.script.arguments import ScriptFunction
from nodes.script.binding import Arguments
from nodes.script.values import UNDEFINED

__all__ = ["perform", "property_value"]

_EVALUATIONS: Final[Mapping[str, int]] = {
    "evaluate": 0,
    "evaluate_all": 1,
    "eval_on_selector": 1,
    "eval_on_selector_all": 1,
}
"""Methods that run a function in the page and return its value; how many arguments it gets before ours."""

_ON_ELEMENT: Final = frozenset({"Locator", "ElementHandle", "JSHandle"})

_DEFAULT_TIMEOUT_MS: Final = 30_000


class _ArrivedError(Exception):
    """Raised to leave a wait whose goal is reached already."""


async def perform(target: Any, name: str, method: Callable[..., Any], arguments: Arguments) -> object:
    """Call a method as its JavaScript counterpart works.

    Args:
        target: The object that it belongs to.
        name: Its Python name.
        method: It, bound.
        arguments: What the script passed.

    Raises:
        playwright.async_api.Error: It failed.
    """
    special = _SPECIAL.get(name)
    if special is not None:
        return await special(target, method, arguments)
    if name.startswith("expect_"):
        return await _expect(method, arguments)
    if name in _EVALUATIONS:
        return await _evaluate(target, name, method, arguments)
    _send_source(arguments)
    return await method(**arguments.values)


def property_value(name: str, value: Any) -> object:
    """The value of a property as the JavaScript method of the same name returns it."""
    if name == "failure":
        return None if value is None else {"errorText": value}
    return value


def _send_source(arguments: Arguments) -> None:
    for parameter in ("expression", "script"):
        function = arguments.values.get(parameter)
        if isinstance(function, ScriptFunction):
            arguments.values[parameter] = _source(function)


def _source(function: ScriptFunction) -> str:
    if function.source is None:
        raise Error("Passed function is not well-serializable!")
    return function.source


async def _expect(method: Callable[..., Any], arguments: Arguments) -> object:
    """A wait that Python writes as a block around what causes the event."""
    if inspect.iscoroutinefunction(arguments.values.get("url")):
        raise Error(
            "A function as 'url' is not supported here; use waitForURL, or a text or regular expression"
        )
    async with method(**arguments.values) as event:
        pass
    return await event.value


async def _evaluate(target: Any, name: str, method: Callable[..., Any], arguments: Arguments) -> object:
    """Run a function in the page. Its result is packed, because Python does not tell undefined from null."""
    function = arguments.values.get("expression")
    if not isinstance(function, ScriptFunction):
        return await method(**arguments.values)
    before = 1 if type(target).__name__ in _ON_ELEMENT else _EVALUATIONS[name]
    count = before + ("arg" in arguments.values)
    arguments.values["expression"] = (
        f"async (...given) => {{ const result = await ({_source(function)})(...given.slice(0, {count}));\n"
        "return result === undefined ? [] : [result]; }"
    )
    packed = await method(**arguments.values)
    return packed[0] if packed else UNDEFINED


async def _add_init_script(_target: Any, method: Callable[..., Any], arguments: Arguments) -> object:
    """A function runs in each page, with an argument that is written into its source."""
    script = arguments.take("script")
    if isinstance(script, ScriptFunction):
        argument = json.dumps(arguments.take("arg")) if "arg" in arguments.values else "undefined"
        script = f"({_source(script)})({argument})"
    arguments.take("arg")
    if script is not None:
        arguments.values["script"] = script
    await method(**arguments.values)
    return UNDEFINED


async def _select_option(_target: Any, method: Callable[..., Any], arguments: Arguments) -> object:
    """What to select may be texts, elements and objects such as ``{label: "Blue"}``, also mixed."""
    given = arguments.take("value")
    wanted: dict[str, list[object]] = {}
    for item in given if isinstance(given, list) else [] if given is None else [given]:
        if isinstance(item, str):
            wanted.setdefault("value", []).append(item)
        elif isinstance(item, dict):
            for key in ("value", "label", "index"):
                if key in item:
                    wanted.setdefault(key, []).append(item[key])
        else:
            wanted.setdefault("element", []).append(item)
    if not wanted and not {"label", "index", "element"} & arguments.values.keys():
        wanted["value"] = []
    return await method(**{**arguments.values, **wanted})


async def _wait_for_url(target: Any, method: Callable[..., Any], arguments: Arguments) -> object:
    """A function of the script judges each address in turn; Python's own must judge at once."""
    judge = arguments.values["url"]
    if not inspect.iscoroutinefunction(judge):
        return await method(**arguments.values)
    timeout = arguments.values.get("timeout", _DEFAULT_TIMEOUT_MS)

    async def arrived(frame: Any) -> bool:
        return frame == getattr(target, "main_frame", target) and bool(await judge(frame.url))

    page = getattr(target, "page", target)
    with suppress(_ArrivedError):
        # Listening begins before the first look, so that nothing is missed in between.
        async with page.expect_event("framenavigated", arrived, timeout=timeout):
            if await judge(target.url):
                raise _ArrivedError
    await target.wait_for_load_state(arguments.values.get("wait_until", "load"), timeout=timeout)
    return UNDEFINED


async def _route(_target: Any, method: Callable[..., Any], arguments: Arguments) -> object:
    """As above: every request is caught, and let go if the function does not want it."""
    judge = arguments.values["url"]
    if inspect.iscoroutinefunction(judge):
        arguments.values |= {"url": "**/*", "handler": _judged(judge, arguments.values["handler"])}
    await method(**arguments.values)
    return UNDEFINED


def _judged(judge: Callable[..., Awaitable[bool]], handler: Any) -> Callable[..., Awaitable[None]]:
    async def handle(route: Route) -> None:
        if await judge(route.request.url):
            await handler(route, route.request)
        else:
            await route.fallback()

    return handle


_SPECIAL: Final[Mapping[str, Callable[..., Awaitable[object]]]] = {
    "add_init_script": _add_init_script,
    "select_option": _select_option,
    "wait_for_url": _wait_for_url,
    "route": _route,
}
