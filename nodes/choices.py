"""Picking what a text property chooses from a table, with one message for all that choose nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from nodes.errors import NodeDataError

__all__ = ["choose"]

T = TypeVar("T")


def choose(table: Mapping[str, T], value: str | None, name: str) -> T:
    """What ``value`` stands for in ``table``.

    Args:
        table: All values that the property understands.
        value: The property's value.
        name: The property's name, for the message.

    Raises:
        NodeDataError: The value is missing or unknown; the message lists the known ones.
    """
    if value is not None and value in table:
        return table[value]
    known = ", ".join(table)
    if value is None or not value.strip():
        raise NodeDataError(f"Property '{name}' is required; it can be: {known}", field=name)
    raise NodeDataError(f"Property '{name}' has the unknown value '{value}'; it can be: {known}", field=name)
