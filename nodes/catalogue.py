"""All built-in node types. A module listed here contributes every node type that is defined in it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any, Final

from nodes.registry import NodeType, Registry

__all__ = ["built_in_types", "default_registry"]

_MODULES: Final = (
    "api",
    "browser",
    "configuration",
    "contexts",
    "csv_handle",
    "curl",
    "database_nodes",
    "dialog",
    "download",
    "examples",
    "extractors",
    "flow",
    "forms",
    "human",
    "iframe",
    "interaction",
    "javascript",
    "keyboard",
    "mail",
    "markers",
    "navigation",
    "playwright_node",
    "query",
    "screenshot",
    "slack",
    "start",
    "storage",
    "sub_workflow",
    "values",
    "verify",
    "wait",
    "webhook",
)


def built_in_types() -> list[type[NodeType[Any]]]:
    """All built-in node types, by category and name."""
    found = [
        node_type for name in _MODULES for node_type in _defined_in(importlib.import_module(f"nodes.{name}"))
    ]
    return sorted(
        found,
        key=lambda node_type: (node_type.category, node_type.name.lower()),
    )


@cache
def default_registry() -> Registry:
    """The registry of the built-in types; the same object at every call, so do not register on it."""
    return Registry(built_in_types())


def _defined_in(module: ModuleType) -> Iterator[type[NodeType[Any]]]:
    for value in vars(module).values():
        is_own = inspect.isclass(value) and value.__module__ == module.__name__
        if is_own and issubclass(value, NodeType) and not inspect.isabstract(value):
            yield value
