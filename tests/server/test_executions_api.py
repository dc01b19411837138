"""Status, results and stopping of executions against a real server."""

from __future__ import annotations

import asyncio

import pytest

from tests.batches.runs import START, failing, passing, pausing
from tests.running import chain, node
from tests.server.api import BATCH, EXECUTION, Api

ACTIVE = "/api/workflows/executions/active"


async def test_without_an_execution_the_status_is_idle(api: Api) -> None:
    assert await api.get(f"{EXECUTION}/status") == {
        "executionId": "",
        "status": "idle",
        "pausedNodeId": None,
        "pauseReason": None,
    }


async def test_the_status_of_a_running_execution(api: Api) -> None:
    answer = await api.execute(workflow=pausing(), workflowFileName="long.json")
    await api.at_node("pause")
    status = await api.get(f"{EXECUTION}/status")
    assert status == await api.get(f"{EXECUTION}/status?executionId={answer['executionId']}")
    assert status == await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert (status["executionId"], status["status"]) == (answer["executionId"], "running")
    assert (status["currentNodeId"], status["pausedNodeId"]) == ("pause", None)
    assert "error" not in status
    assert "endTime" not in status


async def test_an_execution_is_found_by_its_number(api: Api) -> None:
    answer = await api.execute(workflow=passing())
    await api.over(answer["batchId"])
    alias = (await api.get(f"{EXECUTION}/{answer['executionId']}"))["alias"]
    assert (await api.get(f"{EXECUTION}/{alias}"))["executionId"] == answer["executionId"]


@pytest.mark.parametrize("name", ["exec-1", "exec-1-1", "nothing", "999", "..%2F..", "%00", "x" * 5000])
async def test_an_unknown_execution_is_not_found(shared: Api, name: str) -> None:
    for path in ("", "/result", "/events", "/workflow"):
        answer = await shared.get(f"{EXECUTION}/{name}{path}", status=404)
        assert (answer["error"], answer["code"]) == ("Execution not found", "NOT_FOUND")


async def test_an_unknown_execution_has_no_status(shared: Api) -> None:
    assert (await shared.get(f"{EXECUTION}/status?executionId=exec-7", status=404))["field"] == "executionId"


async def test_active_executions(api: Api) -> None:
    assert await api.get(ACTIVE) == {"totalActive": 0, "executions": []}
    single = await api.execute(workflow=pausing(), workflowFileName="one.json")
    batch = await api.execute(workflows=[pausing()] * 2, workers=1)
    await api.at_node("pause", 2)
    active = await api.get(ACTIVE)
    assert active["totalActive"] == 3
    assert [item["status"] for item in active["executions"]] == ["running", "running", "idle"]
    assert active["executions"][0] == {
        "executionId": single["executionId"],
        "status": "running",
        "currentNodeId": "pause",
        "workflowFileName": "one.json",
        "batchId": single["batchId"],
    }
    assert active["executions"][2]["currentNodeId"] is None
    assert active["executions"][2]["batchId"] == batch["batchId"]


async def test_the_result_has_everything(api: Api) -> None:
    document = chain(
        START,
        node("value", "stringValue", value="x", label="A value"),
        node("quiet", "loadConfigFile", failSilently=True),
        node("left", "stringValue", value="y", bypass=True),
        node("bad", "loadConfigFile"),
    )
    answer = await api.execute(workflow=document, variables={"who": "me"}, traceLogs=True)
    await api.over(answer["batchId"])
    result = await api.get(f"{EXECUTION}/{answer['executionId']}/result")
    assert (result["status"], result["currentNodeId"], result["failure"]["nodeId"]) == ("error", "bad", "bad")
    assert result["error"] == result["failure"]["message"]
    nodes = {item["nodeId"]: item for item in result["nodes"]}
    assert [(name, item["status"]) for name, item in nodes.items()] == [
        ("start", "completed"),
        ("value", "completed"),
        ("quiet", "error"),
        ("left", "bypassed"),
        ("bad", "error"),
    ]
    assert (nodes["value"]["nodeLabel"], nodes["value"]["output"]) == ("A value", "x")
    assert (nodes["quiet"]["failSilently"], nodes["left"]["message"]) == (True, "Node bypassed")
    assert nodes["bad"]["startTime"] <= nodes["bad"]["endTime"] <= result["endTime"]
    assert (result["variables"]["who"], result["nodesTotal"], result["videos"]) == ("me", 5, [])
    assert result["duration"] >= 0
    lines = [line["message"] for line in result["log"] if line["nodeId"] == "value"]
    assert lines == [
        "Node A value (value): begins, type stringValue",
        'Node A value (value): runs with {"value":"x"}',
    ]


async def test_events_come_in_order_and_in_pages(api: Api) -> None:
    answer = await api.execute(workflow=passing())
    await api.over(answer["batchId"])
    path = f"{EXECUTION}/{answer['executionId']}/events"
    whole = await api.get(path)
    numbers = [event["seq"] for event in whole["events"]]
    assert whole["lastSeq"] == numbers[-1]
    assert numbers == sorted(set(numbers))
    assert (whole["events"][0]["type"], whole["events"][-1]["type"]) == (
        "execution-started",
        "execution-ended",
    )
    page = await api.get(f"{path}?after={numbers[1]}&limit=2")
    assert [event["seq"] for event in page["events"]] == numbers[2:4]
    assert await api.get(f"{path}?after={numbers[-1]}") == {**whole, "events": []}
    assert (await api.get(f"{path}?after=-1", status=400))["field"] == "after"


async def test_the_workflow_is_kept_as_it_was_run(api: Api) -> None:
    document = passing() | {"metadata": {"name": "kept"}}
    answer = await api.execute(workflow=document)
    assert await api.get(f"{EXECUTION}/{answer['executionId']}/workflow") == document


async def test_stopping_one_execution(api: Api) -> None:
    answer = await api.execute(workflow=pausing())
    await api.at_node("pause")
    stopped = await api.post(f"{EXECUTION}/stop", {"executionId": answer["executionId"]})
    assert stopped == {
        "success": True,
        "message": "Execution stopped",
        "executionId": answer["executionId"],
        "wasRunning": True,
        "wasQueued": False,
    }
    assert (await api.get(f"{EXECUTION}/{answer['executionId']}"))["status"] == "stopped"


async def test_stopping_without_an_id_takes_the_most_recent_that_runs(api: Api) -> None:
    answers = [await api.execute(workflow=pausing()) for _ in range(3)]
    await api.at_node("pause", 2)
    for expected in (answers[1], answers[0]):
        stopped = await api.post(f"{EXECUTION}/stop")
        assert (stopped["success"], stopped["executionId"]) == (True, expected["executionId"])
        if expected is answers[1]:
            await api.post(f"{EXECUTION}/stop", {"executionId": answers[2]["executionId"]})


async def test_stopping_takes_a_waiting_one_if_none_runs(api: Api) -> None:
    answer = await api.execute(workflow=pausing())
    stopped = await api.post(f"{EXECUTION}/stop")
    assert (stopped["success"], stopped["executionId"]) == (True, answer["executionId"])
    assert stopped["wasRunning"] is not stopped["wasQueued"]


async def test_an_empty_body_with_a_json_content_type_is_accepted(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await api.call("POST", f"{EXECUTION}/stop", headers=headers))["success"] is False
    assert (await api.call("POST", f"{EXECUTION}/stop-all", headers=headers))["success"] is True


async def test_stopping_an_unknown_execution(api: Api) -> None:
    answer = await api.post(f"{EXECUTION}/stop", {"executionId": "exec-5"}, status=404)
    assert (answer["success"], answer["code"]) == (False, "NOT_FOUND")
    assert "error" not in answer


async def test_stop_all_stops_single_runs_and_batches(api: Api) -> None:
    single = await api.execute(workflow=pausing())
    batch = await api.execute(workflows=[pausing()] * 3)
    await api.at_node("pause", 2)
    stopped = await api.post(f"{EXECUTION}/stop-all")
    assert stopped == {
        "success": True,
        "message": "All executions stopped",
        "totalBatches": 1,
        "totalStopped": 4,
        "runningStopped": 2,
        "queuedCancelled": 2,
        "batches": [batch["batchId"]],
        "batchDetails": [{"batchId": batch["batchId"], "stopped": 3}],
    }
    assert (await api.get(f"{EXECUTION}/{single['executionId']}"))["status"] == "stopped"
    assert (await api.get(f"{BATCH}/{batch['batchId']}"))["status"] == "stopped"


async def test_two_stops_at_once_count_each_execution_once(api: Api) -> None:
    await api.execute(workflows=[pausing()] * 3)
    await api.at_node("pause", 2)
    answers = await asyncio.gather(*(api.post(f"{EXECUTION}/stop-all") for _ in range(3)))
    assert sum(answer["totalStopped"] for answer in answers) == 3


async def test_trace_logs_of_a_running_execution(api: Api) -> None:
    answer = await api.execute(workflow=pausing())
    await api.at_node("pause")
    for body in ({"enabled": True}, {"enabled": False, "executionId": answer["executionId"]}):
        assert (await api.post(f"{EXECUTION}/trace-logs", body))["success"] is True


async def test_trace_logs_need_an_execution_that_runs(api: Api) -> None:
    assert (await api.post(f"{EXECUTION}/trace-logs", {}, status=400))["field"] == "enabled"
    answer = await api.post(f"{EXECUTION}/trace-logs", {"enabled": True}, status=400)
    assert (answer["success"], answer["code"]) == (False, "NOTHING_RUNS")
    done = await api.execute(workflow=failing())
    await api.over(done["batchId"])
    body = {"enabled": True, "executionId": done["executionId"]}
    assert (await api.post(f"{EXECUTION}/trace-logs", body, status=409))["success"] is False
