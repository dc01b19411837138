"""About the server itself: its machine, its port (api.md, section 7)."""

from __future__ import annotations

import asyncio
import getpass
import importlib.metadata
import platform
import sys
from typing import Final

import psutil
from aiohttp import web

from batches.events import Record
from server.endpoints import Routes

__all__ = ["add_routes"]

_ARCHITECTURES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "i386": "ia32", "i686": "ia32"}
"""Words of Node.js, which clients know."""


class SystemInfo(Record):
    """The server's machine."""

    app_version: str
    node_version: str
    """What runs the server; there is no Node.js here, so this is Python's version."""
    os: str
    """`linux`, `darwin` or `win32`."""
    arch: str
    """`x64`, `arm64`, ..."""
    playwright_version: str
    ram_total: int
    """Bytes."""
    ram_free: int
    """Bytes."""
    username: str


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    routes = Routes(app, tag="System")
    routes.get("/api/system-info", system_info)
    routes.get("/.automflows-port", port_text, produces="text/plain")


async def system_info(request: web.Request) -> SystemInfo:
    """Versions, memory and user."""
    del request
    return await asyncio.to_thread(_system_info)


async def port_text(request: web.Request) -> web.Response:
    """The server's port as text."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return web.Response(text=str(name[1]) if isinstance(name, tuple) else "")


def _system_info() -> SystemInfo:
    memory, machine = psutil.virtual_memory(), platform.machine().lower()
    return SystemInfo(
        app_version=importlib.metadata.version("batchwright"),
        node_version=f"Python {platform.python_version()}",
        os=sys.platform,
        arch=_ARCHITECTURES.get(machine, machine),
        playwright_version=importlib.metadata.version("playwright"),
        ram_total=memory.total,
        ram_free=memory.available,
        username=_username(),
    )


def _username() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
