"""What someone asks for: a batch of workflows and how to run them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from batches.breakpoints import DebugOptions
from batches.events import InvalidWorkflow
from batches.reports.config import ReportConfig
from batches.spec import ExecutionOptions

__all__ = ["FIFO", "LONGEST_FIRST", "SOURCES", "BatchRequest", "WorkItem"]

FIFO: Final = "fifo"
LONGEST_FIRST: Final = "longest-first"

SOURCES: Final = ("frontend", "api", "mcp")
"""Who may ask for a run (api.md, section 1.1)."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One workflow to run.

    Attributes:
        file_name: The file's name, for people.
        path: Relative to the scanned folder, or the file name.
        document: The structurally valid document.
        source: Absolute path of the file, if there is one.
    """

    file_name: str
    path: str
    document: Mapping[str, object] = field(repr=False)
    source: str | None = None

    @property
    def key(self) -> str:
        """How history recognises the workflow: its file, else its path."""
        return self.source or self.path

    def opened_browsers(self) -> Iterator[Mapping[str, object]]:
        """The properties of each node that opens a browser; what is no node or has no properties is passed by."""
        nodes = self.document.get("nodes")
        for node in nodes if isinstance(nodes, list) else ():
            if not isinstance(node, Mapping) or node.get("type") != "openBrowser":
                continue
            data = node.get("data") or {}
            if isinstance(data, Mapping) and data.get("bypass") is not True:
                yield data


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch to run.

    Attributes:
        items: What to run, in input order.
        invalid: Files that are not run, with their faults.
        source_type: ``folder``, ``files`` or ``workflows``.
        folder_path: The folder as it was given.
        workers: How many of this batch may run at once.
        options: How each execution runs.
        retries: How often a failed execution is tried again.
        max_failures: After so many failed executions the waiting ones are not run.
        order: ``fifo`` or ``longest-first`` (by what history knows).
        priority: Higher goes first.
        single: A batch of one around a single run.
        debug: Where its executions pause; None means nowhere but at wait nodes with `pause`.
        tags: Words to find the batch by.
        source: Who asks: one of `SOURCES`; events echo it.
        report: Which reports to write at the end of each execution; None for none.
        output_path: Where reports go if ``report`` does not say; relative to the root.
        rerun_of: The batch that this one runs again, wholly or in part.
    """

    items: tuple[WorkItem, ...]
    invalid: tuple[InvalidWorkflow, ...] = ()
    source_type: str = "folder"
    folder_path: str | None = None
    workers: int = 2
    options: ExecutionOptions = field(default_factory=ExecutionOptions)
    retries: int = 0
    max_failures: int | None = None
    order: str = FIFO
    priority: int = 0
    single: bool = False
    debug: DebugOptions | None = None
    tags: tuple[str, ...] = ()
    source: str = "api"
    report: ReportConfig | None = None
    output_path: str | None = None
    rerun_of: str | None = None
