"""Errors as answers: which status, which body.

Two families of bodies occur (api.md, head): most routes answer `{error, message, code, field?}`, those that
control executions `{success: false, message, code, field?}`. ``code`` is stable and meant for programs,
``field`` names the wrong part of the input. No body ever holds a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Literal

from aiohttp import web
from pydantic import ValidationError

from batches.encoding import to_bytes
from batches.errors import (
    ConfinementError,
    NotFoundError,
    NothingToRunError,
    ServiceClosingError,
    StoreError,
    TransitionError,
)
from batches.events import Record
from nodes.errors import BatchwrightError, ConfigurationError, WorkflowInvalidError, WorkflowUnreadableError
from nodes.masking import Masker

__all__ = ["ControlErrorBody", "ErrorBody", "Family", "Problem", "problem_of", "problem_response"]

logger = logging.getLogger("batchwright.server")


class Family(StrEnum):
    """Which kind of body a route answers errors with."""

    ERROR = "error"
    """`{error, message, code, field?}`."""
    CONTROL = "control"
    """`{success: false, message, code, field?}`."""


class ErrorBody(Record):
    """Why a request was not done."""

    error: str
    """Short, the same for every request that fails in this way."""
    message: str
    """What was wrong with this one, and what to do."""
    code: str
    """For programs."""
    field: str | None = None
    """The wrong part of the input: a path of names with dots."""


class ControlErrorBody(Record):
    """Why a control was not done."""

    success: Literal[False] = False
    message: str
    """What was wrong, and what to do."""
    code: str
    """For programs."""
    field: str | None = None
    """The wrong part of the input: a path of names with dots."""
    status: str | None = None
    """The state that forbids it."""


class Problem(BatchwrightError):  # noqa: N818 - what becomes an answer, not a fault of the server
    """Raised by a route that cannot do what it was asked.

    Args:
        status: The HTTP status, 4xx or 503.
        error: Short text, the same for every such failure.
        message: What was wrong with this request; ``error`` if there is no more to say.
        code: For programs; made from the status if there is no narrower one.
        field: The wrong part of the input.
        more: Further members of the body, such as ``validationErrors``.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        error: str,
        message: str | None = None,
        *,
        code: str | None = None,
        field: str | None = None,
        more: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or error, code=code or HTTPStatus(status).name)
        self.status = status
        self.error = error
        self.field = field
        self.more = more or {}
        self.headers = headers or {}


_STATUSES: Final[tuple[tuple[type[BatchwrightError], int, str], ...]] = (
    (ConfinementError, 403, "Path not allowed"),
    (ConfigurationError, 400, "Invalid request"),
    (NotFoundError, 404, "Not found"),
    (NothingToRunError, 409, "Nothing to run"),
    (TransitionError, 409, "Not possible in this state"),
    (WorkflowInvalidError, 400, "Invalid workflow format"),
    (WorkflowUnreadableError, 400, "Invalid workflow format"),
    (ServiceClosingError, 503, "Shutting down"),
    (StoreError, 503, "Storage not available"),
)
"""The first class that fits decides."""

_MOST_FAULTS: Final = 10
"""So many faults of one input are named."""

_JSON_WORDS: Final = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "Input should be an array"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type", "dataclass_type"), "Input should be an object"
    ),
}
"""What clients call things that pydantic calls as Python does."""

_NOT_OURS: Final = 500


def problem_of(error: Exception) -> Problem:
    """The answer to an error, whatever it is; what nobody foresaw is logged and says nothing outside."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationError):
        return _invalid_input(error)
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    if isinstance(error, web.RequestPayloadError):
        return Problem(400, "Invalid request", "The body ended early or is broken", code="BODY_BROKEN")
    if isinstance(error, BatchwrightError):
        for kind, status, title in _STATUSES:
            if isinstance(error, kind):
                return _of_ours(error, status, title)
    logger.error("a request failed", exc_info=error)
    return Problem(
        _NOT_OURS, "Internal server error", "The server made a mistake; its log says which", code="INTERNAL"
    )


def problem_response(
    problem: Problem, family: Family = Family.ERROR, *, masker: Masker | None = None
) -> web.Response:
    """The problem as an answer of this family; the masker takes secrets out of it."""
    text: dict[str, object] = {"success": False} if family is Family.CONTROL else {"error": problem.error}
    text |= {"message": problem.message, "code": problem.code}
    if problem.field is not None:
        text["field"] = problem.field
    return web.Response(
        status=problem.status,
        body=to_bytes((masker or Masker()).value(text | dict(problem.more))),
        content_type="application/json",
        charset="utf-8",
        headers=problem.headers,
    )


def _of_ours(error: BatchwrightError, status: int, title: str) -> Problem:
    field = getattr(error, "field", None)
    headers = {"Retry-After": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    more = {"status": error.current} if isinstance(error, TransitionError) else {}
    message = error.message
    if isinstance(error, StoreError):
        logger.error("the store failed", exc_info=error)
        message = "History cannot be read or written; the server's log says why"
    return Problem(status, title, message, code=error.code, field=field, more=more, headers=headers)


def _of_http(error: web.HTTPException) -> Problem:
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem(413, "Body too large", error.text, code="BODY_TOO_LARGE")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(405, "Method not allowed", f"Not {error.method} here, but {allowed}", headers=headers)
    return Problem(error.status, error.reason, headers=headers)


def _invalid_input(error: ValidationError) -> Problem:
    faults = error.errors(include_url=False, include_input=False)
    named = [
        (
            ".".join(map(str, fault["loc"])) or str(fault.get("ctx", {}).get("field", "")),
            _JSON_WORDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, "),
        )
        for fault in faults[:_MOST_FAULTS]
    ]
    text = "; ".join(f"{field}: {message}" if field else message for field, message in named)
    if len(faults) > _MOST_FAULTS:
        text += f"; and {len(faults) - _MOST_FAULTS} more"
    return Problem(400, "Invalid request", text, code="INVALID_INPUT", field=named[0][0] or None)
