"""Logging of the command line: warnings on standard error, more with ``--verbose``."""

from __future__ import annotations

import logging
import sys

from nodes.masking import Masker

__all__ = ["set_up_logging"]


def set_up_logging(*, verbose: bool, masker: Masker | None = None) -> None:
    """Send the project's log lines to standard error.

    Args:
        verbose: From debug level on instead of from warnings on, and with the traces of errors.
        masker: Takes secrets out of the lines.
    """
    handler = _Lines(masker or Masker(), verbose=verbose)
    _direct("batchwright", handler, logging.DEBUG if verbose else logging.WARNING)
    # asyncio reports futures of Playwright that nobody asks after a browser died.
    _direct("asyncio", handler, logging.WARNING if verbose else logging.CRITICAL)


def _direct(name: str, handler: logging.Handler, level: int) -> None:
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


class _Lines(logging.Handler):
    """Writes to whatever standard error is at that moment: a live view puts itself in between."""

    def __init__(self, masker: Masker, *, verbose: bool) -> None:
        super().__init__()
        self._masker = masker
        self._verbose = verbose
        self._plain = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.levelname.lower()}: {record.getMessage()}"
        if record.exc_info and record.exc_info[0] is not None:
            line += f": {record.exc_info[0].__name__}: {record.exc_info[1]}"
            if self._verbose:
                line += f"\n{self._plain.formatException(record.exc_info)}"
        try:
            sys.stderr.write(f"{self._masker.text(line)}\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            # Nobody reads standard error, or there is none; a log line must not hurt the run.
            return
