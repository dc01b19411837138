"""What the dashboard asks about one execution and other surfaces refuse when it is too late.

A page learns that an execution went on or ended only after it did. What it asks in between is answered with nothing
instead of an error, because nothing went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from batches.breakpoints import BreakpointSet
from batches.errors import ControlError, NotFoundError
from batches.events import Record
from batches.secret_names import masked
from server.debug_models import Inspection, InspectQuery
from server.debugging import inspect_execution
from server.endpoints import Routes
from server.executions import find_execution
from server.keys import SERVICE

__all__ = ["add_routes"]

_ONE = "/api/dashboard/executions/{executionId}"


class StartVariables(Record):
    """The initial variables of an execution."""

    variables: Mapping[str, Any]
    """Those whose names sound like secrets are masked; empty if they were not kept."""


class Standing(Record):
    """Where an execution stands."""

    inspection: Inspection | None
    """Null if it is not paused."""


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    routes = Routes(app, tag="Dashboard")
    routes.get(f"{_ONE}/variables", start_variables, errors=(404,))
    routes.get(f"{_ONE}/standing", standing, errors=(404,))
    routes.get(f"{_ONE}/breakpoints", present_breakpoints, errors=(404,))


async def start_variables(request: web.Request, execution_id: str) -> StartVariables:
    """The variables that an execution was started with; secrets are masked."""
    service = request.app[SERVICE]
    found = await find_execution(service, execution_id)
    try:
        asked = await service.store.request(found.batch.batch_id)
    except NotFoundError:
        return StartVariables(variables={})
    options = asked.get("options")
    variables = options.get("variables") if isinstance(options, Mapping) else None
    return StartVariables(variables=masked(variables) if isinstance(variables, Mapping) else {})


async def standing(request: web.Request, execution_id: str) -> Standing:
    """Where a paused execution stands, its stores, its page, console and failed requests."""
    try:
        return Standing(inspection=await inspect_execution(request, execution_id, InspectQuery()))
    except ControlError:
        return Standing(inspection=None)


async def present_breakpoints(request: web.Request, execution_id: str) -> BreakpointSet:
    """What makes an execution pause; nothing does when it is over."""
    service = request.app[SERVICE]
    await find_execution(service, execution_id)
    try:
        return await service.breakpoints(execution_id)
    except ControlError:
        return BreakpointSet()
