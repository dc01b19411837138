"""The json report (reports.md, section 5): ``json/report.json``. Times are epoch ms, durations ms."""

from __future__ import annotations

from pathlib import Path

from pydantic_core import to_json

from batches.encoding import plain
from batches.reports.config import ReportType
from batches.reports.marker import REPORT_FILES
from batches.reports.model import Report, ReportEntry

__all__ = ["render_json"]


def render_json(report: Report, folder: Path) -> None:
    """Write the report.

    Raises:
        OSError: It cannot be written.
    """
    document = {
        "executionId": report.execution_id,
        "workflowName": report.workflow_name,
        "startTime": report.started_at,
        "endTime": report.ended_at,
        "status": report.status,
        **_given(error=report.error),
        "duration": report.duration,
        "nodes": [_node(entry) for entry in report.entries],
    }
    content = to_json(plain(document), indent=2, inf_nan_mode="null")
    (folder / REPORT_FILES[ReportType.JSON]).write_bytes(content)


def _node(entry: ReportEntry) -> dict[str, object]:
    return {
        "nodeId": entry.node_id,
        "nodeType": entry.node_type,
        **_given(nodeLabel=entry.label),
        "startTime": entry.started_at,
        **_given(endTime=entry.ended_at),
        "duration": entry.duration,
        "status": entry.status.value,
        **_given(
            error=entry.error,
            screenshotPaths=entry.screenshots or None,
            accessibilitySnapshotPaths=entry.snapshots or None,
        ),
    }


def _given(**members: object) -> dict[str, object]:
    """Only the members that have a value: the format omits the others."""
    return {name: value for name, value in members.items() if value is not None}
