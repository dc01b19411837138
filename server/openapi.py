"""The OpenAPI 3.1 document of the declared routes, at ``/api-docs.json``, and a page that shows it.

Everything in it comes from the declarations (`server.endpoints`): shapes from the pydantic models, texts from
docstrings. The page at ``/api-docs`` needs nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from nodes.field_docs import DocumentedJsonSchema
from server.endpoints import ENDPOINTS, Endpoint
from server.idempotency import HEADER
from server.problems import ControlErrorBody, ErrorBody, Family
from server.uploads import MULTIPART

__all__ = ["add_routes", "openapi_document"]

JSON: Final = "application/json"
_REFERENCE: Final = "#/components/schemas/{model}"
_IN_BRACES: Final = re.compile(r"{(\w+):[^{}]+}")
_PAGES: Final = Path(__file__).parent / "pages"

_CONTENT_SECURITY: Final = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"

_ALWAYS: Final = (401, 421, 500, 503)
"""What any route may answer: no token, a foreign Host, our fault, starting or storage lost."""

_REFUSALS: Final[Mapping[Family, type[BaseModel]]] = {
    Family.ERROR: ErrorBody,
    Family.CONTROL: ControlErrorBody,
}

_TAGS: Final = (
    ("Execute", "Start workflows."),
    ("Executions", "How executions stand and what they left."),
    ("Control", "Stop, pause and go on."),
    ("Batches", "How batches stand."),
    ("History", "What ran before."),
    ("Debugging", "Look into an execution that is paused."),
    ("Reports", "What executions wrote at their end."),
    ("Artifacts", "Screenshots, videos and downloads."),
    ("Files", "Files below the allowed folders."),
    ("Plugins", "Node types of others."),
    ("System", "About the server."),
    ("Dashboard", "What the dashboard's page asks for beyond the rest; it changes with the page."),
)

_GUARDED: Final = frozenset({401, 403, 421, 503})
"""What is answered before a route is reached, whatever the route's family."""

_Schemas = Mapping[tuple[str, JsonSchemaMode], Mapping[str, Any]]


def add_routes(app: web.Application) -> None:
    """Add document and page."""

    @functools.cache
    def content() -> bytes:
        return orjson.dumps(openapi_document(app[ENDPOINTS]), option=orjson.OPT_INDENT_2)

    async def document(_request: web.Request) -> web.Response:
        # Made when first asked for, as it takes a tenth of a second and most servers are never asked.
        return web.Response(body=await asyncio.to_thread(content), content_type=JSON, charset="utf-8")

    app.router.add_get("/api-docs.json", document)
    app.router.add_get("/api-docs", _page)
    app.router.add_get("/api-docs/", _page)
    app.router.add_get("/api-docs/{name:(?:page\\.js|page\\.css)}", _page)


def openapi_document(endpoints: list[Endpoint]) -> dict[str, Any]:
    """The document of these routes, as plain JSON.

    Raises:
        pydantic.ValidationError: A declaration makes no valid OpenAPI document.
    """
    schemas, definitions = _schemas(endpoints)
    paths: dict[str, dict[str, object]] = {}
    for endpoint in endpoints:
        item = paths.setdefault(_IN_BRACES.sub(r"{\1}", endpoint.path), {})
        item[endpoint.method.lower()] = _operation(endpoint, schemas)
    used = {endpoint.tag for endpoint in endpoints}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Batchwright",
            "version": importlib.metadata.version("batchwright"),
            "description": (
                "Runs browser workflows in parallel batches. Times are epoch milliseconds, durations "
                "milliseconds. Unknown members of a body are ignored, null counts as absent."
            ),
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS if name in used],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "name": "X-API-Key", "in": "header"},
            },
        },
        "security": [{}, {"bearer": []}, {"key": []}],
    }
    from openapi_pydantic.v3.v3_1 import OpenAPI  # noqa: PLC0415 - a tenth of the start-up time

    OpenAPI.model_validate(document)
    return document


def _schemas(endpoints: list[Endpoint]) -> tuple[_Schemas, dict[str, object]]:
    """Schemas of all types that routes take and give, and the definitions that they refer to."""
    wanted: dict[tuple[str, JsonSchemaMode], Any] = {}
    for endpoint in endpoints:
        if endpoint.body is not None:
            wanted[str(endpoint.body), "validation"] = endpoint.body
        if endpoint.produces == JSON:
            wanted[str(endpoint.answer), "serialization"] = endpoint.answer
    for refusal in _REFUSALS.values():
        wanted[str(refusal), "serialization"] = refusal
    adapters: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (key, mode, TypeAdapter(kind)) for (key, mode), kind in wanted.items()
    ]
    found, rest = TypeAdapter.json_schemas(
        adapters, ref_template=_REFERENCE, schema_generator=DocumentedJsonSchema
    )
    return found, rest.get("$defs", {})


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, object]:
    summary, description = endpoint.documentation
    operation: dict[str, object] = {
        "operationId": endpoint.operation_id,
        "summary": summary,
        "description": description,
        "tags": [endpoint.tag],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint), *_headers(endpoint)],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.body is not None:
        operation["requestBody"] = _request_body(endpoint, endpoint.body, schemas)
    return {key: value for key, value in operation.items() if value}


def _path_parameters(endpoint: Endpoint) -> list[dict[str, object]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in endpoint.path_parameters
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, object]]:
    if endpoint.query is None:
        return []
    schema = TypeAdapter(endpoint.query).json_schema(
        ref_template=_REFERENCE, schema_generator=DocumentedJsonSchema
    )
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "description": value.pop("description", ""),
            "required": name in required,
            "schema": _without_null(value),
        }
        for name, value in schema.get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null, and a list in it is one text with commas."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if options:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **options[0]}
    if schema.get("type") == "array":
        return {"type": "string", "maxLength": 500}
    return {key: value for key, value in schema.items() if key != "default" or value is not None}


def _headers(endpoint: Endpoint) -> list[dict[str, object]]:
    if HTTPStatus.UNPROCESSABLE_ENTITY not in endpoint.errors:
        return []
    return [
        {
            "name": HEADER,
            "in": "header",
            "description": "The same request with the same key is done only once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    ]


def _request_body(endpoint: Endpoint, body: type[BaseModel], schemas: _Schemas) -> dict[str, object]:
    as_json: dict[str, object] = {"schema": schemas[str(body), "validation"]}
    if endpoint.examples:
        as_json["examples"] = {name: {"value": dict(value)} for name, value in endpoint.examples.items()}
    content: dict[str, object] = {JSON: as_json}
    if endpoint.files is not None:
        content[MULTIPART] = {"schema": _form(endpoint.files)}
    needed = any(info.is_required() for info in body.model_fields.values())
    return {"content": content, "required": needed}


def _form(files: str) -> dict[str, object]:
    return {
        "type": "object",
        "required": [files],
        "properties": {
            files: {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "contentMediaType": JSON},
                "description": "Workflow files, one part each.",
            }
        },
        "description": (
            "Workflow files. The members of the JSON request may come along as texts, objects and lists among "
            "them as JSON."
        ),
    }


def _responses(endpoint: Endpoint, schemas: _Schemas) -> dict[str, object]:
    own = schemas[str(_REFUSALS[endpoint.family]), "serialization"]
    guards = schemas[str(ErrorBody), "serialization"]
    responses: dict[str, object] = {"200": _success(endpoint, schemas)}
    for status in sorted({*_ALWAYS, *_input_errors(endpoint), *endpoint.errors}):
        either = own == guards or status not in _GUARDED
        schema = own if either else {"anyOf": [own, guards]}
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {JSON: {"schema": schema}},
        }
    return responses


def _success(endpoint: Endpoint, schemas: _Schemas) -> dict[str, object]:
    if endpoint.produces != JSON:
        kind = "*/*" if endpoint.produces == "application/octet-stream" else endpoint.produces
        return {"description": "The file", "content": {kind: {"schema": {}}}}
    schema = schemas[str(endpoint.answer), "serialization"]
    return {"description": "Done", "content": {JSON: {"schema": schema}}}


def _input_errors(endpoint: Endpoint) -> set[int]:
    errors = set()
    if endpoint.method != "GET":
        errors.add(403)
    if endpoint.query is not None:
        errors.add(400)
    if endpoint.body is not None:
        errors |= {400, 413, 415}
    return errors


async def _page(request: web.Request) -> web.FileResponse:
    name = request.match_info.get("name", "page.html")
    return web.FileResponse(_PAGES / name, headers={"Content-Security-Policy": _CONTENT_SECURITY})
