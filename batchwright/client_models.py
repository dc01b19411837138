"""What the client gives back: answers and events of a server, with types. Times are epoch ms, durations ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "Active",
    "ActiveExecution",
    "Batch",
    "BatchPage",
    "BatchSummary",
    "ClientError",
    "ExecuteOptions",
    "Execution",
    "Member",
    "Question",
    "Replied",
    "ServerEvent",
    "ServerUnreachableError",
    "Started",
    "StartedMember",
    "Stopped",
    "StoppedAll",
    "ValidationFault",
    "refusal",
]

_FINAL = frozenset({"completed", "error", "stopped"})


class ClientError(Exception):
    """Raised when the server refuses or cannot answer.

    Attributes:
        message: What went wrong.
        code: The same for programs, such as ``NOT_FOUND``.
        status: The HTTP status, None if there was no answer.
        field: The field of the request at fault, if one is.
        details: The whole body of the answer, if it was an object.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.field = field
        self.details = dict(details or {})


class ServerUnreachableError(ClientError):
    """Raised when there is no server, or it does not answer in time; trying again may help."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No answer from {url}: {reason}", code="SERVER_UNREACHABLE")
        self.url = url


def refusal(status: int, reason: str | None, raw: bytes) -> ClientError:
    """The error that an answer tells about.

    Args:
        status: Its HTTP status.
        reason: What the status means.
        raw: Its body; best an object with ``error`` or ``message``, ``code`` and ``field``.
    """
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        content = None
    body = content if isinstance(content, dict) else {}
    parts = [str(body[name]) for name in ("error", "message") if body.get(name)]
    return ClientError(
        ": ".join(parts) or f"{status} {reason}",
        code=str(body.get("code") or "ANSWER_NOT_UNDERSTOOD"),
        status=status,
        field=body.get("field"),
        details=body,
    )


class _Answer(BaseModel):
    """Reads the server's spelling; fields that a newer server adds are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class ValidationFault(_Answer):
    """A workflow that is not run because it breaks the format."""

    file_name: str
    errors: tuple[str, ...]


class StartedMember(_Answer):
    """A member of a batch that was just accepted."""

    execution_id: str
    workflow_file_name: str
    workflow_path: str | None = None
    status: str


class Started(_Answer):
    """An accepted single run (``execution_id``) or batch (``batch_id``)."""

    execution_mode: str
    execution_id: str | None = None
    batch_id: str | None = None
    total_workflows: int = 1
    valid_workflows: int = 1
    invalid_workflows: int = 0
    validation_errors: tuple[ValidationFault, ...] = ()
    executions: tuple[StartedMember, ...] = ()


class Question(_Answer):
    """What a suspended execution asks: ``kind`` is approval or question."""

    node_id: str
    kind: str
    text: str
    choices: tuple[str, ...] = ()


class Execution(_Answer):
    """One execution: ``status`` is idle (waiting), running, completed, error or stopped."""

    execution_id: str
    status: str
    current_node_id: str | None = None
    error: str | None = None
    paused_node_id: str | None = None
    pause_reason: str | None = None
    question: Question | None = None
    """What it asks while it waits for a person's reply."""

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.status in _FINAL


class Member(_Answer):
    """One execution of a batch: ``status`` is queued, running, completed, error or stopped."""

    execution_id: str
    workflow_file_name: str
    workflow_path: str | None = None
    status: str
    current_node_id: str | None = None
    error: str | None = None
    error_code: str | None = None
    failed_node_id: str | None = None
    attempts: int = 0
    flaky: bool = False
    not_run: bool = False
    start_time: int | None = None
    end_time: int | None = None
    duration: int | None = None


class BatchSummary(_Answer):
    """A batch as lists show it: ``status`` is running, completed, error or stopped."""

    batch_id: str
    status: str
    source_type: str
    folder_path: str | None = None
    total_workflows: int
    completed: int
    failed: int
    start_time: int | None = None
    end_time: int | None = None
    duration: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.status in _FINAL


class Batch(BatchSummary):
    """A batch with its counters and members."""

    running: int
    queued: int
    stopped: int = 0
    valid_workflows: int = 0
    invalid_workflows: int = 0
    flaky: int = 0
    not_run: int = 0
    validation_errors: tuple[ValidationFault, ...] = ()
    executions: tuple[Member, ...] = ()


class BatchPage(_Answer):
    """A piece of the list of batches, newest first; ``total`` counts all that match."""

    total: int
    limit: int
    offset: int
    batches: tuple[BatchSummary, ...]


class ActiveExecution(_Answer):
    """An execution that has not ended."""

    execution_id: str
    status: str
    current_node_id: str | None = None
    workflow_file_name: str | None = None
    batch_id: str | None = None


class Active(_Answer):
    """All executions that have not ended."""

    total_active: int
    executions: tuple[ActiveExecution, ...]


class Stopped(_Answer):
    """What stopping one batch or execution did."""

    success: bool
    message: str
    execution_id: str | None = None
    was_running: bool = False
    was_queued: bool = False
    batch_id: str | None = None
    stopped_executions: int = 0
    running_stopped: int = 0
    queued_cancelled: int = 0


class Replied(_Answer):
    """A reply was taken."""

    success: bool
    message: str


class StoppedAll(_Answer):
    """What stop-all did."""

    success: bool
    message: str
    total_batches: int
    total_stopped: int
    running_stopped: int
    queued_cancelled: int
    batches: tuple[str, ...] = Field(default=())


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event from the server's socket.

    Attributes:
        name: Such as ``execution-update``; docs/events.md lists them.
        data: Its payload.
    """

    name: str
    data: Mapping[str, Any]

    @property
    def seq(self) -> int | None:
        """The number of the last event of the server that it tells about."""
        value = self.data.get("seq")
        return value if isinstance(value, int) else None


class ExecuteOptions(TypedDict, total=False):
    """Options of ``execute``; docs/api.md explains them. ``timeout`` is in ms, as in the API."""

    workers: int
    recursive: bool
    pattern: str
    output_path: str
    retries: int
    timeout: float
    variables: Mapping[str, object]
    tags: list[str]
    trace_logs: bool
    record_session: bool
    start_node_overrides: Mapping[str, object]
    batch_priority: int
    report_config: Mapping[str, object]
    screenshot_config: Mapping[str, object]
    breakpoint_config: Mapping[str, object]
    breakpoints: list[Mapping[str, object]]
    break_on: list[str]
    first: bool
    pause: Mapping[str, object]
    use_saved: bool
    workflow_file_name: str
    workflow_file_names: list[str]
    source: str
