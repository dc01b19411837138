"""The node that sends an HTTP request (nodes.md, ``apiRequest``), and what its relatives share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import parse_qsl

from pydantic import BeforeValidator

from nodes.blocks import RetryBlock, TimeoutBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.http_body import Body, FormPart, Multipart, compact_json, parse_json, utf8
from nodes.http_client import http_client
from nodes.http_message import HttpRequest, HttpResponse
from nodes.matching import js_text, json_text
from nodes.model import INTERPOLATED, INTERPOLATED_DEEP, REQUIRED, LooseText, OneOf, Part, Text
from nodes.operation import perform
from nodes.registry import NodeType

__all__ = [
    "ApiRequest",
    "ApiRequestData",
    "FormField",
    "FormFile",
    "RequestData",
    "build_request",
    "keep_response",
    "value_text",
]

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")

_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods whose ``body`` is left out: it stays in files when someone only changes the method."""

Headers = Annotated[Mapping[str, Any] | None, BeforeValidator(lambda value: value or None)]
"""An object of header names and values; an empty text means none."""


class RequestData(TimeoutBlock):
    """An HTTP request."""

    url: Annotated[Text, REQUIRED, INTERPOLATED] = None
    """Absolute address, http or https."""
    headers: Annotated[Headers, INTERPOLATED_DEEP] = None
    """Header names and values; null leaves one out."""
    body: Annotated[Any, INTERPOLATED_DEEP] = None
    """The body: a text, or an object or array that is sent as JSON."""
    context_key: Text = None
    """Key of `data` for the response; each node type has its own if absent."""


class FormField(Part):
    """A text field of a form."""

    key: LooseText = None
    """Name of the field."""
    value: Any = None
    """Its value."""
    type: Text = "text"
    """Fields of another type than `text` are left out."""


class FormFile(Part):
    """A file field of a form."""

    key: LooseText = None
    """Name of the field."""
    file_path: Text = None
    """The file to send; a relative path lies below the root."""


class ApiRequestData(RequestData, RetryBlock):
    """The request, and how often to try it."""

    method: Annotated[Text, OneOf(*METHODS)] = "GET"
    """The HTTP method; a body goes with POST, PUT, PATCH and DELETE."""
    body_type: Annotated[Text, OneOf("json", "form-data", "raw", "url-encoded")] = "json"
    """How the body is sent, and its content type unless a header names one."""
    form_fields: Annotated[list[FormField] | None, INTERPOLATED_DEEP] = None
    """Text fields, for `form-data`."""
    form_files: Annotated[list[FormFile] | None, INTERPOLATED_DEEP] = None
    """Files, for `form-data`."""
    context_key: Text = "apiResponse"
    """Key of `data` for the response."""


class ApiRequest(NodeType[ApiRequestData]):
    """Send an HTTP request from the runner and store the response.

    Every status counts as success; check it with a verify node, a condition or a retry. The node fails when there
    is no answer, and then leaves an earlier response under its key alone. Redirects are followed. Cookies are
    not kept from one request to the next.
    """

    name: ClassVar = "apiRequest"
    title: ClassVar = "API Request"
    category: ClassVar = "api"
    writes: ClassVar = ("apiResponse",)
    uses_page: ClassVar = False

    async def run(self, data: ApiRequestData, run: NodeRun) -> None:
        """Send, with retries as configured, and store each answer.

        Raises:
            NodeDataError: URL, method, body type or headers cannot be used.
            FileAccessError: A file to send cannot be read.
            NodeTimeoutError: No complete answer in time.
            TransportError: No answer at all.
        """
        files = [
            FormPart(item.key or "", run.path(run.require(item.file_path, "formFiles.filePath")))
            for item in data.form_files or ()
        ]
        fields = [
            FormPart(item.key or "", value_text(item.value))
            for item in data.form_fields or ()
            if item.type == "text"
        ]
        request = build_request(run, data, data.method, data.body_type, (*fields, *files))
        await perform(run, data, partial(_send, data, run, request))


async def _send(data: ApiRequestData, run: NodeRun, request: HttpRequest) -> None:
    response = await http_client(run).send(request)
    keep_response(run, data.context_key or "apiResponse", response)


def keep_response(run: NodeRun, key: str, response: HttpResponse) -> None:
    """Store a response under a key of ``data`` and note its status in the node's result."""
    run.data[key] = response.stored()
    run.result = response.summary


def build_request(
    run: NodeRun,
    data: RequestData,
    method: str | None,
    body_type: str | None,
    form: tuple[FormPart, ...] = (),
) -> HttpRequest:
    """The request that a node's properties describe.

    Args:
        run: The node being run.
        data: Its properties.
        method: The HTTP method in any case; GET if absent.
        body_type: One of ``json``, ``form-data``, ``raw``, ``url-encoded``; ``json`` if absent.
        form: Fields and files, for ``form-data``.

    Raises:
        NodeDataError: The URL is missing, or method or body type are unknown.
    """
    verb = choose({name: name for name in METHODS}, (method or "GET").strip().upper(), "method")
    url = run.require(data.url, "url")
    headers = [
        (str(name), js_text(value)) for name, value in (data.headers or {}).items() if value is not None
    ]
    encode = choose(_ENCODERS, body_type or "json", "bodyType")
    body, content_type = (None, None) if verb in _WITHOUT_BODY else encode(data.body, form)
    if content_type is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    return HttpRequest(verb, url, tuple(headers), body=body, timeout_ms=data.timeout)


def value_text(value: object) -> str:
    """A value as a form field or a body has it: nothing for null, objects and arrays as compact JSON."""
    if value is None:
        return ""
    return json_text(value) if isinstance(value, Mapping | list | tuple) else js_text(value)


_Encoded = tuple[Body, str | None]


def _json(body: object, _form: tuple[FormPart, ...]) -> _Encoded:
    text = value_text(body)
    return (utf8(compact_json(text)), "application/json") if text else (None, None)


def _raw(body: object, _form: tuple[FormPart, ...]) -> _Encoded:
    text = value_text(body)
    return (utf8(text), "text/plain") if text else (None, None)


def _url_encoded(body: object, _form: tuple[FormPart, ...]) -> _Encoded:
    text = value_text(body)
    return (utf8(text), "application/x-www-form-urlencoded") if text else (None, None)


def _form_data(body: object, form: tuple[FormPart, ...]) -> _Encoded:
    """The fields and files given, else those that the body lists as a JSON object or as ``a=b&c=d``."""
    if form:
        return Multipart(form), None
    text = value_text(body)
    if not text:
        return None, None
    values = parse_json(text)
    if isinstance(values, Mapping):
        return Multipart.of_fields((str(name), value_text(value)) for name, value in values.items()), None
    return Multipart.of_fields(parse_qsl(text, keep_blank_values=True)), None


_ENCODERS: Final[Mapping[str, Callable[[object, tuple[FormPart, ...]], _Encoded]]] = {
    "json": _json,
    "form-data": _form_data,
    "raw": _raw,
    "url-encoded": _url_encoded,
}
