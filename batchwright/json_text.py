"""JSON for people: whatever is short stands on one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["json_text"]

_WIDTH: Final = 100


def json_text(value: object, indent: int = 0) -> str:
    """A value as JSON of lines that are not too long, where its texts allow that.

    Args:
        value: What JSON can hold.
        indent: Where its first line begins.
    """
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _WIDTH or not value:
        return line
    if isinstance(value, Mapping):
        items = (f"{json.dumps(key)}: {json_text(item, indent + 2)}" for key, item in value.items())
        return _lines("{", items, "}", indent)
    if isinstance(value, list | tuple):
        return _lines("[", (json_text(item, indent + 2) for item in value), "]", indent)
    return line


def _lines(opening: str, items: Iterable[str], closing: str, indent: int) -> str:
    pad = "\n" + " " * indent
    return f"{opening}{pad}  {f',{pad}  '.join(items)}{pad}{closing}"
