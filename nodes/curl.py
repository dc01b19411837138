"""The node that sends what a curl command describes (nodes.md, ``apiCurl``)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Final
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

from nodes.api import keep_response
from nodes.blocks import RetryBlock, TimeoutBlock
from nodes.context import NodeRun
from nodes.cookie_file import CookieFile
from nodes.curl_command import CurlCommand, DataItem, DataKind, FormItem, FormSource
from nodes.curl_parser import parse_curl
from nodes.errors import FileAccessError, NodeDataError
from nodes.http_body import Body, FormPart, Multipart, parse_json, utf8
from nodes.http_client import http_client
from nodes.http_message import MAX_REDIRECTS, HttpRequest, basic_auth
from nodes.matching import MISSING
from nodes.model import INTERPOLATED, REQUIRED, Text
from nodes.operation import perform
from nodes.registry import NodeType

__all__ = ["ApiCurl", "ApiCurlData"]

_FORM: Final = re.compile(r"""[^\s=&<>{}"]+=[^&\r\n]*(?:&[^\s=&<>{}"]+=[^&\r\n]*)*""")
_LINE_BREAKS: Final = re.compile(rb"[\r\n\0]")


class ApiCurlData(TimeoutBlock, RetryBlock):
    """The command, and how often to try it."""

    curl_command: Annotated[Text, REQUIRED, INTERPOLATED] = None
    """The command line; references are replaced before it is read."""
    context_key: Text = "apiResponse"
    """Key of `data` for the response."""


class ApiCurl(NodeType[ApiCurlData]):
    """Send the HTTP request that a curl command describes and store the response, as `apiRequest` does.

    The command is read as a shell and curl read it; no program is started. Redirects are followed with or without
    `-L` (`--max-redirs 0` or `--no-location` turns that off), and `timeout` overrides `--max-time`. Data without a
    Content-Type header is sent as JSON if it is JSON, as a form if it looks like one, else as plain text. Files that
    the command reads lie below the root or the output folder; those of `-F` may lie elsewhere if the command itself
    names them. Options that cannot be followed are left out with a warning.
    """

    name: ClassVar = "apiCurl"
    title: ClassVar = "API Curl"
    category: ClassVar = "api"
    writes: ClassVar = ("apiResponse",)
    uses_page: ClassVar = False

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Name what keeps a command without references from being read."""
        text = values.get("curlCommand")
        if not isinstance(text, str) or not text.strip() or "${" in text:
            return []
        try:
            parse_curl(text)
        except NodeDataError as error:
            return [error.message]
        return []

    async def run(self, data: ApiCurlData, run: NodeRun) -> None:
        """Read the command and send, with retries as configured.

        Raises:
            NodeDataError: The command cannot be understood.
            FileAccessError: A file that it names cannot be read or lies outside.
            NodeTimeoutError: No complete answer in time.
            TransportError: No answer at all.
        """
        command = parse_curl(run.require(data.curl_command, "curlCommand"))
        for part in command.left_out:
            run.log("warning", f"Node {run.node.title}: curl's {part} has no effect here")
        await perform(run, data, partial(_send, command, data, run))


async def _send(command: CurlCommand, data: ApiCurlData, run: NodeRun) -> None:
    request, cookies = await asyncio.to_thread(_request, command, data, run)
    response = await http_client(run).send(request)
    keep_response(run, data.context_key or "apiResponse", response)
    if cookies is not None and command.cookie_jar is not None:
        await asyncio.to_thread(cookies.save, _confined(run, command.cookie_jar))


def _request(command: CurlCommand, data: ApiCurlData, run: NodeRun) -> tuple[HttpRequest, CookieFile | None]:
    """The request, and the cookies that it works with; reads files, so it blocks."""
    headers = list(command.headers)
    body, content_type = _body(command, run)
    if body is not None and content_type and not command.has_header("content-type"):
        headers.append(("Content-Type", content_type))
    if any(item.kind is DataKind.JSON for item in command.data) and not command.has_header("accept"):
        headers.append(("Accept", "application/json"))
    if command.user and not command.is_digest and not command.has_header("authorization"):
        headers.append(("Authorization", basic_auth(*command.user)))
    if command.cookies:
        headers.append(("Cookie", "; ".join(command.cookies)))
    cookies = _cookies(command, run)
    request = HttpRequest(
        command.method,
        _url(command, run),
        tuple(headers),
        frozenset(command.without),
        body,
        timeout_ms=data.timeout,
        max_redirects=MAX_REDIRECTS if command.max_redirects is None else command.max_redirects,
        verify=not command.is_insecure,
        proxy=_proxy(command),
        digest=command.user if command.is_digest else None,
        cookies=cookies,
    )
    return request, cookies


def _url(command: CurlCommand, run: NodeRun) -> str:
    """The URL with what ``--url-query`` and ``-G`` add to its query."""
    url = command.url
    if command.upload is not None and url.endswith("/"):
        url += quote(Path(command.upload).name)
    items = [*command.query, *(command.data if command.is_get or command.is_head else ())]
    if not items:
        return url
    parts = urlsplit(url)
    added = _joined(items, run).decode("utf-8", "replace")
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _body(command: CurlCommand, run: NodeRun) -> tuple[Body, str | None]:
    """The body, and the content type that goes with it when the command names none."""
    if command.form:
        return Multipart(tuple(_part(item, run) for item in command.form)), None
    if command.upload is not None:
        return _read(run, command.upload), None
    if not command.data or command.is_get or command.is_head:
        return None, None
    content = _joined(command.data, run)
    kinds = {item.kind for item in command.data}
    if kinds == {DataKind.ENCODED}:
        return content, "application/x-www-form-urlencoded"
    return content, "application/json" if DataKind.JSON in kinds else _content_type(content)


def _content_type(content: bytes) -> str:
    """What data without a content type is (nodes.md): JSON if it reads as such; a form, as for curl; else text."""
    text = content.decode("utf-8", "replace")
    if parse_json(text) is not MISSING:
        return "application/json"
    return "application/x-www-form-urlencoded" if _FORM.fullmatch(text) else "text/plain"


def _joined(items: Sequence[DataItem], run: NodeRun) -> bytes:
    """The values as curl puts them together: with ``&`` between them, JSON without."""
    joined = b""
    for number, item in enumerate(items):
        separator = b"&" if number and item.kind is not DataKind.JSON else b""
        joined += separator + _value(item, run)
    return joined


def _value(item: DataItem, run: NodeRun) -> bytes:
    content = _read(run, item.text) if item.is_file else utf8(item.text)
    if item.kind is DataKind.ENCODED:
        encoded = quote_plus(content).encode("ascii")
        return utf8(item.name) + b"=" + encoded if item.name else encoded
    return _LINE_BREAKS.sub(b"", content) if item.is_file and item.kind is DataKind.PLAIN else content


def _part(item: FormItem, run: NodeRun) -> FormPart:
    if item.source is FormSource.CONTENT:
        return FormPart(item.name, _read(run, item.value), item.file_name, item.content_type)
    if item.source is FormSource.TEXT:
        return FormPart(item.name, item.value, item.file_name, item.content_type)
    # The author of a command may name any file; what a reference brought in may not.
    is_literal = item.value in str(run.node.data.get("curlCommand"))
    path = run.path(item.value) if is_literal else _confined(run, item.value)
    return FormPart(item.name, path, item.file_name, item.content_type)


def _read(run: NodeRun, name: str) -> bytes:
    path = _confined(run, name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileAccessError(f"The file '{name}' of the command cannot be read: {error.strerror}") from error


def _confined(run: NodeRun, name: str) -> Path:
    """A file that the command names, below the root or the output folder.

    Raises:
        FileAccessError: It lies elsewhere.
    """
    path = run.path(name).resolve()
    if any(path.is_relative_to(folder.resolve()) for folder in (run.settings.root, run.settings.output)):
        return path
    raise FileAccessError(
        f"The file '{name}' of the command lies outside of {run.settings.root}; move it below that folder",
        code="FILE_OUTSIDE",
    )


def _cookies(command: CurlCommand, run: NodeRun) -> CookieFile | None:
    """Cookies are kept from redirect to redirect as soon as the command names a file for them."""
    if not command.cookie_files and command.cookie_jar is None:
        return None
    cookies = CookieFile()
    for name in command.cookie_files:
        if name:
            cookies.load(_confined(run, name))
    return cookies


def _proxy(command: CurlCommand) -> str | None:
    if command.proxy is None or command.proxy_user is None:
        return command.proxy
    scheme, _, rest = command.proxy.partition("://")
    user, _, password = command.proxy_user.partition(":")
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
