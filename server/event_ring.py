"""What clients are still to be sent: encoded once, kept once, whoever reads it and however fast.

Entries lie in one list in the order in which they came up, and each client has a place in it. So a client that
lags costs nothing but its place, until the list is full and its oldest entries go.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from pydantic_core import PydanticSerializationError, to_json

from batches.encoding import to_bytes
from server.event_messages import EXECUTION_EVENT, Message

__all__ = ["EVERYTHING", "Burst", "Entry", "Ring", "batch_room", "execution_room", "wants"]

EVERYTHING: Final = "all"
"""The room of a client that gets everything."""

_TEXT_FRAME: Final = 0x81
_SHORT: Final = 126
_MEDIUM: Final = 1 << 16


def batch_room(batch_id: str) -> str:
    """The room of a batch and its executions."""
    return f"batch:{batch_id}"


def execution_room(execution_id: str) -> str:
    """The room of one execution."""
    return f"execution:{execution_id}"


class Entry:
    """What one event says, or the present state of something.

    Args:
        messages: What to send, in order.
        rooms: Who gets it; clients in the room `EVERYTHING` get it always.
        seq: Number of the event.
        born: When it came up, by the event loop's clock, s.
        subject: Whose present state it tells; None for an event. States may be left out when a newer one
            of the same subject follows, events may not.
        final: Whether no newer state of the subject will follow.
    """

    __slots__ = (
        "_frames",
        "_messages",
        "_packets",
        "born",
        "final",
        "rooms",
        "seq",
        "subject",
        "superseded",
    )

    def __init__(
        self,
        messages: Sequence[Message],
        rooms: Sequence[str],
        *,
        seq: int,
        born: float,
        subject: str | None = None,
        final: bool = False,
    ) -> None:
        self.rooms = rooms
        self.seq = seq
        self.born = born
        self.subject = subject
        self.final = final
        self.superseded = False
        self._messages: Sequence[Message] = messages
        self._packets: tuple[bytes, ...] | None = None
        self._frames: bytes | None = None

    @property
    def packets(self) -> tuple[bytes, ...]:
        """The messages as Socket.IO packets within Engine.IO packets."""
        if self._packets is None:
            self._packets = tuple(_packet(message) for message in self._messages)
            self._messages = ()
        return self._packets

    @property
    def frames(self) -> bytes:
        """The messages as WebSocket frames, one after the other."""
        if self._frames is None:
            self._frames = b"".join(_frame(packet) for packet in self.packets)
        return self._frames

    def encode(self) -> Entry:
        """Encode it now, in whatever thread this is; returns the entry."""
        _ = self.frames
        return self


def wants(rooms: frozenset[str], entry: Entry) -> bool:
    """Whether a client in these rooms gets an entry."""
    return not entry.superseded and (EVERYTHING in rooms or not rooms.isdisjoint(entry.rooms))


class Burst:
    """Entries that are sent in one go; the same object serves all clients that get the same."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries

    @cached_property
    def frames(self) -> bytes:
        """As WebSocket frames: those of a server are the same for every client (RFC 6455, section 5.3)."""
        return b"".join(entry.frames for entry in self.entries)

    @cached_property
    def payload(self) -> str:
        """As the answer to a poll (Engine.IO protocol, section "HTTP long-polling")."""
        return b"\x1e".join(packet for entry in self.entries for packet in entry.packets).decode()

    @classmethod
    def of(cls, entries: Iterable[Entry], *, most_packets: int, most_bytes: int) -> tuple[Burst, int]:
        """As many entries as fit, at least one, and how many of the given ones were looked at.

        A final state and the event that it belongs to are not parted: who knows the number of one has both.
        """
        chosen: list[Entry] = []
        packets = size = looked = 0
        for entry in entries:
            if not entry.superseded:
                packets += len(entry.packets)
                size += len(entry.frames)
                if chosen and not chosen[-1].final and (packets > most_packets or size > most_bytes):
                    break
                chosen.append(entry)
            looked += 1
        return cls(chosen), looked


class Ring:
    """The entries that at least one client may still have to get; places in it are numbers that only grow."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._base = 0
        self._states: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def base(self) -> int:
        """The place of the oldest entry."""
        return self._base

    @property
    def head(self) -> int:
        """The place that the next entry gets."""
        return self._base + len(self._entries)

    def append(self, entry: Entry) -> None:
        """Add an entry; an earlier state of the same subject need not be sent any more."""
        if entry.subject is not None:
            earlier = self._states.pop(entry.subject, None)
            if earlier is not None:
                earlier.superseded = True
            if not entry.final:
                self._states[entry.subject] = entry
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget everything; for when nobody listens."""
        self.drop_before(self.head)
        self._states.clear()

    def between(self, start: int, stop: int) -> list[Entry]:
        """The entries from one place to before another, as far as they are still there."""
        return self._entries[max(start - self._base, 0) : max(stop - self._base, 0)]

    def age(self, place: int, now: float) -> float:
        """How long the entry at a place has been waiting, s; 0 if there is none."""
        index = max(place - self._base, 0)
        return now - self._entries[index].born if index < len(self._entries) else 0.0

    def drop_before(self, place: int) -> None:
        """Forget the entries before a place."""
        count = min(place - self._base, len(self._entries))
        if count > 0:
            del self._entries[:count]
            self._base += count


def _packet(message: Message) -> bytes:
    """Type 4 (message) of Engine.IO around type 2 (event) of Socket.IO around the JSON of name and argument."""
    sparse = message.name == EXECUTION_EVENT
    try:
        body = to_json(message.body, exclude_none=sparse, inf_nan_mode="null")
    except (PydanticSerializationError, ValueError):  # half characters, from a page
        body = to_bytes(message.body)
    return b'42["%b",%b]' % (message.name.encode(), body)


def _frame(payload: bytes) -> bytes:
    """One unmasked, uncompressed text frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < _SHORT:
        return struct.pack("!BB", _TEXT_FRAME, size) + payload
    if size < _MEDIUM:
        return struct.pack("!BBH", _TEXT_FRAME, 126, size) + payload
    return struct.pack("!BBQ", _TEXT_FRAME, 127, size) + payload
