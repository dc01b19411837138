"""Options of browsers and contexts, and the viewport rules: plain functions, no browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batches.pool import BrowserPool
from nodes.browser_options import context_options, launch_choice, python_name, with_settings
from nodes.context import ExecutionContext, ExecutionSettings, NodeRun
from nodes.document import Node
from nodes.errors import NodeDataError
from nodes.session import BrowserSession
from nodes.viewport import choose_viewport

IPHONE = "Object.defineProperty(navigator, 'userAgent', { get: () => 'iPhone' });"


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def run(tmp_path: Path, log: list[str]) -> NodeRun:
    context = ExecutionContext(
        BrowserSession(BrowserPool()),
        ExecutionSettings(output=tmp_path / "output", root=tmp_path),
        log=lambda _level, message: log.append(message),
    )
    return NodeRun(Node("n", "openBrowser"), context)


@pytest.mark.parametrize(
    ("javascript", "python"),
    [
        ("userAgent", "user_agent"),
        ("ignoreHTTPSErrors", "ignore_https_errors"),
        ("extraHTTPHeaders", "extra_http_headers"),
        ("bypassCSP", "bypass_csp"),
        ("baseURL", "base_url"),
        ("javaScriptEnabled", "java_script_enabled"),
        ("handleSIGINT", "handle_sigint"),
        ("viewport", "viewport"),
        ("user_agent", "user_agent"),
    ],
)
def test_javascript_names_become_python_names(javascript: str, python: str) -> None:
    assert python_name(javascript) == python


def test_context_options_are_translated(run: NodeRun, log: list[str], tmp_path: Path) -> None:
    options = context_options(
        {
            "deviceScaleFactor": "1.5",
            "hasTouch": True,
            "extraHTTPHeaders": {"X-Number": 5, "X-Text": "a"},
            "recordVideo": {"dir": "films", "size": {"width": 640, "height": 360}},
            "recordHar": {"path": "traffic/all.har", "omitContent": True},
            "storageState": "state.json",
            "viewport": None,
            "reducedMotion": None,
            "locale": None,
        },
        run,
        "capabilities",
    )
    assert options == {
        "device_scale_factor": 1.5,
        "has_touch": True,
        "extra_http_headers": {"X-Number": "5", "X-Text": "a"},
        "record_video_dir": str(tmp_path / "films"),
        "record_video_size": {"width": 640, "height": 360},
        "record_har_path": str(tmp_path / "traffic" / "all.har"),
        "record_har_omit_content": True,
        "storage_state": str(tmp_path / "state.json"),
        "no_viewport": True,
        "reduced_motion": "null",
    }
    assert log == []


def test_unknown_options_are_left_out_with_a_warning(run: NodeRun, log: list[str]) -> None:
    options = context_options(
        {"browserName": "chrome", "locale": "de-DE", "recordVideo": {"colour": 1}}, run, "capabilities"
    )
    assert options == {"locale": "de-DE"}
    assert [line.split("'")[1] for line in log] == [
        "capabilities.browserName",
        "capabilities.recordVideo.colour",
    ]


@pytest.mark.parametrize("value", ["wide", True, [2]])
def test_a_scale_factor_that_is_no_number_is_named(run: NodeRun, value: object) -> None:
    with pytest.raises(NodeDataError, match=r"deviceScaleFactor.*should be a number") as error:
        context_options({"deviceScaleFactor": value}, run, "capabilities")
    assert error.value.field == "capabilities.deviceScaleFactor"


def test_headers_that_are_no_object_are_named(run: NodeRun) -> None:
    with pytest.raises(NodeDataError, match=r"contextOptions\.extraHTTPHeaders.*should be an object"):
        context_options({"extraHTTPHeaders": ["a"]}, run, "contextOptions")


def test_launch_options_are_taken_apart(run: NodeRun, log: list[str]) -> None:
    choice = launch_choice(
        {
            "headless": False,
            "devtools": True,
            "args": ["--mute-audio", "--lang=de"],
            "ignoreDefaultArgs": ["--hide-scrollbars"],
            "slowMo": "50",
            "executablePath": "/opt/browser",
            "env": {"LEVEL": 3},
            "wsEndpoint": "ws://example.test",
            "channel": None,
        },
        run,
    )
    assert choice.headless is False
    assert choice.devtools is True
    assert choice.args == ("--mute-audio", "--lang=de")
    assert choice.ignore_default_args == ("--hide-scrollbars",)
    assert choice.options == {"slow_mo": 50.0, "executable_path": "/opt/browser", "env": {"LEVEL": "3"}}
    assert log == ["Option 'launchOptions.wsEndpoint' is unknown to Playwright and left out"]


def test_an_absent_headless_is_left_to_the_node(run: NodeRun) -> None:
    assert launch_choice({}, run).headless is None
    assert launch_choice({"headless": True}, run).headless is True


def test_all_default_arguments_cannot_be_dropped(run: NodeRun, log: list[str]) -> None:
    assert launch_choice({"ignoreDefaultArgs": True}, run).ignore_default_args == ()
    assert "ignoreDefaultArgs" in log[0]


def test_arguments_must_be_a_list(run: NodeRun) -> None:
    with pytest.raises(NodeDataError, match=r"launchOptions\.args.*list of texts"):
        launch_choice({"args": "--mute-audio"}, run)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, {"width": 1280, "height": 720}),
        ({"viewport": {"width": 800, "height": 600}}, {"width": 800, "height": 600}),
        ({"no_viewport": True}, None),
        ({"record_video_size": {"width": 1, "height": 1}}, {"width": 1, "height": 1}),
    ],
)
def test_videos_have_the_size_of_the_viewport(
    options: dict[str, object], size: object, tmp_path: Path
) -> None:
    settings = ExecutionSettings(output=tmp_path, record_session=True, ignore_https_errors=True)
    result = with_settings(options, settings)
    assert result.get("record_video_size") == size
    assert result["record_video_dir"] == str(tmp_path / "videos")
    assert result["ignore_https_errors"] is True
    assert with_settings(options, ExecutionSettings(output=tmp_path)) == options


SIZED_IPHONE = IPHONE + "window.innerWidth = 390; window.innerHeight = 844;"


@pytest.mark.parametrize(
    ("rule", "script", "configured", "window", "expected"),
    [
        (1, SIZED_IPHONE, (1000, 700), "maximised headed", (390, 844)),
        (2, IPHONE, (799, 1200), "maximised headed", (799, 1200)),
        (3, IPHONE, None, "", (412, 915)),
        (4, "", (1000, 700), "maximised headed", (1920, 1080)),
        (5, "", (1000, 700), "headed", (1000, 700)),
        (5, IPHONE, (1000, 700), "", (1000, 700)),
        (6, IPHONE, (800, 700), "maximised headed", (412, 915)),
        (7, "", (1000, 700), "maximised", None),
        (7, "", None, "headed", None),
    ],
)
def test_viewport_rules(
    rule: int,
    script: str,
    configured: tuple[int, int] | None,
    window: str,
    expected: tuple[int, int] | None,
) -> None:
    size = choose_viewport(script, configured, maximised="maximised" in window, headed="headed" in window)
    assert size == expected, f"rule {rule}"


@pytest.mark.parametrize(
    "script",
    [
        "window.innerWidth = 390; window.innerHeight = 844;",
        "innerWidth=390\ninnerHeight=844",
        (
            "Object.defineProperty(window, 'innerWidth', { get: () => 390 });"
            "Object.defineProperty(window, 'innerHeight', { get: () => 844 });"
        ),
        (
            'Object.defineProperty(window, "innerWidth", { configurable: true, get: function() { return 390; } });'
            'Object.defineProperty(window, "innerHeight", { configurable: true, get() { return 844 } });'
        ),
        (
            "Object.defineProperty(window, 'innerWidth', { value: 390, writable: false });"
            "Object.defineProperty(window, 'innerHeight', { writable: false, value: 844 });"
        ),
        "Object.defineProperties(window, { innerWidth: { get: () => 390 }, innerHeight: { get: () => 844 } });",
        "window.__defineGetter__('innerWidth', () => 390); window.__defineGetter__('innerHeight', () => 844);",
        (
            "Object.defineProperty(screen, 'width', { get: () => 390 });"
            "Object.defineProperty(window.screen, 'height', { get: () => 844 });"
        ),
        "screen.width = 390; screen.height = 844;",
        "window.innerWidth = 390; window.innerHeight = 844; screen.width = 1; screen.height = 2;",
    ],
)
def test_dimensions_are_found_in_mobile_scripts(script: str) -> None:
    assert choose_viewport(IPHONE + script, None, maximised=True, headed=False) == (390, 844)


@pytest.mark.parametrize(
    "script",
    [
        "if (window.innerWidth < 800) { start(); return 5 } if (innerHeight == 9) {}",
        "const width = () => window.innerWidth; const rows = (innerHeight) => 7;",
        "window.innerWidth = outerWidth; window.innerHeight = 844;",
        "// window.innerWidth = 390; window.innerHeight = 844;",
    ],
)
def test_other_numbers_are_no_dimensions(script: str) -> None:
    assert choose_viewport(IPHONE + script, None, maximised=True, headed=False) == (412, 915)


@pytest.mark.parametrize(
    ("script", "mobile"),
    [
        ("const kind = 'MOBILE'", True),
        ("const kind = 'Android 14'", True),
        ("const kind = 'android 14'", False),
        ("const kind = 'iphone'", False),
        ("/* for iPhone */ start() // mobile", False),
        ("start('https://example.test/Mobile')", True),
        ("const a = 'it\\'s // not a comment', b = 'Mobile'", True),
        ("/* never closed: iPhone", False),
    ],
)
def test_mobile_scripts_are_told_by_their_code(script: str, mobile: Any) -> None:
    size = choose_viewport(script, None, maximised=True, headed=False)
    assert (size == (412, 915)) is mobile
