"""Entries for the ring: one for what an event says, and one for a present state, at most ten times a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batches.events import BatchEnded, BatchStarted, Event, ExecutionEnded
from batches.state import BatchState
from server.event_messages import BATCH_UPDATE, EXECUTION_UPDATE, Message
from server.event_ring import Entry, batch_room, execution_room
from server.event_words import (
    batch_update,
    changes_batch,
    changes_execution,
    execution_update,
    messages_of,
)

__all__ = ["UPDATE_INTERVAL_S", "EventEntries"]

UPDATE_INTERVAL_S: Final = 0.125
"""Between two states of the same subject. With the last one, which does not wait, at most 10 in a second."""


@dataclass(frozen=True, slots=True)
class _Change:
    state: BatchState
    execution_id: str | None
    event: Event


class EventEntries:
    """Makes entries; between them it remembers which states changed and were not sent yet.

    Args:
        output: The output folder, below which screenshots lie.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._changes: dict[str, _Change] = {}
        self._not_before: dict[str, float] = {}

    @property
    def waiting(self) -> frozenset[str]:
        """Subjects whose newest state was not sent yet."""
        return frozenset(self._changes)

    def of(self, event: Event, state: BatchState, born: float) -> list[Entry]:
        """What an event says, after the last state of what ends with it.

        Args:
            event: A numbered event.
            state: The batch after it.
            born: Now, by the event loop's clock, s.
        """
        self._note(event, state)
        entries = self._last(event, born)
        messages = messages_of(event, state, self._output)
        if messages:
            rooms = [batch_room(event.batch_id)]
            if not isinstance(event, BatchStarted | BatchEnded):
                rooms.append(execution_room(event.execution_id))
            entries.append(Entry(messages, rooms, seq=event.seq, born=born))
        return entries

    def due(self, now: float) -> list[Entry]:
        """The states that may be sent now; they count as sent."""
        subjects = [subject for subject in self._changes if self._not_before.get(subject, 0) <= now]
        for subject in subjects:
            self._not_before[subject] = now + UPDATE_INTERVAL_S
        return [_entry(self._changes.pop(subject), now) for subject in subjects]

    def clear(self) -> None:
        """Forget everything; for when nobody listens."""
        self._changes.clear()
        self._not_before.clear()

    def _note(self, event: Event, state: BatchState) -> None:
        if not isinstance(event, BatchStarted | BatchEnded) and changes_execution(event):
            subject = execution_room(event.execution_id)
            self._changes[subject] = _Change(state, event.execution_id, event)
        if changes_batch(event) and not state.single:
            self._changes[batch_room(event.batch_id)] = _Change(state, None, event)

    def _last(self, event: Event, born: float) -> list[Entry]:
        match event:
            case ExecutionEnded():
                subject = execution_room(event.execution_id)
            case BatchEnded():
                subject = batch_room(event.batch_id)
            case _:
                return []
        self._not_before.pop(subject, None)
        change = self._changes.pop(subject, None)
        return [_entry(change, born, final=True)] if change is not None else []


def _entry(change: _Change, born: float, *, final: bool = False) -> Entry:
    state, event = change.state, change.event
    room = batch_room(state.batch_id)
    if change.execution_id is None:
        message = Message(BATCH_UPDATE, batch_update(state, event.seq, event.timestamp))
        return Entry((message,), (room,), seq=event.seq, born=born, subject=room, final=final)
    execution = state.executions[change.execution_id]
    message = Message(EXECUTION_UPDATE, execution_update(state, execution, event.seq, event.timestamp))
    own = execution_room(change.execution_id)
    return Entry((message,), (room, own), seq=event.seq, born=born, subject=own, final=final)
