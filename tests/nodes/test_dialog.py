"""``dialog``: answering dialogs that the page opens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step

pytestmark = pytest.mark.browser


def answer(action: str, **data: Any) -> Step:
    return ("dialog", {"action": action, "timeout": 5000, **data})


def click(name: str) -> Step:
    return ("action", {"action": "click", "selector": f"#{name}"})


READ: Step = (
    "elementQuery",
    {"action": "getText", "selector": "#answer:not(:text-is('nothing'))", "outputVariable": "answer"},
)


def page(site_url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": f"{site_url}/browser-dialogs.html"})


def said(outcome: Outcome) -> Any:
    assert outcome.status == "completed", outcome.error
    return outcome.data["answer"]


@pytest.mark.parametrize(
    ("button", "step", "text"),
    [
        ("alert", answer("accept"), "alert closed"),
        ("alert", answer("dismiss"), "alert closed"),
        ("confirm", answer("accept"), "deleted"),
        ("confirm", answer("dismiss"), "kept"),
        ("confirm", answer("accept", message="Delete order ${data.order}?"), "deleted"),
        ("prompt", answer("prompt", inputText="Ada ${data.order}"), "name: Ada 17"),
        ("prompt", answer("prompt", inputText=""), "name: "),
        ("prompt", answer("accept"), "name: "),
        ("prompt", answer("dismiss"), "name: null"),
        ("later", answer("accept"), "yes"),
    ],
)
async def test_a_dialog_of_the_preceding_node_is_answered(
    run_steps: RunSteps, site_url: str, button: str, step: Step, text: str
) -> None:
    outcome = await run_steps(page(site_url), click(button), step, READ, data={"order": 17})
    assert said(outcome) == text


async def test_two_dialogs_are_answered_in_their_order(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url),
        click("twice"),
        answer("accept", message="First"),
        answer("accept", message="Second"),
        READ,
    )
    assert said(outcome) == "both closed"


@pytest.mark.parametrize("pattern", [None, "order \\d+", "/^Delete order (\\d+)\\?$/"])
async def test_waiting_leaves_the_dialog_to_the_next_node(
    run_steps: RunSteps, site_url: str, pattern: str | None
) -> None:
    outcome = await run_steps(
        page(site_url),
        click("confirm"),
        answer("waitForDialog", message=pattern),
        answer("waitForDialog", outputVariable="again"),
        answer("accept", message="Delete order 17?"),
        READ,
    )
    assert said(outcome) == "deleted"
    assert outcome.data["dialogMessage"] == outcome.data["again"] == "Delete order 17?"


@pytest.mark.parametrize(
    "step", [answer("accept", message="Delete order 18?"), answer("waitForDialog", message="/order 18/")]
)
async def test_another_text_dismisses_the_dialog_and_fails(
    run_steps: RunSteps, site_url: str, step: Step
) -> None:
    kind, data = step
    outcome = await run_steps(page(site_url), click("confirm"), (kind, {**data, "failSilently": True}), READ)
    assert said(outcome) == "kept"
    error = outcome.node("n3").error
    assert error is not None
    assert error.code == "DIALOG_UNEXPECTED"
    assert "order 18" in error.message
    assert "got 'Delete order 17?'" in error.message


async def test_no_dialog_in_time_fails(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(page(site_url), answer("accept", timeout=50))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
    assert "No dialog was opened within 50 ms" in outcome.error.message


async def test_a_late_dialog_is_met_by_a_retry(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url),
        click("later"),
        answer("accept", timeout=20, retryEnabled=True, retryCount=2_000, retryDelay=10),
        READ,
    )
    assert said(outcome) == "yes"


async def test_a_dialog_that_nobody_answers_is_dismissed(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url), click("confirm"), answer("waitForDialog"), READ, click("alert"), answer("accept")
    )
    assert said(outcome) == "kept"
    assert any("dismissed" in line for line in outcome.log)


async def test_a_workflow_may_end_with_an_open_dialog(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(page(site_url), click("confirm"), answer("waitForDialog"))
    assert outcome.status == "completed"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "'action' is required"),
        ({"action": "ignore"}, "'action' has the unknown value 'ignore'"),
        ({"action": "prompt"}, "'inputText' is required"),
        ({"action": "waitForDialog", "message": "(open"}, "invalid regular expression '(open'"),
    ],
)
async def test_what_is_missing_or_unknown_is_named(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(page(site_url), ("dialog", data))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert message in outcome.error.message


async def test_a_dialog_node_needs_a_page(run_steps: RunSteps) -> None:
    outcome = await run_steps(answer("accept"), open_browser=False)
    assert outcome.error is not None
    assert outcome.error.code == "PAGE_MISSING"
