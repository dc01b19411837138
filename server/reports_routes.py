"""Report folders: listing, reading and deleting them (api.md, section 5), and ``/reports/...`` for sites."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiohttp import web

from batches.errors import NotFoundError
from batches.events import Record
from batches.reports.shelf import ReportFile
from batches.service import Service
from server.artifacts import file_answer
from server.endpoints import Routes
from server.keys import SERVICE
from server.problems import Problem
from server.reading import Maybe

__all__ = ["add_routes"]

_PAGES: Final = frozenset({"html", "allure"})
"""Sub-folders whose files are meant to be looked at in a browser."""

_SITES: Final = frozenset({"allure"})
"""Sub-folders with pages that load further files."""

_ANY: Final = "application/octet-stream"


class ReportFileView(Record):
    """A file of a report."""

    name: str
    path: str
    """`<type>/<name>`."""
    type: str


class ReportView(Record):
    """A report folder."""

    folder_name: str
    created_at: str
    """ISO 8601."""
    report_types: tuple[str, ...]
    """Of html, allure, json, junit, csv and markdown, those that are there."""
    files: tuple[ReportFileView, ...]
    execution_id: Maybe[str] = None
    batch_id: Maybe[str] = None


class FolderFileView(ReportFileView):
    """A file of a report folder; `type` is its sub-folder, or `root`."""

    full_path: str
    """Where it lies on the server's machine."""


class Deleted(Record):
    """What was deleted."""

    success: bool
    message: str


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    routes = Routes(app, tag="Reports")
    routes.get("/api/reports/list", list_reports)
    routes.get("/api/reports/{folderName}/files", list_report_files, errors=(404,))
    routes.get(
        "/api/reports/{folderName}/{reportType}/{filename}", get_report_file, errors=(404,), produces=_ANY
    )
    routes.delete("/api/reports/{folderName}", delete_report, errors=(404,))
    routes.delete("/api/reports", delete_reports)
    routes.get("/reports/{folderName}/{path:.*}", get_report_page, errors=(404,), produces=_ANY)


async def list_reports(request: web.Request) -> list[ReportView]:
    """All report folders, newest first."""
    return [
        ReportView(
            folder_name=folder.name,
            created_at=_iso(folder.created_at),
            report_types=folder.report_types,
            files=tuple(
                ReportFileView(name=file.name, path=file.path, type=file.type) for file in folder.files
            ),
            execution_id=folder.execution_id,
            batch_id=folder.batch_id,
        )
        for folder in await request.app[SERVICE].shelf.list()
    ]


async def list_report_files(request: web.Request, folder_name: str) -> list[FolderFileView]:
    """The files of a report folder, one level deep."""
    try:
        return list(map(_file_view, await request.app[SERVICE].shelf.files(folder_name)))
    except NotFoundError as error:
        raise _no_report(folder_name, error) from error


async def get_report_file(
    request: web.Request, folder_name: str, report_type: str, filename: str
) -> web.StreamResponse:
    """One file of a report; `reportType` may be any sub-folder, such as `screenshots`."""
    try:
        path = await request.app[SERVICE].shelf.file(folder_name, report_type, filename)
    except NotFoundError as error:
        raise Problem(404, "Report file not found", error.message, code=error.code) from error
    return file_answer(path, as_page=report_type in _PAGES, trusted=report_type in _SITES)


async def delete_report(request: web.Request, folder_name: str) -> Deleted:
    """Delete one report folder."""
    try:
        await request.app[SERVICE].shelf.delete(folder_name)
    except NotFoundError as error:
        raise _no_report(folder_name, error) from error
    return Deleted(success=True, message="Report deleted")


async def delete_reports(request: web.Request) -> Deleted:
    """Delete every report folder; what else lies in the output folders stays."""
    count = await request.app[SERVICE].shelf.delete_all()
    return Deleted(success=True, message=f"{count} report(s) deleted")


async def get_report_page(request: web.Request, folder_name: str, path: str) -> web.StreamResponse:
    """Any file below a report folder, such as a page of an Allure site, a picture or a video.

    Files of executions without a report are found below `batches`, as events name them.
    """
    wanted = f"{path}index.html" if path.endswith("/") else path
    found = await _resource(request.app[SERVICE], folder_name, wanted)
    kind = path.partition("/")[0]
    return file_answer(found, as_page=kind in _PAGES, trusted=kind in _SITES)


async def _resource(service: Service, folder_name: str, path: str) -> Path:
    with contextlib.suppress(NotFoundError):
        return await service.shelf.resource(folder_name, path)
    try:
        return await service.artifact(f"{folder_name}/{path}")
    except (NotFoundError, ValueError) as error:
        raise Problem(
            404,
            "Report file not found",
            f"There is no file {path!r} in report {folder_name!r}",
            code="NOT_FOUND",
        ) from error


def _file_view(file: ReportFile) -> FolderFileView:
    return FolderFileView(name=file.name, path=file.path, type=file.type, full_path=str(file.full_path))


def _no_report(name: str, error: NotFoundError) -> Problem:
    return Problem(
        404, "Report not found", f"There is no report {name!r}", code=error.code, field="folderName"
    )


def _iso(epoch_ms: int) -> str:
    return (
        datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
