"""Our events in the words of the socket's messages.

Source: api.md, section 9; api-documented.md, last paragraph. Every function is pure: what it makes depends on
the event and on the state after it, so that a replay from the journal gives the same as the live stream.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

from batches.events import (
    BatchEnded,
    BatchStarted,
    Event,
    ExecutionContinued,
    ExecutionEnded,
    ExecutionEvent,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionRetried,
    ExecutionStarted,
    ExecutionStatus,
    ExecutionSuspended,
    NodeEnded,
    NodeStarted,
    NodeStatus,
    PauseAt,
    PauseReason,
)
from batches.pauses import HELD
from batches.state import BatchState, ExecutionState
from server.event_messages import (
    BATCH_COMPLETE,
    BATCH_START,
    EXECUTION_EVENT,
    NODE_EXECUTION,
    BatchComplete,
    BatchStart,
    BatchUpdate,
    DebugInfo,
    EventData,
    EventType,
    ExecutionEventMessage,
    ExecutionUpdate,
    Message,
    NodeExecution,
)
from server.main_api import NODE_WORDS, PAUSE_WORDS, STATUS_WORDS, batch_summary
from server.views import QuestionView, question_view

__all__ = ["batch_update", "changes_batch", "changes_execution", "execution_update", "messages_of"]

_ENDS: Final = {
    ExecutionStatus.FAILED: "Execution failed",
    ExecutionStatus.STOPPED: "Execution stopped by user",
    ExecutionStatus.INTERRUPTED: "The runner ended during this execution",
}
"""What an execution that did not complete says when it has no error of its own."""

_BREAKPOINT_AT: Final = {
    PauseAt.PRE: "pre",
    PauseAt.ACTION: "pre",
    PauseAt.POST: "post",
    PauseAt.ERROR: "post",
}

_CHANGES_STATUS: Final = (ExecutionStarted, ExecutionRetried, ExecutionEnded)


def changes_execution(event: Event) -> bool:
    """Whether an `execution-update` follows on the event."""
    return isinstance(event, (*_CHANGES_STATUS, NodeStarted, *HELD))


def changes_batch(event: Event) -> bool:
    """Whether a `batch-update` follows on the event."""
    return isinstance(event, (*_CHANGES_STATUS, BatchStarted, BatchEnded))


def messages_of(event: Event, state: BatchState, output: Path) -> tuple[Message, ...]:
    """What an event says, in order; empty for events that have no message.

    Args:
        event: A numbered event.
        state: The batch after the event.
        output: The output folder, below which screenshots lie.
    """
    if isinstance(event, BatchStarted | BatchEnded):
        return () if state.single else (_of_batch(event, state),)
    if isinstance(event, NodeStarted | NodeEnded):
        return (_node_execution(event), _node_event(event, state, output))
    return _of_execution(event, state)


def execution_update(
    state: BatchState, execution: ExecutionState, seq: int, timestamp: int
) -> ExecutionUpdate:
    """The present status of an execution (api.md, section 2.1)."""
    error = execution.error if execution.status is not ExecutionStatus.COMPLETED else None
    pause = execution.pause
    return ExecutionUpdate(
        execution_id=execution.execution_id,
        batch_id=state.batch_id,
        workflow_file_name=execution.member.workflow_file_name,
        status=cast("Any", STATUS_WORDS[execution.status]),
        current_node_id=execution.current_node_id or (error.node_id if error is not None else None),
        paused_node_id=pause.node_id if pause is not None else None,
        pause_reason=cast("Any", PAUSE_WORDS[pause.reason] if pause is not None else None),
        error=error.message if error is not None else None,
        question=question_view(execution.question),
        attempt=execution.attempts,
        seq=seq,
        timestamp=timestamp,
    )


def batch_update(state: BatchState, seq: int, timestamp: int) -> BatchUpdate:
    """The present status of a batch (api.md, section 2.4)."""
    return BatchUpdate(**dict(batch_summary(state)), seq=seq, timestamp=timestamp)


def _of_batch(event: BatchStarted | BatchEnded, state: BatchState) -> Message:
    summary = batch_summary(state)
    if isinstance(event, BatchStarted):
        start = BatchStart(
            batch_id=event.batch_id,
            total_workflows=summary.total_workflows,
            seq=event.seq,
            timestamp=event.timestamp,
        )
        return Message(BATCH_START, start)
    complete = BatchComplete(
        batch_id=event.batch_id,
        status=cast("Any", summary.status),
        total_workflows=summary.total_workflows,
        completed=summary.completed,
        failed=summary.failed,
        stopped=summary.stopped,
        seq=event.seq,
        timestamp=event.timestamp,
    )
    return Message(BATCH_COMPLETE, complete)


def _node_execution(event: NodeStarted | NodeEnded) -> Message:
    place: dict[str, Any] = {
        "execution_id": event.execution_id,
        "batch_id": event.batch_id,
        "node_id": event.node_id,
        "node_type": event.node_type,
        "node_label": event.node_label,
        "iteration": event.iteration,
        "parent_loop_node_id": event.parent_loop_node_id,
        "attempt": event.attempt,
        "seq": event.seq,
        "timestamp": event.timestamp,
    }
    if isinstance(event, NodeStarted):
        return Message(NODE_EXECUTION, NodeExecution(**place, status="running"))
    failed = event.status is NodeStatus.FAILED
    body = NodeExecution(
        **place,
        status=cast("Any", NODE_WORDS[event.status]),
        duration_ms=event.duration_ms,
        message=event.message if not failed else None,
        error=_failure(event) if failed else None,
        fail_silently=event.fail_silently,
    )
    return Message(NODE_EXECUTION, body)


def _node_event(event: NodeStarted | NodeEnded, state: BatchState, output: Path) -> Message:
    place: dict[str, Any] = {
        "node_id": event.node_id,
        "iteration": event.iteration,
        "parent_loop_node_id": event.parent_loop_node_id,
    }
    if isinstance(event, NodeStarted):
        return _event(event, state, "node_start", **place)
    if event.status is not NodeStatus.FAILED:
        return _event(event, state, "node_complete", **place, message=event.message)
    return _event(
        event,
        state,
        "node_error",
        **place,
        message=_failure(event),
        fail_silently=event.fail_silently,
        trace_logs=_trace(event, state),
        debug_info=_debug_info(event, output),
    )


def _of_execution(event: ExecutionEvent, state: BatchState) -> tuple[Message, ...]:
    found: tuple[Message, ...] = ()
    match event:
        case ExecutionStarted():
            found = (_event(event, state, "execution_start"),)
        case ExecutionRetried():
            found = (_event(event, state, "execution_retry", message=event.error.message),)
        case ExecutionPaused():
            found = _of_pause(event, state)
        case ExecutionContinued():
            data = EventData(action=event.action)
            found = (_event(event, state, "execution_continued", node_id=event.node_id, data=data),)
        case ExecutionSuspended():
            facts = {name: getattr(event, name) for name in QuestionView.model_fields if name != "since"}
            data = EventData(question=QuestionView(since=event.timestamp, **facts))
            fields = {"node_id": event.node_id, "message": event.text, "data": data}
            found = (_event(event, state, "execution_suspended", **fields),)
        case ExecutionResumed():
            data = EventData(approved=event.approved, owner=event.owner)
            found = (_event(event, state, "execution_resumed", node_id=event.node_id, data=data),)
        case ExecutionEnded(status=ExecutionStatus.COMPLETED):
            found = (_event(event, state, "execution_complete"),)
        case ExecutionEnded():
            message = event.error.message if event.error is not None else _ENDS[event.status]
            found = (_event(event, state, "execution_error", message=message),)
    return found


def _of_pause(event: ExecutionPaused, state: BatchState) -> tuple[Message, ...]:
    place: dict[str, Any] = {
        "node_id": event.node_id,
        "message": event.message,
        "iteration": event.iteration,
        "parent_loop_node_id": event.parent_loop_node_id,
    }
    word = cast("Any", PAUSE_WORDS[event.reason])
    paused = _event(event, state, "execution_paused", **place, data=EventData(reason=word))
    if event.reason is PauseReason.WAIT_PAUSE:
        return (paused,)
    data = EventData(breakpoint_at=cast("Any", _BREAKPOINT_AT[event.at]))
    return (paused, _event(event, state, "breakpoint_triggered", **place, data=data))


def _event(event: ExecutionEvent, state: BatchState, kind: EventType, **fields: Any) -> Message:
    body = ExecutionEventMessage(
        execution_id=event.execution_id,
        batch_id=event.batch_id,
        source=str(state.options.get("source", "api")),
        type=kind,
        attempt=event.attempt,
        seq=event.seq,
        timestamp=event.timestamp,
        **fields,
    )
    return Message(EXECUTION_EVENT, body)


def _failure(event: NodeEnded) -> str:
    return event.error.message if event.error is not None else event.message or "The node failed"


def _trace(event: NodeEnded, state: BatchState) -> tuple[str, ...]:
    """The node's log lines; of a node in a loop, those since it last ended."""
    execution = state.executions[event.execution_id]
    ends = (node.seq for node in execution.nodes if node.node_id == event.node_id and node.seq < event.seq)
    after = max(ends, default=0)
    return tuple(
        line.message
        for line in execution.log
        if line.node_id == event.node_id and line.attempt == event.attempt and line.seq > after
    )


def _debug_info(event: NodeEnded, output: Path) -> DebugInfo | None:
    page_url = event.error.page_url if event.error is not None else None
    if page_url is None and not event.screenshots:
        return None
    paths = {timing: str(output / path) for timing, path in event.screenshots.items()}
    return DebugInfo(page_url=page_url, similar_selectors=event.similar_selectors, screenshot_paths=paths)
