"""Values as JSON bytes, whatever a workflow put into them.

Results of a workflow may hold what JSON has not: half characters from a page's JavaScript, bytes, objects,
values that contain themselves. None of these may stop the journal, so they are replaced by something readable.
Integers of any size are kept, which is why orjson is not used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Final

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticSerializationError, to_json

__all__ = ["plain", "to_bytes"]

_DEEPEST: Final = 100


def to_bytes(value: object) -> bytes:
    """JSON of a record or of plain data, on one line."""
    try:
        return to_json(value, fallback=str, inf_nan_mode="null")
    except (PydanticSerializationError, ValueError, RecursionError):
        return to_json(plain(value), inf_nan_mode="null")


def plain(value: object, depth: int = 0) -> object:
    """The same with only JSON's types in it, keys in the spelling of the events."""
    if depth > _DEEPEST:
        return "..."
    result: object = value
    match value:
        case str():
            result = value.encode("utf-8", "replace").decode("utf-8")
        case bytes() | bytearray():
            result = bytes(value).decode("utf-8", "replace")
        case Mapping():
            result = {str(plain(str(key))): plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            result = [plain(item, depth + 1) for item in value]
        case None | bool() | int() | float():
            pass
        case _:
            result = _plain_object(value, depth)
    return result


def _plain_object(value: object, depth: int) -> object:
    if isinstance(value, BaseModel):
        return {
            field.alias or name: plain(getattr(value, name), depth + 1)
            for name, field in type(value).model_fields.items()
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {to_camel(item.name): plain(getattr(value, item.name), depth + 1) for item in fields(value)}
    return plain(str(value), depth)
