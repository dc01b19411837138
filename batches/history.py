"""Looking at history: which batches a list shows, and what deleting removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from batches.batch_row import BatchRow
from batches.events import BatchStatus

__all__ = ["Cleared", "HistoryPage", "HistoryQuery", "Retention", "expired_rows", "page_of"]


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which batches a list shows, newest first; times are epoch ms.

    Attributes:
        statuses: Only these states; empty means all.
        text: Only batches whose id, folder, tags or workflow names contain it, whatever the case.
        tag: Only batches with exactly this tag.
        started_after: Only batches that started at this time or later.
        started_before: Only batches that started before this time.
        limit: At most so many; None means all.
        offset: Leave out so many of the newest.
        include_single: Also the batches of one around single runs.
    """

    statuses: frozenset[BatchStatus] = frozenset()
    text: str | None = None
    tag: str | None = None
    started_after: int | None = None
    started_before: int | None = None
    limit: int | None = 20
    offset: int = 0
    include_single: bool = False

    def matches(self, row: BatchRow) -> bool:
        """Whether a batch belongs to the list."""
        if row.single and not self.include_single:
            return False
        if self.statuses and row.status not in self.statuses:
            return False
        if self.tag is not None and self.tag not in row.tags:
            return False
        if self.started_after is not None and row.started_at < self.started_after:
            return False
        if self.started_before is not None and row.started_at >= self.started_before:
            return False
        return self.text is None or _contains(row, self.text.casefold())


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a list; ``total`` counts all batches that match."""

    total: int
    rows: tuple[BatchRow, ...]


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a deletion removed; ``singles`` counts those of the batches that are around single runs."""

    batches: int = 0
    executions: int = 0
    reports: int = 0
    singles: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """How much history is kept; what runs is never deleted. None means no limit.

    Attributes:
        max_age_s: Batches that ended longer ago go, seconds.
        max_batches: So many of the newest stay.
        max_bytes: The oldest go until the folders of the rest hold no more than this.
    """

    max_age_s: float | None = None
    max_batches: int | None = None
    max_bytes: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether anything would ever be deleted."""
        return any(limit is not None for limit in (self.max_age_s, self.max_batches, self.max_bytes))


def page_of(rows: Iterable[BatchRow], query: HistoryQuery) -> HistoryPage:
    """The page of these rows, which come newest first, that a query asks for."""
    found = [row for row in rows if query.matches(row)]
    return HistoryPage(len(found), tuple(found[query.offset :][: query.limit]))


def expired_rows(
    rows: Iterable[BatchRow], retention: Retention, now: int, size_of: Callable[[BatchRow], int]
) -> list[BatchRow]:
    """Those of these rows, which come newest first, that are kept no longer; oldest first.

    Args:
        rows: All batches.
        retention: What to keep.
        now: The present time, epoch ms.
        size_of: The bytes that a batch takes; asked only if bytes are limited.
    """
    expired = []
    kept = size = 0
    for row in rows:
        size += size_of(row) if retention.max_bytes is not None else 0
        if row.status is BatchStatus.RUNNING or row.ended_at is None:
            kept += 1
            continue
        too_old = retention.max_age_s is not None and now - row.ended_at > retention.max_age_s * 1000
        too_many = retention.max_batches is not None and kept >= retention.max_batches
        too_large = retention.max_bytes is not None and size > retention.max_bytes
        if too_old or too_many or too_large:
            expired.append(row)
        else:
            kept += 1
    return expired[::-1]


def _contains(row: BatchRow, text: str) -> bool:
    places = (row.batch_id, row.folder_path or "", *row.tags, *row.names)
    return any(text in place.casefold() for place in places)
