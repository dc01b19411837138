"""Log lines of the server: text for people or JSON for collectors, each with the execution it belongs to.

Lines are written by a thread of their own: whoever reads standard error slowly, or not at all, holds up nobody.
"""

from __future__ import annotations

import logging
import queue
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Final, TextIO

from pythonjsonlogger.json import JsonFormatter

from batches.log_context import EXECUTION_ID
from nodes.masking import Masker
from server.settings import LogFormat, LogLevel

__all__ = ["MAX_WAITING", "logging_to"]

MAX_WAITING: Final = 10_000
"""Lines that wait for a slow reader; more are lost."""

_QUIET: Final = ("asyncio", "engineio", "socketio", "aiohttp.server", "aiohttp.web")
"""Loggers of libraries, of which warnings are enough."""

_PICTURES: Final = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
"""Control characters come from files, pages and requests; they are shown instead of obeyed."""


@contextmanager
def logging_to(
    level: LogLevel, form: LogFormat, stream: TextIO | None = None, *, masker: Masker | None = None
) -> Iterator[None]:
    """Write the project's log lines during the block.

    Args:
        level: The lowest level to write.
        form: How lines look.
        stream: Where they go; standard error if not given.
        masker: Takes secrets out of them.
    """
    writer = _Writer(stream or sys.stderr, masker or Masker())
    writer.setFormatter(_json_formatter() if form is LogFormat.JSON else _TextFormatter())
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(MAX_WAITING)
    handler = _Handler(waiting)
    handler.addFilter(_add_execution)
    listener = QueueListener(waiting, writer)
    number = getattr(logging, level.name)
    before = [_direct(name, handler, level) for name, level in _levels(number)]
    listener.start()
    try:
        yield
    finally:
        for logger, handlers, old, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(old)
        listener.stop()


def _levels(level: int) -> Iterator[tuple[str, int]]:
    yield "batchwright", level
    for name in _QUIET:
        yield name, max(level, logging.WARNING)


def _direct(
    name: str, handler: logging.Handler, level: int
) -> tuple[logging.Logger, list[logging.Handler], int, bool]:
    logger = logging.getLogger(name)
    before = (logger, logger.handlers, logger.level, logger.propagate)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(level)
    return before


def _add_execution(record: logging.LogRecord) -> bool:
    """Note the execution while still in its task."""
    if not hasattr(record, "executionId") and not hasattr(record, "batchId"):
        execution_id = EXECUTION_ID.get()
        if execution_id is not None:
            record.executionId = execution_id
    return True


class _Writer(logging.StreamHandler[TextIO]):
    """Writes lines; a stream that is closed or full ends the lines, not the server."""

    def __init__(self, stream: TextIO, masker: Masker) -> None:
        super().__init__(stream)
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        return self._masker.text(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nobody can be told."""


class _Handler(QueueHandler):
    """Hands records on as they are: they stay in this process."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.message = record.getMessage()
        record.msg, record.args = record.message, None
        return record

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A line that finds no room is lost."""


class _TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO server: message [exec-1]``."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        name = record.name.removeprefix("batchwright.")
        line = f"{when.replace('+00:00', 'Z')} {record.levelname} {name}: {record.getMessage()}"
        execution_id = getattr(record, "executionId", None)
        if execution_id is not None:
            line += f" [{execution_id}]"
        trace = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        return "\n".join(part.translate(_PICTURES) for part in (line, *trace))


def _json_formatter() -> JsonFormatter:
    """One object a line: ``timestamp``, ``level``, ``logger``, ``message``, and what the call added."""
    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        timestamp=True,
        json_ensure_ascii=False,
    )
