"""Conditions, as switch cases see them."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.conditions import condition_problems
from tests.conftest import RunWorkflow
from tests.running import Outcome, Step, node, steps_document

STORED = {
    "apiResponse": {"status": 200, "headers": {}, "body": {"user": {"name": "Ada", "age": 36}}},
    "other": {"status": 404, "headers": {}, "body": []},
    "wanted": "ada",
}
VARIABLES: list[Step] = [
    ("intValue", {"value": 5, "variableName": "five"}),
    ("stringValue", {"value": "10 apples", "variableName": "apples"}),
    ("booleanValue", {"value": True, "variableName": "yes"}),
]

HOLD: dict[str, dict[str, Any]] = {
    "equal text": {"type": "variable", "variableName": "five", "comparisonValue": "5"},
    "equal boolean": {"type": "variable", "variableName": "yes", "comparisonValue": "true"},
    "unused fields": {
        "type": "variable",
        "variableName": "five",
        "comparisonValue": 5,
        "selector": "",
        "jsonPath": None,
    },
    "greater, number prefix": {
        "type": "variable",
        "variableName": "apples",
        "comparisonOperator": "greaterThan",
        "comparisonValue": "9",
    },
    "at most": {
        "type": "variable",
        "variableName": "five",
        "comparisonOperator": "lessThanOrEqual",
        "comparisonValue": 5,
    },
    "status": {"type": "api-status", "statusCode": 200},
    "status as text, other key": {"type": "api-status", "statusCode": "404", "apiContextKey": "other"},
    "json path": {"type": "api-json-path", "jsonPath": "user.name", "expectedValue": "${data.wanted}"},
    "json path, compared": {
        "type": "api-json-path",
        "jsonPath": "user.age",
        "matchType": "greaterThan",
        "expectedValue": 35,
    },
}

DO_NOT_HOLD: dict[str, dict[str, Any]] = {
    "unknown type": {"type": "moon"},
    "no type": {},
    "missing variable": {"type": "variable", "variableName": "nope", "comparisonValue": "x"},
    "data is no variable": {"type": "variable", "variableName": "wanted", "comparisonValue": "ada"},
    "no comparison value": {"type": "variable", "variableName": "five"},
    "not a number": {
        "type": "variable",
        "variableName": "yes",
        "comparisonOperator": "greaterThan",
        "comparisonValue": 0,
    },
    "other status": {"type": "api-status", "statusCode": 500},
    "missing response": {"type": "api-status", "statusCode": 200, "apiContextKey": "nope"},
    "missing path": {"type": "api-json-path", "jsonPath": "user.none", "expectedValue": "x"},
    "path without expectation": {"type": "api-json-path", "jsonPath": "user.name"},
    "page without a browser": {"type": "ui-element", "selector": "body"},
    "script without a browser": {"type": "javascript", "javascriptExpression": "true"},
}

HOLD_ON_PAGE: dict[str, dict[str, Any]] = {
    "visible": {"type": "ui-element", "selector": "#title"},
    "hidden": {"type": "ui-element", "selector": "#hidden", "elementCheck": "hidden"},
    "exists": {"type": "ui-element", "selector": ".item", "elementCheck": "exists"},
    "disabled": {"type": "ui-element", "selector": "#off", "elementCheck": "disabled"},
    "by role": {"type": "ui-element", "selector": "role:heading", "selectorType": "getByRole"},
    "nth": {"type": "ui-element", "selector": ".item", "selectorModifiers": {"nth": 1}},
    "script": {"type": "javascript", "javascriptExpression": "document.title === 'Logic'"},
    "an empty array is true": {"type": "javascript", "javascriptExpression": "[]"},
    "a context of the page's own": {
        "type": "javascript",
        "javascriptExpression": "(audio => audio.context.rate)({context: {rate: 1}})",
    },
}

DO_NOT_HOLD_ON_PAGE: dict[str, dict[str, Any]] = {
    "not visible": {"type": "ui-element", "selector": "#hidden"},
    "missing": {"type": "ui-element", "selector": "#nowhere", "elementCheck": "enabled"},
    "appears later": {"type": "ui-element", "selector": "#nowhere", "timeout": 60000},
    "several": {"type": "ui-element", "selector": ".item"},
    "bad selector": {"type": "ui-element", "selector": "###"},
    "no selector": {"type": "ui-element"},
    "unknown check": {"type": "ui-element", "selector": "#title", "elementCheck": "purple"},
    "script that is false": {"type": "javascript", "javascriptExpression": "0"},
    "script that throws": {"type": "javascript", "javascriptExpression": "nonsense.x"},
    "no script": {"type": "javascript"},
}


def switch(condition: dict[str, Any]) -> Step:
    case = {"id": "case-1", "label": "It holds", "condition": condition}
    return ("switch.switch", {"cases": [case], "defaultCase": {"label": "It does not"}})


def switches(conditions: dict[str, dict[str, Any]], *first: Step) -> dict[str, Any]:
    """A workflow with a switch for each condition; a variable with the condition's name keeps what it selected."""
    document = steps_document((*VARIABLES, *first), STORED, open_browser=bool(first))
    last = document["nodes"][-1]["id"]
    for number, (name, condition) in enumerate(conditions.items()):
        kept = node(f"kept{number}", "stringValue", value="${data.switchOutput}", variableName=name)
        kind, values = switch(condition)
        document["nodes"] += [node(f"switch{number}", kind, **values), kept]
        document["edges"] += [
            edge(last, f"switch{number}", "output"),
            edge(f"switch{number}", kept["id"], "case-1"),
            edge(f"switch{number}", kept["id"], "default"),
        ]
        last = kept["id"]
    return document


def edge(source: str, target: str, handle: str) -> dict[str, str]:
    return {
        "id": f"{source}-{handle}",
        "source": source,
        "target": target,
        "sourceHandle": handle,
        "targetHandle": "input",
    }


def selected(outcome: Outcome, conditions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    assert outcome.error is None
    return {name: outcome.variables[name] for name in conditions}


async def test_conditions_on_stored_values_hold(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(switches(HOLD))

    assert selected(outcome, HOLD) == dict.fromkeys(HOLD, "case-1")


async def test_conditions_on_stored_values_do_not_hold(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(switches(DO_NOT_HOLD))

    assert selected(outcome, DO_NOT_HOLD) == dict.fromkeys(DO_NOT_HOLD, "default")


def visit(site_url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": f"{site_url}/logic.html", "waitUntil": "load"})


@pytest.mark.browser
async def test_conditions_on_the_page_hold(run_workflow: RunWorkflow, site_url: str) -> None:
    outcome = await run_workflow(switches(HOLD_ON_PAGE, visit(site_url)))

    assert selected(outcome, HOLD_ON_PAGE) == dict.fromkeys(HOLD_ON_PAGE, "case-1")


@pytest.mark.browser
async def test_conditions_on_the_page_do_not_hold(run_workflow: RunWorkflow, site_url: str) -> None:
    outcome = await run_workflow(switches(DO_NOT_HOLD_ON_PAGE, visit(site_url)))

    assert selected(outcome, DO_NOT_HOLD_ON_PAGE) == dict.fromkeys(DO_NOT_HOLD_ON_PAGE, "default")


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({"type": "variable"}, None),
        ({"type": "javascript", "javascriptExpression": "document.title"}, None),
        ("no object", None),
        ({"type": "moon"}, "condition type 'moon' is unknown"),
        ({"type": "javascript", "javascriptExpression": "context.data.x"}, None),
    ],
)
def test_what_never_holds_is_known_before_the_run(condition: object, problem: str | None) -> None:
    problems = condition_problems(condition)

    assert len(problems) == (0 if problem is None else 1)
    assert problem is None or problem in problems[0]
