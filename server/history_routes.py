"""The history of batches: listing and clearing it (api.md, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints

from batches.batch_row import BatchRow
from batches.events import BatchStatus, Record
from batches.history import HistoryQuery
from server.endpoints import Routes
from server.keys import SERVICE
from server.main_api import BATCH_WORDS
from server.problems import Family
from server.reading import Input, Maybe, Texts

__all__ = ["add_routes"]

MAX_PAGE: Final = 1_000
"""Most batches in one answer; a higher limit counts as this one."""

LATEST_MS: Final = 2**53

_WORDS: Final = tuple(dict.fromkeys(BATCH_WORDS.values()))

_Text = Annotated[str, StringConstraints(max_length=500)]


def _known(words: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [word for word in words if word not in _WORDS]
    if unknown:
        raise ValueError(f"must be of {', '.join(_WORDS)}")
    return words


class HistoryFilter(Input):
    """Which batches, and which page of them."""

    status: Annotated[Texts, AfterValidator(_known)] = ()
    """`running`, `completed`, `error`, `stopped`; several with commas between them."""
    limit: int = Field(default=20, ge=0)
    """At most so many, up to 1,000; 0 counts as absent."""
    offset: int = Field(default=0, ge=0, le=LATEST_MS)
    """Leave out so many of the newest."""
    q: _Text | None = None
    """Only batches whose id, folder, tags or workflow names contain it, whatever the case."""
    tag: _Text | None = None
    """Only batches with exactly this tag."""
    started_after: int | None = Field(default=None, ge=0, le=LATEST_MS)
    """Only batches that started then or later, epoch ms."""
    started_before: int | None = Field(default=None, ge=0, le=LATEST_MS)
    """Only batches that started before, epoch ms."""
    include_single: bool = False
    """Also single runs, which are batches of one."""


class BatchRowView(Record):
    """A batch of the list."""

    batch_id: str
    status: str
    """`running`, `completed`, `error` or `stopped`."""
    source_type: str
    folder_path: Maybe[str] = None
    total_workflows: int
    """Valid and invalid ones."""
    invalid_workflows: int
    completed: int
    failed: int
    running: int
    queued: int
    stopped: int
    flaky: int
    start_time: int
    """Epoch ms."""
    end_time: int | None
    """Epoch ms; null while running."""
    duration: int | None
    """Milliseconds; null while running."""
    workers: int
    single: bool
    tags: tuple[str, ...]


class HistoryView(Record):
    """One page of the history, newest first."""

    total: int
    """All batches that match."""
    limit: int
    offset: int
    batches: tuple[BatchRowView, ...]


class HistoryCleared(Record):
    """What was deleted."""

    success: bool
    message: str
    batches_deleted: int
    """As lists count them: without those around single runs."""
    executions_deleted: int
    """Members of batches and single runs."""
    reports_deleted: int


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    Routes(app, tag="History").get("/api/workflows/executions/batches", list_batches)
    controls = Routes(app, tag="History", family=Family.CONTROL)
    controls.delete("/api/workflows/executions/batches/clear", clear_history)


async def list_batches(request: web.Request, query: HistoryFilter) -> HistoryView:
    """The batches of the history, newest first, with the numbers of this moment."""
    limit = min(query.limit or HistoryFilter().limit, MAX_PAGE)
    page = await request.app[SERVICE].page(
        HistoryQuery(
            statuses=_statuses(query.status),
            text=query.q,
            tag=query.tag,
            started_after=query.started_after,
            started_before=query.started_before,
            limit=limit,
            offset=query.offset,
            include_single=query.include_single,
        )
    )
    return HistoryView(
        total=page.total, limit=limit, offset=query.offset, batches=tuple(map(_row, page.rows))
    )


async def clear_history(request: web.Request) -> HistoryCleared:
    """Delete all batches that are over, with their files and reports, for good. What runs goes on."""
    cleared = await request.app[SERVICE].clear_history()
    return HistoryCleared(
        success=True,
        message="All batches and executions cleared",
        batches_deleted=cleared.batches - cleared.singles,
        executions_deleted=cleared.executions,
        reports_deleted=cleared.reports,
    )


def _statuses(words: Sequence[str]) -> frozenset[BatchStatus]:
    return frozenset(status for status, word in BATCH_WORDS.items() if word in words)


def _row(row: BatchRow) -> BatchRowView:
    return BatchRowView(
        batch_id=row.batch_id,
        status=BATCH_WORDS[row.status],
        source_type=row.source_type,
        folder_path=row.folder_path,
        total_workflows=row.total_workflows,
        invalid_workflows=row.invalid,
        completed=row.completed,
        failed=row.failed,
        running=row.running + row.paused + row.suspended,
        queued=row.queued,
        stopped=row.stopped + row.interrupted,
        flaky=row.flaky,
        start_time=row.started_at,
        end_time=row.ended_at,
        duration=row.ended_at - row.started_at if row.ended_at is not None else None,
        workers=row.workers,
        single=row.single,
        tags=row.tags,
    )
