"""Sending requests with aiohttp: connections, redirects, proxies, forms, errors in our own words."""

from __future__ import annotations

import asyncio
import mimetypes
import ssl
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp import hdrs, payload
from yarl import URL

from nodes.errors import FileAccessError, NodeDataError, NodeError, NodeTimeoutError
from nodes.http_body import Body, FormPart, Multipart, decode_body, utf8
from nodes.http_message import HttpRequest, HttpResponse, joined_headers, sent_headers
from nodes.network import NetworkPolicy, TransportError

__all__ = ["Wire"]

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Largest response body that is read; a larger one fails the node."""

_LARGE_BYTES: Final = 256 * 1024
"""Bodies from here on are parsed in a thread."""


class Wire:
    """Connections and how requests go over them; made within a running event loop.

    Args:
        policy: Asked before each request and each redirect.
        verify: Whether certificates are checked at all.
    """

    def __init__(self, policy: NetworkPolicy, *, verify: bool = True) -> None:
        self._policy = policy
        self._verify = verify
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a prepared request and read the answer; raises as `HttpClient.send`."""
        what = request.title
        try:
            with ExitStack() as files:
                async with asyncio.timeout(request.timeout_ms / 1000):
                    return await self._exchange(request, files)
        except NodeError:
            raise
        except TimeoutError:
            raise NodeTimeoutError(
                f"{what}: no complete answer within {request.timeout_ms:g} ms; raise 'timeout' if it needs longer"
            ) from None
        except aiohttp.InvalidURL as error:
            raise NodeDataError(f"{what}: the URL is not valid: {error}", field="url") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _transport_error(what, error) from error
        except ValueError as error:
            raise NodeDataError(f"{what} cannot be sent: {error}", field="headers") from error

    async def _exchange(self, request: HttpRequest, files: ExitStack) -> HttpResponse:
        data = await _payload(request.body, files)
        skipped = request.without | {"content-type"}
        began, clock = time.time(), time.perf_counter()
        async with self._opened().request(
            request.method,
            URL(request.url, encoded=True),
            headers=sent_headers(request),
            skip_auto_headers=request.without if isinstance(data, aiohttp.MultipartWriter) else skipped,
            data=data,
            allow_redirects=request.max_redirects > 0,
            # The library counts the last answer too.
            max_redirects=request.max_redirects + 1,
            ssl=self._verify and request.verify,
            proxy=request.proxy or _environment_proxy(request.url),
            middlewares=self._middlewares(request),
        ) as response:
            content = await _read(response)
            duration = time.perf_counter() - clock
            return HttpResponse(
                status=response.status,
                status_text=response.reason or "",
                headers=joined_headers(response.headers.items()),
                body=await _decoded(content, response.charset),
                duration_ms=round(duration * 1000),
                timestamp=int(began * 1000),
                url=str(response.url),
                content=content,
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            )
        return self._session

    def _middlewares(self, request: HttpRequest) -> list[aiohttp.ClientMiddlewareType]:
        """What happens around each hop of a request."""

        async def checked(
            hop: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            self._policy.check(str(hop.url))
            if hop.method != request.method:
                # A redirect took the body away.
                hop.headers.popall(hdrs.CONTENT_TYPE, None)
            return await handler(hop)

        async def with_cookies(
            hop: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            store, url = request.cookies, str(hop.url)
            if store is None:
                return await handler(hop)
            if (cookie := store.header(url)) is not None:
                given = hop.headers.get(hdrs.COOKIE)
                hop.headers[hdrs.COOKIE] = f"{given}; {cookie}" if given else cookie
            response = await handler(hop)
            store.take(url, response.headers.getall(hdrs.SET_COOKIE, []))
            return response

        middlewares: list[aiohttp.ClientMiddlewareType] = [checked, with_cookies]
        if request.digest is not None:
            middlewares.append(aiohttp.DigestAuthMiddleware(*request.digest))
        return middlewares


async def _payload(body: Body, files: ExitStack) -> bytes | aiohttp.MultipartWriter | None:
    if not isinstance(body, Multipart):
        return body
    writer = aiohttp.MultipartWriter("form-data")
    for part in body.parts:
        writer.append_payload(await _part(part, files))
    return writer


async def _part(part: FormPart, files: ExitStack) -> payload.Payload:
    value, name = part.value, part.file_name
    if isinstance(value, Path):
        name = name or value.name
        try:
            stream = files.enter_context(await asyncio.to_thread(value.open, "rb"))
        except OSError as error:
            raise FileAccessError(f"The file to upload cannot be read: {value}: {error.strerror}") from error
        built: payload.Payload = payload.BufferedReaderPayload(stream)
    else:
        built = payload.BytesPayload(value if isinstance(value, bytes) else utf8(value))
    content_type = part.content_type
    if content_type is None and name is not None:
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    built.headers.popall(hdrs.CONTENT_TYPE, None)
    if content_type is not None:
        built.headers[hdrs.CONTENT_TYPE] = content_type
    options = {"name": part.name} if name is None else {"name": part.name, "filename": name}
    built.set_content_disposition("form-data", quote_fields=False, **options)
    return built


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise TransportError(
                f"{response.method} {response.url}: the answer is larger than {MAX_BODY_BYTES >> 20} MiB",
                code="HTTP_ANSWER_TOO_LARGE",
            )
    return bytes(content)


async def _decoded(content: bytes, charset: str | None) -> object:
    if len(content) < _LARGE_BYTES:
        return decode_body(content, charset)
    return await asyncio.to_thread(decode_body, content, charset)


def _environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL; the own machine is always reached directly."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _transport_error(what: str, error: Exception) -> TransportError:
    certificate = isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError)
    if certificate:
        return TransportError(
            f"{what}: the server's certificate is not trusted: {error}", code="TLS_CERTIFICATE"
        )
    if isinstance(error, aiohttp.TooManyRedirects):
        return TransportError(f"{what}: more than {len(error.history) - 1} redirects")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return TransportError(f"{what}: unknown host {error.host}")
    return TransportError(f"{what}: {str(error) or type(error).__name__}")
