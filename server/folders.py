"""Folders of workflows that a request names: confined, read off the event loop, limited in number."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from batches.errors import SourceError
from batches.events import InvalidWorkflow
from batches.scan import Scan, scan
from batches.service import Service
from server.problems import Problem

__all__ = ["find_folder", "scan_folder", "too_many"]

_OUTSIDE: Final = "is a link that leads outside the allowed folders"


async def find_folder(service: Service, given: str, *, title: str, field: str = "folderPath") -> Path:
    """The folder that a request names.

    Args:
        service: Knows the roots.
        given: Relative to the first root, or absolute.
        title: The answer's ``error``.
        field: Where the path came from.

    Raises:
        ConfinementError: It lies outside the roots.
        Problem: There is no such folder (404).
    """
    folder = await asyncio.to_thread(service.confine, given, field=field)
    fault = await asyncio.to_thread(_fault, folder)
    if fault is not None:
        raise Problem(404, title, f"Folder {given!r} {fault}", code="FOLDER_NOT_FOUND", field=field)
    return folder


async def scan_folder(service: Service, folder: Path, *, recursive: bool, pattern: str, most: int) -> Scan:
    """Read the workflows of a folder; files that links lead to outside the roots count as invalid.

    Raises:
        Problem: There are more than ``most`` files (413), or a folder cannot be read (400).
    """
    return await asyncio.to_thread(_scan, service, folder, recursive, pattern, most)


def too_many(count: int, most: int, field: str) -> Problem:
    """The refusal of a request with more workflows than the server takes."""
    return Problem(
        413,
        "Too many workflows",
        f"{count} workflows are more than the {most} that this server takes at once",
        code="TOO_MANY_WORKFLOWS",
        field=field,
    )


def _scan(service: Service, folder: Path, recursive: bool, pattern: str, most: int) -> Scan:  # noqa: FBT001 - to_thread passes no names
    try:
        found = scan([folder], recursive=recursive, pattern=pattern, exclude=[service.output])
    except SourceError as error:
        raise Problem(
            400, "Folder not readable", "A folder cannot be read", code=error.code, field="folderPath"
        ) from error
    if found.total > most:
        raise too_many(found.total, most, "folderPath")
    roots = tuple(root.resolve() for root in service.roots)
    inside = tuple(item for item in found.items if _is_inside(item.source, roots))
    invalid = tuple(
        item if _is_inside(item.source, roots) else _outside(item.file_name) for item in found.invalid
    )
    outside = tuple(_outside(item.path) for item in found.items if not _is_inside(item.source, roots))
    return Scan(inside, invalid + outside)


def _fault(folder: Path) -> str | None:
    """Why this is no folder, or None if it is one."""
    try:
        if folder.is_dir():
            return None
        return "is not a folder" if folder.exists() else "does not exist"
    except OSError as error:
        return f"cannot be used: {error.strerror}"


def _is_inside(source: str | None, roots: tuple[Path, ...]) -> bool:
    return source is None or any(Path(source).is_relative_to(root) for root in roots)


def _outside(name: str) -> InvalidWorkflow:
    return InvalidWorkflow(file_name=name, errors=(_OUTSIDE,))
