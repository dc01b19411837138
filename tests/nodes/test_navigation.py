"""The navigation node: pages, history and tabs."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.navigation import full_url
from tests.conftest import RunSteps, RunWorkflow
from tests.running import Step, chain, node


def go(action: str, **more: Any) -> Step:
    return ("navigation", {"action": action, "waitUntil": "load", **more})


def navigate(site_url: str, page: str = "action-tabs.html", **more: Any) -> Step:
    return go("navigate", url=f"{site_url}/{page}", **more)


def at(pattern: str) -> Step:
    return ("verify", {"domain": "browser", "verificationType": "url", "urlPattern": pattern})


CLICK_NEXT: Step = (
    "action",
    {"action": "click", "selector": "#next", "waitForUrl": "form.html", "waitAfterOperation": True},
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("example.com", "https://example.com"),
        ("  example.com/path?q=a:b  ", "https://example.com/path?q=a:b"),
        ("localhost:3000", "https://localhost:3000"),
        ("localhost:3000/about:blank", "https://localhost:3000/about:blank"),
        ("user:secret@example.com", "https://user:secret@example.com"),
        ("[::1]:8080", "https://[::1]:8080"),
        ("//example.com", "https://example.com"),
        ("http://example.com", "http://example.com"),
        ("HTTPS://Example.com", "HTTPS://Example.com"),
        ("about:blank", "about:blank"),
        ("data:text/html,<p>hi", "data:text/html,<p>hi"),
        ("file:///tmp/a.html", "file:///tmp/a.html"),
        ("blob:https://a/b", "blob:https://a/b"),
        ("chrome://version", "chrome://version"),
    ],
)
def test_addresses_get_a_scheme_only_if_they_have_none(written: str, expected: str) -> None:
    assert full_url(written) == expected


@pytest.mark.parametrize("wait_until", ["load", "domcontentloaded", "networkidle", "commit"])
async def test_navigate(run_steps: RunSteps, site_url: str, wait_until: str) -> None:
    step = go("navigate", url=" ${data.site}/action-tabs.html ", waitUntil=wait_until)
    outcome = await run_steps(step, at("action-tabs.html"), data={"site": site_url})
    assert outcome.error is None


async def test_other_schemes_are_left_alone(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        go("navigate", url="data:text/html,<p id=a>hello"),
        ("elementQuery", {"action": "getText", "selector": "#a"}),
        go("navigate", url="about:blank"),
        at("about:blank"),
    )
    assert outcome.error is None
    assert outcome.data["text"] == "hello"


async def test_the_referer_is_sent(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        navigate(site_url, "echo", referer="https://from.example/"),
        ("elementQuery", {"action": "getText", "selector": "body"}),
    )
    assert "https://from.example/" in outcome.data["text"]


@pytest.mark.parametrize("page", ["status/404", "status/500"])
async def test_http_errors_do_not_fail(run_steps: RunSteps, site_url: str, page: str) -> None:
    outcome = await run_steps(navigate(site_url, page))
    assert outcome.status == "completed"


async def test_a_slow_page_runs_into_the_timeout(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(navigate(site_url, "slow?ms=5000", timeout=200))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_history_and_reload(run_steps: RunSteps, site_url: str) -> None:
    type_name: Step = ("type", {"selector": "#name", "text": "new"})
    read_name: Step = (
        "verify",
        {"domain": "browser", "verificationType": "formField", "selector": "#name", "expectedValue": "old"},
    )
    outcome = await run_steps(
        navigate(site_url),
        CLICK_NEXT,
        go("goBack"),
        at("action-tabs.html"),
        go("goForward"),
        at("action-form.html"),
        type_name,
        go("reload"),
        read_name,
    )
    assert outcome.error is None


async def test_without_history_nothing_happens(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(go("goForward"), navigate(site_url), go("goForward"), at("action-tabs.html"))
    assert outcome.error is None


async def test_a_new_tab_does_not_become_current(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        navigate(site_url),
        go("newTab", url=f"{site_url}/action-form.html"),
        at("action-tabs.html"),
        go("newTab", contextKey="blank"),
    )
    assert outcome.error is None
    assert outcome.data["newPage"] == f"<page {site_url}/action-form.html>"
    assert outcome.data["blank"] == "<page about:blank>"


async def test_a_tab_that_cannot_load_is_closed(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        navigate(site_url),
        go("newTab", url=f"{site_url}/slow?ms=5000", timeout=200, failSilently=True),
        go("switchTab", timeout=100),
    )
    assert outcome.error is not None
    assert "There is no tab other than the current one" in outcome.error.message


SWITCHES = {
    "by number": {"tabIndex": 2},
    "by URL": {"urlPattern": r"late\.html"},
    "by URL between slashes": {"urlPattern": r"/late\.html\?tab=\d/"},
}


@pytest.mark.parametrize("which", SWITCHES.values(), ids=SWITCHES)
async def test_switching_lasts_for_later_nodes(
    run_steps: RunSteps, site_url: str, which: dict[str, Any]
) -> None:
    outcome = await run_steps(
        navigate(site_url),
        go("newTab", url=f"{site_url}/action-form.html"),
        go("newTab", url=f"{site_url}/action-late.html?tab=2"),
        go("switchTab", **which),
        at("action-late.html"),
        ("action", {"action": "click", "selector": "#press"}),
        at("action-late.html"),
        go("switchTab", tabIndex=0, contextKey="first"),
        at("action-tabs.html"),
        go("switchTab"),
        at("action-form.html"),
    )
    assert outcome.error is None
    assert outcome.data["first"] == f"<page {site_url}/action-tabs.html>"
    assert outcome.data["currentPage"] == f"<page {site_url}/action-form.html>"


async def test_switching_waits_for_a_popup_that_is_opening(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        navigate(site_url),
        ("action", {"action": "click", "selector": "#popup"}),
        at("action-tabs.html"),
        go("switchTab", urlPattern="popup=1"),
        at("popup=1"),
    )
    assert outcome.error is None


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ({"tabIndex": 5}, "There is no tab number 5"),
        ({"tabIndex": -1}, "There is no tab number -1"),
        ({"urlPattern": "nowhere"}, "There is no tab with a URL matching 'nowhere'"),
        ({}, "There is no tab other than the current one"),
        ({"urlPattern": "("}, "'urlPattern' holds the invalid regular expression"),
    ],
)
async def test_switching_to_no_tab_fails(
    run_steps: RunSteps, site_url: str, which: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(navigate(site_url), go("switchTab", timeout=100, **which))
    assert outcome.error is not None
    assert message in outcome.error.message


async def test_closing_tabs(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        navigate(site_url),
        go("newTab", url=f"{site_url}/action-form.html"),
        go("newTab", url=f"{site_url}/action-late.html"),
        go("closeTab", tabIndex=1),
        at("action-tabs.html"),
        go("closeTab"),
        at("action-late.html"),
        go("closeTab", tabIndex=1),
    )
    assert outcome.error is not None
    assert outcome.error.node_id == "n8"
    assert "There is no tab number 1 (counted from 0); open tabs: 0: " in outcome.error.message


async def test_after_the_last_tab_is_closed_a_page_is_missing(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(navigate(site_url), go("closeTab"), at("action"))
    assert outcome.error is not None
    assert outcome.error.code == "PAGE_MISSING"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no action": ({}, "'action' is required"),
    "unknown action": ({"action": "fly"}, "unknown value 'fly'; it can be: navigate, goBack"),
    "unknown waitUntil": (
        {"action": "reload", "waitUntil": "later"},
        "'waitUntil' has the unknown value 'later'",
    ),
    "no url": ({"action": "navigate", "url": "  "}, "'url' is required"),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG)
async def test_wrong_properties_are_named(run_steps: RunSteps, data: dict[str, Any], message: str) -> None:
    outcome = await run_steps(("navigation", data))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert message in outcome.error.message


async def test_without_a_browser_the_page_is_missing(run_steps: RunSteps) -> None:
    outcome = await run_steps(go("navigate", url="about:blank"), open_browser=False)
    assert outcome.error is not None
    assert outcome.error.code == "PAGE_MISSING"


@pytest.mark.parametrize(("settle", "resized"), [(True, "yes"), (False, "no")])
async def test_settling_is_asked_for(
    run_workflow: RunWorkflow, site_url: str, settle: bool, resized: str
) -> None:
    document = chain(
        node("start", "start"),
        node("browser", "openBrowser"),
        node("open", "navigation", action="navigate", url=f"{site_url}/action-tabs.html", waitUntil="load"),
        node("read", "elementQuery", action="getText", selector="#resized"),
    )
    outcome = await run_workflow(document, settle=settle)
    assert outcome.error is None
    assert outcome.data["text"] == resized
