"""Servers that the database tests share, and running queries in a workflow."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from nodes.database.drivers import DRIVERS
from tests.conftest import RunSteps
from tests.nodes.database.servers import Settings, mysql_server, postgres_server, redis_server
from tests.running import Outcome, Step

RunQueries = Callable[..., Coroutine[Any, Any, Outcome]]

MODULES = {driver.module for driver in DRIVERS.values() if driver.library} | {"mongodb_operations"}

BEGIN: Step = ("dbTransactionBegin", {})
COMMIT: Step = ("dbTransactionCommit", {})
ROLLBACK: Step = ("dbTransactionRollback", {})


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Settings]:
    async with postgres_server() as settings:
        yield settings


@pytest.fixture(scope="session")
async def mysql() -> AsyncIterator[Settings]:
    async with mysql_server() as settings:
        yield settings


@pytest.fixture(scope="session")
async def redis() -> AsyncIterator[Settings]:
    async with redis_server() as settings:
        yield settings


@pytest.fixture
def run_queries(run_steps: RunSteps) -> RunQueries:
    """Connect, then run queries (texts, or properties of dbQuery) and other steps one after the other.

    The connection is the node n1, the first step n2.
    """

    async def run(settings: Settings, *steps: Any, **options: Any) -> Outcome:
        nodes = [("dbConnect", settings)]
        for step in steps:
            query = {"query": step} if isinstance(step, str) else step
            nodes.append(step if isinstance(step, tuple) else ("dbQuery", query))
        return await run_steps(*nodes, open_browser=False, **options)

    return run


@pytest.fixture
async def silent_port() -> AsyncIterator[int]:
    """A port where somebody takes connections and never says a word."""
    ends: list[asyncio.StreamWriter] = []

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in ends:
        writer.close()
    server.close()
    await server.wait_closed()


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a library impossible to import, as if it were not installed."""

    def hide(library: str) -> None:
        for name in [name for name in sys.modules if name.startswith("nodes.database.")]:
            if name.rpartition(".")[2] in MODULES:
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, library, None)

    return hide
