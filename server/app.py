"""The aiohttp application: all surfaces on one port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from batches.service import Service
from server import (
    artifacts,
    batch_routes,
    dashboard,
    debugging,
    event_schema,
    executing,
    executions,
    files,
    health,
    history_routes,
    openapi,
    plugin_routes,
    reports_routes,
    responding,
    scanning,
    sockets,
    system,
)
from server.endpoints import ENDPOINTS
from server.keys import HUB, PLUGINS, SERVICE, SETTINGS
from server.plugins import LoadedPlugins, NoPlugins
from server.security import security_middleware
from server.settings import ServerSettings

__all__ = ["create_app"]

MEBIBYTE: Final = 1024 * 1024

_SURFACES: Final = (
    health,
    executing,
    executions,
    batch_routes,
    debugging,
    responding,
    history_routes,
    scanning,
    files,
    reports_routes,
    artifacts,
    plugin_routes,
    system,
    dashboard,
)
"""Each adds its routes; the documentation comes last, because it describes the others."""


def create_app(
    service: Service, settings: ServerSettings, *, plugins: LoadedPlugins | None = None
) -> web.Application:
    """The application on a service, which whoever calls this starts and closes.

    Args:
        service: The runs.
        settings: Limits, hosts, token.
        plugins: Which plugins are loaded; none if not given.
    """
    app = web.Application(
        middlewares=[security_middleware(settings)],
        client_max_size=int(settings.max_body_mb * MEBIBYTE),
    )
    app[SERVICE] = service
    app[SETTINGS] = settings
    app[PLUGINS] = plugins or NoPlugins()
    app[ENDPOINTS] = []
    for surface in _SURFACES:
        surface.add_routes(app)
    hub = sockets.attach(app, service, settings)
    app[HUB] = hub
    event_schema.add_routes(app)
    openapi.add_routes(app)

    async def closing_hub(_app: web.Application) -> AsyncIterator[None]:
        yield
        await hub.close()

    app.cleanup_ctx.append(closing_hub)
    return app
