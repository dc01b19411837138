"""The retry block: trying a node's operation again (nodes.md, section D)."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import count
from typing import Annotated, Final, TypeVar

from playwright.async_api import Error
from pydantic import ValidationError
from pydantic.alias_generators import to_snake

from nodes.blocks import Modifiers, RetryBlock, SelectorType
from nodes.choices import choose
from nodes.clock import elapsed
from nodes.context import NodeRun
from nodes.errors import (
    NodeDataError,
    NodeError,
    NodeTimeoutError,
    NotSupportedError,
    PageMissingError,
    SelectorError,
)
from nodes.limits import time_limit
from nodes.matching import MISSING, dot_path, js_text, matches, url_matches
from nodes.model import DEFAULT_TIMEOUT_MS, LooseText, OneOf, Part, Text, Unparsable, describe
from nodes.network import NetworkRefusedError
from nodes.script.session import evaluate_condition
from nodes.selectors import locate
from nodes.stored import stored_object
from nodes.verify_model import MATCH_TYPES
from nodes.verify_values import number_of

__all__ = ["RetryCondition", "delays", "is_truthy", "with_retries"]

T = TypeVar("T")
Attempt = Callable[[], Awaitable[T]]
Check = Callable[[NodeRun, "RetryCondition"], Awaitable[bool]]

_PERMANENT: Final = (NodeDataError, NetworkRefusedError, NotSupportedError, PageMissingError, SelectorError)
"""Failures that another attempt cannot change."""

_SLOWEST_CHECK_MS: Final = 5_000
"""A condition is a look at the page as it is; a script that takes longer counts as not met."""


class RetryCondition(Part):
    """``retryUntilCondition``: when to stop trying."""

    type: Text = None
    """What to look at: the page (`selector`, `url`, `javascript`) or a stored response (`api-...`)."""
    value: Text = None
    """The selector, the URL pattern or the expression."""
    selector_type: SelectorType = "css"
    """How a selector is read."""
    selector_modifiers: Modifiers | None = None
    """What narrows a selector down."""
    visibility: str = "visible"
    """Whether the element must be `visible` or `invisible`."""
    context_key: Text = "apiResponse"
    """Key of `data` with the response; the node's own key is not looked at."""
    expected_status: LooseText = None
    """The status to wait for, for `api-status`; references are replaced."""
    json_path: Text = None
    """Dot path into the body, for `api-json-path`."""
    expected_value: LooseText = None
    """The value to wait for, for `api-json-path`; references are replaced."""
    match_type: Annotated[str, OneOf(*MATCH_TYPES)] = "equals"
    """How the value is compared, for `api-json-path`; upper and lower case differ."""
    timeout: Annotated[float, Unparsable(DEFAULT_TIMEOUT_MS)] = DEFAULT_TIMEOUT_MS
    """Limit for all attempts together, ms."""


async def with_retries(run: NodeRun, data: RetryBlock, attempt: Attempt[T]) -> T | None:
    """Run an operation until it succeeds, as the block says.

    Args:
        run: The node being run.
        data: Its properties; retries are enabled.
        attempt: Waits and operation of one attempt.

    Returns:
        The operation's result; None when it failed but the condition holds.

    Raises:
        NodeError: What the last attempt raised, or its condition was never met.
        NodeDataError: The block cannot be understood.
    """
    strategy = choose(
        {"count": _by_count, "untilCondition": _until_condition}, data.retry_strategy, "retryStrategy"
    )
    return await strategy(run, data, attempt)


def delays(data: RetryBlock) -> Iterator[float]:
    """The delay before each retry, in seconds, without end."""
    for retry in count():
        # Beyond 2**40 a delay is endless anyway, and larger powers overflow.
        factor = 2.0 ** min(retry, 40) if data.retry_delay_strategy == "exponential" else 1.0
        limit = data.retry_max_delay if data.retry_delay_strategy == "exponential" else None
        yield max(0.0, min(data.retry_delay * factor, limit or math.inf)) / 1000


async def _by_count(run: NodeRun, data: RetryBlock, attempt: Attempt[T]) -> T | None:
    retries = max(0, int(data.retry_count))
    for number, delay in zip(range(retries), delays(data), strict=False):
        try:
            return await attempt()
        except (NodeError, Error) as error:
            if not _worth_retrying(run, error):
                raise
            run.log("info", f"Retry {number + 1} of {retries} in {delay:g} s: {error.message}")
        await asyncio.sleep(delay)
    return await attempt()


async def _until_condition(run: NodeRun, data: RetryBlock, attempt: Attempt[T]) -> T | None:
    condition = _read_condition(run, data.retry_until_condition)
    check = _checker(run, condition)
    end = elapsed() + condition.timeout / 1000
    waits = delays(data)
    while True:
        result, failure = None, None
        try:
            result = await attempt()
        except (NodeError, Error) as error:
            if not _worth_retrying(run, error):
                raise
            failure = error
        if await _holds(check, run, condition):
            return result
        delay = next(waits)
        if elapsed() + delay >= end:
            raise failure or _unmet(condition)
        run.log("info", f"Retry in {delay:g} s: {failure.message if failure else 'condition not met'}")
        await asyncio.sleep(delay)


def _worth_retrying(run: NodeRun, error: NodeError | Error) -> bool:
    return not isinstance(error, _PERMANENT) and not run.session.lost


def _unmet(condition: RetryCondition) -> NodeTimeoutError:
    names = _NEEDS.get(condition.type or "", ("value",))
    wanted = ", ".join(f"'{getattr(condition, to_snake(name))}'" for name in names)
    return NodeTimeoutError(
        f"Retry condition not met within {condition.timeout:g} ms: {condition.type} {wanted}"
    )


def _read_condition(run: NodeRun, values: Mapping[str, object] | None) -> RetryCondition:
    name = "retryUntilCondition"
    if not values:
        raise NodeDataError(f"Property '{name}' is required with retryStrategy 'untilCondition'", field=name)
    timeout = values.get("timeout")
    given = {**values, "timeout": run.interpolate(timeout)} if isinstance(timeout, str) else values
    try:
        return RetryCondition.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(describe(item) for item in error.errors())
        raise NodeDataError(f"Property '{name}' cannot be used: {problems}", field=name) from error


def _checker(run: NodeRun, condition: RetryCondition) -> Check:
    """The condition's check; what keeps it from ever holding is raised before the first attempt."""
    check = choose(_CHECKS, condition.type, "retryUntilCondition.type")
    for name in _NEEDS.get(condition.type or "", ("value",)):
        value = getattr(condition, to_snake(name))
        if value is None or not (value.strip() or name == "expectedValue"):
            field = f"retryUntilCondition.{name}"
            raise NodeDataError(
                f"Property '{field}' is required for the condition '{condition.type}'", field=field
            )
    if condition.type in _PAGE_CONDITIONS:
        run.page  # noqa: B018 - raises the right error when no page is open
    return check


async def _holds(check: Check, run: NodeRun, condition: RetryCondition) -> bool:
    try:
        async with time_limit(_SLOWEST_CHECK_MS, "The retry condition"):
            return await check(run, condition)
    except (NodeError, Error, ValueError, re.error) as error:
        run.log("debug", f"The retry condition counts as not met: {error}")
        return False


async def _selector_shown(run: NodeRun, condition: RetryCondition) -> bool:
    """Whether the element is (or is not) visible right now; any error counts as not visible."""
    try:
        locator = await locate(
            run, condition.value, condition.selector_type, condition.selector_modifiers, timeout_ms=0
        )
        visible = await locator.is_visible()
    except (NodeError, Error):
        visible = False
    return visible != (condition.visibility == "invisible")


async def _url_matches(run: NodeRun, condition: RetryCondition) -> bool:
    return url_matches(run.page.url, condition.value or "")


async def _script_is_truthy(run: NodeRun, condition: RetryCondition) -> bool:
    return is_truthy(await run.scope.evaluate(condition.value or ""))


async def _status_is(run: NodeRun, condition: RetryCondition) -> bool:
    wanted = number_of(run.interpolate(condition.expected_status or ""))
    return wanted is not None and number_of(_stored(run, condition).get("status")) == wanted


async def _body_matches(run: NodeRun, condition: RetryCondition) -> bool:
    actual = dot_path(_stored(run, condition).get("body"), condition.json_path or "")
    expected = run.interpolate(condition.expected_value or "")
    return actual is not MISSING and matches(
        js_text(actual), expected, condition.match_type, case_sensitive=True
    )


async def _expression_holds(run: NodeRun, condition: RetryCondition) -> bool:
    response = _stored(run, condition)
    return await evaluate_condition(run, condition.value or "", {"response": response})


def _stored(run: NodeRun, condition: RetryCondition) -> Mapping[str, object]:
    return stored_object(run, condition.context_key or "apiResponse", "retryUntilCondition.contextKey")


def is_truthy(value: object) -> bool:
    """JavaScript's truth of a value that came from the page: empty arrays and objects are true."""
    return not (value is None or value is False or value in ("", 0) or value != value)  # noqa: PLR0124 - NaN


_CHECKS: Final[Mapping[str, Check]] = {
    "selector": _selector_shown,
    "url": _url_matches,
    "javascript": _script_is_truthy,
    "api-status": _status_is,
    "api-json-path": _body_matches,
    "api-javascript": _expression_holds,
}

_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "api-status": ("expectedStatus",),
    "api-json-path": ("jsonPath", "expectedValue"),
}
"""Properties that a condition cannot do without; `value` for those that are not listed."""

_PAGE_CONDITIONS: Final = frozenset({"selector", "url", "javascript"})
