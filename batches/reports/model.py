"""What a report says about an execution, whatever it looks like (reports.md, section 4).

Times are epoch ms, durations ms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from batches.events import ErrorInfo, ExecutionStatus, NodeEnded, NodeStatus
from batches.state import ExecutionState

__all__ = ["EntryStatus", "Report", "ReportEntry", "report_name", "report_of"]


class EntryStatus(StrEnum):
    """How a node fared, in the words of reports."""

    COMPLETED = "completed"
    ERROR = "error"
    BYPASSED = "bypassed"
    RUNNING = "running"
    """Unfinished: the execution was stopped in its middle."""


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """One node; of loop children, one iteration. Files are absolute paths by timing."""

    node_id: str
    node_type: str
    label: str | None
    name: str
    """The label, else the type in words."""
    status: EntryStatus
    started_at: int
    ended_at: int | None
    error: str | None
    screenshots: Mapping[str, str]
    snapshots: Mapping[str, str]
    iteration: int | None = None
    parent_loop_node_id: str | None = None

    @property
    def duration(self) -> int | None:
        """From start to end; None if it did not end."""
        return None if self.ended_at is None else self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class Report:
    """One execution."""

    execution_id: str
    workflow_name: str
    status: str
    """``completed``, ``error`` or ``stopped``."""
    started_at: int
    ended_at: int
    error: str | None
    entries: tuple[ReportEntry, ...]
    videos: tuple[str, ...] = ()

    @property
    def duration(self) -> int:
        """From start to end."""
        return self.ended_at - self.started_at

    def count(self, status: EntryStatus) -> int:
        """How many nodes fared so."""
        return sum(entry.status is status for entry in self.entries)


_WORDS: Final[Mapping[ExecutionStatus, str]] = {
    ExecutionStatus.COMPLETED: "completed",
    ExecutionStatus.FAILED: "error",
}
_ENTRY_WORDS: Final[Mapping[NodeStatus, EntryStatus]] = {
    NodeStatus.COMPLETED: EntryStatus.COMPLETED,
    NodeStatus.FAILED: EntryStatus.ERROR,
    NodeStatus.SKIPPED: EntryStatus.BYPASSED,
    NodeStatus.BYPASSED: EntryStatus.BYPASSED,
}
_ACRONYMS: Final = {"Api": "API", "Curl": "cURL", "Csv": "CSV", "Db": "DB", "Json": "JSON", "Url": "URL"}


def report_name(file_name: str, workflow: Mapping[str, object]) -> str:
    """The name of a workflow in folder names and reports (reports.md, section 2)."""
    name = re.sub(r"\.json$", "", file_name, flags=re.IGNORECASE) or _start_label(workflow) or "workflow"
    return re.sub(r"[^A-Za-z0-9_-]", "-", name).lower()


def report_of(
    execution: ExecutionState,
    workflow: Mapping[str, object],
    *,
    status: ExecutionStatus,
    error: ErrorInfo | None,
    ended_at: int,
    locate: Callable[[str], str],
    videos: tuple[str, ...] = (),
) -> Report:
    """The report of an execution that ends now.

    Args:
        execution: The execution just before its end.
        workflow: Its document.
        status: How it ends.
        error: Why it failed or was stopped.
        ended_at: When.
        locate: Where a file is that an event names relative to the output folder.
        videos: The videos, as the event names them.
    """
    nodes = _nodes_of(workflow)
    entries = [_entry(node, locate) for node in execution.nodes if node.is_test]
    entries += _unfinished(execution, nodes)
    return Report(
        execution_id=execution.execution_id,
        workflow_name=report_name(execution.member.workflow_file_name, workflow),
        status=_WORDS.get(status, "stopped"),
        started_at=execution.started_at or ended_at,
        ended_at=ended_at,
        error=error.message if error is not None else None,
        entries=tuple(entries),
        videos=tuple(map(locate, videos)),
    )


def _entry(node: NodeEnded, locate: Callable[[str], str]) -> ReportEntry:
    return ReportEntry(
        node_id=node.node_id,
        node_type=node.node_type,
        label=node.node_label,
        name=node.node_label or _type_in_words(node.node_type),
        status=_ENTRY_WORDS.get(node.status, EntryStatus.RUNNING),
        started_at=node.timestamp - round(node.duration_ms),
        ended_at=node.timestamp,
        error=node.error.message if node.error is not None else None,
        screenshots={timing: locate(path) for timing, path in node.screenshots.items()},
        snapshots={timing: locate(path) for timing, path in node.snapshots.items()},
        iteration=node.iteration,
        parent_loop_node_id=node.parent_loop_node_id,
    )


def _unfinished(
    execution: ExecutionState, nodes: Mapping[str, Mapping[str, object]]
) -> Iterator[ReportEntry]:
    """The node in whose middle the execution ended, if it has no result."""
    node_id, started_at = execution.current_node_id, execution.node_started_at
    if node_id is None or started_at is None or _has_result(execution, node_id, started_at):
        return
    node = nodes.get(node_id, {})
    data = node.get("data")
    if isinstance(data, Mapping) and data.get("isTest") is False:
        return
    node_type = str(node.get("type") or "unknown")
    label = execution.current_node_label
    yield ReportEntry(
        node_id=node_id,
        node_type=node_type,
        label=label,
        name=label or _type_in_words(node_type),
        status=EntryStatus.RUNNING,
        started_at=started_at,
        ended_at=None,
        error=None,
        screenshots={},
        snapshots={},
    )


def _has_result(execution: ExecutionState, node_id: str, started_at: int) -> bool:
    """Whether the current node's last start was followed by its result."""
    return any(node.node_id == node_id and node.timestamp >= started_at for node in execution.nodes[-5:])


def _nodes_of(workflow: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    nodes = workflow.get("nodes")
    found = nodes if isinstance(nodes, list | tuple) else ()
    return {str(node.get("id")): node for node in found if isinstance(node, Mapping)}


def _start_label(workflow: Mapping[str, object]) -> str | None:
    for node in _nodes_of(workflow).values():
        data = node.get("data")
        if node.get("type") == "start" and isinstance(data, Mapping):
            return str(data.get("label") or "") or None
    return None


def _type_in_words(node_type: str) -> str:
    """The default label of a type, such as "Open Browser"; the type itself for those of plugins."""
    if "." in node_type or not node_type.isidentifier():
        return node_type
    words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", node_type)
    return " ".join(_ACRONYMS.get(word.title(), word[:1].upper() + word[1:]) for word in words)
