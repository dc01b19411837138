"""Whether the server lives, whether it takes work, and its numbers.

``GET /healthz`` is 200 while the process does its work and 503 once results can no longer be written: start it
again. ``GET /readyz`` is 200 while new work is taken, else 503 with the reasons: starting, draining, the journal
failed. ``GET /metrics`` is in Prometheus' text format.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client.exposition import choose_encoder

from batches.pool import BrowserPool
from batches.service import Service
from server.keys import HUB, SERVICE
from server.metrics import Metrics

__all__ = ["HEALTH", "PROBES", "Health", "Phase", "add_routes"]

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Paths that are answered without a token."""

RETRY_AFTER_S: Final = "1"

_NEVER_STORED: Final = {"Cache-Control": "no-store"}


class Phase(StrEnum):
    """What the server is about to do."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass(slots=True)
class Health:
    """The state of one server.

    Attributes:
        service: The runs.
        phase: Set by whoever starts and ends the server.
        pool: The browsers, if there are some.
    """

    service: Service
    phase: Phase = Phase.READY
    pool: BrowserPool | None = None

    def faults(self) -> list[str]:
        """What only a new start can mend."""
        error = self.service.log.error
        return [] if error is None else [f"results can no longer be written: {error.code}"]

    def reasons(self) -> list[str]:
        """Why no new work is taken; empty while it is."""
        reasons = self.faults()
        if self.phase is not Phase.READY:
            reasons.append(self.phase.value)
        elif not reasons and not self.service.accepting:
            reasons.append("not accepting work")
        return reasons


HEALTH: Final = web.AppKey("HEALTH", Health)
"""Where an application keeps its state."""


def add_routes(app: web.Application) -> None:
    """Add probes and metrics, and let everything else wait until the server has started."""
    health = Health(app[SERVICE])
    app[HEALTH] = health
    app.middlewares.append(_refuse_early)
    app.router.add_get("/healthz", _live)
    app.router.add_get("/readyz", _ready)
    metrics = Metrics(app[SERVICE], pool=lambda: health.pool, hub=lambda: app.get(HUB))
    app.cleanup_ctx.append(_counting(metrics))

    async def show(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": content_type, **_NEVER_STORED})

    app.router.add_get("/metrics", show)


def _counting(metrics: Metrics) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(_app: web.Application) -> AsyncIterator[None]:
        unlisten = metrics.listen()
        yield
        unlisten()

    return context


async def _live(request: web.Request) -> web.Response:
    faults = request.app[HEALTH].faults()
    return _answer("failed" if faults else "ok", faults)


async def _ready(request: web.Request) -> web.Response:
    reasons = request.app[HEALTH].reasons()
    return _answer("not ready" if reasons else "ready", reasons)


def _answer(word: str, reasons: list[str]) -> web.Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return web.json_response({"status": word, "reasons": reasons}, status=status, headers=_NEVER_STORED)


@web.middleware
async def _refuse_early(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Before history is read, nothing but the probes can be answered truly."""
    if request.app[HEALTH].phase is not Phase.STARTING or request.path in PROBES:
        return await handler(request)
    return web.json_response(
        {"error": "The server is starting", "message": "Try again in a moment", "code": "STARTING"},
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": RETRY_AFTER_S},
    )
