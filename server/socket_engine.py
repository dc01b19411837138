"""The Socket.IO server on aiohttp, with a short way for what goes to many clients.

python-socketio sends each packet to each client through a queue and a task of that client. That is right for
answers and handshakes, and too slow for a thousand clients. Therefore a client on WebSocket gets bursts as
finished frames, written to its connection as they are. Two rules keep the order: a connection takes bursts in
this way only after one has come to it through the queue, and after `SocketOutlet.in_turn` the next one goes
through the queue again, behind what lies in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import engineio
import socketio
from aiohttp import WSCloseCode, web
from engineio.async_drivers import aiohttp as aiohttp_driver
from engineio.packet import MESSAGE, NOOP, Packet

from server.event_ring import Burst

__all__ = ["SocketOutlet", "SocketServer"]

MAX_CLIENT_MESSAGE: Final = 128 * 1024
"""Largest message that a client may send, bytes."""

CLOSING_S: Final = 2.0
"""How long a client gets to answer that its connection closes, s."""

_BUFFERED: Final = 64 * 1024
"""Bytes in a connection's buffer from which on the client is not ready."""

_PACKETS_PER_WRITE: Final = 2_000
_PACKETS_PER_POLL: Final = 10
"""Clients written in Python take no more than 16 in one answer, those of the connection itself included."""

_ENGINE_LOGGER: Final = logging.getLogger("batchwright.engineio")
_ENGINE_LOGGER.setLevel(logging.CRITICAL)  # it calls every client that goes away an error
_SERVER_LOGGER: Final = logging.getLogger("batchwright.socketio")
_SERVER_LOGGER.setLevel(logging.WARNING)  # it tells of every message


class _Frames:
    """A burst on its way through a client's queue, as the connection gets it."""

    def __init__(self, burst: Burst, outlet: SocketOutlet) -> None:
        self.burst = burst
        self.outlet = outlet


class _BurstPacket(Packet):  # type: ignore[misc]  # no types
    """A burst as a packet of the queue: frames for a WebSocket, text for a poll."""

    def __init__(self, burst: Burst, outlet: SocketOutlet) -> None:
        super().__init__(MESSAGE, "")
        self._burst = burst
        self._outlet = outlet

    def encode(self, b64: bool = False) -> Any:  # noqa: FBT001, FBT002 - the library's signature
        """What the transport sends; ``b64`` tells that it is a poll's answer."""
        if b64:
            self._outlet.passed(None)
            return self._burst.payload
        return _Frames(self._burst, self._outlet)


class _WebSocket(aiohttp_driver.WebSocket):  # type: ignore[misc]  # no types
    """A connection that takes bursts, and that the server can close."""

    async def __call__(self, environ: dict[str, Any]) -> web.StreamResponse:
        """Serve one connection to its end."""
        request: web.Request = environ["aiohttp.request"]
        # Compressing for each client anew would undo that all of them share the same frames.
        self._sock = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=False, timeout=CLOSING_S
        )
        self.environ = environ
        try:
            await self._sock.prepare(request)
        except ConnectionError:
            return web.Response()  # the client has gone already
        if request.transport is None:
            return self._sock
        self.transport = request.transport
        self.server.connections.add(self)
        try:
            await self.handler(self)
        finally:
            self.server.connections.discard(self)
        return self._sock

    async def send(self, message: str | bytes | _Frames) -> None:
        """Send one packet, or a burst."""
        if isinstance(message, _Frames):
            self.write(message.burst)
            message.outlet.passed(self)
        else:
            await super().send(message)

    def takes(self) -> bool:
        """Whether the client keeps up with what it got before."""
        return self.is_open() and self.transport.get_write_buffer_size() < _BUFFERED

    def is_open(self) -> bool:
        """Whether anything can still be sent."""
        return not self.transport.is_closing() and not self._sock.closed

    def write(self, burst: Burst) -> None:
        """Write frames as they are, between those that aiohttp writes."""
        if self.is_open():
            self.transport.write(burst.frames)

    async def end(self) -> None:
        """Close the connection, also when the client does not answer."""
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._sock.close(code=WSCloseCode.GOING_AWAY)
        except TimeoutError:
            self.transport.abort()


class _Engine(engineio.AsyncServer):  # type: ignore[misc]  # no types
    """Engine.IO whose tasks and connections can be ended."""

    _async: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._async = {**self._async, "websocket": _WebSocket}
        self.connections: set[_WebSocket] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def start_background_task(
        self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **options: Any
    ) -> asyncio.Task[Any]:
        """Run something in a task that ends with the server."""
        task = asyncio.create_task(target(*args, **options), name=f"socket {target.__name__}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end(self) -> None:
        """Close every connection and end every task; clients see a transport that closed, and come again."""
        for socket in list(self.sockets.values()):
            await socket.close(wait=False, reason=self.reason.SERVER_DISCONNECT)
        await asyncio.gather(*(connection.end() for connection in list(self.connections)))
        await self.shutdown()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # no types
    """The Socket.IO server. Hosts, origins and tokens are not its matter, but that of whoever lets clients in."""

    def __init__(self) -> None:
        super().__init__(
            async_mode="aiohttp",
            cors_allowed_origins=[],
            max_http_buffer_size=MAX_CLIENT_MESSAGE,
            logger=_SERVER_LOGGER,
            engineio_logger=_ENGINE_LOGGER,
        )

    def outlet(self, sid: str) -> SocketOutlet:
        """The way to a client that is connecting."""
        return SocketOutlet(self.eio, self.manager.eio_sid_from_sid(sid, "/"))

    def release(self, sid: str) -> None:
        """Answer the poll of a client that has left, which would otherwise stay open."""
        socket = self.eio.sockets.get(self.manager.eio_sid_from_sid(sid, "/"))
        if socket is not None and not socket.upgraded:
            socket.queue.put_nowait(Packet(NOOP))

    async def end(self) -> None:
        """Close every client's connection and end every task."""
        await self.eio.end()

    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine


class SocketOutlet:
    """The way to one client of the Socket.IO server."""

    def __init__(self, engine: _Engine, engine_id: str) -> None:
        self._engine = engine
        self._engine_id = engine_id
        self._queued = False
        self._direct: _WebSocket | None = None

    @property
    def most_packets(self) -> int:
        """See `server.hub_client.Outlet`."""
        socket = self._engine.sockets.get(self._engine_id)
        return _PACKETS_PER_WRITE if socket is not None and socket.upgraded else _PACKETS_PER_POLL

    def ready(self) -> bool:
        """See `server.hub_client.Outlet`."""
        if self._direct is not None:
            return self._direct.takes()
        socket = self._engine.sockets.get(self._engine_id)
        return not (self._queued or socket is None or socket.closed) and bool(socket.queue.empty())

    def send(self, burst: Burst) -> None:
        """See `server.hub_client.Outlet`."""
        if self._direct is not None:
            self._direct.write(burst)
            return
        self._queued = True
        self._engine.sockets[self._engine_id].queue.put_nowait(_BurstPacket(burst, self))

    def in_turn(self) -> None:
        """See `server.hub_client.Outlet`."""
        self._direct = None

    def passed(self, connection: _WebSocket | None) -> None:
        """Called when a burst has left the queue: over this connection, or as a poll's answer."""
        self._queued = False
        self._direct = connection
