"""Hiding values whose names sound like secrets, wherever people look at a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MASK", "masked"]

MASK: Final = "********"

_SECRET: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token|api[-_]?key|authorization|credential|cookie|private[-_]?key",
    re.IGNORECASE,
)


def masked(value: object) -> Any:
    """A JSON value with the entries hidden whose names sound like secrets."""
    if isinstance(value, Mapping):
        return {
            str(key): MASK if _SECRET.search(str(key)) and item not in (None, "") else masked(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return value
