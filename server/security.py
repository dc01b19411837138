"""Who is answered: the Host allow-list, the token, other web pages (CORS and Origin).

The middleware guards every route, ``/socket.io/`` included; `admits` is the same check for a socket's
handshake. A browser that is tricked into calling this server (DNS rebinding, forged requests of other pages)
is stopped by Host and Origin, other people by the token.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from server.problems import Family, Problem, problem_of, problem_response
from server.settings import ServerSettings, is_loopback

__all__ = ["OPEN_PATHS", "TOKEN_COOKIE", "Refusal", "admits", "security_middleware"]

TOKEN_COOKIE: Final = "batchwright_token"  # noqa: S105 - the cookie's name
"""Cookie that may carry the token, for pages of this server."""

OPEN_PATHS: Final = frozenset(
    {"/healthz", "/readyz", "/api-docs", "/api-docs/", "/api-docs/page.js", "/api-docs/page.css", "/login"}
)
"""Answered without a token: probes have none, and the pages ask for it."""

_PAGE_FILES: Final = "/dashboard/"
"""Styles and scripts of the dashboard, the login page's among them; they hold nothing of the runs."""

_START: Final = "/"
_LOGIN: Final = "/login"

_SOCKETS: Final = "/socket.io/"
"""Its handshake, which may carry the token in its payload, is checked by `server.sockets`."""

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_SAFE_METHODS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})

_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, X-API-Key"
_PREFLIGHT_S: Final = "600"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered; ``status`` is 401, 403 or 421."""

    status: int
    code: str
    message: str


def admits(
    settings: ServerSettings,
    headers: Mapping[str, str],
    *,
    path: str = "/",
    changes: bool = True,
    token: str | None = None,
    cookies: Mapping[str, str] | None = None,
) -> Refusal | None:
    """Why a request or handshake is refused, or None if it is admitted.

    Args:
        settings: Hosts, origins and token.
        headers: Of the request; names in any case, if the mapping allows.
        path: Probes need no token.
        changes: Whether it may change something, or opens a channel that may: then Origin counts.
        token: One that came another way, such as a handshake's payload.
        cookies: Of the request.
    """
    host = headers.get(hdrs.HOST, "")
    if not _host_allowed(settings, host):
        return Refusal(
            421,
            "HOST_NOT_ALLOWED",
            "This Host is not served here; --allowed-host adds it to the allowed ones",
        )
    origin = headers.get(hdrs.ORIGIN)
    if changes and origin is not None and not (_same_origin(origin, host) or _listed(settings, origin)):
        return Refusal(
            403,
            "ORIGIN_NOT_ALLOWED",
            "Pages of this origin may not change anything here; --cors-origin adds it to the allowed ones",
        )
    is_open = path in OPEN_PATHS or path.startswith(_PAGE_FILES)
    if not is_open and not _knows_token(settings, headers, token, cookies or {}):
        return Refusal(
            401,
            "TOKEN_REQUIRED",
            "Send the server's token as 'Authorization: Bearer ...' or 'X-API-Key: ...'",
        )
    return None


def security_middleware(settings: ServerSettings) -> Middleware:
    """The guard before every route; it also turns what no route caught into answers, and adds headers."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        cross = origin if origin is not None and _listed(settings, origin) else None
        preflight = (
            request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        )
        without_token = preflight or request.path == _SOCKETS
        refusal = _refusal(settings, request, without_token=without_token)
        if refusal is not None and refusal.status == 401 and request.path == _START:
            answer: web.StreamResponse = web.Response(status=303, headers={hdrs.LOCATION: _LOGIN})
        elif refusal is not None:
            headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
            answer = _refused(refusal, headers)
        elif preflight and cross is not None:
            answer = web.Response(status=204)
        else:
            answer = await _handled(request, handler)
        if not answer.prepared:
            _add_headers(answer, cross, preflight=preflight)
        return answer

    return guard


def _refusal(settings: ServerSettings, request: web.Request, *, without_token: bool) -> Refusal | None:
    if len(request.headers.getall(hdrs.HOST, [])) > 1:
        return Refusal(421, "HOST_NOT_ALLOWED", "A request has one Host header")
    refusal = admits(
        settings,
        request.headers,
        path=request.path,
        changes=request.method not in _SAFE_METHODS
        or request.path == _SOCKETS
        or hdrs.UPGRADE in request.headers,
        cookies=request.cookies,
    )
    return None if refusal is not None and refusal.status == 401 and without_token else refusal


def _refused(refusal: Refusal, headers: Mapping[str, str]) -> web.Response:
    titles = {401: "Unauthorized", 403: "Forbidden", 421: "Misdirected Request"}
    problem = Problem(
        refusal.status, titles[refusal.status], refusal.message, code=refusal.code, headers=headers
    )
    return problem_response(problem, Family.ERROR)


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        if error.status == 404:
            problem = Problem(
                404, "Not found", f"There is nothing at {request.method} {request.path}", code="NO_ROUTE"
            )
        else:
            problem = problem_of(error)
    except Exception as error:  # noqa: BLE001 - nothing may answer with a traceback
        problem = problem_of(error)
    return problem_response(problem)


def _add_headers(answer: web.StreamResponse, origin: str | None, *, preflight: bool) -> None:
    headers = answer.headers
    headers.setdefault(hdrs.X_CONTENT_TYPE_OPTIONS, "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    if origin is None:
        return
    headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
    headers[hdrs.VARY] = hdrs.ORIGIN
    headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "Idempotency-Replayed, Content-Disposition"
    if preflight:
        headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
        headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _HEADERS
        headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _PREFLIGHT_S


def _host_allowed(settings: ServerSettings, header: str) -> bool:
    """Whether the Host header names this server.

    Names are compared without the port: rebinding needs a name of the attacker. Where the server listens for
    other machines, any address counts, as addresses cannot be rebound.
    """
    name = _host_name(header)
    if name is None:
        return False
    allowed = {_host_name(item) for item in settings.allowed_hosts} | {_host_name(settings.host)}
    if name in _LOOPBACK_NAMES or name in allowed or "*" in settings.allowed_hosts:
        return True
    return not is_loopback(settings.host) and _is_address(name)


def _host_name(header: str) -> str | None:
    """The name or address in a Host header, in lower case, without port and brackets."""
    if header.count(":") > 1 and not header.startswith("["):
        return header.lower()
    try:
        parts = urlsplit(f"//{header}")
        port = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.path or parts.query or (port is not None and port < 0):
        return None
    return parts.hostname.rstrip(".") if parts.hostname else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same_origin(origin: str, host: str) -> bool:
    """Whether a page came from the server that it calls; its scheme may differ behind a proxy."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _listed(settings: ServerSettings, origin: str) -> bool:
    allowed = settings.cors_origins
    return "*" in allowed or origin.rstrip("/") in {item.rstrip("/") for item in allowed}


def _knows_token(
    settings: ServerSettings, headers: Mapping[str, str], token: str | None, cookies: Mapping[str, str]
) -> bool:
    if settings.token is None:
        return True
    scheme, _, bearer = headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    given = (
        bearer.strip() if scheme.lower() == "bearer" else None,
        headers.get("X-API-Key"),
        cookies.get(TOKEN_COOKIE),
        token,
    )
    secret = settings.token.get_secret_value().encode()
    return any(hmac.compare_digest(item.encode("utf-8", "surrogateescape"), secret) for item in given if item)
