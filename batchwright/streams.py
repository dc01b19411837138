"""The event stream of a run: one JSON event a line, the same records as in the journal."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Self

from batches.encoding import to_bytes
from batches.errors import SourceError
from batches.eventlog import EventLog
from batches.events import Event
from batches.state import BatchState

__all__ = ["EventWriter"]


class EventWriter:
    """Writes every event of a log as a line of JSON; a context manager that lasts as long as the writing.

    A reader that goes away ends the stream and nothing else; a file that cannot be written any more is noted
    as an error.

    Args:
        target: A file, ``-`` for standard output, or None to write nothing.
        log: Where the events come from.
    """

    def __init__(self, target: str | None, log: EventLog) -> None:
        self._target = target
        self._log = log
        self._stream: BinaryIO | None = None
        self._stack = ExitStack()
        self.error: str | None = None
        """Why not all events were written, or None."""

    def __enter__(self) -> Self:
        """Open the target and begin.

        Raises:
            SourceError: The file cannot be opened.
        """
        if self._target is not None:
            self._stream = self._opened(self._target)
            self._stack.callback(self._log.listen(self.write))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _opened(self, target: str) -> BinaryIO:
        if target == "-":
            return sys.stdout.buffer
        path = Path(target)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Without a buffer of its own, a failed write leaves nothing to be tried again at the close.
            return self._stack.enter_context(path.open("wb", buffering=0))
        except OSError as error:
            raise SourceError(
                f"--events {path}: cannot be written: {error.strerror}", field="events"
            ) from error

    def write(self, event: Event, _state: BatchState) -> None:
        """Write one event at once."""
        stream = self._stream
        if stream is None:
            return
        try:
            rest = memoryview(to_bytes(event) + b"\n")
            while rest:
                rest = rest[stream.write(rest) :]
            stream.flush()
        except BrokenPipeError:
            self._stream = None
        except OSError as error:
            self._stream = None
            self.error = f"--events {self._target}: the stream ends early: {error.strerror}"
