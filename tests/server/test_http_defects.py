"""The reference's defects (api.md, section 10), each as its clients would meet it; numbers are the section's."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from yarl import URL

from tests.batches.runs import START, failing, passing, pausing
from tests.running import chain, node
from tests.server.api import BATCH, EXECUTE, EXECUTION, HISTORY, Api, serving

ACTIVE = "/api/workflows/executions/active"
REPORTS = "/api/reports"

JSON_REPORT = {"enabled": True, "reportTypes": ["json"]}


def on_hold() -> dict[str, Any]:
    """A workflow that pauses until somebody continues it."""
    return chain(START, node("hold", "wait", waitType="timeout", value=1, pause=True))


async def test_defect_01_failed_executions_count_as_failed(api: Api) -> None:
    batch_id = await api.run(passing(), failing())
    batch = await api.get(f"{BATCH}/{batch_id}")
    assert (batch["status"], batch["completed"], batch["failed"]) == ("error", 1, 1)
    row = (await api.get(HISTORY))["batches"][0]
    assert (row["status"], row["completed"], row["failed"]) == ("error", 1, 1)


async def test_defect_02_queued_is_the_number_that_wait(api: Api) -> None:
    answer = await api.execute(workflows=[pausing()] * 3, workers=1)
    await api.at_node("pause")
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["queued"], batch["running"]) == (2, 1)
    await api.post(f"{EXECUTION}/stop-all")
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["queued"], batch["running"]) == (0, 0)


async def test_defect_03_the_end_of_a_batch_loses_nothing(api: Api) -> None:
    batch_id = await api.run(passing(), failing(), workflowFileNames=["a.json", "b.json"])
    batch = await api.get(f"{BATCH}/{batch_id}")
    assert [(item["workflowFileName"], item["status"]) for item in batch["executions"]] == [
        ("a.json", "completed"),
        ("b.json", "error"),
    ]
    for item in batch["executions"]:
        assert (await api.get(f"{EXECUTION}/{item['executionId']}"))["status"] == item["status"]


async def test_defect_04_a_restart_keeps_every_status(tmp_path: Path) -> None:
    async with serving(tmp_path) as before:
        batch_id = await before.run(passing(), failing())
        running = await before.execute(workflows=[pausing()])
        await before.at_node("pause")
    async with serving(tmp_path) as after:
        batch = await after.get(f"{BATCH}/{batch_id}")
        assert [item["status"] for item in batch["executions"]] == ["completed", "error"]
        assert (await after.get(f"{BATCH}/{running['batchId']}"))["status"] == "stopped"
        name = batch["executions"][1]["executionId"]
        assert (await after.get(f"{EXECUTION}/{name}"))["status"] == "error"


async def test_defect_05_the_error_says_what_happened(api: Api) -> None:
    batch_id = await api.run(failing())
    (member,) = (await api.get(f"{BATCH}/{batch_id}"))["executions"]
    status = await api.get(f"{EXECUTION}/{member['executionId']}")
    assert status["error"] == member["error"]
    assert "filePath" in status["error"]
    assert status["currentNodeId"] == "bad"


async def test_defect_06_what_is_over_is_not_active_and_cannot_be_stopped(api: Api) -> None:
    answer = await api.execute(workflow=passing())
    await api.over(answer["batchId"])
    assert (await api.get(ACTIVE))["totalActive"] == 0
    for body in ({}, {"executionId": answer["executionId"]}):
        assert (await api.post(f"{EXECUTION}/stop", body))["success"] is False
    assert (await api.get(f"{EXECUTION}/{answer['executionId']}"))["status"] == "completed"


async def test_defect_07_a_running_single_run_was_running(api: Api) -> None:
    await api.execute(workflow=pausing())
    await api.at_node("pause")
    stopped = await api.post(f"{EXECUTION}/stop")
    assert (stopped["wasRunning"], stopped["wasQueued"]) == (True, False)


async def test_defect_08_a_stop_ends_the_node_and_reports_are_written(api: Api) -> None:
    answer = await api.execute(workflow=pausing(), reportConfig=JSON_REPORT)
    await api.at_node("pause")
    await api.post(f"{EXECUTION}/stop", {"executionId": answer["executionId"]})
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert (status["status"], status["error"]) == ("stopped", "Execution stopped by user")
    (report,) = await api.get(f"{REPORTS}/list")
    assert (report["reportTypes"], report["executionId"]) == (["json"], answer["executionId"])


async def test_defect_09_stopped_stays_stopped_and_slots_come_back(api: Api) -> None:
    answer = await api.execute(workflows=[pausing()] * 2)
    await api.at_node("pause", 2)
    await api.post(f"{BATCH}/{answer['batchId']}/stop")
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["status"], batch["completed"], batch["stopped"]) == ("stopped", 0, 2)
    assert (await api.get(f"{HISTORY}?status=stopped"))["batches"][0]["batchId"] == answer["batchId"]
    more = await api.execute(workflows=[pausing()] * 5)
    await api.at_node("pause", 2)
    batch = await api.get(f"{BATCH}/{more['batchId']}")
    assert (batch["running"], batch["queued"]) == (2, 3)


async def test_defect_10_a_batch_ends_when_its_last_waiting_member_is_stopped(api: Api) -> None:
    await api.execute(workflows=[pausing()] * 2)
    await api.at_node("pause", 2)
    answer = await api.execute(workflows=[passing()])
    member = answer["executions"][0]["executionId"]
    stopped = await api.post(f"{EXECUTION}/stop", {"executionId": member})
    assert (stopped["wasRunning"], stopped["wasQueued"]) == (False, True)
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert batch["status"] == "stopped"
    assert batch["endTime"] is not None


async def test_defect_11_stop_all_leaves_what_is_over_and_reaches_single_runs(api: Api) -> None:
    batch_id = await api.run(passing())
    single = await api.execute(workflow=pausing())
    await api.at_node("pause")
    stopped = await api.post(f"{EXECUTION}/stop-all")
    assert (stopped["totalStopped"], stopped["batches"]) == (1, [])
    assert (await api.get(f"{BATCH}/{batch_id}"))["status"] == "completed"
    assert (await api.get(f"{EXECUTION}/{single['executionId']}"))["status"] == "stopped"


async def test_defect_12_a_paused_execution_is_stopped_at_once(api: Api) -> None:
    answer = await api.execute(workflow=on_hold())
    await api.paused(answer["executionId"])
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert (status["status"], status["pausedNodeId"], status["pauseReason"]) == (
        "running",
        "hold",
        "wait-pause",
    )
    stopped = await api.post(f"{EXECUTION}/stop", {"executionId": answer["executionId"]})
    assert (stopped["success"], stopped["wasRunning"]) == (True, True)
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert (status["status"], status["pausedNodeId"], status["pauseReason"]) == ("stopped", None, None)


async def test_defect_13_wrong_requests_have_their_own_status(api: Api) -> None:
    as_json = {"Content-Type": "application/json"}
    assert (await api.call("POST", EXECUTE, status=400, data=b"{", headers=as_json))["code"] == "INVALID_JSON"
    large = io.BytesIO(b'{"workflow": "' + b"x" * (11 * 1024 * 1024) + b'"}')
    answer = await api.call("POST", EXECUTE, status=413, data=large, headers=as_json)
    assert answer["code"] == "BODY_TOO_LARGE"
    form = aiohttp.FormData()
    form.add_field("wrong", "{}", filename="a.json")
    assert (await api.call("POST", EXECUTE, status=400, data=form))["field"] == "wrong"
    assert (await api.execute(status=404, folderPath="missing"))["field"] == "folderPath"
    assert (await api.post(f"{EXECUTION}/stop", {"executionId": "exec-1"}, status=404))["success"] is False
    assert (await api.post(f"{BATCH}/batch-1/stop", status=404))["success"] is False


async def test_defect_14_invalid_workflows_are_counted(api: Api) -> None:
    answer = await api.execute(workflows=[passing(), {}, {}])
    assert (answer["totalWorkflows"], answer["validWorkflows"], answer["invalidWorkflows"]) == (3, 1, 2)
    await api.over(answer["batchId"])
    row = (await api.get(HISTORY))["batches"][0]
    assert (row["totalWorkflows"], row["invalidWorkflows"]) == (3, 2)


async def test_defect_15_reports_without_types_end_like_others(api: Api) -> None:
    answer = await api.execute(workflow=passing(), reportConfig={"enabled": True})
    await api.over(answer["batchId"])
    assert (await api.get(f"{EXECUTION}/{answer['executionId']}"))["status"] == "completed"
    assert (await api.get(f"{REPORTS}/list"))[0]["reportTypes"] == ["json"]


async def test_defect_16_retention_spares_the_batch_that_runs_and_foreign_folders(api: Api) -> None:
    api.write("output/mine-1700000000000/note.txt", "mine")
    batch_id = await api.run(*[passing()] * 3, reportConfig=JSON_REPORT | {"reportRetention": 1})
    of_batch = [item for item in await api.get(f"{REPORTS}/list") if item.get("batchId") == batch_id]
    assert len(of_batch) == 3
    assert (api.root / "output/mine-1700000000000/note.txt").is_file()


@pytest.mark.parametrize(
    "path",
    [
        "..%2F..%2Fsecret.txt",
        "..%2f..%2f",
        "%2e%2e",
        "%2Fetc",
        "..%5C..",
        "a%00",
    ],
)
async def test_defect_17_encoded_slashes_lead_nowhere(api: Api, path: str) -> None:
    api.write("secret.txt", "secret")
    folder = await a_report(api)
    for method, url in (
        ("GET", f"{REPORTS}/{path}/files"),
        ("GET", f"{REPORTS}/{folder}/json/{path}"),
        ("GET", f"{REPORTS}/{folder}/{path}/report.json"),
        ("GET", f"{REPORTS}/{path}/json/report.json"),
        ("GET", f"/reports/{path}/json/report.json"),
        ("GET", f"/reports/{folder}/{path}"),
        ("DELETE", f"{REPORTS}/{path}"),
    ):
        answer = await api.call(method, URL(api.server.url + url, encoded=True), status=404)
        assert "secret" not in answer["message"].replace("secret.txt", "")
    assert (api.root / "secret.txt").is_file()
    assert (api.root / "output" / "batches").is_dir()


async def test_defect_17_files_outside_the_roots_are_not_read(shared: Api) -> None:
    for path in ("/etc/passwd", "../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"):
        assert (
            "root:"
            not in orjson.dumps(await shared.get(f"/api/files/read?filePath={path}", status=403)).decode()
        )


async def test_defect_18_every_route_is_there_once(shared: Api) -> None:
    routes = Counter(
        (route.method, route.resource.canonical)
        for route in shared.server.app.router.routes()
        if route.resource is not None
    )
    assert [route for route, count in routes.items() if count > 1] == []


async def test_defect_19_every_option_has_its_effect(api: Api) -> None:
    answer = await api.execute(workflow=passing(), reportConfig=JSON_REPORT, outputPath="nightly")
    await api.over(answer["batchId"])
    assert [folder.name for folder in (api.root / "nightly").iterdir()]
    await api.execute(workflows=[pausing()] * 2)
    await api.at_node("pause", 2)
    low = await api.call("POST", EXECUTE, data=form(passing(), batchPriority="1"))
    high = await api.call("POST", EXECUTE, data=form(passing(), batchPriority="2"))
    await api.post(f"{EXECUTION}/stop")
    await asyncio.gather(api.over(low["batchId"]), api.over(high["batchId"]))
    first, second = [
        (await api.get(f"{BATCH}/{item['batchId']}/events"))["events"][1]["seq"] for item in (high, low)
    ]
    assert first < second


async def test_defect_20_reports_of_every_output_path_are_served(api: Api) -> None:
    config = JSON_REPORT | {"outputPath": "elsewhere/deep"}
    answer = await api.execute(workflow=passing(), reportConfig=config, workflowFileName="Shop.json")
    await api.over(answer["batchId"])
    (report,) = await api.get(f"{REPORTS}/list")
    name = report["folderName"]
    assert name.startswith("shop-")
    assert report["files"] == [{"name": "report.json", "path": "json/report.json", "type": "json"}]
    assert report["createdAt"].endswith("Z")
    created = datetime.fromisoformat(report["createdAt"]) - datetime.fromtimestamp(0, UTC)
    assert created // timedelta(milliseconds=1) == int(name.rpartition("-")[2])
    content = await api.get(f"{REPORTS}/{name}/json/report.json")
    assert content["executionId"] == answer["executionId"]
    assert await api.get(f"/reports/{name}/json/report.json") == content
    files = await api.get(f"{REPORTS}/{name}/files")
    assert [item["path"] for item in files if item["type"] == "json"] == ["json/report.json"]
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert status["outputDirectory"] == str(api.root / "elsewhere" / "deep" / name)
    assert (await api.call("DELETE", f"{REPORTS}/{name}"))["success"] is True
    await api.get(f"{REPORTS}/{name}/files", status=404)
    assert await api.get(f"{REPORTS}/list") == []


async def test_all_reports_are_deleted_at_once(api: Api) -> None:
    await a_report(api)
    api.write("output/mine/note.txt", "mine")
    assert (await api.call("DELETE", REPORTS))["success"] is True
    assert await api.get(f"{REPORTS}/list") == []
    assert (await api.get(f"{HISTORY}?includeSingle=true"))["total"] == 1
    assert (api.root / "output/mine/note.txt").is_file()


async def a_report(api: Api) -> str:
    answer = await api.execute(workflow=passing(), reportConfig=JSON_REPORT)
    await api.over(answer["batchId"])
    return str((await api.get(f"{REPORTS}/list"))[0]["folderName"])


def form(document: dict[str, Any], **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(fields)
    data.add_field("files", orjson.dumps(document), filename="a.json", content_type="application/json")
    return data
