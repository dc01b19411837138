"""Pausing and going on, without a browser: where it pauses, and what each control does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from batches.breakpoints import DebugOptions
from batches.errors import ControlError, ControlInvalidError
from batches.events import ExecutionEnded, NodeEnded
from batches.spec import ExecutionOptions
from tests.batches.debugging import at, calling, debug, debugging, looping, say, settled, trail
from tests.batches.runs import words
from tests.running import chain, node, workflow

START = node("start", "start")
CONFIG = {"enabled": True, "breakpointAt": "pre", "breakpointFor": "all"}


def configured(**changes: Any) -> DebugOptions:
    return debug(breakpointConfig={**CONFIG, **changes})


async def test_all_nodes_pause_before_they_run(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=configured()) as run:
        for number, name in enumerate(("start", "a", "b"), 1):
            event = await run.paused(number)
            assert (event.node_id, event.at, event.reason) == (name, "pre", "breakpoint")
            assert run.only.status == "paused"
            assert run.only.current_node_id == name
            assert run.begun() == ["start", "a", "b"][: number - 1]
            assert (await run.send("continue")).message == "Execution continued"
        assert words(await run.over()) == ["completed"]
        assert run.only.pause is None
        assert [item.action for item in run.continued] == ["continue"] * 3


@pytest.mark.parametrize(("where", "expected"), [("post", ["b"]), ("both", ["b", "b"]), ("pre", ["b"])])
async def test_marked_nodes_pause_where_asked(tmp_path: Path, where: str, expected: list[str]) -> None:
    document = chain(START, say("a"), say("b", breakpoint=True), say("c"))
    options = configured(breakpointAt=where, breakpointFor="marked")
    async with debugging(tmp_path, document, debug=options) as run:
        for number in range(1, len(expected) + 1):
            await run.paused(number)
            await run.send("continue")
        await run.over()
        assert [item.node_id for item in run.pauses] == expected
        assert run.ran() == ["start", "a", "b", "c"]


async def test_a_configuration_that_is_off_never_pauses(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a"), debug=configured(enabled=False)) as run:
        await run.over()
        assert run.pauses == []


async def test_continue_without_breakpoint_pauses_no_more(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b", "c"), debug=configured()) as run:
        await run.paused(1)
        await run.send("continueWithoutBreakpoint")
        assert words(await run.over()) == ["completed"]
        assert len(run.pauses) == 1


async def test_a_skipped_node_leaves_no_trace(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b", "c"), debug=at("b")) as run:
        await run.paused(1)
        assert "skipped" in (await run.send("skip")).message
        await run.over()
        assert run.ran() == ["start", "a", "c"]
        assert "b" not in [item.node_id for item in run.run.events if isinstance(item, NodeEnded)]


async def test_skip_after_a_node_skips_nothing_and_says_so(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a", where="post")) as run:
        await run.paused(1)
        assert (await run.send("skip")).message.startswith("Nothing to skip")
        await run.over()
        assert run.ran() == ["start", "a", "b"]


async def test_step_runs_one_node(tmp_path: Path) -> None:
    async with debugging(tmp_path, looping([1, 2], "x"), debug=at("given")) as run:
        for number, name in enumerate(("given", "loop", "x", "x", "after"), 1):
            event = await run.paused(number)
            assert event.node_id == name
            assert event.reason == ("breakpoint" if number == 1 else "requested")
            await run.send("step")
        await run.over()


async def test_step_over_runs_a_whole_loop_or_flow(tmp_path: Path) -> None:
    documents = (looping([1, 2, 3], "x", "y"), calling("x", "y"))
    for number, (document, host) in enumerate(zip(documents, ("loop", "call1"), strict=True)):
        async with debugging(tmp_path / str(number), document, debug=at(host)) as run:
            await run.paused(1)
            await run.send("stepOver")
            assert (await run.paused(2)).node_id == "after"
            await run.send("continue")
            await run.over()


async def test_step_over_inside_a_loop_stays_in_it(tmp_path: Path) -> None:
    options = debug(breakpoints=[{"nodeId": "y", "once": True}])
    async with debugging(tmp_path, looping([1, 2], "x", "y"), debug=options) as run:
        await run.paused(1)
        await run.send("stepOver")
        event = await run.paused(2)
        assert (event.node_id, event.iteration) == ("x", 1)
        await run.send("continue")
        await run.over()


async def test_run_to_pauses_before_the_node(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b", "c"), debug=at("a")) as run:
        await run.paused(1)
        with pytest.raises(ControlInvalidError, match="no node 'nowhere'") as caught:
            await run.send("runTo", nodeId="nowhere")
        assert caught.value.field == "nodeId"
        await run.send("runTo", nodeId="c")
        assert (await run.paused(2)).node_id == "c"
        await run.send("continue")
        await run.over()


async def test_retry_runs_the_node_again_and_does_not_stop_at_the_breakpoint_it_left(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a", where="both")) as run:
        await run.paused(1)
        with pytest.raises(ControlError, match="has not run yet"):
            await run.send("retry")
        await run.send("continue")
        assert (await run.paused(2)).at == "post"
        await run.send("retry")
        assert (await run.paused(3)).at == "post"
        await run.send("continue")
        await run.over()
        assert run.ran() == ["start", "a", "a", "b"]


async def test_repeat_from_an_earlier_node(tmp_path: Path) -> None:
    options = debug(breakpoints=[{"nodeId": "c", "once": True}])
    async with debugging(tmp_path, trail("a", "b", "c"), debug=options) as run:
        await run.paused(1)
        with pytest.raises(ControlInvalidError, match="no node"):
            await run.send("repeatFrom", nodeId="nowhere")
        await run.send("repeatFrom", nodeId="a")
        await run.over()
        assert run.ran() == ["start", "a", "b", "a", "b", "c"]


async def test_repeating_from_a_later_node_is_refused(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a")) as run:
        await run.paused(1)
        with pytest.raises(ControlError, match="has not run"):
            await run.send("repeatFrom", nodeId="b")
        await run.send("continue")
        await run.over()


async def test_repeating_from_before_a_loop_leaves_the_loop(tmp_path: Path) -> None:
    options = debug(breakpoints=[{"nodeId": "x", "condition": "index == 1", "once": True}])
    async with debugging(tmp_path, looping([1, 2], "x"), debug=options) as run:
        await run.paused(1)
        await run.send("repeatFrom", nodeId="given")
        assert words(await run.over()) == ["completed"]
        assert run.ran() == ["start", "given", "x", "given", "x", "x", "loop", "after"]
        left = [item for item in run.run.events if isinstance(item, NodeEnded) and item.status == "skipped"]
        assert [item.node_id for item in left] == ["loop"]


async def test_repeating_takes_back_what_a_switch_left_out(tmp_path: Path) -> None:
    from tests.running import workflow  # noqa: PLC0415 - only here

    condition = {"type": "variable", "variableName": "way", "comparisonValue": "left"}
    switch = node(
        "fork",
        "switch.switch",
        cases=[{"id": "left", "label": "left", "condition": condition}],
        defaultCase={"label": "right"},
    )
    document = workflow(
        [START, switch, say("left"), say("right"), say("join")],
        [
            ("start", "fork"),
            ("fork", "left", "left"),
            ("fork", "right", "default"),
            ("left", "join"),
            ("right", "join", "output", "input"),
        ],
    )
    options = debug(breakpoints=[{"nodeId": "join", "once": True}])
    async with debugging(
        tmp_path, document, debug=options, options=ExecutionOptions(variables={"way": "left"})
    ) as run:
        await run.paused(1)
        await run.send("setValues", variables={"way": "right"})
        await run.send("repeatFrom", nodeId="fork")
        await run.over()
        assert run.ran() == ["start", "fork", "left", "fork", "right", "join"]


@pytest.mark.parametrize("document", [looping([1, 2], "x", "y"), calling("x", "y", times=2)])
async def test_breakpoints_hold_in_loops_and_flows(tmp_path: Path, document: dict[str, Any]) -> None:
    async with debugging(tmp_path, document, debug=at("y", where="both")) as run:
        for number in range(1, 5):
            event = await run.paused(number)
            assert (event.node_id, event.at) == ("y", "pre" if number % 2 else "post")
            await run.send("continue")
        assert words(await run.over()) == ["completed"]


async def test_conditions_and_hit_counts(tmp_path: Path) -> None:
    listed = [
        {"id": "odd", "nodeId": "x", "condition": "variables.item % 2 == 1 and variables.item > 1"},
        {"id": "third", "nodeId": "y", "hitCount": 3},
        {"id": "off", "nodeId": "x", "enabled": False},
    ]
    async with debugging(tmp_path, looping([1, 2, 3, 4], "x", "y"), debug=debug(breakpoints=listed)) as run:
        for number in range(1, 4):
            await run.paused(number)
            await run.send("continue")
        await run.over()
        hits = [(item.breakpoint_id, item.iteration) for item in run.pauses]
        assert hits == [("odd", 2), ("third", 2), ("third", 3)]


async def test_a_condition_that_fails_does_not_pause_and_is_logged(tmp_path: Path) -> None:
    options = debug(breakpoints=[{"nodeId": "a", "condition": "variables.nothing.there == 1"}])
    async with debugging(tmp_path, trail("a", "b"), debug=options) as run:
        await run.over()
        assert run.pauses == []
        assert any("nothing" in line.message for line in run.only.log)


async def test_pause_on_request_before_the_next_node(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b", "c"), debug=at("a")) as run:
        await run.paused(1)
        with pytest.raises(ControlError, match="paused already"):
            await run.send("pause")
        await run.send("continue")
        await run.over()
        with pytest.raises(ControlError, match="completed") as caught:
            await run.send("pause")
        assert caught.value.current == "completed"


async def test_a_request_pauses_a_running_execution(tmp_path: Path) -> None:
    waiting = chain(START, node("short", "wait", waitType="timeout", value=300), say("b"))
    async with debugging(tmp_path, waiting) as run:
        await run.run.at_node("short")
        await run.send("pause", owner="Ada", reason="looks odd")
        event = await run.paused(1)
        assert (event.node_id, event.reason, event.owner, event.note) == (
            "b",
            "requested",
            "Ada",
            "looks odd",
        )
        await run.send("continue")
        await run.over()


async def test_a_wait_node_pauses_in_a_batch_too(tmp_path: Path) -> None:
    document = chain(START, node("hold", "wait", waitType="timeout", value=1, pause=True), say("b"))
    async with debugging(tmp_path, document, document, workers=2) as run:
        await run.paused(2)
        assert {(item.node_id, item.reason, item.at) for item in run.pauses} == {
            ("hold", "wait-pause", "pre")
        }
        with pytest.raises(ControlInvalidError) as caught:
            await run.send("updateWorkflow", run.member(0), workflow=document)
        assert caught.value.code == "WAIT_PAUSE_NOT_ALLOWED"
        await run.send("continue", run.member(0))
        await run.send("skip", run.member(1))
        assert words(await run.over()) == ["completed", "completed"]


async def test_where_nobody_can_continue_a_wait_node_does_not_pause(tmp_path: Path) -> None:
    document = chain(START, node("hold", "wait", waitType="timeout", value=1, pause=True))
    async with debugging(tmp_path, document, debug=debug(pause={"waitNodes": False})) as run:
        assert words(await run.over()) == ["completed"]
        assert any("pause is skipped" in line.message for line in run.only.log)


async def test_it_can_pause_before_the_first_node(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a"), debug=debug(pause={"atStart": True})) as run:
        assert (await run.paused(1)).node_id == "start"
        await run.send("continue")
        await run.over()
        assert len(run.pauses) == 1


@pytest.mark.parametrize(
    ("action", "status", "ran"),
    [
        ("continue", "failed", ["start", "bad"]),
        ("skip", "completed", ["start", "b"]),
        ("retry", "failed", ["start", "bad"]),
    ],
)
async def test_break_on_error(tmp_path: Path, action: str, status: str, ran: list[str]) -> None:
    document = chain(START, node("bad", "loadConfigFile"), say("b"))
    async with debugging(tmp_path, document, debug=debug(breakOn="error")) as run:
        event = await run.paused(1)
        assert (event.reason, event.at) == ("error", "error")
        assert event.error is not None
        assert event.error.node_id == "bad"
        await run.send(action)
        if action == "retry":
            await run.paused(2)
            await run.send("continue")
        assert words(await run.over()) == [status]
        assert run.ran() == ran


async def test_a_node_that_failed_is_retried_with_other_values(tmp_path: Path) -> None:
    document = looping([], "x")
    document["nodes"][1]["data"]["config"] = {"items": "no array"}
    async with debugging(tmp_path, document, debug=debug(breakOn=["error"])) as run:
        assert (await run.paused(1)).node_id == "loop"
        await run.send("setValues", data={"items": [1, 2]}, removeData=["given"])
        await run.send("retry")
        assert words(await run.over()) == ["completed"]
        assert run.ran() == ["start", "given", "x", "x", "loop", "after"]


async def test_a_failure_inside_a_loop_pauses_once(tmp_path: Path) -> None:
    document = looping([1], "x")
    document["nodes"][3] = node("x", "loadConfigFile")
    async with debugging(tmp_path, document, debug=debug(breakOn="error")) as run:
        await run.paused(1)
        await run.send("continue")
        await run.over()
        assert [item.node_id for item in run.pauses] == ["x"]


async def test_a_slow_node_pauses_after_it(tmp_path: Path) -> None:
    slow = chain(START, node("nap", "wait", waitType="timeout", value=40), say("b"))
    options = debug(breakOn="slow", knownP95={"nap": 5, "b": 60_000})
    async with debugging(tmp_path, slow, debug=options) as run:
        event = await run.paused(1)
        assert (event.node_id, event.reason, event.at) == ("nap", "slow", "post")
        await run.send("continue")
        await run.over()


async def test_of_two_continues_one_is_taken(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a")) as run:
        await run.paused(1)
        results = await asyncio.gather(run.send("continue"), run.send("continue"), return_exceptions=True)
        refused = [item for item in results if isinstance(item, ControlError)]
        assert len(refused) == 1
        assert refused[0].code == "CONTROL_NOT_APPLICABLE"
        assert refused[0].current == "running"
        await run.over()
        assert len(run.continued) == 1


async def test_controls_of_an_execution_that_is_not_paused_name_its_state(tmp_path: Path) -> None:
    document = chain(START, node("long", "wait", waitType="timeout", value=60_000))
    async with debugging(tmp_path, document, document, workers=1) as run:
        await run.run.at_node("long")
        for action, fields in (("continue", {}), ("inspect", {}), ("setValues", {"data": {"a": 1}})):
            with pytest.raises(ControlError) as caught:
                await run.send(action, run.member(0), **fields)
            assert caught.value.current == "running"
        with pytest.raises(ControlError) as caught:
            await run.send("continue", run.member(1))
        assert caught.value.current == "queued"
        await run.run.runner.stop_batch(run.state.batch_id)
        with pytest.raises(ControlError) as caught:
            await run.send("continue", run.member(0))
        assert caught.value.current == "stopped"


async def test_stop_wins_over_a_continue_that_came_first(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a")) as run:
        await run.paused(1)
        name = run.only.execution_id
        _, report = await asyncio.gather(run.send("continue"), run.run.runner.stop_execution(name))
        assert report.total == 1
        assert words(await run.over()) == ["stopped"]
        (end,) = [item for item in run.run.events if isinstance(item, ExecutionEnded)]
        assert end.error is not None
        assert end.error.message == "Execution stopped by user"


@pytest.mark.parametrize("how", ["control", "execution", "batch", "all", "close"])
async def test_a_paused_execution_is_stopped(tmp_path: Path, how: str) -> None:
    async with debugging(tmp_path, trail("a", "b"), debug=at("a", where="post")) as run:
        await run.paused(1)
        runner = run.run.runner
        match how:
            case "control":
                assert (await run.send("stop")).message == "Execution stopped"
            case "execution":
                await runner.stop_execution(run.only.execution_id)
            case "batch":
                await runner.stop_batch(run.state.batch_id)
            case "all":
                await runner.stop_all()
            case "close":
                await runner.drain(60)
        assert words(run.state) == ["stopped"]
        assert run.only.pause is None
        assert [item.status for item in run.only.nodes] == ["completed", "completed"]
        await run.over()


async def test_paused_time_counts_for_no_clock(tmp_path: Path) -> None:
    document = chain(START, say("a"), node("nap", "wait", waitType="timeout", value=100), say("b"))
    options = ExecutionOptions(timeout_s=0.6)
    async with debugging(tmp_path, document, debug=at("nap"), options=options) as run:
        await run.paused(1)
        await asyncio.sleep(0.9)
        await run.send("continue")
        assert words(await run.over()) == ["completed"]
        assert run.only.paused_ms >= 900


async def test_a_pause_ends_by_itself(tmp_path: Path) -> None:
    for number, (ends, status) in enumerate((("stop", "stopped"), ("continue", "completed"))):
        options = at("a", pause={"timeoutMs": 50, "onTimeout": ends})
        async with debugging(tmp_path / str(number), trail("a", "b"), debug=options) as run:
            await run.paused(1)
            assert words(await run.over()) == [status]
            assert any("lasted 50 ms" in line.message for line in run.only.log)
            assert [item.owner for item in run.continued] == (["timeout"] if ends == "continue" else [])


async def test_values_can_be_changed_while_paused(tmp_path: Path) -> None:
    document = chain(
        START, say("a"), node("shown", "setConfig.setConfig", config={"text": "${variables.who}"})
    )
    async with debugging(tmp_path, document, debug=at("shown")) as run:
        await run.paused(1)
        await run.send("setValues", variables={"who": "Ada"}, data={"n": 1}, removeVariables=["a"])
        await run.send("continue")
        await run.over()
        assert run.only.variables == {"who": "Ada"}
        assert run.only.data["n"] == 1


async def test_expressions_can_be_asked_and_secrets_are_masked(tmp_path: Path) -> None:
    async with debugging(tmp_path, looping([5, 6], "x"), debug=at("x")) as run:
        await run.paused(1)
        await run.send(
            "setValues", variables={"apiKey": "s3cret", "login": {"password": "pw", "name": "Ada"}}
        )
        answer = (await run.send("evaluate", expression="variables.item + 1 if index == 0 else 0")).answer
        assert answer == {"value": 6}
        with pytest.raises(ControlInvalidError) as caught:
            await run.send("evaluate", expression="variables.nothing")
        assert (caught.value.field, caught.value.code) == ("expression", "EXPRESSION_INVALID")
        seen: Any = (await run.send("inspect")).answer
        assert seen["node"]["nodeId"] == "x"
        assert seen["variables"]["apiKey"] == "********"
        assert seen["variables"]["login"] == {"password": "********", "name": "Ada"}
        assert seen["page"] is None
        with pytest.raises(ControlError, match="No active page"):
            await run.send("captureDom")
        await run.send("continueWithoutBreakpoint")
        await run.over()


async def test_inspecting_shows_properties_that_other_nodes_give(tmp_path: Path) -> None:
    given = {"isInput": True, "handleId": "value-input", "oldValue": "old"}
    fed = node("fed", "stringValue", value=None, _inputConnections={"value": given})
    edges = [("start", "fed"), ("source", "fed", "output", "value-input")]
    document = workflow([START, fed, say("source")], edges)
    async with debugging(tmp_path, document, debug=at("fed")) as run:
        await run.paused(1)
        seen: Any = (await run.send("inspect")).answer
        assert seen["node"]["properties"]["value"] == "source"
        await run.send("continue")
        await run.over()


async def test_breakpoints_are_replaced_while_it_runs(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a", "b", "c"), debug=at("a")) as run:
        await run.paused(1)
        outcome = await run.send(
            "setBreakpoints", breakpoints={"breakpoints": [{"nodeId": "c"}, {"nodeId": "zz"}]}
        )
        assert outcome.answer == {"unknownNodes": ["zz"]}
        await run.send("continue")
        assert (await run.paused(2)).node_id == "c"
        await run.send("continueWithoutBreakpoint")
        await run.over()


async def test_nothing_is_left_waiting_after_a_pause(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a"), debug=at("a")) as run:
        await run.paused(1)
        await run.send("continue")
        await run.over()
        await settled()
        assert run.run.runner.pauses._members == {}
        assert run.run.runner.pauses._batches == {}
