"""``contextManipulate``: every action, what it keeps, and its failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from nodes.contexts import _ACTIONS
from nodes.contexts_model import ACTIONS
from tests.conftest import RunSteps
from tests.nodes.test_browser import read, report, seen
from tests.running import Step

pytestmark = pytest.mark.browser


def change(action: str, **data: Any) -> Step:
    return ("contextManipulate", {"action": action, **data})


def open_page(url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": url})


def cookies(variable: str) -> Step:
    return ("storage", {"action": "getCookie", "name": "user", "contextKey": variable})


def test_all_documented_actions_exist() -> None:
    assert set(_ACTIONS) == set(ACTIONS)


async def test_geolocation_is_granted_and_set(run_steps: RunSteps, site_url: str) -> None:
    place = {"latitude": 52.5, "longitude": "13.25"}
    outcome = await run_steps(change("setGeolocation", geolocation=place), *seen(site_url, "place"))
    assert report(outcome, "place") == ["52.5,13.25"]


@pytest.mark.parametrize("place", [None, {"latitude": 1}, {"latitude": None, "longitude": 2}])
async def test_geolocation_needs_both_coordinates(run_steps: RunSteps, place: object) -> None:
    outcome = await run_steps(change("setGeolocation", geolocation=place))
    assert outcome.error is not None
    assert "'geolocation'" in outcome.error.message


async def test_permissions_are_granted_and_cleared(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        change("setPermissions", permissions=["notifications"]),
        *seen(site_url, "notifications"),
        change("clearPermissions"),
        open_page(f"{site_url}/browser-report.html"),
        read("notifications", "cleared"),
    )
    granted, cleared = report(outcome, "notifications", "cleared")
    # A headless browser denies notifications themselves, whatever was granted.
    assert granted.endswith("/granted")
    assert not cleared.endswith("/granted")


async def test_the_viewport_of_the_page_changes(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        change("setViewportSize", viewportWidth=500, viewportHeight=400), *seen(site_url, "size")
    )
    assert report(outcome, "size") == ["500x400"]


async def test_headers_and_user_agent_are_sent_together(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        change("setExtraHTTPHeaders", extraHTTPHeaders={"X-Old": "1"}),
        change("setUserAgent", userAgent="Robot/1"),
        change("setExtraHTTPHeaders", extraHTTPHeaders={"X-New": 2}),
        open_page(f"{site_url}/echo"),
        ("elementQuery", {"action": "getText", "selector": "body", "outputVariable": "echo"}),
    )
    [echo] = report(outcome, "echo")
    headers = {name.lower(): value for name, value in orjson.loads(echo)["headers"].items()}
    assert headers["user-agent"] == "Robot/1"
    assert headers["x-new"] == "2"
    assert "x-old" not in headers


@pytest.mark.parametrize(
    ("step", "name", "value"),
    [
        (change("setLocale", locale="de-DE"), "locale", "de-DE"),
        (change("setTimezone", timezoneId="Asia/Tokyo"), "zone", "Asia/Tokyo"),
        (change("setColorScheme", colorScheme="dark"), "scheme", "dark"),
    ],
)
async def test_a_replaced_context_keeps_page_and_options(
    run_steps: RunSteps, site_url: str, step: Step, name: str, value: str
) -> None:
    names = ("size", "agent", "injected", "place")
    outcome = await run_steps(
        open_page(f"{site_url}/set-cookie?name=user&value=ada"),
        ("storage", {"action": "setLocalStorage", "key": "cart", "value": "3 items"}),
        change("setGeolocation", geolocation={"latitude": 1, "longitude": 2}),
        change("addInitScript", initScript="window.injected = 'later script'"),
        open_page(f"{site_url}/browser-report.html"),
        step,
        *(read(item) for item in (name, *names)),
        cookies("cookie"),
        ("storage", {"action": "getLocalStorage", "key": "cart", "contextKey": "cart"}),
        open_browser={
            "capabilities": {"userAgent": "Batch/1", "viewport": {"width": 700, "height": 500}},
            "jsScript": "window.injected = 'first script'",
        },
    )
    assert report(outcome, name, *names, "cookie", "cart") == [
        *(value, "700x500", "Batch/1", "later script", "1,2", "ada", "3 items")
    ]


async def test_changes_add_up(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        change("setViewportSize", viewportWidth=500, viewportHeight=400),
        change("setLocale", locale="fr-FR"),
        change("setTimezone", timezoneId="Asia/Tokyo"),
        change("setColorScheme", colorScheme="dark"),
        *seen(site_url, "size", "locale", "zone", "scheme"),
    )
    assert report(outcome, "size", "locale", "zone", "scheme") == ["500x400", "fr-FR", "Asia/Tokyo", "dark"]


async def test_a_refused_change_leaves_the_context_as_it_was(run_steps: RunSteps, site_url: str) -> None:
    steps = seen(site_url, "zone")
    outcome = await run_steps(
        steps[0], change("setTimezone", timezoneId="Mars/Base", failSilently=True), steps[1]
    )
    error = outcome.node("n2").error
    assert error is not None
    assert "Mars/Base" in error.message
    assert outcome.status == "completed"


async def test_a_change_under_a_new_name_leaves_the_model_alone(run_steps: RunSteps, site_url: str) -> None:
    steps = seen(site_url, "locale")
    outcome = await run_steps(
        *steps,
        change("setLocale", locale="de-DE", contextKey="german"),
        read("locale", "german"),
        change("switchContext", contextKey="default"),
        read("locale"),
        open_browser={"capabilities": {"locale": "fr-FR"}},
    )
    assert report(outcome, "german", "locale") == ["de-DE", "fr-FR"]


async def test_contexts_are_isolated_and_can_be_switched(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        open_page(f"{site_url}/set-cookie?name=user&value=ada"),
        change("createContext", contextKey="guest", contextOptions={"userAgent": "Guest/1", "odd": 1}),
        *seen(site_url, "agent"),
        cookies("guest"),
        change("switchContext", contextKey="default"),
        cookies("member"),
    )
    assert report(outcome, "agent", "guest", "member") == ["Guest/1", None, "ada"]
    assert any("contextOptions.odd" in line for line in outcome.log)


async def test_an_unnamed_context_gets_a_name(run_steps: RunSteps) -> None:
    outcome = await run_steps(change("createContext"), change("createContext"))
    assert outcome.status == "completed"


async def test_state_is_saved_and_loaded(run_steps: RunSteps, site_url: str, tmp_path: Path) -> None:
    outcome = await run_steps(
        open_page(f"{site_url}/set-cookie?name=user&value=ada"),
        change("saveState", stateFilePath="states\\member.json"),
        change("loadState", stateFilePath="states/member.json", contextKey="again"),
        open_page(f"{site_url}/echo"),
        cookies("loaded"),
    )
    assert report(outcome, "loaded") == ["ada"]
    saved = orjson.loads((tmp_path / "states" / "member.json").read_bytes())
    assert [cookie["name"] for cookie in saved["cookies"]] == ["user"]


async def test_a_device_is_emulated(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        change("emulateDevice", device="iPhone 13"), *seen(site_url, "size", "agent", "ratio")
    )
    _size, agent, ratio = report(outcome, "size", "agent", "ratio")
    assert "iPhone" in agent
    assert ratio == "3"


@pytest.mark.parametrize("content", [None, "{ not json", "[1, 2]"])
async def test_an_unusable_state_file_is_named(
    run_steps: RunSteps, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "state.json").write_text(content, encoding="utf-8")
    outcome = await run_steps(change("loadState", stateFilePath="state.json"))
    assert outcome.error is not None
    assert outcome.error.code == "FILE_NOT_USABLE"
    assert "state.json" in outcome.error.message


async def test_a_state_file_that_cannot_be_written_is_named(run_steps: RunSteps, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder", encoding="utf-8")
    outcome = await run_steps(change("saveState", stateFilePath="taken/state.json"))
    assert outcome.error is not None
    assert outcome.error.code == "FILE_NOT_USABLE"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "'action' is required"),
        ({"action": "revokePermissions"}, "'action' has the unknown value 'revokePermissions'"),
        ({"action": "setPermissions"}, "'permissions'"),
        ({"action": "setPermissions", "permissions": ["telepathy"]}, "telepathy"),
        ({"action": "setViewportSize", "viewportWidth": 5}, "'viewportHeight'"),
        ({"action": "setUserAgent", "userAgent": " "}, "'userAgent'"),
        ({"action": "setExtraHTTPHeaders", "extraHTTPHeaders": {}}, "'extraHTTPHeaders'"),
        ({"action": "setLocale"}, "'locale'"),
        ({"action": "setTimezone"}, "'timezoneId'"),
        ({"action": "setColorScheme", "colorScheme": "pink"}, "it can be: light, dark, no-preference"),
        ({"action": "createContext", "contextKey": "default"}, "Context 'default' already exists"),
        ({"action": "switchContext"}, "'contextKey'"),
        ({"action": "switchContext", "contextKey": "x"}, "Context 'x' does not exist (known: default)"),
        ({"action": "saveState"}, "'stateFilePath'"),
        ({"action": "emulateDevice", "device": "iPhone 0"}, "no device 'iPhone 0' (similar: iPhone"),
        ({"action": "addInitScript"}, "'initScript'"),
    ],
)
async def test_what_is_missing_or_unknown_is_named(
    run_steps: RunSteps, data: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(("contextManipulate", data))
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert message in outcome.error.message


@pytest.mark.parametrize(
    "data",
    [
        {"action": "clearPermissions"},
        {"action": "setUserAgent", "userAgent": "a"},
        {"action": "setLocale", "locale": "de-DE"},
        {"action": "switchContext", "contextKey": "default"},
        {"action": "createContext"},
        {"action": "emulateDevice", "device": "iPhone 13"},
        {"action": "addInitScript", "initScript": "1"},
    ],
)
async def test_without_a_browser_every_action_says_so(run_steps: RunSteps, data: dict[str, Any]) -> None:
    outcome = await run_steps(("contextManipulate", data), open_browser=False)
    assert outcome.error is not None
    assert outcome.error.code == "PAGE_MISSING"


async def test_a_silent_failure_is_still_reported(run_steps: RunSteps) -> None:
    outcome = await run_steps(change("switchContext", contextKey="x", failSilently=True))
    assert outcome.status == "completed"
    assert outcome.node("n1").status == "failed"
