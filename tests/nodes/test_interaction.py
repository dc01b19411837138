"""The nodes ``type`` and ``action`` in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step


def page(site_url: str, name: str) -> Step:
    return (
        "navigation",
        {"action": "navigate", "url": f"{site_url}/action-{name}.html", "waitUntil": "load"},
    )


def field(selector: str, expected: str) -> Step:
    check = {"verificationType": "formField", "selector": selector, "expectedValue": expected}
    return ("verify", {"domain": "browser", "caseSensitive": True, "timeout": 2000, **check})


def text_of(selector: str) -> Step:
    return ("elementQuery", {"action": "getText", "selector": selector})


TYPED = {
    "fill by default": ({"text": "new"}, "new"),
    "fill": ({"text": "new", "inputMethod": "fill"}, "new"),
    "empty text": ({"text": ""}, ""),
    "a number": ({"text": 42}, "42"),
    "a reference": ({"text": "${data.name}!"}, "Ada!"),
    "key by key": ({"text": "new", "inputMethod": "type", "clearFirst": True}, "new"),
    "key by key with a pause": (
        {"text": "new", "inputMethod": "pressSequentially", "delay": 5, "clearFirst": True},
        "new",
    ),
    "append": ({"text": "er", "inputMethod": "append"}, "older"),
    "prepend": ({"text": "very ", "inputMethod": "prepend"}, "very old"),
    "direct": ({"text": "new", "inputMethod": "direct"}, "new"),
    "unknown is fill": ({"text": "new", "inputMethod": "dictate"}, "new"),
}


@pytest.mark.parametrize(("data", "expected"), TYPED.values(), ids=TYPED)
async def test_type(run_steps: RunSteps, site_url: str, data: dict[str, Any], expected: str) -> None:
    outcome = await run_steps(
        page(site_url, "form"),
        ("type", {"selector": "#name", "timeout": 15_000, **data}),
        field("#name", expected),
        data={"name": "Ada"},
    )
    assert outcome.error is None


@pytest.mark.parametrize(
    ("method", "events"),
    [("fill", "input,"), ("direct", "input,"), ("pressSequentially", "a,input,b,input,")],
)
async def test_the_page_notices_what_is_typed(
    run_steps: RunSteps, site_url: str, method: str, events: str
) -> None:
    outcome = await run_steps(
        page(site_url, "form"),
        ("type", {"selector": "#spied", "text": "ab", "inputMethod": method}),
        text_of("#events"),
    )
    assert outcome.data["text"] == events


async def test_append_to_what_has_no_value(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url, "form"),
        ("type", {"selector": "#rich", "text": "er", "inputMethod": "append"}),
        text_of("#rich"),
    )
    assert outcome.data["text"] == "er"


@pytest.mark.parametrize(
    "data", [{"selector": "#name"}, {"selector": "#name", "text": None}, {"text": "new"}]
)
async def test_type_needs_selector_and_text(run_steps: RunSteps, site_url: str, data: dict[str, Any]) -> None:
    outcome = await run_steps(page(site_url, "form"), ("type", data))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert "is required for node type type" in outcome.error.message


@pytest.mark.parametrize("method", ["fill", "append", "pressSequentially", "direct"])
async def test_type_into_a_missing_field_times_out(run_steps: RunSteps, site_url: str, method: str) -> None:
    step = ("type", {"selector": "#nowhere", "text": "x", "inputMethod": method, "timeout": 100})
    outcome = await run_steps(page(site_url, "form"), step)
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def act(run_steps: RunSteps, site_url: str, **data: Any) -> Outcome:
    return await run_steps(
        page(site_url, "mouse"),
        ("action", {"selector": "#button", "timeout": 15_000, **data}),
        text_of("#log"),
        ("elementQuery", {"action": "getBoundingBox", "selector": "#square"}),
    )


CLICKS = {
    "click": ({"action": "click"}, "mouseenter 0;click 0;"),
    "click with the right button": ({"action": "click", "button": "right"}, "contextmenu 2;"),
    "click with the middle button": ({"action": "click", "button": "middle"}, "auxclick 1;"),
    "double click": ({"action": "doubleClick", "delay": 10}, "click 0;click 0;dblclick 0;"),
    "its alias": ({"action": "dblclick"}, "click 0;click 0;dblclick 0;"),
    "right click": ({"action": "rightClick"}, "contextmenu 2;"),
    "hover": ({"action": "hover", "delay": 10}, "mouseenter 0;"),
    "click on what is far down": ({"action": "click", "selector": "#far"}, "far at true;"),
    "a value has no effect": ({"action": "click", "value": {"any": "thing"}}, "mouseenter 0;click 0;"),
}


@pytest.mark.parametrize(("data", "events"), CLICKS.values(), ids=CLICKS)
async def test_mouse_actions(run_steps: RunSteps, site_url: str, data: dict[str, Any], events: str) -> None:
    outcome = await act(run_steps, site_url, **data)
    assert outcome.error is None
    assert events in outcome.data["text"]


@pytest.mark.parametrize("action", ["dragAndDrop", "dragTo"])
async def test_drag_to_an_element(run_steps: RunSteps, site_url: str, action: str) -> None:
    outcome = await act(run_steps, site_url, action=action, selector="#square", targetSelector="#target")
    assert outcome.error is None
    assert "dropped 350,350" in outcome.data["text"]
    assert outcome.data["boundingBox"] == {"x": 330, "y": 330, "width": 40, "height": 40}


async def test_drag_to_an_element_of_another_type(run_steps: RunSteps, site_url: str) -> None:
    outcome = await act(
        run_steps,
        site_url,
        action="dragAndDrop",
        selector="#note",
        targetSelector="//div",
        targetSelectorType="xpath",
        targetSelectorModifiers={"nth": 1},
    )
    assert outcome.error is None
    assert "note dropped" in outcome.data["text"]


async def test_drag_to_a_point(run_steps: RunSteps, site_url: str) -> None:
    outcome = await act(
        run_steps, site_url, action="dragAndDrop", selector="#square", targetX=200, targetY="0"
    )
    assert outcome.error is None
    assert "dropped 200,0" in outcome.data["text"]


async def test_what_is_not_visible_cannot_be_dragged_to_a_point(run_steps: RunSteps, site_url: str) -> None:
    outcome = await act(run_steps, site_url, action="dragAndDrop", selector="#gone", targetX=1, targetY=1)
    assert outcome.error is not None
    assert outcome.error.code == "ELEMENT_NOT_USABLE"
    assert "'#gone' cannot be dragged: it is not visible" in outcome.error.message


@pytest.mark.parametrize("value", ["Ada", "${data.name}"])
async def test_fill_is_accepted_as_an_action(run_steps: RunSteps, site_url: str, value: str) -> None:
    outcome = await run_steps(
        page(site_url, "form"),
        ("action", {"action": "fill", "selector": "#name", "value": value}),
        field("#name", "Ada"),
        data={"name": "Ada"},
    )
    assert outcome.error is None


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no action": ({}, "'action' is required"),
    "unknown action": ({"action": "poke"}, "unknown value 'poke'; it can be: click, doubleClick"),
    "no selector": ({"action": "click", "selector": None}, "'selector' is required"),
    "unknown button": ({"action": "click", "button": "fourth"}, "'button' has the unknown value 'fourth'"),
    "nowhere to drag": ({"action": "dragAndDrop"}, "'targetSelector' is required"),
    "half a point": ({"action": "dragAndDrop", "targetX": 5}, "'targetSelector' is required"),
    "nothing to fill": ({"action": "fill"}, "'value' is required"),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG)
async def test_wrong_properties_are_named(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], message: str
) -> None:
    outcome = await act(run_steps, site_url, **data)
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert message in outcome.error.message


async def test_legacy_click(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(page(site_url, "mouse"), ("click", {"selector": "#button"}), text_of("#log"))
    assert outcome.error is None
    assert "click 0;" in outcome.data["text"]
