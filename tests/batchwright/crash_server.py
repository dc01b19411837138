"""A server in a forked process that has everything imported already: starting one costs next to nothing.

The fork server is clean and has one thread, so that forking is safe.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from server.serving import running_server
from server.settings import AccessLog, ServerSettings
from tests.batchwright.command import PATIENCE_S

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.batchwright.crash_server"])


def serve(root: Path, workers: int, pipe: Connection) -> None:
    """Serve until killed; the address goes through the pipe."""
    logging.disable(logging.CRITICAL)
    asyncio.run(_serve(root, workers, pipe))


async def _serve(root: Path, workers: int, pipe: Connection) -> None:
    settings = ServerSettings(
        port=0, workers=workers, output=root / "output", roots=(root,), access_log=AccessLog.OFF
    )
    async with running_server(settings) as server:
        pipe.send(server.url)
        await asyncio.Event().wait()


@asynccontextmanager
async def forked(root: Path, *, workers: int) -> AsyncIterator[tuple[str, ForkServerProcess]]:
    """A server's address and process, which is killed at the end of the block."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=serve, args=(root, workers, theirs), daemon=True)
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        assert await asyncio.to_thread(ours.poll, PATIENCE_S), "it did not start"
        yield await asyncio.to_thread(ours.recv), process
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()
        ours.close()
