"""What happened before: entries made from journals, the same as those that were sent when it happened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batches.errors import NotFoundError, TransitionError
from batches.events import Event
from batches.history import HistoryQuery
from batches.service import Service
from batches.state import BatchState, apply
from server.event_entries import EventEntries
from server.event_ring import EVERYTHING, Entry, batch_room, execution_room

__all__ = ["MOST_REPLAYED", "Missed", "Replayed", "replay"]

MOST_REPLAYED: Final = 50_000
"""Entries that one subscription brings back, about; of more only the newest come, after a `gap`."""


@dataclass(frozen=True, slots=True)
class Missed:
    """What a client wants to have again.

    Attributes:
        after: From the first event above this number.
        upto: To the event with this number.
        batch_id: Only of this batch; None for all.
        execution_id: Only of this execution of the batch.
        waiting: Rooms whose newest state is still to come anyway.
        states: Whether the present states belong to it, as they were at ``upto``.
    """

    after: int
    upto: int
    batch_id: str | None = None
    execution_id: str | None = None
    waiting: frozenset[str] = frozenset()
    states: bool = True

    @property
    def room(self) -> str:
        """The room it happened in."""
        if self.execution_id is not None:
            return execution_room(self.execution_id)
        return batch_room(self.batch_id) if self.batch_id is not None else EVERYTHING

    def includes(self, entry: Entry) -> bool:
        """Whether an entry of that time belongs to it."""
        if entry.subject is not None and (not self.states or entry.subject in self.waiting):
            return False
        return self.room == EVERYTHING or self.room in entry.rooms


@dataclass(frozen=True, slots=True)
class Replayed:
    """What is brought back.

    Attributes:
        entries: In order, encoded.
        cut: Events up to this number are left out, because there are too many; 0 if none are.
    """

    entries: list[Entry]
    cut: int = 0


async def replay(service: Service, missed: Missed) -> Replayed:
    """Make the entries of what a client missed.

    Raises:
        NotFoundError: The batch is gone.
        StoreError: A journal cannot be read.
    """
    if missed.after >= missed.upto:
        return Replayed([])
    born = asyncio.get_running_loop().time()
    entries: list[Entry] = []
    cut = 0
    for batch_id, last_seq in await _batches(service, missed):
        if len(entries) >= MOST_REPLAYED:
            cut = max(cut, last_seq)
            break
        try:
            events = await service.events(batch_id)
        except NotFoundError:
            if missed.batch_id is not None:
                raise
            continue  # deleted meanwhile
        found = await asyncio.to_thread(_replay_batch, events, missed, service.output, born)
        entries += found.entries
        cut = max(cut, found.cut)
    kept = [entry for entry in entries if entry.seq > cut]
    return Replayed(sorted(kept, key=lambda entry: entry.seq), cut)


async def _batches(service: Service, missed: Missed) -> list[tuple[str, int]]:
    """The batches in which something happened after a number, and their last numbers, newest first."""
    if missed.batch_id is not None:
        return [(missed.batch_id, missed.upto)]
    page = await service.page(HistoryQuery(limit=None, include_single=True))
    found = {row.batch_id: row.last_seq for row in page.rows}
    found |= {state.batch_id: state.last_seq for state in service.log.states.values()}
    newest = sorted(found.items(), key=lambda item: item[1], reverse=True)
    return [(name, min(last, missed.upto)) for name, last in newest if last > missed.after]


def _replay_batch(events: Iterable[Event], missed: Missed, output: Path, born: float) -> Replayed:
    """Fold a batch's events, and say what those between the two numbers say."""
    state: BatchState | None = None
    maker = EventEntries(output)
    entries: deque[Entry] = deque()
    cut = 0
    for event in events:
        if event.seq > missed.upto:
            break
        try:
            state = apply(state, event)
        except TransitionError:
            continue
        if event.seq > missed.after:
            entries.extend(entry for entry in maker.of(event, state, born) if missed.includes(entry))
        while len(entries) > MOST_REPLAYED:
            cut = entries.popleft().seq
    entries.extend(entry for entry in maker.due(born) if missed.includes(entry))
    return Replayed([entry.encode() for entry in entries if entry.seq > cut], cut)
