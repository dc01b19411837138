"""The dashboard's files, with a strict Content-Security-Policy, and the feed's address."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs, web

from server.dashboard.feed import Feed
from server.dashboard.pictures import PictureDesk
from server.dashboard.policy import PAGE_HEADERS
from server.endpoints import Routes
from server.keys import SERVICE

__all__ = ["FEED", "PAGES", "add_routes"]

PAGES: Final = Path(__file__).parent / "static"

FEED: Final = web.AppKey("dashboard_feed", Feed)
"""The feed of open pages."""

_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


def add_routes(app: web.Application) -> None:
    """Serve the pages at ``/``, their files below ``/dashboard/`` and the feed."""
    feed = Feed(app[SERVICE], instance=uuid.uuid4().hex, version=version("batchwright"))
    app[FEED] = feed
    desk = PictureDesk(feed, app[SERVICE].runner.pictures)
    app.router.add_get("/", _index)
    app.router.add_get("/dashboard/{path:.+}", _file)
    routes = Routes(app, tag="Dashboard")
    routes.get("/api/dashboard/feed", open_feed, errors=(400,), answer=Mapping[str, Any])

    async def feeding(_app: web.Application) -> AsyncIterator[None]:
        feed.start()
        yield
        await feed.close()
        desk.close()

    async def closing(_app: web.Application) -> None:
        await feed.close()

    app.cleanup_ctx.append(feeding)
    app.on_shutdown.append(closing)


async def open_feed(request: web.Request) -> web.StreamResponse:
    """What the dashboard shows, as it happens: a WebSocket of snapshots and numbered events."""
    return await request.app[FEED].serve(request)


async def _index(_request: web.Request) -> web.StreamResponse:
    return _answer(PAGES / "index.html")


async def _file(request: web.Request) -> web.StreamResponse:
    def existing() -> Path | None:
        try:
            path = (PAGES / request.match_info["path"]).resolve()
        except ValueError:  # a NUL in it
            return None
        known = path.is_relative_to(PAGES.resolve()) and path.suffix in _TYPES and path.is_file()
        return path if known else None

    path = await asyncio.to_thread(existing)
    if path is None:
        raise web.HTTPNotFound
    return _answer(path)


def _answer(path: Path) -> web.FileResponse:
    """A file, to be asked for again each time: aiohttp answers 304 by its ETag."""
    headers = {
        hdrs.CONTENT_TYPE: f"{_TYPES[path.suffix]}; charset=utf-8",
        hdrs.CACHE_CONTROL: "no-cache",
        **PAGE_HEADERS,
    }
    return web.FileResponse(path, headers=headers)
