"""Masking secret values in everything that leaves an execution.

A value is found as it is and in the forms that it takes on its way: URL-encoded, in JSON, in HTML, in base64 (also
inside a longer text that was encoded, such as ``user:password``) and in hexadecimal.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, TypeVar
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

__all__ = ["MASK", "SHORTEST", "Masker"]

MASK: Final = "***"

SHORTEST: Final = 3
"""Values with fewer characters are not masked: every text would be full of masks, and tell them by these."""

_SHORTEST_CORE: Final = 8
"""Shortest piece of base64 that is looked for inside longer base64, and shortest line of a longer value."""

T = TypeVar("T")


class Masker:
    """Replaces secret values by ``***``.

    Args:
        values: The secret values.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def add(self, value: str) -> None:
        """Mask one more value from now on; one that is too short to be told from other text is left."""
        if len(value) < SHORTEST:
            return
        self._forms |= {form for form in _forms(value) if len(form) >= SHORTEST}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """A text without secret values; the same object if there are none in it."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def value(self, value: T) -> T:
        """The same for every text inside objects, arrays and models, keys included.

        A number is replaced as well if its digits are a secret value. Enumerations stay.
        """
        return value if self._pattern is None else self._masked(value)

    def _masked(self, value: Any) -> Any:
        result = value
        match value:
            case None | bool() | Enum():
                pass
            case str():
                result = self.text(value)
            case int() | float():
                result = MASK if str(value) in self._forms else value
            case Mapping():
                result = {self._masked(key): self._masked(item) for key, item in value.items()}
            case list() | tuple():
                items = map(self._masked, value)
                result = tuple(items) if isinstance(value, tuple) else list(items)
            case BaseModel():
                changes = {name: self._masked(getattr(value, name)) for name in type(value).model_fields}
                result = value.model_copy(update=changes)
        return result


def _forms(value: str) -> Iterator[str]:
    yield from _written(value)
    trimmed = value.strip()
    if trimmed != value:
        yield from _written(trimmed)
    lines = trimmed.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_CORE)


def _written(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "replace")
    yield value
    for quoted in (quote(value, safe="", errors="replace"), quote(value, errors="replace")):
        yield from (quoted, re.sub("%..", lambda match: match[0].lower(), quoted))
    yield quote_plus(value, errors="replace")
    for ascii_only in (True, False):
        inside = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield from (inside, json.dumps(inside)[1:-1])
    yield from (html.escape(value), html.escape(value, quote=False), repr(value)[1:-1])
    yield from (data.hex(), data.hex().upper())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode("ascii")
        yield from (whole, whole.rstrip("="))
        yield from _cores(data, encode)


def _cores(data: bytes, encode: Any) -> Iterator[str]:
    """What is the same in the base64 of every longer text with the value in it, for the three places it may begin at."""
    for before in range(3):
        bits = 8 * (before + len(data))
        core = encode(b"\0" * before + data).decode("ascii")[-(-before * 8 // 6) : bits // 6]
        if len(core) >= _SHORTEST_CORE:
            yield core
