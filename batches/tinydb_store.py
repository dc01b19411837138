"""The default store: history and journals in files below the output folder.

::

    output/index.json                      one row for each batch
    output/batches/<batchId>/batch.json    the batch and its executions
    output/batches/<batchId>/events.jsonl  its journal
    output/batches/<batchId>/<executionId> artifacts

Several processes may share one output folder. All writing happens in one thread, in the order of the calls;
reading happens in the event loop's own threads.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from batches.atomic_storage import CorruptFileError, storage_errors
from batches.batch_folder import BatchFolder
from batches.batch_index import BatchIndex
from batches.errors import NotFoundError, StoreError
from batches.events import BatchStatus, Event, now_ms
from batches.file_threads import FileThreads
from batches.recovery import interruption
from batches.state import BatchState, replay
from batches.store import BatchRow, Reservation, Store, batch_id_of, batch_number, execution_path

__all__ = ["TinyDbStore"]

logger = logging.getLogger("batchwright.store")


class TinyDbStore(Store):
    """Keeps everything in one folder.

    Args:
        output: The folder; it is created if it does not exist.
        patience_s: How long to wait for another process that changes the index, and half of how long one
            operation on the disk may take, seconds.
    """

    def __init__(self, output: Path, *, patience_s: float = 30) -> None:
        self._output = output.absolute()
        self._batches = self._output / "batches"
        self._threads = FileThreads(self._output, 2 * patience_s)
        self._index = BatchIndex(self._output, patience_s, self._states)
        self._owned: dict[str, BatchFolder] = {}
        self._last_seq = 0

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
                await self._threads.write(self._recover, folder)
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

    async def rows(
        self, *, limit: int | None = None, offset: int = 0, include_single: bool = False
    ) -> list[BatchRow]:
        """See `Store.rows`."""
        index = await self._threads.read(self._index.read)
        rows = [row for row in index.rows if include_single or not row.single]
        return rows[offset:][:limit]

    async def events(self, batch_id: str, *, after: int = 0) -> list[Event]:
        """See `Store.events`."""
        folder = await self._threads.read(self._existing, batch_id)
        return await self._threads.read(list, folder.events(after=after))

    async def last_seq(self) -> int:
        """See `Store.last_seq`; of batches that run in other processes, what they saved counts."""
        return max(self._last_seq, (await self._threads.read(self._index.read)).last_seq)

    async def durations(self) -> Mapping[str, float]:
        """See `Store.durations`."""
        return (await self._threads.read(self._index.read)).durations

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

    def _recover(self, folder: BatchFolder) -> None:
        state = folder.repair()
        if state is None:
            journal = list(folder.events())
            ends = interruption(journal, self._last_seq + 1)
            if ends:
                logger.warning(
                    "the runner of %s died; what it left open ends as interrupted", folder.batch_id
                )
                self._append(folder.batch_id, ends, sync=True)
            state = replay([*journal, *ends])
        if state is not None:
            self._save(state)
            return
        del self._owned[folder.batch_id]
        folder.discard()
        with self._index.update() as index:
            if index.row(folder.batch_id) is not None:
                index.forget([folder.batch_id])

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
