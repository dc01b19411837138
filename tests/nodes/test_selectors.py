"""Selectors of every type, their modifiers, and what is said about bad ones."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.catalogue import default_registry
from nodes.selectors import selector_problem
from nodes.validation import check
from tests.conftest import RunSteps, RunWorkflow
from tests.running import chain, node, steps_document

PAGE = "action-selectors.html"


def opened(site_url: str, page: str = PAGE) -> tuple[str, dict[str, Any]]:
    return ("navigation", {"action": "navigate", "url": f"{site_url}/{page}", "waitUntil": "load"})


def query(action: str, selector: str, selector_type: str, **more: Any) -> tuple[str, dict[str, Any]]:
    data = {"action": action, "selector": selector, "selectorType": selector_type, "timeout": 2000, **more}
    return ("elementQuery", data)


FOUND = {
    "css": ("#total", "css", "total"),
    "css with the engine's own words": ("p:has-text('42')", "css", "total"),
    "css through a shadow root": (".deep", "css", "deep"),
    "xpath": ("//p[@id='total']", "xpath", "total"),
    "role and name, substring": ("role:button,name:save", "getByRole", "save"),
    "role, exact name": ("role: heading , name: Results , exact: true", "getByRole", "title"),
    "role with level": ("role:heading,level:1", "getByRole", "title"),
    "role with state": ("role:checkbox,checked:true", "getByRole", "terms"),
    "role, disabled": ("role:button,disabled:true", "getByRole", "off"),
    "role, hidden too": ("role:link,name:curtain,includeHidden:true", "getByRole", "hidden-link"),
    "role with a name in brackets": ('role:heading[name="Results"]', "getByRole", "title"),
    "text": ("text:total: 42", "getByText", "total"),
    "text by regex": (r"text:/Total: \d+/", "getByText", "total"),
    "text by regex with slashes and quotes": ("text:/a/b/c, it's/", "getByText", "slashes"),
    "label": ("label:e-mail", "getByLabel", "mail"),
    "placeholder": ("placeholder:search", "getByPlaceholder", "search"),
    "test id": ("testid:hint", "getByTestId", "hint"),
    "title": ("title:sum", "getByTitle", "total"),
    "alt text": ("alt:company", "getByAltText", "logo"),
    "alt text by regex": (r"alt:/logo \d{4}/", "getByAltText", "logo"),
    "found by what it says: button": ("Save draft", "text", "save"),
    "found by what it says: link": ("Get help", "text", "help"),
    "found by what it says: label": ("E-mail address", "text", "mail"),
    "found by what it says: placeholder": ("Search the", "text", "search"),
    "found by what it says: exact text": ("Results", "text", "title"),
    "found by what it says: part of a text": ("42 pieces", "text", "total"),
    "an unknown type is a raw selector": ("id=total", "strange", "total"),
    "a reference": ("#${data.id}", "css", "total"),
}


@pytest.mark.parametrize(("selector", "kind", "expected"), FOUND.values(), ids=FOUND)
async def test_each_type_finds_its_element(
    run_steps: RunSteps,
    site_url: str,
    selector: str,
    kind: str,
    expected: str,
) -> None:
    step = query("getAttribute", selector, kind, attributeName="id")
    outcome = await run_steps(opened(site_url), step, data={"id": "total"})
    assert outcome.error is None
    assert outcome.data["attribute"] == expected


MODIFIED = {
    "text": ({"filterText": "PEAR"}, ["Pear 2 new"]),
    "regex": ({"filterText": r"Apple \d", "filterTextRegex": True}, ["Apple 1"]),
    "containing element": ({"filterSelector": ".new"}, ["Pear 2 new", "Apple juice 3 new"]),
    "containing element by text": (
        {"filterSelector": "text:juice", "filterSelectorType": "getByText"},
        ["Apple juice 3 new"],
    ),
    "descend": ({"chainSelector": "b"}, ["Apple", "Pear", "Apple juice"]),
    "descend by xpath": (
        {"chainSelector": "./b", "chainSelectorType": "xpath"},
        ["Apple", "Pear", "Apple juice"],
    ),
    "nth": ({"nth": 1}, ["Pear 2 new"]),
    "last": ({"nth": -1}, ["Apple juice 3 new"]),
    "all in their order": (
        {"filterText": "apple", "filterSelector": ".new", "chainSelector": "b, i", "nth": -1},
        ["new"],
    ),
    "null is absent": ({"filterText": None, "nth": None, "chainSelector": "i"}, ["new", "new"]),
}


@pytest.mark.parametrize(("modifiers", "expected"), MODIFIED.values(), ids=MODIFIED)
async def test_modifiers_narrow_in_their_order(
    run_steps: RunSteps, site_url: str, modifiers: dict[str, Any], expected: list[str]
) -> None:
    step = query("getAllText", "#shop li", "css", selectorModifiers=modifiers)
    outcome = await run_steps(opened(site_url), step)
    assert outcome.error is None
    assert [text.strip() for text in outcome.data["text"]] == expected


async def test_pierce_shadow_false_keeps_to_the_light_dom(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        opened(site_url),
        query("getCount", ".deep", "css", outputVariable="through"),
        query("getCount", ".deep", "css", outputVariable="light", selectorModifiers={"pierceShadow": False}),
    )
    assert (outcome.data["through"], outcome.data["light"]) == (1, 0)


BAD = {
    "blank": ("  ", "css", "'selector' is empty"),
    "no prefix": ("Welcome", "getByText", "write it as 'text:Welcome'"),
    "wrong prefix": ("Label:E-mail", "getByLabel", "write it as 'label:E-mail'"),
    "empty value": ("testid: ", "getByTestId", "write it as 'testid:submit'"),
    "broken regex": ("text:/(/", "getByText", "invalid regular expression"),
    "role without colon": ("role:button,Sign in", "getByRole", "the part 'Sign in' has no colon"),
    "role option": ("role:button,colour:red", "getByRole", "'colour:red' is no role option"),
    "role option value": ("role:heading,level:one", "getByRole", "'level:one' is no role option"),
    "no role": ("name:Sign in", "getByRole", "it names no role"),
}


@pytest.mark.parametrize(("selector", "kind", "message"), BAD.values(), ids=BAD)
async def test_a_bad_selector_is_named_with_an_example(
    run_steps: RunSteps, site_url: str, selector: str, kind: str, message: str
) -> None:
    outcome = await run_steps(opened(site_url), query("getText", selector, kind))
    assert outcome.error is not None
    assert outcome.error.code == "SELECTOR_INVALID"
    assert message in outcome.error.message
    if selector.strip():
        assert message in (selector_problem(selector, kind) or "")


@pytest.mark.parametrize(
    ("modifiers", "message"),
    [
        ({"filterText": "[", "filterTextRegex": True}, "selectorModifiers.filterText"),
        ({"filterSelector": "Apple", "filterSelectorType": "text"}, "cannot have the selector type 'text'"),
        ({"filterSelector": "Apple", "filterSelectorType": "getByText"}, "selectorModifiers.filterSelector"),
    ],
)
async def test_a_bad_modifier_is_named(
    run_steps: RunSteps, site_url: str, modifiers: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(
        opened(site_url), query("getText", "#shop li", "css", selectorModifiers=modifiers)
    )
    assert outcome.error is not None
    assert outcome.error.code == "SELECTOR_INVALID"
    assert message in outcome.error.message


async def test_a_missing_selector_is_a_missing_property(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(opened(site_url), ("elementQuery", {"action": "getText"}))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert "'selector'" in outcome.error.message


@pytest.mark.parametrize("selector", ["", "text:Welcome", "text:/(?<=a+)b/", "${data.any}"])
def test_what_the_text_cannot_tell_is_no_problem(selector: str) -> None:
    assert selector_problem(selector, "getByText") is None


def test_validation_finds_bad_selectors_of_every_property() -> None:
    click = {"action": "click", "selector": "Save", "selectorType": "getByText"}
    wait = {"waitForSelector": "E-mail", "waitForSelectorType": "getByLabel"}
    problems = check(
        steps_document((("action", {**click, **wait}),), None, open_browser=True), default_registry()
    )
    assert len(problems) == 2
    assert "'selector'" in problems[0]
    assert "'waitForSelector'" in problems[1]


async def test_one_operation_needs_one_element(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(opened(site_url), query("getText", ".twin", "css"))
    assert outcome.error is not None
    assert "strict mode violation" in outcome.error.message


async def test_text_that_names_several_elements_is_ambiguous(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(opened(site_url), query("getText", "Twin", "text"))
    assert outcome.error is not None
    assert outcome.error.code == "ELEMENT_NOT_USABLE"
    assert "matches 2 elements by exact text" in outcome.error.message


async def test_text_with_a_modifier_may_name_several_elements(run_steps: RunSteps, site_url: str) -> None:
    steps = [
        query("getText", "Twin", "text", selectorModifiers={"nth": 0}),
        query("getCount", "Twin", "text"),
        query("getCount", "Nowhere to be seen", "text", outputVariable="none"),
    ]
    outcome = await run_steps(opened(site_url), *steps)
    assert outcome.error is None
    assert (outcome.data["text"], outcome.data["count"], outcome.data["none"]) == ("Twin", 2, 0)


async def test_text_waits_for_its_element(run_steps: RunSteps, site_url: str) -> None:
    late = {"selector": "Late button", "selectorType": "text", "timeout": 5000}
    outcome = await run_steps(
        opened(site_url, "action-late.html"),
        ("action", {"action": "click", **late}),
        query("getText", "#late", "css"),
    )
    assert outcome.error is None
    assert outcome.data["text"] == "Pressed"


async def test_text_that_is_nowhere_says_what_was_tried(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(opened(site_url), query("getText", "Nowhere", "text", timeout=200))
    assert outcome.error is not None
    assert "within 200 ms" in outcome.error.message
    assert "role button" in outcome.error.message
    assert "part of a text" in outcome.error.message


async def test_an_unknown_type_is_warned_of(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(opened(site_url), query("getText", "id=total", "strange"))
    assert any("Unknown selector type 'strange'" in line for line in outcome.log)


async def test_scroll_then_action_scrolls_to_the_element_first(
    run_workflow: RunWorkflow, site_url: str
) -> None:
    document = chain(
        node("start", "start", scrollThenAction=True),
        node("browser", "openBrowser"),
        node("open", "navigation", action="navigate", url=f"{site_url}/action-keys.html", waitUntil="load"),
        node("read", "elementQuery", action="getBoundingBox", selector="#end"),
        node("missing", "elementQuery", action="isVisible", selector="#nowhere", timeout=100),
    )
    outcome = await run_workflow(document)
    assert outcome.error is None
    assert 0 <= outcome.data["boundingBox"]["y"] < 720
    assert outcome.data["isVisible"] is False
