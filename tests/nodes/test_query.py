"""The node ``elementQuery`` in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome

HIDDEN_BOX = {"x": 0, "y": 0, "width": 0, "height": 0}
ITEMS = ["One", "Two", "Three"]

READ: dict[str, tuple[dict[str, Any], str, object]] = {
    "text": ({"action": "getText", "selector": "#title"}, "text", "Hello World"),
    "no text": ({"action": "getText", "selector": "#name"}, "text", ""),
    "attribute": (
        {"action": "getAttribute", "selector": "#link", "attributeName": "href"},
        "attribute",
        "/target",
    ),
    "attribute by reference": (
        {"action": "getAttribute", "selector": "#${data.id}", "attributeName": "${data.attribute}"},
        "attribute",
        "/target",
    ),
    "missing attribute": (
        {"action": "getAttribute", "selector": "#link", "attributeName": "rel"},
        "attribute",
        None,
    ),
    "empty attribute": (
        {"action": "getAttribute", "selector": "#link", "attributeName": "data-empty"},
        "attribute",
        None,
    ),
    "count": ({"action": "getCount", "selector": ".item"}, "count", 3),
    "count of none": ({"action": "getCount", "selector": ".nothing"}, "count", 0),
    "visible": ({"action": "isVisible", "selector": "#title"}, "isVisible", True),
    "visible later": ({"action": "isVisible", "selector": "#late"}, "isVisible", True),
    "not visible": ({"action": "isVisible", "selector": "#hidden", "timeout": 100}, "isVisible", False),
    "absent is not visible": (
        {"action": "isVisible", "selector": "#nowhere", "timeout": 100},
        "isVisible",
        False,
    ),
    "several are not visible": ({"action": "isVisible", "selector": ".item"}, "isVisible", False),
    "nothing that says it is not visible": (
        {"action": "isVisible", "selector": "Nowhere", "selectorType": "text", "timeout": 100},
        "isVisible",
        False,
    ),
    "enabled": ({"action": "isEnabled", "selector": "#on"}, "isEnabled", True),
    "disabled": ({"action": "isEnabled", "selector": "#off"}, "isEnabled", False),
    "absent is not enabled": (
        {"action": "isEnabled", "selector": "#nowhere", "timeout": 100},
        "isEnabled",
        False,
    ),
    "checked": ({"action": "isChecked", "selector": "#agree"}, "isChecked", True),
    "unchecked": ({"action": "isChecked", "selector": "#refuse"}, "isChecked", False),
    "a title is not checked": ({"action": "isChecked", "selector": "#title"}, "isChecked", False),
    "no bounding box": ({"action": "getBoundingBox", "selector": "#hidden"}, "boundingBox", HIDDEN_BOX),
    "all texts": ({"action": "getAllText", "selector": ".item"}, "text", ITEMS),
    "no texts": ({"action": "getAllText", "selector": ".nothing"}, "text", []),
    "own variable": ({"action": "getCount", "selector": ".item", "outputVariable": "items"}, "items", 3),
    "contextKey is ignored": ({"action": "getCount", "selector": ".item", "contextKey": "items"}, "count", 3),
}


async def read(run_steps: RunSteps, site_url: str, data: dict[str, Any]) -> Outcome:
    return await run_steps(
        ("navigation", {"action": "navigate", "url": f"{site_url}/logic.html", "waitUntil": "load"}),
        ("elementQuery", {"timeout": 5000, **data}),
        data={"id": "link", "attribute": "href"},
    )


@pytest.mark.parametrize(("data", "key", "expected"), READ.values(), ids=READ)
async def test_what_is_read_and_where_it_goes(
    run_steps: RunSteps, site_url: str, *, data: dict[str, Any], key: str, expected: object
) -> None:
    outcome = await read(run_steps, site_url, data)
    assert outcome.error is None
    assert outcome.data[key] == expected


async def test_bounding_box(run_steps: RunSteps, site_url: str) -> None:
    outcome = await read(run_steps, site_url, {"action": "getBoundingBox", "selector": "#title"})
    box = outcome.data["boundingBox"]
    assert box["width"] > 0
    assert box["height"] > 0
    assert set(box) == {"x", "y", "width", "height"}


FAILING: dict[str, tuple[dict[str, Any], str, str]] = {
    "no action": ({"selector": "#title"}, "NODE_PROPERTY_INVALID", "'action' is required"),
    "unknown action": (
        {"action": "smell"},
        "NODE_PROPERTY_INVALID",
        "unknown value 'smell'; it can be: getText",
    ),
    "no selector": ({"action": "getText"}, "NODE_PROPERTY_INVALID", "'selector' is required"),
    "no selector to count": ({"action": "getCount"}, "NODE_PROPERTY_INVALID", "'selector' is required"),
    "no selector to see": ({"action": "isVisible"}, "NODE_PROPERTY_INVALID", "'selector' is required"),
    "no attribute name": (
        {"action": "getAttribute", "selector": "#link"},
        "NODE_PROPERTY_INVALID",
        "'attributeName' is required",
    ),
    "bad selector is no answer": (
        {"action": "isVisible", "selector": "Sign in", "selectorType": "getByText"},
        "SELECTOR_INVALID",
        "'text:Welcome'",
    ),
    "absent": ({"action": "getText", "selector": "#nowhere", "timeout": 100}, "NODE_TIMEOUT", "#nowhere"),
    "several": ({"action": "getText", "selector": ".item"}, "BROWSER_CALL_FAILED", "strict mode violation"),
}


@pytest.mark.parametrize(("data", "code", "message"), FAILING.values(), ids=FAILING)
async def test_what_cannot_be_read(
    run_steps: RunSteps, site_url: str, *, data: dict[str, Any], code: str, message: str
) -> None:
    outcome = await read(run_steps, site_url, data)
    assert outcome.error is not None
    assert outcome.error.code == code
    assert message in outcome.error.message


async def test_legacy_get_text(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        ("navigate", {"url": f"{site_url}/logic.html", "waitUntil": "load"}),
        ("getText", {"selector": "#title"}),
    )
    assert outcome.error is None
    assert outcome.data["text"] == "Hello World"
