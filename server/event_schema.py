"""The AsyncAPI 3.0 document of the socket, at ``/api-docs/events.json``.

Everything in it comes from the models of messages, requests and answers, and from the table of controls, so
that a control that is added there is documented, too.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
from collections.abc import Iterable
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from batches.events import Record
from nodes.field_docs import DocumentedJsonSchema
from server.event_messages import MESSAGES
from server.problems import ControlErrorBody
from server.socket_calls import CONTROLS, Control
from server.subscriptions import SUBSCRIPTIONS

__all__ = ["PATH", "add_routes", "event_document"]

PATH: Final = "/api-docs/events.json"

_CHANNEL: Final = "default"

_ABOUT: Final = (
    "Socket.IO (protocol 4) on the server's port, path /socket.io/, default namespace. Each message has one "
    "argument. A client that never subscribes gets everything. With a token set, give it as "
    '`auth: {token: "..."}` or in a header. Every request is acknowledged; one that cannot be done with '
    "`{success: false, message, code, field?}`."
)


def add_routes(app: web.Application) -> None:
    """Add the document; call it after all controls were added."""

    @functools.cache
    def content() -> bytes:
        return orjson.dumps(event_document(), option=orjson.OPT_INDENT_2)

    async def document(_request: web.Request) -> web.Response:
        # Made when first asked for, as it takes a tenth of a second and most servers are never asked.
        return web.Response(
            body=await asyncio.to_thread(content), content_type="application/json", charset="utf-8"
        )

    app.router.add_get(PATH, document)


def event_document() -> dict[str, Any]:
    """The document, as plain JSON."""
    requests: dict[str, Control] = {**SUBSCRIPTIONS, **CONTROLS}
    messages = {name: _message(model, name) for name, model in MESSAGES.items()}
    operations: dict[str, Any] = {
        name: {
            "action": "send",
            "channel": _reference("channels", _CHANNEL),
            "messages": [_in_channel(name)],
            "summary": _summary(model),
        }
        for name, model in MESSAGES.items()
    }
    for name, request in requests.items():
        kinds: list[type[Record]] = [*request.answers, ControlErrorBody]
        answers = {kind.__name__: kind for kind in kinds}
        messages[name] = _message(request.request, name)
        messages |= {key: _message(answer, key) for key, answer in answers.items()}
        operations[name] = {
            "action": "receive",
            "channel": _reference("channels", _CHANNEL),
            "messages": [_in_channel(name)],
            "summary": request.about,
            "reply": {
                "channel": _reference("channels", _CHANNEL),
                "messages": [_in_channel(key) for key in answers],
            },
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Batchwright events",
            "version": importlib.metadata.version("batchwright"),
            "description": _ABOUT,
        },
        "defaultContentType": "application/json",
        "channels": {
            _CHANNEL: {
                "address": "/",
                "messages": {key: _reference("components/messages", key) for key in messages},
            }
        },
        "operations": operations,
        "components": {"messages": messages, "schemas": _schemas(requests.values())},
    }


def _schemas(requests: Iterable[Control]) -> dict[str, Any]:
    sent: list[type[Record]] = [*MESSAGES.values(), ControlErrorBody]
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
        (model, "serialization"): None for model in sent
    }
    for request in requests:
        wanted[request.request, "validation"] = None
        wanted |= dict.fromkeys((answer, "serialization") for answer in request.answers)
    _, definitions = models_json_schema(
        list(wanted), ref_template="#/components/schemas/{model}", schema_generator=DocumentedJsonSchema
    )
    return dict(definitions["$defs"])


def _message(model: type[BaseModel], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": _summary(model),
        "payload": _reference("components/schemas", model.__name__),
    }


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _reference(where: str, key: str) -> dict[str, str]:
    return {"$ref": f"#/{where}/{key}"}


def _in_channel(key: str) -> dict[str, str]:
    return _reference(f"channels/{_CHANNEL}/messages", key)
