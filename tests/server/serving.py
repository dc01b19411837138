"""Real servers on free ports, in this process, and who looks at what they send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakSet

import aiohttp
import socketio

from batchwright.client import AsyncClient
from server.serving import RunningServer, running_server
from server.settings import AccessLog, ServerSettings
from tests.batches.runs import PATIENCE_S


@dataclass
class Serving:
    """A server with a client.

    Attributes:
        server: The server, which runs in this process.
        client: Our client of it.
        http: For raw requests; paths are enough.
    """

    server: RunningServer
    client: AsyncClient
    http: aiohttp.ClientSession

    async def text(self, path: str) -> str:
        """The text of an answer that must be a good one."""
        async with self.http.get(path) as answer:
            assert answer.status == 200
            return await answer.text()

    async def json(self, path: str) -> tuple[int, Any]:
        """Status and content of an answer."""
        async with self.http.get(path) as answer:
            return answer.status, await answer.json()


@contextmanager
def _tasks_of_others() -> Iterator[WeakSet[asyncio.Future[Any]]]:
    """What runs already in this loop, such as a server that tests share, and what that starts in the block."""
    loop = asyncio.get_running_loop()
    usual = loop.get_task_factory()
    others: WeakSet[asyncio.Future[Any]] = WeakSet(asyncio.all_tasks() - {asyncio.current_task()})

    def start(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
        task = usual(loop, work, **options) if usual else asyncio.Task(work, loop=loop, **options)
        if asyncio.current_task(loop) in others:
            others.add(task)
        return task

    loop.set_task_factory(start)
    try:
        yield others
    finally:
        loop.set_task_factory(usual)


@asynccontextmanager
async def serving(root: Path, *, alone: bool = True, **settings: Any) -> AsyncIterator[Serving]:
    """A server whose root is a folder, with its output below it; it leaves no task behind.

    Args:
        root: The folder.
        alone: Whether nothing else goes on at the same time, so that tasks that are left are this server's.
        settings: Beyond ours.
    """
    given = {
        "port": 0,
        "workers": 4,
        "output": root / "output",
        "roots": (root,),
        "access_log": AccessLog.OFF,
    }
    with _tasks_of_others() as others:
        async with (
            running_server(ServerSettings(**{**given, **settings})) as server,
            AsyncClient(server.url) as client,
            aiohttp.ClientSession(server.url) as http,
        ):
            yield Serving(server, client, http)
        left = asyncio.all_tasks() - set(others) - {asyncio.current_task()} if alone else set()
    names = {f"{task.get_name()}: {task.get_coro()!r}" for task in left}
    assert not names, f"tasks are left: {names}"


@dataclass
class Watcher:
    """A python-socketio client that keeps all it gets."""

    socket: socketio.AsyncClient
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, name: str) -> list[dict[str, Any]]:
        """The payloads of one kind of message."""
        return [data for kind, data in self.seen if kind == name]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the messages tell."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def take(self, name: str, data: dict[str, Any]) -> None:
        """Keep a message."""
        self.seen.append((name, data))
        self.changed.set()


@asynccontextmanager
async def watching(url: str, **options: Any) -> AsyncIterator[Watcher]:
    """A client that subscribes to nothing and so gets everything; options are those of its connecting."""
    watcher = Watcher(socketio.AsyncClient(reconnection=False, handle_sigint=False))
    watcher.socket.on("*", watcher.take)
    await watcher.socket.connect(url, **{"transports": ["websocket"], **options})
    try:
        yield watcher
    finally:
        await watcher.socket.disconnect()
        await watcher.socket.shutdown()
