"""Replying over HTTP and sockets to executions that wait for a person."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from batchwright.client import AsyncClient
from batchwright.client_models import ClientError
from tests.batches.runs import PATIENCE_S, passing
from tests.batchwright.crash_server import forked
from tests.running import chain, node
from tests.server.api import BATCH, EXECUTION, Api
from tests.server.serving import watching

START = node("start", "start")


def gate(**values: Any) -> dict[str, Any]:
    return chain(START, node("gate", "approvalGate", label="Gate", **{"message": "Send it?", **values}))


def ask(**values: Any) -> dict[str, Any]:
    return chain(START, node("ask", "askHuman", **{"question": "Which colour?", **values}))


async def begun(api: Api, document: dict[str, Any], **body: Any) -> tuple[str, str]:
    """Run a workflow up to its question; returns the ids of execution and batch."""
    answer = await api.execute(workflow=document, **body)
    await api.suspended()
    return answer["executionId"], answer["batchId"]


def url(execution_id: object) -> str:
    return f"{EXECUTION}/{execution_id}/respond"


async def test_the_status_shows_what_is_asked(api: Api) -> None:
    name, batch = await begun(api, gate(timeout=3_600_000))
    status = await api.get(f"{EXECUTION}/{name}")
    assert (status["status"], status["currentNodeId"]) == ("running", "gate")
    assert (status["pausedNodeId"], status["pauseReason"]) == (None, None)
    question = status["question"]
    assert isinstance(question.pop("since"), int)
    assert question == {
        "nodeId": "gate",
        "nodeLabel": "Gate",
        "kind": "approval",
        "text": "Send it?",
        "choices": [],
        "secret": False,
        "timeoutMs": 3_600_000,
    }
    (active,) = (await api.get("/api/workflows/executions/active"))["executions"]
    assert active["question"]["text"] == "Send it?"
    assert (await api.get(f"{EXECUTION}/status?executionId={name}"))["question"]["kind"] == "approval"
    counts = await api.get(f"{BATCH}/{batch}")
    assert (counts["running"], counts["queued"], counts["status"]) == (1, 0, "running")
    await api.post(url(name), {"approved": True})
    await api.over(batch)
    status = await api.get(f"{EXECUTION}/{name}")
    assert status["status"] == "completed"
    assert "question" not in status


async def test_an_approval(api: Api) -> None:
    name, batch = await begun(api, gate())
    answer = await api.post(url(name), {"approved": True, "reason": "Fine", "owner": "ada"})
    assert answer == {"success": True, "message": "The answer was taken; the execution goes on"}
    (execution,) = (await api.over(batch)).executions.values()
    assert execution.data["approval"] == {
        "approved": True,
        "reason": "Fine",
        "by": "ada",
        "timedOut": False,
    }


async def test_a_rejection_is_told(api: Api) -> None:
    name, batch = await begun(api, gate())
    await api.post(url(name), {"approved": False, "reason": "No"})
    await api.over(batch)
    status = await api.get(f"{EXECUTION}/{name}")
    assert (status["status"], status["error"]) == ("error", "Not approved: rejected: No")
    assert status["errorCode"] == "NOT_APPROVED"


@pytest.mark.parametrize(("given", "stored"), [("blue", "blue"), (17, "17"), (True, "true"), ("", "")])
async def test_an_answer(api: Api, given: object, stored: str) -> None:
    name, batch = await begun(api, ask())
    alias = (await api.get(f"{EXECUTION}/{name}"))["alias"]
    await api.post(url(alias), {"answer": given})
    (execution,) = (await api.over(batch)).executions.values()
    assert execution.data["answer"] == stored


@pytest.mark.parametrize(
    ("document", "body", "field"),
    [
        (gate(), {}, "approved"),
        (gate(), {"answer": "yes"}, "approved"),
        (gate(), {"approved": "perhaps"}, "approved"),
        (gate(), {"approved": True, "reason": ["why"]}, "reason"),
        (gate(), {"approved": True, "reason": "x" * 1_001}, "reason"),
        (gate(), {"approved": True, "owner": 5}, "owner"),
        (ask(), {}, "answer"),
        (ask(), {"approved": True}, "answer"),
        (ask(), {"answer": {"a": 1}}, "answer"),
        (ask(), {"answer": "x" * 100_001}, "answer"),
        (ask(choices=["red", "blue"]), {"answer": "Red"}, "answer"),
        (ask(), [], None),
    ],
)
async def test_a_reply_that_does_not_fit(
    api: Api, document: dict[str, Any], body: object, field: str | None
) -> None:
    name, _ = await begun(api, document)
    answer = await api.post(url(name), body, status=400)
    assert (answer["success"], answer.get("field")) == (False, field)
    assert (await api.get(f"{EXECUTION}/{name}"))["question"]["nodeId"] in {"gate", "ask"}


async def test_no_json(api: Api) -> None:
    name, _ = await begun(api, gate())
    answer = await api.call("POST", url(name), status=400, data=b"{approved", headers={"Content-Type": "application/json"})  # fmt: skip
    assert answer["success"] is False


@pytest.mark.parametrize("name", ["exec-7", "99", "exec-1-1%2f..", "-"])
async def test_an_unknown_execution(api: Api, name: str) -> None:
    answer = await api.post(url(name), {"approved": True}, status=404)
    assert answer["success"] is False


async def test_an_execution_that_asks_nothing(api: Api) -> None:
    long = chain(START, node("pause", "wait", waitType="timeout", value=60_000))
    answer = await api.execute(workflow=long)
    await api.at_node("pause")
    refused = await api.post(url(answer["executionId"]), {"approved": True}, status=409)
    assert (refused["code"], refused["status"]) == ("CONTROL_NOT_APPLICABLE", "running")
    await api.post(f"{EXECUTION}/stop", {"executionId": answer["executionId"]})
    refused = await api.post(url(answer["executionId"]), {"approved": True}, status=409)
    assert refused["status"] == "stopped"


async def test_a_question_is_no_pause(api: Api) -> None:
    name, _ = await begun(api, gate())
    refused = await api.post(f"{EXECUTION}/continue", {"executionId": name}, status=400)
    assert (refused["success"], refused["status"]) == (False, "suspended")
    assert (await api.get(f"{EXECUTION}/{name}"))["question"]["nodeId"] == "gate"


async def test_of_two_replies_one_counts(api: Api) -> None:
    name, batch = await begun(api, gate())

    async def reply(*, approved: bool) -> int:
        async with api.session.post(url(name), json={"approved": approved}) as answer:
            return answer.status

    both = await asyncio.gather(reply(approved=True), reply(approved=True))
    assert sorted(both) == [200, 409]
    assert (await api.over(batch)).counts.completed == 1


async def test_others_use_the_worker_meanwhile(api: Api) -> None:
    answer = await api.execute(workflows=[gate(), *[passing()] * 3], workers=1)
    (name,) = await api.suspended()
    others = [item["executionId"] for item in answer["executions"][1:]]
    async with AsyncClient(api.server.url) as client:
        for other in others:
            assert (await client.wait_execution(other, timeout_s=PATIENCE_S)).status == "completed"
    counts = await api.get(f"{BATCH}/{answer['batchId']}")
    assert (counts["running"], counts["queued"], counts["completed"]) == (1, 0, 3)
    await api.post(url(name), {"approved": True})
    assert (await api.over(answer["batchId"])).counts.completed == 4


async def test_stop_of_an_execution_that_waits_for_a_person(api: Api) -> None:
    name, batch = await begun(api, gate())
    answer = await api.post(f"{EXECUTION}/stop", {"executionId": name})
    assert (answer["success"], answer["wasRunning"]) == (True, True)
    await api.over(batch)
    status = await api.get(f"{EXECUTION}/{name}")
    assert status["status"] == "stopped"
    assert "question" not in status


async def test_sockets_tell_of_it_and_take_replies(api: Api) -> None:
    async with watching(api.server.url) as watcher:
        name, batch = await begun(api, ask(choices=["red", "blue"]))
        refused = await watcher.socket.call("respond", {"executionId": name, "answer": "green"})
        assert (refused["success"], refused["field"]) == (False, "answer")
        taken = await watcher.socket.call("respond", {"executionId": name, "answer": "red", "owner": "ada"})
        assert taken["success"] is True
        await api.over(batch)

        def types() -> list[str]:
            return [item["type"] for item in watcher.of("execution-event")]

        await watcher.until(lambda: "execution_complete" in types())
        events = {item["type"]: item for item in watcher.of("execution-event")}
        asked, back = events["execution_suspended"], events["execution_resumed"]
        assert (asked["executionId"], asked["nodeId"], asked["message"]) == (name, "ask", "Which colour?")
        assert asked["data"]["question"]["choices"] == ["red", "blue"]
        assert back["data"]["owner"] == "ada"
        assert types().index("execution_suspended") < types().index("execution_resumed")


async def test_the_description_has_it(api: Api) -> None:
    document = await api.get("/api-docs.json")
    operation = document["paths"]["/api/workflows/execution/{executionId}/respond"]["post"]
    assert set(operation["responses"]) >= {"200", "400", "404", "409"}
    content = operation["requestBody"]["content"]["application/json"]
    name = content["schema"]["$ref"].rsplit("/", 1)[1]
    assert set(document["components"]["schemas"][name]["properties"]) == {
        "approved",
        "answer",
        "reason",
        "owner",
    }


def recorded(root: Path) -> bool:
    """Whether a question is in a journal."""
    journals = (root / "output" / "batches").glob("*/events.jsonl")
    return any(b'"execution-suspended"' in path.read_bytes() for path in journals)


async def test_the_question_survives_the_death_of_the_server(tmp_path: Path) -> None:
    async with forked(tmp_path, workers=2) as (address, process), AsyncClient(address) as client:
        begun_run = await client.execute(workflow=ask(question="What is the code?", choices=["1", "2"]))
        name = str(begun_run.execution_id)
        async with asyncio.timeout(PATIENCE_S):
            while not recorded(tmp_path):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        assert (await client.status(name)).question is not None
        process.kill()
        await asyncio.to_thread(process.join)
    async with forked(tmp_path, workers=2) as (address, _), AsyncClient(address) as client:
        execution = await client.status(name)
        assert execution.status == "stopped"
        assert execution.question is not None
        assert (execution.question.text, execution.question.kind) == ("What is the code?", "question")
        assert list(execution.question.choices) == ["1", "2"]
        assert (await client.active()).total_active == 0
        with pytest.raises(ClientError, match="is over: it is interrupted"):
            await client.respond(name, answer="1")
