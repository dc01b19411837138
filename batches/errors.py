"""Errors of running many; their root and the errors of single nodes are in `nodes.errors`."""

from __future__ import annotations

from nodes.errors import BatchwrightError, ConfigurationError

__all__ = [
    "ControlError",
    "ExecutionLost",
    "NotFoundError",
    "SourceError",
    "StoreError",
    "TransitionError",
]


class SourceError(ConfigurationError):
    """Raised when what shall be run cannot be found or listed: a folder missing, empty, unreadable."""

    code = "SOURCE_NOT_USABLE"


class StoreError(BatchwrightError):
    """Raised when history or journal cannot be read or written: disk full, no permission, gone.

    The runner stops when this happens while it writes: results that nobody can trust are not results.
    """

    code = "STORE_FAILED"


class TransitionError(BatchwrightError):
    """Raised when an event or control cannot apply; ``current`` names the state that forbids it."""

    code = "STATE_CONFLICT"

    def __init__(self, message: str, *, current: str) -> None:
        super().__init__(message)
        self.current = str(current)


class ControlError(TransitionError):
    """Raised when a control (stop, pause, continue, ...) cannot apply in the execution's state."""

    code = "CONTROL_NOT_APPLICABLE"


class NotFoundError(BatchwrightError, LookupError):
    """Raised for an id that nothing has."""

    code = "NOT_FOUND"


class ExecutionLost(BatchwrightError):  # noqa: N818 - the design's word for it
    """Raised by a handle's events when the execution died under its engine; it may be tried again."""

    code = "EXECUTION_LOST"
    retryable = True
