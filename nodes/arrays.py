"""Arrays that nodes work on: written in a property, also as the text of one, or stored under a data key."""

from __future__ import annotations

from typing import Final

import orjson
from pydantic import BeforeValidator

from nodes.context import NodeRun
from nodes.errors import NodeDataError

__all__ = ["ARRAY_OR_TEXT", "stored_array"]


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


def stored_array(run: NodeRun, key: str | None, field: str) -> list[object]:
    """The array under a data key.

    Args:
        run: The node being run.
        key: The key.
        field: The property that names it, for messages.

    Raises:
        NodeDataError: There is no key, or no array under it.
    """
    key = run.require(key, field)
    value = run.data.get(key)
    if not isinstance(value, list | tuple):
        found = "nothing" if value is None else "no array"
        raise NodeDataError(
            f"Property '{field}': {found} is stored under data key '{key}'; it takes the plain key of an array",
            field=field,
        )
    return list(value)
