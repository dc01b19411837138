"""JavaScript outside the JavaScript node: conditions, the update step of a loop, retries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps, RunWorkflow
from tests.nodes.scripts import script
from tests.running import node, workflow
from tests.site.api import Api

DATA = {
    "list": [1, 2, 3],
    "apiResponse": {"status": 200, "body": {"state": "done"}},
    "text": "abc",
    "zero": 0,
}


def switch(expression: str) -> tuple[str, dict[str, Any]]:
    case = {
        "id": "yes",
        "label": "Yes",
        "condition": {"type": "javascript", "javascriptExpression": expression},
    }
    return "switch.switch", {"cases": [case], "defaultCase": {"label": "No"}}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("context.getData('list').length === 3", True),
        ("context.data.list.includes(2) && context.data.text.startsWith('a')", True),
        ("context?.data['apiResponse'].body.state == 'done'", True),
        ("context.getVariable('v') > 1", True),
        ("context.variables.v", True),
        ("context.getData('list').some(n => n > 2);", True),
        ("return context.getData('zero') === 0", True),
        ("await Promise.resolve(context.data.list)", True),
        ("[].concat(context.data.missing ?? [])", True),
        ("context.getData('zero')", False),
        ("context.getData('missing')", False),
        ("context.getData('missing').length", False),
        ("context.getData('list').length >", False),
        ("typeof context.setData + typeof context.page === 'functionobject'", False),
    ],
)
async def test_a_condition_that_reads_the_stores(run_steps: RunSteps, expression: str, holds: bool) -> None:
    outcome = await run_steps(
        script("context.setVariable('v', 2)"), switch(expression), data=DATA, open_browser=False
    )

    assert outcome.error is None
    assert outcome.data["switchOutput"] == ("yes" if holds else "default")


async def test_a_condition_that_does_not_end_does_not_hold(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        switch("context.data.x || (() => { while (true) {} })()"), open_browser=False, script_timeout_s=0.3
    )

    assert outcome.error is None
    assert outcome.data["switchOutput"] == "default"
    assert "a condition counts as not passed: JavaScript execution error:" in outcome.log[-1]


def counting(update: str, condition: str = "context.getData('n') < 3", **data: Any) -> dict[str, Any]:
    given = {"type": "javascript", "javascriptExpression": condition}
    return workflow(
        [
            node("start", "start"),
            node("given", "setConfig.setConfig", config={"n": 0, "seen": []}),
            node("loop", "loop", mode="doWhile", condition=given, updateStep=update, **data),
            node(
                "body",
                "javascriptCode",
                code="context.data.seen.push([context.getVariable('index'), context.data.n])",
            ),
        ],
        [("start", "given"), ("given", "loop"), ("loop", "body")],
    )


async def test_the_update_step_runs_after_each_iteration(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(
        counting("await null; context.setData('n', context.getData('n') + 1); return 'dropped'")
    )

    assert outcome.error is None
    assert outcome.data["n"] == 3
    assert outcome.data["seen"] == [[0, 0], [1, 1], [2, 2]]
    assert "result" not in outcome.data


async def test_errors_of_the_update_step_are_ignored(run_workflow: RunWorkflow) -> None:
    document = counting("context.data.gone.x()", "context.getData('seen').length < 2")
    outcome = await run_workflow(document)

    assert outcome.error is None
    assert len(outcome.data["seen"]) == 2
    assert "the update step failed: JavaScript execution error:" in outcome.log[-1]


async def test_a_loop_that_goes_on_for_ever_has_a_limit(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(counting("", "context.getData('n') === 0", maxIterations=2))

    assert outcome.error is not None
    assert outcome.error.code == "LOOP_LIMIT"


def retrying(url: str, expression: str, **data: Any) -> tuple[str, dict[str, Any]]:
    condition = {"type": "api-javascript", "value": expression, "timeout": 20_000, **data}
    return "apiRequest", {
        "method": "GET",
        "url": url,
        "retryEnabled": True,
        "retryStrategy": "untilCondition",
        "retryDelay": 5,
        "retryUntilCondition": condition,
    }


async def test_a_request_is_repeated_until_an_expression_holds(run_steps: RunSteps, api: Api) -> None:
    expression = (
        "response.status === 200 && response.body.state === context.data.wanted && response.duration >= 0"
    )
    outcome = await run_steps(
        retrying(f"{api.url}/job", expression), data={"wanted": "done"}, open_browser=False
    )

    assert outcome.error is None
    assert outcome.data["apiResponse"]["body"]["state"] == "done"
    assert api.attempts == 3


async def test_an_expression_that_fails_counts_as_not_met(run_steps: RunSteps, api: Api) -> None:
    outcome = await run_steps(
        retrying(f"{api.url}/job", "response.nothing.here", timeout=200), open_browser=False
    )

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
