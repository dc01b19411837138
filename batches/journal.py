"""The journal of a batch: one JSON line for each event, only ever added to.

A line counts when it is complete. The end of a line that a crash tore off is cut away before the next one is
added, so a journal never has a torn line in its middle.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from batches.atomic_storage import storage_errors, sync_folder
from batches.encoding import to_bytes
from batches.events import Event, parse_event

__all__ = ["Journal", "read_journal"]

_BLOCK: Final = 64 * 1024

logger = logging.getLogger("batchwright.store")


class Journal:
    """Adds events to a journal file; made for one thread.

    Args:
        path: The file; it is created if it does not exist.

    Raises:
        StoreError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_errors(path):
            created = not path.exists()
            self._file = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644
            )
            try:
                self._size = _end_of_lines(self._file)
                os.ftruncate(self._file, self._size)
                if created:
                    sync_folder(path.parent)
            except OSError:
                os.close(self._file)
                raise

    def append(self, events: Sequence[Event], *, sync: bool) -> None:
        """Add events and hand them to the operating system; either all or none are added.

        Args:
            events: What to add.
            sync: Wait until they are on the disk.

        Raises:
            StoreError: They cannot be written.
        """
        lines = b"".join(to_bytes(event) + b"\n" for event in events)
        with storage_errors(self._path):
            try:
                _write_all(self._file, lines)
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
            self._size += len(lines)
            if sync:
                os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        with storage_errors(self._path):
            os.close(self._file)


def read_journal(path: Path, *, after: int = 0, execution_id: str | None = None) -> Iterator[Event]:
    """The events of a journal that may still be written to; a line that cannot be understood is left out.

    Args:
        path: The file; without one there are no events.
        after: Leave out events up to this ``seq``.
        execution_id: Only events of this execution.

    Raises:
        StoreError: It cannot be read.
    """
    # Looking for the id in the bytes spares parsing the events of all others.
    mark = execution_id.encode() if execution_id is not None else b""
    with storage_errors(path):
        if not path.exists():
            return
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.endswith(b"\n"):
                    return
                if mark not in line:
                    continue
                event = _event(path, number, line)
                if event is None or event.seq <= after:
                    continue
                if execution_id is None or event.execution_id == execution_id:
                    yield event


def _event(path: Path, number: int, line: bytes) -> Event | None:
    try:
        return parse_event(line)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]["msg"]
        logger.warning("%s: line %d is left out: %s", path, number, reason)
        return None


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _end_of_lines(file: int) -> int:
    """Where the last complete line ends, bytes from the start."""
    end = os.lseek(file, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _BLOCK)
        os.lseek(file, start, os.SEEK_SET)
        newline = os.read(file, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
