"""What to say about a batch whose process died: which events end it as interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from batches.events import (
    BatchEnded,
    BatchStarted,
    BatchStatus,
    ErrorInfo,
    Event,
    ExecutionEnded,
    ExecutionStatus,
)
from batches.state import BatchState, ExecutionState, apply, replay

__all__ = ["INTERRUPTED", "interruption"]

INTERRUPTED: Final = "INTERRUPTED"
"""Code of the error of everything that a died runner left unfinished."""


def interruption(journal: Sequence[Event], first_seq: int) -> list[Event]:
    """The events that end what the journal leaves open; none if it is over.

    They carry the time of the journal's last event, the runner's last sign of life: the time of this call may
    be days later and would spoil every duration.

    Args:
        journal: All events of one batch.
        first_seq: The number of the first event to make.
    """
    state = replay(list(journal))
    if state is None:
        return []
    timestamp = max(event.timestamp for event in journal)
    numbers = {
        event.execution_id: event.number
        for event in journal
        if not isinstance(event, BatchStarted | BatchEnded)
    }
    ends: list[Event] = []
    for execution in state.executions.values():
        if not execution.status.is_final:
            number = numbers.get(execution.execution_id, 0) + 1
            ends.append(_end(state, execution, number, first_seq + len(ends), timestamp))
    for end in ends:
        apply(state, end)
    if state.status is BatchStatus.RUNNING:
        ends.append(_batch_end(state, len(ends), first_seq + len(ends), timestamp))
    return ends


def _end(
    state: BatchState, execution: ExecutionState, number: int, seq: int, timestamp: int
) -> ExecutionEnded:
    when = "while this was running"
    if execution.attempts == 0:
        when = "before this was started"
    elif execution.status is ExecutionStatus.QUEUED:
        when = "while this waited for another attempt"
    return ExecutionEnded(
        batch_id=state.batch_id,
        execution_id=execution.execution_id,
        attempt=max(1, execution.attempts),
        number=number,
        seq=seq,
        timestamp=timestamp,
        status=ExecutionStatus.INTERRUPTED,
        error=ErrorInfo(
            code=INTERRUPTED,
            message=f"The runner died {when}",
            node_id=execution.current_node_id,
            node_label=execution.current_node_label,
        ),
    )


def _batch_end(state: BatchState, interrupted: int, seq: int, timestamp: int) -> BatchEnded:
    error = None
    if interrupted:
        message = f"The runner died; {interrupted} of {len(state.executions)} executions were not finished"
        error = ErrorInfo(code=INTERRUPTED, message=message)
    return BatchEnded(
        batch_id=state.batch_id, seq=seq, timestamp=timestamp, status=state.outcome(), error=error
    )
