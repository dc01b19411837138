"""The event stream of a run: one JSON event a line, the same records as in the journal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from batches.errors import SourceError
from batches.eventlog import EventLog
from batches.events import Event
from batches.state import BatchState

__all__ = ["event_writer"]


@contextmanager
def event_writer(target: str, log: EventLog) -> Iterator[None]:
    """Write every event of a log as a line of JSON while the block lasts.

    Args:
        target: A file, or ``-`` for standard output.
        log: Where the events come from.

    Raises:
        SourceError: The file cannot be opened.
    """
    with ExitStack() as stack:
        stream = sys.stdout.buffer if target == "-" else stack.enter_context(_opened(Path(target)))
        writer = _Writer(stream)
        stack.callback(log.listen(writer.write))
        yield


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise SourceError(f"--events {path}: cannot be written: {error.strerror}", field="events") from error


class _Writer:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._broken = False

    def write(self, event: Event, _state: BatchState) -> None:
        """Write one event at once; a reader that went away ends the stream, not the run."""
        if self._broken:
            return
        try:
            self._stream.write(event.model_dump_json(by_alias=True).encode() + b"\n")
            self._stream.flush()
        except OSError:
            self._broken = True
