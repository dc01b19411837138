"""The node that sends what a curl command describes, against a real server and against curl itself."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from nodes.curl import ApiCurl
from tests.conftest import RunSteps
from tests.running import Outcome, Step
from tests.site.api import Api, Received


def command(text: str, **more: Any) -> Step:
    return ("apiCurl", {"curlCommand": text, **more})


async def send(run_steps: RunSteps, *steps: Step, data: dict[str, Any] | None = None) -> Outcome:
    return await run_steps(*steps, data=data, open_browser=False)


SAME_AS_CURL = [
    "curl URL",
    "curl URL -X PATCH",
    "curl URL -d a=1 -d 'b=x y'",
    "curl URL -d a=1 -X PUT",
    "curl URL -X GET -d a=1",
    "curl URL -G -d a=1 --data-urlencode 'b=x y&z'",
    "curl 'URL?z=0' -G -d a=1",
    "curl URL --url-query 'a=x y'",
    "curl URL -I",
    "curl URL --data-urlencode 'x y/ž'",
    "curl URL --data-urlencode a@body.txt",
    "curl URL -d @body.txt",
    "curl URL -d @body.txt -d c=3",
    "curl URL --data-binary @body.txt -H 'Content-Type: text/csv'",
    "curl URL --data-raw @body.txt -H 'Content-Type: text/plain'",
    "curl URL --json '{\"a\":' --json '1}'",
    "curl URL --json @body.txt -H 'Accept: text/html'",
    "curl URL -u ada:secret",
    "curl URL -u ada:secret -H 'Authorization: Bearer t'",
    "curl URL --oauth2-bearer token",
    "curl URL -b 'a=1; b=2'",
    "curl URL -b cookies.txt",
    "curl URL -A me -e http://from/",
    "curl URL -A '' -H 'Accept:'",
    "curl URL -H 'X-Empty;' -H 'X-Two: 1' -H 'X-Two: 2'",
    "curl URL -r 0-9",
    "curl URL -T body.txt",
    "curl URL/ -T body.txt",
    "curl -L 'BASE/redirect?to=/echo' -d a=1",
    "curl -L 'BASE/redirect?code=307&to=/echo' -d a=1",
    "curl -L 'BASE/redirect?to=/echo&cookie=7' -c jar.txt",
    "curl -L 'BASE/redirect?to=/echo&cookie=7'",
    "curl URL/a%2Fb?c=%2B+%20",
    "curl -sSLkXDELETE URL",
    "curl $'URL' -d $'it\\'s=\\u00e9'",
]

COMPARED = ("Accept", "Authorization", "Content-Type", "Cookie", "Range", "Referer", "X-Empty", "X-Two")


def picture(received: Received, *, is_agent_given: bool) -> dict[str, Any]:
    """What must be the same as with curl."""
    headers = {name: [value for key, value in received.headers if key == name] for name in COMPARED}
    if is_agent_given:
        headers["User-Agent"] = [value for key, value in received.headers if key == "User-Agent"]
    return {"method": received.method, "target": received.target, "body": received.body, "headers": headers}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("text", SAME_AS_CURL)
async def test_the_request_is_the_one_that_curl_sends(
    run_steps: RunSteps, api: Api, tmp_path: Path, text: str
) -> None:
    (tmp_path / "body.txt").write_bytes(b"a=1&\r\nb=2\n")
    (tmp_path / "cookies.txt").write_text(
        "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tabc\n"
    )
    text = text.replace("URL", f"{api.url}/echo").replace("BASE", api.url)
    # A default of curl's that differs from this client's on purpose.
    if "Accept:" not in text and "--json" not in text:
        text += " -H 'Accept: */*'"
    process = await asyncio.create_subprocess_exec("bash", "-c", f"{text} -s -o /dev/null", cwd=tmp_path)
    assert await process.wait() == 0
    is_agent_given = "-A" in text
    wanted = picture(api.last, is_agent_given=is_agent_given)
    api.received.clear()
    (tmp_path / "jar.txt").unlink(missing_ok=True)

    outcome = await send(run_steps, command(text))

    assert outcome.error is None
    assert picture(api.last, is_agent_given=is_agent_given) == wanted


async def test_the_whole_command_is_interpolated(run_steps: RunSteps, api: Api) -> None:
    text = "curl -X POST '${data.base}/echo' \\\n  -H 'X-Word: ${data.word}' \\\n  -d '{\"w\": \"${data.word}\"}'"
    outcome = await send(
        run_steps, command(text, contextKey="answer"), data={"base": api.url, "word": "blue"}
    )

    assert outcome.data["answer"]["status"] == 201
    assert api.last.header("X-Word") == "blue"
    assert api.last.body == b'{"w": "blue"}'


@pytest.mark.parametrize(
    ("options", "content_type"),
    [
        ("-d '{\"a\": 1}'", "application/json"),
        ("-d '[1]' -X PUT", "application/json"),
        ("-d 'a=1&b=x y'", "application/x-www-form-urlencoded"),
        ("-d 'some text'", "text/plain"),
        ("-d '<a b=\"1\"/>'", "text/plain"),
        ("-d '<a/>' -H 'content-type: application/xml'", "application/xml"),
        ("-d '{}' -H 'Content-Type: application/vnd.api+json'", "application/vnd.api+json"),
    ],
)
async def test_the_content_type_of_data(
    run_steps: RunSteps, api: Api, options: str, content_type: str
) -> None:
    await send(run_steps, command(f"curl {api.url}/echo {options}"))

    assert api.last.header("Content-Type") == content_type


async def test_a_form(run_steps: RunSteps, api: Api, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("1;2", "utf-8")
    text = (
        f"curl {api.url}/form -H 'Content-Type: multipart/form-data' -F word=blue -F 'note=\"x;y\";type=text/x-n' "
        "-F file=@in/a.csv -F 'other=@in/a.csv;filename=b.txt;type=text/plain' -F 'inner=<in/a.csv'"
    )
    outcome = await send(run_steps, command(text))

    parts = outcome.data["apiResponse"]["body"]["parts"]
    assert [tuple(part.values()) for part in parts] == [
        ("word", None, None, "blue"),
        ("note", None, "text/x-n", "x;y"),
        ("file", "a.csv", "text/csv", "1;2"),
        ("other", "b.txt", "text/plain", "1;2"),
        ("inner", None, None, "1;2"),
    ]


async def test_cookies_go_from_one_command_to_the_next_by_a_file(
    run_steps: RunSteps, api: Api, tmp_path: Path
) -> None:
    first = command(f"curl -c jars/jar.txt '{api.url}/redirect?to=/echo&cookie=7'")
    second = command(f"curl -b jars/jar.txt -b 'more=1' {api.url}/echo")
    outcome = await send(run_steps, first, second)

    assert outcome.error is None
    cookies = (api.last.header("Cookie") or "").split("; ")
    assert sorted(cookies) == ["a=1", "b=2", "more=1", "step=7"]
    assert "\tstep\t7" in (tmp_path / "jars" / "jar.txt").read_text()


async def test_a_proxy(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, command(f"curl -x {api.url} -U ada:se@cret http://example.invalid/echo"))

    assert outcome.error is None
    assert api.last.target == "http://example.invalid/echo"
    assert api.last.header("Proxy-Authorization") == "Basic YWRhOnNlQGNyZXQ="


async def test_digest_authentication(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, command(f"curl --digest -u ada:secret {api.url}/digest"))

    assert outcome.data["apiResponse"]["status"] == 200


@pytest.mark.parametrize("option", ["--max-redirs 0", "--no-location"])
async def test_redirects_can_be_left_alone(run_steps: RunSteps, api: Api, option: str) -> None:
    outcome = await send(run_steps, command(f"curl {option} '{api.url}/redirect?to=/echo'"))

    assert outcome.data["apiResponse"]["status"] == 302
    assert outcome.data["apiResponse"]["headers"]["location"] == "/echo"


async def test_what_has_no_effect_is_logged(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, command(f"curl {api.url}/echo --cert x.pem --moon | jq ."))

    assert outcome.data["apiResponse"]["status"] == 201
    assert [line.split("curl's ")[1] for line in outcome.log] == [
        "option --cert has no effect here",
        "option --moon has no effect here",
    ]


async def test_the_nodes_timeout_overrides_that_of_the_command(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, command(f"curl -m 60 {api.url}/slow", timeout=100))

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


@pytest.mark.parametrize(
    "option",
    ["-d @FILE", "--data-urlencode a@FILE", "-F 'a=<FILE'", "-T FILE", "-b FILE", "-F a=@${data.file}"],
)
async def test_files_outside_are_not_read(
    run_steps: RunSteps, api: Api, tmp_path_factory: pytest.TempPathFactory, option: str
) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret.txt"
    secret.write_text("secret")
    text = f"curl {api.url}/echo {option.replace('FILE', str(secret))}"
    outcome = await send(run_steps, command(text), data={"file": str(secret)})

    assert outcome.error is not None
    assert outcome.error.code == "FILE_OUTSIDE"
    assert api.received == []


async def test_the_author_may_upload_any_file(
    run_steps: RunSteps, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("outside") / "a.txt"
    file.write_text("mine")
    outcome = await send(run_steps, command(f"curl {api.url}/form -F 'a=@{file}'"))

    assert outcome.data["apiResponse"]["body"]["parts"][0]["content"] == "mine"


FAILURES = {
    "nothing": ("", "NODE_PROPERTY_INVALID", "Property 'curlCommand' is required"),
    "no URL": ("curl -X POST", "NODE_PROPERTY_INVALID", "holds no URL"),
    "open quote": ("curl URL -d 'a", "NODE_PROPERTY_INVALID", "not closed"),
    "other scheme": ("curl ftp://h/f", "NODE_PROPERTY_INVALID", "must be an absolute address"),
    "missing file": ("curl URL -d @nope.txt", "FILE_NOT_USABLE", "nope.txt"),
    "missing upload": ("curl URL -F f=@nope.txt", "FILE_NOT_USABLE", "nope.txt"),
    "no cookie file": ("curl URL -b notes.txt", "FILE_NOT_USABLE", "no Netscape cookie file"),
    "dropped": ("curl BASE/drops?times=9 -d a", "HTTP_TRANSPORT", "POST http"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_failures(run_steps: RunSteps, api: Api, tmp_path: Path, failure: tuple[str, str, str]) -> None:
    text, code, message = failure
    (tmp_path / "notes.txt").write_text("no cookies")
    outcome = await send(run_steps, command(text.replace("URL", f"{api.url}/echo").replace("BASE", api.url)))

    assert outcome.error is not None
    assert (outcome.error.code, message in outcome.error.message) == (code, True), outcome.error.message


async def test_until_a_condition_holds(run_steps: RunSteps, api: Api) -> None:
    step = command(
        f"curl {api.url}/job",
        retryEnabled=True,
        retryDelay=10,
        retryStrategy="untilCondition",
        retryUntilCondition={"type": "api-json-path", "jsonPath": "state", "expectedValue": "done"},
    )
    outcome = await send(run_steps, step)

    assert outcome.data["apiResponse"]["body"]["state"] == "done"


async def test_count_tries_again_after_a_lost_connection(run_steps: RunSteps, api: Api) -> None:
    step = command(f"curl '{api.url}/drops?times=2' -d a", retryEnabled=True, retryDelay=10)
    outcome = await send(run_steps, step)

    assert outcome.data["apiResponse"]["body"] == {"attempt": 3}


def test_validation_names_a_command_that_cannot_be_read() -> None:
    advise = ApiCurl().advise

    assert advise({"curlCommand": "curl -X POST"}) == ["Property 'curlCommand' holds no URL"]
    assert advise({"curlCommand": "curl http://example.com"}) == []
    assert advise({"curlCommand": "curl ${data.url}"}) == []
    assert advise({}) == []
