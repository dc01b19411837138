"""History in memory: for programs that embed the runner, and for tests. It ends with the process."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from batches.batch_row import BatchRow
from batches.disk_use import folder_size
from batches.errors import NotFoundError, StoreError
from batches.events import BatchStatus, Event, now_ms
from batches.history import Cleared, HistoryPage, HistoryQuery, Retention, expired_rows, page_of
from batches.state import BatchState, replay
from batches.store import (
    Reservation,
    Store,
    batch_id_of,
    batch_number,
    batch_with_alias,
    durations_of,
    execution_path,
)

__all__ = ["MemoryStore"]


@dataclass(slots=True)
class _Kept:
    journal: list[Event] = field(default_factory=list)
    row: BatchRow | None = None
    final: BatchState | None = None
    request: Mapping[str, object] | None = None
    documents: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


class MemoryStore(Store):
    """Keeps everything in memory, and artifacts in a folder.

    Args:
        output: Where artifacts go; None for a temporary folder that `close` removes.
    """

    def __init__(self, output: Path | None = None) -> None:
        self._output = output.absolute() if output is not None else None
        self._temporary: Path | None = None
        self._kept: dict[str, _Kept] = {}
        self._durations: dict[str, float] = {}
        self._next_alias = 1
        self._last_seq = 0
        self._is_open = False

    async def open(self) -> None:
        """See `Store.open`; nothing can have died."""
        if self._output is None:
            self._temporary = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="batchwright-"))
            self._output = self._temporary
        self._is_open = True

    async def reserve(self, members: int) -> Reservation:
        """See `Store.reserve`."""
        self._check_open()
        if members < 0:
            raise ValueError(f"a batch cannot have {members} members")
        number = now_ms()
        while batch_id_of(number) in self._kept:
            number += 1
        self._kept[batch_id_of(number)] = _Kept()
        first_alias, self._next_alias = self._next_alias, self._next_alias + members
        return Reservation(batch_id_of(number), first_alias)

    def execution_folder(self, batch_id: str, execution_id: str) -> Path:
        """See `Store.execution_folder`."""
        if self._output is None:
            raise StoreError("The store is not open", code="STORE_CLOSED")
        return execution_path(self._output / "batches", batch_id, execution_id)

    async def append(self, batch_id: str, events: Sequence[Event], *, sync: bool) -> None:  # noqa: ARG002 - no disk
        """See `Store.append`."""
        if events:
            self._reserved(batch_id).journal.extend(events)
            self._last_seq = max(self._last_seq, events[-1].seq)

    async def save(self, state: BatchState) -> None:
        """See `Store.save`."""
        kept = self._reserved(state.batch_id)
        kept.row = BatchRow.of(state)
        self._last_seq = max(self._last_seq, state.last_seq)
        if state.status is not BatchStatus.RUNNING:
            kept.final = _copy(state)
            self._durations |= durations_of(state)

    async def load(self, batch_id: str) -> BatchState:
        """See `Store.load`."""
        kept = self._existing(batch_id)
        state = _copy(kept.final) if kept.final is not None else replay(kept.journal)
        if state is None:
            raise NotFoundError(f"Batch {batch_id} has not begun")
        return state

    async def page(self, query: HistoryQuery) -> HistoryPage:
        """See `Store.page`."""
        return page_of(self._rows(), query)

    async def find_alias(self, alias: int) -> str:
        """See `Store.find_alias`."""
        return batch_with_alias(self._rows(), alias)

    async def events(
        self, batch_id: str, *, execution_id: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Event]:
        """See `Store.events`."""
        journal = self._existing(batch_id).journal
        found = (
            event
            for event in journal
            if event.seq > after and (execution_id is None or event.execution_id == execution_id)
        )
        return list(islice(found, limit))

    async def save_workflows(
        self, batch_id: str, request: Mapping[str, object], documents: Mapping[str, Mapping[str, object]]
    ) -> None:
        """See `Store.save_workflows`."""
        kept = self._reserved(batch_id)
        kept.request, kept.documents = dict(request), dict(documents)

    async def request(self, batch_id: str) -> Mapping[str, object]:
        """See `Store.request`."""
        request = self._existing(batch_id).request
        if request is None:
            raise NotFoundError(f"How {batch_id} was asked to run was not kept")
        return dict(request)

    async def workflows(
        self, batch_id: str, execution_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, object]]:
        """See `Store.workflows`."""
        documents = self._existing(batch_id).documents
        for execution_id in execution_ids:
            if execution_id not in documents:
                raise NotFoundError(f"The workflow of {execution_id} was not kept")
        return {execution_id: documents[execution_id] for execution_id in execution_ids}

    async def delete(self, batch_ids: Sequence[str]) -> Cleared:
        """See `Store.delete`."""
        batches = executions = 0
        for batch_id in dict.fromkeys(batch_ids):
            kept = self._kept.get(batch_id)
            if kept is None or kept.final is None:
                continue
            del self._kept[batch_id]
            batches, executions = batches + 1, executions + len(kept.final.executions)
            await asyncio.to_thread(shutil.rmtree, self._folder(batch_id), ignore_errors=True)
        return Cleared(batches, executions)

    async def expired(self, retention: Retention) -> list[str]:
        """See `Store.expired`; the bytes are those of the artifacts."""
        rows = self._rows()
        found = await asyncio.to_thread(
            expired_rows, rows, retention, now_ms(), lambda row: folder_size(self._folder(row.batch_id))
        )
        return [row.batch_id for row in found]

    @property
    def recovered(self) -> tuple[str, ...]:
        """See `Store.recovered`; nothing can have died."""
        return ()

    async def last_seq(self) -> int:
        """See `Store.last_seq`."""
        self._check_open()
        return self._last_seq

    async def durations(self) -> Mapping[str, float]:
        """See `Store.durations`."""
        self._check_open()
        return dict(self._durations)

    async def close(self) -> None:
        """See `Store.close`; the batches stay until the object goes, temporary artifacts do not."""
        self._is_open = False
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            self._output = None
            await asyncio.to_thread(shutil.rmtree, temporary, ignore_errors=True)

    def _rows(self) -> list[BatchRow]:
        """All saved batches, newest first."""
        self._check_open()
        rows = [kept.row for kept in self._kept.values() if kept.row is not None]
        return sorted(rows, key=lambda row: batch_number(row.batch_id), reverse=True)

    def _folder(self, batch_id: str) -> Path:
        return self.execution_folder(batch_id, "x").parent

    def _check_open(self) -> None:
        if not self._is_open:
            raise StoreError("The store is not open", code="STORE_CLOSED")

    def _existing(self, batch_id: str) -> _Kept:
        self._check_open()
        kept = self._kept.get(batch_id)
        if kept is None:
            raise NotFoundError(f"There is no batch {batch_id!r}")
        return kept

    def _reserved(self, batch_id: str) -> _Kept:
        try:
            return self._existing(batch_id)
        except NotFoundError as error:
            raise StoreError(f"Batch {batch_id} was not reserved in this store") from error


def _copy(state: BatchState) -> BatchState:
    """A state that does not change with the other; the records in it never change."""
    executions = {
        execution_id: replace(execution, nodes=list(execution.nodes), log=list(execution.log))
        for execution_id, execution in state.executions.items()
    }
    return replace(state, executions=executions)
