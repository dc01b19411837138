"""Conditions of switch cases and doWhile loops (nodes.md, section F.1).

A condition that cannot be evaluated does not hold: that is logged, never raised, so that a flow takes its
default branch or leaves its loop. A browser that died is raised all the same, because going on would hide it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Final

from nodes.blocks import SelectorBlock, TimeoutBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import BrowserLostError, NodeDataError
from nodes.matching import compare, dot_path, js_text, parse_float_prefix
from nodes.model import REQUIRED, OneOf, Text
from nodes.retries import is_truthy
from nodes.script.errors import ScriptMemoryError, ScriptTimeoutError
from nodes.script.session import evaluate_condition
from nodes.stored import stored_object
from nodes.verify_element import check_element
from nodes.verify_model import COMPARISONS, ELEMENT_CHECKS, MATCH_TYPES, VerifyData
from nodes.verify_stored import check_body_path, check_status
from nodes.verify_values import required_value

__all__ = ["CONDITION_TYPES", "Condition", "ConditionData", "condition_problems", "holds"]

CONDITION_TYPES: Final = ("ui-element", "api-status", "api-json-path", "javascript", "variable")

_ORDERINGS: Final = COMPARISONS[1:]
"""Comparisons of size, which are about numbers."""

_LEAST_MS: Final = 5_000.0
"""What a page gets at least to answer, ms: a short ``timeout`` limits waiting, and conditions do not wait."""

_USES_CONTEXT: Final = re.compile(r"(?<![\w$.])context\s*(?:\.|\?\.|\[)")
"""JavaScript that reads the stores, and so runs in the runner instead of in the page."""


class ConditionData(SelectorBlock, TimeoutBlock):
    """A condition. Which properties count depends on its type; nothing is interpolated but expected values."""

    type: Annotated[Text, REQUIRED, OneOf(*CONDITION_TYPES)] = None
    """What the condition looks at."""
    element_check: Annotated[Text, OneOf(*ELEMENT_CHECKS)] = "visible"
    """What is asked of the element, at once and without waiting, for `ui-element`."""
    api_context_key: Text = "apiResponse"
    """Key of `data` with the response, for `api-status` and `api-json-path`."""
    status_code: Any = None
    """Expected status, for `api-status`."""
    json_path: Text = None
    """Dot path into the body, for `api-json-path`."""
    expected_value: Any = None
    """Expected value, for `api-json-path` and the element check `count`."""
    match_type: Annotated[Text, OneOf(*MATCH_TYPES, *_ORDERINGS)] = "equals"
    """How the values are compared, for `api-json-path`."""
    javascript_expression: Text = None
    """Expression, for `javascript`: evaluated in the runner if it reads `context`, else in the page."""
    variable_name: Text = None
    """Name of the variable, for `variable`; results in `data` are not looked at."""
    comparison_value: Any = None
    """What the variable is compared with."""
    comparison_operator: Annotated[Text, OneOf(*COMPARISONS)] = "equals"
    """How they are compared: `equals` as texts, the others as numbers."""


class Condition:
    """A condition that may be asked many times, and whose properties are read the first time.

    Args:
        given: The condition object as it stands in the file.
    """

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = given

    @cached_property
    def data(self) -> ConditionData:
        """Its properties; raises `pydantic.ValidationError` if one has the wrong type."""
        return ConditionData.read(self._given)


async def holds(run: NodeRun, condition: Condition) -> bool:
    """Whether a condition holds now.

    Args:
        run: The run of the switch or loop.
        condition: The condition.

    Returns:
        False also when the condition is incomplete or fails; the reason is logged at level ``debug``.

    Raises:
        BrowserLostError: The browser died.
    """
    try:
        data = condition.data
        answer = choose(_EVALUATORS, data.type, "type")(run, data)
        if isinstance(answer, bool):
            return answer
        async with asyncio.timeout(max(data.timeout, _LEAST_MS) / 1000):
            return await answer
    except BrowserLostError:
        raise
    except Exception as error:
        if run.session.lost:
            raise
        reason = str(error) or type(error).__name__
        level = "warning" if isinstance(error, ScriptTimeoutError | ScriptMemoryError) else "debug"
        run.log(level, f"Node {run.node.title}: a condition counts as not passed: {reason}")
        return False


def condition_problems(condition: object) -> list[str]:
    """What keeps a condition from ever holding, as far as its text tells."""
    if not isinstance(condition, Mapping):
        return []
    kind = condition.get("type")
    if kind not in CONDITION_TYPES:
        known = ", ".join(CONDITION_TYPES)
        return [f"condition type '{kind}' is unknown, so it never holds; it can be: {known}"]
    return []


async def _element(run: NodeRun, data: ConditionData) -> bool:
    await run.session.dismiss_dialogs()
    return (await check_element(run, _as_check(data, "element"), once=True)).passed


def _status(run: NodeRun, data: ConditionData) -> bool:
    return check_status(run, _as_check(data, "status")).passed


def _json_path(run: NodeRun, data: ConditionData) -> bool:
    check = _as_check(data, "bodyPath")
    if data.match_type not in _ORDERINGS:
        return check_body_path(run, check).passed
    path = run.require(data.json_path, "jsonPath")
    response = stored_object(run, data.api_context_key or "apiResponse", "apiContextKey")
    actual = dot_path(response.get("body"), path)
    return _compared(actual, data.match_type, required_value(run, data.expected_value, "expectedValue"))


async def _javascript(run: NodeRun, data: ConditionData) -> bool:
    expression = run.require(data.javascript_expression, "javascriptExpression")
    if _USES_CONTEXT.search(expression):
        return await evaluate_condition(run, expression)
    await run.session.dismiss_dialogs()
    return is_truthy(await run.scope.evaluate(expression))


def _variable(run: NodeRun, data: ConditionData) -> bool:
    name = run.require(data.variable_name, "variableName")
    if data.comparison_value is None:
        raise NodeDataError("Property 'comparisonValue' is required", field="comparisonValue")
    if name not in run.variables:
        raise NodeDataError(f"Variable '{name}' is not set", field="variableName")
    return _compared(run.variables[name], data.comparison_operator, data.comparison_value)


def _compared(actual: object, operator: str | None, expected: object) -> bool:
    """Compare as texts for ``equals``, else as the numbers that both texts start with."""
    if operator is None or operator not in _ORDERINGS:
        return js_text(actual) == js_text(expected)
    left, right = parse_float_prefix(js_text(actual)), parse_float_prefix(js_text(expected))
    return left is not None and right is not None and compare(left, operator, right)


_EVALUATORS: Final[Mapping[str, Callable[[NodeRun, ConditionData], bool | Awaitable[bool]]]] = {
    "ui-element": _element,
    "api-status": _status,
    "api-json-path": _json_path,
    "javascript": _javascript,
    "variable": _variable,
}


def _as_check(data: ConditionData, verification_type: str) -> VerifyData:
    """The check of a verify node that asks the same."""
    return VerifyData(
        verification_type=verification_type,
        selector=data.selector,
        selector_type=data.selector_type,
        selector_modifiers=data.selector_modifiers,
        timeout=data.timeout,
        element_check=data.element_check,
        api_context_key=data.api_context_key,
        status_code=data.status_code,
        json_path=data.json_path,
        expected_value=data.expected_value,
        match_type=data.match_type,
        comparison_operator=data.comparison_operator,
    )
