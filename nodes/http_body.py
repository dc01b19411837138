"""Bodies of HTTP requests and responses (nodes.md, ``apiRequest``)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from nodes.matching import MISSING, json_text

__all__ = ["Body", "FormPart", "Multipart", "compact_json", "decode_body", "parse_json", "utf8"]

_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a multipart form.

    Attributes:
        name: Name of the field.
        value: A text or bytes; a path is read when the request is sent.
        file_name: Makes it a file field with this name; a path has its own by default.
        content_type: Media type; none is sent for a text without one, a file's is guessed from its name.
    """

    name: str
    value: str | bytes | Path
    file_name: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart form; its content type, with the boundary, is set when it is sent."""

    parts: tuple[FormPart, ...]

    @classmethod
    def of_fields(cls, fields: Iterable[tuple[str, str]]) -> Multipart:
        """A form of text fields only."""
        return cls(tuple(FormPart(name, value) for name, value in fields))


Body = bytes | Multipart | None
"""What a request may carry."""


def utf8(text: str) -> bytes:
    """A text as UTF-8; half characters, which JavaScript allows, become replacement marks."""
    return text.encode("utf-8", "replace")


def parse_json(text: str) -> object:
    """The value of a JSON text as ``JSON.parse`` reads it, or ``MISSING`` when it is not JSON.

    Integers keep all their digits.
    """
    if not text or text.isspace():
        return MISSING
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return MISSING
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def compact_json(text: str) -> str:
    """A JSON text without spaces; any other text as it is, since quoting it is a known defect."""
    value = parse_json(text)
    return text if value is MISSING else json_text(value)


def decode_body(content: bytes, charset: str | None) -> object:
    """The body of a response: the value of valid JSON whatever its content type says, else its text.

    Args:
        content: The bytes, decompressed.
        charset: What the content type says; UTF-8 if it says nothing or something unknown.
    """
    try:
        text = content.decode(charset or "utf-8", "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    text = text.removeprefix(_BOM)
    value = parse_json(text)
    return text if value is MISSING else value
