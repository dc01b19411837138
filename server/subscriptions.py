"""Choosing what to hear of: `subscribe` and `unsubscribe`.

A client that never subscribes gets everything. The first subscription narrows that to one room (a batch, an
execution, or everything on purpose), further ones add rooms. With ``after``, what happened in the room since
that number comes first, then what happens from now on: nothing is missing between the two, and nothing comes
twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from batches.events import ExecutionStatus, Record, now_ms
from batches.service import Service
from batches.state import BatchState, ExecutionState
from server.batch_routes import find_batch
from server.event_messages import BatchUpdate, ExecutionUpdate
from server.event_ring import EVERYTHING, batch_room, execution_room
from server.event_words import batch_update, execution_update
from server.executions import find_execution
from server.hub_client import Client
from server.problems import Problem
from server.reading import IdText, Input
from server.replay import Missed, Replayed, replay
from server.socket_calls import Call, Control

__all__ = ["SubscribeRequest", "Subscribed", "UnsubscribeRequest", "Unsubscribed", "subscribe", "unsubscribe"]

REPLAY_S: Final = 60.0
"""How long reading journals may take, s."""


class UnsubscribeRequest(Input):
    """Which room to leave. Without any, all of them; then nothing comes until the next subscription."""

    batch_id: IdText | None = None
    execution_id: IdText | None = None
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(item is not None for item in (self.batch_id, self.execution_id, self.all)) > 1:
            raise ValueError("give one of batchId, executionId and all")
        return self


class SubscribeRequest(UnsubscribeRequest):
    """Which room to enter, and from where on: exactly one of `batchId`, `executionId` and `all`."""

    after: int | None = Field(default=None, ge=0, le=2**53)
    """Number of the last event that the client knows; what came after it is sent again. 0 for all there is."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.batch_id is None and self.execution_id is None and self.all is None:
            raise ValueError("give one of batchId, executionId and all")
        return self


class Unsubscribed(Record):
    """Where the client is now."""

    success: Literal[True] = True
    ok: Literal[True] = True
    rooms: tuple[str, ...]
    """`all`, `batch:<id>`, `execution:<id>`; empty for none."""


class Subscribed(Unsubscribed):
    """The client entered a room; how things stood at that moment."""

    seq: int
    """Number of the newest event that the states below contain."""
    batches: tuple[BatchUpdate, ...]
    """The batch; for `all`, those that run."""
    executions: tuple[ExecutionUpdate, ...]
    """Of the batch, or the one; for `all`, those that run."""


async def subscribe(call: Call) -> Subscribed:
    """Enter a room.

    Raises:
        pydantic.ValidationError: The payload does not fit.
        Problem: There is no such batch or execution (404), or reading took too long (503).
        StoreError: A journal cannot be read.
    """
    wish = call.read(SubscribeRequest)
    hub, client = call.hub, call.client
    async with client.turn:
        batch, execution = await _target(call.service, wish)
        with hub.holding(client):
            # From here to the first await nothing happens that is not either before or after the join.
            missed = Missed(
                after=hub.last_seq if wish.after is None else wish.after,
                upto=hub.last_seq,
                batch_id=batch.batch_id if batch is not None else None,
                execution_id=execution.execution_id if execution is not None else None,
                waiting=hub.waiting_states,
            )
            join = hub.ring.head
            batches, executions = _snapshot(call.service, batch, execution, missed.upto)
            await _enter(call, missed, join, asks=wish.after is not None)
            client.outlet.in_turn()
        return Subscribed(rooms=_rooms(client), seq=missed.upto, batches=batches, executions=executions)


async def unsubscribe(call: Call) -> Unsubscribed:
    """Leave a room, or all of them.

    Raises:
        pydantic.ValidationError: The payload does not fit.
    """
    wish = call.read(UnsubscribeRequest)
    async with call.client.turn:
        rooms = call.client.rooms
        if wish.batch_id is None and wish.execution_id is None:
            rooms = frozenset()
        else:
            rooms -= {execution_room(wish.execution_id or ""), batch_room(wish.batch_id or "")}
        call.client.move(rooms)
        call.client.outlet.in_turn()
        return Unsubscribed(rooms=_rooms(call.client))


SUBSCRIPTIONS: Final[dict[str, Control]] = {
    "subscribe": Control(
        subscribe,
        SubscribeRequest,
        (Subscribed,),
        "Enter a room; what happened there after the number `after` comes first.",
    ),
    "unsubscribe": Control(unsubscribe, UnsubscribeRequest, (Unsubscribed,), "Leave a room, or all of them."),
}
"""By the name of the socket event."""


async def _target(
    service: Service, wish: SubscribeRequest
) -> tuple[BatchState | None, ExecutionState | None]:
    if wish.execution_id is not None:
        found = await find_execution(service, wish.execution_id)
        return found.batch, found.execution
    if wish.batch_id is not None:
        return await find_batch(service, wish.batch_id), None
    return None, None


def _snapshot(
    service: Service, batch: BatchState | None, execution: ExecutionState | None, seq: int
) -> tuple[tuple[BatchUpdate, ...], tuple[ExecutionUpdate, ...]]:
    """How batches and executions of a room stand."""
    if batch is None:
        active = service.active()
        batches = {found.batch.batch_id: found.batch for found in active}
        executions = [
            (found.batch, found.execution)
            for found in active
            if found.execution.status is not ExecutionStatus.QUEUED
        ]
    else:
        batches = {batch.batch_id: batch}
        chosen = [execution] if execution is not None else list(batch.executions.values())
        executions = [(batch, item) for item in chosen]
    now = now_ms()
    return (
        tuple(batch_update(state, seq, now) for state in batches.values() if not state.single),
        tuple(execution_update(state, item, seq, now) for state, item in executions),
    )


async def _enter(call: Call, missed: Missed, join: int, *, asks: bool) -> None:
    """Enter the room, after reading what the client asks to have again."""
    client, ring, room = call.client, call.hub.ring, missed.room
    if not asks:
        client.enter(ring, join, room, again=None)
        return
    was_there = not client.rooms.isdisjoint({EVERYTHING, room})
    gap = client.told_gap(missed.after, room) if was_there else None
    if gap is None:
        found = await _read(call, missed)
        client.enter(ring, join, room, again=missed.upto)
    else:  # it has got what came after the gap already
        found = await _read(call, replace(missed, upto=gap.last, states=False))
        client.enter(ring, join, room, again=None)
        client.filled(gap, room)
    now = asyncio.get_running_loop().time()
    client.bring(found.entries, after=missed.after, cut=found.cut, now=now)


async def _read(call: Call, missed: Missed) -> Replayed:
    try:
        async with asyncio.timeout(REPLAY_S), call.hub.reading:
            return await replay(call.service, missed)
    except TimeoutError:
        raise Problem(
            503,
            "History takes too long",
            "Reading what happened since then takes too long; subscribe with a later number",
            code="REPLAY_TIMEOUT",
            field="after",
        ) from None


def _rooms(client: Client) -> tuple[str, ...]:
    return tuple(sorted(client.rooms))
