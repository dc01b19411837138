"""The wait block around an operation, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Step

WAITS = {
    "element": {"waitForSelector": "#late"},
    "element by role": {"waitForSelector": "role:button,name:Late", "waitForSelectorType": "getByRole"},
    "element with a modifier": {
        "waitForSelector": "button",
        "waitForSelectorModifiers": {"filterText": "late"},
    },
    "condition": {"waitForCondition": "window.ready"},
    "condition as a function": {"waitForCondition": "() => document.querySelector('#late') !== null"},
    "condition with a reference": {"waitForCondition": "document.title === '${data.title}' && window.ready"},
    "all at once": {
        "waitForSelector": "#late",
        "waitForCondition": "window.ready",
        "waitForUrl": "late.html",
    },
    "one after the other": {
        "waitForSelector": "#late",
        "waitForCondition": "window.ready",
        "waitForUrl": "late.html",
        "waitStrategy": "sequential",
    },
}


def late_page(site_url: str, query: str = "") -> Step:
    url = f"{site_url}/action-late.html{query}"
    return ("navigation", {"action": "navigate", "url": url, "waitUntil": "load"})


def count(**waits: Any) -> Step:
    """Count the element that appears late: without waiting there is none."""
    return ("elementQuery", {"action": "getCount", "selector": "#late", **waits})


async def test_without_waits_nothing_waits(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(late_page(site_url, "?after=60000"), count())
    assert outcome.data["count"] == 0


@pytest.mark.parametrize("waits", WAITS.values(), ids=WAITS)
async def test_the_operation_comes_after_the_wait(
    run_steps: RunSteps, site_url: str, waits: dict[str, Any]
) -> None:
    outcome = await run_steps(late_page(site_url), count(**waits), data={"title": "Late"})
    assert outcome.error is None
    assert outcome.data["count"] == 1


async def test_a_wait_after_the_operation(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        late_page(site_url, "?after=60000"),
        count(waitForCondition="appear()", waitAfterOperation=True, outputVariable="first"),
        count(),
    )
    assert outcome.error is None
    assert (outcome.data["first"], outcome.data["count"]) == (0, 1)


@pytest.mark.parametrize("pattern", ["arrived=yes", r"/arrived=\w+$/"])
async def test_the_url_after_a_click(run_steps: RunSteps, site_url: str, pattern: str) -> None:
    click = {"action": "click", "selector": "#go", "waitForUrl": pattern, "waitAfterOperation": True}
    outcome = await run_steps(
        late_page(site_url),
        ("action", click),
        ("verify", {"domain": "browser", "verificationType": "url", "urlPattern": "arrived=yes"}),
    )
    assert outcome.error is None


FAILING = {
    "element": (
        {"waitForSelector": "#never", "waitForSelectorTimeout": 200},
        "Waited 200 ms in vain for '#never' to become visible",
    ),
    "url": ({"waitForUrl": "never", "waitForUrlTimeout": 200}, "Waited 200 ms in vain for a loaded page"),
    "condition": (
        {"waitForCondition": "false", "waitForConditionTimeout": 200},
        "Waited 200 ms in vain for the condition 'false'",
    ),
    "the node's timeout counts for all": (
        {"waitForCondition": "false", "timeout": 200},
        "Waited 200 ms in vain",
    ),
    "the first failure wins": (
        {"waitForSelector": "#never", "waitForCondition": "false", "waitForConditionTimeout": 200},
        "Waited 200 ms in vain for the condition 'false'",
    ),
    "in sequence the element comes first": (
        {
            "waitForSelector": "#never",
            "waitForSelectorTimeout": 300,
            "waitForCondition": "false",
            "waitForConditionTimeout": 100,
            "waitStrategy": "sequential",
        },
        "Waited 300 ms in vain for '#never'",
    ),
}


@pytest.mark.parametrize(("waits", "message"), FAILING.values(), ids=FAILING)
async def test_a_wait_in_vain_fails_the_node(
    run_steps: RunSteps, site_url: str, waits: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(late_page(site_url), count(**waits))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
    assert message in outcome.error.message
    assert "count" not in outcome.data


async def test_with_fail_silently_the_operation_goes_on(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        late_page(site_url), count(waitForSelector="#never", waitForSelectorTimeout=200, failSilently=True)
    )
    assert outcome.node("n2").status == "completed"
    assert "count" in outcome.data
    assert any("Going on after a failed wait" in line for line in outcome.log)


async def test_an_invalid_url_pattern_is_a_wrong_property(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(late_page(site_url), count(waitForUrl="/(/"))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert "'waitForUrl'" in outcome.error.message


async def test_a_condition_that_throws_fails_at_once(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(late_page(site_url), count(waitForCondition="nobody.knows"))
    assert outcome.error is not None
    assert "nobody is not defined" in outcome.error.message
