"""Which plugins are loaded (api.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from aiohttp import web

from batches.events import Record
from server.endpoints import Routes
from server.keys import PLUGINS
from server.plugins import LoadedPlugin
from server.problems import Problem

__all__ = ["add_routes"]


class PluginView(Record):
    """A loaded plugin."""

    id: str
    manifest: Mapping[str, Any]
    """The contents of its `plugin.json`."""
    path: str
    """Its folder."""
    loaded: Literal[True]


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    routes = Routes(app, tag="Plugins")
    routes.get("/api/plugins", list_plugins)
    routes.get("/api/plugins/{pluginId}", get_plugin, errors=(404,))


async def list_plugins(request: web.Request) -> list[PluginView]:
    """All loaded plugins."""
    return [_view(plugin) for plugin in request.app[PLUGINS].loaded()]


async def get_plugin(request: web.Request, plugin_id: str) -> PluginView:
    """One loaded plugin."""
    for plugin in request.app[PLUGINS].loaded():
        if plugin.id == plugin_id:
            return _view(plugin)
    raise Problem(404, "Plugin not found", f"There is no plugin {plugin_id!r}", field="pluginId")


def _view(plugin: LoadedPlugin) -> PluginView:
    return PluginView(id=plugin.id, manifest=plugin.manifest, path=str(plugin.path), loaded=True)
