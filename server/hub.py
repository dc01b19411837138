"""Fan-out: what happens, to every client that wants to know, at that client's own pace.

The hub listens to the event log. What an event says goes into one ring (`server.event_ring`) and is encoded
once; each client has a place in it. Every few milliseconds each client that is ready gets what is new to it,
in one go. A client that is not ready keeps its place, and so slows neither a run nor anybody else. When it
falls too far behind, it is told which events it lost (`gap`) and goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batches.eventlog import EventLog
from batches.events import Event
from batches.state import BatchState
from server.event_entries import EventEntries
from server.event_ring import Ring
from server.hub_client import Bursts, Client, Outlet

__all__ = ["Hub", "HubStats"]

TICK_S: Final = 0.025
"""How long events are collected between two rounds."""

SETTLING_S: Final = 0.25
"""A new client gets nothing so long, so that what it subscribes to first comes in order and only once."""

MOST_BEHIND: Final = 10_000
"""Entries that a client may be behind before it loses the oldest."""

READERS: Final = 2
"""Clients for whom journals are read at the same time."""

CLIENTS_AT_ONCE: Final = 50
"""Clients served before other tasks get a turn."""

BURSTS_AT_ONCE: Final = 4
"""Most bursts for one client in one round, as long as it is ready."""

logger = logging.getLogger("batchwright.sockets")


@dataclass(frozen=True, slots=True)
class HubStats:
    """How the hub does.

    Attributes:
        clients: Connected clients.
        lag: Age of the oldest entry that a client has not got yet, s.
        behind: Entries that the slowest client is behind.
        gaps: How often a client lost events, since the start.
    """

    clients: int
    lag: float
    behind: int
    gaps: int


class Hub:
    """Sends events on to clients.

    Args:
        log: Where events come from.
        output: The output folder, below which screenshots lie.
        most_behind: Entries that a client may be behind before it loses the oldest.
        settling_s: How long a new client gets nothing.
    """

    def __init__(
        self,
        log: EventLog,
        output: Path,
        *,
        most_behind: int = MOST_BEHIND,
        settling_s: float = SETTLING_S,
    ) -> None:
        self._log = log
        self._most_behind = most_behind
        self._settling_s = settling_s
        self._ring = Ring()
        self._entries = EventEntries(output)
        self._clients: dict[str, Client] = {}
        self._gaps = 0
        self.reading = asyncio.Semaphore(READERS)
        """Held while journals are read for a client, which takes memory and time."""
        self._wake = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] | None = None

    @property
    def ring(self) -> Ring:
        """What is still to be sent to somebody."""
        return self._ring

    @property
    def last_seq(self) -> int:
        """The number of the newest event, which is in the ring if it says anything."""
        return self._log.last_seq

    @property
    def waiting_states(self) -> frozenset[str]:
        """Rooms whose newest state will still come, although its event was before now."""
        return self._entries.waiting

    def start(self) -> None:
        """Listen and send, until `close`."""
        self._unlisten = self._log.listen(self._on_event)
        self._pump = asyncio.create_task(self._run(), name="socket hub")

    async def close(self) -> None:
        """Give every client that is ready what is left, and stop; idempotent."""
        pump, self._pump = self._pump, None
        if pump is None:
            return
        if self._unlisten is not None:
            self._unlisten()
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)
        await self._round(last=True)
        self._clients.clear()
        self._forget()

    def stats(self) -> HubStats:
        """How it does now."""
        head, now = self._ring.head, self._now()
        waiting = [client for client in self._clients.values() if client.waits(head)]
        return HubStats(
            clients=len(self._clients),
            lag=max((self._ring.age(client.place, now) for client in waiting), default=0.0),
            behind=max((client.behind(head) for client in waiting), default=0),
            gaps=self._gaps,
        )

    def add(self, client_id: str, outlet: Outlet) -> Client:
        """Take a client in; it gets everything from now on, until it chooses."""
        client = Client(client_id, outlet, place=self._ring.head, rests_until=self._now() + self._settling_s)
        self._clients[client_id] = client
        return client

    def find(self, client_id: str) -> Client | None:
        """The client with this id, if it is still there."""
        return self._clients.get(client_id)

    def remove(self, client_id: str) -> None:
        """Let a client go; unknown ones are ignored."""
        self._clients.pop(client_id, None)
        if not self._clients:
            self._forget()

    @contextmanager
    def holding(self, client: Client) -> Iterator[None]:
        """Send a client nothing during the block."""
        client.holds += 1
        try:
            yield
        finally:
            client.holds -= 1
            self._wake.set()

    def _on_event(self, event: Event, state: BatchState) -> None:
        if not self._clients:
            return
        for entry in self._entries.of(event, state, self._now()):
            self._ring.append(entry)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                if await self._round():
                    self._wake.set()
            except Exception:  # one broken message must not end the stream for all
                logger.exception("sending events to sockets failed")
            await asyncio.sleep(TICK_S)

    async def _round(self, *, last: bool = False) -> bool:
        """Serve every client once; True if something is left to do."""
        now = self._now()
        for entry in self._entries.due(float("inf") if last else now):
            self._ring.append(entry)
        head = self._ring.head
        shared: Bursts = {}
        left = bool(self._entries.waiting)
        for index, client in enumerate(list(self._clients.values()), start=1):
            left |= self._serve(client, head, now, shared)
            if index % CLIENTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._trim(now)
        return left

    def _serve(self, client: Client, head: int, now: float, shared: Bursts) -> bool:
        if not client.waits(head) or client.client_id not in self._clients:
            return False
        for _ in range(BURSTS_AT_ONCE):
            if client.rests(now) or not client.outlet.ready() or not client.waits(head):
                break
            burst = client.next_burst(self._ring, head, shared)
            if burst.entries:
                client.outlet.send(burst)
        return client.waits(head)

    def _trim(self, now: float) -> None:
        """Forget what everybody has, and what the slowest would need too much of."""
        ring = self._ring
        enough = ring.head - self._most_behind
        for client in self._clients.values():
            if client.place < enough and client.lose(ring, enough, now):
                self._gaps += 1
        ring.drop_before(min((client.place for client in self._clients.values()), default=ring.head))

    def _forget(self) -> None:
        self._ring.clear()
        self._entries.clear()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
