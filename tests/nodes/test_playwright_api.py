"""What is wrong with a ``playwright`` node, found before the run by Playwright's own signatures."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.catalogue import default_registry
from nodes.errors import NodeDataError, WorkflowInvalidError
from nodes.playwright_api import ASSERTED, TARGETS, assertion, method_of, placeholder
from nodes.validation import check, prepare
from tests.running import chain, node

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"method": "clik"}, "property 'method': Playwright's page has no method 'clik'; did you mean 'click'?"),
    ({"method": "dragTo"}, "property 'method': Playwright's page has no method 'dragTo'"),
    (
        {"target": "keyboard", "method": "click"},
        "property 'method': Playwright's keyboard has no method 'click'",
    ),
    (
        {"target": "window", "method": "click"},
        "property 'target': there is no target 'window'; it can be: page, frame, locator, context, ",
    ),
    (
        {"selector": "#a", "expect": "toBeVisibel"},
        "property 'expect': Playwright has no assertion 'toBeVisibel' about a locator; did you mean 'toBeVisible'?",
    ),
    ({"expect": "toHaveText"}, "property 'expect': Playwright has no assertion 'toHaveText' about a page"),
    (
        {"target": "mouse", "expect": "toBeVisible"},
        "property 'target': there is no target 'mouse'; it can be: page, locator",
    ),
    ({}, "property 'method': give either 'method' or 'expect'"),
    ({"method": "click", "expect": "toBeVisible"}, "property 'method': give either 'method' or 'expect'"),
    (
        {"selector": "#a", "method": "click", "arguments": [{"buton": "left"}]},
        "property 'arguments': locator.click has no option 'buton'; did you mean 'button'?",
    ),
    (
        {"selector": "#a", "method": "click", "arguments": {"button": "centre"}},
        "property 'arguments': locator.click: 'button': input should be 'left', 'middle' or 'right', got 'centre'",
    ),
    (
        {"selector": "#a", "method": "click", "arguments": ["#b"]},
        "property 'arguments': locator.click takes no arguments by position, got 1",
    ),
    (
        {"method": "click", "arguments": ["#a", "#b", "#c"]},
        "property 'arguments': page.click takes 1 argument by position, got 3",
    ),
    ({"method": "click"}, "property 'arguments': page.click needs 'selector'"),
    (
        {"method": "click", "arguments": [{"timeout": 1}]},
        "property 'arguments': page.click: 'selector': input should be a valid string",
    ),
    ({"method": "goto", "arguments": [17]}, "property 'arguments': page.goto: 'url': input should be a valid"),
    (
        {"target": "mouse", "method": "move", "arguments": ["left", 1]},
        "property 'arguments': mouse.move: 'x': input should be a valid number",
    ),
    (
        {"selector": "#a", "method": "click", "arguments": [{"position": {"x": 1, "z": 2}}]},
        "property 'arguments': locator.click: 'position': ",
    ),
    (
        {"target": "context", "method": "addCookies", "arguments": [[{"nom": "a"}]]},
        "property 'arguments': context.addCookies: 'cookies': ",
    ),
    (
        {"selector": "#a", "expect": "toHaveCount", "arguments": ["many"]},
        "property 'arguments': expect(locator).toHaveCount: 'count': input should be a valid integer",
    ),
    (
        {"selector": "#a", "expect": "not.toHaveText"},
        "property 'arguments': expect(locator).not.toHaveText needs 'expected'",
    ),
    ({"method": "url", "arguments": ["x"]}, "property 'arguments': page.url takes no arguments"),
    ({"method": 5}, "property 'method': input should be a valid string, got 5"),
]  # fmt: skip


def document(values: dict[str, Any]) -> dict[str, Any]:
    return chain(node("start", "start"), node("call", "playwright", label="Call", **values))


@pytest.mark.parametrize(("values", "message"), FAULTS)
def test_a_fault_is_found_before_the_run(values: dict[str, Any], message: str) -> None:
    found = check(document(values), default_registry())

    assert [item.startswith(f"Node Call (call): {message}") for item in found] == [True], found
    with pytest.raises(WorkflowInvalidError) as raised:
        prepare(document(values), default_registry())
    assert list(raised.value.problems) == found


def test_a_locator_needs_a_selector() -> None:
    found = check(document({"target": "locator", "method": "click"}), default_registry())

    assert found == ["Node Call (call): property 'selector' is required for the target 'locator'"]


@pytest.mark.parametrize(
    "values",
    [
        {"method": "goto", "arguments": ["https://example.com", {"waitUntil": "load", "timeout": 5}]},
        {"method": "goto", "arguments": ["${data.url}", {"wait_until": "load"}]},
        {"method": "waitForURL", "arguments": [{"regex": "done$"}]},
        {"method": "${data.method}", "bypass": True, "_inputConnections": {"method": {"isInput": True}}},
        {"target": "mouse", "method": "move", "arguments": ["${data.x}", 1]},
        {"selector": "#a", "method": "dragTo", "arguments": [{"locator": "#b"}, {"force": True}]},
        {"selector": "#a", "method": "filter", "arguments": [{"has": {"locator": "#b"}}]},
        {"selector": "#a", "method": "selectOption", "arguments": [{"index": 2}]},
        {"selector": "#a", "method": "setInputFiles", "arguments": ["letter.txt"]},
        {"selector": "#a", "method": "evaluate", "arguments": ["(e, given) => given.a", {"a": 1}]},
        {"selector": "#a", "method": "screenshot", "arguments": {"path": "a.png", "animations": "disabled"}},
        {"selector": "#a", "expect": "toHaveText", "arguments": [["a", {"regex": "b"}]]},
        {"selector": "#a", "expect": "to_be_visible"},
        {"target": "frame", "method": "frameElement"},
        {"target": "touchscreen", "method": "tap", "arguments": [1, 2]},
        {"target": "clock", "method": "fastForward", "arguments": ["01:00"]},
    ],
    ids=str,
)
def test_what_playwright_has_is_valid(values: dict[str, Any]) -> None:
    assert check(document(values), default_registry()) == []


@pytest.mark.parametrize("target", TARGETS)
def test_all_members_of_all_targets_are_known(target: str) -> None:
    names = [
        name
        for name in dir(TARGETS[target])
        if not name.startswith(("_", "expect_")) and name not in {"on", "once", "remove_listener"}
    ]
    unknown = []
    for name in names:
        try:
            operation = method_of(target, name)
        except NodeDataError:
            unknown.append(name)
        else:
            assert operation.name == name
    assert set(unknown) <= {"pause", "pick_locator", "cancel_pick_locator", *PARTS.get(target, ())}


PARTS = {
    "page": ("keyboard", "mouse", "touchscreen", "clock", "request", "screencast", "local_storage", "session_storage", "webmcp"),
    "frame": ("webmcp",),
    "context": ("clock", "request", "tracing", "debugger", "credentials"),
}  # fmt: skip
"""Properties that are targets of their own, or objects of which nothing can be stored."""


@pytest.mark.parametrize("target", ASSERTED)
def test_an_assertion_can_be_negated_twice(target: str) -> None:
    name = "toHaveTitle" if target == "page" else "toBeVisible"

    assert assertion(target, name, negated=True).name.startswith("not_to_")
    assert assertion(target, f"not.{name}", negated=False).name.startswith("not_to_")
    assert assertion(target, f"not.{name}", negated=True).name.startswith("to_")


def test_marked_objects() -> None:
    assert placeholder({"regex": "a", "flags": "i"}) == "regex"
    assert placeholder({"locator": "#a"}) == "locator"
    assert placeholder({"regex": 5}) is None
    assert placeholder("regex") is None
