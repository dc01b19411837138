"""What the HTTP surface asks about plugins; whoever loads them fills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nodes.plugins import Plugins

__all__ = ["FoundPlugins", "LoadedPlugin", "LoadedPlugins", "NoPlugins"]


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin whose node types can be used.

    Attributes:
        id: Its name, unique.
        manifest: The contents of its ``plugin.json``.
        path: Its folder.
    """

    id: str
    manifest: Mapping[str, object]
    path: Path


class LoadedPlugins(Protocol):
    """The plugins of this process."""

    def loaded(self) -> Sequence[LoadedPlugin]:
        """Those that are loaded, by name."""


class FoundPlugins:
    """The plugins that `nodes.plugins` found.

    Args:
        plugins: What it found.
    """

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins

    def loaded(self) -> Sequence[LoadedPlugin]:
        """Those that are loaded, by name."""
        return [LoadedPlugin(item.id, item.manifest, item.path) for item in self._plugins.loaded()]


class NoPlugins:
    """No plugin is loaded."""

    def loaded(self) -> Sequence[LoadedPlugin]:
        """None."""
        return ()
