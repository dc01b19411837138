"""What the dashboard gets as a snapshot: batches, executions and one execution whole, as plain JSON.

The spelling is that of the events, so that the page's reducers go on where a snapshot ends. Of a row what is
nothing yet (null, 0, false) is left out: 5,000 queued executions shall be small.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic.alias_generators import to_camel

from batches.batch_row import BatchRow
from batches.queue import Queue
from batches.state import BatchState, ExecutionState

__all__ = ["batch_snapshot", "execution_snapshot", "list_row", "queue_view", "summary"]

_COUNTERS = (
    "queued",
    "running",
    "paused",
    "suspended",
    "completed",
    "failed",
    "stopped",
    "interrupted",
    "flaky",
    "not_run",
)


def summary(state: BatchState) -> dict[str, Any]:
    """A batch without its executions."""
    return {
        "batchId": state.batch_id,
        "status": state.status,
        "sourceType": state.source_type,
        "folderPath": state.folder_path,
        "workers": state.workers,
        "single": state.single,
        "startedAt": state.started_at,
        "endedAt": state.ended_at,
        "options": state.options,
        "invalid": state.invalid,
        "error": state.error,
        "counts": _camel(asdict(state.counts)),
    }


def batch_snapshot(state: BatchState) -> dict[str, Any]:
    """A batch with a row for each of its executions, in input order."""
    return {**summary(state), "executions": [_row(execution) for execution in state.executions.values()]}


def execution_snapshot(state: BatchState, execution: ExecutionState) -> dict[str, Any]:
    """One execution with its node results, log and final variables, and its batch in short."""
    return {
        **_row(execution),
        "batch": summary(state),
        "nodes": execution.nodes,
        "log": execution.log,
        "data": execution.data,
        "variables": execution.variables,
        "videos": execution.videos,
    }


def list_row(row: BatchRow) -> dict[str, Any]:
    """A batch as lists show it; the page makes the same from a batch that it has."""
    counts = {name: getattr(row, name) for name in _COUNTERS}
    return {
        "batchId": row.batch_id,
        "status": row.status,
        "sourceType": row.source_type,
        "folderPath": row.folder_path,
        "workers": row.workers,
        "single": row.single,
        "startedAt": row.started_at,
        "endedAt": row.ended_at,
        "invalid": row.invalid,
        "counts": {**_camel(counts), "total": row.members},
        "tags": row.tags,
        "rerunOf": row.rerun_of,
        "names": row.names,
        "executionId": row.batch_id.replace("batch-", "exec-", 1) if row.single else None,
    }


def queue_view(queue: Queue) -> dict[str, Any]:
    """Slots, what waits, and each batch's part in it."""
    return {
        "slots": queue.slots,
        "inUse": queue.in_use,
        "waiting": queue.waiting,
        "parked": queue.parked,
        "lanes": [_camel(asdict(lane)) for lane in queue.lanes],
    }


def _row(execution: ExecutionState) -> dict[str, Any]:
    member = execution.member
    row = {
        "source": member.source,
        "attempts": execution.attempts,
        "failures": execution.failures,
        "startedAt": execution.started_at,
        "endedAt": execution.ended_at,
        "currentNodeId": execution.current_node_id,
        "currentNodeLabel": execution.current_node_label,
        "nodeStartedAt": execution.node_started_at,
        "nodesSeen": execution.nodes_seen,
        "error": execution.error,
        "pause": execution.pause,
        "question": execution.question,
        "notRun": execution.not_run,
    }
    return {
        "executionId": member.execution_id,
        "alias": member.alias,
        "workflowFileName": member.workflow_file_name,
        "workflowPath": member.workflow_path,
        "status": execution.status,
        **{name: value for name, value in row.items() if value},
    }


def _camel(values: dict[str, Any]) -> dict[str, Any]:
    return {to_camel(name): value for name, value in values.items()}
