"""Pieces of Markdown, as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from batchwright.json_text import json_text

__all__ = ["anchor", "code", "json_block", "one_line", "table"]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table.

    Args:
        header: Names of the columns.
        rows: Their cells; ``|`` in them is escaped.
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def code(text: object) -> str:
    """A text in code style."""
    return f"`{text}`"


def json_block(value: object) -> str:
    """A block of JSON in which whatever is short stands on one line."""
    return f"```json\n{json_text(value)}\n```"


def one_line(text: str) -> str:
    """A text that may stand in a table: its line breaks and their indents become single spaces."""
    return re.sub(r"\s*\n\s*", " ", text.strip())


def anchor(heading: str) -> str:
    """The anchor that a heading gets: lower case, no punctuation, hyphens for spaces.

    Args:
        heading: Its text without the number signs; a link in it counts with its text only.
    """
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
