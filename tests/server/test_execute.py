"""``POST /api/workflows/execute`` against a real server."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import aiohttp
import orjson
import pytest

from batches.events import ExecutionStatus
from tests.batches.runs import START, failing, passing, pausing
from tests.running import chain, node
from tests.server.api import BATCH, EXECUTE, EXECUTION, Api, serving


def form(*files: tuple[str, Any], **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)
    for name, content in files:
        text = content if isinstance(content, str) else orjson.dumps(content).decode()
        data.add_field("files", text, filename=name, content_type="application/json")
    for name, value in fields.items():
        data.add_field(name, value)
    return data


async def test_a_single_run_answers_at_once_with_its_id(api: Api) -> None:
    answer = await api.execute(workflow=passing(), workflowFileName="hello.json")
    number = answer["batchId"].removeprefix("batch-")
    assert answer == {
        "executionId": f"exec-{number}",
        "status": "running",
        "executionMode": "single",
        "batchId": f"batch-{number}",
    }
    await api.over(answer["batchId"])
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert (status["status"], status["workflowFileName"]) == ("completed", "hello.json")


async def test_a_single_run_without_a_name_is_called_like_its_start_node(api: Api) -> None:
    named = chain(node("s", "start", label="Log in"), node("v", "stringValue", value="x"))
    answer = await api.execute(workflow=named)
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert status["workflowFileName"] == "Log in"


async def test_faults_of_a_single_workflow_show_in_its_status(api: Api) -> None:
    answer = await api.execute(workflow={"nodes": [], "edges": []})
    await api.over(answer["batchId"])
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert status["status"] == "error"
    assert status["error"].startswith("Workflow validation failed")


async def test_a_single_run_forgives_what_a_batch_does_not(api: Api) -> None:
    document = passing()
    document["edges"].append({"id": "loose", "source": "say", "target": "ghost"})
    answer = await api.execute(workflow=document)
    await api.over(answer["batchId"])
    assert (await api.get(f"{EXECUTION}/{answer['executionId']}"))["status"] == "completed"
    answer = await api.execute(workflows=[document], status=400)
    assert "ghost" in answer["validationErrors"][0]["errors"][0]


async def test_a_batch_lists_valid_and_invalid_workflows(api: Api) -> None:
    answer = await api.execute(
        workflows=[passing(), {"nodes": 1}, passing()], workflowFileNames=["a.json", "b.json"]
    )
    assert (answer["executionMode"], answer["sourceType"]) == ("parallel", "workflows")
    assert (answer["totalWorkflows"], answer["validWorkflows"], answer["invalidWorkflows"]) == (3, 2, 1)
    assert [item["fileName"] for item in answer["validationErrors"]] == ["b.json"]
    assert [item["workflowFileName"] for item in answer["executions"]] == ["a.json", "workflow-3.json"]
    number = answer["batchId"].removeprefix("batch-")
    assert [item["executionId"] for item in answer["executions"]] == [f"exec-{number}-1", f"exec-{number}-2"]
    assert "folderPath" not in answer
    await api.over(answer["batchId"])


async def test_members_beyond_the_workers_are_queued(api: Api) -> None:
    answer = await api.execute(workflows=[pausing()] * 3, workers=2)
    assert [item["status"] for item in answer["executions"]] == ["running", "running", "queued"]
    assert (await api.get(f"{EXECUTION}/{answer['executions'][2]['executionId']}"))["status"] == "idle"
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert batch["executions"][2]["status"] == "queued"


async def test_workers_of_a_batch_limit_it(api: Api) -> None:
    answer = await api.execute(workflows=[pausing()] * 3, workers=1)
    await api.at_node("pause")
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["running"], batch["queued"], batch["workers"]) == (1, 2, 1)


async def test_a_folder_is_scanned_with_pattern_and_subfolders(api: Api) -> None:
    api.write("flows/a.json", passing())
    api.write("flows/deep/b.JSON", passing())
    api.write("flows/deep/c.txt", "no workflow")
    api.write("flows/broken.json", "{")
    answer = await api.execute(folderPath="flows", recursive=True, pattern="*.json")
    assert (answer["sourceType"], answer["folderPath"]) == ("folder", "flows")
    assert [item["workflowPath"] for item in answer["executions"]] == ["a.json", "deep/b.JSON"]
    assert [item["fileName"] for item in answer["validationErrors"]] == ["broken.json"]
    assert (await api.over(answer["batchId"])).counts.completed == 2
    flat = await api.execute(folderPath=str(api.root / "flows"))
    assert flat["validWorkflows"] == 1


async def test_the_folder_wins_over_workflows(api: Api) -> None:
    api.write("flows/a.json", passing())
    answer = await api.execute(folderPath="flows", workflows=[passing(), passing()])
    assert (answer["sourceType"], answer["validWorkflows"]) == ("folder", 1)


async def test_uploaded_files_are_a_batch(api: Api) -> None:
    data = form(
        ("one.json", passing()), ("sub/two.json", passing()), ("notes.txt", passing()), ("3.json", "{")
    )
    answer = await api.call("POST", EXECUTE, data=data)
    assert (answer["sourceType"], answer["totalWorkflows"]) == ("files", 4)
    shown = [(item["workflowFileName"], item["workflowPath"]) for item in answer["executions"]]
    assert shown == [("one.json", "one.json"), ("two.json", "sub/two.json")]
    assert [item["fileName"] for item in answer["validationErrors"]] == ["notes.txt", "3.json"]


async def test_a_single_uploaded_file_is_a_batch(api: Api) -> None:
    answer = await api.call("POST", EXECUTE, data=form(("one.json", passing())))
    assert answer["executionMode"] == "parallel"


async def test_form_fields_are_options(api: Api) -> None:
    data = form(
        ("one.json", passing()),
        workers="1",
        traceLogs="true",
        recordSession="false",
        tags="nightly, shop",
        source="mcp",
        startNodeOverrides='{"slowMo": 1}',
        variables='{"who": "me"}',
    )
    answer = await api.call("POST", EXECUTE, data=data)
    state = await api.over(answer["batchId"])
    assert state.workers == 1
    assert state.options["startOverrides"] == {"slowMo": 1}
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (batch["tags"], batch["source"]) == (["nightly", "shop"], "mcp")
    result = await api.get(f"{EXECUTION}/{answer['executions'][0]['executionId']}/result")
    assert result["variables"]["who"] == "me"


async def test_a_form_without_files_is_a_request_of_texts(api: Api) -> None:
    api.write("flows/a.json", passing())
    data = aiohttp.FormData({"folderPath": "flows", "recursive": "true"}, default_to_multipart=True)
    assert (await api.call("POST", EXECUTE, data=data))["sourceType"] == "folder"
    urlencoded = aiohttp.FormData({"folderPath": "flows", "workers": "1"})
    assert (await api.call("POST", EXECUTE, data=urlencoded))["sourceType"] == "folder"


async def test_options_reach_the_runs(api: Api) -> None:
    answer = await api.execute(
        workflow=passing(),
        screenshotConfig={"enabled": True, "timing": "both"},
        startNodeOverrides={"slowMo": 2, "unknown": True},
        variables={"a": 1},
        timeout=90_000,
        retries=2,
        traceLogs=True,
        recordSession=True,
    )
    options = (await api.over(answer["batchId"])).options
    assert options["screenshotConfig"] == {"enabled": True, "timing": "both"}
    assert options["startOverrides"] == {"slowMo": 2}
    assert (options["timeoutS"], options["retries"]) == (90, 2)
    assert (options["traceLogs"], options["recordSession"]) == (True, True)


async def test_a_failed_execution_is_tried_again(api: Api) -> None:
    answer = await api.execute(workflow=failing(), retries=1)
    await api.over(answer["batchId"])
    assert (await api.get(f"{EXECUTION}/{answer['executionId']}"))["attempts"] == 2


async def test_the_timeout_is_in_milliseconds(api: Api) -> None:
    answer = await api.execute(workflow=pausing(), timeout=50)
    await api.over(answer["batchId"])
    status = await api.get(f"{EXECUTION}/{answer['executionId']}")
    assert (status["status"], status["errorCode"]) == ("error", "EXECUTION_TIMEOUT")


async def test_higher_priority_goes_first(api: Api) -> None:
    await api.execute(workflows=[pausing()] * 2)
    low = await api.execute(workflows=[passing()], batchPriority=1)
    high = await api.execute(workflows=[passing()], batchPriority=5)
    await api.at_node("pause", 2)
    first = (await api.get("/api/workflows/executions/active"))["executions"][0]
    await api.post(f"{EXECUTION}/stop", {"executionId": first["executionId"]})
    states = [await api.over(answer["batchId"]) for answer in (high, low)]
    begun = [next(iter(state.executions.values())).started_at or 0 for state in states]
    assert begun[0] <= begun[1]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Give workflow, workflows, folderPath or files"),
        (
            {"workflow": passing(), "workflows": [passing()]},
            "Give either workflow, or workflows or folderPath, not both",
        ),
        ({"executionMode": "parallel"}, "Parallel mode needs folderPath, workflows or files"),
        ({"executionMode": "sideways"}, "Parallel mode needs folderPath, workflows or files"),
        ({"executionMode": "single"}, "Invalid workflow format"),
        ({"workflow": {"nodes": [START]}}, "Invalid workflow format"),
        ({"workflow": []}, "Invalid workflow format"),
    ],
)
async def test_missing_input_is_refused(shared: Api, body: dict[str, Any], error: str) -> None:
    assert (await shared.execute(status=400, **body))["error"] == error


async def test_without_a_valid_workflow_nothing_runs(shared: Api) -> None:
    answer = await shared.execute(status=400, workflows=[{"nodes": []}, None])
    assert answer["error"] == "No valid workflows found"
    assert [item["fileName"] for item in answer["validationErrors"]] == ["workflow-1.json", "workflow-2.json"]
    assert (await shared.execute(status=400, workflows=[]))["validationErrors"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workers", "many"),
        ("workers", -1),
        ("batchPriority", {}),
        ("source", "elsewhere"),
        ("traceLogs", "perhaps"),
        ("workflowFileNames", "a.json"),
        ("retries", 1000),
        ("timeout", -5),
        ("variables", []),
        ("folderPath", "a\0b"),
    ],
)
async def test_a_wrong_field_is_named(shared: Api, field: str, value: Any) -> None:
    answer = await shared.execute(status=400, workflow=passing(), **{field: value})
    assert answer["field"].split(".")[0] == field
    assert answer["code"] == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("workflows", {}, "workflows: Input should be an array"),
        ("variables", [], "variables: Input should be an object"),
        ("screenshotConfig", 1, "screenshotConfig: Input should be an object"),
    ],
)
async def test_wrong_types_are_told_in_the_words_of_json(
    shared: Api, field: str, value: object, message: str
) -> None:
    assert (await shared.execute(status=400, **{field: value}))["message"] == message


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"screenshotConfig": {"timing": "never"}}, "screenshotConfig.timing"),
        ({"startNodeOverrides": {"slowMo": "slow"}}, "startNodeOverrides.slowMo"),
        ({"reportConfig": {"enabled": True, "reportTypes": ["pdf"]}}, "reportConfig.reportTypes.0"),
        ({"breakpointConfig": {"enabled": True, "breakpointAt": "mid"}}, "breakpointConfig.breakpointAt"),
    ],
)
async def test_a_wrong_part_of_an_option_is_named(shared: Api, body: dict[str, Any], field: str) -> None:
    assert (await shared.execute(status=400, workflow=passing(), **body))["field"] == field


async def test_null_and_unknown_members_count_as_absent(api: Api) -> None:
    await api.execute(workflow=passing(), workflows=None, workers=None, reportConfig=None, later=1)


async def test_breakpoints_are_passed_on(api: Api) -> None:
    answer = await api.execute(
        workflow=passing(), breakpointConfig={"enabled": False, "breakpointAt": None}, breakOn="error"
    )
    assert (await api.over(answer["batchId"])).counts.completed == 1


async def test_a_file_in_another_field_is_refused(shared: Api) -> None:
    data = form(("one.json", passing()))
    data.add_field("upload", "{}", filename="x.json")
    assert (await shared.call("POST", EXECUTE, status=400, data=data))["field"] == "upload"


async def test_wrong_json_in_a_form_field_is_named(shared: Api) -> None:
    answer = await shared.call(
        "POST", EXECUTE, status=400, data=form(("1.json", passing()), reportConfig="{")
    )
    assert (answer["error"], answer["field"]) == ("Invalid JSON in form data fields", "reportConfig")


async def test_a_form_that_is_none_is_refused(shared: Api) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for content in (b"nothing", b"--x\r\nContent-Disposition: form-data; name=files\r\n\r\nab"):
        await shared.call("POST", EXECUTE, status=400, data=content, headers=headers)
    await shared.call("POST", EXECUTE, status=400, data=b"", headers={"Content-Type": "multipart/form-data"})


async def test_limits_of_uploads_and_numbers(api: Api) -> None:
    async with serving(api.root / "small", max_body_mb=0.01, max_upload_mb=0.01, max_workflows=2) as small:
        large = form(("1.json", "x" * 20_000))
        assert (await small.call("POST", EXECUTE, status=413, data=large))["field"] == "files"
        answer = await small.execute(status=413, workflow={"nodes": ["x" * 20_000], "edges": []})
        assert answer["code"] == "BODY_TOO_LARGE"
        assert (await small.execute(status=413, workflows=[1] * 3))["field"] == "workflows"
        many = form(*[(f"{index}.json", passing()) for index in range(3)])
        assert (await small.call("POST", EXECUTE, status=413, data=many))["code"] == "TOO_MANY_WORKFLOWS"
        for index in range(3):
            small.write(f"flows/{index}.json", passing())
        assert (await small.execute(status=413, folderPath="flows"))["field"] == "folderPath"


async def test_several_files_may_be_larger_together_than_a_body(api: Api) -> None:
    async with serving(api.root / "small", max_body_mb=0.01, max_upload_mb=0.01) as small:
        document = passing() | {"metadata": {"description": "x" * 8_000}}
        data = form(*[(f"{index}.json", document) for index in range(3)])
        assert (await small.call("POST", EXECUTE, data=data))["validWorkflows"] == 3
        data = form(*[(f"{index}.json", document) for index in range(30)])
        assert (await small.call("POST", EXECUTE, status=413, data=data))["code"] == "BODY_TOO_LARGE"


async def test_forms_cannot_grow_beyond_their_limits(api: Api) -> None:
    packed = aiohttp.FormData()
    packed.add_field("files", gzip.compress(b"{}"), filename="1.json")
    writer = packed()
    assert isinstance(writer, aiohttp.MultipartWriter)
    writer._parts[0][0].headers["Content-Encoding"] = "gzip"
    assert (await api.call("POST", EXECUTE, status=415, data=writer))["field"] == "files"
    fields = {f"field{number}": "x" for number in range(200)}
    answer = await api.call("POST", EXECUTE, status=413, data=form(("1.json", passing()), **fields))
    assert answer["code"] == "TOO_MANY_FIELDS"
    async with serving(api.root / "small", max_body_mb=0.01) as small:
        texts = {f"field{number}": "x" * 4_000 for number in range(4)}
        answer = await small.call("POST", EXECUTE, status=413, data=form(("1.json", passing()), **texts))
        assert answer["code"] == "BODY_TOO_LARGE"


async def test_the_same_key_and_request_start_one_run(api: Api) -> None:
    headers = {"Idempotency-Key": "night-1"}
    body = {"workflow": passing(), "tags": ["a"]}
    answers = await asyncio.gather(*(api.post(EXECUTE, body, headers=headers) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert len(api.service.log.states) == 1
    async with api.session.post(EXECUTE, json=body | {"later": 1}, headers=headers) as again:
        assert again.headers["Idempotency-Replayed"] == "true"
    other = await api.post(EXECUTE, body | {"tags": ["b"]}, headers=headers, status=422)
    assert (other["code"], other["field"]) == ("IDEMPOTENCY_KEY_REUSED", "Idempotency-Key")


async def test_a_refused_request_does_not_use_up_its_key(api: Api) -> None:
    headers = {"Idempotency-Key": "later"}
    await api.post(EXECUTE, {"folderPath": "flows"}, headers=headers, status=404)
    api.write("flows/a.json", passing())
    await api.post(EXECUTE, {"folderPath": "flows"}, headers=headers)


async def test_the_same_files_with_the_same_key_start_one_batch(api: Api) -> None:
    headers = {"Idempotency-Key": "files"}
    first = await api.call("POST", EXECUTE, data=form(("1.json", passing())), headers=headers)
    assert first == await api.call("POST", EXECUTE, data=form(("1.json", passing())), headers=headers)
    await api.call("POST", EXECUTE, status=422, data=form(("2.json", passing())), headers=headers)


async def test_a_closing_server_takes_no_work(api: Api) -> None:
    await api.service.close()
    assert (await api.execute(status=503, workflow=passing()))["code"] == "SHUTTING_DOWN"
    assert api.service.recent(ExecutionStatus.RUNNING) is None
