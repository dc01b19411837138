"""Replying to an execution that waits for a person: an approval gate, or a question."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from pydantic import BeforeValidator, StringConstraints

from batches.controls import MAX_ANSWER, Respond
from batches.service import Service
from nodes.matching import js_text
from server.debug_models import Controlled, Owner
from server.endpoints import Routes
from server.executions import find_execution
from server.keys import SERVICE
from server.problems import Family
from server.reading import Input

__all__ = ["RespondRequest", "add_routes", "responded"]

_ROUTE: Final = "/api/workflows/execution/{executionId}/respond"


def _as_text(value: object) -> object:
    return js_text(value) if isinstance(value, int | float) else value


class RespondRequest(Input):
    """What a person replies."""

    approved: bool | None = None
    """The decision an approval gate waits for; to a question, false refuses to answer."""
    answer: Annotated[str, BeforeValidator(_as_text), StringConstraints(max_length=MAX_ANSWER)] | None = None
    """The answer to a question; a number or boolean counts as its text."""
    reason: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    """Why, for the record."""
    owner: Owner | None = None
    """Who replies."""


def add_routes(app: web.Application) -> None:
    """Add the route."""
    routes = Routes(app, tag="Control", family=Family.CONTROL)
    routes.post(
        _ROUTE,
        respond,
        errors=(400, 404, 409),
        examples={
            "approve": {"approved": True, "owner": "ada"},
            "reject": {"approved": False, "reason": "The total is wrong"},
            "answer": {"answer": "482913"},
        },
    )


async def respond(request: web.Request, execution_id: str, body: RespondRequest) -> Controlled:
    """Reply to an execution that is suspended until somebody approves or answers.

    Of two replies that come in at the same time one is answered with 409.
    """
    return await responded(request.app[SERVICE], execution_id, body)


async def responded(service: Service, execution_id: str, body: RespondRequest) -> Controlled:
    """Reply to a suspended execution.

    Raises:
        Problem: There is no such execution (404).
        ControlError: It waits for no reply.
        ControlInvalidError: The reply does not fit the question.
    """
    await find_execution(service, execution_id)
    reply = Respond(**{name: getattr(body, name) for name in RespondRequest.model_fields})
    outcome = await service.control(execution_id, reply)
    waits = outcome.answer.get("waitsForWorker") is True
    return Controlled(message=outcome.message, waits_for_worker=waits or None)
