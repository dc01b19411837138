"""The feed as a page's socket gets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.dashboard.feed import MOST_WAITING
from server.dashboard.pages import FEED
from tests.batches.runs import PATIENCE_S, request
from tests.server.dashboard.past import Past, write_past
from tests.server.dashboard.viewer import failing, holding, passing, submit
from tests.server.serving import Serving, serving

FEED_PATH = "/api/dashboard/feed"


@dataclass
class Listener:
    """One open page's socket."""

    socket: aiohttp.ClientWebSocketResponse

    async def watch(self, *topics: str) -> None:
        await self.socket.send_json({"type": "watch", "topics": list(topics)})

    async def next(self, kind: str) -> Any:
        """The next message of a kind; others are skipped."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.socket.receive_json()
                if message["type"] == kind:
                    return message

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """All events up to the first that fits."""
        events: list[dict[str, Any]] = []
        while not any(map(condition, events)):
            events += (await self.next("events"))["events"]
        return events


@asynccontextmanager
async def listening(board: Serving, *topics: str) -> AsyncIterator[Listener]:
    async with board.http.ws_connect(FEED_PATH, max_msg_size=0) as socket:
        listener = Listener(socket)
        await listener.watch(*topics)
        yield listener


def is_end(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "batch-ended")


async def test_a_page_gets_a_greeting_then_snapshots_then_numbered_events(board: Serving) -> None:
    async with board.http.ws_connect(FEED_PATH) as socket:
        listener = Listener(socket)
        hello = await listener.next("hello")
        seq = board.server.service.log.last_seq
        assert hello["seq"] == seq
        assert {"instance", "version", "now"} <= hello.keys()
        assert (await listener.next("queue"))["queue"] == {
            "slots": 2, "inUse": 0, "waiting": 0, "parked": 0, "lanes": [],
        }  # fmt: skip
        await listener.watch("live")
        assert await listener.next("snapshot") == {
            "type": "snapshot", "topic": "live", "seq": seq, "state": {"batches": [], "recent": []},
        }  # fmt: skip
        batch_id = await submit(board, [passing(), failing()])
        events = await listener.until(is_end)
        assert {event["batchId"] for event in events} == {batch_id}
        numbers = [event["seq"] for event in events]
        assert numbers == sorted(set(numbers))
        assert events[0]["type"] == "batch-started"
        # Node results and log are for who looks at one execution.
        assert {event["type"] for event in events}.isdisjoint({"node-ended", "log"})


async def test_snapshot_and_events_of_one_execution_fit_together(board: Serving) -> None:
    batch_id = await submit(board, [passing(), holding()])
    execution_id = f"exec-{batch_id.removeprefix('batch-')}-2"
    async with listening(board, f"execution:{execution_id}") as listener:
        snapshot = await listener.next("snapshot")
        assert snapshot["state"]["batch"]["batchId"] == batch_id
        await board.server.service.stop_execution(execution_id)
        events = await listener.until(lambda event: event["type"] == "execution-ended")
        assert {event["executionId"] for event in events} == {execution_id}
        known = {(item["nodeId"], item["seq"]) for item in snapshot["state"]["nodes"]}
        fresh = [event for event in events if event["seq"] > snapshot["seq"]]
        assert known.isdisjoint((event.get("nodeId"), event["seq"]) for event in fresh)
        journal = await board.server.service.events(
            batch_id, execution_id=execution_id, after=snapshot["seq"]
        )
        assert [event["seq"] for event in fresh] == [event.seq for event in journal]


async def test_a_topic_that_is_left_brings_nothing_more(board: Serving) -> None:
    async with listening(board, "live", "history") as both, listening(board, "history") as history:
        await both.next("snapshot")
        await both.next("snapshot")
        await history.next("snapshot")
        await both.watch("history")
        first = await submit(board, [passing()])
        assert [event["type"] for event in await both.until(is_end)] == ["batch-started", "batch-ended"]
        seen = await history.until(is_end)
        assert [(event["type"], event["batchId"]) for event in seen] == [
            ("batch-started", first),
            ("batch-ended", first),
        ]


async def test_what_is_over_comes_from_the_store(tmp_path: Path) -> None:
    (batch_id,) = await write_past(tmp_path / "output", Past(["a.json", "b.json"]))
    async with (
        serving(tmp_path) as board,
        listening(board, "live", f"batch:{batch_id}", "batch:batch-1") as listener,
    ):
        found = {}
        for _ in range(3):
            message = await listener.next("snapshot")
            found[message["topic"]] = message["state"]
        assert [row["batchId"] for row in found["live"]["recent"]] == [batch_id]
        assert [row["status"] for row in found[f"batch:{batch_id}"]["executions"]] == ["completed"] * 2
        assert found["batch:batch-1"] is None


async def test_the_queue_is_told_when_it_changes(board: Serving) -> None:
    async with listening(board) as listener:
        await listener.next("queue")
        state = await board.server.service.submit(request(*[holding()] * 3, workers=1, priority=5))
        while (told := (await listener.next("queue"))["queue"])["inUse"] != 1:
            continue
        assert told["lanes"] == [
            {
                "batchId": state.batch_id,
                "cap": 1,
                "priority": 5,
                "waiting": 2,
                "running": 1,
                "parked": 0,
                "returning": 0,
            }
        ]
        await board.server.service.stop_all()
        while (told := (await listener.next("queue"))["queue"])["lanes"]:
            continue
        assert (told["inUse"], told["waiting"]) == (0, 0)


async def test_a_page_that_is_too_slow_starts_anew(board: Serving) -> None:
    async with listening(board, "live") as listener:
        await listener.next("snapshot")
        (client,) = board.server.app[FEED].clients
        # The writer had no turn in between: it all waits.
        client.send(b'{"type":"events","seq":1,"events":[]}')
        client.send(b'{"type":"late","text":"' + b"x" * MOST_WAITING + b'"}')
        assert client.lost
        client.send(b'{"type":"never"}')
        async with asyncio.timeout(PATIENCE_S):
            message = await listener.socket.receive_json()
        assert message == {"type": "lost"}
        await listener.watch("live")
        assert (await listener.next("snapshot"))["topic"] == "live"
        assert not client.lost


async def test_one_message_may_be_larger_than_the_bound(board: Serving) -> None:
    async with listening(board, "live") as listener:
        await listener.next("snapshot")
        (client,) = board.server.app[FEED].clients
        text = "x" * (MOST_WAITING + 1)
        client.send(b'{"type":"large","text":"%b"}' % text.encode())
        assert not client.lost
        assert (await listener.next("large"))["text"] == text


@pytest.mark.parametrize(
    "text", ["no json", "[]", '{"type":"watch"}', '{"type":"watch","topics":"live"}', '{"type":"x"}']
)
async def test_nonsense_hurts_nobody_else(board: Serving, text: str) -> None:
    async with listening(board, "history") as other:
        await other.next("snapshot")
        async with board.http.ws_connect(FEED_PATH) as socket:
            await socket.send_str(text)
            await submit(board, [passing()])
            await other.until(is_end)


async def test_only_a_websocket_of_this_origin_is_answered(board: Serving) -> None:
    status, answer = await board.json(FEED_PATH)
    assert (status, answer["code"]) == (400, "NO_WEBSOCKET")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with board.http.ws_connect(FEED_PATH, origin="https://evil.example"):
            pytest.fail("was answered")
    assert caught.value.status == 403


async def test_the_queue_is_told_of_when_no_event_tells_of_it(board: Serving) -> None:
    queue = board.server.service.runner.queue
    async with listening(board, "live") as listener:
        batch_id = await submit(board, [holding()] * 3)
        await listener.until(lambda event: event["type"] == "node-started")
        for waiting in (2, 3, 4):
            queue.add("batch-0", [f"exec-0-{waiting}"], cap=1)
            while (await listener.next("queue"))["queue"]["waiting"] < waiting:
                continue
        for name in list(queue.waiting_of("batch-0")):
            queue.remove(name)
        while [lane["batchId"] for lane in (await listener.next("queue"))["queue"]["lanes"]] != [batch_id]:
            continue
