"""A history on the disk, written through the store as a run would have, with times of our choice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batches.events import (
    BatchEnded,
    BatchStarted,
    ErrorInfo,
    Event,
    ExecutionEnded,
    ExecutionRetried,
    ExecutionStarted,
    ExecutionStatus,
    Member,
    NodeEnded,
    NodeStarted,
    NodeStatus,
    RetryReason,
)
from batches.state import BatchState, apply
from batches.store import Reservation, Store
from batches.tinydb_store import TinyDbStore
from tests.running import chain, node

PASSED, FAILED, FLAKY, STOPPED = "passed", "failed", "flaky", "stopped"

TIMEOUT = ErrorInfo(
    code="ELEMENT_NOT_FOUND",
    message="Timeout 3000ms exceeded while waiting for '#pay-now' on http://shop.test:4711/checkout?cart=8231",
    node_id="pay",
    node_label="Pay the order",
    node_type="elementClick",
    page_url="http://shop.test:4711/checkout",
)
TOTAL = ErrorInfo(
    code="VERIFICATION_FAILED",
    message="Expected the total to be 42.00, but it is 41.50",
    node_id="total",
    node_label="Check the total",
    node_type="verify",
)


@dataclass
class Past:
    """One batch as it shall have been.

    Attributes:
        names: Paths of the workflows.
        results: How each ended; passed where there are fewer.
        started_at: Epoch ms.
        each_ms: How long an execution took.
        workers: How many ran at once.
    """

    names: Sequence[str]
    results: Sequence[str] = ()
    started_at: int = 1_790_000_000_000
    each_ms: int = 4_000
    workers: int = 4
    folder: str = "/srv/workflows/shop"
    tags: tuple[str, ...] = ()
    errors: Sequence[ErrorInfo] = (TIMEOUT,)
    spread: float = 0.4
    options: dict[str, Any] = field(default_factory=dict)


async def write_past(output: Path, *batches: Past) -> list[str]:
    """Write these batches into an output folder that no server uses now; returns their ids."""
    async with TinyDbStore(output) as store:
        return [await _write(store, past) for past in batches]


async def _write(store: Store, past: Past) -> str:
    reservation = await store.reserve(len(past.names))
    events = _events(past, reservation)
    state: BatchState | None = None
    first = await store.last_seq() + 1
    numbered = [event.model_copy(update={"seq": first + index}) for index, event in enumerate(events)]
    for event in numbered:
        state = apply(state, event)
    assert state is not None
    start = numbered[0]
    assert isinstance(start, BatchStarted)
    await store.append(reservation.batch_id, numbered, sync=False)
    documents = {
        member.execution_id: chain(node("start", "start"), node("say", "stringValue", value="x"))
        for member in start.members
    }
    await store.save_workflows(reservation.batch_id, {"items": [], "workers": past.workers}, documents)
    await store.save(state)
    return reservation.batch_id


def _events(past: Past, reservation: Reservation) -> list[Event]:
    stamp = reservation.batch_id.removeprefix("batch-")
    members = tuple(
        Member(
            execution_id=f"exec-{stamp}-{index + 1}",
            alias=reservation.first_alias + index,
            workflow_file_name=Path(name).name,
            workflow_path=name,
            source=f"{past.folder}/{name}",
        )
        for index, name in enumerate(past.names)
    )
    dice = random.Random(past.started_at)
    free = [past.started_at] * past.workers
    timed: list[Event] = []
    for index, member in enumerate(members):
        slot = min(range(past.workers), key=free.__getitem__)
        result = past.results[index] if index < len(past.results) else PASSED
        length = int(past.each_ms * (1 + past.spread * (dice.random() * 2 - 1)))
        error = past.errors[index % len(past.errors)]
        timed += _execution(
            reservation.batch_id, member, result, begin=free[slot], length=length, error=error
        )
        free[slot] += length + 40
    timed.sort(key=lambda event: event.timestamp)
    start = BatchStarted(
        batch_id=reservation.batch_id,
        timestamp=past.started_at,
        folder_path=past.folder,
        workers=past.workers,
        members=members,
        options={"retries": 1, **({"tags": past.tags} if past.tags else {}), **past.options},
    )
    state: BatchState | None = None
    for event in (start, *timed):
        state = apply(state, event)
    assert state is not None
    end = BatchEnded(batch_id=reservation.batch_id, timestamp=max(free), status=state.outcome())
    return [start, *timed, end]


def _execution(
    batch_id: str, member: Member, result: str, *, begin: int, length: int, error: ErrorInfo
) -> list[Event]:
    ids: dict[str, Any] = {"batch_id": batch_id, "execution_id": member.execution_id}
    if result == STOPPED:
        why = ErrorInfo(code="STOPPED", message="Execution stopped by user")
        return [
            ExecutionEnded(
                **ids, attempt=0, timestamp=begin + length, status=ExecutionStatus.STOPPED, error=why
            )
        ]
    events: list[Event] = [ExecutionStarted(**ids, attempt=1, timestamp=begin)]
    attempt = 1
    if result in {FLAKY, FAILED}:
        half = begin + length // 2
        events += _node(ids, 1, begin + 5, half, error)
        events += [
            ExecutionRetried(**ids, attempt=1, timestamp=half, reason=RetryReason.FAILED, error=error),
            ExecutionStarted(**ids, attempt=2, timestamp=half + 10),
        ]
        attempt, begin, length = 2, half, length - length // 2
    failure = error if result == FAILED else None
    status = ExecutionStatus.FAILED if failure else ExecutionStatus.COMPLETED
    events += _node(ids, attempt, begin + 20, begin + length - 5, failure)
    events.append(
        ExecutionEnded(**ids, attempt=attempt, timestamp=begin + length, status=status, error=failure)
    )
    return events


def _node(ids: dict[str, Any], attempt: int, begin: int, end: int, error: ErrorInfo | None) -> list[Event]:
    about: dict[str, Any] = {**ids, "attempt": attempt, "node_id": "say", "node_type": "stringValue"}
    status = NodeStatus.FAILED if error else NodeStatus.COMPLETED
    return [
        NodeStarted(**about, timestamp=begin),
        NodeEnded(**about, timestamp=end, status=status, error=error, duration_ms=max(0, end - begin)),
    ]
