"""Batches and their history against a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from batches.events import BatchStarted, ExecutionStarted
from batches.state import apply
from server.batch_routes import batch_status
from tests.batches.event_samples import members, state_of
from tests.batches.runs import failing, passing, pausing
from tests.server.api import BATCH, EXECUTION, HISTORY, Api, serving


async def test_the_status_of_a_large_batch_is_of_one_moment() -> None:
    state = state_of([BatchStarted(batch_id="batch-1", members=members("batch-1", 600))])
    first, *_, last = state.executions
    asking = asyncio.create_task(batch_status(state, Path("output")))
    await asyncio.sleep(0)
    assert not asking.done()
    for number, name in enumerate((first, last), start=2):
        apply(state, ExecutionStarted(batch_id="batch-1", execution_id=name, seq=number))
    view = await asking
    assert (view.running, view.queued) == (2, 598)
    words = [item.status for item in view.executions]
    assert (words[0], words[-1], words.count("running"), words.count("queued")) == (
        "running",
        "running",
        2,
        598,
    )


async def test_the_batch_status_object(api: Api) -> None:
    api.write("flows/a.json", passing())
    api.write("flows/b.json", failing())
    api.write("flows/c.json", "{")
    answer = await api.execute(folderPath="flows", tags=["nightly"])
    await api.over(answer["batchId"])
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["status"], batch["sourceType"], batch["folderPath"]) == ("error", "folder", "flows")
    counts = [batch[key] for key in ("totalWorkflows", "completed", "running", "queued", "failed")]
    assert counts == [3, 1, 0, 0, 1]
    assert batch["endTime"] - batch["startTime"] == batch["duration"]
    assert (batch["tags"], batch["source"], batch["validationErrors"][0]["fileName"]) == (
        ["nightly"],
        "api",
        "c.json",
    )
    passed, failed = batch["executions"]
    assert (passed["workflowFileName"], passed["workflowPath"], passed["status"]) == (
        "a.json",
        "a.json",
        "completed",
    )
    assert not {"error", "currentNodeId"} & passed.keys()
    assert (failed["status"], failed["failedNodeId"]) == ("error", "bad")
    assert failed["error"]


async def test_the_end_of_a_running_batch_is_null(api: Api) -> None:
    answer = await api.execute(workflows=[pausing()])
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["status"], batch["endTime"], batch["duration"]) == ("running", None, None)
    assert "folderPath" not in batch


@pytest.mark.parametrize("name", ["batch-1", "nothing", "..%2Findex", "batch-1%00"])
async def test_an_unknown_batch_is_not_found(shared: Api, name: str) -> None:
    for path in ("", "/events"):
        assert (await shared.get(f"{BATCH}/{name}{path}", status=404))["error"] == "Batch not found"
    for path in ("/stop", "/rerun"):
        answer = await shared.post(f"{BATCH}/{name}{path}", status=404)
        assert (answer["success"], answer["code"]) == (False, "NOT_FOUND")
    assert (await shared.call("DELETE", f"{BATCH}/{name}", status=404))["success"] is False


async def test_stopping_a_batch(api: Api) -> None:
    answer = await api.execute(workflows=[pausing()] * 3)
    other = await api.execute(workflow=pausing())
    await api.at_node("pause", 2)
    stopped = await api.post(f"{BATCH}/{answer['batchId']}/stop")
    assert stopped == {
        "success": True,
        "message": "Batch stopped",
        "batchId": answer["batchId"],
        "stoppedExecutions": 3,
        "runningStopped": 2,
        "queuedCancelled": 1,
    }
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["status"], batch["stopped"], batch["queued"]) == ("stopped", 3, 0)
    assert batch["endTime"] is not None
    again = await api.post(f"{BATCH}/{answer['batchId']}/stop")
    assert (again["success"], again["stoppedExecutions"]) == (True, 0)
    assert (await api.get(f"{EXECUTION}/{other['executionId']}"))["status"] in {"idle", "running"}


async def test_events_of_a_batch(api: Api) -> None:
    batch_id = await api.run(passing(), passing())
    whole = await api.get(f"{BATCH}/{batch_id}/events")
    assert (whole["events"][0]["type"], whole["events"][-1]["type"]) == ("batch-started", "batch-ended")
    page = await api.get(f"{BATCH}/{batch_id}/events?after={whole['events'][2]['seq']}&limit=1")
    assert page["events"] == [whole["events"][3]]


async def test_running_a_part_of_a_batch_again(api: Api) -> None:
    batch_id = await api.run(passing(), failing(), workflowFileNames=["good.json", "bad.json"])
    again = await api.post(f"{BATCH}/{batch_id}/rerun", {"only": "failed"})
    assert again["rerunOf"] == batch_id
    assert [item["workflowFileName"] for item in again["executions"]] == ["bad.json"]
    await api.over(again["batchId"])
    assert (await api.get(f"{BATCH}/{again['batchId']}"))["rerunOf"] == batch_id
    everything = await api.post(f"{BATCH}/{batch_id}/rerun", {"only": "all"})
    assert everything["validWorkflows"] == 2
    standard = await api.post(f"{BATCH}/{batch_id}/rerun")
    assert standard["validWorkflows"] == 1


async def test_nothing_to_run_again_is_said(api: Api) -> None:
    batch_id = await api.run(passing())
    answer = await api.post(f"{BATCH}/{batch_id}/rerun", {"only": "failed"}, status=409)
    assert (answer["success"], answer["code"]) == (False, "NOTHING_TO_RUN")
    assert (await api.post(f"{BATCH}/{batch_id}/rerun", {"only": "some"}, status=400))["field"] == "only"


async def test_history_is_newest_first_and_paged(api: Api) -> None:
    ids = [await api.run(passing()) for _ in range(3)]
    await api.over((await api.execute(workflow=passing()))["batchId"])
    page = await api.get(HISTORY)
    assert (page["total"], page["limit"], page["offset"]) == (3, 20, 0)
    assert [row["batchId"] for row in page["batches"]] == ids[::-1]
    row = page["batches"][0]
    assert (row["status"], row["sourceType"], row["completed"], row["failed"]) == (
        "completed",
        "workflows",
        1,
        0,
    )
    assert row["endTime"] - row["startTime"] == row["duration"]
    second = await api.get(f"{HISTORY}?limit=1&offset=1")
    assert (second["total"], [row["batchId"] for row in second["batches"]]) == (3, [ids[1]])
    assert (await api.get(f"{HISTORY}?includeSingle=true"))["total"] == 4
    assert (await api.get(f"{HISTORY}?limit=99999"))["limit"] == 1000


async def test_history_is_filtered(api: Api) -> None:
    good = await api.run(passing(), tags=["shop"], workflowFileNames=["Checkout.json"])
    bad = await api.run(failing())
    running = (await api.execute(workflows=[pausing()]))["batchId"]

    async def found(query: str) -> list[str]:
        page = await api.get(f"{HISTORY}?{query}")
        assert page["total"] == len(page["batches"])
        return [row["batchId"] for row in page["batches"]]

    assert await found("status=completed") == [good]
    assert await found("status=error") == [bad]
    assert await found("status=running") == [running]
    assert await found("status=error,running") == [running, bad]
    assert await found("tag=shop") == [good]
    assert await found("q=checkout") == [good]
    assert await found(f"startedBefore={bad.removeprefix('batch-')}") == [good]
    row = (await api.get(f"{HISTORY}?status=running"))["batches"][0]
    assert (row["endTime"], row["duration"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=many", "limit"),
        ("offset=-1", "offset"),
        ("status=odd", "status"),
        ("startedAfter=x", "startedAfter"),
    ],
)
async def test_wrong_filters_are_named(shared: Api, query: str, field: str) -> None:
    assert (await shared.get(f"{HISTORY}?{query}", status=400))["field"] == field


async def test_clearing_history_keeps_what_runs(api: Api) -> None:
    done = await api.run(passing(), passing(), traceLogs=True)
    await api.over((await api.execute(workflow=passing()))["batchId"])
    running = await api.execute(workflows=[pausing()])
    cleared = await api.call("DELETE", f"{HISTORY}/clear")
    assert cleared == {
        "success": True,
        "message": "All batches and executions cleared",
        "batchesDeleted": 1,
        "executionsDeleted": 3,
        "reportsDeleted": 0,
    }
    assert list((api.service.output / "logs").iterdir()) == []
    await api.get(f"{BATCH}/{done}", status=404)
    assert not (api.service.output / "batches" / done).exists()
    assert (await api.get(f"{BATCH}/{running['batchId']}"))["status"] == "running"
    assert (await api.get(HISTORY))["total"] == 1


async def test_deleting_one_batch(api: Api) -> None:
    done = await api.run(passing())
    running = await api.execute(workflows=[pausing()])
    assert (await api.call("DELETE", f"{BATCH}/{done}"))["executionsDeleted"] == 1
    await api.get(f"{BATCH}/{done}", status=404)
    answer = await api.call("DELETE", f"{BATCH}/{running['batchId']}", status=409)
    assert (answer["success"], answer["status"]) == (False, "running")


async def test_history_survives_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as before:
        batch_id = await before.run(passing(), failing(), tags=["kept"])
        batch = await before.get(f"{BATCH}/{batch_id}")
        name = batch["executions"][1]["executionId"]
        result = await before.get(f"{EXECUTION}/{name}/result")
    async with serving(tmp_path) as after:
        assert await after.get(f"{BATCH}/{batch_id}") == batch
        assert await after.get(f"{EXECUTION}/{name}/result") == result
        assert (await after.get(HISTORY))["batches"][0]["tags"] == ["kept"]
        stopped = await after.post(f"{EXECUTION}/stop", {"executionId": name})
        assert (stopped["success"], stopped["status"]) == (False, "error")
