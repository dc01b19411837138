"""The seam to history: where batches, their executions and their events are kept.

`batches.tinydb_store` keeps them in files, `batches.memory_store` in memory. One test suite runs on each.
Times are epoch ms, durations ms.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from batches.batch_row import BatchRow
from batches.errors import NotFoundError
from batches.events import Event, ExecutionStatus
from batches.history import Cleared, HistoryPage, HistoryQuery, Retention
from batches.state import BatchState

__all__ = [
    "BatchRow",
    "Reservation",
    "Store",
    "batch_id_of",
    "batch_number",
    "batch_with_alias",
    "durations_of",
    "execution_path",
]

_BATCH_ID: Final = re.compile(r"batch-([1-9]\d{0,17})", re.ASCII)
_EXECUTION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)
_TIMED: Final = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Reservation:
    """What `Store.reserve` sets aside for one batch; the aliases run from ``first_alias`` upwards."""

    batch_id: str
    first_alias: int


class Store(ABC):
    """Keeps batches, their executions and their events.

    Usable as an async context manager, which opens and closes it. Every method may raise
    `batches.errors.StoreError`, and raises nothing else but what it names.
    """

    @abstractmethod
    async def open(self) -> None:
        """Get ready to read and write, and end batches whose process died as interrupted."""

    @abstractmethod
    async def reserve(self, members: int) -> Reservation:
        """Set a batch id and ``members`` aliases aside that nothing in this store ever had or will have.

        From now on this process owns the batch: no other one takes it for dead.
        """

    @abstractmethod
    def execution_folder(self, batch_id: str, execution_id: str) -> Path:
        """Where an execution's artifacts belong (absolute); the folder need not exist yet.

        Raises:
            NotFoundError: One of the ids has not the form of an id.
        """

    @abstractmethod
    async def append(self, batch_id: str, events: Sequence[Event], *, sync: bool) -> None:
        """Add events to the journal of a batch; they survive this process.

        Args:
            batch_id: A reserved batch.
            events: In the order of their ``seq``; either all or none are added.
            sync: Let them survive the machine, too; slower.
        """

    @abstractmethod
    async def save(self, state: BatchState) -> None:
        """Keep the state of a reserved batch; a final state ends the ownership of it."""

    @abstractmethod
    async def load(self, batch_id: str) -> BatchState:
        """The state of a batch: as saved when it was over, else as its journal tells.

        Raises:
            NotFoundError: There is no such batch.
        """

    @abstractmethod
    async def page(self, query: HistoryQuery) -> HistoryPage:
        """The saved batches that a list shows, newest first."""

    async def rows(
        self, *, limit: int | None = None, offset: int = 0, include_single: bool = False
    ) -> list[BatchRow]:
        """Saved batches, newest first.

        Args:
            limit: At most so many; None means all.
            offset: Leave out so many of the newest.
            include_single: Also list the batches of one around single runs.
        """
        page = await self.page(HistoryQuery(limit=limit, offset=offset, include_single=include_single))
        return list(page.rows)

    @abstractmethod
    async def find_alias(self, alias: int) -> str:
        """The id of the batch that has the execution with this alias.

        Raises:
            NotFoundError: No saved batch has it.
        """

    @abstractmethod
    async def events(
        self, batch_id: str, *, execution_id: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Event]:
        """The journal of a batch, from the first event whose ``seq`` is above ``after``.

        Args:
            batch_id: The batch.
            execution_id: Only events of this execution.
            after: Leave out events up to this ``seq``.
            limit: At most so many; None means all.

        Raises:
            NotFoundError: There is no such batch.
        """

    @abstractmethod
    async def save_workflows(
        self, batch_id: str, request: Mapping[str, object], documents: Mapping[str, Mapping[str, object]]
    ) -> None:
        """Keep what a reserved batch was asked to run.

        Args:
            batch_id: A reserved batch.
            request: How to run it, as plain JSON.
            documents: The workflow of each execution, as plain JSON, by execution id.
        """

    @abstractmethod
    async def request(self, batch_id: str) -> Mapping[str, object]:
        """How a batch was asked to run, as it was saved.

        Raises:
            NotFoundError: There is no such batch, or this was never saved.
        """

    @abstractmethod
    async def workflows(
        self, batch_id: str, execution_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, object]]:
        """The workflows of these executions as they were saved; the others of the batch are not read.

        Raises:
            NotFoundError: There is no such batch, or one of them was never saved.
        """

    @abstractmethod
    async def delete(self, batch_ids: Sequence[str]) -> Cleared:
        """Delete batches that are over, with all their files; for good.

        What runs, here or in another process, stays, and what is not there is left out.
        """

    @abstractmethod
    async def expired(self, retention: Retention) -> list[str]:
        """The batches that are over and kept no longer, oldest first."""

    @property
    @abstractmethod
    def recovered(self) -> tuple[str, ...]:
        """The batches that `open` found dead and ended as interrupted, oldest first."""

    @abstractmethod
    async def last_seq(self) -> int:
        """The highest number that an event in this store has, 0 if there is none."""

    @abstractmethod
    async def durations(self) -> Mapping[str, float]:
        """How long each workflow took when it last ran to an end, ms, by source path (else file name)."""

    @abstractmethod
    async def close(self) -> None:
        """Give up the ownership of all batches; idempotent."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def batch_id_of(number: int) -> str:
    """The id of the batch with this number, which is about the epoch ms of its creation."""
    return f"batch-{number}"


def batch_number(batch_id: str) -> int:
    """The number in a batch id; newer batches have higher ones.

    Raises:
        NotFoundError: The text has not the form of a batch id, so no batch has it.
    """
    match = _BATCH_ID.fullmatch(batch_id)
    if match is None:
        raise NotFoundError(f"There is no batch {batch_id!r}")
    return int(match[1])


def batch_with_alias(rows: Iterable[BatchRow], alias: int) -> str:
    """The id of the batch that has the execution with this alias.

    Raises:
        NotFoundError: None of these has it.
    """
    for row in rows:
        if row.first_alias <= alias < row.first_alias + row.members:
            return row.batch_id
    raise NotFoundError(f"There is no execution {alias}")


def execution_path(batches: Path, batch_id: str, execution_id: str) -> Path:
    """The folder of an execution below the folder of all batches.

    Raises:
        NotFoundError: One of the ids has not the form of an id, and so might lead elsewhere.
    """
    if _EXECUTION_ID.fullmatch(execution_id) is None:
        raise NotFoundError(f"There is no execution {execution_id!r}")
    return batches / batch_id_of(batch_number(batch_id)) / execution_id


def durations_of(state: BatchState) -> dict[str, float]:
    """How long the executions of a batch took that ran to an end, ms, by source path (else file name)."""
    return {
        execution.member.source or execution.member.workflow_file_name: float(execution.duration_ms)
        for execution in state.executions.values()
        if execution.status in _TIMED and execution.duration_ms is not None
    }
