"""The project's errors: one root, shallow classes, facts as attributes.

``code`` is stable and meant for programs (API answers, summaries, filters); the message is meant for people.
``retryable`` says whether trying the same thing again can help, and so who may retry it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "BatchwrightError",
    "BrowserLostError",
    "BrowserMissingError",
    "BrowserStateError",
    "ConfigurationError",
    "ElementError",
    "ExecutionTimeoutError",
    "FileAccessError",
    "LoopLimitError",
    "NodeDataError",
    "NodeError",
    "NodeTimeoutError",
    "NodeTypeUnknownError",
    "NotSupportedError",
    "PageCrashedError",
    "PageMissingError",
    "ReusableFlowError",
    "SelectorError",
    "VerificationError",
    "WorkflowInvalidError",
    "WorkflowUnreadableError",
]


class BatchwrightError(Exception):
    """Root of all errors that the project raises on purpose.

    Args:
        message: What failed, where, and what to do.
        code: Overrides the class's code for a narrower case.
    """

    code: str = "ERROR"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ConfigurationError(BatchwrightError, ValueError):
    """Raised for a setting that cannot be used; ``field`` names it."""

    code = "CONFIGURATION_INVALID"

    def __init__(self, message: str, *, field: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class WorkflowUnreadableError(BatchwrightError):
    """Raised when a file cannot be read as a JSON document at all."""

    code = "WORKFLOW_UNREADABLE"


class WorkflowInvalidError(BatchwrightError):
    """Raised when a document breaks the format; ``problems`` holds one message for each fault found.

    The message starts with ``Workflow validation failed``, on which clients match
    (workflow-format.md, section 5.2).
    """

    code = "WORKFLOW_INVALID"

    def __init__(self, problems: Sequence[str], warnings: Sequence[str] = ()) -> None:
        text = "Workflow validation failed: " + ", ".join(problems)
        if warnings:
            text += " Warnings: " + ", ".join(warnings)
        super().__init__(text)
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)


class NodeError(BatchwrightError):
    """Raised when one node fails; the execution fails with it unless the node has ``failSilently``."""

    code = "NODE_FAILED"


class NodeDataError(NodeError, ValueError):
    """Raised for a missing or unusable property; ``field`` names it."""

    code = "NODE_PROPERTY_INVALID"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class NodeTypeUnknownError(NodeError):
    """Raised when a node is reached whose type nobody registered."""

    code = "NODE_TYPE_UNKNOWN"

    def __init__(self, type_name: str) -> None:
        super().__init__(f"No handler found for node type: {type_name}")
        self.type_name = type_name


class NotSupportedError(NodeError):
    """Raised for something the format has and this version does not run yet."""

    code = "NOT_SUPPORTED_YET"


class NodeTimeoutError(NodeError, TimeoutError):
    """Raised when a node's wait or operation ran out of time."""

    code = "NODE_TIMEOUT"
    retryable = True


class SelectorError(NodeError, ValueError):
    """Raised for a selector that cannot be understood, such as a missing prefix."""

    code = "SELECTOR_INVALID"


class ElementError(NodeError):
    """Raised when an element is missing, ambiguous or not usable."""

    code = "ELEMENT_NOT_USABLE"


class VerificationError(NodeError, AssertionError):
    """Raised when a check of a verify node does not hold."""

    code = "VERIFICATION_FAILED"


class PageMissingError(NodeError):
    """Raised when a node needs a page and no ``openBrowser`` node ran before it."""

    code = "PAGE_MISSING"


class PageCrashedError(NodeError):
    """Raised when the page's renderer process died while the workflow used it."""

    code = "PAGE_CRASHED"


class LoopLimitError(NodeError):
    """Raised when a doWhile loop reaches its limit with the condition still true."""

    code = "LOOP_LIMIT"


class ReusableFlowError(NodeError):
    """Raised when a reusable flow calls itself or cannot be found."""

    code = "REUSABLE_FLOW_INVALID"


class FileAccessError(NodeError, OSError):
    """Raised when a file that a node names cannot be read or written."""

    code = "FILE_NOT_USABLE"


class BrowserStateError(NodeError):
    """Raised when a browser or context is asked for something it cannot do in its present state."""

    code = "BROWSER_STATE"


class BrowserMissingError(NodeError):
    """Raised when no browser of the wanted kind is on this machine.

    The message contains ``is not installed``, on which clients match (nodes.md, openBrowser).
    """

    code = "BROWSER_MISSING"


class BrowserLostError(BatchwrightError):
    """Raised when the browser process under an execution died or stopped answering.

    Not the workflow's fault until the same execution loses a browser that it had for itself.
    """

    code = "BROWSER_LOST"
    retryable = True


class ExecutionTimeoutError(BatchwrightError, TimeoutError):
    """Raised when a whole execution exceeds its time limit (seconds)."""

    code = "EXECUTION_TIMEOUT"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Execution exceeded its limit of {seconds:g} s; raise --timeout or shorten the workflow"
        )
        self.seconds = seconds
