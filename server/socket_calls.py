"""What clients may ask for over the socket, besides subscriptions: controls.

`CONTROLS` holds them by the name of the socket event. A control gets a `Call` and returns its answer, which
goes into the acknowledgement; what it raises becomes `{success: false, message, code, field?}` as over HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from pydantic import BaseModel, model_validator

from batches.events import Record
from batches.service import Service
from server.batch_routes import BatchStopped, stopped_batch
from server.debug_models import ContinueRequest, Controlled, PauseAsked, PauseControlRequest
from server.debugging import asked_to_pause, continued, controlled
from server.executions import AllStopped, Stopped, StopRequest, stopped_all, stopped_execution
from server.hub import Hub
from server.hub_client import Client
from server.reading import IdText, Input
from server.responding import RespondRequest, responded

__all__ = [
    "CONTROLS",
    "Call",
    "Control",
    "Handler",
    "SocketPauseRequest",
    "SocketRespondRequest",
    "SocketStopRequest",
    "stop",
    "stop_all",
]

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """A client asks for something.

    Attributes:
        service: The runs.
        hub: Where the client gets its events from.
        client: Who asks.
        payload: The first argument as it came, or None.
    """

    service: Service
    hub: Hub
    client: Client
    payload: object

    def read(self, model: type[_Model]) -> _Model:
        """The payload as a model; nothing counts as an empty object.

        Raises:
            pydantic.ValidationError: It does not fit.
        """
        return model.model_validate({} if self.payload is None else self.payload)


Handler = Callable[[Call], Awaitable[Record]]
"""Does what a call asks for, and answers."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control: what does it, and what its request and answers look like."""

    handler: Handler
    request: type[Record]
    answers: tuple[type[Record], ...]
    about: str


class SocketStopRequest(StopRequest):
    """What to stop: one execution or a batch. Without either, the most recent execution that is not over."""

    batch_id: IdText | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.batch_id is not None and self.execution_id is not None:
            raise ValueError("give executionId or batchId, not both")
        return self


async def stop(call: Call) -> Stopped | BatchStopped:
    """Stop one execution or a batch."""
    wish = call.read(SocketStopRequest)
    if wish.batch_id is not None:
        return await stopped_batch(call.service, wish.batch_id)
    return await stopped_execution(call.service, wish)


async def stop_all(call: Call) -> AllStopped:
    """Stop everything."""
    return await stopped_all(call.service)


class SocketPauseRequest(PauseAsked):
    """Which execution to pause, and how."""

    execution_id: IdText


async def pause(call: Call) -> Controlled:
    """Pause a running execution."""
    wish = call.read(SocketPauseRequest)
    return await asked_to_pause(call.service, wish.execution_id, wish)


async def continue_execution(call: Call) -> Controlled:
    """Let a paused execution go on."""
    return await continued(call.service, call.read(ContinueRequest))


async def pause_control(call: Call) -> Controlled:
    """Say how a paused execution goes on."""
    return await controlled(call.service, call.read(PauseControlRequest))


class SocketRespondRequest(RespondRequest):
    """Which execution gets which reply."""

    execution_id: IdText


async def respond(call: Call) -> Controlled:
    """Reply to an execution that waits for a person."""
    wish = call.read(SocketRespondRequest)
    reply = RespondRequest(**{name: getattr(wish, name) for name in RespondRequest.model_fields})
    return await responded(call.service, wish.execution_id, reply)


CONTROLS: Final[dict[str, Control]] = {
    "stop": Control(
        stop,
        SocketStopRequest,
        (Stopped, BatchStopped),
        "Stop an execution or a batch, as `POST .../execution/stop` and `.../batch/{id}/stop` do.",
    ),
    "stop-all": Control(
        stop_all,
        Input,
        (AllStopped,),
        "Stop everything that runs and cancel everything that waits, as `POST .../execution/stop-all` does.",
    ),
    "pause": Control(
        pause,
        SocketPauseRequest,
        (Controlled,),
        "Pause a running execution, as `POST .../execution/{id}/pause` does.",
    ),
    "continue": Control(
        continue_execution,
        ContinueRequest,
        (Controlled,),
        "Let a paused execution go on, as `POST .../execution/continue` does.",
    ),
    "pause-control": Control(
        pause_control,
        PauseControlRequest,
        (Controlled,),
        "Say how a paused execution goes on, as `POST .../execution/pause-control` does.",
    ),
    "respond": Control(
        respond,
        SocketRespondRequest,
        (Controlled,),
        "Reply to an execution that waits for a person, as `POST .../execution/{id}/respond` does.",
    ),
}
"""By the name of the socket event."""
