"""Which execution a log line belongs to: set once in the task that runs it, and known to all that it calls."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

__all__ = ["EXECUTION_ID"]

EXECUTION_ID: Final[ContextVar[str | None]] = ContextVar("batchwright_execution_id", default=None)
"""The id of the execution that the current task works for."""
