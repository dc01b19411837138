"""One execution: its status, what it left, stopping it; and stopping everything (api.md, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import Field

from batches.controls import TraceLogs
from batches.errors import NotFoundError
from batches.events import Event, ExecutionStatus, Record
from batches.service import Found, Service
from server.endpoints import Routes, json_answer
from server.keys import SERVICE
from server.main_api import STATUS_WORDS
from server.problems import Family, Problem
from server.reading import IdText, Input, Maybe
from server.views import (
    ActiveExecution,
    ExecutionResult,
    ExecutionStatusView,
    active_execution,
    execution_result,
    execution_status,
)

__all__ = [
    "AllStopped",
    "EventsQuery",
    "StopRequest",
    "Stopped",
    "add_routes",
    "find_execution",
    "stopped_all",
    "stopped_execution",
]

MAX_EVENTS: Final = 10_000
"""Most events in one answer."""

_RUNS: Final = (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED, ExecutionStatus.SUSPENDED)


class StatusQuery(Input):
    """Which execution."""

    execution_id: IdText | None = None
    """Without it, the most recent one."""


class StopRequest(Input):
    """Which execution to stop."""

    execution_id: IdText | None = None
    """Without it, the most recent one that is not over."""


class TraceLogsRequest(Input):
    """Debug lines on or off."""

    enabled: bool
    execution_id: IdText | None = None
    """Without it, the most recent one that is not over."""


class EventsQuery(Input):
    """Which events."""

    after: int = Field(default=0, ge=0, le=2**53)
    """Only events with a higher `seq`."""
    limit: int = Field(default=1_000, ge=1, le=MAX_EVENTS)
    """At most so many; the next page begins after `lastSeq`."""


class ActiveExecutions(Record):
    """What waits or runs."""

    total_active: int
    executions: tuple[ActiveExecution, ...]
    """Oldest first."""


class Stopped(Record):
    """What a stop did."""

    success: bool
    """False if there was nothing to stop."""
    message: str
    execution_id: Maybe[str] = None
    was_running: Maybe[bool] = None
    was_queued: Maybe[bool] = None
    code: Maybe[str] = None
    """Why there was nothing to stop."""
    status: Maybe[str] = None
    """How an execution ended that was over already."""


class BatchStop(Record):
    """What was stopped of one batch."""

    batch_id: str
    stopped: int


class AllStopped(Record):
    """What was stopped."""

    success: bool
    message: str
    total_batches: int
    total_stopped: int
    """Executions, those of single runs included."""
    running_stopped: int
    queued_cancelled: int
    batches: tuple[str, ...]
    """Ids."""
    batch_details: tuple[BatchStop, ...]


class Done(Record):
    """A control was applied."""

    success: bool
    message: str


class ExecutionEvents(Record):
    """Events of one execution."""

    execution_id: str
    batch_id: str
    last_seq: int
    """Of the last event here, or `after` if there is none."""
    events: tuple[Event, ...]


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    routes = Routes(app, tag="Executions")
    routes.get("/api/workflows/execution/status", recent_status, errors=(404,))
    routes.get("/api/workflows/executions/active", active_executions)
    routes.get("/api/workflows/execution/{executionId}", get_execution_status, errors=(404,))
    routes.get("/api/workflows/execution/{executionId}/result", get_result, errors=(404,))
    routes.get("/api/workflows/execution/{executionId}/events", get_events, errors=(404,))
    routes.get(
        "/api/workflows/execution/{executionId}/workflow",
        get_workflow,
        errors=(404,),
        answer=Mapping[str, Any],
    )
    controls = Routes(app, tag="Control", family=Family.CONTROL)
    controls.post("/api/workflows/execution/stop", stop_execution, errors=(404,), examples={"recent": {}})
    controls.post("/api/workflows/execution/stop-all", stop_all, examples={"all": {}})
    controls.post(
        "/api/workflows/execution/trace-logs",
        set_trace_logs,
        errors=(400, 404, 409),
        examples={"on": {"enabled": True}},
    )


async def find_execution(service: Service, execution_id: str) -> Found:
    """An execution by its id or number.

    Raises:
        Problem: There is none (404).
    """
    try:
        return await service.execution(execution_id)
    except NotFoundError as error:
        raise Problem(
            404, "Execution not found", error.message, code=error.code, field="executionId"
        ) from error


async def recent_status(request: web.Request, query: StatusQuery) -> ExecutionStatusView:
    """How an execution stands, by default the most recent one.

    Without any execution, `executionId` is empty and `status` is `idle`.
    """
    if query.execution_id is not None:
        return await get_execution_status(request, query.execution_id)
    service = request.app[SERVICE]
    found = service.recent()
    return execution_status(found, output_directory=_report_folder(service, found))


async def get_execution_status(request: web.Request, execution_id: str) -> ExecutionStatusView:
    """How an execution stands, also one of the history."""
    service = request.app[SERVICE]
    found = await find_execution(service, execution_id)
    return execution_status(found, output_directory=_report_folder(service, found))


async def active_executions(request: web.Request) -> ActiveExecutions:
    """What waits or runs, single runs and members of batches."""
    rows = tuple(map(active_execution, request.app[SERVICE].active()))
    return ActiveExecutions(total_active=len(rows), executions=rows)


async def get_result(request: web.Request, execution_id: str) -> ExecutionResult:
    """Everything of one execution: results of its nodes, variables, log, artifacts."""
    service = request.app[SERVICE]
    found = await find_execution(service, execution_id)
    return execution_result(found, output_directory=_report_folder(service, found))


async def get_events(request: web.Request, execution_id: str, query: EventsQuery) -> ExecutionEvents:
    """The events of one execution in order, from the journal."""
    service = request.app[SERVICE]
    found = await find_execution(service, execution_id)
    name, batch_id = found.execution.execution_id, found.batch.batch_id
    events = await service.events(batch_id, execution_id=name, after=query.after, limit=query.limit)
    return ExecutionEvents(
        execution_id=name,
        batch_id=batch_id,
        last_seq=events[-1].seq if events else query.after,
        events=tuple(events),
    )


async def get_workflow(request: web.Request, execution_id: str) -> web.Response:
    """The workflow document as it was run."""
    service = request.app[SERVICE]
    found = await find_execution(service, execution_id)
    try:
        return json_answer(await service.workflow(found.execution.execution_id))
    except NotFoundError as error:
        raise Problem(404, "Workflow not found", error.message, code=error.code) from error


async def stop_execution(request: web.Request, body: StopRequest) -> Stopped:
    """Stop one execution, waiting, running or paused; by default the most recent one that is not over.

    It ends in the middle of its node and its browser context closes. With nothing to stop, `success` is false.
    """
    return await stopped_execution(request.app[SERVICE], body)


async def stop_all(request: web.Request, body: Input) -> AllStopped:
    """Stop everything that runs, single runs included, and cancel everything that waits.

    The numbers are what really happened; with nothing running they are zeros.
    """
    del body
    return await stopped_all(request.app[SERVICE])


async def stopped_execution(service: Service, body: StopRequest) -> Stopped:
    """Stop one execution and say what that did.

    Raises:
        Problem: There is none with this id (404).
    """
    found = (
        _recent_active(service)
        if body.execution_id is None
        else await find_execution(service, body.execution_id)
    )
    if found is None:
        return Stopped(success=False, message="There is no execution to stop", code="NOTHING_TO_STOP")
    report = await service.stop_execution(found.execution.execution_id)
    stopped = report.total > 0
    status = STATUS_WORDS[found.execution.status]
    return Stopped(
        success=stopped,
        message="Execution stopped" if stopped else f"The execution is over already: {status}",
        execution_id=found.execution.execution_id,
        was_running=report.running_stopped > 0,
        was_queued=report.queued_cancelled > 0,
        code=None if stopped else "NOTHING_TO_STOP",
        status=None if stopped else status,
    )


async def stopped_all(service: Service) -> AllStopped:
    """Stop everything and say what that did."""
    report = await service.stop_all()
    batches = [name for name in report.batches if not (await service.batch(name)).single]
    return AllStopped(
        success=True,
        message="All executions stopped",
        total_batches=len(batches),
        total_stopped=report.total,
        running_stopped=report.running_stopped,
        queued_cancelled=report.queued_cancelled,
        batches=tuple(batches),
        batch_details=tuple(
            BatchStop(batch_id=name, stopped=report.per_batch.get(name, 0)) for name in batches
        ),
    )


async def set_trace_logs(request: web.Request, body: TraceLogsRequest) -> Done:
    """Switch debug lines in an execution's log on or off while it runs."""
    service = request.app[SERVICE]
    found = (
        _recent_active(service)
        if body.execution_id is None
        else await find_execution(service, body.execution_id)
    )
    if found is None:
        raise Problem(400, "There is no execution that is not over", code="NOTHING_RUNS")
    await service.control(found.execution.execution_id, TraceLogs(enabled=body.enabled))
    return Done(success=True, message=f"Trace logs {'enabled' if body.enabled else 'disabled'}")


def _recent_active(service: Service) -> Found | None:
    """The most recent execution that is not over; one that has begun comes first."""
    return service.recent(*_RUNS) or service.recent(ExecutionStatus.QUEUED)


def _report_folder(service: Service, found: Found | None) -> str | None:
    folder = service.shelf.folder_of(found.execution.execution_id) if found is not None else None
    return str(folder) if folder is not None else None
