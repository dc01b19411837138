"""Files that runs left: screenshots, videos, downloads, reports; from under the output folder only.

What a page or a workflow produced is not trusted: a browser shows only kinds that cannot do anything, and runs
reports without the rights of this server's pages.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from batches.errors import NotFoundError
from server.endpoints import Routes
from server.keys import SERVICE
from server.problems import Problem
from server.views import ARTIFACTS

__all__ = ["add_routes", "file_answer"]

_SHOWN: Final = frozenset(
    {
        "application/json",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/csv",
        "text/markdown",
        "text/plain",
        "video/mp4",
        "video/webm",
    }
)
"""Kinds that a browser may show; the others are saved."""

_TYPES: Final = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".png": "image/png",
    ".txt": "text/plain",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xml": "application/xml",
}
"""Wherever the machine's own table says something else."""

_TEXT: Final = ("text/", "application/json", "application/xml")

_BYTES: Final = "application/octet-stream"

_SANDBOX: Final = "sandbox allow-scripts allow-popups"


def add_routes(app: web.Application) -> None:
    """Add the route."""
    routes = Routes(app, tag="Artifacts")
    routes.get(ARTIFACTS + "{path:.+}", get_artifact, errors=(404,), produces=_BYTES)


async def get_artifact(request: web.Request, path: str) -> web.StreamResponse:
    """A file of an execution, as `result` and the events name it."""
    try:
        file = await request.app[SERVICE].artifact(path)
    except (NotFoundError, ValueError) as error:
        raise Problem(
            404, "Artifact not found", f"There is no artifact {path!r}", code="NOT_FOUND"
        ) from error
    return file_answer(file)


def file_answer(file: Path, *, as_page: bool = False, trusted: bool = False) -> web.FileResponse:
    """A file with its content type and disposition.

    Args:
        file: An existing file.
        as_page: Show it even if it is a page or a script, such as a report.
        trusted: Let it load from this server as its own pages do, which a generated site needs.
    """
    kind = _TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0] or _BYTES
    disposition = "inline" if as_page or kind in _SHOWN else "attachment"
    name = quote(file.name, safe="")
    headers = {
        "Content-Type": f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind,
        "Content-Disposition": f"{disposition}; filename=\"{name}\"; filename*=UTF-8''{name}",
        "Cache-Control": "no-cache",
    }
    if kind not in _SHOWN and not trusted:
        headers["Content-Security-Policy"] = _SANDBOX
    return web.FileResponse(file, headers=headers)
