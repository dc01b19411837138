"""Reading a curl command line with curl's own rules (nodes.md, ``apiCurl``).

Beyond curl's rules, and for the sake of commands that the format has always taken: ``curl`` itself may be
missing, ``-x`` followed by an HTTP method means ``-X``, redirects are followed without ``-L``, and options that
curl does not know are left out with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from nodes.curl_command import CurlCommand, DataItem, DataKind, FormItem, FormSource
from nodes.curl_options import FLAGS, SHORT, UNSUPPORTED, VALUES
from nodes.errors import NodeDataError
from nodes.shell_words import UnclosedQuoteError, Word, split_words

__all__ = ["parse_curl"]

_FIELD: Final = "curlCommand"

_END: Final = re.compile(r"\|.*|&&|;|&", re.DOTALL)
_REDIRECT: Final = re.compile(r"(?:[0-9]*|&)>{1,2}(?P<target>.*)|<(?P<source>.*)", re.DOTALL)
_SHOWN: Final = 60
"""Characters of an argument that messages show."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HTTP_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"})
_VERB: Final = re.compile(r"[A-Za-z]+")


def parse_curl(text: str) -> CurlCommand:
    """Read a command.

    Args:
        text: The command line, with or without ``curl`` in front.

    Returns:
        The command, with a URL that has a scheme. Files that it names are not read.

    Raises:
        NodeDataError: A quote is not closed, an option lacks its value, or there is no URL.
    """
    try:
        words = split_words(text)
    except UnclosedQuoteError as error:
        raise NodeDataError(f"Property '{_FIELD}': {error}", field=_FIELD) from error
    command, urls = CurlCommand(), list[str]()
    arguments = iter(_own_words(words))
    only_urls = False
    for word in arguments:
        if only_urls or not word.startswith("-") or word == "-":
            urls.append(word)
        elif word == "--":
            only_urls = True
        elif word.startswith("--"):
            _long(command, urls, word[2:], arguments)
        else:
            _short(command, urls, word[1:], arguments)
        if "next" in command.left_out:
            break
    command.url = _url(command, urls)
    return command


def _own_words(words: list[Word]) -> Iterator[str]:
    """The arguments of curl: without its name, and without what the shell would take for itself."""
    position = 0
    while position < len(words) and words[position].text in {"$", "%", "#", ">"}:
        position += 1
    if position < len(words) and re.fullmatch(r"(?:.*[/\\])?curl(?:\.exe)?", words[position].text):
        position += 1
    remaining = iter(words[position:])
    for word in remaining:
        redirect = _REDIRECT.fullmatch(word.text) if word.is_bare else None
        if redirect is not None:
            if not (redirect["target"] or redirect["source"]):
                next(remaining, None)
        elif word.is_bare and _END.fullmatch(word.text):
            return
        else:
            yield word.text


def _url(command: CurlCommand, urls: list[str]) -> str:
    if not urls:
        raise NodeDataError(f"Property '{_FIELD}' holds no URL", field=_FIELD)
    url = next((item for item in urls if item.lower().startswith(("http://", "https://"))), urls[0])
    surplus = [item for item in urls if item is not url]
    command.left_out += [f"argument '{_cut(item)}'" for item in surplus]
    return url if _SCHEME.match(url) else f"http://{url}"


def _long(command: CurlCommand, urls: list[str], name: str, arguments: Iterator[str]) -> None:
    name, has_value, attached = name.partition("=")
    if name in VALUES:
        value = attached if has_value else _next(arguments, f"--{name}")
        _take_value(command, urls, name, value)
    else:
        _take_flag(command, name, f"--{name}")


def _short(command: CurlCommand, urls: list[str], letters: str, arguments: Iterator[str]) -> None:
    """A group such as ``-sSLXPOST``: flags, then at most one option with a value."""
    for index, letter in enumerate(letters):
        name = SHORT.get(letter, letter)
        if name in VALUES:
            rest = letters[index + 1 :]
            _take_value(command, urls, name, rest or _next(arguments, f"-{letter}"))
            return
        _take_flag(command, name, f"-{letter}")


def _next(arguments: Iterator[str], option: str) -> str:
    value = next(arguments, None)
    if value is None:
        raise NodeDataError(f"Property '{_FIELD}': the option {option} needs a value", field=_FIELD)
    return value


def _take_value(command: CurlCommand, urls: list[str], name: str, value: str) -> None:
    if name == "url":
        urls.append(value)
    elif name in _WITH_VALUE:
        _WITH_VALUE[name](command, value)
    elif name in UNSUPPORTED:
        command.left_out.append(f"option --{name}")


def _take_flag(command: CurlCommand, name: str, written: str) -> None:
    is_on, positive = True, name
    if name.startswith("no-") and name not in FLAGS:
        is_on, positive = False, name.removeprefix("no-")
    if positive == "next":
        command.left_out.append("next")
    elif positive in _SWITCHES:
        _SWITCHES[positive](command, is_on)
    elif positive in UNSUPPORTED or positive not in FLAGS | VALUES:
        command.left_out.append(f"option {written}")


# --- options with a value ---------------------------------------------------------------------------------


def _request(command: CurlCommand, value: str) -> None:
    if not _VERB.fullmatch(value):
        raise NodeDataError(f"Property '{_FIELD}': '{value}' is no HTTP method", field=_FIELD)
    command.verb = value.upper()


def _header(command: CurlCommand, value: str) -> None:
    """``K: V`` sends, ``K:`` keeps curl from sending its own, ``K;`` sends an empty one."""
    name, colon, content = value.partition(":")
    if colon and content.strip():
        command.headers.append((name.strip(), content.strip()))
    elif colon:
        command.without.add(name.strip().lower())
    elif value.endswith(";"):
        command.headers.append((value[:-1].strip(), ""))
    else:
        command.left_out.append(f"header '{_cut(value)}'")


def _data(kind: DataKind) -> Callable[[CurlCommand, str], None]:
    def add(command: CurlCommand, value: str) -> None:
        is_file = value.startswith("@")
        command.data.append(DataItem(kind, value[1:] if is_file else value, is_file))

    return add


def _data_raw(command: CurlCommand, value: str) -> None:
    command.data.append(DataItem(DataKind.PLAIN, value))


def _data_urlencode(command: CurlCommand, value: str) -> None:
    command.data.append(_encoded(value))


def _url_query(command: CurlCommand, value: str) -> None:
    """As ``--data-urlencode``, but a leading ``+`` takes the rest as it is."""
    is_raw = value.startswith("+")
    command.query.append(DataItem(DataKind.PLAIN, value[1:]) if is_raw else _encoded(value))


def _encoded(value: str) -> DataItem:
    for separator in "=@":
        name, found, text = value.partition(separator)
        if found:
            return DataItem(DataKind.ENCODED, text, separator == "@", name)
    return DataItem(DataKind.ENCODED, value)


_FORM_SETTING: Final = re.compile(r";\s*(type|filename|headers|encoder)=")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def _form(command: CurlCommand, value: str) -> None:
    """``name=text``, ``name=@file`` or ``name=<file``, with ``;type=`` and ``;filename=`` behind."""
    name, equals, content = value.partition("=")
    if not equals:
        raise NodeDataError(f"Property '{_FIELD}': the form field '{value}' has no '='", field=_FIELD)
    source = {"@": FormSource.FILE, "<": FormSource.CONTENT}.get(content[:1], FormSource.TEXT)
    if source is not FormSource.TEXT:
        content = content[1:]
    quoted = _QUOTED.match(content)
    pieces = _FORM_SETTING.split(content[quoted.end() :] if quoted else content)
    settings = {key: _unquoted(text.strip()) for key, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    text = _unquoted(quoted[0]) if quoted else pieces[0]
    command.form.append(FormItem(name, text, source, settings.get("type"), settings.get("filename")))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _unquoted(text: str) -> str:
    match = _QUOTED.fullmatch(text)
    return re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL) if match else text


def _form_string(command: CurlCommand, value: str) -> None:
    name, _, content = value.partition("=")
    command.form.append(FormItem(name, content))


def _user(command: CurlCommand, value: str) -> None:
    name, _, password = value.partition(":")
    command.user = (name, password)


def _cookie(command: CurlCommand, value: str) -> None:
    """Cookies if there is a ``=`` in it, else the name of a file."""
    if "=" in value:
        command.cookies.append(value.strip().rstrip(";"))
    else:
        command.cookie_files.append(value)


def _cookie_jar(command: CurlCommand, value: str) -> None:
    command.cookie_jar = value


def _proxy(command: CurlCommand, value: str) -> None:
    if value.upper() in _HTTP_METHODS:
        command.verb = value.upper()
    else:
        command.proxy = value if _SCHEME.match(value) else f"http://{value}"


def _proxy_user(command: CurlCommand, value: str) -> None:
    command.proxy_user = value


def _upload(command: CurlCommand, value: str) -> None:
    command.upload = value


def _max_redirects(command: CurlCommand, value: str) -> None:
    """Without a limit for -1."""
    if not re.fullmatch(r"-?[0-9]{1,6}", value):
        raise NodeDataError(f"Property '{_FIELD}': --max-redirs takes a number, not '{value}'", field=_FIELD)
    command.max_redirects = int(value) if int(value) >= 0 else None


def _own_header(name: str, prefix: str = "") -> Callable[[CurlCommand, str], None]:
    """An option that is short for a header; an empty value keeps the header from being sent."""

    def add(command: CurlCommand, value: str) -> None:
        if command.has_header(name):
            return
        if value:
            command.headers.append((name, prefix + value.removesuffix(";auto")))
        else:
            command.without.add(name.lower())

    return add


_WITH_VALUE: Final[Mapping[str, Callable[[CurlCommand, str], None]]] = {
    "request": _request,
    "header": _header,
    "data": _data(DataKind.PLAIN),
    "data-ascii": _data(DataKind.PLAIN),
    "data-raw": _data_raw,
    "data-binary": _data(DataKind.BINARY),
    "data-urlencode": _data_urlencode,
    "json": _data(DataKind.JSON),
    "url-query": _url_query,
    "form": _form,
    "form-string": _form_string,
    "user": _user,
    "oauth2-bearer": _own_header("Authorization", "Bearer "),
    "user-agent": _own_header("User-Agent"),
    "referer": _own_header("Referer"),
    "range": _own_header("Range", "bytes="),
    "cookie": _cookie,
    "cookie-jar": _cookie_jar,
    "proxy": _proxy,
    "proxy-user": _proxy_user,
    "upload-file": _upload,
    "max-redirs": _max_redirects,
}


# --- options without a value ------------------------------------------------------------------------------


def _get(command: CurlCommand, is_on: bool) -> None:  # noqa: FBT001 - the table calls all switches alike
    command.is_get = is_on


def _head(command: CurlCommand, is_on: bool) -> None:  # noqa: FBT001 - as above
    command.is_head = is_on


def _insecure(command: CurlCommand, is_on: bool) -> None:  # noqa: FBT001 - as above
    command.is_insecure = is_on


def _location(command: CurlCommand, is_on: bool) -> None:  # noqa: FBT001 - as above
    if not is_on:
        command.max_redirects = 0


def _digest(command: CurlCommand, is_on: bool) -> None:  # noqa: FBT001 - as above
    command.is_digest = is_on


_SWITCHES: Final[Mapping[str, Callable[[CurlCommand, bool], None]]] = {
    "get": _get,
    "head": _head,
    "insecure": _insecure,
    "location": _location,
    "digest": _digest,
    "anyauth": _digest,
}
