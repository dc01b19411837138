"""CSV as text: rows of a workflow to lines, and lines to objects (nodes.md, ``csvHandle``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from nodes.matching import js_text

__all__ = ["derived_headers", "line", "read_header", "read_objects", "row_lines"]

_LONGEST_FIELD: Final = 2**31 - 1
"""Largest field that is read, characters; Python's own limit of 128 KiB is met by real pages."""


def derived_headers(rows: Sequence[object]) -> tuple[str, ...]:
    """The columns of rows that come without: keys of the first object, ``column_0`` on, or ``value``."""
    if not rows:
        return ()
    first = rows[0]
    if isinstance(first, Mapping):
        return tuple(str(key) for key in first)
    if isinstance(first, list | tuple):
        width = max(len(row) for row in rows if isinstance(row, list | tuple))
        return tuple(f"column_{index}" for index in range(width))
    return ("value",)


def row_lines(rows: Sequence[object], headers: Sequence[str], delimiter: str) -> str:
    """The lines of rows, without a header line."""
    return "".join(line(_cells(row, headers), delimiter) for row in rows)


def line(cells: Sequence[str], delimiter: str) -> str:
    """One line with its line feed; quoted is what holds the delimiter, a quote or a line break."""
    buffer = io.StringIO()
    # With this ending the writer quotes both kinds of line break; a lone empty cell needs no quotes here.
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    text = buffer.getvalue().removesuffix("\r\n")
    return "\n" if list(cells) == [""] else f"{text}\n"


def _cells(row: object, headers: Sequence[str]) -> list[str]:
    if isinstance(row, Mapping):
        return [_cell(row.get(header)) for header in headers]
    cells = list(row) if isinstance(row, list | tuple) else [row]
    padded = [*cells, *[None] * (len(headers) - len(cells))]
    return [_cell(value) for value, _ in zip(padded, headers, strict=False)]


def _cell(value: object) -> str:
    return "" if value is None else js_text(value)


def read_header(lines: Iterable[str], delimiter: str) -> tuple[str, ...]:
    """The columns that the first line names; no more lines are taken than that needs.

    Raises:
        csv.Error: A field is larger than can be read.
    """
    return tuple(next(_records(lines, delimiter), ()))


def read_objects(lines: Iterable[str], delimiter: str) -> list[dict[str, str]]:
    """The rows below the first line as objects.

    Blank lines are left out, short rows lack keys, surplus cells are dropped.

    Args:
        lines: The lines with their ends; a byte-order mark is left out.
        delimiter: One character.

    Raises:
        csv.Error: A field is larger than can be read.
    """
    records = _records(lines, delimiter)
    headers = next(records, [])
    return [dict(zip(headers, record, strict=False)) for record in records]


def _records(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(_without_mark(lines), delimiter=delimiter)
    return (record for record in reader if len(record) > 1 or any(cell.strip() for cell in record))


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    remaining = iter(lines)
    for first in remaining:
        yield first.removeprefix("\ufeff")
        break
    yield from remaining
