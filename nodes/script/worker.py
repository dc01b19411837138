"""The process that holds V8: ``python -m nodes.script.worker MEMORY_MB TURN_S``.

It knows nothing of workflows. Frames come in on standard input and go out on standard output, each one byte of
kind, four bytes of length (big endian) and that many bytes of UTF-8:

- in: ``T`` run one turn with a list of messages, ``S`` the answer to a question, ``E`` the script is over: its
  isolate is replaced by a fresh one;
- out: ``R`` ready for a script (at the start and after each ``E``), ``M`` a message of the script, ``Q`` a question (the script stands still until ``S``), ``D`` the turn is
  over.

A turn that takes too long is ended by whoever started the process; the alarm is for the case that nobody is there.

Texts pass between Python and JavaScript through shared memory, see ``js/wire.js``. Only the standard library and
mini-racer are imported, so that a process is ready soon.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from py_mini_racer._context import Context
from py_mini_racer._dll import init_mini_racer

__all__ = ["main"]

_PARTS: Final = ("wire", "values", "remote", "timers", "console", "store", "globals", "main")
_VENDOR: Final = frozenset({"buffer", "inspect", "url"})
_SOURCES: Final = Path(__file__).parent / "js"

_UNITS: Final = 64 * 1024
"""UTF-16 units that pass at once; about 128 KB of shared memory."""

_HEAD: Final = 16
_HEADROOM_MB: Final = 96
"""Memory beyond the scripts' own: young objects, compiled code, this interpreter."""

_FRAME: Final = struct.Struct(">cI")
_CONTROL: Final = struct.Struct("=4i")
_SEND, _RECEIVE, _CALL, _SOURCE, _RANDOM = range(1, 6)


class Pipe:
    """Frames on the standard streams; whatever else prints goes to standard error."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)
        self.waiting: deque[tuple[bytes, bytes]] = deque()

    def write(self, kind: bytes, payload: bytes = b"") -> None:
        """Send a frame."""
        frame = memoryview(_FRAME.pack(kind, len(payload)) + payload)
        while frame:
            frame = frame[os.write(self._out, frame) :]

    def next(self) -> tuple[bytes, bytes]:
        """The next frame in order."""
        return self.waiting.popleft() if self.waiting else self.read()

    def answer(self) -> bytes:
        """The next answer; what comes before it waits."""
        while True:
            kind, payload = self.read()
            if kind == b"S":
                return payload
            self.waiting.append((kind, payload))

    def read(self) -> tuple[bytes, bytes]:
        """The next frame as it arrives; ends the process when nobody is there any more."""
        kind, length = _FRAME.unpack(self._exactly(_FRAME.size))
        return kind, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = os.read(0, min(count, 1 << 20))
            if not part:
                os._exit(0)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


class Isolate:
    """One V8 isolate with the library loaded, for one script.

    Args:
        dll: The loaded engine.
        library: The source of the library.
        pipe: Where messages go.
    """

    def __init__(self, dll: Any, library: str, pipe: Pipe) -> None:
        self._pipe = pipe
        self._outgoing = bytearray()
        self._incoming = b""
        self._context = Context(dll)
        self._stack = ExitStack()
        host = self._stack.enter_context(self._context.js_callback(self._on_host))
        load: Any = self._context.evaluate(library)
        self._memory, self._turn = load(host)

    def turn(self, payload: bytes) -> None:
        """Run a turn and everything that follows from it at once.

        Args:
            payload: The list of messages, JSON.
        """
        self._run(payload)
        if self._control()[3]:
            self._run(b"[]")

    def _run(self, payload: bytes) -> None:
        self._incoming = _utf16(payload)
        self._turn()
        # What the turn left in the queue of promises runs after its result is known, and before this.
        self._context.evaluate("0")

    def close(self) -> None:
        """Free it."""
        self._memory = self._turn = None
        self._stack.close()
        self._context.close()

    def _control(self) -> tuple[int, int, int, int]:
        operation, count, more, over = _CONTROL.unpack_from(self._memory)
        return operation, count, more, over

    def _on_host(self, _arguments: object) -> None:
        """Serve the script's side of the shared memory; it stands still until this returns."""
        operation, count, more, over = self._control()
        if operation == _RECEIVE:
            chunk, self._incoming = self._incoming[: 2 * _UNITS], self._incoming[2 * _UNITS :]
            self._memory[_HEAD : _HEAD + len(chunk)] = chunk
            _CONTROL.pack_into(self._memory, 0, 0, len(chunk) // 2, int(bool(self._incoming)), over)
        elif operation == _RANDOM:
            self._memory[_HEAD : _HEAD + count] = os.urandom(count)
        else:
            self._outgoing += self._memory[_HEAD : _HEAD + 2 * count]
            if not more:
                text, self._outgoing = bytes(self._outgoing).decode("utf-16-le", "surrogatepass"), bytearray()
                self._take(operation, text)

    def _take(self, operation: int, text: str) -> None:
        if operation == _SOURCE:
            self._incoming = _source(text).encode("utf-16-le")
            return
        payload = text.encode("utf-8", "surrogatepass")
        if operation == _SEND:
            self._pipe.write(b"M", payload)
        elif operation == _CALL:
            self._pipe.write(b"Q", payload)
            self._incoming = _utf16(self._pipe.answer())


def main() -> None:
    """Serve until standard input ends."""
    memory_mb, turn_s = int(sys.argv[1]), float(sys.argv[2])
    _end_with_parent()
    pipe = Pipe()
    dll = init_mini_racer(flags=("--single-threaded", f"--max-old-space-size={memory_mb}"))
    library = _library()
    isolate = Isolate(dll, library, pipe)
    _limit(memory_mb)
    pipe.write(b"R")
    while True:
        kind, payload = pipe.next()
        if kind == b"E":
            isolate.close()
            isolate = Isolate(dll, library, pipe)
            pipe.write(b"R")
            continue
        _alarm(turn_s)
        isolate.turn(payload)
        _alarm(0)
        pipe.write(b"D")


def _library() -> str:
    parts = "\n".join((_SOURCES / f"{name}.js").read_text("utf-8") for name in _PARTS[:-1])
    last = (_SOURCES / f"{_PARTS[-1]}.js").read_text("utf-8")
    size = _HEAD + 2 * _UNITS
    return f'(host) => {{ "use strict"; const shared = new SharedArrayBuffer({size});\n{parts}\n{last}\n}}'


def _source(name: str) -> str:
    if name in _VENDOR:
        source = (_SOURCES / "vendor" / f"{name}.js").read_text("utf-8")
        return f"(() => {{ {source}\n; return __vendor; }})()"
    return (_SOURCES / f"{Path(name).name}.js").read_text("utf-8")


def _utf16(payload: bytes) -> bytes:
    return payload.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")


def _limit(memory_mb: int) -> None:
    """Limit what the process may take from the system, where the system can."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0}
    if sys.platform == "linux":
        # Elsewhere this limit does not count what V8 takes; there its own limit must do.
        limits["RLIMIT_DATA"] = _data_bytes() + (memory_mb + _HEADROOM_MB) * 2**20
    for name, value in limits.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def _data_bytes() -> int:
    """What the process has of writable private memory by now."""
    status = Path("/proc/self/status").read_text("ascii", "replace")
    line = next(line for line in status.splitlines() if line.startswith("VmData"))
    return int(line.split()[1]) * 1024


def _alarm(seconds: float) -> None:
    """Let the system end this process after a time, even while V8 does not let go; 0 calls it off."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _end_with_parent() -> None:
    """Let the system kill this process when the one that started it dies, however that happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        death_signal = 1
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)


if __name__ == "__main__":
    main()
