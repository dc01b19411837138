"""``GET /api/files/read``: the text of a file below the roots (api.md, section 6)."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from batches.events import Record
from nodes.document import MAX_DOCUMENT_BYTES, decode_document
from nodes.errors import WorkflowUnreadableError
from server.endpoints import Routes
from server.keys import SERVICE
from server.problems import Problem
from server.reading import Input, Maybe, PathText

__all__ = ["add_routes"]

_MISSING: Final = "File not found"

_NO_FILE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


class FileQuery(Input):
    """Which file."""

    file_path: PathText
    """Relative to the server's first root, or absolute below one of its roots."""


class FileContent(Record):
    """A file."""

    content: str
    """Its text; bytes that are no UTF-8 are replaced."""
    parsed: Maybe[Mapping[str, Any]] = None
    """The object that it holds, if it is one in JSON."""
    error: Maybe[str] = None
    """Why there is no `parsed`."""


def add_routes(app: web.Application) -> None:
    """Add the route."""
    Routes(app, tag="Files").get("/api/files/read", read_file, errors=(403, 404, 413))


async def read_file(request: web.Request, query: FileQuery) -> FileContent:
    """The text of a file, and the object in it if it is one in JSON."""
    service = request.app[SERVICE]
    path = await asyncio.to_thread(service.confine, query.file_path, field="filePath")
    return await asyncio.to_thread(_read, path, query.file_path)


def _read(path: Path, given: str) -> FileContent:
    try:
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "no file", str(path))
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise Problem(404, _MISSING, f"There is no file {given!r}", field="filePath") from error
        raise Problem(
            403, "File not readable", f"File {given!r} cannot be read: {error.strerror}", field="filePath"
        ) from error
    if len(content) > MAX_DOCUMENT_BYTES:
        raise Problem(
            413,
            "File too large",
            f"File {given!r} is larger than {MAX_DOCUMENT_BYTES // 1024**2} MiB",
            code="FILE_TOO_LARGE",
            field="filePath",
        )
    text = content.decode("utf-8", "replace")
    try:
        parsed = decode_document(content)
    except WorkflowUnreadableError as error:
        return FileContent(content=text, error=f"The file {error.message}")
    if not isinstance(parsed, dict):
        return FileContent(content=text, error="The file holds JSON, but no object")
    return FileContent(content=text, parsed=parsed)
