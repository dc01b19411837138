"""One log line for a request: by default only for those that may change something.

Paths are logged as they came, percent-encoded, and without their query, which may hold secrets.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from server.settings import AccessLog

__all__ = ["access_log_class"]

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_SOCKETS: Final = "/socket.io/"
"""Where sockets without WebSocket post every message."""


class _Changes(AbstractAccessLogger):
    """Logs requests that may change something."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        if request.method not in _READS and request.path != _SOCKETS:
            self._write(request, response, time)

    def _write(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        path = request.rel_url.raw_path
        self.logger.info(
            "%s %s %d",
            request.method,
            path,
            response.status,
            extra={
                "method": request.method,
                "path": path,
                "status": response.status,
                "durationMs": round(time * 1000, 1),
                "remote": request.remote,
            },
        )

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.INFO)


class _All(_Changes):
    """Logs every request."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self._write(request, response, time)


class _Off(_Changes):
    """Logs nothing."""

    @property
    def enabled(self) -> bool:
        return False


_CLASSES: Final = {AccessLog.OFF: _Off, AccessLog.CHANGES: _Changes, AccessLog.ALL: _All}


def access_log_class(which: AccessLog) -> type[AbstractAccessLogger]:
    """What aiohttp shall log requests with."""
    return _CLASSES[which]
