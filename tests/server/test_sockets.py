"""Socket.IO against real servers, with the clients of Python and JavaScript."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from server.keys import HUB
from tests.batches.runs import PATIENCE_S, START, failing, passing, pausing, request
from tests.running import chain, node
from tests.server.api import Api, serving
from tests.server.js_client import JsClient, installed, js_client
from tests.server.serving import Watcher, watching

LOSSLESS = ("node-execution", "execution-event", "batch-start", "batch-complete")
SUMMED = ("completed", "running", "queued", "failed", "stopped")

Seen = list[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A server for all tests that need none of their own."""
    async with serving(tmp_path_factory.mktemp("sockets"), workers=4) as api:
        yield api


@pytest.fixture(scope="session")
def js_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory)


def talking(steps: int) -> dict[str, Any]:
    """Many short nodes one after the other."""
    return chain(START, *(node(f"s{number}", "stringValue", value="x") for number in range(steps)))


def lasting(steps: int) -> dict[str, Any]:
    """Short nodes with 10 ms between them, so that a client can come in the middle."""
    pauses = (node(f"w{number}", "wait", waitType="timeout", value=10) for number in range(steps))
    return chain(START, *pauses)


def facts(seen: Seen, names: tuple[str, ...] = LOSSLESS) -> Counter[tuple[str, int, str]]:
    """What events said, and how often."""
    return Counter((name, body["seq"], body.get("type", "")) for name, body in seen if name in names)


def of_batch(seen: Seen, batch_id: str) -> Seen:
    return [(name, body) for name, body in seen if body.get("batchId") == batch_id]


def complete(watcher: Watcher, batch_id: str) -> bool:
    return any(body["batchId"] == batch_id for body in watcher.of("batch-complete"))


def types(watcher: Watcher, execution_id: str) -> list[str]:
    """What happened in an execution."""
    return [body["type"] for body in watcher.of("execution-event") if body["executionId"] == execution_id]


def check_sums(updates: list[dict[str, Any]], total: int) -> None:
    assert updates
    for body in updates:
        assert sum(body[name] for name in SUMMED) == body["totalWorkflows"] == total
        assert all(body[name] >= 0 for name in SUMMED)


async def test_a_python_client_that_never_subscribes_gets_everything(shared: Api) -> None:
    async with watching(shared.server.url) as watcher:
        answer = await shared.execute(workflows=[passing(), failing()], source="mcp")
        batch_id = answer["batchId"]
        await watcher.until(lambda: complete(watcher, batch_id))
    seen = of_batch(watcher.seen, batch_id)
    assert {name for name, _ in seen} == {*LOSSLESS, "execution-update", "batch-update"}
    check_sums([body for name, body in seen if name == "batch-update"], 2)
    last = {body["executionId"]: body for name, body in seen if name == "execution-update"}
    ends = [(body["status"], body["error"]) for _, body in sorted(last.items())]
    assert ends[0] == ("completed", None)
    assert ends[1][0] == "error"
    assert "filePath" in ends[1][1]
    assert {body["source"] for name, body in seen if name == "execution-event"} == {"mcp"}
    lossless = [body["seq"] for name, body in seen if name in LOSSLESS]
    assert lossless == sorted(lossless)
    assert max(facts(seen).values()) == 1


async def test_a_single_run_is_told_without_its_batch(shared: Api) -> None:
    async with watching(shared.server.url) as watcher:
        answer = await shared.execute(workflow=passing())
        ended = "execution_complete"
        await watcher.until(lambda: ended in [body["type"] for body in watcher.of("execution-event")])
    assert {body["executionId"] for _, body in watcher.seen} == {answer["executionId"]}
    assert not {name for name, _ in watcher.seen} & {"batch-start", "batch-update", "batch-complete"}


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
async def test_every_transport_carries_everything_in_order(shared: Api, transports: list[str]) -> None:
    async with watching(shared.server.url, transports=transports) as watcher:
        answer = await shared.execute(workflows=[talking(30), talking(30)])
        await watcher.until(lambda: complete(watcher, answer["batchId"]))
    seen = of_batch(watcher.seen, answer["batchId"])
    expected = await shared.get(f"/api/workflows/execution/batch/{answer['batchId']}/events?limit=10000")
    told = [event for event in expected["events"] if event["type"] not in ("log", "execution-continued")]
    assert [body["seq"] for name, body in seen if name == "execution-event"] == [
        event["seq"] for event in told if event["type"] not in ("batch-started", "batch-ended")
    ]
    assert max(facts(seen).values()) == 1


async def test_a_late_client_gets_what_it_missed_and_what_follows_once(shared: Api) -> None:
    async with watching(shared.server.url) as witness:
        answer = await shared.execute(workflows=[lasting(80) for _ in range(4)], workers=2)
        batch_id = answer["batchId"]
        await witness.until(lambda: len(witness.of("node-execution")) > 100)
        async with watching(shared.server.url) as late:
            ack = await late.socket.call("subscribe", {"batchId": batch_id, "after": 0})
            assert (ack["success"], ack["ok"], ack["rooms"]) == (True, True, [f"batch:{batch_id}"])
            check_sums(ack["batches"], 4)
            assert len(ack["executions"]) == 4
            await late.until(lambda: complete(late, batch_id))
            await witness.until(lambda: complete(witness, batch_id))
        assert facts(late.seen) == facts(of_batch(witness.seen, batch_id))
        lossless = [body["seq"] for name, body in late.seen if name in LOSSLESS]
        assert lossless == sorted(lossless)
        assert lossless[0] <= ack["seq"] < lossless[-1]


async def test_a_client_that_comes_back_goes_on_where_it_was(shared: Api) -> None:
    async with watching(shared.server.url) as witness:
        answer = await shared.execute(workflows=[lasting(80) for _ in range(4)], workers=2)
        batch_id = answer["batchId"]
        async with watching(shared.server.url) as first:
            await first.socket.call("subscribe", {"batchId": batch_id, "after": 0})
            await first.until(lambda: len(first.of("node-execution")) > 100)
        known = max(body["seq"] for _, body in first.seen)
        # What came after its last number is asked for again, so of that number nothing may be missing.
        async with watching(shared.server.url) as second:
            await second.socket.call("subscribe", {"all": True, "after": known})
            await second.until(lambda: complete(second, batch_id))
            await witness.until(lambda: complete(witness, batch_id))
        both = [*first.seen, *of_batch(second.seen, batch_id)]
        assert facts(both) == facts(of_batch(witness.seen, batch_id))


async def test_one_execution_of_a_batch(shared: Api) -> None:
    batch_id = await shared.run(passing(), passing())
    state = await shared.service.batch(batch_id)
    wanted = list(state.executions)[1]
    async with watching(shared.server.url) as watcher:
        ack = await watcher.socket.call("subscribe", {"executionId": wanted, "after": 0})
        assert [item["executionId"] for item in ack["executions"]] == [wanted]
        await watcher.until(
            lambda: "execution_complete" in [b["type"] for b in watcher.of("execution-event")]
        )
    assert {body["executionId"] for _, body in watcher.seen} == {wanted}
    (update,) = watcher.of("execution-update")
    assert (update["status"], update["executionId"]) == ("completed", wanted)


async def test_leaving_the_last_room_ends_the_stream(shared: Api) -> None:
    async with watching(shared.server.url) as quiet, watching(shared.server.url) as witness:
        first = await shared.run(passing())
        await quiet.socket.call("subscribe", {"batchId": first})
        ack = await quiet.socket.call("unsubscribe", {"batchId": first})
        assert ack == {"success": True, "ok": True, "rooms": []}
        before = len(quiet.seen)
        second = await shared.run(passing())
        await witness.until(lambda: complete(witness, second))
        await quiet.socket.call("subscribe", {"batchId": second})
        assert of_batch(quiet.seen[before:], second) == []


@pytest.mark.parametrize(
    ("name", "payload", "code", "field"),
    [
        ("subscribe", None, "INVALID_INPUT", None),
        ("subscribe", 3, "INVALID_INPUT", None),
        ("subscribe", {"batchId": "x", "all": True}, "INVALID_INPUT", None),
        ("subscribe", {"batchId": "batch-1"}, "NOT_FOUND", "batchId"),
        ("subscribe", {"executionId": "../../x"}, "NOT_FOUND", "executionId"),
        ("subscribe", {"all": True, "after": -1}, "INVALID_INPUT", "after"),
        ("subscribe", {"all": True, "after": "soon"}, "INVALID_INPUT", "after"),
        ("subscribe", {"batchId": ["x"]}, "INVALID_INPUT", "batchId"),
        ("unsubscribe", {"batchId": "x", "executionId": "y"}, "INVALID_INPUT", None),
        ("stop", {"executionId": "exec-1"}, "NOT_FOUND", "executionId"),
        ("stop", {"batchId": "batch-1"}, "NOT_FOUND", "batchId"),
        ("stop", {"batchId": "a", "executionId": "b"}, "INVALID_INPUT", None),
        ("stop", "everything", "INVALID_INPUT", None),
        ("no-such-thing", {}, "UNKNOWN_EVENT", None),
    ],
)
async def test_bad_input_is_answered_with_its_field(
    shared: Api, name: str, payload: object, code: str, field: str | None
) -> None:
    async with watching(shared.server.url) as watcher:
        answer = await watcher.socket.call(name, payload)
        assert (answer["success"], answer["code"], answer.get("field")) == (False, code, field)
        assert answer["message"]
        again = await watcher.socket.call("subscribe", {"all": True})
        assert again["success"] is True


async def test_stopping_over_the_socket(api: Api) -> None:
    async with watching(api.server.url) as watcher:
        nothing = await watcher.socket.call("stop")
        assert (nothing["success"], nothing["code"]) == (False, "NOTHING_TO_STOP")
        first = (await api.execute(workflows=[pausing(), pausing(), pausing()], workers=2))["batchId"]
        await api.at_node("pause", 2)
        running = next(iter((await api.service.batch(first)).executions))
        one = await watcher.socket.call("stop", {"executionId": running})
        assert (one["success"], one["message"]) == (True, "Execution stopped")
        assert (one["executionId"], one["wasRunning"], one["wasQueued"]) == (running, True, False)
        rest = await watcher.socket.call("stop", {"batchId": first})
        assert (rest["success"], rest["batchId"], rest["stoppedExecutions"]) == (True, first, 2)
        second = (await api.execute(workflows=[pausing()]))["batchId"]
        single = (await api.execute(workflow=pausing()))["executionId"]
        await api.at_node("pause", 2)
        everything = await watcher.socket.call("stop-all", {})
        assert (everything["totalStopped"], everything["batches"]) == (2, [second])
        await watcher.until(lambda: complete(watcher, first) and complete(watcher, second))
        await watcher.until(lambda: "execution_error" in types(watcher, single))
        (end,) = (
            body
            for body in watcher.of("execution-event")
            if body["type"] == "execution_error" and body["executionId"] == single
        )
        assert end["message"] == "Execution stopped by user"
        check_sums([body for body in watcher.of("batch-update") if body["batchId"] == first], 3)
        assert {body["status"] for body in watcher.of("batch-complete")} == {"stopped"}


async def test_a_breakpoint_is_told_at_once_and_left_over_the_socket(shared: Api) -> None:
    async with watching(shared.server.url) as watcher:
        config = {"enabled": True, "breakpointAt": "pre", "breakpointFor": "all"}
        name = (await shared.execute(workflow=passing(), breakpointConfig=config))["executionId"]
        await watcher.until(lambda: "breakpoint_triggered" in types(watcher, name))
        assert types(watcher, name)[-2:] == ["execution_paused", "breakpoint_triggered"]
        await watcher.until(
            lambda: any(body["pausedNodeId"] is not None for body in watcher.of("execution-update"))
        )
        update = watcher.of("execution-update")[-1]
        assert (update["status"], update["pauseReason"]) == ("running", "breakpoint")
        on = {"executionId": name, "action": "continueWithoutBreakpoint"}
        assert (await watcher.socket.call("pause-control", on))["success"] is True
        await watcher.until(lambda: "execution_complete" in types(watcher, name))
        again = await watcher.socket.call("pause-control", on)
        assert (again["success"], again["code"]) == (False, "CONTROL_NOT_APPLICABLE")


async def test_many_executions_with_a_stop_in_the_middle_always_add_up(api: Api) -> None:
    async with watching(api.server.url) as watcher:
        documents = [*(passing() for _ in range(20)), *(pausing() for _ in range(10))]
        batch_id = (await api.execute(workflows=documents))["batchId"]
        await api.at_node("pause")
        await watcher.socket.call("stop-all")
        await watcher.until(lambda: complete(watcher, batch_id))
        updates = watcher.of("batch-update")
        check_sums(updates, 30)
        assert (updates[-1]["completed"], updates[-1]["stopped"], updates[-1]["status"]) == (
            20,
            10,
            "stopped",
        )
        (end,) = watcher.of("batch-complete")
        assert (end["completed"], end["failed"], end["stopped"]) == (20, 0, 10)


async def deaf_client(url: str) -> socket.socket:
    """A client that asks for everything and never reads: its WebSocket is opened by hand."""
    host, port = url.removeprefix("http://").split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (host, int(port)))
    key = base64.b64encode(b"0123456789abcdef").decode()
    handshake = (
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n"
    )
    await loop.sock_sendall(raw, handshake.encode())
    await loop.sock_sendall(raw, b"\x81\x82\x00\x00\x00\x0040")  # "40" (connect), masked with zeros
    return raw


async def test_a_client_that_never_reads_slows_nobody_and_costs_little(tmp_path: Path) -> None:
    async with serving(tmp_path) as api, watching(api.server.url) as reader:
        hub = api.server.app[HUB]
        hub._most_behind = 500
        deaf = await deaf_client(api.server.url)
        try:
            document = chain(
                START, *(node(f"{'x' * 2000}{number}", "stringValue", value="x") for number in range(100))
            )
            count = 0
            while hub.stats().gaps == 0:
                batch_id = (await api.service.submit(request(document))).batch_id
                await reader.until(lambda: complete(reader, batch_id))  # noqa: B023 - awaited here
                count += 1
            assert hub.stats().clients == 2
            assert len(hub.ring) <= 500
            assert len(reader.of("node-execution")) == count * 101 * 2
            assert reader.of("gap") == []
        finally:
            deaf.close()


async def test_what_a_gap_tells_of_can_be_had_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as api, watching(api.server.url) as witness:
        hub = api.server.app[HUB]
        hub._most_behind = 50
        async with watching(api.server.url) as watcher:
            client = hub._clients[list(hub._clients)[-1]]
            first = await api.run(passing())
            await watcher.until(lambda: complete(watcher, first))
            with hub.holding(client):
                second = await api.run(talking(200))
                await witness.until(lambda: complete(witness, second))
            third = await api.run(passing())
            await watcher.until(lambda: complete(watcher, third))
            (gap,) = watcher.of("gap")
            ack = await watcher.socket.call("subscribe", {"all": True, "after": gap["from"] - 1})
            assert ack["success"] is True
            await watcher.until(lambda: facts(watcher.seen) == facts(witness.seen))


async def test_a_long_history_comes_in_pieces_newest_first(
    shared: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(shared.server.url) as witness, watching(shared.server.url) as watcher:
        before = await watcher.socket.call("unsubscribe")
        assert before["rooms"] == []
        known = shared.service.log.last_seq
        ids = [await shared.run(talking(30)) for _ in range(3)]
        await witness.until(lambda: complete(witness, ids[-1]))
        monkeypatch.setattr("server.replay.MOST_REPLAYED", 50)
        wish = {"all": True, "after": known}
        rounds = 0
        while facts(watcher.seen) != facts(witness.seen):
            gaps = len(watcher.of("gap"))
            assert (await watcher.socket.call("subscribe", wish))["success"] is True
            await watcher.until(
                lambda: len(watcher.of("gap")) > gaps or facts(watcher.seen) == facts(witness.seen)  # noqa: B023
            )
            rounds += 1
        assert rounds > 3
        assert {gap["from"] for gap in watcher.of("gap")} == {known + 1}


async def test_the_server_closes_its_clients_and_leaves_no_task(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with serving(tmp_path) as api:
        clients = [socketio.AsyncClient(reconnection=False, handle_sigint=False) for _ in range(2)]
        gone = [asyncio.Event() for _ in clients]
        for client, event, transport in zip(clients, gone, ("websocket", "polling"), strict=True):
            client.on("disconnect", lambda *_, event=event: event.set())
            await client.connect(api.server.url, transports=[transport])
        deaf = await deaf_client(api.server.url)
    async with asyncio.timeout(PATIENCE_S):
        for event in gone:
            await event.wait()
    deaf.close()
    for client in clients:
        await client.shutdown()
    names = {task.get_name() for task in asyncio.all_tasks() - before - {asyncio.current_task()}}
    assert {name for name in names if name.startswith("socket")} == set()


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A server with a token."""
    folder = tmp_path_factory.mktemp("guarded")
    async with serving(folder, token="s3cret", cors_origins=("http://friend.example",)) as api:
        yield api


async def refusal(url: str, **options: Any) -> Any:
    """What a client that is not let in is told."""
    client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
    told: list[Any] = []
    client.on("connect_error", told.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url, **{"transports": ["websocket"], **options})
    await client.shutdown()
    return told[0]


@pytest.mark.parametrize(
    "options",
    [
        {"auth": {"token": "s3cret"}},
        {"headers": {"Authorization": "Bearer s3cret"}},
        {"headers": {"X-API-Key": "s3cret"}},
        {"auth": {"token": "s3cret"}, "transports": ["polling"]},
        {"auth": {"token": "s3cret"}, "headers": {"Origin": "http://friend.example"}},
    ],
)
async def test_a_client_with_the_token_is_let_in(guarded: Api, options: dict[str, Any]) -> None:
    async with watching(guarded.server.url, **options) as watcher:
        assert (await watcher.socket.call("subscribe", {"all": True}))["success"] is True


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"auth": {"token": "guess"}},
        {"auth": {"token": ["s3cret"]}},
        {"auth": "s3cret"},
        {"headers": {"X-API-Key": "guess"}},
    ],
)
async def test_a_client_without_the_token_is_told_so(guarded: Api, options: dict[str, Any]) -> None:
    told = await refusal(guarded.server.url, **options)
    assert told["data"] == {"code": "TOKEN_REQUIRED", "status": 401}
    assert "token" in told["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_other_hosts_and_origins_are_refused(
    shared: Api, headers: dict[str, str], status: int, transport: str
) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"} if transport == "websocket" else {}
    path = f"/socket.io/?EIO=4&transport={transport}"
    async with shared.session.get(path, headers={**headers, **upgrade}) as answer:
        assert answer.status == status


async def test_pages_of_allowed_origins_may_poll(guarded: Api) -> None:
    headers = {"Origin": "http://friend.example"}
    async with guarded.session.get("/socket.io/?EIO=4&transport=polling", headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers.getall("Access-Control-Allow-Origin") == ["http://friend.example"]


async def test_nonsense_on_the_connection_hurts_nobody_else(shared: Api) -> None:
    url = f"{shared.server.url}/socket.io/?EIO=4&transport=websocket"
    async with watching(shared.server.url) as watcher, aiohttp.ClientSession() as session:
        for nonsense in ("4", "42", "42[", "42{}", "45-1[]", "4999", "zzz", "42[[]]", "421[1]"):
            async with session.ws_connect(url) as ws:
                await ws.receive()
                await ws.send_str("40")
                await ws.receive()
                await ws.send_str(nonsense)
        batch_id = await shared.run(passing())
        await watcher.until(lambda: complete(watcher, batch_id))


@pytest.mark.parametrize("transports", [["polling", "websocket"], ["websocket"], ["polling"]])
async def test_the_javascript_client_gets_everything_without_subscribing(
    shared: Api, js_folder: Path, transports: list[str]
) -> None:
    async with js_client(js_folder, shared.server.url, transports=transports) as client:
        answer = await shared.execute(workflows=[passing(), failing(), talking(20)])
        batch_id = answer["batchId"]
        await client.until(lambda: js_complete(client, batch_id))
        seen: Seen = [(line["name"], line["body"]) for line in client.of("event")]
    mine = of_batch(seen, batch_id)
    assert {name for name, _ in mine} == {*LOSSLESS, "execution-update", "batch-update"}
    check_sums([body for name, body in mine if name == "batch-update"], 3)
    assert max(facts(mine).values()) == 1
    kinds = Counter(body["type"] for name, body in mine if name == "execution-event")
    assert (kinds["execution_start"], kinds["execution_complete"], kinds["execution_error"]) == (3, 2, 1)
    assert (kinds["node_start"], kinds["node_error"]) == (1 + 1 + 2 + 21, 1)


def js_complete(client: JsClient, batch_id: str) -> bool:
    return any(body["batchId"] == batch_id for body in client.bodies("batch-complete"))


async def test_the_javascript_client_subscribes_stops_and_replays(api: Api, js_folder: Path) -> None:
    async with js_client(js_folder, api.server.url) as client:
        batch_id = (await api.execute(workflows=[passing(), pausing()]))["batchId"]
        await api.at_node("pause")
        ack = await client.call("subscribe", {"batchId": batch_id, "after": 0})
        assert (ack["ok"], ack["batches"][0]["batchId"]) == (True, batch_id)
        stopped = await client.call("stop", {"batchId": batch_id})
        assert (stopped["success"], stopped["runningStopped"]) == (True, 1)
        await client.until(lambda: js_complete(client, batch_id))
        wrong = await client.call("subscribe", {"batchId": 7.5})
        assert (wrong["success"], wrong["field"]) == (False, "batchId")
        events = (await api.get(f"/api/workflows/execution/batch/{batch_id}/events"))["events"]
        told = [event["seq"] for event in events if event["type"].startswith(("node", "execution"))]
        assert [body["seq"] for body in client.bodies("execution-event")] == told


async def test_the_javascript_client_comes_back_after_a_restart(tmp_path: Path, js_folder: Path) -> None:
    async with serving(tmp_path) as api:
        port = api.server.port
        manager = js_client(js_folder, api.server.url, reconnectionDelay=50, reconnectionDelayMax=100)
        client = await manager.__aenter__()
        first = await api.run(passing())
        await client.until(lambda: js_complete(client, first))
    try:
        await client.until(lambda: bool(client.of("disconnect")))
        async with serving(tmp_path, port=port) as api:
            await client.until(lambda: len(client.of("connect")) == 2)
            second = await api.run(passing())
            await client.until(lambda: js_complete(client, second))
            numbers = [body["seq"] for body in client.bodies("batch-complete")]
            assert numbers == sorted(set(numbers))
    finally:
        await manager.__aexit__(None, None, None)


async def test_the_javascript_client_with_and_without_a_token(guarded: Api, js_folder: Path) -> None:
    async with js_client(js_folder, guarded.server.url, auth={"token": "s3cret"}) as client:
        assert (await client.call("stop-all"))["totalStopped"] == 0
    async with js_client(js_folder, guarded.server.url, reconnection=False) as client:
        (told,) = client.of("refused")
        assert told["data"] == {"code": "TOKEN_REQUIRED", "status": 401}
