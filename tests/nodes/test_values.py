"""The four value nodes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps, RunWorkflow
from tests.running import node, workflow

INTEGERS = [
    (7, 7),
    (2.5, 2.5),
    ("12 apples", 12),
    (" -3", -3),
    ("none", 0),
    ("", 0),
    (None, 0),
    (True, 0),
    ("${data.number}", 41),
]
TEXTS = [("plain", "plain"), ("", ""), (None, ""), (5, "5"), ("n=${data.number}", "n=41")]
BOOLEANS = [
    (True, True),
    (False, False),
    (" YES ", True),
    ("1", True),
    ("True", True),
    ("no", False),
    (None, False),
    ("${data.flag}", True),
]
TYPED = [
    ("int", 3.9, 3),
    ("int", -3.1, -4),
    ("int", "42px", 42),
    ("int", "x", 0),
    ("float", "2.5kg", 2.5),
    ("double", 4.0, 4),
    ("float", "x", 0),
    ("boolean", "true", True),
    ("boolean", 1, True),
    ("boolean", "1", True),
    ("boolean", "yes", False),
    ("string", 0, "0"),
    ("string", False, "false"),
    ("string", None, ""),
    ("string", "${data.number}", "${data.number}"),
    (None, 1.5, "1.5"),
]
STORED = {"number": 41, "flag": "yes"}


async def provided(run_steps: RunSteps, node_type: str, **data: Any) -> Any:
    outcome = await run_steps((node_type, data), data=STORED, open_browser=False)
    assert outcome.error is None
    return outcome.data["value"]


@pytest.mark.parametrize(("value", "expected"), INTEGERS)
async def test_int_value(run_steps: RunSteps, value: object, expected: float) -> None:
    found = await provided(run_steps, "intValue", value=value)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("value", "expected"), TEXTS)
async def test_string_value(run_steps: RunSteps, value: object, expected: str) -> None:
    assert await provided(run_steps, "stringValue", value=value) == expected


async def test_string_value_with_nothing_but_a_generated_value(run_steps: RunSteps) -> None:
    found = await provided(run_steps, "stringValue", value="${dynamic.randomInt}")

    assert 0 <= int(found) <= 1000


@pytest.mark.parametrize(("value", "expected"), BOOLEANS)
async def test_boolean_value(run_steps: RunSteps, value: object, expected: bool) -> None:
    assert await provided(run_steps, "booleanValue", value=value) is expected


@pytest.mark.parametrize(("data_type", "value", "expected"), TYPED)
async def test_input_value(
    run_steps: RunSteps, data_type: str | None, value: object, expected: object
) -> None:
    found = await provided(run_steps, "inputValue", dataType=data_type, value=value)

    assert (found, type(found)) == (expected, type(expected))


async def test_a_value_is_stored_under_the_node_id_and_its_name(run_steps: RunSteps) -> None:
    outcome = await run_steps(("intValue", {"value": 3, "variableName": " count "}), open_browser=False)

    assert outcome.variables["n1"] == 3
    assert outcome.variables["count"] == 3


async def test_a_value_feeds_a_property_of_another_node(run_workflow: RunWorkflow) -> None:
    target = node("target", "stringValue", value=None, variableName="fed")
    target["data"]["_inputConnections"] = {"value": {"isInput": True, "handleId": "value-input"}}
    document = workflow(
        [node("start", "start"), node("source", "inputValue", value="8", dataType="int"), target],
        [("start", "target"), ("source", "target", "output", "value-input")],
    )

    outcome = await run_workflow(document)

    assert outcome.variables["fed"] == "8"
