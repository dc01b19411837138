"""The feed of the dashboard: one snapshot for each thing that a page shows, then numbered events in batches.

A WebSocket at ``/api/dashboard/feed``. The page says what it shows; the feed answers with snapshots and goes on
with events, collected for `TICK_S` and encoded once for all pages. Events keep their ``seq``, so a page knows
what it has already, and snapshots name the ``seq`` up to which they hold.

Messages from the page, JSON:
    ``{"type": "watch", "topics": ["live", "history", "batch:<id>", "execution:<id>"]}`` says what it shows from
    now on.

Messages to the page, JSON:
    ``hello``     ``{instance, version, seq, now}``, first of all;
    ``snapshot``  ``{topic, seq, state}``; ``state`` null if there is no such thing;
    ``events``    ``{seq, events}``, the records of `batches.events`; for ``live`` and ``batch:`` without node
                  results and log, and of several started nodes of one execution only the last; for
                  ``history`` only beginnings and ends of batches;
    ``queue``     ``{queue}``: slots, what waits and each batch's part in it, whenever that changed;
    ``lost``      ``{}``: the page was too slow; it watches anew and gets snapshots.
Binary messages are pictures (`server.dashboard.pictures`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from aiohttp import WSMsgType, web

from batches.batch_row import BatchRow
from batches.encoding import to_bytes
from batches.errors import NotFoundError, StoreError
from batches.eventlog import EventLog
from batches.events import (
    BatchEnded,
    BatchStarted,
    BatchStatus,
    Event,
    ExecutionEvent,
    LogLine,
    NodeEnded,
    NodeStarted,
    now_ms,
)
from batches.history import HistoryQuery
from batches.service import Service
from batches.state import BatchState
from server.dashboard.feed_views import batch_snapshot, execution_snapshot, list_row, queue_view
from server.problems import Problem

__all__ = ["HISTORY", "LIVE", "Feed", "FeedClient"]

TICK_S: Final = 0.06
"""How long events are collected before they are sent, seconds."""

QUEUE_S: Final = 0.5
"""How often the queue is looked at while there is anything in it, seconds."""

MOST_WAITING: Final = 8 * 1024 * 1024
"""Bytes that may wait for a page; past it the page is told to start anew."""

MOST_PICTURES: Final = 256 * 1024
"""Bytes that may wait for a page when a picture is added; past it pictures are left out."""

MOST_TOPICS: Final = 256
MOST_RECENT: Final = 12
"""Batches that are over in the snapshot of `LIVE`."""

CLOSE_S: Final = 1.0
"""How long a page may take to answer the end of its socket, seconds."""

LIVE: Final = "live"
HISTORY: Final = "history"
_BATCH: Final = "batch:"
_EXECUTION: Final = "execution:"
_PICTURE: Final = "picture:"
_OVER: Final = frozenset(BatchStatus) - {BatchStatus.RUNNING}

logger = logging.getLogger("batchwright.dashboard")


class FeedClient:
    """One open page.

    Args:
        socket: Its WebSocket.
    """

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.topics: frozenset[str] = frozenset()
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self.lost = False

    def send(self, message: bytes) -> None:
        """Queue a JSON message; past the bound everything waiting is dropped and the page told.

        A message that is larger than the bound goes out all the same when nothing else waits.
        """
        if self.lost:
            return
        if self._waiting and self._size + len(message) > MOST_WAITING:
            self.lost = True
            self._waiting.clear()
            message, self._size = b'{"type":"lost"}', 0
        self._queue(message, is_text=True)

    def send_picture(self, picture: bytes) -> bool:
        """Queue a binary message unless much waits already; whether it was queued."""
        if self._size > MOST_PICTURES:
            return False
        self._queue(picture, is_text=False)
        return True

    async def write(self) -> None:
        """Send what is queued, until cancelled or the page is gone."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                message, is_text = self._waiting.popleft()
                self._size -= len(message)
                if is_text:
                    await self.socket.send_str(message.decode())
                else:
                    await self.socket.send_bytes(message)

    def _queue(self, message: bytes, *, is_text: bool) -> None:
        self._waiting.append((message, is_text))
        self._size += len(message)
        self._wake.set()


class Feed:
    """Sends the service's events to open pages.

    Args:
        service: The runs.
        instance: Changes with every start of the server.
        version: Of the pages; a page of another one asks to be loaded anew.
    """

    def __init__(self, service: Service, *, instance: str, version: str) -> None:
        self._service = service
        self._hello = {"type": "hello", "instance": instance, "version": version}
        self._clients: set[FeedClient] = set()
        self._pending: list[Event] = []
        self._queue_sent = b""
        self._wake = asyncio.Event()
        self._look: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] | None = None
        self.on_topics: list[Callable[[FeedClient], None]] = []
        """Called when a page changed what it shows, or left."""

    @property
    def clients(self) -> frozenset[FeedClient]:
        """The open pages."""
        return frozenset(self._clients)

    @property
    def log(self) -> EventLog:
        """Where events come from."""
        return self._service.log

    def start(self) -> None:
        """Listen to the events, until `close`."""
        self._unlisten = self.log.listen(self._on_event)
        self._task = asyncio.create_task(self._run(), name="dashboard feed")

    async def close(self) -> None:
        """Close all pages' sockets; idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        if self._unlisten is not None:
            self._unlisten()
        if self._look is not None:
            self._look.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*(client.socket.close(code=1001) for client in self._clients))

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one page until it leaves.

        Raises:
            Problem: The request asks for no WebSocket (400).
        """
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=64 * 1024, compress=False, timeout=CLOSE_S)
        if not socket.can_prepare(request):
            raise Problem(400, "Not a WebSocket", "The feed is a WebSocket", code="NO_WEBSOCKET")
        await socket.prepare(request)
        client = FeedClient(socket)
        client.send(to_bytes({**self._hello, "seq": self.log.last_seq, "now": now_ms()}))
        client.send(self._queue_message())
        writer = asyncio.create_task(client.write(), name="dashboard page")
        self._clients.add(client)
        self._wake.set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._on_message(client, message.json())
        except (ValueError, ConnectionResetError) as error:
            logger.debug("a page left: %s", error)
        finally:
            self._clients.discard(client)
            client.topics = frozenset()
            self._tell(client)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    async def _on_message(self, client: FeedClient, message: Any) -> None:
        if not isinstance(message, dict) or message.get("type") != "watch":
            return
        wanted = message.get("topics")
        if not isinstance(wanted, list):
            return
        topics = frozenset(str(topic) for topic in wanted[:MOST_TOPICS])
        new = topics if client.lost else topics - client.topics
        client.lost = False
        # First the events, then the snapshot: what both have, the page tells apart by its number.
        client.topics = topics
        for topic in sorted(topic for topic in new if not topic.startswith(_PICTURE)):
            seq, state = await self._snapshot(topic)
            client.send(to_bytes({"type": "snapshot", "topic": topic, "seq": seq, "state": state}))
        self._tell(client)

    async def _snapshot(self, topic: str) -> tuple[int, Any]:
        """A topic's present state and the number of the last event in it."""
        try:
            if topic == LIVE:
                query = HistoryQuery(limit=MOST_RECENT, include_single=True, statuses=_OVER)
                recent = (await self._service.page(query)).rows
                return self.log.last_seq, self._live(recent)
            if topic.startswith(_BATCH):
                batch = await self._service.batch(topic.removeprefix(_BATCH))
                return self._upto(batch), batch_snapshot(batch)
            if topic.startswith(_EXECUTION):
                found = await self._service.execution(topic.removeprefix(_EXECUTION))
                return self._upto(found.batch), execution_snapshot(found.batch, found.execution)
        except NotFoundError:
            logger.debug("a page asked for %s, which does not exist", topic)
        except StoreError as error:
            logger.warning("a page asked for %s: %s", topic, error.message)
        return self.log.last_seq, None

    def _upto(self, batch: BatchState) -> int:
        return self.log.last_seq if batch.batch_id in self.log.states else batch.last_seq

    def _live(self, recent: Iterable[BatchRow]) -> dict[str, Any]:
        return {
            "batches": [
                batch_snapshot(state) for state in self.log.states.values() if state.ended_at is None
            ],
            "recent": [list_row(row) for row in recent],
        }

    def _queue_message(self) -> bytes:
        return b'{"type":"queue","queue":%b}' % to_bytes(queue_view(self._service.runner.queue))

    def _tell(self, client: FeedClient) -> None:
        for listener in self.on_topics:
            listener(client)

    def _on_event(self, event: Event, _state: BatchState) -> None:
        if self._clients:
            self._pending.append(event)
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(TICK_S)
            self._wake.clear()
            events, self._pending = self._pending, []
            self._look_again(changed=bool(events))
            try:
                self._send(events)
            except Exception:  # one bad event must not end the feed
                logger.exception("events could not be sent to the dashboard")

    def _look_again(self, *, changed: bool) -> None:
        """What changes the queue comes after the event that tells of it, and none tells of the last change."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self._clients and (changed or self._service.runner.queue.lanes):
            self._look = asyncio.get_running_loop().call_later(QUEUE_S, self._wake.set)

    def _send(self, events: list[Event]) -> None:
        """Give each page what it shows; pages that show the same get the same bytes."""
        queue = self._queue_message()
        queue_changed = queue != self._queue_sent
        self._queue_sent = queue
        encoded: dict[int, bytes] = {}
        messages: dict[frozenset[str], bytes | None] = {}
        last_starts = {e.execution_id: e.seq for e in events if isinstance(e, NodeStarted)}
        for client in list(self._clients):
            if client.topics not in messages:
                wanted = [e for e in events if _shown(e, client.topics, last_starts)]
                messages[client.topics] = _message(wanted, encoded)
            message = messages[client.topics]
            if queue_changed:
                client.send(queue)
            if message is not None:
                client.send(message)


def _shown(event: Event, topics: frozenset[str], last_starts: dict[str, int]) -> bool:
    if event.execution_id is not None and f"{_EXECUTION}{event.execution_id}" in topics:
        return True
    if HISTORY in topics and isinstance(event, BatchStarted | BatchEnded):
        return True
    if LIVE not in topics and f"{_BATCH}{event.batch_id}" not in topics:
        return False
    if isinstance(event, NodeStarted):
        return last_starts[event.execution_id] == event.seq
    return not isinstance(event, NodeEnded | LogLine)


def _message(events: Iterable[Event | ExecutionEvent], encoded: dict[int, bytes]) -> bytes | None:
    parts: list[bytes] = []
    last = 0
    for event in events:
        if event.seq not in encoded:
            encoded[event.seq] = to_bytes(event)
        parts.append(encoded[event.seq])
        last = event.seq
    if not parts:
        return None
    return b'{"type":"events","seq":%d,"events":[%b]}' % (last, b",".join(parts))
