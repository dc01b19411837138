"""Pauses in batches: the slot, who may pause, and who goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from batches.breakpoints import BreakpointSet
from batches.errors import ControlError
from batches.events import ExecutionStatus
from tests.batches.debugging import at, calling, debug, debugging, looping, say, trail
from tests.batches.runs import words
from tests.running import chain, node

START = node("start", "start")
PLAIN = trail("a", "b", "c")


def nested() -> dict[str, Any]:
    """A loop in whose body a flow is called that has a node `x`."""
    document = calling("x", "y")
    inner = looping([1, 2], "call1")
    kept = {"define", "x", "y", "end"}
    nodes = [item for item in document["nodes"] if item["id"] in kept]
    flows = [edge for edge in document["edges"] if edge["source"] in kept and edge["target"] in kept]
    inner["nodes"] = [item for item in inner["nodes"] if item["id"] != "call1"]
    inner["nodes"] += [*nodes, node("call1", "reusable.runReusable", contextName="flow")]
    inner["edges"] += [{**edge, "id": f"f-{edge['id']}"} for edge in flows]
    return inner


@pytest.mark.parametrize("paused", [trail("a", "x", "b"), looping([1, 2], "x"), calling("x"), nested()])
async def test_one_pauses_and_the_others_complete(tmp_path: Path, paused: dict[str, Any]) -> None:
    documents = [paused, *[PLAIN] * 5]
    async with debugging(tmp_path, *documents, workers=2, slots=2, debug=at("x")) as run:
        await run.paused(1)
        await run.run.until(lambda: run.state.counts.completed == 5)
        assert words(run.state) == ["paused", *["completed"] * 5]
        queue = run.run.runner.queue
        assert (queue.in_use, queue.parked) == (0, 1)
        await run.send("continueWithoutBreakpoint", run.member(0))
        assert set(words(await run.over())) == {"completed"}


async def test_a_paused_execution_can_keep_its_slot(tmp_path: Path) -> None:
    options = at("x", pause={"keepSlot": True})
    async with debugging(tmp_path, trail("x"), PLAIN, workers=1, debug=options) as run:
        await run.paused(1)
        assert words(run.state) == ["paused", "queued"]
        assert run.run.runner.queue.in_use == 1
        await run.send("continue", run.member(0))
        await run.over()


async def test_going_on_waits_for_a_slot(tmp_path: Path) -> None:
    hold = chain(START, node("long", "wait", waitType="timeout", value=60_000))
    async with debugging(tmp_path, trail("x", "y"), hold, PLAIN, workers=1, slots=1, debug=at("x")) as run:
        await run.paused(1)
        await run.run.at_node("long")
        outcome = await run.send("continue", run.member(0))
        assert outcome.message == "Execution continued"
        assert outcome.answer == {"waitsForWorker": True}
        assert words(run.state) == ["paused", "running", "queued"]
        with pytest.raises(ControlError, match="going on already"):
            await run.send("continue", run.member(0))
        await run.run.runner.stop_execution(run.member(1).execution_id)
        assert words(await run.over()) == ["completed", "stopped", "completed"]
        first_of_last = next(
            i for i, e in enumerate(run.run.events) if e.execution_id == run.member(2).execution_id
        )
        assert run.run.events.index(run.continued[0]) < first_of_last


async def test_stopping_one_that_waits_for_its_slot(tmp_path: Path) -> None:
    hold = chain(START, node("long", "wait", waitType="timeout", value=60_000))
    async with debugging(tmp_path, trail("x", "y"), hold, workers=1, slots=1, debug=at("x")) as run:
        await run.paused(1)
        await run.run.at_node("long")
        await run.send("continue", run.member(0))
        report = await run.run.runner.stop_execution(run.member(0).execution_id)
        assert report.total == 1
        assert words(run.state) == ["stopped", "running"]
        await run.run.runner.stop_all()
        await run.over()


async def test_only_the_first_member_pauses(tmp_path: Path) -> None:
    options = at("b", first=True)
    async with debugging(tmp_path, *[PLAIN] * 5, workers=2, debug=options) as run:
        first = await run.paused(1)
        await run.run.until(lambda: run.state.counts.completed == 4)
        assert [item.execution_id for item in run.pauses] == [first.execution_id]
        assert len(run.continued) == 0
        others = [item for item in run.state.executions.values() if item.execution_id != first.execution_id]
        assert all("paused there first" in item.log[0].message for item in others)
        await run.send("continue", run.state.executions[first.execution_id])
        await run.over()


async def test_no_more_pause_at_once_than_the_cap(tmp_path: Path) -> None:
    options = at("b", pause={"maxPaused": 2})
    async with debugging(tmp_path, *[PLAIN] * 6, workers=2, debug=options) as run:
        await run.run.until(lambda: run.state.counts.completed == 4)
        assert run.state.counts.paused == 2
        for item in run.state.executions.values():
            if item.status is ExecutionStatus.PAUSED:
                await run.send("continue", item)
        assert set(words(await run.over())) == {"completed"}


async def test_an_error_beyond_the_cap_is_a_failure(tmp_path: Path) -> None:
    bad = chain(START, node("bad", "loadConfigFile"))
    options = debug(breakOn="error", pause={"maxPaused": 1})
    async with debugging(tmp_path, bad, bad, workers=2, debug=options) as run:
        await run.run.until(lambda: run.state.counts.failed == 1)
        paused = next(item for item in run.state.executions.values() if item.pause is not None)
        await run.send("continue", paused)
        assert words(await run.over()) == ["failed", "failed"]


async def test_breakpoints_of_a_batch_reach_every_member(tmp_path: Path) -> None:
    async with debugging(tmp_path, *[PLAIN] * 3, workers=1, slots=1, debug=at("a")) as run:
        await run.paused(3)
        pauses = run.run.runner.pauses
        wanted = BreakpointSet.model_validate({"breakpoints": [{"nodeId": "c"}]})
        assert await pauses.replace_all(run.state.batch_id, wanted)
        assert pauses.breakpoints_of(run.state.batch_id) == wanted
        for item in run.state.executions.values():
            await run.send("continue", item)
        await run.paused(6)
        assert [item.node_id for item in run.pauses] == ["a"] * 3 + ["c"] * 3
        for item in run.state.executions.values():
            await run.send("continue", item)
        await run.over()
        assert not await pauses.replace_all(run.state.batch_id, wanted)


async def test_an_execution_that_fails_after_a_pause_is_tried_again_in_its_slot(tmp_path: Path) -> None:
    bad = chain(START, say("x"), node("bad", "loadConfigFile"))
    async with debugging(tmp_path, bad, PLAIN, workers=1, slots=1, retries=1, debug=at("x")) as run:
        for number in (1, 2):
            await run.paused(number)
            await run.send("continue", run.member(0))
        assert words(await run.over()) == ["failed", "completed"]
        assert run.member(0).attempts == 2


async def test_stopping_a_batch_with_paused_running_and_waiting_members(tmp_path: Path) -> None:
    hold = chain(START, node("long", "wait", waitType="timeout", value=60_000))
    async with debugging(tmp_path, trail("x"), hold, PLAIN, workers=1, debug=at("x")) as run:
        await run.paused(1)
        await run.run.at_node("long")
        report = await run.run.runner.stop_batch(run.state.batch_id)
        assert (report.running_stopped, report.queued_cancelled) == (2, 1)
        await run.over()


async def test_many_continue_at_once(tmp_path: Path) -> None:
    async with debugging(tmp_path, *[trail("x")] * 8, workers=2, slots=2, debug=at("x")) as run:
        await run.paused(8)
        assert run.run.runner.queue.parked == 8
        members = list(run.state.executions.values())
        calls = [run.send("continue", item) for item in members for _ in range(2)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(item, ControlError) for item in results) == 8
        assert set(words(await run.over())) == {"completed"}
