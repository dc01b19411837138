"""The operations of a MongoDB query: ``{collection, operation, filter, options}`` (nodes.md, ``dbQuery``).

Values may be written as MongoDB's extended JSON: ``{"$oid": "..."}``, ``{"$date": "..."}``, ...
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bson import json_util
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from nodes.choices import choose
from nodes.database.base import Statement
from nodes.database.statements import object_of
from nodes.errors import NodeDataError
from nodes.matching import json_text

__all__ = ["OPERATIONS", "Operation", "read_operation"]

_EXTENDED_JSON: Final = json_util.JSONOptions(tz_aware=True)

Collection = AsyncCollection[dict[str, Any]]
Rows = list[dict[str, object]]
Run = Callable[[Collection, Mapping[str, Any], dict[str, Any]], Coroutine[Any, Any, Rows]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A query that has been understood.

    Attributes:
        collection: Name of the collection.
        name: The operation, such as ``find``.
        filter: Its ``filter`` with extended JSON read.
        options: Keyword arguments for pymongo.
    """

    collection: str
    name: str
    filter: Mapping[str, Any]
    options: Mapping[str, Any]

    async def run(self, collection: Collection, session: AsyncClientSession | None) -> Rows:
        """Run it; write operations answer one row."""
        return await OPERATIONS[self.name].run(collection, self.filter, {**self.options, "session": session})


def read_operation(
    statement: Statement, log: Callable[[str, str], None] = lambda _level, _message: None
) -> Operation:
    """Understand a query.

    Args:
        statement: The object, or its JSON text.
        log: Called with a level and a message about options that are left out.

    Raises:
        NodeDataError: It is no such object, the operation is unknown, or it lacks a part that it needs.
    """
    query = object_of(statement)
    collection = query.get("collection") if query is not None else None
    if query is None or not isinstance(collection, str) or not collection.strip():
        raise NodeDataError(
            "A mongodb query should be an object {collection, operation, filter, options}", field="query"
        )
    name = query.get("operation")
    kind = choose(OPERATIONS, name if isinstance(name, str) else None, "query.operation")
    given = _extended(query.get("filter") or {})
    for part in kind.needs:
        if part not in given:
            raise NodeDataError(
                f"The mongodb operation '{name}' needs '{part}' in its filter", field=f"query.filter.{part}"
            )
    options = query.get("options") or {}
    if not isinstance(options, Mapping):
        raise NodeDataError("The options of a mongodb query should be an object", field="query.options")
    return Operation(collection, str(name), given, _keywords(kind, _extended(options), log))


def _extended(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NodeDataError("The filter of a mongodb query should be an object", field="query.filter")
    read: Mapping[str, Any] = json_util.loads(json_text(value), json_options=_EXTENDED_JSON)
    return read


def _keywords(kind: _Kind, options: Mapping[str, Any], log: Callable[[str, str], None]) -> dict[str, Any]:
    keywords: dict[str, Any] = {}
    for name, value in options.items():
        if name not in kind.options:
            log("warning", f"The option '{name}' of the mongodb query is not known and left out")
        elif name == "sort":
            keywords["sort"] = list(value.items()) if isinstance(value, Mapping) else value
        else:
            keywords[_SNAKE.get(name, name)] = value
    return keywords


async def _find(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    return [dict(document) async for document in collection.find(given, **options)]


async def _find_one(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    document = await collection.find_one(given, **options)
    return [] if document is None else [dict(document)]


async def _insert_one(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    done = await collection.insert_one(dict(given), **options)
    return [{"insertedId": done.inserted_id}]


async def _insert_many(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    done = await collection.insert_many(given["docs"], **options)
    return [{"insertedIds": done.inserted_ids}]


async def _update_one(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    done = await collection.update_one(given["query"], given["update"], **options)
    return [{"modifiedCount": done.modified_count}]


async def _update_many(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    done = await collection.update_many(given["query"], given["update"], **options)
    return [{"modifiedCount": done.modified_count}]


async def _delete_one(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    done = await collection.delete_one(given["query"], **options)
    return [{"deletedCount": done.deleted_count}]


async def _delete_many(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    done = await collection.delete_many(given["query"], **options)
    return [{"deletedCount": done.deleted_count}]


async def _count(collection: Collection, given: Mapping[str, Any], options: dict[str, Any]) -> Rows:
    return [{"count": await collection.count_documents(given, **options)}]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How an operation runs, what it needs in its filter, and which options it takes."""

    run: Run
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


_FIND: Final = ("projection", "sort", "skip", "limit", "hint", "collation", "batchSize", "comment")
_UPDATE: Final = ("upsert", "arrayFilters", "hint", "collation", "bypassDocumentValidation", "comment")
_DELETE: Final = ("hint", "collation", "comment")
_SNAKE: Final = {
    "batchSize": "batch_size",
    "arrayFilters": "array_filters",
    "bypassDocumentValidation": "bypass_document_validation",
}

OPERATIONS: Final[Mapping[str, _Kind]] = {
    "find": _Kind(_find, (), _FIND),
    "findOne": _Kind(_find_one, (), _FIND),
    "insertOne": _Kind(_insert_one, (), ("bypassDocumentValidation", "comment")),
    "insertMany": _Kind(_insert_many, ("docs",), ("ordered", "bypassDocumentValidation", "comment")),
    "updateOne": _Kind(_update_one, ("query", "update"), _UPDATE),
    "updateMany": _Kind(_update_many, ("query", "update"), _UPDATE),
    "deleteOne": _Kind(_delete_one, ("query",), _DELETE),
    "deleteMany": _Kind(_delete_many, ("query",), _DELETE),
    "count": _Kind(_count, (), ("skip", "limit", "hint", "collation", "comment")),
}
"""What a query can do."""
