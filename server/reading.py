"""Reading queries and bodies into typed models, with limits.

A body may be JSON, or a form whose fields are texts (the reference takes both); an empty one counts as ``{}``.
What is too large, too deep, of another kind or of the wrong shape is refused with the field at fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, TypeVar

import orjson
from aiohttp import web
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from batches.events import Record
from nodes.document import decode_document
from nodes.errors import WorkflowUnreadableError
from server.problems import Problem

__all__ = ["FORM", "IdText", "Input", "Maybe", "PathText", "Texts", "from_texts", "read_body", "read_query"]

FORM: Final = "application/x-www-form-urlencoded"

_SMALL: Final = 256 * 1024
"""Bodies up to so many bytes are read on the event loop, larger ones in a thread."""

_Model = TypeVar("_Model", bound=BaseModel)
_T = TypeVar("_T")


def _is_none(value: object) -> bool:
    return value is None


Maybe = Annotated[_T | None, Field(exclude_if=_is_none)]
"""A member of an answer that is left out when there is nothing to say; give it the default None."""

IdText = Annotated[str, Field(coerce_numbers_to_str=True), StringConstraints(min_length=1, max_length=200)]
"""An id, or an execution's number."""


def _without_nul(path: str) -> str:
    if "\x00" in path:
        raise ValueError("a path has no NUL characters")
    return path


PathText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000),
    AfterValidator(_without_nul),
    Field(json_schema_extra={"pattern": r"^[^\x00]*$"}),
]
"""A path on the server's machine."""


def _listed(value: object) -> object:
    """Texts with commas between them, as queries give lists, or a list as JSON, as forms do."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            return orjson.loads(value)
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Texts = Annotated[tuple[Annotated[str, StringConstraints(max_length=200)], ...], BeforeValidator(_listed)]
"""A list of short texts; a query or form separates them with commas."""


class Input(Record):
    """Base of everything a client sends: null counts as absent, unknown members are ignored."""

    json_fields: ClassVar[frozenset[str]] = frozenset()
    """Members that a form gives as JSON texts."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value


def read_query(request: web.Request, model: type[_Model]) -> _Model:
    """The query as a model; an empty value counts as absent.

    Raises:
        pydantic.ValidationError: A value does not fit.
    """
    return model.model_validate({name: value for name, value in request.query.items() if value})


async def read_body(request: web.Request, model: type[_Model]) -> _Model:
    """The body as a model.

    Raises:
        Problem: Too large, no JSON, nested too deeply, or of a kind that is not taken (400, 413, 415).
        pydantic.ValidationError: A value does not fit.
    """
    content = await request.read()
    if not content.strip():
        return model.model_validate({})
    if request.content_type == FORM:
        fields = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        return model.model_validate(from_texts(fields, model))
    if not _is_json(request.content_type):
        raise Problem(
            415, "Unsupported media type", f"A body must be application/json, not {request.content_type}"
        )
    if len(content) <= _SMALL:
        return model.model_validate(_object(content))
    return await asyncio.to_thread(lambda: model.model_validate(_object(content)))


def from_texts(fields: Mapping[str, str], model: type[BaseModel]) -> dict[str, object]:
    """The fields of a form; an empty one counts as absent.

    Args:
        fields: Texts by name.
        model: What is wanted; those that its ``json_fields`` names are JSON texts.

    Raises:
        Problem: A text is not the JSON that it should be (400).
    """
    as_json = model.json_fields if issubclass(model, Input) else frozenset()
    return {
        name: _json_field(name, text) if name in as_json else text
        for name, text in fields.items()
        if text.strip()
    }


def _json_field(name: str, text: str) -> object:
    try:
        return decode_document(text.encode("utf-8", "replace"))
    except WorkflowUnreadableError as error:
        raise Problem(
            400,
            "Invalid JSON in form data fields",
            f"{name} {error.message}",
            code="INVALID_JSON",
            field=name,
        ) from error


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = decode_document(content, limit=None)
    except WorkflowUnreadableError as error:
        raise Problem(400, "Invalid JSON", f"The body {error.message}", code="INVALID_JSON") from error
    if not isinstance(value, dict):
        raise Problem(400, "Invalid JSON", "The body must be a JSON object", code="INVALID_JSON")
    return value
