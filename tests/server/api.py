"""A real server on a free port, and a client that knows what to expect of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from yarl import URL

from batches.events import Event, ExecutionPaused, ExecutionSuspended, NodeStarted
from batches.service import Service
from batches.state import BatchState
from server.serving import RunningServer, running_server
from server.settings import ServerSettings
from tests.batches.runs import PATIENCE_S

EXECUTE = "/api/workflows/execute"
EXECUTION = "/api/workflows/execution"
BATCH = "/api/workflows/execution/batch"
HISTORY = "/api/workflows/executions/batches"


@dataclass
class Api:
    """A server and its client."""

    server: RunningServer
    session: aiohttp.ClientSession
    root: Path

    @property
    def service(self) -> Service:
        return self.server.service

    async def call(self, method: str, path: str | URL, *, status: int = 200, **options: Any) -> Any:
        """Send a request whose answer has this status; returns its JSON."""
        async with self.session.request(method, path, **options) as answer:
            text = await answer.text()
            assert answer.status == status, f"{method} {path}: {answer.status} {text}"
            return orjson.loads(text)

    async def get(self, path: str, *, status: int = 200, **options: Any) -> Any:
        return await self.call("GET", path, status=status, **options)

    async def post(self, path: str, json: Any = None, *, status: int = 200, **options: Any) -> Any:
        return await self.call("POST", path, status=status, json=json, **options)

    async def execute(self, *, status: int = 200, **body: Any) -> Any:
        return await self.post(EXECUTE, body, status=status)

    async def run(self, *documents: dict[str, Any], **body: Any) -> str:
        """Run a batch to its end; returns its id."""
        answer = await self.execute(workflows=list(documents), **body)
        await self.over(answer["batchId"])
        return str(answer["batchId"])

    async def over(self, batch_id: str) -> BatchState:
        """Wait for the end of a batch."""
        return await asyncio.wait_for(self.service.runner.wait(batch_id), PATIENCE_S)

    async def at_node(self, node_id: str, count: int = 1) -> None:
        """Wait until so many executions are at a node."""

        def there() -> int:
            return sum(found.execution.current_node_id == node_id for found in self.service.active())

        await self._until(lambda: there() >= count)

    async def paused(self, execution_id: str) -> None:
        """Wait until an execution is paused."""
        found = await self.service.execution(execution_id)
        await self._until(lambda: found.execution.pause is not None)

    async def asked(self, execution_id: str) -> None:
        """Wait until an execution waits for a person's reply."""
        found = await self.service.execution(execution_id)
        await self._until(lambda: found.execution.question is not None)

    async def suspended(self, count: int = 1) -> list[str]:
        """Wait until so many executions wait for a person; returns their ids."""

        def names() -> list[str]:
            active = self.service.active()
            return [found.execution.execution_id for found in active if found.execution.question]

        await self._until(lambda: len(names()) >= count)
        return names()

    async def _until(self, condition: Callable[[], bool]) -> None:
        changed = asyncio.Event()

        def listen(event: Event, _state: BatchState) -> None:
            if isinstance(event, NodeStarted | ExecutionPaused | ExecutionSuspended):
                changed.set()

        unlisten = self.service.log.listen(listen)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    changed.clear()
                    await changed.wait()
        finally:
            unlisten()

    def write(self, path: str, content: Any) -> Path:
        """A file below the root; anything but text is written as JSON."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else orjson.dumps(content).decode())
        return file


@asynccontextmanager
async def serving(
    root: Path, *, headers: dict[str, str] | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """A server whose root and output folder are below a folder."""
    options = {"port": 0, "output": root / "output", "roots": (root,), "workers": 2, **settings}
    async with (
        running_server(ServerSettings(**options)) as server,
        aiohttp.ClientSession(server.url, headers=headers) as session,
    ):
        yield Api(server, session, root)
