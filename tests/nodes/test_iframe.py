"""``iframe``: working inside frames and coming back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step

pytestmark = pytest.mark.browser


def frame(action: str, **data: Any) -> Step:
    return ("iframe", {"action": action, "timeout": 5000, **data})


def page(site_url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": f"{site_url}/browser-frames.html"})


def title(variable: str) -> Step:
    return ("elementQuery", {"action": "getText", "selector": "#title", "outputVariable": variable})


PRESS: Step = ("action", {"action": "click", "selector": "#here"})


def titles(outcome: Outcome, *names: str) -> list[Any]:
    assert outcome.status == "completed", outcome.error
    return [outcome.data[name] for name in names]


@pytest.mark.parametrize(
    ("where", "part"),
    [
        ({"selector": "#chat"}, "chat"),
        ({"selector": "//iframe[@name='chat-frame']", "selectorType": "xpath"}, "chat"),
        ({"selector": "iframe", "selectorModifiers": {"nth": 0}}, "payment"),
        ({"name": "${data.who}-frame"}, "chat"),
        ({"url": "part=${data.who}"}, "chat"),
        ({"url": "/part=pay.*/"}, "payment"),
        ({"name": "late-frame"}, "late"),
        ({"selector": "[name=late-frame]"}, "late"),
        ({}, "payment"),
    ],
)
async def test_later_nodes_act_inside_the_frame(
    run_steps: RunSteps, site_url: str, where: dict[str, Any], part: str
) -> None:
    outcome = await run_steps(
        page(site_url), frame("switchToIframe", **where), title("inside"), data={"who": "chat"}
    )
    assert titles(outcome, "inside") == [f"Inner {part}"]
    assert outcome.data["iframePage"] == f"<frame {site_url}/browser-frame-inner.html?part={part}>"


async def test_switching_back_acts_on_the_page_again(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url),
        frame("switchToIframe", selector="#payment", contextKey="payment"),
        PRESS,
        title("inside"),
        frame("switchToMainFrame", contextKey="payment"),
        title("before"),
        PRESS,
        title("after"),
    )
    assert titles(outcome, "inside", "before", "after") == ["Inner pressed", "Outer page", "Outer pressed"]
    assert "payment" not in outcome.data


async def test_frames_in_frames(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url),
        frame("switchToIframe", selector="#payment"),
        frame("switchToIframe", selector="#deeper"),
        title("deepest"),
        frame("switchToMainFrame"),
        frame("switchToIframe", selector="#chat"),
        frame("switchToIframe"),
        title("first child"),
    )
    assert titles(outcome, "deepest", "first child") == ["Deepest page", "Deepest page"]


async def test_going_to_another_page_leaves_the_frame(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url), frame("switchToIframe", selector="#payment"), page(site_url), title("title")
    )
    assert titles(outcome, "title") == ["Outer page"]


@pytest.mark.parametrize("content", ["#title", "//h1"])
async def test_text_is_read_from_a_frame_without_switching(
    run_steps: RunSteps, site_url: str, content: str
) -> None:
    outcome = await run_steps(
        page(site_url),
        frame("getIframeContent", iframeSelector="#${data.who}", contentSelector=content),
        frame("getIframeContent", iframeSelector="#payment", contentSelector=content, outputVariable="other"),
        title("outside"),
        data={"who": "chat"},
    )
    assert titles(outcome, "iframeContent", "other", "outside") == [
        "Inner chat",
        "Inner payment",
        "Outer page",
    ]


@pytest.mark.parametrize(
    ("where", "code", "message"),
    [
        ({"selector": "#nowhere"}, "NODE_TIMEOUT", "#nowhere"),
        ({"selector": "#no-frame"}, "ELEMENT_NOT_USABLE", "'#no-frame' is not an iframe"),
        ({"name": "nowhere"}, "NODE_TIMEOUT", "No frame named 'nowhere'"),
        ({"url": "/nowhere/"}, "NODE_TIMEOUT", "No frame with a URL matching '/nowhere/'"),
        ({"url": "("}, "NODE_PROPERTY_INVALID", "invalid regular expression '('"),
    ],
)
async def test_a_frame_that_is_not_there_fails(
    run_steps: RunSteps, site_url: str, where: dict[str, Any], code: str, message: str
) -> None:
    patience = {"timeout": 400} if code == "NODE_TIMEOUT" else {}
    outcome = await run_steps(page(site_url), frame("switchToIframe", **patience, **where))
    assert outcome.error is not None
    assert outcome.error.code == code
    assert message in outcome.error.message


async def test_a_page_without_frames_fails(run_steps: RunSteps) -> None:
    outcome = await run_steps(frame("switchToIframe", timeout=50))
    assert outcome.error is not None
    assert "No frame in the page appeared within 50 ms" in outcome.error.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "'action' is required"),
        ({"action": "leave"}, "'action' has the unknown value 'leave'"),
        ({"action": "getIframeContent", "contentSelector": "p"}, "'iframeSelector'"),
        ({"action": "getIframeContent", "iframeSelector": "#chat"}, "'contentSelector'"),
    ],
)
async def test_what_is_missing_or_unknown_is_named(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(page(site_url), ("iframe", data))
    assert outcome.error is not None
    assert message in outcome.error.message


async def test_a_retry_meets_a_late_frame(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url),
        frame(
            "switchToIframe",
            name="late-frame",
            timeout=20,
            retryEnabled=True,
            retryCount=2_000,
            retryDelay=10,
        ),
        title("inside"),
    )
    assert titles(outcome, "inside") == ["Inner late"]
