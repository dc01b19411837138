"""The test site: static pages from ``pages/`` and a few dynamic routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

PAGES = Path(__file__).parent / "pages"


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(int(request.query.get("ms", "300")) / 1000)
    text = request.query.get("text", "slow")
    return web.Response(
        text=f"<!doctype html><title>slow</title><p id=text>{text}</p>", content_type="text/html"
    )


async def status(request: web.Request) -> web.Response:
    code = int(request.match_info["code"])
    return web.Response(status=code, text=f"<!doctype html><h1>{code}</h1>", content_type="text/html")


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound(request.query["to"])


async def set_cookie(request: web.Request) -> web.Response:
    response = web.Response(text="<!doctype html><p>cookie set</p>", content_type="text/html")
    response.set_cookie(request.query["name"], request.query["value"])
    return response


async def download(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    return web.Response(
        text=f"content of {name}\n", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


async def echo(request: web.Request) -> web.Response:
    return web.json_response({"query": dict(request.query), "headers": dict(request.headers)})


async def page(request: web.Request) -> web.FileResponse:
    file = PAGES / request.match_info["page"]
    if not file.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(file)


def build_site() -> web.Application:
    app = web.Application()
    app.add_routes(
        [
            web.get("/slow", slow),
            web.get("/status/{code}", status),
            web.get("/redirect", redirect),
            web.get("/set-cookie", set_cookie),
            web.get("/download/{name}", download),
            web.get("/echo", echo),
            web.get("/{page:[^/]+\\.html}", page),
        ]
    )
    return app


@asynccontextmanager
async def serve_site() -> AsyncIterator[str]:
    """Serve the site on a free loopback port; yields its base URL."""
    runner = web.AppRunner(build_site(), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = runner.addresses[0]
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        await runner.cleanup()
