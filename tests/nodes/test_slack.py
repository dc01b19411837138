"""The node that posts to Slack; a local server stands where Slack would."""

from __future__ import annotations

import socket
from typing import Any

import orjson
import pytest

from tests.conftest import RunSteps
from tests.running import Outcome
from tests.site.api import Api


async def post(run_steps: RunSteps, url: str, *, given: dict[str, Any] | None = None, **more: Any) -> Outcome:
    return await run_steps(("slack", {"webhookUrl": url, **more}), data=given, open_browser=False)


async def test_everything_given_is_sent(run_steps: RunSteps, api: Api) -> None:
    outcome = await post(
        run_steps,
        "${data.base}/echo",
        message="Hello ${data.name}",
        channel="#${data.name}",
        username="Bot ${data.name}",
        iconEmoji=":${data.name}:",
        blocks='[{"type": "section", "text": {"type": "plain_text", "text": "${data.name}"}}]',
        given={"base": api.url, "name": "ada"},
    )

    assert (api.last.method, api.last.header("Content-Type")) == ("POST", "application/json")
    assert orjson.loads(api.last.body) == {
        "text": "Hello ada",
        "channel": "#ada",
        "username": "Bot ada",
        "icon_emoji": ":ada:",
        "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "ada"}}],
    }
    result = outcome.data["slackResult"]
    assert set(result) == {"status", "statusText", "body", "duration", "timestamp"}
    assert result["status"] == 201


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({"message": "Hi", "channel": ""}, {"text": "Hi"}),
        ({"blocks": [{"type": "divider"}]}, {"blocks": [{"type": "divider"}]}),
        ({"message": "Žluť „quoted“ \\ \n"}, {"text": "Žluť „quoted“ \\ \n"}),
    ],
)
async def test_only_what_is_given_is_sent(
    run_steps: RunSteps, api: Api, more: dict[str, Any], sent: dict[str, Any]
) -> None:
    await post(run_steps, f"{api.url}/echo", **more)

    assert orjson.loads(api.last.body) == sent


async def test_a_refusal_is_stored(run_steps: RunSteps, api: Api) -> None:
    outcome = await post(run_steps, f"{api.url}/status/404", message="Hi", contextKey="posted")

    assert outcome.status == "completed"
    assert outcome.data["posted"]["status"] == 404


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"webhookUrl": None, "message": "Hi"}, "Property 'webhookUrl' is required"),
        ({}, "Property 'message' or 'blocks' is required"),
        ({"blocks": "[{]"}, "Property 'blocks' is not valid JSON"),
    ],
)
async def test_what_cannot_be_sent(run_steps: RunSteps, api: Api, more: dict[str, Any], message: str) -> None:
    outcome = await run_steps(("slack", {"webhookUrl": f"{api.url}/echo", **more}), open_browser=False)

    assert outcome.error is not None
    assert message in outcome.error.message
    assert api.received == []


async def test_the_timeout(run_steps: RunSteps, api: Api) -> None:
    outcome = await post(run_steps, f"{api.url}/slow", message="Hi", timeout=50)

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_messages_do_not_show_the_address(run_steps: RunSteps) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/services/T0/B0/topsecret"
    outcome = await post(run_steps, url, message="Hi")

    assert outcome.error is not None
    assert outcome.error.code == "HTTP_TRANSPORT"
    assert "topsecret" not in outcome.error.message
