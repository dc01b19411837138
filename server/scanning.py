"""``GET /api/workflows/scan``: which workflows a folder holds (api.md, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from aiohttp import web
from pydantic import StringConstraints

from batches.events import Record
from batches.scan import DEFAULT_PATTERN
from server.endpoints import Routes
from server.folders import find_folder, scan_folder
from server.keys import SERVICE, SETTINGS
from server.reading import Input, Maybe, PathText

__all__ = ["add_routes"]


class ScanQuery(Input):
    """Where to look."""

    folder_path: PathText
    """Relative to the server's first root, or absolute below one of its roots."""
    recursive: bool = False
    """Look into subfolders."""
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)] = DEFAULT_PATTERN
    """Names of files: `*` and `?`, whatever the case."""


class ScannedFile(Record):
    """A file of the folder."""

    file_name: str
    file_path: str
    """Relative to the folder."""
    is_valid: bool
    validation_errors: Maybe[tuple[str, ...]] = None
    """Its faults."""
    workflow: Maybe[Mapping[str, Any]] = None
    """The document, if it is valid."""


def add_routes(app: web.Application) -> None:
    """Add the route."""
    Routes(app, tag="Execute").get("/api/workflows/scan", scan_workflows, errors=(403, 404, 413))


async def scan_workflows(request: web.Request, query: ScanQuery) -> list[ScannedFile]:
    """The workflow files of a folder, valid and invalid ones, by name."""
    service = request.app[SERVICE]
    folder = await find_folder(service, query.folder_path, title="Folder not found")
    found = await scan_folder(
        service,
        folder,
        recursive=query.recursive,
        pattern=query.pattern,
        most=request.app[SETTINGS].max_workflows,
    )
    valid = [
        ScannedFile(file_name=item.file_name, file_path=item.path, is_valid=True, workflow=item.document)
        for item in found.items
    ]
    invalid = [
        ScannedFile(
            file_name=item.file_name.rpartition("/")[2],
            file_path=item.file_name,
            is_valid=False,
            validation_errors=item.errors,
        )
        for item in found.invalid
    ]
    return sorted(valid + invalid, key=lambda row: row.file_path.casefold())
