"""The application and the server around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from batchwright.demo_site import playground, shop
from batchwright.demo_site.catalog import Catalog
from batchwright.demo_site.sessions import SessionStore
from batchwright.demo_site.shared import CATALOG, SESSION, SESSIONS, TEMPLATES, respond
from batchwright.demo_site.templates import Templates

__all__ = ["build_site", "serve_site"]

SESSION_COOKIE: Final = "harbor_session"

SHUTDOWN_SECONDS: Final = 1.0
"""How long a closing server waits for requests that are still being answered."""


def build_site(pages: Path) -> web.Application:
    """Build the shop.

    Args:
        pages: Folder with the site's files (``layout.html``, ``pages``, ``fragments``, ``static``).

    Raises:
        OSError: A file of the site is missing or cannot be read.
    """
    app = web.Application(middlewares=[_with_session, _with_error_pages])
    app[TEMPLATES] = Templates.load(pages)
    app[CATALOG] = Catalog.load(pages / "products.json")
    app[SESSIONS] = SessionStore()
    shop.add_routes(app)
    playground.add_routes(app)
    app.router.add_static("/static", pages / "static")
    return app


@asynccontextmanager
async def serve_site(pages: Path, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the shop for as long as the block lasts.

    Args:
        pages: Folder with the site's files.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.

    Yields:
        The base URL without a trailing slash, such as ``http://127.0.0.1:41234``.

    Raises:
        OSError: The port is in use, or a file of the site is missing.
    """
    app = await asyncio.to_thread(build_site, pages)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_port: int = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound_port}"
    finally:
        await runner.cleanup()


@web.middleware
async def _with_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give each visitor a session, and the cookie that finds it again."""
    if request.path.startswith("/static/"):
        return await handler(request)
    token = request.cookies.get(SESSION_COOKIE, "")
    session_token, session = request.app[SESSIONS].find_or_create(token)
    request[SESSION] = session
    response = await handler(request)
    if session_token != token:
        response.set_cookie(SESSION_COOKIE, session_token, httponly=True, samesite="Lax")
    return response


@web.middleware
async def _with_error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Show the shop's own page for an address that does not exist.

    A redirect becomes an ordinary response here, so that a new visitor's cookie travels with it.
    """
    try:
        return await handler(request)
    except web.HTTPRedirection as redirect:
        return web.Response(status=redirect.status, headers={"Location": redirect.headers["Location"]})
    except web.HTTPNotFound:
        if request.path.startswith("/static/"):
            raise
        return respond(request, "not-found", {"path": request.path}, status=404)
