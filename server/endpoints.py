"""One way to declare a route: from a handler's signature come its checks, its errors and its documentation.

A handler's parameters say what it takes: ``request``, ``query`` and ``body`` (pydantic models), and the names
in braces of its path in snake case; what it returns is its answer. Its docstring is its documentation.
`server.openapi` makes the OpenAPI document from the same declarations.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict, Unpack

from aiohttp import hdrs, web
from pydantic import BaseModel
from pydantic.alias_generators import to_camel, to_snake

from batches.encoding import to_bytes
from server.keys import SERVICE
from server.problems import Family, problem_of, problem_response
from server.reading import read_body, read_query

__all__ = ["ENDPOINTS", "About", "Endpoint", "Handler", "Routes", "json_answer"]

Handler = Callable[..., Awaitable[object]]
"""Gets what its parameters name; returns a model, a list of models, or a whole answer."""

_IN_BRACES: Final = re.compile(r"{(\w+)(?::[^{}]+)?}")


class About(TypedDict, total=False):
    """What a handler's signature does not say."""

    errors: tuple[int, ...]
    """Statuses of refusals beyond those that follow from the signature."""
    body: type[BaseModel]
    """Shape of the body, where the handler reads it itself."""
    files: str
    """Name of the parts with files, where the handler takes ``multipart/form-data`` as well."""
    produces: str
    """Content type of the answer if it is not JSON."""
    answer: object
    """Type of the answer, where the handler returns a whole answer of JSON."""
    examples: Mapping[str, Mapping[str, object]]
    """Bodies that work, by a name for people."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route as it was declared."""

    method: str
    path: str
    handler: Handler
    tag: str
    family: Family
    path_parameters: tuple[str, ...]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: object
    produces: str
    files: str | None
    errors: tuple[int, ...]
    examples: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def operation_id(self) -> str:
        """Unique name of the operation."""
        return to_camel(self.handler.__name__)

    @property
    def documentation(self) -> tuple[str, str]:
        """First line and the rest of the handler's docstring."""
        summary, _, rest = (inspect.getdoc(self.handler) or "").partition("\n")
        return summary, rest.strip()


ENDPOINTS: Final = web.AppKey("endpoints", list["Endpoint"])
"""Every declared route of the application."""


class Routes:
    """Declares the routes of one surface.

    Args:
        app: Where they go.
        tag: Their heading in the documentation.
        family: How they answer errors.
    """

    def __init__(self, app: web.Application, *, tag: str, family: Family = Family.ERROR) -> None:
        self._app = app
        self._tag = tag
        self._family = family

    def get(self, path: str, handler: Handler, **about: Unpack[About]) -> None:
        """Declare a route that reads."""
        self.add("GET", path, handler, **about)

    def post(self, path: str, handler: Handler, **about: Unpack[About]) -> None:
        """Declare a route that does something."""
        self.add("POST", path, handler, **about)

    def put(self, path: str, handler: Handler, **about: Unpack[About]) -> None:
        """Declare a route that replaces something."""
        self.add("PUT", path, handler, **about)

    def patch(self, path: str, handler: Handler, **about: Unpack[About]) -> None:
        """Declare a route that changes a part of something."""
        self.add("PATCH", path, handler, **about)

    def delete(self, path: str, handler: Handler, **about: Unpack[About]) -> None:
        """Declare a route that deletes."""
        self.add("DELETE", path, handler, **about)

    def add(self, method: str, path: str, handler: Handler, **about: Unpack[About]) -> None:
        """Declare a route; path parameters are in camel case."""
        types = typing.get_type_hints(handler, include_extras=True)
        endpoint = Endpoint(
            method=method,
            path=path,
            handler=handler,
            tag=self._tag,
            family=self._family,
            path_parameters=tuple(_IN_BRACES.findall(path)),
            query=types.get("query"),
            body=about.get("body", types.get("body")),
            answer=about.get("answer", types["return"]),
            produces=about.get("produces", "application/json"),
            files=about.get("files"),
            errors=about.get("errors", ()),
            examples=about.get("examples", {}),
        )
        self._app[ENDPOINTS].append(endpoint)
        serve = _served(endpoint, frozenset(types))
        if method == hdrs.METH_GET:
            self._app.router.add_get(path, serve)
        else:
            self._app.router.add_route(method, path, serve)


def json_answer(
    answer: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A model, or anything made of models and plain data, as an answer."""
    return web.Response(
        status=status,
        body=to_bytes(answer),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )


def _served(
    endpoint: Endpoint, wanted: frozenset[str]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler as aiohttp calls it."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            answer = await endpoint.handler(**await _arguments(request, endpoint, wanted))
        except Exception as error:  # noqa: BLE001 - this is where every error becomes an answer
            masker = request.app[SERVICE].runner.masker
            return problem_response(problem_of(error), endpoint.family, masker=masker)
        return answer if isinstance(answer, web.StreamResponse) else json_answer(answer)

    return serve


async def _arguments(request: web.Request, endpoint: Endpoint, wanted: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {to_snake(name): request.match_info[name] for name in endpoint.path_parameters}
    if "request" in wanted:
        found["request"] = request
    if endpoint.query is not None:
        found["query"] = read_query(request, endpoint.query)
    if "body" in wanted and endpoint.body is not None:
        found["body"] = await read_body(request, endpoint.body)
    return found
