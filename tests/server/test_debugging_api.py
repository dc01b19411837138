"""The debugger over HTTP and sockets, against a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from batches.events import Event, ExecutionPaused
from batches.state import BatchState
from tests.batches.debugging import looping, say, trail
from tests.batches.runs import PATIENCE_S, passing, pausing
from tests.running import chain, node
from tests.server.api import BATCH, EXECUTION, Api
from tests.server.serving import watching

START = node("start", "start")
ALL = {"enabled": True, "breakpointAt": "pre", "breakpointFor": "all"}
MARKED = {"enabled": True, "breakpointAt": "pre", "breakpointFor": "marked"}


async def paused(api: Api, count: int = 1) -> list[Any]:
    """Wait until so many executions are paused; returns their ids."""
    changed = asyncio.Event()

    def listen(event: Event, _state: BatchState) -> None:
        if isinstance(event, ExecutionPaused):
            changed.set()

    def names() -> list[str]:
        return [found.execution.execution_id for found in api.service.active() if found.execution.pause]

    unlisten = api.service.log.listen(listen)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(names()) < count:
                changed.clear()
                await changed.wait()
    finally:
        unlisten()
    return names()


async def begun(api: Api, document: dict[str, Any], **body: Any) -> tuple[str, str]:
    """Run one workflow up to its first pause; returns the ids of execution and batch."""
    answer = await api.execute(workflow=document, **body)
    await paused(api)
    return answer["executionId"], answer["batchId"]


async def test_a_single_run_stops_at_breakpoints(api: Api) -> None:
    name, batch = await begun(api, trail("a", "b"), breakpointConfig=ALL)
    status = await api.get(f"{EXECUTION}/{name}")
    assert (status["status"], status["currentNodeId"]) == ("running", "start")
    assert (status["pausedNodeId"], status["pauseReason"]) == ("start", "breakpoint")
    answer = await api.post(f"{EXECUTION}/continue")
    assert answer == {"success": True, "message": "Execution continued"}
    await paused(api)
    answer = await api.post(
        f"{EXECUTION}/pause-control", {"action": "continueWithoutBreakpoint", "executionId": name}
    )
    assert answer["success"] is True
    await api.over(batch)
    status = await api.get(f"{EXECUTION}/{name}")
    assert (status["status"], status["pausedNodeId"], status["pauseReason"]) == ("completed", None, None)


async def test_a_batch_member_pauses_and_the_others_complete(api: Api) -> None:
    marked = chain(START, say("a"), say("b", breakpoint=True))
    answer = await api.execute(workflows=[marked, *[passing()] * 5], workers=2, breakpointConfig=MARKED)
    (name,) = await paused(api)
    assert name == answer["executions"][0]["executionId"]
    assert (await api.post(f"{EXECUTION}/pause-control", {"action": "skip"}))["message"] == "Node b skipped"
    batch = await api.over(answer["batchId"])
    assert batch.counts.completed == 6
    assert "b" not in [item.node_id for item in batch.executions[name].nodes]


@pytest.mark.parametrize("path", ["continue", "pause-control"])
async def test_nothing_to_continue(api: Api, path: str) -> None:
    body = {"action": "continue"}
    answer = await api.post(f"{EXECUTION}/{path}", body, status=400)
    assert (answer["success"], answer["code"]) == (False, "NOTHING_PAUSED")
    running = (await api.execute(workflow=pausing()))["executionId"]
    await api.at_node("pause")
    for wish in (body, {**body, "executionId": running}):
        answer = await api.post(f"{EXECUTION}/{path}", wish, status=400)
        assert (answer["success"], answer["status"]) == (False, "running")
    done = await api.run(passing())
    answer = await api.post(f"{EXECUTION}/{path}", body, status=400)
    assert (answer["success"], answer["status"]) == (False, "completed")
    member = (await api.get(f"{BATCH}/{done}"))["executions"][0]["executionId"]
    answer = await api.post(f"{EXECUTION}/{path}", {**body, "executionId": member}, status=409)
    assert answer["status"] == "completed"
    answer = await api.post(f"{EXECUTION}/{path}", {**body, "executionId": "exec-7"}, status=404)
    assert (answer["success"], answer["code"]) == (False, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "jump"}, "action"),
        ({}, "action"),
        ({"action": "runTo"}, "nodeId"),
        ({"action": 7}, "action"),
    ],
)
async def test_an_invalid_action_is_refused(api: Api, body: dict[str, Any], field: str | None) -> None:
    await begun(api, trail("a"), breakpointConfig=ALL)
    answer = await api.post(f"{EXECUTION}/pause-control", body, status=400)
    assert (answer["success"], answer.get("field")) == (False, field)
    assert answer["message"].startswith(f"{field}: ")


async def test_of_two_clients_one_continues(api: Api) -> None:
    name, batch = await begun(api, trail("a"), breakpoints=[{"nodeId": "a"}])

    async def go_on() -> int:
        async with api.session.post(f"{EXECUTION}/continue", json={"executionId": name}) as answer:
            return answer.status

    assert sorted(await asyncio.gather(go_on(), go_on())) == [200, 409]
    await api.over(batch)


async def test_stop_of_a_paused_execution(api: Api) -> None:
    name, batch = await begun(api, trail("a"), breakpointConfig=ALL)
    answer = await api.post(f"{EXECUTION}/stop", {"executionId": name})
    assert (answer["success"], answer["wasRunning"]) == (True, True)
    await api.over(batch)
    assert (await api.get(f"{EXECUTION}/{name}"))["status"] == "stopped"
    assert (await api.post(f"{EXECUTION}/continue", {"executionId": name}, status=409))["status"] == "stopped"


async def test_pause_control_stops(api: Api) -> None:
    name, batch = await begun(api, trail("a"), breakpointConfig=ALL)
    answer = await api.post(f"{EXECUTION}/pause-control", {"action": "stop", "executionId": name})
    assert answer == {"success": True, "message": "Execution stopped"}
    await api.over(batch)


async def test_pausing_a_running_execution(api: Api) -> None:
    short = chain(START, node("pause", "wait", waitType="timeout", value=300), say("b"))
    started = await api.execute(workflow=short)
    name = started["executionId"]
    await api.at_node("pause")
    answer = await api.post(f"{EXECUTION}/{name}/pause", {"owner": "Ada", "reason": "odd"})
    assert answer["success"] is True
    await paused(api)
    status = await api.get(f"{EXECUTION}/{name}")
    assert (status["pausedNodeId"], status["pauseReason"]) == ("b", "requested")
    assert (await api.post(f"{EXECUTION}/{name}/pause", {}, status=409))["status"] == "paused"
    answer = await api.post(f"{EXECUTION}/{name}/pause", {"level": "soul"}, status=400)
    assert answer["field"] == "level"
    await api.post(f"{EXECUTION}/continue")
    await api.over(started["batchId"])


async def test_a_queued_execution_cannot_pause(api: Api) -> None:
    answer = await api.execute(workflows=[pausing(), passing()], workers=1)
    await api.at_node("pause")
    name = answer["executions"][1]["executionId"]
    assert (await api.post(f"{EXECUTION}/{name}/pause", {}, status=409))["status"] == "queued"
    await api.post(f"{EXECUTION}/stop-all")


async def test_breakpoints_are_read_and_replaced(api: Api) -> None:
    name, batch = await begun(api, trail("a", "b", "c"), breakpoints=[{"nodeId": "a"}])
    shown = await api.get(f"{EXECUTION}/{name}/breakpoints")
    assert shown["breakpoints"][0]["nodeId"] == "a"
    wanted = {
        "breakpoints": [{"nodeId": "c", "condition": "variables.b == 'b'", "once": True}],
        "breakOn": "error",
    }
    answer = await api.call("PUT", f"{EXECUTION}/{name}/breakpoints", json=wanted)
    assert answer["breakOn"] == ["error"]
    assert (await api.get(f"{EXECUTION}/{name}/breakpoints")) == answer
    assert (await api.get(f"{BATCH}/{batch}/breakpoints"))["breakpoints"][0]["nodeId"] == "a"
    await api.post(f"{EXECUTION}/continue")
    await paused(api)
    assert (await api.get(f"{EXECUTION}/{name}"))["pausedNodeId"] == "c"
    await api.call("PUT", f"{BATCH}/{batch}/breakpoints", json={})
    assert (await api.get(f"{EXECUTION}/{name}/breakpoints"))["breakpoints"] == []
    await api.post(f"{EXECUTION}/continue")
    await api.over(batch)
    assert (await api.get(f"{EXECUTION}/{name}/breakpoints", status=409))["status"] == "completed"
    await api.get(f"{BATCH}/batch-7/breakpoints", status=404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"breakpoints": [{"nodeId": "a", "condition": "a ==="}]}, "breakpoints.0.condition"),
        ({"breakpoints": [{"nodeId": "a", "hitCount": 0}]}, "breakpoints.0.hitCount"),
        ({"breakpoints": [{"at": "pre"}]}, "breakpoints.0.nodeId"),
        ({"breakpointConfig": {"breakpointAt": "never"}}, "breakpointConfig.breakpointAt"),
        ({"breakOn": "luck"}, "breakOn.0"),
    ],
)
async def test_wrong_breakpoints_are_refused(api: Api, body: dict[str, Any], field: str) -> None:
    name, _ = await begun(api, trail("a"), breakpointConfig=ALL)
    answer = await api.call("PUT", f"{EXECUTION}/{name}/breakpoints", json=body, status=400)
    assert answer["field"] == field
    assert (await api.execute(workflow=passing(), **body, status=400))["field"] == field


async def test_saved_breakpoints_count_for_runs_that_ask_for_them(api: Api) -> None:
    folder: dict[str, Any] = {"folderPath": "flows", "workers": 1}
    api.write("flows/one.json", trail("a", "b"))
    first = await api.execute(**folder)
    await api.over(first["batchId"])
    path = f"{BATCH}/{first['batchId']}/breakpoints"
    wanted = {"breakpoints": [{"nodeId": "b"}]}
    await api.call("PUT", path, json=wanted, status=409)
    await api.call("PUT", path, json={**wanted, "save": True})
    second = await api.execute(**folder)
    assert (await api.over(second["batchId"])).counts.completed == 1
    third = await api.execute(**folder, useSaved=True)
    await paused(api)
    assert (await api.get(f"{EXECUTION}/status"))["pausedNodeId"] == "b"
    await api.post(f"{EXECUTION}/continue")
    await api.over(third["batchId"])


async def test_variables_are_changed_and_asked_for(api: Api) -> None:
    name, batch = await begun(api, looping([3], "x"), breakpoints=[{"nodeId": "x"}])
    body = {"variables": {"token": "t0p", "n": 2}, "data": {"k": [1]}, "removeVariables": ["item"]}
    answer = await api.call("PATCH", f"{EXECUTION}/{name}/variables", json=body)
    assert answer["changed"] == {"data": ["k"], "variables": ["token", "n", "item"]}
    assert (await api.post(f"{EXECUTION}/{name}/evaluate", {"expression": "variables.n * 2"}))["value"] == 4
    answer = await api.post(f"{EXECUTION}/{name}/evaluate", {"expression": "nothing"}, status=400)
    assert (answer["field"], answer["code"]) == ("expression", "EXPRESSION_INVALID")
    assert (await api.post(f"{EXECUTION}/{name}/evaluate", {}, status=400))["field"] == "selector"
    seen = await api.get(f"{EXECUTION}/{name}/inspect?include=screenshot,dom")
    assert (seen["node"]["nodeId"], seen["at"], seen["page"]) == ("x", "pre", None)
    assert (seen["variables"]["token"], seen["variables"]["n"]) == ("********", 2)
    assert (await api.get(f"{EXECUTION}/{name}/inspect?include=soul", status=400))["field"] == "include.0"
    await api.post(f"{EXECUTION}/continue")
    await api.over(batch)
    assert (await api.get(f"{EXECUTION}/{name}/inspect", status=409))["status"] == "completed"


async def test_updating_the_workflow(api: Api) -> None:
    path = f"{EXECUTION}/update-workflow"
    await api.post(path, {"workflow": trail("a")}, status=400)
    name, batch = await begun(api, trail("a", "b"), breakpoints=[{"nodeId": "b"}])
    assert (await api.post(path, {"executionId": name}, status=400))["field"] == "workflow"
    answer = await api.post(path, {"workflow": {"nodes": []}, "executionId": name}, status=400)
    assert answer["field"] == "workflow.edges"
    answer = await api.post(path, {"workflow": trail("a", "c")}, status=400)
    assert (answer["success"], answer["code"]) == (False, "WORKFLOW_INVALID")
    answer = await api.post(path, {"workflow": trail("a", "b", "c")})
    assert answer["executionOrder"] == ["b", "c"]
    assert answer["executedNodes"] == ["start", "a"]
    await api.post(f"{EXECUTION}/continue")
    state = await api.over(batch)
    assert [item.node_id for item in state.executions[name].nodes] == ["start", "a", "b", "c"]
    assert (await api.post(path, {"workflow": trail("a")}, status=400))["status"] == "completed"


async def test_a_pause_of_a_wait_node_keeps_its_workflow(api: Api) -> None:
    document = chain(START, node("hold", "wait", waitType="timeout", value=1, pause=True))
    await begun(api, document)
    answer = await api.post(f"{EXECUTION}/update-workflow", {"workflow": document}, status=400)
    assert answer["code"] == "WAIT_PAUSE_NOT_ALLOWED"
    assert (await api.get(f"{EXECUTION}/status"))["pauseReason"] == "wait-pause"


async def test_captures_need_a_paused_execution_with_a_page(api: Api) -> None:
    for path in ("capture-dom", "capture-accessibility-snapshot"):
        answer = await api.post(f"{EXECUTION}/{path}", {}, status=400)
        assert answer["success"] is False
    await api.get(f"{EXECUTION}/captured-dom", status=404)
    name, batch = await begun(api, trail("a"), breakpointConfig=ALL)
    for path in ("capture-dom", "capture-accessibility-snapshot"):
        assert (await api.post(f"{EXECUTION}/{path}", {}, status=400))["code"] == "NO_PAGE"
    assert (await api.get(f"{EXECUTION}/{name}/captured-dom", status=404))["code"] == "NOTHING_CAPTURED"
    await api.post(f"{EXECUTION}/stop")
    await api.over(batch)


async def test_capturing_a_page_and_the_page_of_a_failure(api: Api, site_url: str) -> None:
    steps = (
        node("open", "openBrowser"),
        node("go", "navigation", action="navigate", url=f"{site_url}/slow?ms=0&text=hello"),
        node("click", "action", action="click", selector="#missing", timeout=200),
    )
    name, batch = await begun(api, chain(START, *steps), breakpoints=[{"nodeId": "click"}])
    info = (await api.post(f"{EXECUTION}/capture-dom"))["debugInfo"]
    assert "hello" in info["pageSource"]
    assert info["pageUrl"].endswith("text=hello")
    tree = (await api.post(f"{EXECUTION}/capture-accessibility-snapshot"))["accessibilityTree"]
    assert tree["role"] == "WebArea"
    live = (await api.get(f"{EXECUTION}/captured-dom"))["debugInfo"]
    assert live["pageUrl"] == info["pageUrl"]
    await api.post(f"{EXECUTION}/continue")
    await api.over(batch)
    kept = (await api.get(f"{EXECUTION}/{name}/captured-dom"))["debugInfo"]
    assert "hello" in kept["pageSource"]
    assert isinstance(kept["similarSelectors"], list)
    events = (await api.get(f"{EXECUTION}/{name}/events"))["events"]
    (failed,) = [event for event in events if event.get("status") == "failed" and "nodeId" in event]
    assert failed["similarSelectors"] == kept["similarSelectors"]
    assert kept["screenshotPaths"]["failure"].startswith(str(api.root))


async def test_pause_controls_over_the_socket(api: Api) -> None:
    async with watching(api.server.url) as watcher:
        call = watcher.socket.call
        name, batch = await begun(api, trail("a", "b"), breakpoints=[{"nodeId": "a"}])
        await watcher.until(
            lambda: any(item["type"] == "breakpoint_triggered" for item in watcher.of("execution-event"))
        )
        seen = [item for item in watcher.of("execution-event") if item["type"] == "execution_paused"]
        assert seen[0]["data"]["reason"] == "breakpoint"
        await watcher.until(
            lambda: any(item["pausedNodeId"] == "a" for item in watcher.of("execution-update"))
        )
        assert (await call("pause-control", {"action": "jump"}))["success"] is False
        answer = await call("pause-control", {"action": "step", "executionId": name})
        assert answer == {"success": True, "message": "Execution stepped on"}
        await paused(api)
        assert (await call("pause", {"executionId": name}))["status"] == "paused"
        assert (await call("continue", {}))["success"] is True
        await api.over(batch)
        refused = await call("continue", {"executionId": name})
        assert (refused["success"], refused["code"], refused["status"]) == (
            False,
            "CONTROL_NOT_APPLICABLE",
            "completed",
        )
        await watcher.until(lambda: watcher.of("execution-update")[-1]["pausedNodeId"] is None)


async def test_a_stop_of_the_server_ends_pauses(api: Api) -> None:
    _, batch = await begun(api, trail("a"), breakpointConfig=ALL)
    await api.service.close(drain_s=60)
    state = await api.service.batch(batch)
    assert [item.status for item in state.executions.values()] == ["stopped"]
    with pytest.raises(aiohttp.ClientResponseError):
        async with api.session.post(f"{EXECUTION}/continue", json={}) as answer:
            answer.raise_for_status()
