"""Executions as the main HTTP surface shows them (api-documented.md; api.md, section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from batches.events import ErrorInfo, ExecutionStatus, LogLine, NodeEnded, Record
from batches.service import Found
from batches.state import ExecutionState, OpenQuestion
from server.main_api import NODE_WORDS, PAUSE_WORDS, STATUS_WORDS
from server.reading import Maybe

__all__ = [
    "ARTIFACTS",
    "ActiveExecution",
    "ErrorView",
    "ExecutionResult",
    "ExecutionStatusView",
    "LogLineView",
    "NodeResultView",
    "QuestionView",
    "active_execution",
    "artifact_url",
    "execution_result",
    "execution_status",
    "question_view",
]

ARTIFACTS = "/artifacts/"
"""Where files below the output folder are served."""


class QuestionView(Record):
    """What a suspended execution asks."""

    node_id: str
    node_label: Maybe[str] = None
    kind: Literal["approval", "question"]
    """Whether it waits for a decision or for an answer."""
    text: str
    """What people read."""
    choices: tuple[str, ...]
    """The answers there are; none means any text."""
    secret: bool
    """Whether the answer is not to be shown while it is typed."""
    since: int
    """Epoch ms."""
    timeout_ms: Maybe[int] = None
    """How long it waits at most."""


class ExecutionStatusView(Record):
    """How an execution stands."""

    execution_id: str
    """Empty if there is no execution at all."""
    status: str
    """`idle` (waiting), `running` (also while paused), `completed`, `error` or `stopped`."""
    current_node_id: Maybe[str] = None
    """The node that runs, stands, or failed."""
    error: Maybe[str] = None
    """Why it failed or was stopped."""
    paused_node_id: str | None
    """Where it is paused; null while it is not."""
    pause_reason: str | None
    """`breakpoint`, `wait-pause`, `error`, `requested` or `slow`; null while it is not paused."""
    question: Maybe[QuestionView] = None
    """What it asks while it waits for a person's reply; also where the runner died before there was one."""
    batch_id: Maybe[str] = None
    alias: Maybe[int] = None
    """A whole number that may be used instead of the id."""
    workflow_file_name: Maybe[str] = None
    error_code: Maybe[str] = None
    output_directory: Maybe[str] = None
    """The execution's report folder, if it has one."""
    attempts: Maybe[int] = None
    start_time: Maybe[int] = None
    """Epoch ms."""
    end_time: Maybe[int] = None
    """Epoch ms."""


class ActiveExecution(Record):
    """An execution that waits or runs."""

    execution_id: str
    status: str
    """`idle` (waiting) or `running`."""
    current_node_id: str | None
    workflow_file_name: str
    batch_id: str
    paused_node_id: Maybe[str] = None
    pause_reason: Maybe[str] = None
    question: Maybe[QuestionView] = None
    """What it asks while it waits for a person's reply."""


class ErrorView(Record):
    """Why something failed."""

    code: str
    message: str
    node_id: Maybe[str] = None
    node_label: Maybe[str] = None
    node_type: Maybe[str] = None
    page_url: Maybe[str] = None
    screenshot: Maybe[str] = None
    """URL path of the picture of the page."""
    retryable: bool


class NodeResultView(Record):
    """What became of a node."""

    node_id: str
    node_type: str
    node_label: Maybe[str] = None
    status: str
    """`completed`, `error` or `bypassed`."""
    start_time: int
    """Epoch ms."""
    end_time: int
    """Epoch ms."""
    duration_ms: float
    message: Maybe[str] = None
    error: Maybe[ErrorView] = None
    fail_silently: Maybe[bool] = None
    """True if its failure let the execution go on."""
    iteration: Maybe[int] = None
    parent_loop_node_id: Maybe[str] = None
    output: Any = Field(default=None, exclude_if=lambda value: value is None)
    """What it put into the variable of its name, as value nodes do."""
    screenshots: Mapping[str, str]
    """URL paths by timing: `pre`, `post`, `failure`."""
    snapshots: Mapping[str, str]
    """URL paths of accessibility snapshots by timing."""


class LogLineView(Record):
    """A line of an execution's log."""

    timestamp: int
    """Epoch ms."""
    level: str
    message: str
    node_id: Maybe[str] = None


class ExecutionResult(ExecutionStatusView):
    """Everything that is known of an execution, also while it runs."""

    duration: Maybe[int] = None
    """Milliseconds."""
    flaky: bool
    """Whether it passed only after a failed attempt."""
    failure: Maybe[ErrorView] = None
    """Details of `error`."""
    nodes: tuple[NodeResultView, ...]
    """Results of the last attempt, in the order of their ends."""
    nodes_total: int
    """How many there are; `nodes` holds no more than the first 2,000."""
    data: Mapping[str, Any]
    """What the workflow collected, at the end."""
    variables: Mapping[str, Any]
    """Its variables, at the end."""
    log: tuple[LogLineView, ...]
    videos: tuple[str, ...]
    """URL paths."""


def execution_status(found: Found | None, *, output_directory: str | None = None) -> ExecutionStatusView:
    """The status object; without an execution, the one that says so."""
    if found is None:
        return ExecutionStatusView(execution_id="", status="idle", paused_node_id=None, pause_reason=None)
    return ExecutionStatusView(**_status_fields(found, output_directory))


def active_execution(found: Found) -> ActiveExecution:
    """A row of the list of active executions."""
    execution, pause = found.execution, found.execution.pause
    return ActiveExecution(
        execution_id=execution.execution_id,
        status=STATUS_WORDS[execution.status],
        current_node_id=execution.current_node_id,
        workflow_file_name=execution.member.workflow_file_name,
        batch_id=found.batch.batch_id,
        paused_node_id=pause.node_id if pause else None,
        pause_reason=PAUSE_WORDS[pause.reason] if pause else None,
        question=question_view(execution.question),
    )


def execution_result(found: Found, *, output_directory: str | None = None) -> ExecutionResult:
    """Everything of one execution."""
    execution = found.execution
    return ExecutionResult(
        **_status_fields(found, output_directory),
        duration=execution.duration_ms,
        flaky=execution.flaky,
        failure=_error(_reason(execution)),
        nodes=tuple(_node(node, execution.variables) for node in execution.nodes),
        nodes_total=execution.nodes_seen,
        data=execution.data,
        variables=execution.variables,
        log=tuple(_line(line) for line in execution.log),
        videos=tuple(url for file in execution.videos if (url := artifact_url(file)) is not None),
    )


def question_view(question: OpenQuestion | None) -> QuestionView | None:
    """What an execution asks, or None."""
    if question is None:
        return None
    return QuestionView(**{name: getattr(question, name) for name in QuestionView.model_fields})


def artifact_url(relative: str) -> str | None:
    """The URL path of a file below the output folder; None for files that lie elsewhere."""
    if relative.startswith("/") or ".." in relative.split("/"):
        return None
    return ARTIFACTS + quote(relative)


def _status_fields(found: Found, output_directory: str | None) -> dict[str, Any]:
    execution, pause, reason = found.execution, found.execution.pause, _reason(found.execution)
    return {
        "execution_id": execution.execution_id,
        "status": STATUS_WORDS[execution.status],
        "current_node_id": execution.current_node_id or (reason.node_id if reason else None),
        "error": reason.message if reason else None,
        "paused_node_id": pause.node_id if pause else None,
        "pause_reason": PAUSE_WORDS[pause.reason] if pause else None,
        "question": question_view(execution.question),
        "batch_id": found.batch.batch_id,
        "alias": execution.member.alias,
        "workflow_file_name": execution.member.workflow_file_name,
        "error_code": reason.code if reason else None,
        "output_directory": output_directory,
        "attempts": execution.attempts,
        "start_time": execution.started_at,
        "end_time": execution.ended_at,
    }


def _reason(execution: ExecutionState) -> ErrorInfo | None:
    """Why it did not complete; errors of attempts that were tried again do not count."""
    if execution.status.is_final and execution.status is not ExecutionStatus.COMPLETED:
        return execution.error
    return None


def _error(error: ErrorInfo | None) -> ErrorView | None:
    if error is None:
        return None
    return ErrorView(
        code=error.code,
        message=error.message,
        node_id=error.node_id,
        node_label=error.node_label,
        node_type=error.node_type,
        page_url=error.page_url,
        screenshot=artifact_url(error.screenshot) if error.screenshot else None,
        retryable=error.retryable,
    )


def _node(node: NodeEnded, variables: Mapping[str, object]) -> NodeResultView:
    return NodeResultView(
        node_id=node.node_id,
        node_type=node.node_type,
        node_label=node.node_label,
        status=NODE_WORDS[node.status],
        start_time=node.timestamp - round(node.duration_ms),
        end_time=node.timestamp,
        duration_ms=node.duration_ms,
        message=node.message,
        error=_error(node.error),
        fail_silently=node.fail_silently or None,
        iteration=node.iteration,
        parent_loop_node_id=node.parent_loop_node_id,
        output=variables.get(node.node_id),
        screenshots=_named_urls(node.screenshots),
        snapshots=_named_urls(node.snapshots),
    )


def _line(line: LogLine) -> LogLineView:
    return LogLineView(timestamp=line.timestamp, level=line.level, message=line.message, node_id=line.node_id)


def _named_urls(files: Mapping[str, str]) -> dict[str, str]:
    return {name: url for name, file in files.items() if (url := artifact_url(file)) is not None}
