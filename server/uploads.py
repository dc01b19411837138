"""Reading ``multipart/form-data``: workflow files and text fields, with limits on size and number.

Source: api.md, section 1.4. Parts named ``files`` are files; all others are texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aiohttp import BodyPartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from server.folders import too_many
from server.problems import Problem
from server.settings import ServerSettings

__all__ = ["FILES", "MULTIPART", "Form", "Upload", "read_form"]

MULTIPART: Final = "multipart/form-data"

FILES: Final = "files"
"""Name of the parts that hold workflow files."""

MEBIBYTE: Final = 1024 * 1024

UPLOADS_AT_ONCE: Final = 20
"""All files of one request may be as large as so many of the largest."""

MAX_FIELDS: Final = 100
"""Most text fields of a form."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file.

    Attributes:
        name: As the client gave it; may hold folders.
        content: Its bytes.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Form:
    """What a form held."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)


async def read_form(request: web.Request, settings: ServerSettings) -> Form:
    """Read a form to its end.

    Raises:
        Problem: It is no form (400), a file has another field's name (400), or something is too large or too
            many (413).
    """
    form, total, texts = Form(), 0, 0
    try:
        parts = await request.multipart()
        async for part in parts:
            if not isinstance(part, BodyPartReader):
                raise Problem(400, "Invalid form data", "A part of a form cannot have parts itself")
            name = part.name or ""
            if name == FILES:
                upload = await _read_file(part, len(form.files), settings)
                form.files.append(upload)
                total += len(upload.content)
                _check_files(len(form.files), total, settings)
            else:
                form.fields[name] = text = await _read_text(part, name, settings)
                texts += len(text)
                _check_fields(len(form.fields), texts, settings)
    except (HttpProcessingError, ValueError, AssertionError, LookupError, RuntimeError) as error:
        raise Problem(400, "Invalid form data", "The body is no multipart/form-data") from error
    return form


async def _read_file(part: BodyPartReader, index: int, settings: ServerSettings) -> Upload:
    limit = int(settings.max_upload_mb * MEBIBYTE)
    content = await _read(part, limit, FILES)
    return Upload(_clean(part.filename) or f"workflow-{index + 1}.json", content)


async def _read_text(part: BodyPartReader, name: str, settings: ServerSettings) -> str:
    if part.filename is not None:
        raise Problem(
            400,
            "Unexpected file field",
            f"Files come in parts named {FILES!r}, not {name!r}",
            code="UNEXPECTED_FILE",
            field=name,
        )
    content = await _read(part, int(settings.max_body_mb * MEBIBYTE), name)
    return content.decode("utf-8", "replace")


async def _read(part: BodyPartReader, limit: int, name: str) -> bytes:
    if part.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Problem(
            415, "Unsupported media type", f"{name}: parts of a form cannot be compressed", field=name
        )
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > limit:
            raise _too_large(limit, name)
    return bytes(part.decode(content))


def _check_files(count: int, total: int, settings: ServerSettings) -> None:
    if count > settings.max_workflows:
        raise too_many(count, settings.max_workflows, FILES)
    limit = int(settings.max_upload_mb * MEBIBYTE) * UPLOADS_AT_ONCE
    if total > limit:
        raise _too_large(limit, FILES)


def _check_fields(count: int, total: int, settings: ServerSettings) -> None:
    if count > MAX_FIELDS:
        raise Problem(
            413, "Too many fields", f"A form has at most {MAX_FIELDS} fields", code="TOO_MANY_FIELDS"
        )
    limit = int(settings.max_body_mb * MEBIBYTE)
    if total > limit:
        raise _too_large(limit, "fields")


def _too_large(limit: int, name: str) -> Problem:
    return Problem(
        413,
        "Body too large",
        f"{name}: more than {limit / MEBIBYTE:g} MiB",
        code="BODY_TOO_LARGE",
        field=name,
    )


def _clean(name: str | None) -> str:
    """A file's name with forward slashes, without parts that lead elsewhere."""
    parts = (name or "").replace("\\", "/").replace("\x00", "").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))
