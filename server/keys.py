"""What the aiohttp application carries, by typed keys."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from batches.service import Service
from server.hub import Hub
from server.plugins import LoadedPlugins
from server.settings import ServerSettings

__all__ = ["HUB", "PLUGINS", "SERVICE", "SETTINGS"]

SERVICE: Final = web.AppKey("service", Service)
"""The runs."""

SETTINGS: Final = web.AppKey("settings", ServerSettings)
"""How the server was started."""

HUB: Final = web.AppKey("hub", Hub)
"""Fan-out of events to sockets."""

PLUGINS: Final[web.AppKey[LoadedPlugins]] = web.AppKey("plugins")
"""Which plugins are loaded."""
