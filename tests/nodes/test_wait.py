"""The wait node."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Step

STORED = {
    "apiResponse": {
        "status": 201,
        "headers": {"x-request-id": "42"},
        "body": {"state": "Done", "list": [1, 2]},
    },
    "selector": "#late",
}

LOOKS: dict[str, dict[str, Any]] = {
    "status": {"checkType": "status", "expectedValue": 201, "contextKey": "apiResponse"},
    "header": {
        "checkType": "header",
        "path": "X-Request-Id",
        "expectedValue": "42",
        "contextKey": "apiResponse",
    },
    "body path": {"checkType": "body-path", "path": "state", "expectedValue": "Done"},
    "body value": {"checkType": "body-path", "path": "list.1", "expectedValue": 2, "matchType": "equals"},
    "regex": {"checkType": "body-path", "path": "state", "expectedValue": "^D.+e$", "matchType": "regex"},
}

BAD_LOOKS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no config": (None, "Property 'apiWaitConfig' is required"),
    "other status": (
        {"checkType": "status", "expectedValue": 200},
        "should match '200' (equals), but is 201",
    ),
    "case counts": (
        {"checkType": "body-path", "path": "state", "expectedValue": "done"},
        "should match 'done'",
    ),
    "no such path": (
        {"checkType": "body-path", "path": "nope", "expectedValue": "x"},
        "has no body value 'nope'",
    ),
    "no such header": ({"checkType": "header", "path": "nope", "expectedValue": "x"}, "has no header 'nope'"),
    "no response": ({"checkType": "status", "expectedValue": 1, "contextKey": "nope"}, "data key 'nope'"),
    "unknown check": ({"checkType": "moon", "expectedValue": 1}, "it can be: status, header"),
    "bad regex": (
        {"checkType": "status", "expectedValue": "(", "matchType": "regex"},
        "should match '(' (regex)",
    ),
}


def visit(site_url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": f"{site_url}/logic.html", "waitUntil": "load"})


@pytest.mark.parametrize("value", [1, "1", "5ms", 0])
async def test_a_time(run_steps: RunSteps, value: object) -> None:
    outcome = await run_steps(("wait", {"waitType": "timeout", "value": value}), open_browser=False)

    assert outcome.error is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "Property 'waitType' is required"),
        ({"waitType": "moon"}, "unknown value 'moon'; it can be: timeout, selector"),
        ({"waitType": "timeout", "value": "soon"}, "must be a time in ms, not 'soon'"),
        ({"waitType": "timeout"}, "Property 'value' is required"),
        ({"waitType": "selector", "value": ""}, "Property 'value' is required"),
        ({"waitType": "selector", "value": "#x"}, "No page is open"),
    ],
)
async def test_a_wait_that_cannot_be_understood_fails(
    run_steps: RunSteps, data: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(("wait", data), open_browser=False)

    assert outcome.error is not None
    assert message in outcome.error.message


@pytest.mark.browser
@pytest.mark.parametrize(
    "data",
    [
        {"waitType": "selector", "value": "${data.selector}"},
        {"waitType": "selector", "value": "Late text", "selectorType": "text"},
        {"waitType": "url", "value": "done=1"},
        {"waitType": "url", "value": r"/done=\d$/"},
        {"waitType": "condition", "value": "document.querySelector('#late') !== null"},
    ],
)
async def test_what_comes_late_is_waited_for(
    run_steps: RunSteps, site_url: str, data: dict[str, Any]
) -> None:
    outcome = await run_steps(visit(site_url), ("wait", {"timeout": 5000, **data}), data=STORED)

    assert outcome.error is None


@pytest.mark.browser
@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"waitType": "selector", "value": "#never"}, "NODE_TIMEOUT"),
        ({"waitType": "url", "value": "never"}, "NODE_TIMEOUT"),
        ({"waitType": "condition", "value": "false"}, "NODE_TIMEOUT"),
        ({"waitType": "url", "value": "/(/"}, "NODE_PROPERTY_INVALID"),
    ],
)
async def test_a_wait_in_vain_fails_and_the_run_goes_on_if_asked(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], code: str
) -> None:
    outcome = await run_steps(
        visit(site_url), ("wait", {"timeout": 100, "failSilently": True, **data}), ("intValue", {"value": 1})
    )

    failed = outcome.node("n2")
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == code
    assert outcome.status == "completed"
    assert outcome.data["value"] == 1


@pytest.mark.browser
async def test_a_wait_is_retried(run_steps: RunSteps, site_url: str) -> None:
    wait = {
        "waitType": "selector",
        "value": "#late",
        "timeout": 50,
        "retryEnabled": True,
        "retryCount": 30,
        "retryDelay": 50,
    }

    outcome = await run_steps(visit(site_url), ("wait", wait))

    assert outcome.error is None


@pytest.mark.parametrize("config", LOOKS.values(), ids=LOOKS.keys())
async def test_a_stored_response_that_matches(run_steps: RunSteps, config: dict[str, Any]) -> None:
    wait = {"waitType": "api-response", "value": "apiResponse", "apiWaitConfig": config}

    outcome = await run_steps(("wait", wait), data=STORED, open_browser=False)

    assert outcome.error is None


@pytest.mark.parametrize(("config", "message"), BAD_LOOKS.values(), ids=BAD_LOOKS.keys())
async def test_a_stored_response_that_does_not_match(
    run_steps: RunSteps, config: dict[str, Any] | None, message: str
) -> None:
    wait = {"waitType": "api-response", "value": "apiResponse", "apiWaitConfig": config}

    outcome = await run_steps(("wait", wait), data=STORED, open_browser=False)

    assert outcome.error is not None
    assert message in outcome.error.message
