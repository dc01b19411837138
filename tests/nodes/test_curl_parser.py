"""Reading curl commands: shell words, options, and what nobody writes on purpose."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodes.curl_command import CurlCommand, DataItem, DataKind, FormItem, FormSource
from nodes.curl_parser import parse_curl
from nodes.errors import NodeDataError
from nodes.shell_words import UnclosedQuoteError, split_words

URL = "http://example.com/a"


def words(text: str) -> list[str]:
    return [word.text for word in split_words(text)]


# --- shell words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  a\tb\nc\r\n", ["a", "b", "c"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a'b'\"c\"d", ["abcd"]),
        ("'' \"\"", ["", ""]),
        (r"'a\'", ["a\\"]),
        (r'"a\"b\\c\$d\e"', ['a"b\\c$d\\e']),
        (r"a\ b \'", ["a b", "'"]),
        ("a \\\n  b \\ \n c \\\r\n d \\", ["a", "b", "c", "d"]),
        ("a `\n  b", ["a", "b"]),
        ('"a\\\nb"', ["ab"]),
        (r"$'it\'s\n\x41\u00e9\U0001F600\101\q'", ["it's\nAé😀Aq"]),
        ("$HOME ${data.x} $", ["$HOME", "${data.x}", "$"]),
        ('it"\'"s', ["it's"]),
        ('curl ^"http://x/?a=1^&b=2^" ^\n  -H ^"A: b^"', ["curl", "http://x/?a=1&b=2", "-H", "A: b"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(("text", "position"), [("a 'b", 2), ('"a', 0), ("a $'b", 3)])
def test_an_open_quote_is_named(text: str, position: int) -> None:
    with pytest.raises(UnclosedQuoteError, match="not closed") as caught:
        split_words(text)

    assert caught.value.position == position


@given(st.lists(st.text()))
def test_quoted_words_come_back(texts: list[str]) -> None:
    assert words(" ".join("'" + text.replace("'", "'\"'\"'") + "'" for text in texts)) == texts


@given(st.text(alphabet="ab '\"\\\t-=&"))
def test_words_are_those_of_the_standard_library(text: str) -> None:
    try:
        expected = shlex.split(text)
    except ValueError:
        return
    assert words(text) == expected


@given(st.text(alphabet="a '\"\\$^`\n-@=|>;xu0{}"))
def test_any_text_has_words_or_an_open_quote(text: str) -> None:
    try:
        found = split_words(text)
    except UnclosedQuoteError as error:
        assert 0 <= error.position < len(text)  # noqa: PT017 - either outcome is right
    else:
        assert all(isinstance(word.text, str) for word in found)


# --- commands ---------------------------------------------------------------------------------------------


def data(*items: DataItem) -> dict[str, Any]:
    return {"data": list(items)}


PLAIN, BINARY, ENCODED, JSON = DataKind.PLAIN, DataKind.BINARY, DataKind.ENCODED, DataKind.JSON

COMMANDS: dict[str, dict[str, Any]] = {
    "-X PUT": {"verb": "PUT"},
    "-XPUT": {"verb": "PUT"},
    "--request delete": {"verb": "DELETE"},
    "--request=patch": {"verb": "PATCH"},
    "-x POST": {"verb": "POST"},
    "-H 'A: b: c'": {"headers": [("A", "b: c")]},
    '--header "A:b"': {"headers": [("A", "b")]},
    "--header A:b": {"headers": [("A", "b")]},
    "-HA:b": {"headers": [("A", "b")]},
    "-H 'A: 1' -H 'A: 2'": {"headers": [("A", "1"), ("A", "2")]},
    "-H 'A;'": {"headers": [("A", "")]},
    "-H 'User-Agent:'": {"without": {"user-agent"}},
    "-H 'Referer: https://other.example/x'": {"headers": [("Referer", "https://other.example/x")]},
    "-d a=1": data(DataItem(PLAIN, "a=1")),
    "-da=1 --data 'b=2'": data(DataItem(PLAIN, "a=1"), DataItem(PLAIN, "b=2")),
    "--data-ascii x": data(DataItem(PLAIN, "x")),
    "-d @f": data(DataItem(PLAIN, "f", is_file=True)),
    "--data-raw @f": data(DataItem(PLAIN, "@f")),
    "--data-binary @f": data(DataItem(BINARY, "f", is_file=True)),
    "--data-urlencode 'a b'": data(DataItem(ENCODED, "a b")),
    "--data-urlencode '=a=b'": data(DataItem(ENCODED, "a=b")),
    "--data-urlencode 'n=a b'": data(DataItem(ENCODED, "a b", name="n")),
    "--data-urlencode @f": data(DataItem(ENCODED, "f", is_file=True)),
    "--data-urlencode n@f": data(DataItem(ENCODED, "f", is_file=True, name="n")),
    "--json '{}'": data(DataItem(JSON, "{}")),
    "-G -d a=1": {"is_get": True, **data(DataItem(PLAIN, "a=1"))},
    "--url-query 'a=b c' --url-query +d=e": {
        "query": [DataItem(ENCODED, "b c", name="a"), DataItem(PLAIN, "d=e")]
    },
    "-F a=b": {"form": [FormItem("a", "b")]},
    "--form 'a=b=c'": {"form": [FormItem("a", "b=c")]},
    "-F 'a=\"b;c\";type=text/x'": {"form": [FormItem("a", "b;c", content_type="text/x")]},
    "-F 'a=b;c'": {"form": [FormItem("a", "b;c")]},
    "-F a=@f.png": {"form": [FormItem("a", "f.png", FormSource.FILE)]},
    "-F 'a=@f;type=image/png;filename=\"g h\"'": {
        "form": [FormItem("a", "f", FormSource.FILE, "image/png", "g h")]
    },
    "-F 'a=@\"f;1\"'": {"form": [FormItem("a", "f;1", FormSource.FILE)]},
    "-F 'a=<f'": {"form": [FormItem("a", "f", FormSource.CONTENT)]},
    "--form-string a=@b": {"form": [FormItem("a", "@b")]},
    "-T f": {"upload": "f"},
    "-u ada:secret:1": {"user": ("ada", "secret:1")},
    "-u ada": {"user": ("ada", "")},
    "--digest -u a:b": {"is_digest": True, "user": ("a", "b")},
    "--oauth2-bearer t": {"headers": [("Authorization", "Bearer t")]},
    "-A me": {"headers": [("User-Agent", "me")]},
    "-A ''": {"without": {"user-agent"}},
    "-e http://r": {"headers": [("Referer", "http://r")]},
    "-r 0-9": {"headers": [("Range", "bytes=0-9")]},
    "-b 'a=1; b=2'": {"cookies": ["a=1; b=2"]},
    "-b jar.txt -c out.txt": {"cookie_files": ["jar.txt"], "cookie_jar": "out.txt"},
    "-k": {"is_insecure": True},
    "-k --no-insecure": {},
    "-I": {"is_head": True},
    "-L": {},
    "--no-location": {"max_redirects": 0},
    "--max-redirs 3": {"max_redirects": 3},
    "--max-redirs -1": {},
    "-x proxy:3128 -U a:b": {"proxy": "http://proxy:3128", "proxy_user": "a:b"},
    "-sSfLkX POST": {"is_insecure": True, "verb": "POST"},
    "-sSkd a": {"is_insecure": True, **data(DataItem(PLAIN, "a"))},
    "--compressed -i -v --http2 -m 5 --connect-timeout 2 -o out --retry 3 -w '%{http_code}'": {},
    "--cert x --netrc --moon -{": {
        "left_out": ["option --cert", "option --netrc", "option --moon", "option -{"]
    },
    "-H nonsense": {"left_out": ["header 'nonsense'"]},
    "second": {"left_out": ["argument 'second'"]},
    "--next http://other -X PUT": {"left_out": ["next"]},
    "-- -x": {"left_out": ["argument '-x'"]},
    "| jq .": {},
    "|jq": {},
    "&& rm -rf /": {},
    "; echo": {},
    "> out.json -k": {"is_insecure": True},
    ">out.json -k": {"is_insecure": True},
    "2>/dev/null -k": {"is_insecure": True},
    "2>&1 -k": {"is_insecure": True},
    "-d '|'": data(DataItem(PLAIN, "|")),
}


@pytest.mark.parametrize(("options", "expected"), COMMANDS.items(), ids=list(COMMANDS))
def test_options(options: str, expected: dict[str, Any]) -> None:
    assert parse_curl(f"curl {URL} {options}") == CurlCommand(url=URL, **expected)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"curl {URL}", URL),
        (URL, URL),
        (f"$ curl '{URL}'", URL),
        (f"/usr/bin/curl {URL}", URL),
        (f"curl.exe {URL}", URL),
        (f"curl --url {URL}", URL),
        (f"curl -H 'Origin: https://other.example' {URL}", URL),
        (f"curl oops {URL}", URL),
        ("curl localhost:3000/x", "http://localhost:3000/x"),
        ("curl example.com", "http://example.com"),
        ("curl https://x.example/?a=1&b=2", "https://x.example/?a=1&b=2"),
        ("curl HTTPS://X.example", "HTTPS://X.example"),
    ],
)
def test_urls(text: str, url: str) -> None:
    assert parse_curl(text).url == url


@pytest.mark.parametrize(
    ("options", "method"),
    [
        ("", "GET"),
        ("-d a", "POST"),
        ("--json {}", "POST"),
        ("-F a=b", "POST"),
        ("-T f", "PUT"),
        ("-G -d a", "GET"),
        ("-I", "HEAD"),
        ("-I -X GET", "GET"),
        ("-d a -X PUT", "PUT"),
    ],
)
def test_methods(options: str, method: str) -> None:
    assert parse_curl(f"curl {URL} {options}").method == method


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("curl", "holds no URL"),
        ("", "holds no URL"),
        ("curl -X POST -d a", "holds no URL"),
        (f"curl {URL} -d 'a", "the quote ' at position"),
        (f"curl {URL} -H", "the option -H needs a value"),
        (f"curl {URL} --data", "the option --data needs a value"),
        (f"curl {URL} -X 'GET /'", "'GET /' is no HTTP method"),
        (f"curl {URL} -F a", "the form field 'a' has no '='"),
        (f"curl {URL} --max-redirs many", "takes a number"),
    ],
)
def test_commands_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(NodeDataError, match="Property 'curlCommand'") as caught:
        parse_curl(text)

    assert message in caught.value.message
    assert caught.value.field == "curlCommand"


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, TEXTS, TEXTS)
@example('^"', "", "")
@example("'^\"", '"', "^\n")
def test_quoted_values_arrive_whatever_is_in_them(body: str, header: str, query: str) -> None:
    command = [
        "curl", "-X", "POST", f"http://h/?{query}", "--data-raw", body, "-H", f"X-A:{header}", "-u", f"u:{body}",
    ]  # fmt: skip
    parsed = parse_curl(shlex.join(command))

    assert parsed.url == f"http://h/?{query}"
    assert parsed.data == [DataItem(PLAIN, body)]
    assert parsed.user == ("u", body)
    assert parsed.headers == ([("X-A", header.strip())] if header.strip() else [])


@given(st.text(alphabet="curl -XHdFGIbAe@=:'\"\\\n|>&;./http$^"))
def test_any_text_is_a_command_or_is_refused(text: str) -> None:
    try:
        command = parse_curl(text)
    except NodeDataError as error:
        assert error.field == "curlCommand"  # noqa: PT017 - either outcome is right
    else:
        assert command.url
        assert command.method.isupper()
