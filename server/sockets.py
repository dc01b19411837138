"""Socket.IO: who is let in, what clients may ask for, and the hub that sends them what happens.

Source: api.md, section 9; api-documented.md, last paragraph. The messages are in `server.event_messages`.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as Refused

from batches.events import Record
from batches.service import Service
from server.hub import Hub
from server.problems import ControlErrorBody, Problem, problem_of
from server.security import admits
from server.settings import ServerSettings
from server.socket_calls import CONTROLS, Call, Handler
from server.socket_engine import SocketServer
from server.subscriptions import SUBSCRIPTIONS

__all__ = ["attach"]

PATH: Final = "socket.io"


def attach(app: web.Application, service: Service, settings: ServerSettings) -> Hub:
    """Serve sockets on an application, from its start-up to its shut-down.

    Connections are closed when the application shuts down, before it waits for open requests.

    Args:
        app: The application.
        service: The runs.
        settings: Hosts, origins and token of those who are let in.

    Returns:
        The hub.
    """
    hub = Hub(service.log, service.output)
    server = SocketServer()
    _Door(server, hub, service, settings)
    server.attach(app, PATH)

    async def start(_app: web.Application) -> None:
        hub.start()

    async def close(_app: web.Application) -> None:
        await hub.close()
        await server.end()

    app.on_startup.append(start)
    app.on_shutdown.append(close)
    return hub


class _Door:
    """What clients say."""

    def __init__(self, server: SocketServer, hub: Hub, service: Service, settings: ServerSettings) -> None:
        self._server = server
        self._hub = hub
        self._service = service
        self._settings = settings
        server.on("connect", self._connect)
        server.on("disconnect", self._disconnect)
        server.on("*", self._called)

    async def _connect(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        """Let a client in; nothing is awaited, so that its first message comes after the welcome."""
        request: web.Request = environ["aiohttp.request"]
        token = auth.get("token") if isinstance(auth, dict) else None
        refusal = admits(
            self._settings,
            request.headers,
            path=request.path,
            token=token if isinstance(token, str) else None,
            cookies=request.cookies,
        )
        if refusal is not None:
            raise Refused(refusal.message, {"code": refusal.code, "status": refusal.status})
        self._hub.add(sid, self._server.outlet(sid))

    async def _disconnect(self, sid: str, _reason: str = "") -> None:
        self._hub.remove(sid)
        self._server.release(sid)

    async def _called(self, event: str, sid: str, *payload: object) -> dict[str, Any]:
        """Do what a client asks for; the answer is its acknowledgement. Never raises."""
        try:
            answer = await self._answer(event, sid, payload[0] if payload else None)
        except Exception as error:  # noqa: BLE001 - what no one foresaw is logged by problem_of
            problem = problem_of(error)
            state = problem.more.get("status")
            answer = ControlErrorBody(
                message=problem.message,
                code=problem.code,
                field=problem.field,
                status=state if isinstance(state, str) else None,
            )
        return answer.model_dump(mode="json", exclude_none=isinstance(answer, ControlErrorBody))

    async def _answer(self, event: str, sid: str, payload: object) -> Record:
        client = self._hub.find(sid)
        if client is None:
            raise Problem(409, "Not connected", "The connection is closing", code="NOT_CONNECTED")
        return await _handler(event)(Call(self._service, self._hub, client, payload))


def _handler(event: str) -> Handler:
    known = {**SUBSCRIPTIONS, **CONTROLS}
    control = known.get(event)
    if control is None:
        message = f"Nothing listens to {event!r}; known: {', '.join(known)}"
        raise Problem(404, "Unknown event", message, code="UNKNOWN_EVENT")
    return control.handler
