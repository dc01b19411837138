"""Many Socket.IO clients in one process, for `benchmarks.fanout`: as little work for each message as can be.

They speak Engine.IO over WebSocket themselves: connect, answer pings, look at the first node message of whatever
arrives and note how old it is. A client that never reads connects and then lets everything lie.

Prints ``ready`` when all are connected; a line on its input ends it, and it prints a JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import struct
import sys
import time
from collections import Counter
from functools import partial
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Watcher"]

_CONNECT: Final = b"40"
_PONG: Final = b"3"
_PING_FRAME: Final = b"\x81\x012"
_NODE: Final = b'["node-execution"'
_TIME: Final = b'"timestamp":'
_BUFFER: Final = bytearray(256 * 1024)
_AT_ONCE: Final = 50
_CONNECT_S: Final = 60


class Watcher(asyncio.BufferedProtocol):
    """One client.

    Args:
        host: The Host header.
        ages: Where to note how old messages are, ms.
        reads: Whether it reads after it has connected.
    """

    def __init__(self, host: str, ages: Counter[int], *, reads: bool) -> None:
        self.size = 0
        """Bytes that came after the welcome."""
        self.connected = asyncio.Event()
        self._host = host
        self._ages = ages
        self._reads = reads
        self._upgraded = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is a TCP connection
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {self._host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where to put what comes: one place for all, as each looks at its own at once."""
        del sizehint
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        if not self.connected.is_set():
            self._greet(bytes(_BUFFER[:nbytes]))
            return
        self.size += nbytes
        if _PING_FRAME in _BUFFER[: min(nbytes, 16)] or _BUFFER.endswith(_PING_FRAME, 0, nbytes):
            self._send(_PONG)
        place = _BUFFER.find(_NODE, 0, nbytes)
        if place >= 0 and (place := _BUFFER.find(_TIME, place, nbytes)) >= 0:
            start = place + len(_TIME)
            number = _BUFFER[start : min(start + 13, nbytes)]
            if number.isdigit() and len(number) == 13:
                self._ages[time.time_ns() // 1_000_000 - int(number)] += 1

    def _greet(self, data: bytes) -> None:
        if not self._upgraded and b"101 " in data[:16]:
            self._upgraded = True
        if b'0{"sid"' in data and b'40{"sid"' not in data:
            self._send(_CONNECT)
        if b'40{"sid"' in data:
            self.connected.set()
            if not self._reads and self._transport is not None:
                self._transport.pause_reading()

    def _send(self, payload: bytes) -> None:
        """One masked text frame (RFC 6455, section 5.2); the mask is zero, which changes nothing."""
        if self._transport is not None:
            self._transport.write(struct.pack("!BB4x", 0x81, 0x80 | len(payload)) + payload)


def _same(watcher: Watcher) -> Watcher:
    return watcher


async def _watch(url: str, count: int, mute: int) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    address = urlsplit(url)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    ages: Counter[int] = Counter()
    watchers = [Watcher(address.netloc, ages, reads=number >= mute) for number in range(count)]
    transports = []
    for first in range(0, count, _AT_ONCE):
        group = watchers[first : first + _AT_ONCE]
        made = await asyncio.gather(
            *(loop.create_connection(partial(_same, watcher), host, port) for watcher in group)
        )
        transports += [transport for transport, _ in made]
        async with asyncio.timeout(_CONNECT_S):
            await asyncio.gather(*(watcher.connected.wait() for watcher in group))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for transport in transports:
        transport.abort()
    return {"ages_ms": dict(ages), "bytes": [watcher.size for watcher in watchers[mute:]]}


def main() -> None:
    """Connect, wait, print what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--mute", type=int, default=0, help="so many of them never read")
    given = parser.parse_args()
    print(json.dumps(asyncio.run(_watch(given.url, given.count, given.mute))))


if __name__ == "__main__":
    main()
