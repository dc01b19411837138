"""The playground: one page for each thing that browser automation has to cope with."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from batchwright.demo_site.catalog import Product, money
from batchwright.demo_site.shared import CATALOG, TEMPLATES, respond
from batchwright.demo_site.templates import Html

__all__ = ["add_routes"]

SLOW_PAGE_SECONDS: Final = 1.5
"""How long the slow page takes to answer."""

FEED_BATCH: Final = 10
"""News items that the feed sends at once."""

FEED_TOTAL: Final = 30
"""News items there are."""

REPORT_NAME: Final = "stock-report.csv"

_PLAYGROUND: Final = "playground"
_NO_VALUE: Final = "(empty)"

_routes = web.RouteTableDef()


def add_routes(app: web.Application) -> None:
    """Add the playground to the site; each file in ``pages/playground`` is a page of its own."""
    app.add_routes(_routes)
    for name in app[TEMPLATES].names_in(_PLAYGROUND):
        app.router.add_get(f"/{_PLAYGROUND}/{name}", _playground_page)


@_routes.get("/playground")
async def _index(request: web.Request) -> web.Response:
    return respond(request, "playground")


async def _playground_page(request: web.Request) -> web.Response:
    return respond(request, request.path.removeprefix("/"))


@_routes.get("/forms")
async def _forms(request: web.Request) -> web.Response:
    return respond(request, "forms")


@_routes.post("/forms")
async def _echo(request: web.Request) -> web.Response:
    """Show what was submitted, one row for each field."""
    answers: dict[str, list[str]] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            size = len(await asyncio.to_thread(value.file.read))
            answers.setdefault(name, []).extend(
                [f"{value.filename} ({size} bytes)"] if value.filename else []
            )
        else:
            text = value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
            answers.setdefault(name, []).extend([text] if text else [])
    templates = request.app[TEMPLATES]
    rows = [
        templates.fragment("echo-row", name=name, value=", ".join(values) or _NO_VALUE)
        for name, values in answers.items()
    ]
    return respond(request, "forms-received", {"rows": Html("".join(rows))})


@_routes.get("/downloads/stock-report.csv")
async def _report(request: web.Request) -> web.Response:
    return web.Response(
        text=_stock_report(request.app[CATALOG].products),
        content_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{REPORT_NAME}"'},
    )


@_routes.get("/embed/size-guide")
async def _size_guide(request: web.Request) -> web.Response:
    return web.Response(text=request.app[TEMPLATES].bare("size-guide"), content_type="text/html")


@_routes.get("/api/feed")
async def _feed(request: web.Request) -> web.Response:
    """The next news items, and whether more are left."""
    try:
        offset = max(0, int(request.query.get("offset", "0")))
    except ValueError:
        raise web.HTTPBadRequest(text="offset must be a whole number") from None
    end = min(offset + FEED_BATCH, FEED_TOTAL)
    return web.json_response(
        {"items": [f"Harbor news {n + 1}" for n in range(offset, end)], "more": end < FEED_TOTAL}
    )


@_routes.get("/slow")
async def _slow(request: web.Request) -> web.Response:
    await asyncio.sleep(SLOW_PAGE_SECONDS)
    return respond(request, "slow")


@_routes.get("/broken")
async def _broken(request: web.Request) -> web.Response:
    return respond(request, "broken", status=500)


def _stock_report(products: Iterable[Product]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["product", "category", "price", "stock"])
    writer.writerows([item.name, item.category, money(item.price), item.stock] for item in products)
    return out.getvalue()
