"""Statements as workflow files write them: SQL text, JSON objects, and JSON objects as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from nodes.database.base import Statement
from nodes.errors import NodeDataError

__all__ = ["object_of", "sql_text"]


def sql_text(statement: Statement) -> str:
    """The SQL of a query.

    Raises:
        NodeDataError: It is an object, which only MongoDB and Redis take.
    """
    if isinstance(statement, str):
        return statement
    raise NodeDataError(
        "Property 'query' should be SQL text for this connection; objects are for mongodb and redis",
        field="query",
    )


def object_of(statement: Statement) -> Mapping[str, Any] | None:
    """The object of a query, also when it is written as JSON text; None for other text."""
    if not isinstance(statement, str):
        return statement
    if not statement.lstrip().startswith("{"):
        return None
    try:
        value = orjson.loads(statement)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
