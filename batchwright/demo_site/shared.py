"""What the handlers share: typed keys, and the answer with a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from batchwright.demo_site.catalog import Catalog
from batchwright.demo_site.sessions import Session, SessionStore
from batchwright.demo_site.templates import Templates

__all__ = ["CATALOG", "SESSION", "SESSIONS", "SLOW_PART_SECONDS", "TEMPLATES", "respond", "text_fields"]

TEMPLATES: Final = web.AppKey("templates", Templates)
CATALOG: Final = web.AppKey("catalog", Catalog)
SESSIONS: Final = web.AppKey("sessions", SessionStore)
SESSION: Final = web.RequestKey("session", Session)

SLOW_PART_SECONDS: Final = 0.4
"""How long the parts of a page that are fetched later take to arrive."""


def respond(
    request: web.Request, page: str, values: Mapping[str, object] | None = None, *, status: int = 200
) -> web.Response:
    """Answer with a page of the site; ``values`` fill its placeholders."""
    session = request[SESSION]
    templates = request.app[TEMPLATES]
    frame: dict[str, object] = {
        "cart_count": session.cart_count,
        "query": request.query.get("q", ""),
        "account": templates.fragment("signed-in", user=session.user)
        if session.user
        else templates.fragment("signed-out"),
    }
    return web.Response(
        text=templates.page(page, frame, values or {}), content_type="text/html", status=status
    )


async def text_fields(request: web.Request) -> dict[str, str]:
    """The text fields of a submitted form, trimmed; of fields with the same name the last one counts."""
    form = await request.post()
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}
