"""One client of the hub: which rooms it is in, how far it has come, and what it gets next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, MutableMapping
from typing import Final, Protocol

from batches.events import now_ms
from server.event_messages import GAP, Gap, Message
from server.event_ring import EVERYTHING, Burst, Entry, Ring, wants

__all__ = ["Bursts", "Client", "Outlet"]

BURST_BYTES: Final = 256 * 1024
"""About the most that a client gets in one go."""

GAPS_KNOWN: Final = 16
"""Gaps of a client that can be filled without sending again what came after them."""

Bursts = MutableMapping[tuple[int, frozenset[str], int], tuple[Burst, int]]
"""What clients in the same rooms, at the same place, with the same limit get, and their place after it."""


class Outlet(Protocol):
    """The way to one client. Nothing here blocks, waits or raises."""

    @property
    def most_packets(self) -> int:
        """Most messages it takes in one go."""

    def ready(self) -> bool:
        """Whether it has sent on what it got before."""

    def send(self, burst: Burst) -> None:
        """Take messages; only called when it is ready."""

    def in_turn(self) -> None:
        """Let what is sent from now on come after the answer that is being given to the client."""


class Client:
    """One client.

    Args:
        client_id: Unique while the client lives.
        outlet: The way to it.
        place: Where in the ring it begins.
        rests_until: When it may get its first message, by the event loop's clock, s.
    """

    def __init__(self, client_id: str, outlet: Outlet, *, place: int, rests_until: float) -> None:
        self.client_id = client_id
        self.outlet = outlet
        self.turn = asyncio.Lock()
        """Held while its rooms change, so that changes happen in the order in which they were asked for."""
        self.rooms = frozenset({EVERYTHING})
        self.subscribed = False
        """Whether it ever chose rooms; until then it is in `EVERYTHING`."""
        self.place = place
        self.rests_until = rests_until
        self.holds = 0
        """While above 0 it gets nothing, because its place is about to change."""
        self._backlog: deque[Entry] = deque()
        self._untold: dict[Entry, Gap] = {}
        """Gaps in the backlog."""
        self._told: deque[tuple[Gap, set[str]]] = deque(maxlen=GAPS_KNOWN)
        """Gaps that were sent, and the rooms in which they were filled since."""

    def rests(self, now: float) -> bool:
        """Whether nothing may be sent to it now."""
        return self.holds > 0 or now < self.rests_until

    def waits(self, head: int) -> bool:
        """Whether there may be something that it has not got yet."""
        return bool(self._backlog) or self.place < head

    def behind(self, head: int) -> int:
        """How many entries it may still have to get."""
        return len(self._backlog) + head - self.place

    def next_burst(self, ring: Ring, head: int, shared: Bursts) -> Burst:
        """What it gets now; it counts as sent. May be empty."""
        if self._backlog:
            burst, looked = Burst.of(
                self._backlog, most_packets=self.outlet.most_packets, most_bytes=BURST_BYTES
            )
            for _ in range(looked):
                gap = self._untold.pop(self._backlog.popleft(), None)
                if gap is not None:
                    self._told.append((gap, set()))
            return burst
        key = (self.place, self.rooms, self.outlet.most_packets)
        if key not in shared:
            shared[key] = _cut(ring, head, *key)
        burst, self.place = shared[key]
        return burst

    def lose(self, ring: Ring, new_base: int, now: float) -> bool:
        """Give up what lies before a place; True if events are among it, which become a gap.

        States that nothing newer replaces stay: they are as few as the executions.
        """
        dropped = [entry for entry in ring.between(self.place, new_base) if wants(self.rooms, entry)]
        self.place = max(self.place, new_base)
        events = [entry.seq for entry in dropped if entry.subject is None]
        earlier = self._take_last_gap() if events else None
        kept = [entry for entry in self._backlog if not entry.superseded]
        self._backlog = deque([*kept, *(entry for entry in dropped if entry.subject is not None)])
        if events:
            self._add_gap(earlier.first if earlier is not None else events[0], events[-1], now)
        return bool(events)

    def move(self, rooms: frozenset[str]) -> None:
        """Change its rooms from its place on; what it has not got yet follows the new ones."""
        self._backlog = deque(entry for entry in self._backlog if self._stays(entry, rooms))
        self.rooms, self.subscribed, self.rests_until = rooms, True, 0.0

    def enter(self, ring: Ring, join: int, room: str, *, again: int | None) -> None:
        """Enter a room at a place in the ring, and leave `EVERYTHING` unless that is the room.

        Args:
            ring: Where it reads.
            join: The place from which on it gets what is said in the room.
            room: The room.
            again: Up to this number it will be brought what was said there (`bring`), so that what it has
                not got yet of that need not be kept; None if nothing will be brought.
        """
        rooms = frozenset({room}) | (self.rooms if self.subscribed and room != EVERYTHING else frozenset())
        pending = [entry for entry in ring.between(self.place, join) if wants(self.rooms, entry)]
        kept = [entry for entry in (*self._backlog, *pending) if self._stays(entry, rooms)]
        if again is not None:
            room_only = frozenset({room})
            kept = [entry for entry in kept if entry.seq > again or not wants(room_only, entry)]
        self._backlog = deque(kept)
        if again is not None and rooms == {room}:
            self._shorten_gaps(again)
        self.place = max(self.place, join)
        self.rooms, self.subscribed, self.rests_until = rooms, True, 0.0

    def bring(self, entries: Iterable[Entry], *, after: int, cut: int, now: float) -> None:
        """Send it what it missed before its place.

        Args:
            entries: In order.
            after: They begin behind this number.
            cut: Up to this number they are left out, which becomes a gap.
            now: By the event loop's clock, s.
        """
        if cut > after:
            self._add_gap(after + 1, cut, now)
        self._backlog.extend(entries)

    def told_gap(self, after: int, room: str) -> Gap | None:
        """The gap that begins behind a number, if it was told of it and did not fill it in this room yet."""
        found = (gap for gap, filled in self._told if gap.first == after + 1 and room not in filled)
        return next(found, None)

    def filled(self, gap: Gap, room: str) -> None:
        """Remember that it was brought what it lost."""
        for told, rooms in self._told:
            if told is gap:
                rooms.add(room)

    def _shorten_gaps(self, upto: int) -> None:
        """Of gaps that it was not told of, forget what lies up to a number: it left that, or gets it again."""
        gaps, self._untold = self._untold, {}
        backlog, self._backlog = self._backlog, deque()
        for entry in backlog:
            gap = gaps.get(entry)
            if gap is None:
                self._backlog.append(entry)
            elif gap.last > upto:
                self._add_gap(max(gap.first, upto + 1), gap.last, entry.born)

    def _add_gap(self, first: int, last: int, now: float) -> None:
        gap = Gap.model_validate({"from": first, "to": last, "timestamp": now_ms()})
        entry = Entry((Message(GAP, gap),), (), seq=last, born=now)
        self._untold[entry] = gap
        self._backlog.append(entry)

    def _take_last_gap(self) -> Gap | None:
        """The gap at the end of the backlog, which can still grow; it is taken off."""
        gap = self._untold.pop(self._backlog[-1], None) if self._backlog else None
        if gap is not None:
            self._backlog.pop()
        return gap

    def _stays(self, entry: Entry, rooms: frozenset[str]) -> bool:
        return entry in self._untold or wants(rooms, entry)


def _cut(ring: Ring, head: int, place: int, rooms: frozenset[str], most_packets: int) -> tuple[Burst, int]:
    """What clients in these rooms get next from a place on, and where they are then."""
    entries = ring.between(place, head)
    wanted = [index for index, entry in enumerate(entries) if wants(rooms, entry)]
    burst, looked = Burst.of(
        (entries[index] for index in wanted), most_packets=most_packets, most_bytes=BURST_BYTES
    )
    return burst, place + wanted[looked] if looked < len(wanted) else head
