"""What the socket sends: one model for each message, from which its documentation is made.

Source: api.md, section 9, and api-documented.md, last paragraph; the fields beyond them are ours. Times are
epoch milliseconds. ``seq`` is the number of the event that a message tells of; numbers only grow, and leave
some out, because not every event has a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from pydantic import Field

from batches.events import Record
from server.main_api import BatchSummary
from server.views import QuestionView

__all__ = [
    "BATCH_COMPLETE",
    "BATCH_START",
    "BATCH_UPDATE",
    "EXECUTION_EVENT",
    "EXECUTION_UPDATE",
    "GAP",
    "MESSAGES",
    "NODE_EXECUTION",
    "BatchComplete",
    "BatchStart",
    "BatchUpdate",
    "DebugInfo",
    "EventData",
    "EventType",
    "ExecutionEventMessage",
    "ExecutionUpdate",
    "Gap",
    "Message",
    "NodeExecution",
]

EXECUTION_UPDATE: Final = "execution-update"
BATCH_UPDATE: Final = "batch-update"
NODE_EXECUTION: Final = "node-execution"
EXECUTION_EVENT: Final = "execution-event"
BATCH_START: Final = "batch-start"
BATCH_COMPLETE: Final = "batch-complete"
GAP: Final = "gap"

EventType = Literal[
    "execution_start",
    "execution_retry",
    "execution_paused",
    "execution_continued",
    "execution_suspended",
    "execution_resumed",
    "execution_complete",
    "execution_error",
    "breakpoint_triggered",
    "node_start",
    "node_complete",
    "node_error",
]

PauseWord = Literal["breakpoint", "wait-pause", "error", "requested", "slow"]
"""Why an execution is paused."""


class Message(NamedTuple):
    """A message: the socket event's name and its one argument."""

    name: str
    body: Record


class ExecutionUpdate(Record):
    """The present status of an execution. Several changes within 0.1 s come as one."""

    execution_id: str
    batch_id: str
    workflow_file_name: str
    status: Literal["idle", "running", "completed", "error", "stopped"]
    """`idle` while it waits for its turn; `running` also while it is paused."""
    current_node_id: str | None = None
    paused_node_id: str | None = None
    """Where it is paused, or null."""
    pause_reason: PauseWord | None = None
    error: str | None = None
    """Why it failed or was stopped, or null."""
    question: QuestionView | None = None
    """What it asks while it waits for a person's reply (its status is `running`), or null."""
    attempt: int = 0
    """Which attempt this is, from 1; 0 before the first."""
    seq: int
    timestamp: int


class BatchUpdate(BatchSummary):
    """The status of a batch. `running`, `queued`, `completed`, `failed`, `stopped` sum to `validWorkflows`."""

    seq: int
    timestamp: int


class NodeExecution(Record):
    """A node began or has a result."""

    execution_id: str
    batch_id: str
    node_id: str
    node_type: str
    node_label: str | None = None
    status: Literal["running", "completed", "error", "bypassed"]
    """`bypassed` also for nodes on a branch that was not taken."""
    duration_ms: float | None = None
    """Null when it begins."""
    message: str | None = None
    """Why it was not run."""
    error: str | None = None
    fail_silently: bool = False
    """Whether the execution goes on after this error."""
    iteration: int | None = None
    """Index within the loop, from 0."""
    parent_loop_node_id: str | None = None
    attempt: int
    seq: int
    timestamp: int


class EventData(Record):
    """Details of a pause or a question."""

    reason: PauseWord | None = None
    breakpoint_at: Literal["pre", "post"] | None = None
    action: str | None = None
    """The control that ended the pause."""
    question: QuestionView | None = None
    """Of `execution_suspended`: what the execution asks."""
    approved: bool | None = None
    """Of `execution_resumed`: whether somebody approved or answered."""
    owner: str | None = None
    """Of `execution_resumed`: who replied, where given; `timeout` when nobody did in time."""


class DebugInfo(Record):
    """What is at hand about a failure at once; the rest is at `captured-dom` (api.md, sections 2 and 2.2)."""

    page_url: str | None = None
    similar_selectors: tuple[Mapping[str, object], ...] | None = None
    """Where a selector failed: up to 10 of `{selector, selectorType, reason, elementInfo?}`."""
    screenshot_paths: Mapping[str, str] = Field(default_factory=dict)
    """By timing (`pre`, `post`, `failure`): absolute paths on the runner's machine."""


class ExecutionEventMessage(Record):
    """Something happened in an execution. Fields that a type has no use for are left out."""

    execution_id: str
    batch_id: str
    source: str
    """Who asked for the run: `frontend`, `api` or `mcp`."""
    type: EventType
    node_id: str | None = None
    message: str | None = None
    fail_silently: bool | None = None
    """Of `node_error`: whether the execution goes on."""
    trace_logs: tuple[str, ...] | None = None
    """Of `node_error`: the node's log lines."""
    debug_info: DebugInfo | None = None
    """Of `node_error`: what is known about the page."""
    data: EventData | None = None
    """Of the types that tell of pauses and questions."""
    iteration: int | None = None
    parent_loop_node_id: str | None = None
    attempt: int
    seq: int
    timestamp: int


class BatchStart(Record):
    """A batch was accepted: its members wait for their turn."""

    batch_id: str
    total_workflows: int
    """Valid and invalid ones."""
    seq: int
    timestamp: int


class BatchComplete(Record):
    """No member of the batch will run any more; also when it was stopped."""

    batch_id: str
    status: Literal["completed", "error", "stopped"]
    total_workflows: int
    completed: int
    failed: int
    stopped: int
    seq: int
    timestamp: int


class Gap(Record):
    """This client was too slow: events `from` to `to` (numbers, both included) were not sent to it.

    Subscribing again with ``after`` = ``from - 1`` brings exactly them.
    """

    first: int = Field(alias="from")
    last: int = Field(alias="to")
    timestamp: int


MESSAGES: Final[Mapping[str, type[Record]]] = {
    EXECUTION_UPDATE: ExecutionUpdate,
    BATCH_UPDATE: BatchUpdate,
    NODE_EXECUTION: NodeExecution,
    EXECUTION_EVENT: ExecutionEventMessage,
    BATCH_START: BatchStart,
    BATCH_COMPLETE: BatchComplete,
    GAP: Gap,
}
"""Every message that the server sends, by its name."""
