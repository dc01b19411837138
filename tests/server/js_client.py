"""The real JavaScript socket.io-client, in a Node process of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.batches.runs import PATIENCE_S

VERSION = "4.8.4"
SCRIPT = Path(__file__).with_name("socket_client.cjs")


_FOLDERS: list[Path] = []


def installed(factory: pytest.TempPathFactory) -> Path:
    """A folder with the client, installed once; skips where Node is missing or packages cannot be fetched."""
    if not _FOLDERS:
        _FOLDERS.append(_install(factory.mktemp("js")))
    return _FOLDERS[0]


def _install(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not on this machine")
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", f"socket.io-client@{VERSION}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install socket.io-client: {done.stderr.strip()[-200:]}")
    return folder


class JsClient:
    """What the script told so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []
        self.changed = asyncio.Event()

    async def read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(json.loads(line))
            self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]

    def bodies(self, name: str) -> list[dict[str, Any]]:
        """The arguments of an event, in the order in which they came."""
        return [line["body"] for line in self.of("event") if line["name"] == name]

    async def call(self, name: str, payload: Any = None) -> Any:
        """Emit with an acknowledgement, and wait for it."""
        assert self._process.stdin is not None
        before = len(self.of("answer"))
        self._process.stdin.write(json.dumps({"name": name, "payload": payload}).encode() + b"\n")
        await self._process.stdin.drain()
        await self.until(lambda: len(self.of("answer")) > before)
        return self.of("answer")[before]["body"]


@asynccontextmanager
async def js_client(folder: Path, url: str, **options: Any) -> AsyncIterator[JsClient]:
    """A connected client, or one that was refused."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPT),
        str(folder),
        url,
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=8 * 1024 * 1024,
    )
    client = JsClient(process)
    reading = asyncio.create_task(client.read(), name="read node")
    try:
        await client.until(lambda: bool(client.of("connect") or client.of("refused")))
        yield client
    finally:
        process.kill()
        await process.wait()
        await reading
