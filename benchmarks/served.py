"""A server as users start it, in a process of its own."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil

__all__ = ["Served", "Size", "served"]

ROOT: Final = Path(__file__).resolve().parents[1]
API: Final = "/api/workflows"

_START_S: Final = 300
_END_S: Final = 60
_LOOK_S: Final = 0.01
_SHELLS: Final = ("sh", "bash", "dash")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a server is at one moment.

    Attributes:
        memory_mb: Its own memory, what it shares left out, MB.
        files: Its open files and connections.
        kinds: The same by what they are: name of the file, or ``socket``, ``pipe`` and the like.
        processes: Processes below it.
        browsers: Browsers among them.
    """

    memory_mb: float
    files: int
    kinds: dict[str, int]
    processes: int
    browsers: int


@dataclass(frozen=True, slots=True)
class Served:
    """A server that takes work.

    Attributes:
        client: Asks it; addresses are relative.
        process: It.
        start_s: From its start until it took work, seconds.
    """

    client: aiohttp.ClientSession
    process: psutil.Process
    start_s: float

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON at an address of the API."""
        async with self.client.get(API + path, params=query) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def post(self, path: str, body: object) -> Any:
        """The JSON that it answers."""
        async with self.client.post(API + path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def browsers_closed(self) -> None:
        """Wait until no browser is left."""
        while self._browsers():  # noqa: ASYNC110 - the state of processes
            await asyncio.sleep(10 * _LOOK_S)

    def size(self) -> Size:
        """How large it is now."""
        return Size(
            memory_mb=self.process.memory_full_info().uss / 1024**2,
            files=self.process.num_fds(),
            kinds=dict(_open(self.process.pid)),
            processes=len(self.process.children(recursive=True)),
            browsers=self._browsers(),
        )

    def _browsers(self) -> int:
        count = 0
        for child in self.process.children(recursive=True):
            try:
                command = child.cmdline()
            except psutil.Error:
                continue
            # Distributions wrap their browser in a shell script, which waits for it.
            wrapper = bool(command) and Path(command[0]).name in _SHELLS
            helper = any(word.startswith("--type=") for word in command)
            count += "--headless" in command and not (wrapper or helper)
        return count


def _open(pid: int) -> Counter[str]:
    """What a process has open."""
    found: Counter[str] = Counter()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[link.readlink().name.partition(":[")[0]] += 1
        except OSError:  # closed meanwhile
            continue
    return found


@asynccontextmanager
async def served(output: Path, *options: str) -> AsyncIterator[Served]:
    """Serve an output folder during the block.

    Raises:
        TimeoutError: It did not start in time.
    """
    port_file = output / "port"
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "batchwright",
        "serve",
        "--port=0",
        f"--port-file={port_file}",
        f"--output={output}",
        f"--root={output}",
        "--log-level=error",
        *options,
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_START_S):
            # The file is written by another process.
            while not port_file.exists() or not port_file.read_text().strip():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)
        start_s = time.perf_counter() - began
        base = f"http://127.0.0.1:{port_file.read_text().strip()}"
        async with aiohttp.ClientSession(base) as client:
            yield Served(client, psutil.Process(process.pid), start_s)
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()
