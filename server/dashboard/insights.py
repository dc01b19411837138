"""What the dashboard's history asks for: all batches in short, and how each workflow fared over them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from statistics import median, quantiles
from typing import Any, Final

from aiohttp import web
from pydantic import Field

from batches.batch_row import BatchRow
from batches.errors import NotFoundError
from batches.events import BatchStatus, ExecutionStatus, Record
from batches.history import HistoryQuery
from batches.service import Service
from batches.state import BatchState, ExecutionState
from server.dashboard.feed_views import list_row
from server.endpoints import Routes, json_answer
from server.keys import SERVICE
from server.reading import Input, PathText

__all__ = ["INSIGHTS", "Insights", "add_routes"]

MOST_ROWS: Final = 5_000
MOST_KEPT: Final = 50_000
"""Executions of finished batches that stay in memory, so that looking again reads nothing."""

MOST_RECENT: Final = 20
"""Last results of a workflow, for a row of marks."""

MOST_MESSAGE: Final = 300


class HistoryQueryInput(Input):
    """How many batches."""

    limit: int = Field(default=MOST_ROWS, ge=1, le=MOST_ROWS)


class HistoryRows(Record):
    """All batches, the newest ones first."""

    total: int
    """Of all that there are."""
    rows: tuple[dict[str, Any], ...]
    """As `live` snapshots give them."""


class WorkflowRun(Record):
    """One execution of a workflow that is over."""

    key: str
    """The workflow: its file, else its path."""
    name: str
    batch_id: str
    execution_id: str
    status: ExecutionStatus
    flaky: bool
    attempts: int
    started_at: int
    """Epoch ms."""
    duration_ms: int
    code: str | None = None
    """Of its error."""
    message: str | None = None


class WorkflowFacts(Record):
    """How a workflow fared over the batches that were looked at; durations are those of runs that ended."""

    key: str
    name: str
    runs: int
    passed: int
    """Flaky ones included."""
    failed: int
    flaky: int
    median_ms: float | None
    p95_ms: float | None
    last_at: int
    recent: tuple[str, ...]
    """The last results, newest last: statuses, and `flaky`."""


class InsightsQuery(Input):
    """Over how many batches."""

    batches: int = Field(default=100, ge=1, le=1_000)
    """The newest ones."""


class RunsQuery(InsightsQuery):
    """Which workflow."""

    key: PathText


class WorkflowsFared(Record):
    """All workflows of the newest batches."""

    batches: int
    """So many were looked at."""
    workflows: tuple[WorkflowFacts, ...]


class RunsOfWorkflow(Record):
    """One workflow's past."""

    key: str
    runs: tuple[WorkflowRun, ...]
    """Newest first."""


class Insights:
    """Runs of workflows over many batches; what is over is read once.

    Args:
        service: The runs.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._kept: OrderedDict[str, tuple[WorkflowRun, ...]] = OrderedDict()
        self._size = 0
        self._one_at_a_time = asyncio.Lock()

    async def runs(self, batches: int) -> tuple[int, list[WorkflowRun]]:
        """How many batches there were to look at, up to a number, and the runs in them, newest batch first."""
        page = await self._service.page(HistoryQuery(limit=batches, include_single=True))
        async with self._one_at_a_time:
            found = [await self._of(row) for row in page.rows]
        return len(page.rows), [run for runs in found for run in runs]

    async def _of(self, row: BatchRow) -> tuple[WorkflowRun, ...]:
        if row.status is BatchStatus.RUNNING:
            return _runs_of(await self._service.batch(row.batch_id))
        known = self._kept.get(row.batch_id)
        if known is None:
            try:
                # Past the service, whose cache is for what people look at.
                known = await asyncio.to_thread(_runs_of, await self._service.store.load(row.batch_id))
            except NotFoundError:  # deleted in between
                return ()
            self._keep(row.batch_id, known)
        self._kept.move_to_end(row.batch_id)
        return known

    def _keep(self, batch_id: str, runs: tuple[WorkflowRun, ...]) -> None:
        self._kept[batch_id] = runs
        self._size += len(runs)
        while self._size > MOST_KEPT and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest)


INSIGHTS: Final = web.AppKey("insights", Insights)


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    app[INSIGHTS] = Insights(app[SERVICE])
    routes = Routes(app, tag="Dashboard")
    routes.get("/api/dashboard/history", list_history, answer=HistoryRows)
    routes.get("/api/dashboard/insights", list_workflows)
    routes.get("/api/dashboard/insights/runs", list_runs)


async def list_history(request: web.Request, query: HistoryQueryInput) -> web.Response:
    """All batches in short, single runs included, with the numbers of this moment."""
    page = await request.app[SERVICE].page(HistoryQuery(limit=query.limit, include_single=True))

    def answer() -> web.Response:
        return json_answer({"total": page.total, "rows": [list_row(row) for row in page.rows]})

    return await asyncio.to_thread(answer)


async def list_workflows(request: web.Request, query: InsightsQuery) -> WorkflowsFared:
    """How each workflow fared over the newest batches: how often it passed, failed, was flaky, how long it took."""
    looked_at, runs = await request.app[INSIGHTS].runs(query.batches)
    return WorkflowsFared(batches=looked_at, workflows=await asyncio.to_thread(_facts, runs))


async def list_runs(request: web.Request, query: RunsQuery) -> RunsOfWorkflow:
    """One workflow's runs over the newest batches."""
    _, runs = await request.app[INSIGHTS].runs(query.batches)
    return RunsOfWorkflow(key=query.key, runs=tuple(run for run in runs if run.key == query.key))


def _runs_of(state: BatchState) -> tuple[WorkflowRun, ...]:
    return tuple(
        run
        for execution in state.executions.values()
        if (run := _run_of(state.batch_id, execution)) is not None
    )


def _run_of(batch_id: str, execution: ExecutionState) -> WorkflowRun | None:
    if execution.started_at is None or execution.duration_ms is None:
        return None
    member, error = execution.member, execution.error
    is_over_well = execution.status is ExecutionStatus.COMPLETED
    return WorkflowRun(
        key=member.source or member.workflow_path,
        name=member.workflow_path,
        batch_id=batch_id,
        execution_id=execution.execution_id,
        status=execution.status,
        flaky=execution.flaky,
        attempts=execution.attempts,
        started_at=execution.started_at,
        duration_ms=execution.duration_ms,
        code=error.code if error and not is_over_well else None,
        message=error.message[:MOST_MESSAGE] if error and not is_over_well else None,
    )


def _facts(runs: Iterable[WorkflowRun]) -> tuple[WorkflowFacts, ...]:
    by_key: dict[str, list[WorkflowRun]] = {}
    for run in runs:
        by_key.setdefault(run.key, []).append(run)
    return tuple(
        _facts_of(key, sorted(group, key=lambda run: run.started_at)) for key, group in by_key.items()
    )


def _facts_of(key: str, runs: Sequence[WorkflowRun]) -> WorkflowFacts:
    """The facts of one workflow; its runs come oldest first."""
    ended = (ExecutionStatus.COMPLETED, ExecutionStatus.FAILED)
    durations = [float(run.duration_ms) for run in runs if run.status in ended]
    p95 = quantiles(durations, n=20, method="inclusive")[-1] if len(durations) > 1 else None
    return WorkflowFacts(
        key=key,
        name=runs[-1].name,
        runs=len(runs),
        passed=sum(run.status is ExecutionStatus.COMPLETED for run in runs),
        failed=sum(run.status is ExecutionStatus.FAILED for run in runs),
        flaky=sum(run.flaky for run in runs),
        median_ms=median(durations) if durations else None,
        p95_ms=p95 if p95 is not None else (durations[0] if durations else None),
        last_at=runs[-1].started_at,
        recent=tuple("flaky" if run.flaky else run.status.value for run in runs[-MOST_RECENT:]),
    )
