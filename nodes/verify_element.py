"""What a verify node or a condition can ask of an element (nodes.md, ``verify``: ``elementCheck``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from playwright.async_api import Error, Locator
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from nodes.choices import choose
from nodes.context import NodeRun
from nodes.polling import check_once, poll
from nodes.selectors import locate
from nodes.verify_model import Finding, VerifyData
from nodes.verify_values import compare_numbers, required_value

__all__ = ["check_element"]

_SELECTED: Final = """element => Boolean(
  element.selected || element.checked || element.ariaSelected === "true" || element.ariaChecked === "true"
)"""

_NONE: Final = "but no element matches"

_NEGATIVE: Final = {
    "strict mode violation": "but several elements match; narrow the selector down",
    "Not a checkbox": "but is neither a checkbox nor a radio button",
}
"""Errors that answer a question for good (nodes.md: they count as a negative result), and how to say so."""

_Ask = Callable[[Locator, float], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class _Question:
    """A yes-or-no question about an element.

    Attributes:
        ask: Asks the browser, within a time in ms.
        wanted: The answer that passes.
        expectation: What should hold, as it follows "should".
        otherwise: What to say when it does not.
        needs_element: Whether the question has no answer without an element.
    """

    ask: _Ask
    wanted: bool
    expectation: str
    otherwise: str
    needs_element: bool = True


async def _is_visible(locator: Locator, _limit_ms: float) -> bool:
    return await locator.is_visible()


async def _exists(locator: Locator, _limit_ms: float) -> bool:
    return await locator.count() > 0


async def _is_enabled(locator: Locator, limit_ms: float) -> bool:
    return await locator.is_enabled(timeout=limit_ms)


async def _is_checked(locator: Locator, limit_ms: float) -> bool:
    return await locator.is_checked(timeout=limit_ms)


async def _is_selected(locator: Locator, limit_ms: float) -> bool:
    return bool(await locator.evaluate(_SELECTED, timeout=limit_ms))


_QUESTIONS: Final[Mapping[str, _Question | None]] = {
    "visible": _Question(_is_visible, True, "be visible", "but is hidden", needs_element=False),
    "hidden": _Question(_is_visible, False, "be hidden", "but is visible", needs_element=False),
    "exists": _Question(_exists, True, "exist", _NONE, needs_element=False),
    "notExists": _Question(_exists, False, "not exist", "but does", needs_element=False),
    "count": None,
    "enabled": _Question(_is_enabled, True, "be enabled", "but is disabled"),
    "disabled": _Question(_is_enabled, False, "be disabled", "but is enabled"),
    "selected": _Question(_is_selected, True, "be selected", "but is not"),
    "checked": _Question(_is_checked, True, "be checked", "but is not"),
}
"""All element checks; ``count`` is a comparison instead of a question."""


async def check_element(run: NodeRun, data: VerifyData, *, once: bool = False) -> Finding:
    """Whether an element is in the state asked for.

    Args:
        run: The node's run.
        data: The check; its selector is required.
        once: Look a single time instead of waiting until it holds.

    Raises:
        NodeDataError: The check is unknown or a property is missing.
    """
    run.require(data.selector, "selector")
    question = choose(_QUESTIONS, data.element_check or "visible", "elementCheck")
    if question is None:
        expected = required_value(run, data.expected_value, "expectedValue")
        look = partial(_count, run, data, expected)
    else:
        look = partial(_ask, run, data, question, once)
    if once:
        return await check_once(look)
    finding = await poll(look, data.timeout)
    if not finding.passed and question is not None and question.ask is _is_visible and question.wanted:
        return await _explained(run, data, finding)
    return finding


async def _count(run: NodeRun, data: VerifyData, expected: object, _limit_ms: float) -> Finding:
    count = await (await _located(run, data)).count()
    return compare_numbers(f"count of '{data.selector}'", count, expected, data.comparison_operator)


async def _ask(run: NodeRun, data: VerifyData, question: _Question, once: bool, limit_ms: float) -> Finding:  # noqa: FBT001 - a partial's argument
    finding = partial(_answered, data, question)
    locator = await _located(run, data)
    if once and question.needs_element and not await locator.count():
        return finding(passed=False, reason=_NONE)
    try:
        answer = await question.ask(locator, limit_ms)
    except PlaywrightTimeoutError:
        return finding(passed=False, reason=_NONE)
    except Error as error:
        reason = next((text for sign, text in _NEGATIVE.items() if sign in error.message), None)
        if reason is None:
            raise
        return finding(passed=False, reason=reason, final=True)
    return finding(passed=answer is question.wanted, reason=question.otherwise)


def _answered(
    data: VerifyData, question: _Question, *, passed: bool, reason: str, final: bool = False
) -> Finding:
    return Finding(
        passed=passed,
        subject=f"element '{data.selector}'",
        expectation=question.expectation,
        actual=passed,
        expected=True,
        reason=reason,
        final=final,
    )


async def _explained(run: NodeRun, data: VerifyData, finding: Finding) -> Finding:
    """Say whether an element that is not visible is hidden or not there at all."""
    count = await (await _located(run, data)).count()
    return finding if count else replace(finding, reason=_NONE)


async def _located(run: NodeRun, data: VerifyData) -> Locator:
    """The element as it is now: the type ``text`` may find another one at each look."""
    return await locate(
        run, data.selector, data.selector_type, data.selector_modifiers, timeout_ms=0, many=True
    )
