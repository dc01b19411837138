"""Errors of running many; their root and the errors of single nodes are in `nodes.errors`."""

from __future__ import annotations

from nodes.errors import BatchwrightError, ConfigurationError

__all__ = [
    "ConfinementError",
    "ControlError",
    "ControlInvalidError",
    "ExecutionLost",
    "NotFoundError",
    "NothingToRunError",
    "ServiceClosingError",
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

    def __init__(self, message: str, *, current: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.current = str(current)


class ControlError(TransitionError):
    """Raised when a control (stop, pause, continue, ...) cannot apply in the execution's state."""

    code = "CONTROL_NOT_APPLICABLE"


class ControlInvalidError(ConfigurationError):
    """Raised when a control asks for something that cannot be in any state; ``field`` names what is wrong."""

    code = "CONTROL_INVALID"


class NotFoundError(BatchwrightError, LookupError):
    """Raised for an id that nothing has."""

    code = "NOT_FOUND"


class ExecutionLost(BatchwrightError):  # noqa: N818 - the design's word for it
    """Raised by a handle's events when the execution died under its engine; it may be tried again."""

    code = "EXECUTION_LOST"
    retryable = True


class ConfinementError(ConfigurationError):
    """Raised for a path outside the folders that this process may touch; ``field`` names where it came from."""

    code = "PATH_NOT_ALLOWED"


class NothingToRunError(BatchwrightError):
    """Raised when a rerun matches no execution: a no-op, said clearly."""

    code = "NOTHING_TO_RUN"


class ServiceClosingError(BatchwrightError):
    """Raised when work is offered to a service that is not open yet or is shutting down."""

    code = "SHUTTING_DOWN"
    retryable = True
