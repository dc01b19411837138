"""The main HTTP surface (``/api/workflows``): its words for states, and its view of a batch.

Source: api-documented.md and api.md, section 2.4; where they differ the documented one wins, and the fields
beyond them (``errorCode``, ``attempts``, ``flaky``, ...) are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from pydantic import Field

from batches.events import BatchStatus, ExecutionStatus, NodeStatus, PauseReason, Record
from batches.state import BatchState, ExecutionState

__all__ = [
    "BATCH_WORDS",
    "EXECUTION_WORDS",
    "NODE_WORDS",
    "PAUSE_WORDS",
    "STATUS_WORDS",
    "BatchSummary",
    "BatchView",
    "ExecutionView",
    "ValidationErrorView",
    "batch_summary",
    "batch_view",
    "execution_view",
]

EXECUTION_WORDS: Final[Mapping[ExecutionStatus, str]] = {
    ExecutionStatus.QUEUED: "queued",
    ExecutionStatus.RUNNING: "running",
    ExecutionStatus.PAUSED: "running",
    ExecutionStatus.SUSPENDED: "running",
    ExecutionStatus.COMPLETED: "completed",
    ExecutionStatus.FAILED: "error",
    ExecutionStatus.STOPPED: "stopped",
    ExecutionStatus.INTERRUPTED: "stopped",
}
"""Our states in this surface's words, where a batch lists its members."""

STATUS_WORDS: Final[Mapping[ExecutionStatus, str]] = {**EXECUTION_WORDS, ExecutionStatus.QUEUED: "idle"}
"""The same where one execution tells its status."""

BATCH_WORDS: Final[Mapping[BatchStatus, str]] = {
    BatchStatus.RUNNING: "running",
    BatchStatus.COMPLETED: "completed",
    BatchStatus.FAILED: "error",
    BatchStatus.STOPPED: "stopped",
    BatchStatus.INTERRUPTED: "stopped",
}
"""Our batch states in this surface's words."""

NODE_WORDS: Final[Mapping[NodeStatus, str]] = {
    NodeStatus.PENDING: "idle",
    NodeStatus.RUNNING: "running",
    NodeStatus.COMPLETED: "completed",
    NodeStatus.FAILED: "error",
    NodeStatus.SKIPPED: "bypassed",
    NodeStatus.BYPASSED: "bypassed",
}
"""Results of nodes in this surface's words (workflow-format.md, section 7)."""

PAUSE_WORDS: Final[Mapping[PauseReason, str]] = {
    PauseReason.BREAKPOINT: "breakpoint",
    PauseReason.WAIT_PAUSE: "wait-pause",
    PauseReason.ERROR: "error",
    PauseReason.REQUESTED: "requested",
    PauseReason.SLOW: "slow",
}
"""Why an execution is paused; the first two are the documented ones, the others occur only where asked for."""


class ValidationErrorView(Record):
    """A file that was not run because it breaks the format."""

    file_name: str
    errors: tuple[str, ...]


class ExecutionView(Record):
    """One member of a batch."""

    execution_id: str
    workflow_file_name: str
    workflow_path: str
    status: str
    """`queued`, `running`, `completed`, `error` or `stopped`."""
    current_node_id: str | None = None
    error: str | None = None
    """Why it failed or was stopped."""
    error_code: str | None = None
    failed_node_id: str | None = None
    failed_node_label: str | None = None
    screenshot: str | None = None
    """Picture of the page at the failure: absolute path on the runner's machine."""
    page_url: str | None = None
    attempts: int = 0
    flaky: bool = False
    """Whether it passed only after a failed attempt."""
    not_run: bool = False
    """Whether it ended without having been started."""
    interrupted: bool = False
    """Whether the runner died under it."""
    start_time: int | None = None
    end_time: int | None = None
    duration: int | None = None
    """Milliseconds."""


class BatchSummary(Record):
    """A batch: counters and times. Times are epoch milliseconds."""

    batch_id: str | None
    status: str
    source_type: str
    folder_path: str | None = None
    total_workflows: int
    """Valid and invalid ones."""
    valid_workflows: int
    invalid_workflows: int
    completed: int
    running: int
    queued: int
    failed: int
    stopped: int
    flaky: int
    not_run: int
    start_time: int | None
    end_time: int | None
    duration: int | None
    """Milliseconds; None while running."""


class BatchView(BatchSummary):
    """A batch with its members."""

    validation_errors: tuple[ValidationErrorView, ...] = ()
    executions: tuple[ExecutionView, ...] = Field(default=())


_View = TypeVar("_View", bound=ExecutionView)


def batch_summary(state: BatchState) -> BatchSummary:
    """A batch as this surface shows it, without its members."""
    counts = state.counts
    return BatchSummary(
        batch_id=state.batch_id,
        status=BATCH_WORDS[state.status],
        source_type=state.source_type,
        folder_path=state.folder_path,
        total_workflows=counts.total + len(state.invalid),
        valid_workflows=counts.total,
        invalid_workflows=len(state.invalid),
        completed=counts.completed,
        running=counts.running + counts.paused + counts.suspended,
        queued=counts.queued,
        failed=counts.failed,
        stopped=counts.stopped + counts.interrupted,
        flaky=counts.flaky,
        not_run=counts.not_run,
        start_time=state.started_at,
        end_time=state.ended_at,
        duration=state.ended_at - state.started_at if state.ended_at is not None else None,
    )


def batch_view(state: BatchState, output: Path) -> BatchView:
    """A batch as this surface shows it.

    Args:
        state: The batch.
        output: The output folder, below which screenshots lie.
    """
    return BatchView(
        **dict(batch_summary(state)),
        validation_errors=tuple(
            ValidationErrorView(file_name=item.file_name, errors=item.errors) for item in state.invalid
        ),
        executions=tuple(execution_view(item, output, ExecutionView) for item in state.executions.values()),
    )


def execution_view(execution: ExecutionState, output: Path, kind: type[_View]) -> _View:
    """An execution as a batch lists it.

    Args:
        execution: The execution.
        output: The output folder, below which screenshots lie.
        kind: The view to make.
    """
    error = execution.error if execution.status is not ExecutionStatus.COMPLETED else None
    return kind(
        execution_id=execution.execution_id,
        workflow_file_name=execution.member.workflow_file_name,
        workflow_path=execution.member.workflow_path,
        status=EXECUTION_WORDS[execution.status],
        current_node_id=execution.current_node_id,
        error=error.message if error else None,
        error_code=error.code if error else None,
        failed_node_id=error.node_id if error else None,
        failed_node_label=error.node_label if error else None,
        screenshot=str(output / error.screenshot) if error and error.screenshot else None,
        page_url=error.page_url if error else None,
        attempts=execution.attempts,
        flaky=execution.flaky,
        not_run=execution.not_run,
        interrupted=execution.status is ExecutionStatus.INTERRUPTED,
        start_time=execution.started_at,
        end_time=execution.ended_at,
        duration=execution.duration_ms,
    )
