"""The node that calls a URL with retries of its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome
from tests.site.api import Api


async def call(run_steps: RunSteps, url: str, *, given: dict[str, Any] | None = None, **more: Any) -> Outcome:
    return await run_steps(("webhook", {"url": url, **more}), data=given, open_browser=False)


async def test_a_post_of_json_is_the_default(run_steps: RunSteps, api: Api) -> None:
    outcome = await call(
        run_steps,
        "${data.base}/echo",
        headers={"X-Word": "${data.word}"},
        body='{"word": "${data.word}"}',
        given={"base": api.url, "word": "blue"},
    )

    assert (api.last.method, api.last.body) == ("POST", b'{"word":"blue"}')
    assert api.last.header("Content-Type") == "application/json"
    assert api.last.header("X-Word") == "blue"
    result = outcome.data["webhookResult"]
    assert set(result) == {"status", "statusText", "headers", "body", "duration", "timestamp", "attempt"}
    assert (result["status"], result["attempt"]) == (201, 1)


@pytest.mark.parametrize(
    ("method", "body"), [("POST", b"x"), ("PUT", b"x"), ("PATCH", b"x"), ("DELETE", b"x"), ("GET", b"")]
)
async def test_methods(run_steps: RunSteps, api: Api, method: str, body: bytes) -> None:
    await call(run_steps, f"{api.url}/echo", method=method, bodyType="raw", body="x")

    assert (api.last.method, api.last.body) == (method, body)


async def test_a_form(run_steps: RunSteps, api: Api) -> None:
    outcome = await call(run_steps, f"{api.url}/form", bodyType="form-data", body="a=1&b=", contextKey="sent")

    parts = outcome.data["sent"]["body"]["parts"]
    assert [(part["name"], part["content"]) for part in parts] == [("a", "1"), ("b", "")]


async def test_a_lost_connection_is_tried_again(run_steps: RunSteps, api: Api) -> None:
    outcome = await call(run_steps, f"{api.url}/drops?times=2", retryEnabled=True, retryDelay=10)

    assert outcome.data["webhookResult"]["attempt"] == 3


async def test_the_number_of_retries(run_steps: RunSteps, api: Api) -> None:
    outcome = await call(
        run_steps, f"{api.url}/drops?times=9", retryEnabled=True, retryCount="1", retryDelay=10
    )

    assert outcome.error is not None
    assert outcome.error.code == "HTTP_TRANSPORT"
    assert api.attempts == 2
    assert "webhookResult" not in outcome.data


async def test_without_retries_there_is_one_attempt(run_steps: RunSteps, api: Api) -> None:
    outcome = await call(run_steps, f"{api.url}/drops?times=9", retryCount=5)

    assert outcome.status == "failed"
    assert api.attempts == 1


async def test_a_status_is_an_answer(run_steps: RunSteps, api: Api) -> None:
    outcome = await call(run_steps, f"{api.url}/status/503", retryEnabled=True)

    assert (outcome.data["webhookResult"]["status"], outcome.data["webhookResult"]["attempt"]) == (503, 1)


async def test_the_timeout(run_steps: RunSteps, api: Api) -> None:
    outcome = await call(run_steps, f"{api.url}/slow", timeout=50)

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_a_missing_url(run_steps: RunSteps) -> None:
    outcome = await call(run_steps, " ", retryEnabled=True)

    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
