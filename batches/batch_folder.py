"""The folder of one batch: ``batch.json``, ``events.jsonl``, ``workflows.zip``, and ``owner.lock`` while it runs.

The journal is the truth while the batch runs; ``batch.json`` is complete when the batch is over. Who holds the
lock owns the batch; the operating system frees it when the owner dies, however it dies.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from batches.atomic_storage import (
    FORMAT_VERSION,
    AtomicStorage,
    CorruptFileError,
    check_version,
    database,
    set_aside,
    storage_errors,
    sync_folder,
)
from batches.encoding import plain
from batches.events import BatchStatus, Event
from batches.journal import Journal, read_journal
from batches.state import BatchState, ExecutionState, replay

__all__ = ["DOOMED", "BatchFolder"]

DOOMED: Final = ".deleted-"
"""How the name of a folder begins that is being removed."""

_BATCH: Final = TypeAdapter(BatchState)
_EXECUTION: Final = TypeAdapter(ExecutionState)


class BatchFolder:
    """The files of one batch; claiming and writing are made for one thread.

    Args:
        path: The folder, named like the batch.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._state_path = path / "batch.json"
        self._journal_path = path / "events.jsonl"
        self.archive_path: Final = path / "workflows.zip"
        self._lock = FileLock(path / "owner.lock", timeout=0, thread_local=False)
        self._journal: Journal | None = None

    @property
    def batch_id(self) -> str:
        """Whose folder it is."""
        return self.path.name

    def create(self) -> bool:
        """Make the folder; False if it exists already."""
        with storage_errors(self.path):
            try:
                self.path.mkdir()
            except FileExistsError:
                return False
            sync_folder(self.path.parent)
            return True

    def claim(self) -> bool:
        """Become the owner of the batch; False if another store, of this process or not, owns it."""
        with storage_errors(self.path):
            try:
                self._lock.acquire()
            except Timeout:
                return False
            return True

    def release(self) -> None:
        """Give the ownership up and close the journal; idempotent."""
        journal, self._journal = self._journal, None
        try:
            if journal is not None:
                journal.close()
        finally:
            with storage_errors(self.path):
                self._lock.release()

    def append(self, events: Sequence[Event], *, sync: bool) -> None:
        """Add events to the journal; only for the owner."""
        if self._journal is None:
            self._journal = Journal(self._journal_path)
        self._journal.append(events, sync=sync)

    def events(self, *, after: int = 0, execution_id: str | None = None) -> Iterator[Event]:
        """The journal's events above a number, of the whole batch or of one execution."""
        return read_journal(self._journal_path, after=after, execution_id=execution_id)

    def write(self, state: BatchState) -> None:
        """Replace ``batch.json``; only for the owner.

        The state may go on changing meanwhile: each execution is taken at one moment, all of them are not.
        """
        header = _BATCH.dump_python(state, mode="json", exclude={"executions"}, fallback=str)
        executions = (_document(execution) for execution in state.executions.values())
        tables: dict[str, dict[str, Any]] = {
            "batch": {"1": {"formatVersion": FORMAT_VERSION, **header}},
            "executions": {str(number): document for number, document in enumerate(executions, start=1)},
        }
        with storage_errors(self._state_path):
            # Straight to the storage: through TinyDB's tables, each document would be copied several times.
            AtomicStorage(self._state_path).write(tables)

    def finished(self) -> BatchState | None:
        """The saved state if it is final.

        Raises:
            CorruptFileError: ``batch.json`` cannot be understood.
            StoreError: It cannot be read, or a newer version wrote it.
        """
        if not self._state_path.exists():
            return None
        with storage_errors(self._state_path), contextlib.closing(database(self._state_path)) as db:
            header = db.table("batch").get(doc_id=1)
            documents = db.table("executions").all()
        if not isinstance(header, dict):
            raise CorruptFileError(f"{self._state_path} holds no batch")
        check_version(self._state_path, header)
        try:
            # One by one, so that other threads get their turn in between.
            executions = [_EXECUTION.validate_python(document) for document in documents]
            by_id = {execution.execution_id: execution for execution in executions}
            state = _BATCH.validate_python({**header, "executions": by_id})
        except ValidationError as error:
            raise CorruptFileError(
                f"{self._state_path} holds no batch: {error.errors()[0]['msg']}"
            ) from error
        return state if state.status is not BatchStatus.RUNNING else None

    def state(self) -> BatchState | None:
        """The saved state if it is final, else what the journal tells; None if that tells nothing."""
        try:
            state = self.finished()
        except CorruptFileError:
            state = None
        return state or self.replayed()

    def replayed(self) -> BatchState | None:
        """What the journal tells, None if that is nothing."""
        return replay(list(self.events()))

    def repair(self) -> BatchState | None:
        """As `state`, setting a broken ``batch.json`` aside and writing it anew; only for the owner."""
        try:
            return self.finished()
        except CorruptFileError as error:
            with storage_errors(self._state_path):
                set_aside(self._state_path, error.message)
        state = self.replayed()
        if state is not None and state.status is not BatchStatus.RUNNING:
            self.write(state)
            return state
        return None

    def doom(self) -> Path:
        """Give the folder a name that is no batch's; only for the owner.

        It is to be removed then; a crash before that leaves nothing that looks like a batch.
        """
        doomed = self.path.with_name(f"{DOOMED}{self.batch_id}")
        with storage_errors(self.path):
            self.release()
            return self.path.replace(doomed)

    def discard(self) -> None:
        """Remove the folder of a batch that never began, unless it holds something; only for the owner."""
        with storage_errors(self.path):
            if self._journal_path.exists():
                if self._journal_path.stat().st_size:
                    set_aside(self._journal_path, "it does not tell how the batch began")
                else:
                    self._journal_path.unlink()
            if {entry.name for entry in self.path.iterdir()} <= {"owner.lock", self.archive_path.name}:
                self.archive_path.unlink(missing_ok=True)
                (self.path / "owner.lock").unlink(missing_ok=True)
                self.path.rmdir()
        self.release()


def _document(execution: ExecutionState) -> object:
    try:
        return _EXECUTION.dump_python(execution, mode="json", fallback=str)
    except (PydanticSerializationError, ValueError, RecursionError):
        return plain(execution)
