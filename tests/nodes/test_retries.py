"""The retry block: how often, how long, and until when an operation is tried."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from nodes.blocks import RetryBlock
from nodes.retries import delays, is_truthy
from tests.conftest import RunSteps
from tests.nodes.test_waits import late_page
from tests.running import Step

QUICK = {"retryEnabled": True, "retryDelay": 50}


def press(**more: Any) -> Step:
    return ("action", {"action": "click", "selector": "#third", "timeout": 1000, **QUICK, **more})


def click_late(**more: Any) -> Step:
    """Click the element that appears late, with a timeout that is too short for a single attempt."""
    return ("action", {"action": "click", "selector": "#late", "timeout": 60, **more})


def presses() -> Step:
    return ("elementQuery", {"action": "getText", "selector": "#count"})


async def test_without_retries_the_first_failure_counts(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(late_page(site_url, "?after=60000"), click_late())
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


@pytest.mark.parametrize("count", [20, "20", "${data.count}", 20.0])
async def test_count_tries_again_until_it_works(run_steps: RunSteps, site_url: str, count: object) -> None:
    step = click_late(**QUICK, retryCount=count)
    outcome = await run_steps(late_page(site_url), step, data={"count": 20})
    assert outcome.error is None
    assert outcome.status == "completed"


async def test_count_gives_up_with_the_last_error(run_steps: RunSteps, site_url: str) -> None:
    step = ("action", {"action": "click", "selector": "#never", "timeout": 50, **QUICK, "retryCount": 2})
    outcome = await run_steps(late_page(site_url), step)
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
    retries = [line.split(":")[0] for line in outcome.log if line.startswith("Retry")]
    assert retries == ["Retry 1 of 2 in 0.05 s", "Retry 2 of 2 in 0.05 s"]


async def test_waits_are_part_of_each_attempt(run_steps: RunSteps, site_url: str) -> None:
    step = press(retryCount=5, waitForSelector="#done", waitForSelectorTimeout=60, waitAfterOperation=True)
    outcome = await run_steps(late_page(site_url), step, presses())
    assert outcome.error is None
    assert outcome.data["text"] == "3"


async def test_what_cannot_change_is_not_tried_again(run_steps: RunSteps, site_url: str) -> None:
    step = press(retryCount=5, selector="Third", selectorType="getByText")
    outcome = await run_steps(late_page(site_url), step)
    assert outcome.error is not None
    assert outcome.error.code == "SELECTOR_INVALID"
    assert not any(line.startswith("Retry") for line in outcome.log)


UNTIL = {
    "element": {"type": "selector", "value": "#done"},
    "element by type": {"type": "selector", "value": "text:done", "selectorType": "getByText"},
    "element found by what it says": {"type": "selector", "value": "done", "selectorType": "text"},
    "no element": {"type": "selector", "value": "#state", "visibility": "invisible"},
    "url": {"type": "url", "value": "done=1"},
    "url by regex": {"type": "url", "value": "/done=\\d/"},
    "script": {"type": "javascript", "value": "document.querySelector('#done')"},
    "script with an empty array, which is true": {"type": "javascript", "value": "window.list"},
    "script as a function": {"type": "javascript", "value": "() => tries >= 3"},
}


@pytest.mark.parametrize("condition", UNTIL.values(), ids=UNTIL)
async def test_until_condition_repeats_what_works(
    run_steps: RunSteps, site_url: str, condition: dict[str, Any]
) -> None:
    step = press(retryStrategy="untilCondition", retryUntilCondition={**condition, "timeout": 5000})
    outcome = await run_steps(late_page(site_url), step, presses())
    assert outcome.error is None
    assert outcome.data["text"] == "3"


async def test_until_condition_forgives_a_failure_when_it_holds(run_steps: RunSteps, site_url: str) -> None:
    read = {"action": "getText", "selector": "#never", "timeout": 50}
    until = {"retryStrategy": "untilCondition", "retryUntilCondition": {"type": "url", "value": "late"}}
    outcome = await run_steps(late_page(site_url), ("elementQuery", {**read, **QUICK, **until}))
    assert outcome.error is None
    assert "text" not in outcome.data


GIVEN_UP = {
    "never met": (
        {"type": "url", "value": "never"},
        {},
        "Retry condition not met within 200 ms: url 'never'",
    ),
    "a script that throws": ({"type": "javascript", "value": "nobody.knows"}, {}, "Retry condition not met"),
    "the operation's own error": (
        {"type": "url", "value": "never"},
        {"selector": "#never", "timeout": 60},
        "#never",
    ),
}


@pytest.mark.parametrize(("condition", "more", "message"), GIVEN_UP.values(), ids=GIVEN_UP)
async def test_until_condition_gives_up(
    run_steps: RunSteps, site_url: str, condition: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    given = {**condition, "timeout": "${data.limit}"}
    step = press(retryStrategy="untilCondition", retryUntilCondition=given, **{"timeout": 2000, **more})
    outcome = await run_steps(late_page(site_url), step, data={"limit": 200})
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
    assert message in outcome.error.message


WRONG = {
    "strategy": ({"retryStrategy": "always"}, "NODE_PROPERTY_INVALID", "it can be: count, untilCondition"),
    "no condition": ({"retryStrategy": "untilCondition"}, "NODE_PROPERTY_INVALID", "'retryUntilCondition'"),
    "unknown condition": (
        {"retryStrategy": "untilCondition", "retryUntilCondition": {"type": "moon", "value": "full"}},
        "NODE_PROPERTY_INVALID",
        "it can be: selector, url, javascript",
    ),
    "no value": (
        {"retryStrategy": "untilCondition", "retryUntilCondition": {"type": "url"}},
        "NODE_PROPERTY_INVALID",
        "'retryUntilCondition.value'",
    ),
    "wrong kind of value": (
        {"retryStrategy": "untilCondition", "retryUntilCondition": {"type": "url", "value": 5}},
        "NODE_PROPERTY_INVALID",
        "'retryUntilCondition'",
    ),
    "a response without a status": (
        {"retryStrategy": "untilCondition", "retryUntilCondition": {"type": "api-status"}},
        "NODE_PROPERTY_INVALID",
        "'retryUntilCondition.expectedStatus'",
    ),
}


@pytest.mark.parametrize(("more", "code", "message"), WRONG.values(), ids=WRONG)
async def test_a_wrong_block_fails_before_the_first_attempt(
    run_steps: RunSteps, site_url: str, more: dict[str, Any], code: str, message: str
) -> None:
    outcome = await run_steps(late_page(site_url), press(**more, failSilently=True), presses())
    error = outcome.node("n2").error
    assert error is not None
    assert error.code == code
    assert message in error.message
    assert outcome.data["text"] == "0"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, [1, 1, 1]),
        ({"retryDelay": "250"}, [0.25, 0.25, 0.25]),
        ({"retryDelay": 0}, [1, 1, 1]),
        ({"retryDelay": "soon"}, [1, 1, 1]),
        ({"retryDelayStrategy": "exponential"}, [1, 2, 4]),
        ({"retryDelayStrategy": "exponential", "retryMaxDelay": 3000}, [1, 2, 3]),
        ({"retryDelayStrategy": "fixed", "retryMaxDelay": 500}, [1, 1, 1]),
        ({"retryDelay": -5}, [0, 0, 0]),
    ],
)
def test_delays(values: dict[str, object], expected: list[float]) -> None:
    assert list(islice(delays(RetryBlock.read(values)), 3)) == expected


def test_exponential_delays_never_overflow() -> None:
    block = RetryBlock.read({"retryDelayStrategy": "exponential", "retryMaxDelay": 10_000})
    assert next(islice(delays(block), 5000, None)) == 10


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", float("nan")])
def test_false_in_javascript(value: object) -> None:
    assert not is_truthy(value)


@pytest.mark.parametrize("value", [True, 1, -0.5, "0", " ", [], {}])
def test_true_in_javascript(value: object) -> None:
    assert is_truthy(value)
