"""index.json: one row for each batch, and what must be unique or known over all of them.

Several processes may use one index: each change reads, changes and writes it under a lock of the operating
system. Readers need none, because the file is replaced as a whole. The index holds nothing that the folders of
the batches do not tell as well, so a lost or broken one is rebuilt from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError
from tinydb import TinyDB
from tinydb.table import Document

from batches.atomic_storage import (
    FORMAT_VERSION,
    CorruptFileError,
    check_version,
    database,
    set_aside,
    storage_errors,
)
from batches.batch_row import BatchRow
from batches.errors import StoreError
from batches.events import BatchStatus, Record
from batches.state import BatchState
from batches.store import batch_number, durations_of

__all__ = ["BatchIndex", "IndexContent"]

MAX_DURATIONS: Final = 10_000
"""Workflows whose last duration is remembered; the ones that ran longest ago are forgotten."""

_ONLY: Final = 1
"""Number of the one document in the tables that have only one."""


class _Meta(Record):
    format_version: int = FORMAT_VERSION
    next_alias: int = 1
    last_seq: int = 0


_ROW: Final = TypeAdapter(BatchRow)
_DURATIONS: Final = TypeAdapter(dict[str, float])


class IndexContent:
    """The index as it was read; changes are written when the update that gave it ends.

    Args:
        db: The database, not read yet.
        path: Its file, for messages.

    Raises:
        CorruptFileError: The file holds no index.
        StoreError: A newer version wrote it, or it cannot be read.
    """

    def __init__(self, db: TinyDB, path: Path) -> None:
        self._db = db
        tables = db.storage.read()
        self.is_missing: Final = tables is None
        if tables is None:
            tables = {"meta": {str(_ONLY): _Meta().model_dump()}}
        meta = tables.get("meta", {}).get(str(_ONLY), {})
        check_version(path, meta)
        try:
            self._meta = _Meta.model_validate(meta)
            self._durations = _DURATIONS.validate_python(tables.get("durations", {}).get(str(_ONLY), {}))
            self._rows = {
                int(number): _ROW.validate_python(row) for number, row in tables.get("batches", {}).items()
            }
        except ValidationError as error:
            raise CorruptFileError(f"{path} holds no index: {error.errors()[0]['msg']}") from error

    @property
    def rows(self) -> list[BatchRow]:
        """All batches, newest first."""
        return [self._rows[number] for number in sorted(self._rows, reverse=True)]

    @property
    def durations(self) -> dict[str, float]:
        """The last duration of each workflow, ms."""
        return self._durations

    @property
    def last_seq(self) -> int:
        """The highest number of an event in all saved batches."""
        return self._meta.last_seq

    def row(self, batch_id: str) -> BatchRow | None:
        """The row of one batch, if it has one."""
        return self._rows.get(batch_number(batch_id))

    def take_aliases(self, members: int) -> int:
        """Set aliases aside; returns the first of them."""
        first = self._meta.next_alias
        self._set_meta(first + members, self.last_seq)
        return first

    def put(self, state: BatchState) -> None:
        """Add or replace the row of a batch, and learn from it what is known over all batches."""
        number, row = batch_number(state.batch_id), BatchRow.of(state)
        self._rows[number] = row
        self._db.table("batches").upsert(Document(_ROW.dump_python(row, mode="json"), doc_id=number))
        highest = max((execution.member.alias for execution in state.executions.values()), default=0)
        self._set_meta(max(self._meta.next_alias, highest + 1), max(self.last_seq, state.last_seq))
        if state.status is not BatchStatus.RUNNING:
            self._set_durations(durations_of(state))

    def forget(self, batch_ids: Iterable[str]) -> None:
        """Drop the rows of these batches."""
        numbers = [batch_number(batch_id) for batch_id in batch_ids]
        for number in numbers:
            del self._rows[number]
        if numbers:
            self._db.table("batches").remove(doc_ids=numbers)

    def _set_meta(self, next_alias: int, last_seq: int) -> None:
        self._meta = _Meta(next_alias=next_alias, last_seq=last_seq)
        self._db.table("meta").upsert(Document(self._meta.model_dump(), doc_id=_ONLY))

    def _set_durations(self, latest: Mapping[str, float]) -> None:
        for key, duration in latest.items():
            self._durations.pop(key, None)
            self._durations[key] = duration
        for key in list(self._durations)[:-MAX_DURATIONS]:
            del self._durations[key]
        table = self._db.table("durations")
        table.truncate()
        table.insert(Document(self._durations, doc_id=_ONLY))


class BatchIndex:
    """The file itself.

    Args:
        output: The folder that it is in.
        patience_s: How long to wait for another process that changes the index, seconds.
        batches: Gives the states of all batches in their folders, to rebuild a lost index from.
    """

    def __init__(self, output: Path, patience_s: float, batches: Callable[[], Iterable[BatchState]]) -> None:
        self.path: Final = output / "index.json"
        self._lock_path = output / "index.lock"
        self._patience_s = patience_s
        self._batches = batches
        self._cached: tuple[tuple[int, ...], IndexContent] | None = None

    def read(self) -> IndexContent:
        """The index as it is now; to be looked at only, others get the same one.

        Raises:
            StoreError: It cannot be read, or a newer version wrote it.
        """
        with storage_errors(self.path):
            stamp = self._stamp()
            cached = self._cached
            if stamp is not None and cached is not None and cached[0] == stamp:
                return cached[1]
            try:
                content = IndexContent(database(self.path), self.path)
            except CorruptFileError:
                stamp = None
        if stamp is None or content.is_missing:
            with self.update() as rebuilt:
                return rebuilt
        self._cached = stamp, content
        return content

    @contextmanager
    def update(self) -> Iterator[IndexContent]:
        """Change the index, alone among all processes; an error in the body changes nothing.

        Raises:
            StoreError: It cannot be read or written, a newer version wrote it, or others keep it locked.
        """
        # A new lock object each time: one that is shared would let two threads of this process in.
        lock = FileLock(self._lock_path, timeout=self._patience_s, thread_local=False)
        with storage_errors(self._lock_path):
            try:
                lock.acquire()
            except Timeout as error:
                raise StoreError(
                    f"{self._lock_path} is held by another process since more than {self._patience_s:g} s",
                    code="STORE_LOCKED",
                ) from error
        try:
            with storage_errors(self.path):
                db, content = self._connect()
                yield content
                db.close()
        finally:
            lock.release()

    def _stamp(self) -> tuple[int, ...] | None:
        """What differs between two contents of the file, None if there is no file."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _connect(self) -> tuple[TinyDB, IndexContent]:
        db = database(self.path)
        try:
            content = IndexContent(db, self.path)
        except CorruptFileError as error:
            set_aside(self.path, error.message)
            db = database(self.path)
            content = IndexContent(db, self.path)
        if content.is_missing:
            content.take_aliases(0)
            for state in self._batches():
                content.put(state)
        return db, content
