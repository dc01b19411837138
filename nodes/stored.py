"""Reading the API responses and query results that earlier nodes stored in ``data``.

The objects are described in nodes.md: ``apiRequest`` (``status``, ``statusText``, ``headers``, ``body``,
``duration``, ``timestamp``) and ``dbQuery`` (``rows``, ``rowCount``, ``columns``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.matching import MISSING, member

__all__ = ["header_of", "rows_of", "stored_object"]


def stored_object(run: NodeRun, key: str, name: str) -> Mapping[str, object]:
    """The response or result stored under a key of ``data``.

    Args:
        run: The node's run.
        key: The data key, taken as it is.
        name: The property that gave the key, for the message.

    Raises:
        NodeDataError: Nothing is stored there, or it is no object.
    """
    value = run.data.get(key)
    if isinstance(value, Mapping):
        return value
    problem = "nothing is stored" if value is None else "something else than a response is stored"
    raise NodeDataError(
        f"Property '{name}': {problem} under data key '{key}'; put the node that stores it before this one",
        field=name,
    )


def header_of(response: Mapping[str, object], header: str) -> object:
    """A response header's value; upper and lower case of its name do not differ. ``MISSING`` if absent."""
    headers = member(response, "headers")
    if not isinstance(headers, Mapping):
        return MISSING
    wanted = header.strip().lower()
    return next((value for key, value in headers.items() if str(key).lower() == wanted), MISSING)


def rows_of(result: Mapping[str, object]) -> Sequence[object]:
    """The rows of a query result; none if it has no rows."""
    rows = result.get("rows")
    return cast("Sequence[object]", rows) if isinstance(rows, list | tuple) else ()
