"""Finding workflow files: folders, single files, patterns; sorting out what cannot be run.

Source: workflow-format.md, section 5.1, and api.md, section 1.1 (``recursive``, ``pattern``).
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from batches.errors import SourceError
from batches.events import InvalidWorkflow
from batches.request import WorkItem
from nodes.document import read_document, structural_problems
from nodes.errors import WorkflowUnreadableError

__all__ = ["DEFAULT_PATTERN", "Scan", "find_files", "scan"]

DEFAULT_PATTERN: Final = "*.json"


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found: workflows that can be run, and files that cannot, with their faults."""

    items: tuple[WorkItem, ...]
    invalid: tuple[InvalidWorkflow, ...]

    @property
    def total(self) -> int:
        """All files."""
        return len(self.items) + len(self.invalid)


@dataclass(frozen=True, slots=True)
class _Found:
    file: Path
    path: str


def scan(
    paths: Sequence[Path],
    *,
    recursive: bool = False,
    pattern: str = DEFAULT_PATTERN,
    grep: str | None = None,
    exclude: Sequence[Path] = (),
) -> Scan:
    """Read the workflows of folders and files.

    Args:
        paths: Folders or files; a file counts whatever its name.
        recursive: Look into subfolders.
        pattern: File names to take in folders; ``*`` and ``?``, whatever the case.
        grep: Regular expression; only files whose relative path, workflow name or tag contains a match.
        exclude: Files and subfolders to leave out, such as the output folder; what ``paths`` names counts.

    Raises:
        SourceError: A path is missing or not readable, or ``grep`` is no regular expression.
    """
    wanted = _compiled(grep)
    items, invalid = [], []
    for found in find_files(paths, recursive=recursive, pattern=pattern, exclude=exclude):
        result = _read(found)
        if wanted is not None and not _matches(wanted, found, result):
            continue
        if isinstance(result, WorkItem):
            items.append(result)
        else:
            invalid.append(result)
    return Scan(tuple(items), tuple(invalid))


def find_files(
    paths: Sequence[Path], *, recursive: bool, pattern: str, exclude: Sequence[Path] = ()
) -> list[_Found]:
    """The files that a scan looks at: in the order of ``paths``, folders sorted by name, none twice.

    With several folders, relative paths begin with the folder's name; where that is not enough to tell two
    files apart, they are shown as they were given.

    Raises:
        SourceError: A path is missing or not readable.
    """
    left_out = frozenset(path.resolve() for path in exclude)
    matcher = re.compile(fnmatch.translate(pattern), re.IGNORECASE)
    by_file: dict[Path, _Found] = {}
    for path in paths:
        prefix = f"{path.resolve().name}/" if len(paths) > 1 and path.is_dir() else ""
        for found in _below(path, _files(path, matcher, left_out, recursive=recursive), prefix):
            by_file.setdefault(found.file.resolve(), found)
    names = Counter(found.path for found in by_file.values())
    return [
        found if names[found.path] == 1 else _Found(found.file, found.file.as_posix())
        for found in by_file.values()
    ]


def _below(path: Path, files: Iterator[Path], prefix: str) -> Iterable[_Found]:
    if path.is_file():
        return [_Found(path, path.name)]
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder", field="path")
    if not path.is_dir():
        raise SourceError(f"{path}: neither a file nor a folder", field="path")
    found = [_Found(file, prefix + file.relative_to(path).as_posix()) for file in files]
    return sorted(found, key=lambda item: _natural(item.path))


def _files(
    folder: Path, matcher: re.Pattern[str], left_out: frozenset[Path], *, recursive: bool
) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise SourceError(f"{error.filename}: cannot be read: {error.strerror}", field="path") from error

    def wanted(file: Path) -> bool:
        return bool(matcher.match(file.name)) and file.is_file() and file.resolve() not in left_out

    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and (Path(root) / name).resolve() not in left_out
        )
        yield from (file for name in files if wanted(file := Path(root) / name))


def _read(found: _Found) -> WorkItem | InvalidWorkflow:
    source = str(found.file.resolve())
    try:
        document = read_document(found.file)
        problems = structural_problems(document)
    except WorkflowUnreadableError as error:
        problems = [error.message]
        document = None
    if problems:
        return InvalidWorkflow(file_name=found.path, errors=tuple(problems), source=source)
    return WorkItem(found.file.name, found.path, cast("dict[str, object]", document), source)


def _matches(wanted: re.Pattern[str], found: _Found, result: WorkItem | InvalidWorkflow) -> bool:
    texts = [found.path]
    if isinstance(result, WorkItem):
        metadata = result.document.get("metadata")
        if isinstance(metadata, dict):
            tags = metadata.get("tags")
            texts += [str(metadata.get("name") or ""), *map(str, tags if isinstance(tags, list) else ())]
    return any(wanted.search(text) for text in texts)


def _compiled(grep: str | None) -> re.Pattern[str] | None:
    if grep is None:
        return None
    try:
        return re.compile(grep)
    except re.error as error:
        raise SourceError(f"--grep is not a regular expression: {error}", field="grep") from error


def _natural(path: str) -> list[tuple[int, int, str]]:
    """Sort key by which ``2.json`` comes before ``10.json``."""
    parts = re.split(r"(\d+)", path.casefold())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
