"""Which workflows a run takes: what the paths hold, or what failed last time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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


async def select(
    selection: Selection, *, only: Mapping[str, str] | None = None, exclude: Sequence[Path] = ()
) -> Scan:
    """Read the selected workflows.

    Args:
        selection: What to look at; without paths, the files in ``only`` themselves.
        only: What to keep, by absolute path, with the names that an earlier run gave; None keeps all.
        exclude: Files and folders to leave out, such as the output folder.

    Raises:
        SourceError: A path is missing or not readable.
    """
    return await asyncio.to_thread(_select, selection, only, exclude)


def _select(selection: Selection, only: Mapping[str, str] | None, exclude: Sequence[Path]) -> Scan:
    paths = list(selection.paths)
    remembered = not paths and only is not None
    if remembered:
        paths = [Path(source) for source in only or () if Path(source).is_file()]
    found = scan(
        paths,
        recursive=selection.recursive,
        pattern=selection.pattern,
        grep=selection.grep,
        exclude=exclude,
    )
    if only is None:
        return found
    names = only if remembered else {}
    return Scan(
        tuple(
            replace(item, path=names.get(item.source, item.path))
            for item in found.items
            if item.source is not None and item.source in only
        ),
        tuple(
            item.model_copy(update={"file_name": names.get(item.source, item.file_name)})
            for item in found.invalid
            if item.source is not None and item.source in only
        ),
    )


async def failed_sources(store: Store) -> dict[str, str]:
    """The files of the newest batch that did not pass: failed, not run, stopped, interrupted, invalid.

    Returns:
        The names that the batch gave them, by absolute path.

    Raises:
        SourceError: There is no batch yet.
    """
    rows = await store.rows(limit=1)
    if not rows:
        raise SourceError("--last-failed: there is no earlier run in this output folder", field="last-failed")
    return _not_passed(await store.load(rows[0].batch_id))


def _not_passed(state: BatchState) -> dict[str, str]:
    members = (
        (item.member.source, item.member.workflow_path)
        for item in state.executions.values()
        if item.status is not ExecutionStatus.COMPLETED
    )
    invalid = ((item.source, item.file_name) for item in state.invalid)
    return {source: name for source, name in (*members, *invalid) if source}
