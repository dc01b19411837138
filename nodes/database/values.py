"""Values of databases as JSON has them, and back."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from nodes.matching import iso_text, json_text

__all__ = ["MAX_BINARY_BYTES", "clock_text", "plain", "row_of", "simple_parameter"]

MAX_BINARY_BYTES: Final = 256 * 1024
"""Larger binary values are replaced by a note of their size."""

_SMALLEST_INT: Final = -(2**63)
_LARGEST_INT: Final = 2**63 - 1


def plain(value: object, *, decimals_as_numbers: bool = False) -> object:
    """A value as JSON has it.

    Points in time become ISO texts in UTC, dates and times ISO texts, durations ``HH:MM:SS``, exact decimals
    texts with all their digits, binary values Base64 (large ones a note of their size), numbers that are not
    finite null, and whatever else a driver invents (ids, addresses, ranges) its text.

    Args:
        value: What a driver returned.
        decimals_as_numbers: Exact decimals become numbers, as some drivers for JavaScript have them.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _plain_number(value, decimals_as_numbers=decimals_as_numbers)
    if isinstance(value, bytes | bytearray | memoryview):
        return _plain_bytes(bytes(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item, decimals_as_numbers=decimals_as_numbers) for key, item in value.items()}
    if isinstance(value, list | tuple | AbstractSet):
        return [plain(item, decimals_as_numbers=decimals_as_numbers) for item in value]
    return _plain_moment(value)


def _plain_number(value: float | Decimal, *, decimals_as_numbers: bool) -> object:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not value.is_finite():
        return str(value)
    if not decimals_as_numbers:
        return format(value, "f")
    return int(value) if value == value.to_integral_value() else float(value)


def _plain_bytes(value: bytes) -> str:
    if len(value) > MAX_BINARY_BYTES:
        return f"<{len(value)} bytes>"
    return base64.b64encode(value).decode("ascii")


def _plain_moment(value: object) -> str:
    if isinstance(value, datetime):
        return iso_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return clock_text(value) if isinstance(value, timedelta) else str(value)


def clock_text(span: timedelta) -> str:
    """A duration as ``HH:MM:SS`` with as many hours as it has, and microseconds if it has any."""
    micros = span // timedelta(microseconds=1)
    seconds, fraction = divmod(abs(micros), 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{'-' if micros < 0 else ''}{text}{f'.{fraction:06}' if fraction else ''}"


def simple_parameter(value: object) -> object:
    """A bind parameter for databases without types for JSON: objects and arrays become compact JSON text."""
    if isinstance(value, Mapping | list | tuple):
        return json_text(value)
    if isinstance(value, int) and not _SMALLEST_INT <= value <= _LARGEST_INT:
        return str(value)
    return value


def row_of(columns: Sequence[str], values: Sequence[object]) -> dict[str, object]:
    """A row as an object; of several columns with one name the last counts."""
    return dict(zip(columns, values, strict=True))
