"""The verify node in a real browser, and on stored responses and query results."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step

RESPONSE = {
    "status": 200,
    "statusText": "OK",
    "headers": {"content-type": "application/json"},
    "body": {"user": {"name": "Ada", "age": 36, "tags": ["a", "b"], "boss": None}, "ok": True},
}
RESULT = {
    "rows": [
        {"id": 1, "name": "Ada", "extra": '{"town": "London"}'},
        {"id": 2, "name": "Alan", "extra": None},
    ],
    "rowCount": 2,
    "columns": ["id", "name", "extra"],
}
STORED = {"apiResponse": RESPONSE, "dbResult": RESULT, "name": "Ada", "price": "1.10", "wanted": {"id": 3}}

ON_PAGE: dict[str, dict[str, Any]] = {
    "url contains, ignoring case": {"verificationType": "url", "urlPattern": "LOGIC.html"},
    "url by regex": {"verificationType": "url", "urlPattern": r"logic\.html", "matchType": "regex"},
    "text of an element": {"verificationType": "text", "selector": "#title", "expectedText": "hello"},
    "text of the page": {"verificationType": "text", "expectedText": "Three"},
    "text from a reference keeps its digits": {
        "verificationType": "text",
        "selector": "#price",
        "expectedText": "${data.price}",
        "matchType": "equals",
    },
    "visible": {"verificationType": "element", "selector": "#title"},
    "visible by what it says": {
        "verificationType": "element",
        "selector": "Hello World",
        "selectorType": "text",
    },
    "hidden": {"verificationType": "element", "selector": "#hidden", "elementCheck": "hidden"},
    "absent is hidden": {"verificationType": "element", "selector": "#nowhere", "elementCheck": "hidden"},
    "exists, several": {"verificationType": "element", "selector": ".item", "elementCheck": "exists"},
    "not exists": {"verificationType": "element", "selector": "#nowhere", "elementCheck": "notExists"},
    "count": {
        "verificationType": "element",
        "selector": ".item",
        "elementCheck": "count",
        "expectedValue": 3,
    },
    "count as text": {
        "verificationType": "element",
        "selector": ".item",
        "elementCheck": "count",
        "expectedValue": "2",
        "comparisonOperator": "greaterThan",
    },
    "count from a reference": {
        "verificationType": "element",
        "selector": ".item",
        "elementCheck": "count",
        "expectedValue": "${data.wanted.id}",
    },
    "enabled": {"verificationType": "element", "selector": "#on", "elementCheck": "enabled"},
    "disabled": {"verificationType": "element", "selector": "#off", "elementCheck": "disabled"},
    "checked": {"verificationType": "element", "selector": "#agree", "elementCheck": "checked"},
    "selected": {"verificationType": "element", "selector": "#second", "elementCheck": "selected"},
    "interpolated selector": {"verificationType": "element", "selector": "input[value^='${data.name}']"},
    "attribute exists": {"verificationType": "attribute", "selector": "#link", "attributeName": "data-empty"},
    "attribute matches": {
        "verificationType": "attribute",
        "selector": "#link",
        "attributeName": "href",
        "expectedValue": "/TARGET",
    },
    "form field": {"verificationType": "formField", "selector": "#name", "expectedValue": "ada lovelace"},
    "cookie exists": {"verificationType": "cookie", "cookieName": "given"},
    "cookie matches": {"verificationType": "cookie", "cookieName": "given", "expectedValue": "value"},
    "local storage": {"verificationType": "storage", "storageKey": "token", "expectedValue": "abc-123"},
    "session storage": {"verificationType": "storage", "storageType": "session", "storageKey": "step"},
    "css": {
        "verificationType": "css",
        "selector": "#red",
        "cssProperty": "color",
        "expectedValue": "rgb(255, 0, 0)",
    },
    "css in camel case": {"verificationType": "css", "selector": "#red", "cssProperty": "backgroundColor"},
}

NOT_ON_PAGE: dict[str, tuple[dict[str, Any], str]] = {
    "text": (
        {"verificationType": "text", "selector": "#title", "expectedText": "Bye"},
        "Verification failed: text of '#title' should contain 'Bye', but is 'Hello World'",
    ),
    "case counts": (
        {
            "verificationType": "text",
            "selector": "#title",
            "expectedText": "hello",
            "caseSensitive": True,
        },
        "Verification failed: text of '#title' should contain 'hello', but is 'Hello World'",
    ),
    "text of nothing": (
        {"verificationType": "text", "selector": "#nowhere", "expectedText": "x"},
        "but no such element appeared within 300 ms",
    ),
    "hidden element": (
        {"verificationType": "element", "selector": "#hidden"},
        "Verification failed: element '#hidden' should be visible, but is hidden",
    ),
    "missing element": (
        {"verificationType": "element", "selector": "#nowhere"},
        "element '#nowhere' should be visible, but no element matches",
    ),
    "several elements": (
        {"verificationType": "element", "selector": ".item", "elementCheck": "hidden"},
        "but several elements match",
    ),
    "count": (
        {"verificationType": "element", "selector": ".item", "elementCheck": "count", "expectedValue": 4},
        "count of '.item' should equal 4, but is 3",
    ),
    "no checkbox": (
        {"verificationType": "element", "selector": "#title", "elementCheck": "checked"},
        "but is neither a checkbox nor a radio button",
    ),
    "unchecked": (
        {"verificationType": "element", "selector": "#refuse", "elementCheck": "checked"},
        "element '#refuse' should be checked, but is not",
    ),
    "attribute": (
        {"verificationType": "attribute", "selector": "#title", "attributeName": "href"},
        "attribute 'href' of '#title' should exist, but does not",
    ),
    "cookie": ({"verificationType": "cookie", "cookieName": "other"}, "cookie 'other' should exist"),
    "storage": ({"verificationType": "storage", "storageKey": "no"}, "localStorage 'no' should exist"),
}

APPEARING: dict[str, dict[str, Any]] = {
    "visible": {"verificationType": "element", "selector": "#late"},
    "exists": {"verificationType": "element", "selector": "#late", "elementCheck": "exists"},
    "enabled": {"verificationType": "element", "selector": "#waking", "elementCheck": "enabled"},
    "count": {
        "verificationType": "element",
        "selector": "p#late",
        "elementCheck": "count",
        "expectedValue": 1,
    },
    "hidden": {"verificationType": "element", "selector": "#leaving", "elementCheck": "hidden"},
    "text of a late element": {"verificationType": "text", "selector": "#late", "expectedText": "Late"},
    "late text": {"verificationType": "text", "selector": "#changing", "expectedText": "Ready"},
    "late attribute": {
        "verificationType": "attribute",
        "selector": "#changing",
        "attributeName": "data-state",
        "expectedValue": "new",
    },
    "late cookie": {"verificationType": "cookie", "cookieName": "late"},
    "late url": {"verificationType": "url", "urlPattern": "done=1"},
}

IN_DATA: dict[str, dict[str, Any]] = {
    "status": {"domain": "api", "verificationType": "status", "statusCode": 200},
    "status as text": {"domain": "api", "verificationType": "status", "statusCode": "200"},
    "header": {
        "domain": "api",
        "verificationType": "header",
        "headerName": "Content-Type",
        "expectedValue": "json",
        "matchType": "contains",
    },
    "body path": {
        "domain": "api",
        "verificationType": "bodyPath",
        "jsonPath": "user.name",
        "expectedValue": "${data.name}",
    },
    "body path to null": {
        "domain": "api",
        "verificationType": "bodyPath",
        "jsonPath": "user.boss",
        "expectedValue": "null",
    },
    "body path to a list": {
        "domain": "api",
        "verificationType": "bodyPath",
        "jsonPath": "user.tags",
        "expectedValue": "a,b",
    },
    "body value": {
        "domain": "api",
        "verificationType": "bodyValue",
        "expectedValue": '"ok":true',
        "matchType": "contains",
    },
    "row count": {
        "domain": "database",
        "verificationType": "rowCount",
        "expectedValue": "1",
        "comparisonOperator": "greaterThan",
    },
    "column": {
        "domain": "database",
        "verificationType": "columnValue",
        "columnName": "name",
        "rowIndex": 1,
        "expectedValue": "Alan",
        "caseSensitive": True,
    },
    "within a column": {
        "domain": "database",
        "verificationType": "columnValue",
        "columnName": "extra",
        "jsonPath": "town",
        "expectedValue": "London",
    },
    "row exists": {"domain": "database", "verificationType": "rowExists"},
    "query result": {
        "domain": "database",
        "verificationType": "queryResult",
        "jsonPath": "1.name",
        "expectedValue": "alan",
    },
}

NOT_IN_DATA: dict[str, tuple[dict[str, Any], str]] = {
    "status": (
        {"domain": "api", "verificationType": "status", "statusCode": 404},
        "response status should be 404, but is 200",
    ),
    "missing path": (
        {"domain": "api", "verificationType": "bodyPath", "jsonPath": "user.none", "expectedValue": "x"},
        "response body at 'user.none'",
    ),
    "missing header": (
        {"domain": "api", "verificationType": "header", "headerName": "X-Not", "expectedValue": "x"},
        "response header 'X-Not'",
    ),
    "no response": (
        {"domain": "api", "verificationType": "status", "statusCode": 200, "apiContextKey": "other"},
        "Property 'apiContextKey': nothing is stored under data key 'other'",
    ),
    "row out of range": (
        {
            "domain": "database",
            "verificationType": "columnValue",
            "columnName": "name",
            "rowIndex": 9,
            "expectedValue": "x",
        },
        "column 'name' of row 9",
    ),
    "row count": (
        {"domain": "database", "verificationType": "rowCount", "expectedValue": 5},
        "row count should equal 5, but is 2",
    ),
    "bad regex": (
        {"domain": "api", "verificationType": "bodyValue", "expectedValue": "(", "matchType": "regex"},
        "'(' is not a regular expression",
    ),
    "missing reference": (
        {"domain": "api", "verificationType": "bodyValue", "expectedValue": "{{data.nope}}"},
        "refers to data.nope, which is not set",
    ),
    "missing expected value": (
        {"domain": "api", "verificationType": "bodyValue"},
        "property 'expectedValue' is required",
    ),
    "unknown domain": ({"domain": "moon", "verificationType": "url"}, "it can be: browser, api, database"),
    "unknown type": (
        {"domain": "api", "verificationType": "url"},
        "Property 'verificationType' has the unknown value 'url'; it can be: status, header",
    ),
}


def visit(url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": url, "waitUntil": "load"})


def browser_check(**data: Any) -> Step:
    return ("verify", {"domain": "browser", **data})


def failures(outcome: Outcome) -> dict[str, str]:
    return {
        item.node_label: item.error.message if item.error else ""
        for item in outcome.nodes
        if item.status == "failed" and item.node_label
    }


@pytest.mark.browser
async def test_checks_on_the_page_pass(run_steps: RunSteps, site_url: str) -> None:
    checks = [browser_check(label=name, timeout=2000, **data) for name, data in ON_PAGE.items()]

    outcome = await run_steps(
        visit(f"{site_url}/set-cookie?name=given&value=value"),
        visit(f"{site_url}/logic.html"),
        *checks,
        data=STORED,
    )

    assert outcome.error is None
    assert outcome.status == "completed"


@pytest.mark.browser
async def test_failing_checks_say_what_was_found(run_steps: RunSteps, site_url: str) -> None:
    checks = [
        browser_check(label=name, timeout=300, failSilently=True, **data)
        for name, (data, _) in NOT_ON_PAGE.items()
    ]

    outcome = await run_steps(visit(f"{site_url}/logic.html"), *checks)

    found = failures(outcome)
    assert {
        name: message in found.get(name, "") for name, (_, message) in NOT_ON_PAGE.items()
    } == dict.fromkeys(NOT_ON_PAGE, True), found


@pytest.mark.browser
@pytest.mark.parametrize("data", APPEARING.values(), ids=APPEARING.keys())
async def test_a_check_waits_for_what_comes_late(
    run_steps: RunSteps, site_url: str, data: dict[str, Any]
) -> None:
    outcome = await run_steps(visit(f"{site_url}/logic.html"), browser_check(timeout=5000, **data))

    assert outcome.error is None


@pytest.mark.browser
async def test_retries_happen_although_the_node_fails_silently(run_steps: RunSteps, site_url: str) -> None:
    check = browser_check(
        verificationType="element",
        selector="#late",
        timeout=1,
        retryEnabled=True,
        retryCount=20,
        retryDelay=100,
        failSilently=True,
    )

    outcome = await run_steps(visit(f"{site_url}/logic.html"), check)

    assert outcome.node("n2").status == "completed"
    assert outcome.data["verificationResult"]["passed"] is True


async def test_checks_on_stored_data_pass(run_steps: RunSteps) -> None:
    checks = [("verify", {"label": name, **data}) for name, data in IN_DATA.items()]

    outcome = await run_steps(*checks, data=STORED, open_browser=False)

    assert outcome.error is None
    assert outcome.status == "completed"


async def test_failing_checks_on_stored_data_say_what_was_found(run_steps: RunSteps) -> None:
    checks = [
        ("verify", {"label": name, "failSilently": True, **data}) for name, (data, _) in NOT_IN_DATA.items()
    ]

    outcome = await run_steps(*checks, data=STORED, open_browser=False)

    found = failures(outcome)
    assert {
        name: message in found.get(name, "") for name, (_, message) in NOT_IN_DATA.items()
    } == dict.fromkeys(NOT_IN_DATA, True), found


async def test_the_result_of_a_passed_check_is_stored(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        ("verify", {"domain": "api", "verificationType": "status", "statusCode": 200}),
        data=STORED,
        open_browser=False,
    )

    assert outcome.data["verificationResult"] == {
        "passed": True,
        "message": "Verified: response status should be 200",
        "domain": "api",
        "type": "status",
        "actualValue": 200,
        "expectedValue": 200,
        "details": {"subject": "response status"},
    }


@pytest.mark.parametrize(("fail_silently", "stored"), [(True, True), (False, False)])
async def test_the_result_of_a_failed_check_is_stored_only_when_the_run_goes_on(
    run_steps: RunSteps, fail_silently: bool, stored: bool
) -> None:
    check = {"domain": "api", "verificationType": "status", "statusCode": 500, "failSilently": fail_silently}

    outcome = await run_steps(("verify", check), data=STORED, open_browser=False)

    assert outcome.status == ("completed" if fail_silently else "failed")
    assert ("verificationResult" in outcome.data) is stored
    if outcome.error:
        assert outcome.error.code == "VERIFICATION_FAILED"


async def test_a_check_of_the_page_without_a_browser_fails(run_steps: RunSteps) -> None:
    outcome = await run_steps(browser_check(verificationType="url", urlPattern="x"), open_browser=False)

    assert outcome.error is not None
    assert outcome.error.code == "PAGE_MISSING"
