"""What a server's log says about runs: one line for each batch and execution that begins or ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from batches.eventlog import EventLog
from batches.events import BatchEnded, BatchStarted, Event, ExecutionEnded, ExecutionRetried, ExecutionStatus
from batches.state import BatchState

__all__ = ["logging_runs"]

logger = logging.getLogger("batchwright.runs")


@contextmanager
def logging_runs(log: EventLog) -> Iterator[None]:
    """Log the beginnings and ends of batches and executions during the block."""
    unlisten = log.listen(_on_event)
    try:
        yield
    finally:
        unlisten()


def _on_event(event: Event, state: BatchState) -> None:
    match event:
        case BatchStarted():
            extra = {
                "batchId": event.batch_id,
                "workflows": len(event.members),
                "invalid": len(event.invalid),
            }
            logger.info(
                "%s accepted: %d workflows, %d invalid",
                event.batch_id,
                len(event.members),
                len(event.invalid),
                extra=extra,
            )
        case BatchEnded():
            counts = state.counts
            logger.info(
                "%s %s: %d completed, %d failed, %d stopped, %d interrupted",
                event.batch_id,
                event.status.value,
                counts.completed,
                counts.failed,
                counts.stopped,
                counts.interrupted,
                extra={"batchId": event.batch_id, "status": event.status.value},
            )
        case ExecutionEnded():
            _log_end(event, state)
        case ExecutionRetried():
            logger.info(
                "%s tries again (%s): %s",
                event.execution_id,
                event.reason.value,
                event.error.message,
                extra=_of(event) | {"attempt": event.attempt, "errorCode": event.error.code},
            )
        case _:
            return


def _log_end(event: ExecutionEnded, state: BatchState) -> None:
    execution = state.executions[event.execution_id]
    extra = _of(event) | {
        "status": event.status.value,
        "workflow": execution.member.workflow_path,
        "durationMs": execution.duration_ms,
        "errorCode": event.error.code if event.error else None,
    }
    failed = event.status is ExecutionStatus.FAILED
    reason = f": {event.error.message}" if event.error and failed else ""
    logger.log(
        logging.WARNING if failed else logging.INFO,
        "%s %s%s",
        execution.member.workflow_path,
        event.status.value,
        reason,
        extra=extra,
    )


def _of(event: ExecutionEnded | ExecutionRetried) -> dict[str, object]:
    return {"executionId": event.execution_id, "batchId": event.batch_id}
