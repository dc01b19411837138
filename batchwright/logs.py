"""Logging of the command line: warnings on standard error, more with ``--verbose``."""

from __future__ import annotations

import logging

from rich.console import Console
from rich.logging import RichHandler

__all__ = ["set_up_logging"]


def set_up_logging(*, verbose: bool) -> None:
    """Send the project's log lines to standard error.

    Args:
        verbose: From debug level on instead of from warnings on.
    """
    handler = RichHandler(
        console=Console(stderr=True), show_path=False, show_time=verbose, rich_tracebacks=False, markup=False
    )
    logger = logging.getLogger("batchwright")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    logger.propagate = False
