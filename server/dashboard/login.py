"""Logging in to the dashboard where the server has a token, which then lies in a cookie that scripts cannot read."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from batches.events import Record
from server.dashboard.policy import PAGE_HEADERS
from server.endpoints import Routes
from server.keys import SETTINGS
from server.security import TOKEN_COOKIE

__all__ = ["add_routes"]

KEEP_S: Final = 30 * 24 * 3600
"""How long a browser keeps the token, seconds."""

_PAGE: Final = Path(__file__).parent / "static" / "login.html"
_PROBLEM: Final = "<!-- problem -->"
_WRONG: Final = '<p class="login-problem" role="alert">That is not the token of this server.</p>'
_MOST_BYTES: Final = 10_000


class SessionView(Record):
    """Who the page is."""

    token: bool
    """Whether the server has a token, so that one can log out."""


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    app.router.add_get("/login", _show)
    app.router.add_post("/login", _log_in)
    app.router.add_post("/logout", _log_out)
    Routes(app, tag="Dashboard").get("/api/dashboard/session", get_session)


async def get_session(request: web.Request) -> SessionView:
    """Whether the server has a token. Answers 401 to who does not know it."""
    return SessionView(token=request.app[SETTINGS].token is not None)


async def _show(request: web.Request) -> web.StreamResponse:
    if request.app[SETTINGS].token is None:
        raise web.HTTPSeeOther("/")
    return await _page("")


async def _log_in(request: web.Request) -> web.StreamResponse:
    token = request.app[SETTINGS].token
    if token is None:
        raise web.HTTPSeeOther("/")
    if (request.content_length or 0) > _MOST_BYTES:
        return await _page(_WRONG, status=413)
    given = (await request.post()).get("token")
    if not isinstance(given, str) or not hmac.compare_digest(
        given.strip().encode(), token.get_secret_value().encode()
    ):
        return await _page(_WRONG, status=401)
    answer = web.Response(status=303, headers={hdrs.LOCATION: "/"})
    answer.set_cookie(
        TOKEN_COOKIE,
        token.get_secret_value(),
        max_age=KEEP_S,
        httponly=True,
        samesite="Strict",
        secure=_is_encrypted(request),
    )
    return answer


async def _log_out(_request: web.Request) -> web.StreamResponse:
    answer = web.Response(status=303, headers={hdrs.LOCATION: "/login"})
    answer.del_cookie(TOKEN_COOKIE, httponly=True, samesite="Strict")
    return answer


def _is_encrypted(request: web.Request) -> bool:
    """Whether the browser came by TLS; a proxy that ends it says so."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


async def _page(problem: str, *, status: int = 200) -> web.Response:
    text = (await asyncio.to_thread(_PAGE.read_text, "utf-8")).replace(_PROBLEM, problem)
    headers = {**PAGE_HEADERS, hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
