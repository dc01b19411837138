"""Replacing the workflow of a paused execution (api.md, section 2.3)."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from batches.errors import ControlInvalidError
from tests.batches.debugging import at, calling, debug, debugging, looping, say, trail
from tests.batches.runs import words
from tests.running import chain, node

START = node("start", "start")


async def test_the_edited_definition_of_the_paused_node_is_what_runs(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b", "c"), debug=at("b")) as run:
        await run.paused(1)
        edited = chain(
            START, say("a"), say("b") | {"data": {"value": "edited", "variableName": "b"}}, say("d")
        )
        outcome = await run.send("updateWorkflow", workflow=edited)
        assert outcome.answer == {"executionOrder": ["b", "d"], "executedNodes": ["start", "a"]}
        await run.send("continue")
        await run.over()
        assert run.ran() == ["start", "a", "b", "d"]
        assert run.only.variables["b"] == "edited"


async def test_a_node_that_was_bypassed_meanwhile_does_not_run(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a")) as run:
        await run.paused(1)
        await run.send("updateWorkflow", workflow=chain(START, say("a", bypass=True), say("b")))
        await run.send("continue")
        await run.over()
        assert run.ran() == ["start", "b"]


def without_start() -> dict[str, Any]:
    return {"nodes": [say("b")], "edges": []}


def with_a_cycle() -> dict[str, Any]:
    document = trail("a", "b")
    document["edges"].append({"id": "back", "source": "b", "target": "a", "targetHandle": "input"})
    return document


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (without_start(), "start"),
        (with_a_cycle(), "Circular"),
        (trail("a", "c"), "'b'"),
        ({"nodes": "none"}, "nodes"),
    ],
)
async def test_a_rejected_workflow_changes_nothing(tmp_path: Path, wrong: dict[str, Any], says: str) -> None:
    async with debugging(tmp_path, trail("a", "b", "c"), debug=at("b")) as run:
        await run.paused(1)
        with pytest.raises(ControlInvalidError, match=says) as caught:
            await run.send("updateWorkflow", workflow=wrong)
        assert (caught.value.field, caught.value.code) == ("workflow", "WORKFLOW_INVALID")
        await run.send("continue")
        assert words(await run.over()) == ["completed"]
        assert run.ran() == ["start", "a", "b", "c"]


async def test_after_a_node_it_goes_on_behind_it(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a", where="post")) as run:
        await run.paused(1)
        outcome = await run.send("updateWorkflow", workflow=trail("a", "x", "b"))
        assert outcome.answer == {"executionOrder": ["x", "b"], "executedNodes": ["start", "a"]}
        await run.send("continue")
        await run.over()
        assert run.ran() == ["start", "a", "x", "b"]


async def test_a_failed_node_is_mended_and_tried_again(tmp_path: Path) -> None:
    document = chain(START, node("bad", "loadConfigFile"), say("b"))
    async with debugging(tmp_path, document, debug=debug(breakOn="error")) as run:
        await run.paused(1)
        await run.send("updateWorkflow", workflow=chain(START, say("bad"), say("b")))
        await run.send("retry")
        assert words(await run.over()) == ["completed"]
        assert run.ran() == ["start", "bad", "b"]


@pytest.mark.parametrize(
    ("document", "host"), [(looping([1, 2], "x", "y"), "loop"), (calling("x", "y", times=2), "call1")]
)
async def test_inside_a_loop_or_flow_the_rest_runs_in_the_new_one(
    tmp_path: Path, document: dict[str, Any], host: str
) -> None:
    edited = copy.deepcopy(document)
    for item in edited["nodes"]:
        if item["id"] == "y":
            item["data"]["value"] = "edited"
        if item["id"] == "after":
            item["data"]["value"] = "late"
    options = debug(breakpoints=[{"nodeId": "x", "once": True}])
    async with debugging(tmp_path, document, debug=options) as run:
        await run.paused(1)
        removed = copy.deepcopy(edited)
        removed["nodes"] = [item for item in removed["nodes"] if item["id"] != "x"]
        removed["edges"] = [edge for edge in removed["edges"] if "x" not in (edge["source"], edge["target"])]
        with pytest.raises(ControlInvalidError):
            await run.send("updateWorkflow", workflow=removed)
        outcome: Any = await run.send("updateWorkflow", workflow=edited)
        assert outcome.answer["executionOrder"][:2] == ["x", "y"]
        assert outcome.answer["executionOrder"][-1] == "after"
        assert host not in outcome.answer["executionOrder"]
        await run.send("continue")
        assert words(await run.over()) == ["completed"]
        assert run.only.variables["y"] == "edited"
        assert run.only.variables["after"] == "late"
