"""``openBrowser``: which browser, which window, what pages see of it, and its failures."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step

pytestmark = pytest.mark.browser


def seen(site_url: str, *names: str) -> list[Step]:
    """Open the report page and read what it says into ``data``."""
    steps: list[Step] = [("navigation", {"action": "navigate", "url": f"{site_url}/browser-report.html"})]
    return steps + [read(name) for name in names]


def read(name: str, variable: str | None = None) -> Step:
    selector = f"#{name}:not(:empty)"
    return ("elementQuery", {"action": "getText", "selector": selector, "outputVariable": variable or name})


def report(outcome: Outcome, *names: str) -> list[Any]:
    assert outcome.status == "completed", outcome.error
    return [outcome.data[name] for name in names]


async def test_the_defaults_give_a_plain_headless_page(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(*seen(site_url, "size", "injected", "ratio"))
    assert report(outcome, "size", "injected", "ratio") == ["1280x720", "none", "1"]


async def test_capabilities_win_over_the_viewport_rules(run_steps: RunSteps, site_url: str) -> None:
    capabilities = {
        "viewport": {"width": 900, "height": 500},
        "userAgent": "Batch/1",
        "deviceScaleFactor": "2",
        "locale": "de-DE",
        "timezoneId": "Asia/Tokyo",
        "colorScheme": "dark",
        "platformName": "linux",
    }
    outcome = await run_steps(
        *seen(site_url, "size", "agent", "ratio", "locale", "zone", "scheme"),
        open_browser={
            "maxWindow": False,
            "viewportWidth": 640,
            "viewportHeight": 480,
            "capabilities": capabilities,
        },
    )
    assert report(outcome, "size", "agent", "ratio", "locale", "zone", "scheme") == [
        *("900x500", "Batch/1", "2", "de-DE", "Asia/Tokyo", "dark")
    ]
    assert any("capabilities.platformName" in line for line in outcome.log)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"maxWindow": False, "viewportWidth": 640, "viewportHeight": 480}, "640x480"),
        ({"maxWindow": False, "viewportWidth": "640", "viewportHeight": "480"}, "640x480"),
        ({"maxWindow": True, "viewportWidth": 640, "viewportHeight": 480}, "1280x720"),
        ({"maxWindow": False, "viewportWidth": 640, "viewportHeight": 0}, "1280x720"),
        ({"jsScript": "window.injected = 'Android'", "viewportWidth": 360, "viewportHeight": 780}, "360x780"),
        ({"jsScript": "window.injected = 'Android'"}, "412x915"),
    ],
)
async def test_the_viewport_follows_the_rules(
    run_steps: RunSteps, site_url: str, given: dict[str, Any], size: str
) -> None:
    outcome = await run_steps(*seen(site_url, "size"), open_browser=given)
    assert report(outcome, "size") == [size]


async def test_a_script_runs_before_the_pages_own(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        *seen(site_url, "injected"),
        data={"who": "Ada"},
        open_browser={"jsScript": "window.injected = 'by ${data.who}'"},
    )
    assert report(outcome, "injected") == ["by Ada"]


async def test_stealth_mode_hides_the_automation(run_steps: RunSteps, site_url: str) -> None:
    names = ("webdriver", "plugins", "languages", "notifications")
    outcome = await run_steps(
        *seen(site_url, *names), open_browser={"stealthMode": True, "capabilities": {"locale": "fr-FR"}}
    )
    webdriver, plugins, languages, notifications = report(outcome, *names)
    assert (webdriver, plugins, languages) == ("undefined", "5", "en-US,en")
    permission, state = notifications.split("/")
    assert state == {"default": "prompt"}.get(permission, permission)
    plain = await run_steps(*seen(site_url, "webdriver"))
    assert report(plain, "webdriver") == ["true"]


async def test_launch_arguments_reach_the_browser(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        *seen(site_url, "agent"),
        open_browser={"launchOptions": {"args": ["--user-agent=FromNode/1"], "slowMo": "1", "nonsense": 1}},
    )
    assert report(outcome, "agent") == ["FromNode/1"]
    assert any("launchOptions.nonsense" in line for line in outcome.log)


async def test_settings_add_arguments(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(*seen(site_url, "agent"), browser_args=("--user-agent=FromSettings/1",))
    assert report(outcome, "agent") == ["FromSettings/1"]


async def test_a_session_is_recorded_in_the_size_of_the_page(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        *seen(site_url, "size"),
        open_browser={"maxWindow": False, "viewportWidth": 320, "viewportHeight": 240},
        record_session=True,
    )
    if outcome.error is not None and "ffmpeg" in outcome.error.message:
        pytest.skip("Playwright's ffmpeg is not installed on this machine")
    assert report(outcome, "size") == ["320x240"]
    videos = list((outcome.output / "videos").glob("*.webm"))
    assert len(videos) == 1
    assert videos[0].stat().st_size > 0


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({"browser": "opera"}, {}, "unsupported browser 'opera' (known: chromium, firefox, webkit)"),
        ({}, {"browser": "Safari"}, "unsupported browser 'Safari'"),
        ({"capabilities": {"deviceScaleFactor": "big"}}, {}, "'capabilities.deviceScaleFactor'"),
        ({"capabilities": {"viewport": {"width": "wide"}}}, {}, "viewport.width"),
        ({"capabilities": {"timezoneId": "Mars/Base"}}, {}, "Invalid timezone ID: Mars/Base"),
    ],
)
async def test_what_cannot_be_opened_is_said(
    run_steps: RunSteps, given: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(open_browser=given, **options)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.node_id == "browser"
    assert message in outcome.error.message


async def test_a_second_browser_is_refused(run_steps: RunSteps) -> None:
    outcome = await run_steps(("openBrowser", {}))
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.node_id) == ("BROWSER_ALREADY_OPEN", "n1")


async def test_after_a_failed_attempt_another_node_can_open_it(run_steps: RunSteps, site_url: str) -> None:
    broken = {"capabilities": {"timezoneId": "Mars/Base"}, "failSilently": True}
    outcome = await run_steps(("openBrowser", {}), *seen(site_url, "size"), open_browser=broken)
    assert report(outcome, "size") == ["1280x720"]
    assert outcome.node("browser").status == "failed"


async def test_a_browser_that_is_not_there_is_named(run_steps: RunSteps) -> None:
    outcome = await run_steps(open_browser={"launchOptions": {"executablePath": "/nowhere/chromium"}})
    assert outcome.error is not None
    assert outcome.error.code == "BROWSER_MISSING"
    assert "is not installed" in outcome.error.message


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux shows windows through a display server")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.mark.usefixtures("no_display")
@pytest.mark.parametrize("given", [{"headless": False}, {"launchOptions": {"devtools": True}}])
async def test_without_a_display_a_headed_workflow_runs_headless(
    run_steps: RunSteps, site_url: str, given: dict[str, Any]
) -> None:
    outcome = await run_steps(*seen(site_url, "size"), open_browser=given)
    assert report(outcome, "size") == ["1920x1080"]
    assert any("no display" in line for line in outcome.log)


@pytest.mark.usefixtures("no_display")
async def test_headless_on_request_needs_no_display(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(*seen(site_url, "size"), open_browser={"headless": False}, headless=True)
    assert report(outcome, "size") == ["1280x720"]
    assert outcome.log == []


@pytest.mark.usefixtures("no_display")
async def test_insisting_on_a_window_without_a_display_fails(run_steps: RunSteps) -> None:
    outcome = await run_steps(headless=False)
    assert outcome.error is not None
    assert outcome.error.code == "DISPLAY_MISSING"
    assert "DISPLAY" in outcome.error.message
