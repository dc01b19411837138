"""Which workflows a run takes: what the paths hold, or what failed last time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from batches.errors import SourceError
from batches.events import ExecutionStatus
from batches.scan import Scan, scan
from batches.state import BatchState
from batches.store import Store

__all__ = ["Selection", "failed_sources", "select"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What to look at.

    Attributes:
        paths: Folders and files.
        recursive: Look into subfolders.
        pattern: File names to take in folders.
        grep: Regular expression on relative paths and workflow names.
    """

    paths: tuple[Path, ...]
    recursive: bool = False
    pattern: str = "*.json"
    grep: str | None = None


async def select(selection: Selection, *, only: Sequence[str] | None = None) -> Scan:
    """Read the selected workflows.

    Args:
        selection: What to look at; without paths, the files in ``only`` themselves.
        only: Absolute paths to keep; None keeps all.

    Raises:
        SourceError: A path is missing or not readable.
    """
    paths = list(selection.paths)
    if not paths and only is not None:
        paths = [Path(source) for source in only if Path(source).is_file()]
    found = await asyncio.to_thread(
        scan, paths, recursive=selection.recursive, pattern=selection.pattern, grep=selection.grep
    )
    if only is None:
        return found
    kept = set(only)
    return Scan(
        tuple(item for item in found.items if item.source in kept),
        tuple(item for item in found.invalid if item.source in kept),
    )


async def failed_sources(store: Store) -> list[str]:
    """The files of the newest batch that did not pass: failed, not run, stopped, interrupted, invalid.

    Raises:
        SourceError: There is no batch yet.
    """
    rows = await store.rows(limit=1)
    if not rows:
        raise SourceError("--last-failed: there is no earlier run in this output folder", field="last-failed")
    return _not_passed(await store.load(rows[0].batch_id))


def _not_passed(state: BatchState) -> list[str]:
    members = (
        item.member.source
        for item in state.executions.values()
        if item.status is not ExecutionStatus.COMPLETED
    )
    return [source for source in (*members, *(item.source for item in state.invalid)) if source]
