"""Loop, switch, and the types that only mark something or are not supported yet."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.catalogue import default_registry
from tests.conftest import RunSteps, RunWorkflow
from tests.running import Outcome, node, workflow


def loop_over(data: dict[str, Any], loop: dict[str, Any]) -> dict[str, Any]:
    """A loop whose body is one value node that keeps the last item."""
    return workflow(
        [
            node("start", "start"),
            node("given", "setConfig.setConfig", config=data),
            node("limit", "intValue", value=3, variableName="limit"),
            node("loop", "loop", **loop),
            node("body", "stringValue", value="${variables.index}:${variables.item}", variableName="last"),
        ],
        [("start", "given"), ("given", "limit"), ("limit", "loop"), ("loop", "body")],
    )


def rounds(outcome: Outcome) -> list[int | None]:
    return [item.iteration for item in outcome.nodes if item.node_id == "body" and item.status == "completed"]


async def test_for_each_runs_once_for_each_element(run_workflow: RunWorkflow) -> None:
    document = loop_over({"list": ["a", "b", "c"]}, {"mode": "forEach", "arrayVariable": "list"})

    outcome = await run_workflow(document)

    assert rounds(outcome) == [0, 1, 2]
    assert outcome.variables["last"] == "2:c"
    assert (outcome.variables["index"], outcome.variables["item"]) == (2, "c")


async def test_for_each_over_nothing_runs_zero_times(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(loop_over({"list": []}, {"mode": "forEach", "arrayVariable": "list"}))

    assert outcome.status == "completed"
    assert rounds(outcome) == []
    assert (outcome.variables["index"], outcome.variables["item"]) == (0, None)


async def test_do_while_tests_its_condition_before_each_iteration(run_workflow: RunWorkflow) -> None:
    condition = {
        "type": "variable",
        "variableName": "index",
        "comparisonOperator": "lessThan",
        "comparisonValue": "2",
    }

    outcome = await run_workflow(loop_over({"x": 1}, {"mode": "doWhile", "condition": condition}))

    assert rounds(outcome) == [0, 1, 2]
    assert outcome.variables["item"] is None


async def test_do_while_with_a_false_condition_runs_zero_times(run_workflow: RunWorkflow) -> None:
    condition = {"type": "variable", "variableName": "nope", "comparisonValue": "x"}

    outcome = await run_workflow(loop_over({"x": 1}, {"mode": "doWhile", "condition": condition}))

    assert outcome.status == "completed"
    assert rounds(outcome) == []


async def test_do_while_stops_at_its_limit(run_workflow: RunWorkflow) -> None:
    condition = {"type": "variable", "variableName": "limit", "comparisonValue": "3"}
    loop = {"mode": "doWhile", "condition": condition, "maxIterations": "4"}

    outcome = await run_workflow(loop_over({"x": 1}, loop))

    assert rounds(outcome) == [0, 1, 2, 3]
    assert outcome.error is not None
    assert outcome.error.code == "LOOP_LIMIT"
    assert outcome.error.message == "Loop exceeded maximum iterations limit of 4"


@pytest.mark.parametrize(
    ("loop", "code", "message"),
    [
        ({}, "NODE_PROPERTY_INVALID", "Property 'mode' is required"),
        ({"mode": "forever"}, "NODE_PROPERTY_INVALID", "it can be: forEach, doWhile"),
        ({"mode": "forEach"}, "NODE_PROPERTY_INVALID", "'arrayVariable' is required"),
        (
            {"mode": "forEach", "arrayVariable": "nope"},
            "NODE_PROPERTY_INVALID",
            "nothing is stored under data key 'nope'",
        ),
        (
            {"mode": "forEach", "arrayVariable": "text"},
            "NODE_PROPERTY_INVALID",
            "no array is stored under data key 'text'",
        ),
        ({"mode": "doWhile"}, "NODE_PROPERTY_INVALID", "'condition' is required"),
    ],
)
async def test_a_loop_that_cannot_run_fails_before_its_body(
    run_workflow: RunWorkflow, loop: dict[str, Any], code: str, message: str
) -> None:
    outcome = await run_workflow(loop_over({"text": "abc"}, loop))

    assert rounds(outcome) == []
    assert outcome.error is not None
    assert outcome.error.code == code
    assert message in outcome.error.message


def case(name: str, value: str) -> dict[str, Any]:
    condition = {"type": "variable", "variableName": "colour", "comparisonValue": value}
    return {"id": name, "label": f"Label of {name}", "condition": condition}


async def test_a_switch_takes_the_first_case_that_holds(run_steps: RunSteps) -> None:
    cases = [{"id": "empty", "label": "No condition"}, case("a", "blue"), case("b", "red"), case("c", "red")]

    outcome = await run_steps(
        ("stringValue", {"value": "red", "variableName": "colour"}),
        ("switch.switch", {"cases": cases, "defaultCase": {"label": "Else"}}),
        open_browser=False,
    )

    assert outcome.data["switchOutput"] == "b"
    assert outcome.data["switchOutputLabel"] == "Label of b"


async def test_a_switch_without_cases_takes_the_default(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        ("switch.switch", {"cases": [], "defaultCase": {"label": "Else"}}), open_browser=False
    )

    assert (outcome.data["switchOutput"], outcome.data["switchOutputLabel"]) == ("default", "Else")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"defaultCase": {"label": "Else"}}, "cases"),
        ({"cases": []}, "defaultCase.label"),
        ({"cases": [], "defaultCase": {"label": " "}}, "defaultCase.label"),
    ],
)
async def test_an_incomplete_switch_fails(run_steps: RunSteps, data: dict[str, Any], field: str) -> None:
    outcome = await run_steps(("switch.switch", data), open_browser=False)

    assert outcome.error is not None
    assert f"'{field}' is required" in outcome.error.message


async def test_notes_are_passed_through(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [
            node("start", "start"),
            node("note", "comment-box.comment", content="**Hi**"),
            node("key", "shortcut.shortcut", shortcut="a", targetNodeId="value"),
            node("value", "intValue", value=1),
        ],
        [("start", "note"), ("note", "key"), ("key", "value")],
    )

    outcome = await run_workflow(document)

    assert outcome.status == "completed"
    assert outcome.ran() == ["start", "value"]


def test_what_cannot_run_is_known_before_the_run() -> None:
    registry = default_registry()
    context_script = {"type": "javascript", "javascriptExpression": "context.data.x"}
    loop = {"mode": "doWhile", "condition": {"type": "moon"}, "updateStep": "x"}
    switch = {"cases": [{"id": "a", "condition": context_script}, "nonsense"], "defaultCase": {"label": "x"}}

    assert len(registry.get("loop").advise(loop)) == 1
    assert registry.get("switch.switch").advise(switch) == []
    assert registry.get("loop").advise({"mode": "forEach", "arrayVariable": "x"}) == []
