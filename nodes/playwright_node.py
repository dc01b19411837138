"""The node that can do whatever Playwright can: any method by name, and its assertions that wait."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Self

from playwright.async_api import expect
from pydantic import Field

from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock, WaitBlock
from nodes.context import NodeRun
from nodes.errors import NodeDataError, VerificationError
from nodes.limits import time_limit
from nodes.model import INTERPOLATED_DEEP, Flag, OneOf, Text
from nodes.operation import perform
from nodes.playwright_api import ASSERTED, TARGETS, Operation, assertion, method_of, placeholder
from nodes.registry import NodeType
from nodes.script.arguments import read_argument
from nodes.script.binding import Arguments
from nodes.script.special import perform as call
from nodes.script.values import UNDEFINED
from nodes.selectors import locate

__all__ = ["PlaywrightCall", "PlaywrightData"]

_MATCHED_HERE: Final = frozenset({"url", "url_or_predicate", "url_or_reg_exp"})
"""Parameters whose regular expressions are matched by Python and not by the page."""


class PlaywrightData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """What to call, or what to expect."""

    target: Annotated[Text, OneOf(*TARGETS)] = None
    """What the method belongs to, or what the assertion is about (`page` or `locator`). Without it: the `locator`
    that `selector` describes, else the `page`."""
    method: Text = None
    """Name of a method or property of Playwright, such as `dragTo`. Either this or `expect`."""
    expect: Text = None
    """Name of an assertion, such as `toHaveText` or `not.toBeVisible`; it is tried until `timeout`."""
    negated: Annotated[Flag, Field(alias="not")] = False
    """Expect the opposite."""
    arguments: Annotated[list[Any] | dict[str, Any] | None, INTERPOLATED_DEEP] = None
    """Arguments as in JavaScript: an array whose last item may be an object of options, or one object of all by
    name. `{"regex": "...", "flags": "i"}` is a regular expression, `{"locator": "...", "selectorType": "css"}` an
    element."""
    output_variable: Text = "result"
    """Data key for what the method returns; nothing is stored for methods that return nothing."""

    @property
    def operation(self) -> Operation:
        """What the node calls.

        Raises:
            NodeDataError: Neither or both of method and assertion are given, or it does not exist.
        """
        target = self.target or ("locator" if self.selector else "page")
        if bool(self.method) == bool(self.expect):
            raise NodeDataError("give either 'method' or 'expect'", field="method")
        if self.expect:
            return assertion(target, self.expect, negated=self.negated)
        return method_of(target, self.method or "")

    @classmethod
    def checked(
        cls, values: Mapping[str, object], unknown: frozenset[str] = frozenset()
    ) -> tuple[Self | None, list[str]]:
        """Look for wrong types, and for what does not fit the installed Playwright: a method, an option, a value."""
        model, found = super().checked(values, unknown)
        if found or unknown & {"method", "expect", "target", "selector", "arguments", "not"}:
            return model, found
        data = model or cls.read({key: value for key, value in values.items() if key in _SIGNATURE})
        try:
            found = [
                f"property 'arguments': {item}" for item in data.operation.problems(data.arguments or ())
            ]
        except NodeDataError as error:
            found = [f"property '{error.field}': {error.message}"]
        return (None if found else model), found


_SIGNATURE: Final = frozenset({"target", "method", "expect", "not", "arguments", "selector"})


class PlaywrightCall(NodeType[PlaywrightData]):
    """Call any method of Playwright, or expect something with its assertions that wait.

    What the installed Playwright does not have (a method, an option, a value) is found before the run.
    """

    name: ClassVar = "playwright"
    title: ClassVar = "Playwright"
    category: ClassVar = "interaction"
    writes: ClassVar = ("result",)

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Faults of the selector, also that there is none."""
        if values.get("target") == "locator" and not values.get("selector"):
            return ["property 'selector' is required for the target 'locator'"]
        return super().advise(values)

    async def run(self, data: PlaywrightData, run: NodeRun) -> None:
        """Call.

        Raises:
            NodeDataError: There is no such method or assertion, or the arguments do not fit.
            VerificationError: What was expected is not so in time.
        """
        operation = data.operation
        work = _expect if data.expect else _call

        async def once() -> None:
            await work(operation, data, run)

        await perform(run, data, once)
        run.result = operation.title


async def _expect(operation: Operation, data: PlaywrightData, run: NodeRun) -> None:
    subject = await _subject(data, run)
    arguments = await _arguments(operation, data, run)
    arguments.setdefault("timeout", data.timeout)
    try:
        await getattr(expect(subject), operation.name)(**arguments)
    except AssertionError as error:
        raise VerificationError(f"{operation.title}: {error}") from error


async def _call(operation: Operation, data: PlaywrightData, run: NodeRun) -> None:
    subject = await _subject(data, run)
    if operation.parameters is None:
        result: object = getattr(subject, operation.name)
        if data.arguments:
            raise NodeDataError(f"{operation.title} is a property and takes no arguments", field="arguments")
    else:
        result = await _called(subject, operation, data, run)
    if operation.returns and result is not UNDEFINED:
        run.data[data.output_variable or "result"] = _plain(result)


async def _called(subject: Any, operation: Operation, data: PlaywrightData, run: NodeRun) -> object:
    arguments = await _arguments(operation, data, run)
    method = getattr(subject, operation.name)
    if "timeout" in (operation.parameters or {}):
        arguments.setdefault("timeout", data.timeout)
        return await _awaited(subject, operation, method, arguments)
    async with time_limit(data.timeout, operation.title):
        return await _awaited(subject, operation, method, arguments)


async def _awaited(
    subject: Any, operation: Operation, method: Callable[..., Any], arguments: dict[str, object]
) -> object:
    if operation.is_synchronous:
        return method(**arguments)
    return await call(subject, operation.name, method, Arguments(arguments))


async def _subject(data: PlaywrightData, run: NodeRun) -> Any:
    target = data.target or ("locator" if data.selector else "page")
    if target == "locator":
        return await locate(
            run,
            data.selector,
            data.selector_type,
            data.selector_modifiers,
            timeout_ms=data.timeout,
            many=True,
        )
    if target == "context":
        return run.session.context
    if target == "frame":
        return getattr(run.scope, "main_frame", run.scope)
    return run.page if target in ASSERTED else getattr(run.page, target)


async def _arguments(operation: Operation, data: PlaywrightData, run: NodeRun) -> dict[str, object]:
    values, problems = operation.sort(data.arguments or ())
    if problems:
        raise NodeDataError(problems[0], field="arguments")
    ready = {name: await _read(value, name, data, run) for name, value in values.items()}
    fitted = operation.fit(ready)
    for name, value in fitted.items():
        if (operation.parameters or {})[name].takes_path:
            fitted[name] = _with_paths(value, run)
    return fitted


async def _read(value: object, name: str, data: PlaywrightData, run: NodeRun) -> object:
    """An argument with its placeholders replaced."""
    match placeholder(value), value:
        case "regex", Mapping():
            return _pattern(value, matched_here=name in _MATCHED_HERE)
        case "locator", Mapping():
            kind = value.get("selectorType")
            return await locate(
                run,
                str(value["locator"]),
                kind if isinstance(kind, str) else "css",
                timeout_ms=data.timeout,
                name="arguments",
            )
        case _, Mapping():
            return {key: await _read(item, name, data, run) for key, item in value.items()}
        case _, list():
            return [await _read(item, name, data, run) for item in value]
    return value


def _pattern(value: Mapping[str, object], *, matched_here: bool) -> object:
    flags = value.get("flags")
    try:
        return read_argument(
            {"r": [str(value["regex"]), flags if isinstance(flags, str) else ""]},
            _NoRemotes(),
            matched_here=matched_here,
        )
    except (re.error, ValueError) as error:
        raise NodeDataError(
            f"'{value['regex']}' is no regular expression: {error}", field="arguments"
        ) from error


class _NoRemotes:
    """A regular expression holds no objects of the browser library."""

    def handle_of(self, value: object) -> None:
        """None."""

    def resolve(self, wire: object) -> object:
        """Never asked."""
        raise KeyError(wire)


def _with_paths(value: object, run: NodeRun) -> object:
    if isinstance(value, str):
        return run.path(value)
    return [_with_paths(item, run) for item in value] if isinstance(value, list) else value


def _plain(value: object) -> object:
    """A result as the stores keep it: bytes as base64, dates as text; objects of the browser as they are."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
