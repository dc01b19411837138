"""``batchwright serve`` in a process of its own, and the answers it gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from batchwright.client import AsyncClient
from tests.batchwright.command import PATIENCE_S, Running, started


class Served:
    """A running server.

    Attributes:
        running: Its process.
        url: Its address.
        client: Talks to it.
    """

    def __init__(self, running: Running, url: str, client: AsyncClient) -> None:
        self.running = running
        self.url = url
        self.client = client

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Status and JSON (else text) of an answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, headers=headers) as answer,
        ):
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def at_node(self, node_id: str, count: int) -> None:
        """Wait until so many executions are at a node."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                active = await self.client.active()
                if sum(item.current_node_id == node_id for item in active.executions) >= count:
                    break
                await asyncio.sleep(0.02)
        self.running.look()

    async def until_it_listens(self) -> None:
        """Wait until there is an answer, whichever."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await self.get("/healthz")
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.02)
                else:
                    return

    async def unready(self) -> None:
        """Wait until it takes no more work."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                status, _ = await self.get("/readyz")
                if status != 200:
                    return
                await asyncio.sleep(0.02)

    @property
    def browsers(self) -> list[psutil.Process]:
        """The browser processes seen below it that still live."""
        return [
            process for process in self.running.family if process.is_running() and "chrom" in process.name()
        ]


@asynccontextmanager
async def served(
    cwd: Path, *args: str | Path, token: str | None = None, **options: Any
) -> AsyncIterator[Served]:
    """A server on a free port, with its output in ``cwd/output``; whatever is left of it is killed.

    Args:
        cwd: Its working directory, which is its root.
        args: Further arguments.
        token: What the client sends.
        options: Those of `started`.
    """
    port_file = cwd / "port.txt"
    port_file.unlink(missing_ok=True)
    command = ("serve", "--port", "0", "--port-file", port_file, *args)
    async with started(*command, cwd=cwd, **options) as running:
        await running.until(lambda: port_file.exists() and port_file.read_text() != "")
        url = f"http://127.0.0.1:{port_file.read_text()}"
        async with AsyncClient(url, token=token) as client:
            yield Served(running, url, client)
