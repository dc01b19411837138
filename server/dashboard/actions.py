"""What the dashboard does with batches: stop many executions, run many again, hand out the report."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import hdrs, web
from pydantic import Field

from batches.events import Record
from batches.service import Rerun
from server.batch_routes import find_batch
from server.dashboard.report import report_page
from server.endpoints import Routes
from server.execute_models import BatchAccepted
from server.executing import accepted_batch
from server.keys import SERVICE
from server.problems import Family
from server.reading import IdText, Input

__all__ = ["add_routes"]

MOST_IDS: Final = 10_000
"""Most executions of one request."""

Ids = Annotated[tuple[IdText, ...], Field(min_length=1, max_length=MOST_IDS)]


class Chosen(Input):
    """Some executions."""

    execution_ids: Ids


class ManyStopped(Record):
    """What a stop did."""

    running_stopped: int
    queued_cancelled: int
    over_already: int
    """Were over before, or do not exist."""


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    controls = Routes(app, tag="Dashboard", family=Family.CONTROL)
    controls.post("/api/dashboard/executions/stop", stop_executions)
    controls.post("/api/dashboard/batches/{batchId}/rerun", rerun_executions, errors=(404, 409, 503))
    Routes(app, tag="Dashboard").get(
        "/api/dashboard/batches/{batchId}/report", get_report, errors=(404,), produces="text/html"
    )


async def stop_executions(request: web.Request, body: Chosen) -> ManyStopped:
    """Stop some executions, waiting, running or paused; those that are over stay as they are."""
    wanted = set(body.execution_ids)
    report = await request.app[SERVICE].stop_executions(wanted)
    return ManyStopped(
        running_stopped=report.running_stopped,
        queued_cancelled=report.queued_cancelled,
        over_already=len(wanted) - report.total,
    )


async def rerun_executions(request: web.Request, batch_id: str, body: Chosen) -> BatchAccepted:
    """Run some executions of a batch again, as a new batch that names the old one.

    Those that are not over are left out; with none left, 409 and `NOTHING_TO_RUN`.
    """
    service = request.app[SERVICE]
    state = await find_batch(service, batch_id)
    wanted = {
        name
        for name in body.execution_ids
        if name in state.executions and state.executions[name].status.is_final
    }
    return accepted_batch(
        await service.rerun(batch_id, Rerun.ALL, execution_ids=wanted), service, rerun_of=batch_id
    )


async def get_report(request: web.Request, batch_id: str) -> web.StreamResponse:
    """A batch as one HTML file that opens from disk, as `batchwright report` writes it."""
    service = request.app[SERVICE]
    state = await find_batch(service, batch_id)
    page = await report_page(service.store, state, service.output)
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{batch_id}.html"'}
    return web.Response(body=page.content, content_type="text/html", charset="utf-8", headers=headers)
