"""The default store: history and journals in files below the output folder.

::

    output/index.json                      one row for each batch
    output/batches/<batchId>/batch.json    the batch and its executions
    output/batches/<batchId>/events.jsonl  its journal
    output/batches/<batchId>/workflows.zip what it was asked to run
    output/batches/<batchId>/<executionId> artifacts

Several processes may share one output folder. All writing happens in one thread, in the order of the calls;
reading happens in the event loop's own threads.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from batches.atomic_storage import CorruptFileError, storage_errors
from batches.batch_folder import DOOMED, BatchFolder
from batches.batch_index import BatchIndex
from batches.batch_row import BatchRow
from batches.disk_use import folder_size
from batches.errors import NotFoundError, StoreError
from batches.events import BatchStarted, BatchStatus, Event, now_ms
from batches.file_threads import FileThreads
from batches.history import Cleared, HistoryPage, HistoryQuery, Retention, expired_rows, page_of
from batches.recovery import interruption
from batches.state import BatchState, replay
from batches.store import (
    Reservation,
    Store,
    batch_id_of,
    batch_number,
    batch_with_alias,
    execution_path,
)
from batches.workflow_archive import read_request, read_workflows, write_archive

__all__ = ["TinyDbStore"]

_PORTION: Final = 100
"""So many batches are deleted with one change of the index."""

logger = logging.getLogger("batchwright.store")


class TinyDbStore(Store):
    """Keeps everything in one folder.

    Args:
        output: The folder; it is created if it does not exist.
        patience_s: How long to wait for another process that changes the index, and half of how long one
            operation on the disk may take, seconds.
        journal: Write events down as they happen. Without, a batch that dies leaves only that it had begun.
    """

    def __init__(self, output: Path, *, patience_s: float = 30, journal: bool = True) -> None:
        self._journals = journal
        self._output = output.absolute()
        self._batches = self._output / "batches"
        self._threads = FileThreads(self._output, 2 * patience_s)
        self._index = BatchIndex(self._output, patience_s, self._states)
        self._owned: dict[str, BatchFolder] = {}
        self._last_seq = 0
        self._recovered: tuple[str, ...] = ()

    async def open(self) -> None:
        """Create the folders, check that they can be written to, and end what died.

        Raises:
            StoreError: The folder cannot be used; the message names path and reason.
        """
        if self._threads.are_running:
            return
        self._threads.start()
        try:
            dead = await self._threads.write(self._prepare)
            for folder in dead:
                await self._threads.write(self._learn_numbers, folder)
            for folder in dead:
                if await self._threads.write(self._recover, folder):
                    self._recovered += (folder.batch_id,)
        except BaseException:
            await self.close()
            raise

    async def reserve(self, members: int) -> Reservation:
        """See `Store.reserve`."""
        return await self._threads.write(self._reserve, members)

    def execution_folder(self, batch_id: str, execution_id: str) -> Path:
        """See `Store.execution_folder`."""
        return execution_path(self._batches, batch_id, execution_id)

    async def append(self, batch_id: str, events: Sequence[Event], *, sync: bool) -> None:
        """See `Store.append`."""
        if events:
            await self._threads.write(self._append, batch_id, tuple(events), sync)

    async def save(self, state: BatchState) -> None:
        """See `Store.save`."""
        await self._threads.write(self._save, state)

    async def load(self, batch_id: str) -> BatchState:
        """See `Store.load`."""
        folder = await self._threads.read(self._existing, batch_id)
        try:
            state = await self._threads.read(folder.finished)
        except CorruptFileError:
            state = await self._threads.write(self._repair, folder)
        state = state or await self._threads.read(folder.replayed)
        if state is None:
            raise NotFoundError(f"Batch {batch_id} has not begun")
        return state

    async def page(self, query: HistoryQuery) -> HistoryPage:
        """See `Store.page`."""
        return await self._threads.read(lambda: page_of(self._index.read().rows, query))

    async def find_alias(self, alias: int) -> str:
        """See `Store.find_alias`."""
        return await self._threads.read(lambda: batch_with_alias(self._index.read().rows, alias))

    async def events(
        self, batch_id: str, *, execution_id: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Event]:
        """See `Store.events`."""
        folder = await self._threads.read(self._existing, batch_id)
        found = folder.events(after=after, execution_id=execution_id)
        return await self._threads.read(lambda: list(islice(found, limit)))

    async def save_workflows(
        self, batch_id: str, request: Mapping[str, object], documents: Mapping[str, Mapping[str, object]]
    ) -> None:
        """See `Store.save_workflows`."""
        await self._threads.write(lambda: write_archive(self._own(batch_id).archive_path, request, documents))

    async def request(self, batch_id: str) -> Mapping[str, object]:
        """See `Store.request`."""
        return await self._threads.read(lambda: read_request(self._existing(batch_id).archive_path))

    async def workflows(
        self, batch_id: str, execution_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, object]]:
        """See `Store.workflows`."""
        return await self._threads.read(
            lambda: read_workflows(self._existing(batch_id).archive_path, execution_ids)
        )

    async def delete(self, batch_ids: Sequence[str]) -> Cleared:
        """See `Store.delete`."""
        batches = executions = 0
        wanted = list(dict.fromkeys(batch_ids))
        # In portions, so that journals get their turn in between.
        for first in range(0, len(wanted), _PORTION):
            deleted = await self._threads.write(self._delete, wanted[first : first + _PORTION])
            for row, doomed in deleted:
                batches, executions = batches + 1, executions + row.members
                await self._threads.read(shutil.rmtree, doomed, ignore_errors=True)
        return Cleared(batches, executions)

    async def expired(self, retention: Retention) -> list[str]:
        """See `Store.expired`."""
        rows = (await self._threads.read(self._index.read)).rows
        found = await self._threads.read(
            expired_rows, rows, retention, now_ms(), lambda row: folder_size(self._batches / row.batch_id)
        )
        return [row.batch_id for row in found]

    @property
    def recovered(self) -> tuple[str, ...]:
        """See `Store.recovered`."""
        return self._recovered

    async def last_seq(self) -> int:
        """See `Store.last_seq`; of batches that run in other processes, what they saved counts."""
        return max(self._last_seq, (await self._threads.read(self._index.read)).last_seq)

    async def durations(self) -> Mapping[str, float]:
        """See `Store.durations`."""
        return dict((await self._threads.read(self._index.read)).durations)

    async def close(self) -> None:
        """See `Store.close`; what still runs is ended as interrupted by the next one who opens the folder."""
        if not self._threads.are_running:
            return
        try:
            await self._threads.write(self._release_all)
        finally:
            self._threads.stop()

    def _prepare(self) -> list[BatchFolder]:
        """Get the folders ready; returns what died, each one claimed."""
        with storage_errors(self._output):
            self._batches.mkdir(parents=True, exist_ok=True)
            for place in (self._output, self._batches):
                with tempfile.NamedTemporaryFile(dir=place, prefix=".probe-") as probe:
                    probe.write(b"Can this be written?")
            for doomed in self._batches.glob(f"{DOOMED}*"):
                shutil.rmtree(doomed, ignore_errors=True)
        # Reserving holds the same lock, so nobody is between making a folder and claiming it.
        with self._index.update() as index:
            folders = {folder.batch_id: folder for folder in self._folders()}
            index.forget(row.batch_id for row in index.rows if row.batch_id not in folders)
            self._last_seq = max(self._last_seq, index.last_seq)
            dead = []
            for batch_id, folder in folders.items():
                row = index.row(batch_id)
                if (row is None or row.status is BatchStatus.RUNNING) and folder.claim():
                    self._owned[batch_id] = folder
                    dead.append(folder)
        return dead

    def _learn_numbers(self, folder: BatchFolder) -> None:
        """Events that end what died are numbered after all others, whichever batch those belong to."""
        self._last_seq = max(self._last_seq, *(event.seq for event in folder.events()), 0)

    def _recover(self, folder: BatchFolder) -> bool:
        """End what a dead batch left open; whether there was anything."""
        state = folder.repair()
        ends: list[Event] = []
        if state is None:
            journal = list(folder.events())
            ends = interruption(journal, self._last_seq + 1)
            if ends:
                logger.warning(
                    "the runner of %s died; what it left open ends as interrupted", folder.batch_id
                )
                self._write_down(folder.batch_id, ends, sync=True)
            state = replay([*journal, *ends])
        if state is not None:
            self._save(state)
            return bool(ends)
        del self._owned[folder.batch_id]
        folder.discard()
        with self._index.update() as index:
            if index.row(folder.batch_id) is not None:
                index.forget([folder.batch_id])
        return False

    def _delete(self, batch_ids: Sequence[str]) -> list[tuple[BatchRow, Path]]:
        """Make the batches that are over unreachable; returns their rows and the folders left to remove."""
        deleted = []
        with self._index.update() as index:
            for batch_id in batch_ids:
                try:
                    folder, row = self._existing(batch_id), index.row(batch_id)
                except NotFoundError:
                    continue
                over = row is not None and row.status is not BatchStatus.RUNNING
                if row is not None and over and batch_id not in self._owned and folder.claim():
                    deleted.append((row, folder.doom()))
            index.forget(row.batch_id for row, _ in deleted)
        return deleted

    def _reserve(self, members: int) -> Reservation:
        if members < 0:
            raise ValueError(f"a batch cannot have {members} members")
        folder: BatchFolder | None = None
        try:
            with self._index.update() as index:
                folder = self._new_folder()
                first_alias = index.take_aliases(members)
        except StoreError:
            if folder is not None:
                folder.discard()
            raise
        self._owned[folder.batch_id] = folder
        return Reservation(folder.batch_id, first_alias)

    def _new_folder(self) -> BatchFolder:
        number = now_ms()
        while not (folder := self._folder(batch_id_of(number))).create():
            number += 1
        if not folder.claim():
            raise StoreError(f"{folder.path} was claimed by a program that does not keep the rules")
        return folder

    def _append(self, batch_id: str, events: Sequence[Event], sync: bool) -> None:  # noqa: FBT001 - called by position in the thread
        kept = [event for event in events if self._journals or isinstance(event, BatchStarted)]
        if kept:
            self._write_down(batch_id, kept, sync=sync)
        self._last_seq = max(self._last_seq, events[-1].seq)

    def _write_down(self, batch_id: str, events: Sequence[Event], *, sync: bool) -> None:
        self._own(batch_id).append(events, sync=sync)
        self._last_seq = max(self._last_seq, events[-1].seq)

    def _save(self, state: BatchState) -> None:
        folder = self._own(state.batch_id)
        folder.write(state)
        with self._index.update() as index:
            index.put(state)
        if state.status is not BatchStatus.RUNNING:
            self._owned.pop(state.batch_id).release()

    def _repair(self, folder: BatchFolder) -> BatchState | None:
        if folder.batch_id in self._owned or not folder.claim():
            return None
        try:
            return folder.repair()
        finally:
            folder.release()

    def _own(self, batch_id: str) -> BatchFolder:
        """The folder of a batch, claimed again if its final state was saved already."""
        folder = self._owned.get(batch_id)
        if folder is None:
            try:
                folder = self._existing(batch_id)
            except NotFoundError as error:
                raise StoreError(f"Batch {batch_id} was not reserved in {self._output}") from error
            if not folder.claim():
                raise StoreError(f"Batch {batch_id} belongs to another process")
            self._owned[batch_id] = folder
        return folder

    def _release_all(self) -> None:
        while self._owned:
            self._owned.popitem()[1].release()

    def _folder(self, batch_id: str) -> BatchFolder:
        return BatchFolder(self._batches / batch_id_of(batch_number(batch_id)))

    def _existing(self, batch_id: str) -> BatchFolder:
        folder = self._folder(batch_id)
        if not folder.path.is_dir():
            raise NotFoundError(f"There is no batch {batch_id!r}")
        return folder

    def _folders(self) -> Iterator[BatchFolder]:
        with storage_errors(self._batches):
            for path in sorted(self._batches.glob("batch-*")):
                try:
                    yield self._existing(path.name)
                except NotFoundError:
                    continue

    def _states(self) -> Iterator[BatchState]:
        """All batches that their folders tell about, to rebuild the index from."""
        for folder in self._folders():
            state = folder.state()
            if state is not None:
                yield state
