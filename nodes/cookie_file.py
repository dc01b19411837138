"""Cookies that a curl command reads from and writes to a file, in the format of curl and wget."""

from __future__ import annotations

from copy import copy
from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import Cookie, LoadError, MozillaCookieJar
from pathlib import Path
from typing import Final, cast
from urllib.request import Request

from nodes.errors import FileAccessError

__all__ = ["CookieFile"]

_LOCAL: Final = ".local"
"""What Python's cookies call a host name without a dot by; curl does not."""


class CookieFile:
    """The cookies of one command: those of its files, and those that answers set on the way.

    `load` and `save` use the disk, so they belong into a thread.
    """

    def __init__(self) -> None:
        self._jar = MozillaCookieJar()

    def load(self, path: Path) -> None:
        """Add the cookies of a file; one that is not there has none, as for curl.

        Raises:
            FileAccessError: It cannot be read, or is no file of cookies.
        """
        if not path.exists():
            return
        stored = MozillaCookieJar()
        try:
            stored.load(str(path), ignore_discard=True, ignore_expires=True)
        except (LoadError, UnicodeDecodeError) as error:
            raise FileAccessError(f"The cookie file {path} is no Netscape cookie file") from error
        except OSError as error:
            raise FileAccessError(f"The cookie file {path} cannot be read: {error.strerror}") from error
        for cookie in stored:
            # curl writes 0 for a cookie that ends with the session.
            if cookie.expires == 0:
                cookie.expires, cookie.discard = None, True
            if "." not in cookie.domain:
                cookie.domain += _LOCAL
            self._jar.set_cookie(cookie)

    def save(self, path: Path) -> None:
        """Write all cookies to a file.

        Raises:
            FileAccessError: It cannot be written.
        """
        stored = MozillaCookieJar()
        for cookie in self._jar:
            stored.set_cookie(_as_curl_has_it(cookie))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stored.save(str(path), ignore_discard=True)
        except OSError as error:
            raise FileAccessError(f"The cookie file {path} cannot be written: {error.strerror}") from error

    def header(self, url: str) -> str | None:
        """The Cookie header for a URL, if any."""
        request = Request(url)  # noqa: S310 - only carries the URL, nothing is opened
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie")

    def take(self, url: str, set_cookie: list[str]) -> None:
        """Keep the cookies that an answer from a URL sets."""
        request = Request(url)  # noqa: S310 - as above
        self._jar.extract_cookies(cast("HTTPResponse", _Answer(set_cookie)), request)


class _Answer:
    """As much of an answer as Python's cookies look at."""

    def __init__(self, set_cookie: list[str]) -> None:
        self._headers = Message()
        for value in set_cookie:
            self._headers["Set-Cookie"] = value

    def info(self) -> Message:
        return self._headers


def _as_curl_has_it(cookie: Cookie) -> Cookie:
    written = copy(cookie)
    written.domain = cookie.domain.removesuffix(_LOCAL)
    return written
