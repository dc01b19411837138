"""The dashboard's files, with a strict Content-Security-Policy, and the feed's address."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from server.dashboard.feed import Feed
from server.keys import SERVICE

__all__ = ["FEED", "PAGES", "POLICY", "add_routes"]

PAGES: Final = Path(__file__).parent / "static"

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing but this server's own files: no inline script or style, no other host, no frame."""

FEED: Final = web.AppKey("dashboard_feed", Feed)
"""The feed of open pages."""

_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


def add_routes(app: web.Application) -> None:
    """Serve the pages at ``/``, their files below ``/dashboard/`` and the feed."""
    feed = Feed(app[SERVICE], instance=uuid.uuid4().hex, version=version("batchwright"))
    app[FEED] = feed
    app.router.add_get("/", _index)
    app.router.add_get("/dashboard/{path:.+}", _file)
    app.router.add_get("/api/dashboard/feed", feed.serve)

    async def feeding(_app: web.Application) -> AsyncIterator[None]:
        feed.start()
        yield
        await feed.close()

    app.cleanup_ctx.append(feeding)
    app.on_shutdown.append(lambda _app: feed.close())


async def _index(request: web.Request) -> web.StreamResponse:
    return _answer(request, PAGES / "index.html")


async def _file(request: web.Request) -> web.StreamResponse:
    path = (PAGES / request.match_info["path"]).resolve()
    if not path.is_relative_to(PAGES.resolve()) or path.suffix not in _TYPES or not path.is_file():
        raise web.HTTPNotFound
    return _answer(request, path)


def _answer(_request: web.Request, path: Path) -> web.FileResponse:
    """A file, to be asked for again each time: aiohttp answers 304 by its ETag."""
    headers = {
        hdrs.CONTENT_TYPE: f"{_TYPES[path.suffix]}; charset=utf-8",
        hdrs.CACHE_CONTROL: "no-cache",
        "Content-Security-Policy": POLICY,
    }
    return web.FileResponse(path, headers=headers)
