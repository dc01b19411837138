"""Why user JavaScript failed. Every message starts as clients know it: ``JavaScript execution error: ``."""

from __future__ import annotations

from nodes.errors import NodeError

__all__ = ["ScriptCrashedError", "ScriptError", "ScriptMemoryError", "ScriptTimeoutError"]

_PREFIX = "JavaScript execution error: "


class ScriptError(NodeError):
    """Raised when a script throws or cannot be compiled; ``stack`` says where, with the script's own lines."""

    code = "SCRIPT_FAILED"

    def __init__(self, message: str, *, stack: str = "") -> None:
        super().__init__(_PREFIX + message)
        self.stack = stack


class ScriptTimeoutError(ScriptError, TimeoutError):
    """Raised when a script took longer than its limit, ``limit_s`` seconds; its process was killed."""

    code = "SCRIPT_TIMEOUT"

    def __init__(self, message: str, *, limit_s: float) -> None:
        super().__init__(message)
        self.limit_s = limit_s


class ScriptMemoryError(ScriptError):
    """Raised when a script took more memory than its limit, ``limit_mb`` MB; its process was killed."""

    code = "SCRIPT_MEMORY"

    def __init__(self, what: str, *, limit_mb: int) -> None:
        super().__init__(
            f"{what} exceeded the limit of {limit_mb} MB; raise --script-memory if it needs more"
        )
        self.limit_mb = limit_mb


class ScriptCrashedError(ScriptError):
    """Raised when the process that ran a script died for another reason than a limit."""

    code = "SCRIPT_CRASHED"
