"""The events of executions and batches: the only way facts leave a run.

One schema for the journal, the command line's stream, sockets, reports and clients. Records are frozen, use
camelCase on the wire, and carry ``batchId``, ``executionId``, ``seq`` (gap-free per server, given by the
event log) and ``timestamp`` (epoch ms). Events of an execution also carry ``attempt`` and ``number``, its
place within that attempt, so that late events of an attempt that was given up can be told apart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

__all__ = [
    "BatchEnded",
    "BatchStarted",
    "BatchStatus",
    "ErrorInfo",
    "Event",
    "ExecutionContinued",
    "ExecutionEnded",
    "ExecutionEvent",
    "ExecutionPaused",
    "ExecutionResumed",
    "ExecutionRetried",
    "ExecutionStarted",
    "ExecutionStatus",
    "ExecutionSuspended",
    "InvalidWorkflow",
    "LogLine",
    "Member",
    "NodeEnded",
    "NodeStarted",
    "NodeStatus",
    "PauseAt",
    "PauseReason",
    "Record",
    "RetryReason",
    "now_ms",
    "parse_event",
]


def now_ms() -> int:
    """The present time, epoch ms."""
    return time.time_ns() // 1_000_000


class ExecutionStatus(StrEnum):
    """States of an execution; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether an execution never leaves this state."""
        return self in _FINAL


_FINAL: Final = frozenset(
    {
        ExecutionStatus.COMPLETED,
        ExecutionStatus.FAILED,
        ExecutionStatus.STOPPED,
        ExecutionStatus.INTERRUPTED,
    }
)


class BatchStatus(StrEnum):
    """States of a batch; all but ``running`` are final."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class NodeStatus(StrEnum):
    """Results of a node."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BYPASSED = "bypassed"


class RetryReason(StrEnum):
    """Why an execution is tried again: its own failure, or a browser lost through no fault of its own."""

    FAILED = "failed"
    LOST = "lost"


class PauseReason(StrEnum):
    """Why an execution is paused."""

    BREAKPOINT = "breakpoint"
    WAIT_PAUSE = "wait-pause"
    ERROR = "error"
    REQUESTED = "requested"
    SLOW = "slow"


class PauseAt(StrEnum):
    """Where an execution is paused: before, after or inside a node."""

    PRE = "pre"
    POST = "post"
    ERROR = "error"
    """Its node has failed, and may be tried again or left out."""
    ACTION = "action"
    """Before the next browser action of a node that is running."""


class Record(BaseModel):
    """Base of everything on the wire: frozen, camelCase, unknown keys ignored so that old readers live on."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        defer_build=True,
    )


class ErrorInfo(Record):
    """Why something failed."""

    code: str
    """Stable, for programs."""
    message: str
    """For people: what failed and what to do."""
    node_id: str | None = None
    """The node that failed, if one did."""
    node_label: str | None = None
    """Its display name."""
    node_type: str | None = None
    """Its type."""
    page_url: str | None = None
    """Where the page was."""
    screenshot: str | None = None
    """Picture of the page at the failure, relative to the output folder."""
    retryable: bool = False
    """Whether the same thing may succeed when tried again."""


class Member(Record):
    """One execution of a batch, as it was planned."""

    execution_id: str
    alias: int
    workflow_file_name: str
    workflow_path: str
    """Relative to the scanned folder, or the file name."""
    source: str | None = None
    """Absolute path of the file, if there is one."""


class InvalidWorkflow(Record):
    """A file that is not run because it breaks the format."""

    file_name: str
    errors: tuple[str, ...]
    source: str | None = None


class _Base(Record):
    batch_id: str
    execution_id: str | None = None
    seq: int = 0
    timestamp: int = Field(default_factory=now_ms)

    def take_number(self, seq: int) -> None:
        """Get the number that an event has once, when the log takes it in; nothing else ever changes.

        Args:
            seq: The number. A copy for it would cost as much as the event.
        """
        self.__dict__["seq"] = seq


class _OfExecution(_Base):
    execution_id: str
    attempt: int = 1
    number: int = 0


class BatchStarted(_Base):
    """A batch was accepted: its members are queued."""

    type: Literal["batch-started"] = "batch-started"
    source_type: str = "folder"
    folder_path: str | None = None
    workers: int = 1
    members: tuple[Member, ...] = ()
    invalid: tuple[InvalidWorkflow, ...] = ()
    single: bool = False
    """A batch of one around a single run; batch lists leave it out."""
    options: Mapping[str, object] = Field(default_factory=dict)


class BatchEnded(_Base):
    """No member of the batch will run any more."""

    type: Literal["batch-ended"] = "batch-ended"
    status: BatchStatus
    error: ErrorInfo | None = None


class ExecutionStarted(_OfExecution):
    """An attempt of an execution began."""

    type: Literal["execution-started"] = "execution-started"


class ExecutionRetried(_OfExecution):
    """The attempt is over and another one follows."""

    type: Literal["execution-retried"] = "execution-retried"
    reason: RetryReason
    error: ErrorInfo


class ExecutionEnded(_OfExecution):
    """The execution reached its final state."""

    type: Literal["execution-ended"] = "execution-ended"
    status: ExecutionStatus
    error: ErrorInfo | None = None
    data: Mapping[str, object] = Field(default_factory=dict)
    variables: Mapping[str, object] = Field(default_factory=dict)
    videos: tuple[str, ...] = ()


class NodeStarted(_OfExecution):
    """A node began to run."""

    type: Literal["node-started"] = "node-started"
    node_id: str
    node_type: str
    node_label: str | None = None
    iteration: int | None = None
    parent_loop_node_id: str | None = None


class NodeEnded(_OfExecution):
    """A node has a result; skipped and bypassed nodes have no start."""

    type: Literal["node-ended"] = "node-ended"
    node_id: str
    node_type: str
    node_label: str | None = None
    iteration: int | None = None
    parent_loop_node_id: str | None = None
    status: NodeStatus
    duration_ms: float = 0
    message: str | None = None
    error: ErrorInfo | None = None
    fail_silently: bool = False
    is_test: bool = True
    screenshots: Mapping[str, str] = Field(default_factory=dict)
    """By timing (``pre``, ``post``, ``failure``), relative to the output folder."""
    snapshots: Mapping[str, str] = Field(default_factory=dict)
    debug: str | None = None
    """File with the debug information of a failure (api.md, section 2.2), relative to the output folder."""
    similar_selectors: tuple[Mapping[str, object], ...] | None = None
    """Where a selector failed, those of the page that are like it; part of the debug information."""


class ExecutionPaused(_OfExecution):
    """An execution stands still, with its browser open, until a control lets it go on."""

    type: Literal["execution-paused"] = "execution-paused"
    pause: int
    """Number of the pause within its attempt, from 1."""
    node_id: str
    node_type: str
    node_label: str | None = None
    iteration: int | None = None
    parent_loop_node_id: str | None = None
    reason: PauseReason
    at: PauseAt
    message: str
    """For people: where it stands and why."""
    breakpoint_id: str | None = None
    """The breakpoint of the list that was hit."""
    error: ErrorInfo | None = None
    """Why the node failed, for a pause at an error."""
    owner: str | None = None
    """Who asked for the pause, where given."""
    note: str | None = None
    """What they asked it for."""
    timeout_ms: int | None = None
    """How long the pause lasts at most."""
    on_timeout: str | None = None
    """`stop` or `continue`: what ends a pause that nobody ended."""


class ExecutionContinued(_OfExecution):
    """A pause is over and the execution goes on."""

    type: Literal["execution-continued"] = "execution-continued"
    pause: int
    node_id: str
    action: str
    """The control that ended the pause."""
    paused_ms: int
    owner: str | None = None
    """Who continued it, where given; `timeout` when nobody did in time."""


class ExecutionSuspended(_OfExecution):
    """An execution waits for a person's reply, with its browser open."""

    type: Literal["execution-suspended"] = "execution-suspended"
    question: int
    """Number of the question within its attempt, from 1."""
    node_id: str
    node_type: str
    node_label: str | None = None
    iteration: int | None = None
    parent_loop_node_id: str | None = None
    kind: Literal["approval", "question"]
    """Whether it waits for a decision or for an answer."""
    text: str
    """What people read."""
    choices: tuple[str, ...] = ()
    """The answers there are; none means any text."""
    secret: bool = False
    """Whether the answer is not to be shown."""
    timeout_ms: int | None = None
    """How long it waits at most."""


class ExecutionResumed(_OfExecution):
    """Somebody replied, or nobody did in time, and the execution goes on."""

    type: Literal["execution-resumed"] = "execution-resumed"
    question: int
    node_id: str
    approved: bool
    answer: str | None = None
    reason: str | None = None
    owner: str | None = None
    """Who replied, where given."""
    timed_out: bool = False
    suspended_ms: int


class LogLine(_OfExecution):
    """A line of an execution's log."""

    type: Literal["log"] = "log"
    level: str
    message: str
    node_id: str | None = None


ExecutionEvent = (
    ExecutionStarted
    | ExecutionRetried
    | ExecutionEnded
    | ExecutionPaused
    | ExecutionContinued
    | ExecutionSuspended
    | ExecutionResumed
    | NodeStarted
    | NodeEnded
    | LogLine
)
"""Events of one execution."""

Event = BatchStarted | BatchEnded | ExecutionEvent
"""Any event."""

_ADAPTER: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="type")], config=ConfigDict(defer_build=True)
)


def parse_event(line: bytes | str) -> Event:
    """Read one event from its JSON.

    Raises:
        pydantic.ValidationError: The text is no event of a known type.
    """
    return _ADAPTER.validate_json(line)
