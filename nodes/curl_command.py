"""What a curl command asks for (nodes.md, ``apiCurl``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

__all__ = ["CurlCommand", "DataItem", "DataKind", "FormItem", "FormSource"]


class DataKind(Enum):
    """How curl treats the value of a data option."""

    PLAIN = "data"
    """As it is; a file loses its line breaks."""
    BINARY = "data-binary"
    """As it is, files too."""
    ENCODED = "data-urlencode"
    """Percent-encoded."""
    JSON = "json"
    """As it is, put directly behind what is there."""


@dataclass(frozen=True, slots=True)
class DataItem:
    """One value of ``-d`` and its relatives.

    Attributes:
        kind: The option.
        text: The value; the name of a file if ``is_file``.
        is_file: Whether the value is read from a file.
        name: Name to put in front, for ``--data-urlencode``.
    """

    kind: DataKind
    text: str
    is_file: bool = False
    name: str = ""


class FormSource(Enum):
    """Where the value of a form field comes from."""

    TEXT = "text"
    FILE = "file"
    """A file to upload."""
    CONTENT = "content"
    """The content of a file, sent as a text."""


@dataclass(frozen=True, slots=True)
class FormItem:
    """One ``-F`` field."""

    name: str
    value: str
    source: FormSource = FormSource.TEXT
    content_type: str | None = None
    file_name: str | None = None


@dataclass(slots=True)
class CurlCommand:
    """A parsed command; lists are in the order of its options.

    Attributes:
        url: With a scheme.
        verb: What ``-X`` says.
        headers: Names and values.
        without: Headers, lower case, that are not to be sent.
        data: Values of ``-d`` and its relatives.
        query: Values of ``--url-query``.
        form: Fields of a multipart form.
        upload: File of ``-T``.
        is_get: Data goes into the URL (``-G``).
        is_head: Only headers are asked for (``-I``).
        max_redirects: None leaves it to the client.
        is_insecure: Certificates are not checked.
        user: Name and password.
        is_digest: They are for digest authentication.
        cookies: Cookies as text.
        cookie_files: Files to read cookies from.
        cookie_jar: File to write cookies to.
        proxy: Its address.
        proxy_user: Name and password for it.
        left_out: What has no effect here, in words.
    """

    url: str = ""
    verb: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    without: set[str] = field(default_factory=set)
    data: list[DataItem] = field(default_factory=list)
    query: list[DataItem] = field(default_factory=list)
    form: list[FormItem] = field(default_factory=list)
    upload: str | None = None
    is_get: bool = False
    is_head: bool = False
    max_redirects: int | None = None
    is_insecure: bool = False
    user: tuple[str, str] | None = None
    is_digest: bool = False
    cookies: list[str] = field(default_factory=list)
    cookie_files: list[str] = field(default_factory=list)
    cookie_jar: str | None = None
    proxy: str | None = None
    proxy_user: str | None = None
    left_out: list[str] = field(default_factory=list)

    @property
    def method(self) -> str:
        """The method that curl would use."""
        if self.verb is not None:
            return self.verb
        if self.is_head:
            return "HEAD"
        if self.is_get:
            return "GET"
        if self.upload is not None:
            return "PUT"
        return "POST" if self.data or self.form else "GET"

    def has_header(self, name: str) -> bool:
        """Whether a header is given or forbidden."""
        wanted = name.lower()
        return wanted in self.without or any(key.lower() == wanted for key, _ in self.headers)
