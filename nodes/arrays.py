"""Array properties that files also hold as the text of a text field in the editor."""

from __future__ import annotations

from typing import Final

import orjson
from pydantic import BeforeValidator

__all__ = ["ARRAY_OR_TEXT"]


def _array(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            return ()
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise ValueError("should be an array, or the JSON text of one") from None
    if not isinstance(value, list | tuple):
        raise ValueError("should be an array")  # noqa: TRY004 - pydantic collects ValueError
    return tuple(value)


ARRAY_OR_TEXT: Final = BeforeValidator(_array)
"""Read an array, or the JSON text of one; a blank text is empty."""
