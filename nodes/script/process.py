"""One process that runs scripts, seen from here: starting it, talking to it, ending it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from nodes.script.errors import ScriptCrashedError, ScriptError, ScriptMemoryError, ScriptTimeoutError

__all__ = ["WorkerProcess"]

_MODULE: Final = "nodes.script.worker"
_FRAME: Final = struct.Struct(">cI")
_STDERR_BYTES: Final = 16 * 1024
_READY_TIMEOUT_S: Final = 60.0
_END_TIMEOUT_S: Final = 5.0
_MEMORY_SIGNS: Final = ("out of memory", "OOM", "Out of memory", "MemoryError", "bad_alloc")

_PASSED_ON: Final = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TZ", "LANG", "LC_ALL")
"""Of the environment, what a script's process gets: the time zone, and what the interpreter may need."""

_numbers = itertools.count(1)


class WorkerProcess:
    """A running process; made by `start`. One script at a time.

    Args:
        process: The process.
        memory_mb: What its scripts may take, MB.
    """

    def __init__(self, process: asyncio.subprocess.Process, memory_mb: int) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process needs pipes")
        self.memory_mb = memory_mb
        self.pid = process.pid
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._tail = bytearray()
        name = f"script process {next(_numbers)}"
        self._stderr = asyncio.create_task(self._keep_tail(process.stderr), name=f"{name} stderr")

    @classmethod
    async def start(cls, memory_mb: int, turn_s: float) -> Self:
        """Start a process. It can be written to at once.

        Args:
            memory_mb: What its scripts may take, MB.
            turn_s: When the process ends itself in the middle of a turn, seconds.

        Raises:
            ScriptCrashedError: The system does not start it.
        """
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-S",
                "-m",
                _MODULE,
                str(memory_mb),
                str(turn_s),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=Path(sys.executable).anchor,
                env={**environment, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            raise ScriptCrashedError(f"the process for scripts could not be started: {error}") from error
        return cls(process, memory_mb)

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as known."""
        return self._process.returncode is None and not self._stdout.at_eof()

    def write(self, kind: bytes, payload: bytes = b"") -> None:
        """Put a frame into the pipe; the frames are described in `nodes.script.worker`."""
        self._stdin.write(_FRAME.pack(kind, len(payload)) + payload)

    async def ready(self) -> None:
        """Wait until it can run a script.

        Raises:
            ScriptError: It died or does not get ready in time; it is gone.
        """
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                await self.read()
        except ScriptError:
            raise
        except TimeoutError:
            await self.kill()
            raise ScriptCrashedError(
                f"the process for scripts was not ready within {_READY_TIMEOUT_S:g} s"
            ) from None
        except BaseException:
            await self.kill()
            raise

    async def flush(self) -> None:
        """Wait until the pipe takes more; a broken one is noticed when reading."""
        with suppress(ConnectionError):
            await self._stdin.drain()

    async def read(self) -> tuple[bytes, bytes]:
        """The next frame.

        Raises:
            ScriptError: The process died; the error says why.
        """
        try:
            kind, length = _FRAME.unpack(await self._stdout.readexactly(_FRAME.size))
            # More than the process may hold cannot be one honest message.
            if length > self.memory_mb * 2**20:
                raise ScriptMemoryError("A value that the script passed on", limit_mb=self.memory_mb)
            return kind, await self._stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._cause() from None

    async def kill(self) -> None:
        """End it at once and wait until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._wait()

    async def close(self) -> None:
        """Let it end by itself; kill it if it does not."""
        self._stdin.close()
        try:
            async with asyncio.timeout(_END_TIMEOUT_S):
                await self._wait()
        except TimeoutError:
            await self.kill()

    async def _wait(self) -> None:
        await self._process.wait()
        self._stdin.close()
        with suppress(ConnectionError):
            await self._stdin.wait_closed()
        await self._stderr

    async def _cause(self) -> ScriptError:
        await self.kill()
        text = self._tail.decode("utf-8", "replace")
        code = self._process.returncode or 0
        if any(sign in text for sign in _MEMORY_SIGNS) or code == -signal.SIGKILL:
            return ScriptMemoryError("The script", limit_mb=self.memory_mb)
        if code == -signal.SIGALRM:
            return ScriptTimeoutError("the script did not stop by itself", limit_s=0)
        last = text.strip().splitlines()[-1:] or ["no message"]
        return ScriptCrashedError(f"the process that ran the script died (exit code {code}): {last[0]}")

    async def _keep_tail(self, stream: asyncio.StreamReader) -> None:
        while part := await stream.read(4096):
            self._tail += part
            # The first words of V8 name the cause, the last ones of Python do.
            if len(self._tail) > _STDERR_BYTES:
                del self._tail[_STDERR_BYTES // 2 : -_STDERR_BYTES // 2]
