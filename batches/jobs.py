"""What the runner knows of its executions and batches, and the events that it makes about them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from batches.engine import Handle
from batches.events import BatchStarted, ErrorInfo, ExecutionEnded, ExecutionRetried, LogLine, Member
from batches.request import BatchRequest, WorkItem
from batches.state import BatchState, ExecutionState
from batches.store import Reservation

__all__ = [
    "Job",
    "StopReport",
    "Taken",
    "event_of",
    "in_order",
    "members_of",
    "start_of",
    "stopped",
]

_E = TypeVar("_E", ExecutionEnded, ExecutionRetried, LogLine)


@dataclass(frozen=True, slots=True)
class StopReport:
    """What a stop really did: executions that another stop had ended already do not count again."""

    running_stopped: int = 0
    queued_cancelled: int = 0
    per_batch: Mapping[str, int] = field(default_factory=dict)
    """How many of each batch; batches in which it ended nothing are left out."""

    @property
    def batches(self) -> tuple[str, ...]:
        """The batches in which it ended something."""
        return tuple(self.per_batch)

    @property
    def total(self) -> int:
        """Executions that the stop ended."""
        return self.running_stopped + self.queued_cancelled


@dataclass(slots=True)
class Job:
    """An execution from its submission to its end."""

    member: Member
    batch: Taken
    item: WorkItem
    attempt: int = 0
    failures: int = 0
    lost: int = 0
    handle: Handle | None = None
    stopping: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def state(self) -> ExecutionState:
        """What is known about it."""
        return self.batch.state.executions[self.member.execution_id]

    def asked_to_stop(self) -> bool:
        """Whether a stop came in, perhaps while something else was awaited."""
        return self.stopping


@dataclass(slots=True)
class Taken:
    """A batch from its submission until it is forgotten."""

    batch_id: str
    request: BatchRequest
    state: BatchState
    done: asyncio.Event = field(default_factory=asyncio.Event)
    failed: int = 0


def event_of(job: Job, kind: type[_E], **fields: Any) -> _E:
    """An event of an execution."""
    return kind(
        batch_id=job.batch.batch_id,
        execution_id=job.member.execution_id,
        attempt=job.attempt,
        **fields,
    )


def members_of(reservation: Reservation, request: BatchRequest) -> tuple[Member, ...]:
    """The executions of a batch as they are planned, in input order."""
    stamp = reservation.batch_id.removeprefix("batch-")
    return tuple(
        Member(
            execution_id=f"exec-{stamp}" if request.single else f"exec-{stamp}-{index + 1}",
            alias=reservation.first_alias + index,
            workflow_file_name=item.file_name,
            workflow_path=item.path,
            source=item.source,
        )
        for index, item in enumerate(request.items)
    )


def start_of(batch_id: str, request: BatchRequest, members: tuple[Member, ...]) -> BatchStarted:
    """The event that begins a batch; its options leave out the variables, which may be secret."""
    given = {
        "tags": request.tags,
        "rerunOf": request.rerun_of,
        "outputPath": request.output_path,
        "report": request.report and request.report.model_dump(mode="json", exclude_none=True),
    }
    return BatchStarted(
        batch_id=batch_id,
        source_type=request.source_type,
        folder_path=request.folder_path,
        workers=request.workers,
        members=members,
        invalid=request.invalid,
        single=request.single,
        options={
            **request.options.model_dump(by_alias=True, exclude_defaults=True, exclude={"variables"}),
            "retries": request.retries,
            "maxFailures": request.max_failures,
            "order": request.order,
            "priority": request.priority,
            "source": request.source,
            **{name: value for name, value in given.items() if value},
        },
    )


def in_order(jobs: list[Job], durations: Mapping[str, float]) -> list[Job]:
    """Longest first, unknown durations before all; as given where no durations are."""
    if not durations:
        return jobs
    return sorted(jobs, key=lambda job: -durations.get(job.item.key, float("inf")))


def stopped() -> ErrorInfo:
    """Why an execution ended that was stopped (api.md, section 2.5)."""
    return ErrorInfo(code="STOPPED", message="Execution stopped by user")
