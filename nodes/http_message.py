"""Requests that nodes send, and their answers (nodes.md, ``apiRequest``)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Final, Protocol
from urllib.parse import quote, unquote, urlsplit

from yarl import URL

from nodes.errors import NodeDataError
from nodes.http_body import Body, Multipart, utf8

__all__ = [
    "MAX_REDIRECTS",
    "CookieStore",
    "HttpRequest",
    "HttpResponse",
    "absolute_url",
    "basic_auth",
    "joined_headers",
    "prepared",
    "sent_headers",
]

MAX_REDIRECTS: Final = 20
"""How many redirects are followed unless the request says otherwise."""

_DEFAULT_HEADERS: Final = {
    "Accept": "application/json, text/plain, */*",
    "User-Agent": f"batchwright/{version('batchwright')}",
}

_DECODABLE: Final = {"gzip", "deflate", "identity", "x-gzip"}
"""Content encodings that the client undoes; others are not offered to the server."""

_OWN_HEADERS: Final = frozenset({"content-length", "transfer-encoding", "connection"})
"""Headers that the client writes itself: a copied command carries those of another client."""

_URL_SAFE: Final = "%/:=&?~#+!$,;'@()*[]|"


class CookieStore(Protocol):
    """Cookies that one request takes along and adds to, over all its redirects."""

    def header(self, url: str) -> str | None:
        """The Cookie header for a URL, if any."""

    def take(self, url: str, set_cookie: list[str]) -> None:
        """Keep the cookies that an answer from a URL sets."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to send.

    Attributes:
        method: Upper-case verb.
        url: Absolute, http or https; characters that a URL cannot hold are escaped.
        headers: In order; names may repeat.
        without: Headers, lower case, that the client must not add by itself.
        body: Bytes, a form or nothing.
        timeout_ms: Limit for everything, ms.
        max_redirects: How many to follow; 0 takes the first answer as it is.
        verify: Check the server's certificate.
        proxy: URL of a proxy; the environment's if absent.
        digest: Name and password for digest authentication.
        cookies: Where cookies come from and go to.
        shown_url: What messages show instead of a URL that is a secret by itself.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    without: frozenset[str] = frozenset()
    body: Body = None
    timeout_ms: float = 30_000
    max_redirects: int = MAX_REDIRECTS
    verify: bool = True
    proxy: str | None = None
    digest: tuple[str, str] | None = field(default=None, repr=False)
    cookies: CookieStore | None = None
    shown_url: str | None = None

    @property
    def title(self) -> str:
        """The request as messages name it."""
        return f"{self.method} {self.shown_url or self.url}"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, read to its end.

    Attributes:
        status: Status code; every one counts as an answer.
        status_text: Reason phrase.
        headers: Names in lower case, several values of one joined with a comma.
        body: The value of valid JSON, else the text.
        duration_ms: From the start of the request to the end of the body, ms.
        timestamp: Start of the request, epoch ms.
        url: Where the last redirect led.
        content: The body as it came.
    """

    status: int
    status_text: str
    headers: Mapping[str, str]
    body: object
    duration_ms: int
    timestamp: int
    url: str
    content: bytes = field(default=b"", repr=False)

    @property
    def summary(self) -> str:
        """Status code and reason."""
        return f"{self.status} {self.status_text}".strip()

    def stored(self) -> dict[str, object]:
        """The object that nodes store in ``data``."""
        return {
            "status": self.status,
            "statusText": self.status_text,
            "headers": dict(self.headers),
            "body": self.body,
            "duration": self.duration_ms,
            "timestamp": self.timestamp,
        }


def absolute_url(text: str) -> str:
    """A URL as it is sent: surrounding space and fragment dropped, impossible characters escaped.

    Raises:
        NodeDataError: It is not an absolute http or https URL.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        known = parts.scheme.lower() in {"http", "https"} and parts.hostname
        origin = str(URL(f"{parts.scheme.lower()}://{parts.netloc}")) if known else ""
    except ValueError as error:
        raise NodeDataError(
            f"Property 'url': '{text}' is not a valid address: {error}", field="url"
        ) from error
    if not known:
        raise NodeDataError(
            f"Property 'url' must be an absolute address such as https://example.com/path, not '{text}'",
            field="url",
        )
    path = quote(parts.path or "/", safe=_URL_SAFE)
    query = f"?{quote(parts.query, safe=_URL_SAFE)}" if parts.query else ""
    return origin.rstrip("/") + path + query


def basic_auth(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + b64encode(utf8(f"{user}:{password}")).decode("ascii")


def prepared(request: HttpRequest) -> HttpRequest:
    """The request with a sound URL; a name and password in it become a header, which messages do not show.

    Raises:
        NodeDataError: The URL is not valid.
    """
    url = absolute_url(request.url)
    netloc = urlsplit(url).netloc
    if "@" not in netloc:
        return replace(request, url=url)
    credentials, _, host = netloc.rpartition("@")
    url = url.replace(netloc, host, 1)
    if any(name.lower() == "authorization" for name, _ in request.headers):
        return replace(request, url=url)
    user, _, password = credentials.partition(":")
    header = ("Authorization", basic_auth(unquote(user), unquote(password)))
    return replace(request, url=url, headers=(*request.headers, header))


def sent_headers(request: HttpRequest) -> list[tuple[str, str]]:
    """The headers that go out: with defaults, without those that the client writes itself."""
    own = _OWN_HEADERS | {"content-type"} if isinstance(request.body, Multipart) else _OWN_HEADERS
    given = {name.lower() for name, _ in request.headers} | request.without
    defaults = [(name, value) for name, value in _DEFAULT_HEADERS.items() if name.lower() not in given]
    return defaults + [
        (name.strip(), _decodable(value) if name.lower() == "accept-encoding" else value.strip())
        for name, value in request.headers
        if name.lower() not in own
    ]


def _decodable(value: str) -> str:
    """Of the encodings that a request offers, those that its answer may really use."""
    offered = [item.strip() for item in value.split(",")]
    return (
        ", ".join(item for item in offered if item.split(";")[0].strip().lower() in _DECODABLE) or "identity"
    )


def joined_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, several values of one joined with a comma."""
    joined: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined
