"""What the dashboard gets as a snapshot: batches, executions and one execution whole, as plain JSON.

The spelling is that of the events, so that the page's reducers go on where a snapshot ends.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from batches.state import BatchState, ExecutionState

__all__ = ["batch_snapshot", "execution_snapshot", "summary"]


def summary(state: BatchState) -> dict[str, Any]:
    """A batch without its executions."""
    counts = asdict(state.counts)
    counts["notRun"] = counts.pop("not_run")
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
        "counts": counts,
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


def _row(execution: ExecutionState) -> dict[str, Any]:
    member = execution.member
    return {
        "executionId": member.execution_id,
        "alias": member.alias,
        "workflowFileName": member.workflow_file_name,
        "workflowPath": member.workflow_path,
        "source": member.source,
        "status": execution.status,
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
        "notRun": execution.not_run,
    }
