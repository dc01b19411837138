"""The node that sends an HTTP request, against a real server."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import RunSteps, RunWorkflow
from tests.running import Outcome, Step, node, steps_document, workflow
from tests.site.api import Api, serve_api


def request(url: str, **more: Any) -> Step:
    return ("apiRequest", {"url": url, **more})


async def send(run_steps: RunSteps, *steps: Step, data: dict[str, Any] | None = None, **more: Any) -> Outcome:
    return await run_steps(*steps, data=data, open_browser=False, **more)


def refused_url() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


# --- the request ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "post"])
async def test_methods(run_steps: RunSteps, api: Api, method: str) -> None:
    outcome = await send(run_steps, request(f"{api.url}/echo", method=method))

    assert outcome.error is None
    assert api.last.method == method.upper()


async def test_get_is_the_default(run_steps: RunSteps, api: Api) -> None:
    await send(run_steps, request(f"{api.url}/echo"))

    assert (api.last.method, api.last.body) == ("GET", b"")


async def test_url_headers_and_body_are_interpolated(run_steps: RunSteps, api: Api) -> None:
    step = request(
        "${data.base}/echo?q=${data.word}",
        method="POST",
        headers={"X-Word": "${data.word}", "X-Number": 5, "X-None": None},
        body='{"word": "${data.word}", "list": ${data.list}}',
    )
    await send(run_steps, step, data={"base": api.url, "word": "blue", "list": [1, {"a": None}]})

    assert api.last.target == "/echo?q=blue"
    assert (api.last.header("X-Word"), api.last.header("X-Number")) == ("blue", "5")
    assert api.last.header("X-None") is None
    assert api.last.body == b'{"word":"blue","list":[1,{"a":null}]}'


BODIES: dict[str, tuple[dict[str, Any], str | None, bytes]] = {
    "json, compact": ({"body": '{ "a": 1.0,\n "b": [12345678901234567890] }'}, "application/json",
                      b'{"a":1,"b":[12345678901234567890]}'),
    "json that is none is sent as it is": ({"body": "{a: 1}"}, "application/json", b"{a: 1}"),
    "json given as an object": ({"body": {"a": "${data.word}"}}, "application/json", b'{"a":"blue"}'),
    "raw": ({"bodyType": "raw", "body": "{ }"}, "text/plain", b"{ }"),
    "raw with a content type": (
        {"bodyType": "raw", "body": "<a/>", "headers": {"Content-Type": "application/xml"}},
        "application/xml",
        b"<a/>",
    ),
    "raw with a content type in lower case": (
        {"bodyType": "raw", "body": "<a/>", "headers": {"content-type": "application/xml"}},
        "application/xml",
        b"<a/>",
    ),
    "url-encoded": (
        {"bodyType": "url-encoded", "body": "a=1&b=x%20y"},
        "application/x-www-form-urlencoded",
        b"a=1&b=x%20y",
    ),
    "no body": ({}, None, b""),
    "empty body": ({"body": ""}, None, b""),
    "not ASCII": ({"bodyType": "raw", "body": "žluťoučký"}, "text/plain", "žluťoučký".encode()),
}  # fmt: skip


@pytest.mark.parametrize(("more", "content_type", "body"), BODIES.values(), ids=BODIES)
async def test_bodies(
    run_steps: RunSteps, api: Api, more: dict[str, Any], content_type: str | None, body: bytes
) -> None:
    outcome = await send(run_steps, request(f"{api.url}/echo", method="POST", **more), data={"word": "blue"})

    assert outcome.error is None
    assert api.last.header("Content-Type") == content_type
    assert api.last.body == body


@pytest.mark.parametrize(
    ("method", "body"), [("PUT", b"1"), ("PATCH", b"1"), ("DELETE", b"1"), ("GET", b""), ("HEAD", b"")]
)
async def test_methods_that_carry_a_body(run_steps: RunSteps, api: Api, method: str, body: bytes) -> None:
    await send(run_steps, request(f"{api.url}/echo", method=method, body="1"))

    assert api.last.body == body


async def test_a_form_of_fields_and_files(run_steps: RunSteps, api: Api, tmp_path: Path) -> None:
    (tmp_path / "números.csv").write_text("1;2", "utf-8")
    step = request(
        f"{api.url}/form",
        method="POST",
        bodyType="form-data",
        headers={"Content-Type": "application/json"},
        formFields=[
            {"key": "word", "value": "${data.word}", "type": "text"},
            {"key": "count", "value": 5},
            {"key": "other", "value": "x", "type": "file"},
        ],
        formFiles=[{"key": "table", "filePath": "${data.name}.csv"}],
    )
    outcome = await send(run_steps, step, data={"word": "modrá", "name": "números"})

    assert outcome.data["apiResponse"]["body"] == {
        "type": "multipart/form-data",
        "parts": [
            {"name": "word", "file": None, "type": None, "content": "modrá"},
            {"name": "count", "file": None, "type": None, "content": "5"},
            {"name": "table", "file": "números.csv", "type": "text/csv", "content": "1;2"},
        ],
    }


@pytest.mark.parametrize("body", ['{"a": "1", "b": 2}', "a=1&b=2"])
async def test_a_form_out_of_the_body(run_steps: RunSteps, api: Api, body: str) -> None:
    outcome = await send(
        run_steps, request(f"{api.url}/form", method="POST", bodyType="form-data", body=body)
    )

    parts = outcome.data["apiResponse"]["body"]["parts"]
    assert [(part["name"], part["content"]) for part in parts] == [("a", "1"), ("b", "2")]


async def test_form_fields_count_only_for_forms(run_steps: RunSteps, api: Api) -> None:
    await send(run_steps, request(f"{api.url}/echo", method="POST", formFields=[{"key": "a", "value": "1"}]))

    assert api.last.body == b""


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/echo/a b?q=ž&r=%2F+%20", "/echo/a%20b?q=%C5%BE&r=%2F+%20"),
        ("/echo?sig=a%2Bb%3D%3D#part", "/echo?sig=a%2Bb%3D%3D"),
        ("/echo/%7Euser?x={1}", "/echo/%7Euser?x=%7B1%7D"),
    ],
)
async def test_urls_go_out_as_they_are_written(run_steps: RunSteps, api: Api, path: str, target: str) -> None:
    await send(run_steps, request(f" {api.url}{path} "))

    assert api.last.target == target


async def test_name_and_password_in_the_url(run_steps: RunSteps, api: Api) -> None:
    await send(run_steps, request(f"{api.url}/echo".replace("//", "//ada:s%40cret@")))

    assert api.last.header("Authorization") == "Basic YWRhOnNAY3JldA=="


async def test_headers_of_another_client_do_no_harm(run_steps: RunSteps, api: Api) -> None:
    headers = {"content-length": "999", "Connection": "close", "Accept-Encoding": "gzip, br;q=0.9, zstd"}
    outcome = await send(run_steps, request(f"{api.url}/echo", method="POST", body="[1]", headers=headers))

    assert outcome.error is None
    assert api.last.header("Content-Length") == "3"
    assert api.last.header("Accept-Encoding") == "gzip"


# --- the response -----------------------------------------------------------------------------------------


async def test_the_stored_response(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, request(f"{api.url}/echo", contextKey="answer"))

    answer = outcome.data["answer"]
    assert set(answer) == {"status", "statusText", "headers", "body", "duration", "timestamp"}
    assert (answer["status"], answer["statusText"]) == (201, "Created")
    assert answer["headers"]["x-kind"] == "echo"
    assert answer["headers"]["set-cookie"] == "a=1, b=2"
    assert answer["body"]["method"] == "GET"
    assert answer["duration"] >= 0
    assert answer["timestamp"] <= outcome.end.timestamp
    assert "apiResponse" not in outcome.data


TEXTS: dict[str, tuple[str, object]] = {
    "JSON whatever the content type": ('is={"a": 1}', {"a": 1}),
    "a JSON number": ("is=5", 5),
    "text": ("is=hello", "hello"),
    "nothing": ("is=", ""),
    "not quite JSON": ("is={a: 1}", "{a: 1}"),
    "JavaScript's NaN is not JSON": ("is=NaN", "NaN"),
    "another charset": ("is=žluť&charset=iso-8859-2", "žluť"),
    "a byte-order mark": ("is=\ufeff[1]", [1]),
    "an unknown charset": ("is=abc&says=moon", "abc"),
    "broken UTF-8": ("is=é&charset=latin-1&says=utf-8", "\ufffd"),
    "an endless number": (f"is={'1' * 5000}", "1" * 5000),
    "much too deep": (f"is={'[' * 3000}", "[" * 3000),
}  # fmt: skip


@pytest.mark.parametrize(("query", "body"), TEXTS.values(), ids=TEXTS)
async def test_bodies_of_responses(run_steps: RunSteps, api: Api, query: str, body: object) -> None:
    outcome = await send(run_steps, request(f"{api.url}/text?{query}"))

    assert outcome.data["apiResponse"]["body"] == body


@pytest.mark.parametrize("status", [204, 404, 500])
async def test_every_status_counts_as_success(run_steps: RunSteps, api: Api, status: int) -> None:
    outcome = await send(run_steps, request(f"{api.url}/status/{status}"))

    assert outcome.status == "completed"
    assert outcome.data["apiResponse"]["status"] == status


async def test_redirects_are_followed(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(
        run_steps, request(f"{api.url}/redirect?code=307&to=/echo", method="POST", body="[1]")
    )

    assert outcome.data["apiResponse"]["status"] == 201
    assert (api.last.method, api.last.body) == ("POST", b"[1]")


async def test_cookies_are_not_kept(run_steps: RunSteps, api: Api) -> None:
    await send(run_steps, request(f"{api.url}/echo"), request(f"{api.url}/echo"))

    assert api.last.header("Cookie") is None


async def test_compressed_answers_are_read(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, request(f"{api.url}/zipped"))

    assert outcome.data["apiResponse"]["body"] == {"zipped": True}


async def test_certificates_are_checked(run_steps: RunSteps, certificate: ssl.SSLContext) -> None:
    async with serve_api(certificate) as secure:
        step = request(f"{secure.url}/echo")
        doubting = await send(run_steps, step)
        trusting = await send(run_steps, step, ignore_https_errors=True)
        curl = ("apiCurl", {"curlCommand": f"curl -k {secure.url}/echo"})
        insecure = await send(run_steps, curl)

    assert doubting.error is not None
    assert (doubting.error.code, doubting.error.retryable) == ("TLS_CERTIFICATE", True)
    assert trusting.data["apiResponse"]["status"] == 201
    assert insecure.data["apiResponse"]["status"] == 201


async def test_the_proxy_of_the_environment(
    run_steps: RunSteps, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", api.url)
    monkeypatch.setenv("no_proxy", "direct.invalid")
    through = await send(run_steps, request("http://example.invalid/echo?a=1"))
    direct = await send(run_steps, request("http://direct.invalid/echo"))
    own = await send(run_steps, request(f"{api.url}/echo/own"))

    assert through.data["apiResponse"]["status"] == 201
    assert api.received[0].target == "http://example.invalid/echo?a=1"
    assert direct.error is not None
    assert own.error is None
    assert api.last.target == "/echo/own"


# --- failures ---------------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no URL": ({"url": None}, "NODE_PROPERTY_INVALID", "Property 'url' is required"),
    "relative URL": ({"url": "/echo"}, "NODE_PROPERTY_INVALID", "must be an absolute address"),
    "other scheme": ({"url": "ftp://example.com"}, "NODE_PROPERTY_INVALID", "must be an absolute address"),
    "bad port": ({"url": "http://127.0.0.1:99999/"}, "NODE_PROPERTY_INVALID", "not a valid address"),
    "unknown method": ({"method": "FETCH"}, "NODE_PROPERTY_INVALID", "it can be: GET, POST"),
    "unknown body type": ({"bodyType": "xml"}, "NODE_PROPERTY_INVALID", "it can be: json, form-data"),
    "bad header": ({"headers": {"X-A": "a\r\nX-B: b"}}, "NODE_PROPERTY_INVALID", "cannot be sent"),
    "missing file": (
        {"method": "POST", "bodyType": "form-data", "formFiles": [{"key": "f", "filePath": "nope.txt"}]},
        "FILE_NOT_USABLE",
        "nope.txt",
    ),
    "too slow": ({"url": "BASE/slow", "timeout": 100}, "NODE_TIMEOUT", "within 100 ms"),
    "dropped": ({"url": "BASE/drops?times=9", "method": "POST"}, "HTTP_TRANSPORT", "POST http"),
    "unknown host": ({"url": "http://nowhere.invalid/"}, "HTTP_TRANSPORT", "nowhere.invalid"),
    "endless redirects": ({"url": "BASE/around"}, "HTTP_TRANSPORT", "more than 20 redirects"),
    "too large": ({"url": "BASE/large?mib=65"}, "HTTP_ANSWER_TOO_LARGE", "larger than 64 MiB"),
}  # fmt: skip


@pytest.mark.parametrize(("more", "code", "message"), FAILURES.values(), ids=FAILURES)
async def test_failures(run_steps: RunSteps, api: Api, more: dict[str, Any], code: str, message: str) -> None:
    values = orjson.loads(orjson.dumps({"url": f"{api.url}/echo", **more}).replace(b"BASE", api.url.encode()))
    earlier = {"status": 1}
    outcome = await send(
        run_steps, ("apiRequest", {**values, "failSilently": True}), data={"apiResponse": earlier}
    )

    error = outcome.node("n1").error
    assert error is not None
    assert (error.code, message in error.message) == (code, True), error.message
    assert outcome.data["apiResponse"] == earlier
    assert outcome.status == "completed"


async def test_nothing_listens(run_steps: RunSteps) -> None:
    outcome = await send(run_steps, request(refused_url()))

    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.retryable) == ("HTTP_TRANSPORT", True)


async def test_messages_show_no_password(run_steps: RunSteps) -> None:
    outcome = await send(run_steps, request(refused_url().replace("//", "//ada:topsecret@")))

    assert outcome.error is not None
    assert "topsecret" not in outcome.error.message


async def test_only_allowed_hosts_are_called(run_steps: RunSteps, api: Api) -> None:
    port = api.url.rsplit(":", 1)[1]
    elsewhere = f"{api.url}/redirect?to=http://localhost:{port}/echo"
    outcome = await send(run_steps, request(elsewhere), reachable_hosts=("127.0.0.*",))

    assert outcome.error is not None
    assert outcome.error.code == "NETWORK_REFUSED"
    assert "'localhost'" in outcome.error.message
    assert [received.target.split("?")[0] for received in api.received] == ["/redirect"]


# --- retries ----------------------------------------------------------------------------------------------

QUICK = {"retryEnabled": True, "retryDelay": 10}


async def test_a_lost_connection_is_tried_again(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, request(f"{api.url}/drops?times=2", method="POST", **QUICK, retryCount=2))

    assert outcome.data["apiResponse"]["body"] == {"attempt": 3}


async def test_a_status_is_not_tried_again(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(run_steps, request(f"{api.url}/job?after=9", **QUICK))

    assert outcome.data["apiResponse"]["status"] == 202
    assert api.attempts == 1


UNTIL: dict[str, dict[str, Any]] = {
    "status": {"type": "api-status", "expectedStatus": 200},
    "status as text": {"type": "api-status", "expectedStatus": "200"},
    "status by reference": {"type": "api-status", "expectedStatus": "${data.wanted}"},
    "path": {"type": "api-json-path", "jsonPath": "state", "expectedValue": "done"},
    "path by reference": {"type": "api-json-path", "jsonPath": "state", "expectedValue": "${data.state}"},
    "path, number": {"type": "api-json-path", "jsonPath": "seen.0", "expectedValue": 3},
    "contains": {
        "type": "api-json-path", "jsonPath": "state", "expectedValue": "on", "matchType": "contains",
    },
    "starts with": {
        "type": "api-json-path", "jsonPath": "state", "expectedValue": "do", "matchType": "startsWith",
    },
    "ends with": {
        "type": "api-json-path", "jsonPath": "state", "expectedValue": "one", "matchType": "endsWith",
    },
    "regex": {"type": "api-json-path", "jsonPath": "state", "expectedValue": "^d.*e$", "matchType": "regex"},
}  # fmt: skip


@pytest.mark.parametrize("condition", UNTIL.values(), ids=UNTIL)
async def test_until_a_condition_holds(run_steps: RunSteps, api: Api, condition: dict[str, Any]) -> None:
    step = request(f"{api.url}/job", **QUICK, retryStrategy="untilCondition", retryUntilCondition=condition)
    outcome = await send(run_steps, step, data={"wanted": 200, "state": "done"})

    assert outcome.error is None
    assert outcome.data["apiResponse"]["body"] == {"state": "done", "seen": [3]}


async def test_the_condition_has_a_key_of_its_own(run_steps: RunSteps, api: Api) -> None:
    condition = {"type": "api-status", "expectedStatus": 200, "contextKey": "job"}
    step = request(
        f"{api.url}/job",
        contextKey="job",
        **QUICK,
        retryStrategy="untilCondition",
        retryUntilCondition=condition,
    )
    outcome = await send(run_steps, step)

    assert outcome.data["job"]["status"] == 200
    assert api.attempts == 3


NEVER: dict[str, tuple[dict[str, Any], str, str]] = {
    "another status": ({"type": "api-status", "expectedStatus": 500}, "NODE_TIMEOUT", "api-status '500'"),
    "no such path": (
        {"type": "api-json-path", "jsonPath": "no.where", "expectedValue": "x"},
        "NODE_TIMEOUT",
        "api-json-path 'no.where', 'x'",
    ),
    "case differs": (
        {"type": "api-json-path", "jsonPath": "state", "expectedValue": "DONE"},
        "NODE_TIMEOUT",
        "api-json-path 'state', 'DONE'",
    ),
    "bad regex": (
        {"type": "api-json-path", "jsonPath": "state", "expectedValue": "(", "matchType": "regex"},
        "NODE_TIMEOUT",
        "not met",
    ),
    "no status": ({"type": "api-status"}, "NODE_PROPERTY_INVALID", "retryUntilCondition.expectedStatus"),
    "no path": (
        {"type": "api-json-path", "expectedValue": "x"},
        "NODE_PROPERTY_INVALID",
        "retryUntilCondition.jsonPath",
    ),
    "no value": (
        {"type": "api-json-path", "jsonPath": "state"},
        "NODE_PROPERTY_INVALID",
        "retryUntilCondition.expectedValue",
    ),
    "a page condition without a page": ({"type": "url", "value": "x"}, "PAGE_MISSING", "No page is open"),
}  # fmt: skip


@pytest.mark.parametrize(("condition", "code", "message"), NEVER.values(), ids=NEVER)
async def test_conditions_that_never_hold(
    run_steps: RunSteps, api: Api, condition: dict[str, Any], code: str, message: str
) -> None:
    step = request(
        f"{api.url}/job",
        **QUICK,
        retryStrategy="untilCondition",
        retryUntilCondition={"timeout": 80, **condition},
    )
    outcome = await send(run_steps, step)

    assert outcome.error is not None
    assert (outcome.error.code, message in outcome.error.message) == (code, True), outcome.error.message


async def test_a_failure_counts_as_success_when_the_condition_holds(run_steps: RunSteps) -> None:
    condition = {"type": "api-status", "expectedStatus": 200}
    step = request(refused_url(), **QUICK, retryStrategy="untilCondition", retryUntilCondition=condition)
    outcome = await send(run_steps, step, data={"apiResponse": {"status": 200}})

    assert outcome.error is None


# --- among other nodes ------------------------------------------------------------------------------------


async def test_verify_and_wait_look_at_the_response(run_steps: RunSteps, api: Api) -> None:
    outcome = await send(
        run_steps,
        request(f"{api.url}/echo"),
        ("verify", {"domain": "api", "verificationType": "status", "statusCode": 201}),
        ("verify", {"domain": "api", "verificationType": "header", "headerName": "X-KIND", "expectedValue": "ECHO"}),
        ("verify", {"domain": "api", "verificationType": "bodyPath", "jsonPath": "method", "expectedValue": "get"}),
        (
            "verify",
            {
                "domain": "api",
                "verificationType": "bodyValue",
                "expectedValue": '"method":"GET"',
                "matchType": "contains",
                "caseSensitive": True,
            },
        ),
        (
            "wait",
            {
                "waitType": "api-response",
                "value": "apiResponse",
                "apiWaitConfig": {"checkType": "body-path", "path": "method", "expectedValue": "GET"},
            },
        ),
    )  # fmt: skip

    assert outcome.error is None
    assert len(outcome.ran()) == 6 + len(["start"])


async def test_a_switch_branches_on_the_status(run_workflow: RunWorkflow, api: Api) -> None:
    condition = {"type": "api-status", "statusCode": 404}
    case = {"id": "case-1", "label": "Gone", "condition": condition}
    document = workflow(
        [
            node("start", "start"),
            node("ask", "apiRequest", url=f"{api.url}/status/404"),
            node("which", "switch.switch", cases=[case], defaultCase={"label": "There"}),
            node("gone", "stringValue", value="gone"),
            node("there", "stringValue", value="there"),
        ],
        [
            ("start", "ask"),
            ("ask", "which"),
            ("which", "gone", "case-1", "input"),
            ("which", "there", "default", "input"),
        ],
    )
    outcome = await run_workflow(document)

    assert outcome.data["switchOutputLabel"] == "Gone"
    assert outcome.data["value"] == "gone"


async def test_a_loop_asks_until_the_job_is_done(run_workflow: RunWorkflow, api: Api) -> None:
    waiting = {"type": "api-json-path", "jsonPath": "state", "expectedValue": "waiting"}
    document = workflow(
        [
            node("start", "start"),
            node("first", "apiRequest", url=f"{api.url}/job?after=4"),
            node("loop", "loop", mode="doWhile", condition=waiting),
            node("again", "apiRequest", url=f"{api.url}/job?after=4"),
        ],
        [("start", "first"), ("first", "loop"), ("loop", "again")],
    )
    outcome = await run_workflow(document)

    assert outcome.error is None
    assert api.attempts == 4
    assert outcome.data["apiResponse"]["body"]["state"] == "done"


async def test_a_loop_sends_each_item(run_workflow: RunWorkflow, api: Api) -> None:
    document = steps_document(
        (("loop", {"mode": "forEach", "arrayVariable": "names"}),
         request(f"{api.url}/echo", method="POST", body='{"name": "${variables.item}"}')),
        {"names": ["Ada", "Grace"]},
        open_browser=False,
    )  # fmt: skip
    await run_workflow(document)

    assert [received.body for received in api.received] == [b'{"name":"Ada"}', b'{"name":"Grace"}']


async def test_the_url_may_come_from_an_input(run_workflow: RunWorkflow, api: Api) -> None:
    document = workflow(
        [
            node("start", "start"),
            node("address", "stringValue", value=f"{api.url}/echo"),
            node("ask", "apiRequest", url=None, _inputConnections={"url": {"isInput": True}}),
        ],
        [("start", "address"), ("address", "ask"), ("address", "ask", "output", "url-input")],
    )
    outcome = await run_workflow(document)

    assert outcome.data["apiResponse"]["status"] == 201
