"""The nodes ``example.fillForm`` and ``example.scrollTo`` in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step

CENTRE = {
    "action": "getBoundingBox",
    "selector": "#far",
}
TALL = """data:text/html,<div style="height:3000px">top</div><p id="far" style="height:20px;margin:0">far</p>
<div style="height:3000px">bottom</div>"""


async def fill(run_steps: RunSteps, site_url: str, fields: object, *then: Step) -> Outcome:
    return await run_steps(
        ("navigation", {"action": "navigate", "url": f"{site_url}/action-form.html", "waitUntil": "load"}),
        ("example.fillForm", {"fields": fields}),
        *then,
    )


def value_of(selector: str, expected: str) -> Step:
    return (
        "verify",
        {
            "domain": "browser",
            "verificationType": "formField",
            "selector": selector,
            "expectedValue": expected,
            "timeout": 2000,
        },
    )


async def test_fields_are_filled_in_order(run_steps: RunSteps, site_url: str) -> None:
    outcome = await fill(
        run_steps,
        site_url,
        [
            {"selector": "#name", "value": "gone"},
            {"selector": "//*[@id='name']", "selectorType": "xpath", "value": "Ann"},
            {"selector": "#spied", "value": 42, "timeout": "2000"},
        ],
        value_of("#name", "Ann"),
        value_of("#spied", "42"),
    )

    assert outcome.error is None


async def test_nothing_is_interpolated(run_steps: RunSteps, site_url: str) -> None:
    outcome = await fill(
        run_steps,
        site_url,
        [{"selector": "#name", "value": "${data.executionId}"}],
        (
            "verify",
            {
                "domain": "browser",
                "verificationType": "formField",
                "selector": "#name",
                "matchType": "contains",
                "expectedValue": "executionId",
            },
        ),
    )

    assert outcome.error is None


async def test_a_field_without_a_selector_fails_before_anything_is_filled(
    run_steps: RunSteps, site_url: str
) -> None:
    outcome = await fill(run_steps, site_url, [{"selector": "#name", "value": "new"}, {"value": "x"}])

    assert outcome.error is not None
    assert "'fields.1.selector' is required" in outcome.error.message


async def test_a_field_that_is_not_there_fails_in_its_time(run_steps: RunSteps, site_url: str) -> None:
    outcome = await fill(run_steps, site_url, [{"selector": "#nowhere", "value": "x", "timeout": 100}])

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_fields_are_required(run_steps: RunSteps, site_url: str) -> None:
    outcome = await fill(run_steps, site_url, [])

    assert outcome.error is not None
    assert "needs at least one field" in outcome.error.message


async def scroll(run_steps: RunSteps, **values: Any) -> Outcome:
    return await run_steps(
        ("navigation", {"action": "navigate", "url": TALL, "waitUntil": "load"}),
        ("example.scrollTo", {"selector": "#far", **values}),
        ("elementQuery", CENTRE),
    )


@pytest.mark.parametrize(
    "values",
    [{}, {"behavior": "smooth"}, {"selector": "//p", "selectorType": "xpath"}],
    ids=["default", "smooth", "xpath"],
)
async def test_smooth_scrolling_brings_the_element_to_the_centre(
    values: dict[str, Any], run_steps: RunSteps
) -> None:
    outcome = await scroll(run_steps, **values)

    box = outcome.data["boundingBox"]
    assert abs(box["y"] + box["height"] / 2 - 360) < 20


async def test_plain_scrolling_brings_the_element_into_view(run_steps: RunSteps) -> None:
    outcome = await scroll(run_steps, behavior="auto")

    assert 0 <= outcome.data["boundingBox"]["y"] <= 700


async def test_the_selector_is_required(run_steps: RunSteps) -> None:
    outcome = await scroll(run_steps, selector=" ")

    assert outcome.error is not None
    assert "Property 'selector' is required" in outcome.error.message


async def test_an_element_that_is_not_there_fails_in_time(run_steps: RunSteps) -> None:
    outcome = await scroll(run_steps, selector="#nowhere", timeout=100)

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
