"""The nodes ``keyboard`` and ``scroll`` in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.nodes.test_interaction import field, page, text_of
from tests.running import Outcome, Step

KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "press": ({"action": "press", "key": "Enter"}, "Enter "),
    "press a digit": ({"action": "press", "key": 7}, "7 "),
    "press the space bar": ({"action": "press", "key": " "}, "  "),
    "press in an element": ({"action": "press", "key": "Tab", "selector": "#field"}, "Tab "),
    "shortcut": ({"action": "shortcut", "shortcut": "Shift+A"}, "Shift-Shift Shift-A "),
    "shortcut in an element": (
        {"action": "shortcut", "shortcut": " Shift+B ", "selector": "#field"},
        "Shift-Shift Shift-B ",
    ),
    "type": ({"action": "type", "text": "ab", "delay": 5}, "a b "),
    "type in an element": ({"action": "type", "text": "${data.text}", "selector": "#field"}, "x y "),
}


async def use_keys(run_steps: RunSteps, site_url: str, *steps: dict[str, Any]) -> Outcome:
    keys: list[Step] = [("keyboard", {"timeout": 15_000, **data}) for data in steps]
    return await run_steps(page(site_url, "keys"), *keys, text_of("#log"), data={"text": "xy"})


@pytest.mark.parametrize(("data", "log"), KEYS.values(), ids=KEYS)
async def test_keys_arrive(run_steps: RunSteps, site_url: str, data: dict[str, Any], log: str) -> None:
    outcome = await use_keys(run_steps, site_url, data)
    assert outcome.error is None
    assert outcome.data["text"] == log


@pytest.mark.parametrize("selector", [None, "#field"])
async def test_a_key_held_down_changes_the_next(
    run_steps: RunSteps, site_url: str, selector: str | None
) -> None:
    outcome = await use_keys(
        run_steps,
        site_url,
        {"action": "down", "key": "Shift", "selector": selector},
        {"action": "press", "key": "A"},
        {"action": "up", "key": "Shift", "selector": selector},
        {"action": "press", "key": "b"},
    )
    assert outcome.error is None
    assert outcome.data["text"] == "Shift-Shift Shift-A b "


TEXTS: dict[str, tuple[dict[str, Any], str]] = {
    "type adds": ({"action": "type"}, "oldnew"),
    "type after clearing": ({"action": "type", "clearFirst": True}, "new"),
    "insert sets the text": ({"action": "insertText"}, "new"),
    "insert without an element adds": ({"action": "insertText", "selector": None}, "oldnew"),
    "type without an element adds": ({"action": "type", "selector": " "}, "oldnew"),
}


@pytest.mark.parametrize(("data", "expected"), TEXTS.values(), ids=TEXTS)
async def test_text_goes_into_the_field(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], expected: str
) -> None:
    outcome = await run_steps(
        page(site_url, "keys"),
        ("keyboard", {"action": "type", "text": "old", "selector": "#field"}),
        ("keyboard", {"text": "new", "selector": "#field", **data}),
        field("#field", expected),
    )
    assert outcome.error is None


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no action": ("keyboard", {}, "'action' is required"),
    "unknown action": ("keyboard", {"action": "hit"}, "unknown value 'hit'; it can be: press"),
    "no key": ("keyboard", {"action": "press"}, "'key' is required for the action 'press'"),
    "no key to hold": ("keyboard", {"action": "down", "key": ""}, "'key' is required for the action 'down'"),
    "no key to release": ("keyboard", {"action": "up"}, "'key' is required for the action 'up'"),
    "no text": ("keyboard", {"action": "type", "text": ""}, "'text' is required for the action 'type'"),
    "nothing to insert": ("keyboard", {"action": "insertText"}, "'text' is required"),
    "no shortcut": ("keyboard", {"action": "shortcut"}, "'shortcut' is required"),
    "unknown scroll": ("scroll", {"action": "leap"}, "unknown value 'leap'; it can be: scrollToElement"),
    "no element": ("scroll", {"action": "scrollToElement"}, "'selector' is required"),
    "half a position": ("scroll", {"action": "scrollToPosition", "x": 1}, "'y' is required"),
    "half a distance": ("scroll", {"action": "scrollBy", "deltaY": 1}, "'deltaX' is required"),
}


@pytest.mark.parametrize(("kind", "data", "message"), WRONG.values(), ids=WRONG)
async def test_wrong_properties_are_named(
    run_steps: RunSteps, kind: str, data: dict[str, Any], message: str
) -> None:
    outcome = await run_steps((kind, data))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert message in outcome.error.message


async def test_an_unknown_key_is_named(run_steps: RunSteps) -> None:
    outcome = await run_steps(("keyboard", {"action": "press", "key": "Any"}))
    assert outcome.error is not None
    assert "Any" in outcome.error.message


SCROLLS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "position": ([{"action": "scrollToPosition", "x": "30", "y": 500}], "30,500"),
    "the origin": ([{"action": "scrollBy", "deltaX": 5, "deltaY": 5}, {"action": "scrollToTop"}], "0,0"),
    "distance": (
        [
            {"action": "scrollToPosition", "x": 0, "y": 100},
            {"action": "scrollBy", "deltaX": 10, "deltaY": -40},
        ],
        "10,60",
    ),
    "bottom": ([{"action": "scrollToBottom"}], "0,bottom"),
    "element": ([{"action": "scrollToElement", "selector": "#end"}], "0,bottom"),
}
POSITION = """[scrollX, scrollY + innerHeight > document.documentElement.scrollHeight - 60
  ? 'bottom' : scrollY].join()"""


def once(condition: str) -> Step:
    wait = {"waitForCondition": condition, "waitForConditionTimeout": 20_000}
    return ("elementQuery", {"action": "getCount", "selector": "#end", **wait})


@pytest.mark.parametrize(("steps", "position"), SCROLLS.values(), ids=SCROLLS)
async def test_scroll(run_steps: RunSteps, site_url: str, steps: list[dict[str, Any]], position: str) -> None:
    outcome = await run_steps(
        page(site_url, "keys"),
        *[("scroll", data) for data in steps],
        once(f"({POSITION}) === '{position}'"),
    )
    assert outcome.error is None


def unpainted(site_url: str, query: str = "") -> Step:
    address = {"url": f"{site_url}/action-autofocus.html{query}", "waitUntil": "domcontentloaded"}
    return ("navigation", {"action": "navigate", **address})


async def test_a_scroll_outlasts_the_focus_of_the_first_picture(run_steps: RunSteps, site_url: str) -> None:
    # A field with `autofocus` gets it with the page's first picture, and the page scrolls back to it.
    outcome = await run_steps(
        unpainted(site_url),
        ("scroll", SCROLLS["position"][0][0]),
        once("document.activeElement.id === 'field'"),
        once(f"({POSITION}) === '30,500'"),
    )
    assert outcome.error is None


async def test_a_page_that_goes_on_is_scrolled_when_it_is_there(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        unpainted(site_url, "?next=action-keys.html"),
        ("scroll", SCROLLS["position"][0][0]),
        once(f"location.pathname === '/action-keys.html' && ({POSITION}) === '30,500'"),
    )
    assert outcome.error is None
