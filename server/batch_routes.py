"""One batch: its status, its events, stopping it, running it again (api.md, sections 2 and 2.4)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from aiohttp import web
from pydantic import Field

from batches.batch_row import BatchRow
from batches.errors import NotFoundError
from batches.events import Event, Record
from batches.service import Rerun, Service
from batches.state import BatchState, ExecutionState
from server.endpoints import Routes
from server.execute_models import BatchAccepted
from server.executing import accepted_batch
from server.executions import EventsQuery
from server.keys import SERVICE
from server.main_api import (
    EXECUTION_WORDS,
    BatchSummary,
    ExecutionView,
    ValidationErrorView,
    batch_summary,
    execution_view,
)
from server.problems import Family, Problem
from server.reading import Input, Maybe

__all__ = ["BatchStatusView", "BatchStopped", "add_routes", "batch_status", "find_batch", "stopped_batch"]


_AT_ONCE: Final = 250
"""So many members are looked at before other work gets its turn."""


class MemberView(ExecutionView):
    """One execution of a batch."""

    current_node_id: Maybe[str] = None
    error: Maybe[str] = None
    error_code: Maybe[str] = None
    failed_node_id: Maybe[str] = None
    failed_node_label: Maybe[str] = None
    screenshot: Maybe[str] = None
    """Picture of the page at the failure: absolute path on the server's machine."""
    page_url: Maybe[str] = None
    start_time: Maybe[int] = None
    end_time: Maybe[int] = None
    duration: Maybe[int] = None


class BatchStatusView(BatchSummary):
    """A batch and its executions."""

    folder_path: Maybe[str] = None
    """Where the workflows came from, if that was a folder."""
    tags: tuple[str, ...] = ()
    source: Maybe[str] = None
    workers: Maybe[int] = None
    rerun_of: Maybe[str] = None
    """The batch whose executions these repeat."""
    validation_errors: tuple[ValidationErrorView, ...] = ()
    """Files that are not run because they break the format."""
    executions: tuple[MemberView, ...] = ()
    """In input order."""


class BatchStopped(Record):
    """What a stop did."""

    success: bool
    message: str
    batch_id: str
    stopped_executions: int
    running_stopped: int
    queued_cancelled: int


class RerunRequest(Input):
    """What to run again."""

    only: Rerun = Rerun.FAILED_AND_NOT_RUN
    """`failed`, `notRun`, `failedAndNotRun` or `all`."""


class BatchEvents(Record):
    """Events of a batch and its executions."""

    batch_id: str
    last_seq: int
    """Of the last event here, or `after` if there is none."""
    events: tuple[Event, ...]


class BatchDeleted(Record):
    """What was deleted."""

    success: bool
    message: str
    executions_deleted: int = Field(ge=0)
    reports_deleted: int = Field(ge=0)


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    routes = Routes(app, tag="Batches")
    routes.get("/api/workflows/execution/batch/{batchId}", get_batch, errors=(404,))
    routes.get("/api/workflows/execution/batch/{batchId}/events", get_batch_events, errors=(404,))
    controls = Routes(app, tag="Control", family=Family.CONTROL)
    controls.post("/api/workflows/execution/batch/{batchId}/stop", stop_batch, errors=(404,))
    controls.post(
        "/api/workflows/execution/batch/{batchId}/rerun",
        rerun_batch,
        errors=(404, 409, 503),
        examples={"all": {"only": "all"}},
    )
    controls.delete("/api/workflows/execution/batch/{batchId}", delete_batch, errors=(404, 409))


async def find_batch(service: Service, batch_id: str) -> BatchState:
    """A batch by its id.

    Raises:
        Problem: There is none (404).
    """
    try:
        return await service.batch(batch_id)
    except NotFoundError as error:
        raise Problem(404, "Batch not found", error.message, code=error.code, field="batchId") from error


async def get_batch(request: web.Request, batch_id: str) -> BatchStatusView:
    """How a batch and its executions stand, also one of the history."""
    service = request.app[SERVICE]
    return await batch_status(await find_batch(service, batch_id), service.output)


async def batch_status(state: BatchState, output: Path) -> BatchStatusView:
    """The batch status object; all of it is of one moment, though other work goes on while it is made.

    Args:
        state: The batch.
        output: The output folder, below which screenshots lie.
    """
    executions = state.executions.values()
    views, seen = [], state.last_seq
    for number, execution in enumerate(executions, start=1):
        views.append(execution_view(execution, output, MemberView))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    if state.last_seq != seen:
        views = [
            view if _shows(view, execution) else execution_view(execution, output, MemberView)
            for view, execution in zip(views, executions, strict=True)
        ]
    row, source = BatchRow.of(state), state.options.get("source")
    return BatchStatusView(
        **dict(batch_summary(state)),
        validation_errors=tuple(
            ValidationErrorView(file_name=item.file_name, errors=item.errors) for item in state.invalid
        ),
        executions=tuple(views),
        tags=row.tags,
        source=source if isinstance(source, str) else None,
        workers=state.workers,
        rerun_of=row.rerun_of,
    )


def _shows(view: MemberView, execution: ExecutionState) -> bool:
    """Whether a view still shows its execution."""
    return (
        view.status == EXECUTION_WORDS[execution.status]
        and view.current_node_id == execution.current_node_id
        and view.attempts == execution.attempts
    )


async def get_batch_events(request: web.Request, batch_id: str, query: EventsQuery) -> BatchEvents:
    """The events of a batch and its executions in order, from the journal."""
    service = request.app[SERVICE]
    await find_batch(service, batch_id)
    events = await service.events(batch_id, after=query.after, limit=query.limit)
    return BatchEvents(
        batch_id=batch_id, last_seq=events[-1].seq if events else query.after, events=tuple(events)
    )


async def stop_batch(request: web.Request, batch_id: str, body: Input) -> BatchStopped:
    """Stop what a batch runs and cancel what it has waiting; what is over stays as it is."""
    del body
    return await stopped_batch(request.app[SERVICE], batch_id)


async def stopped_batch(service: Service, batch_id: str) -> BatchStopped:
    """Stop a batch and say what that did.

    Raises:
        Problem: There is none with this id (404).
    """
    await find_batch(service, batch_id)
    report = await service.stop_batch(batch_id)
    return BatchStopped(
        success=True,
        message="Batch stopped" if report.total else "The batch is over already",
        batch_id=batch_id,
        stopped_executions=report.total,
        running_stopped=report.running_stopped,
        queued_cancelled=report.queued_cancelled,
    )


async def rerun_batch(request: web.Request, batch_id: str, body: RerunRequest) -> BatchAccepted:
    """Run a part of a batch again, as a new batch that names the old one.

    With nothing to run in that part, 409 and `NOTHING_TO_RUN`.
    """
    service = request.app[SERVICE]
    await find_batch(service, batch_id)
    return accepted_batch(await service.rerun(batch_id, body.only), service, rerun_of=batch_id)


async def delete_batch(request: web.Request, batch_id: str) -> BatchDeleted:
    """Delete a batch that is over, with its files and reports."""
    service = request.app[SERVICE]
    await find_batch(service, batch_id)
    cleared = await service.delete_batch(batch_id)
    return BatchDeleted(
        success=True,
        message="Batch deleted",
        executions_deleted=cleared.executions,
        reports_deleted=cleared.reports,
    )
