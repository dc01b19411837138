"""Events of a server for the client: one socket, subscribed to what is wanted, without gaps over reconnects."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import socketio
import socketio.exceptions

from batchwright.client_models import ClientError, ServerEvent, ServerUnreachableError, refusal

__all__ = ["EventStream", "ends"]

CONNECT_S: Final = 10.0
"""Longest time for connecting and for subscribing, seconds."""

REMEMBERED: Final = 4096
"""So many events are recognised when a server sends them again after a lost connection."""

_HANDSHAKE: Final = {"EIO": "4", "transport": "polling"}

_FINAL: Final = frozenset({"completed", "error", "stopped"})

_SILENT: Final = logging.getLogger("batchwright.client.socket")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_SILENT.setLevel(logging.CRITICAL)


def ends(event: ServerEvent, batch_id: str | None, execution_id: str | None) -> bool:
    """Whether nothing follows for a batch or an execution."""
    if batch_id is not None:
        return event.name == "batch-complete" and event.data.get("batchId") == batch_id
    return (
        event.name == "execution-update"
        and event.data.get("executionId") == execution_id
        and event.data.get("status") in _FINAL
    )


class EventStream:
    """Events of one subscription; used as an async context manager and async iterator.

    Args:
        url: The server's address.
        headers: What every request carries.
        wanted: ``{batchId}``, ``{executionId}`` or ``{all: true}``.
        after: Begin after the event with this number; None begins now.

    Raises:
        ServerUnreachableError: On entering, there is no such server.
        ClientError: On entering or while iterating, the server refused.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], wanted: Mapping[str, object], after: int | None
    ) -> None:
        self._url = url
        self._headers = dict(headers)
        self._wanted = dict(wanted)
        self._after = after
        self._seen: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._events: asyncio.Queue[ServerEvent | ClientError] = asyncio.Queue()
        self._refusal: Mapping[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscribed = asyncio.get_running_loop().create_future()
        # A session of our own, because the library leaves its own open when it cannot connect.
        self._session = aiohttp.ClientSession()
        self._socket = socketio.AsyncClient(
            reconnection_delay=0.1,
            reconnection_delay_max=5,
            logger=_SILENT,
            engineio_logger=_SILENT,
            handle_sigint=False,
            http_session=self._session,
        )
        self._socket.on("connect", self._on_connect)
        self._socket.on("connect_error", self._on_connect_error)
        self._socket.on("*", self._on_event)

    async def __aenter__(self) -> Self:
        try:
            await self._socket.connect(
                self._url, headers=self._headers, transports=["websocket"], wait_timeout=CONNECT_S
            )
            await asyncio.wait_for(asyncio.shield(self._subscribed), CONNECT_S)
        except BaseException as error:
            await self.__aexit__(None, None, None)
            if isinstance(error, socketio.exceptions.ConnectionError | TimeoutError):
                raise await self._explained(error) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._subscribed.cancel()
        await self._socket.shutdown()
        await self._session.close()

    async def _explained(self, error: Exception) -> ClientError:
        """What a failed connection means: refused inside of the connection, or with a plain answer."""
        if self._refusal:
            facts = self._refusal.get("data")
            facts = facts if isinstance(facts, dict) else {}
            message = str(self._refusal.get("message") or "The server refuses the connection")
            return ClientError(
                message, code=str(facts.get("code") or "REFUSED"), status=facts.get("status"), details=facts
            )
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(CONNECT_S)) as session,
                session.get(f"{self._url}/socket.io/", params=_HANDSHAKE, headers=self._headers) as answer,
            ):
                if not answer.ok:
                    return refusal(answer.status, answer.reason, await answer.read())
        except (aiohttp.ClientError, TimeoutError) as failure:
            return ServerUnreachableError(self._url, str(failure) or type(failure).__name__)
        return ServerUnreachableError(self._url, str(error) or "it does not answer")

    def _on_connect_error(self, data: object = None) -> None:
        if isinstance(data, dict):
            self._refusal = data

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ServerEvent:
        event = await self._events.get()
        if isinstance(event, ClientError):
            raise event
        return event

    def _on_connect(self) -> None:
        self._spawn(self._subscribe(self._after))

    def _spawn(self, work: Any) -> None:
        # Asking for an answer inside of a handler would hold up the answer itself.
        task = asyncio.create_task(work, name="subscribe to events")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _subscribe(self, after: int | None) -> None:
        """Subscribe, or say why that is not possible."""
        body = self._wanted | ({} if after is None else {"after": after})
        try:
            answer = await self._socket.call("subscribe", body, timeout=CONNECT_S)
        except socketio.exceptions.SocketIOError:
            return  # the connection is gone again; the next one subscribes anew
        if not isinstance(answer, dict) or answer.get("success") is False or answer.get("ok") is False:
            self._refused(answer if isinstance(answer, dict) else {})
            return
        if self._after is None and isinstance(answer.get("seq"), int):
            self._after = answer["seq"]
        if not self._subscribed.done():
            self._subscribed.set_result(None)

    def _refused(self, answer: Mapping[str, Any]) -> None:
        error = ClientError(
            str(answer.get("message") or "The server refuses the subscription"),
            code=str(answer.get("code") or "ANSWER_NOT_UNDERSTOOD"),
            field=answer.get("field"),
            details=answer,
        )
        if self._subscribed.done():
            self._events.put_nowait(error)
        else:
            self._subscribed.set_exception(error)

    def _on_event(self, name: str, data: object = None, *_more: object) -> None:
        if not isinstance(data, dict):
            return
        if name == "gap":
            self._spawn(self._subscribe(int(data.get("from", 1)) - 1))
            return
        event = ServerEvent(name, data)
        if self._is_new(event):
            self._events.put_nowait(event)

    def _is_new(self, event: ServerEvent) -> bool:
        """Whether this was not sent before a connection broke."""
        if event.seq is None:
            return True
        key = (event.name, event.seq, event.data.get("type"), event.data.get("executionId"))
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        # One event of the server gives several messages; the last number may not have come in all of them.
        self._after = max(self._after or 0, event.seq - 1)
        return True
