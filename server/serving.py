"""Running the server: everything is built here, put on an address, and taken down again in order.

`running_server` is the whole server as a context manager, in this process; the command line adds signals.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from batches.eventlog import Listener
from batches.events import BatchEnded, Event
from batches.local import LocalEngine
from batches.pool import BrowserPool, PoolSettings
from batches.runner import Runner
from batches.service import Service
from batches.state import BatchState
from batches.tinydb_store import TinyDbStore
from nodes.errors import BatchwrightError, ConfigurationError
from nodes.plugins import load_plugins
from nodes.secrets import Secrets, load_secrets
from server.access_log import access_log_class
from server.app import create_app
from server.health import HEALTH, Health, Phase
from server.plugins import FoundPlugins
from server.retention import retaining
from server.run_log import logging_runs
from server.settings import ServerSettings

__all__ = ["ListenError", "RunningServer", "running_server", "secrets_of"]

MAX_REQUEST_LINE: Final = 64 * 1024
"""Longest method, path and query, bytes: paths of files are part of queries, with three bytes for one."""

HANDLER_GRACE_S: Final = 3.0
"""How long requests in the middle of their answer may take at the end, seconds."""

logger = logging.getLogger("batchwright.server")


class ListenError(BatchwrightError):
    """Raised when the server cannot listen where it should; ``host`` and ``port`` say where."""

    code = "ADDRESS_NOT_USABLE"

    def __init__(self, host: str, port: int, reason: str, *, in_use: bool) -> None:
        super().__init__(
            f"Cannot listen on {host} port {port}: {reason}", code="PORT_IN_USE" if in_use else None
        )
        self.host = host
        self.port = port


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers.

    Attributes:
        url: Its address, without a slash at the end.
        port: Its port, also where a free one was asked for.
        service: The runs.
        app: The aiohttp application.
        pool: The browsers.
    """

    url: str
    port: int
    service: Service
    app: web.Application
    pool: BrowserPool

    @property
    def health(self) -> Health:
        """What the probes say."""
        return self.app[HEALTH]


@asynccontextmanager
async def running_server(
    settings: ServerSettings, *, secrets: Secrets | None = None
) -> AsyncIterator[RunningServer]:
    """Serve during the block; at its end no task, browser or socket is left.

    It listens before it touches the output folder: a second server on the same port changes nothing there.
    Until history is read, requests are answered with 503.

    Args:
        settings: Port 0 takes a free one.
        secrets: What workflows may name; read as the settings say if not given.

    Raises:
        ListenError: The address cannot be used.
        StoreError: The output folder cannot be used.
        ConfigurationError: The port file cannot be written, or secrets or plugins cannot be read.
    """
    secrets = secrets or await asyncio.to_thread(secrets_of, settings)
    plugins = await asyncio.to_thread(load_plugins, settings.plugins)
    store = TinyDbStore(settings.output)
    pool = BrowserPool(PoolSettings(reuse_contexts=settings.reuse_contexts))
    engine = LocalEngine(plugins.registry, pool, slots=settings.workers, secrets=secrets)
    runner = Runner(
        store=store, engine=engine, output=settings.output, root=settings.roots[0], secrets=secrets
    )
    service = Service(
        runner=runner,
        store=store,
        registry=plugins.registry,
        output=settings.output,
        roots=settings.roots,
    )
    app = create_app(service, settings, plugins=FoundPlugins(plugins))
    health = app[HEALTH]
    health.phase, health.pool = Phase.STARTING, pool
    async with AsyncExitStack() as stack:
        port = await _listen(app, settings, stack)
        stack.enter_context(logging_runs(service.log))
        stack.callback(service.log.listen(_browser_closer(service, pool)))
        stack.push_async_callback(store.close)
        await store.open()
        stack.push_async_callback(_close, service, health, settings.drain_s)
        await service.start(resume=settings.resume)
        await stack.enter_async_context(retaining(service, settings))
        await _announce_port(settings.port_file, port, stack)
        health.phase = Phase.READY
        yield RunningServer(_url(settings.host, port), port, service, app, pool)


def secrets_of(settings: ServerSettings) -> Secrets:
    """The secrets that the settings name; blocks.

    Raises:
        ConfigurationError: They cannot be read.
    """
    return load_secrets(file=settings.secrets_file, names=settings.secrets)


async def _listen(app: web.Application, settings: ServerSettings, stack: AsyncExitStack) -> int:
    """Put the app on its address; returns the port."""
    runner = web.AppRunner(
        app,
        access_log=logging.getLogger("batchwright.access"),
        access_log_class=access_log_class(settings.access_log),
        shutdown_timeout=HANDLER_GRACE_S,
        max_line_size=MAX_REQUEST_LINE,
    )
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        raise _explained(error, settings) from error
    return int(runner.addresses[0][1])


def _browser_closer(service: Service, pool: BrowserPool) -> Listener:
    """Lets no browser wait for reuse after a stop that left nothing running: whoever stops wants quiet."""

    def on_event(event: Event, state: BatchState) -> None:
        if isinstance(event, BatchEnded) and state.counts.stopped and not service.active():
            pool.retire()

    return on_event


async def _close(service: Service, health: Health, drain_s: float) -> None:
    """Stop the runs while requests are still answered, so that clients see how they end."""
    health.phase = Phase.DRAINING
    await service.close(drain_s=drain_s)


async def _announce_port(file: Path | None, port: int, stack: AsyncExitStack) -> None:
    """Write the port file, and take it away at the end."""
    if file is None:
        return
    try:
        await asyncio.to_thread(file.write_text, str(port), "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The port file {file} cannot be written: {error.strerror}", field="port_file"
        ) from error
    stack.push_async_callback(asyncio.to_thread, file.unlink, missing_ok=True)


def _explained(error: OSError, settings: ServerSettings) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        reason = "another program uses it; stop that one, or choose another port with --port"
        return ListenError(settings.host, settings.port, reason, in_use=True)
    if error.errno == errno.EACCES:
        reason = "not allowed; ports below 1024 need rights, choose another one with --port"
    else:
        reason = error.strerror or str(error)
    return ListenError(settings.host, settings.port, reason, in_use=False)


def _url(host: str, port: int) -> str:
    """The address to call: a server that listens everywhere is called on loopback."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
