"""``openBrowser``: the browser of an execution, with its first context and page (nodes.md, openBrowser)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from nodes.browser_options import (
    STEALTH_SCRIPT,
    LaunchChoice,
    context_options,
    launch_choice,
    with_settings,
)
from nodes.context import NodeRun
from nodes.errors import BrowserStateError, NodeDataError
from nodes.model import INTERPOLATED, Flag, Integer, NodeData, OneOf, Text
from nodes.provider import LaunchRequest
from nodes.registry import NodeType
from nodes.viewport import choose_viewport

__all__ = ["OpenBrowser", "OpenBrowserData"]

_BROWSERS: Final = ("chromium", "firefox", "webkit")
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_STEALTH_ARGS: Final = ("--disable-blink-features=AutomationControlled",)
_STEALTH_IGNORED_ARGS: Final = ("--enable-automation",)
_DEVTOOLS_ARGS: Final = ("--auto-open-devtools-for-tabs",)


class OpenBrowserData(NodeData):
    """Properties of ``openBrowser``."""

    browser: Annotated[str, OneOf(*_BROWSERS)] = "chromium"
    """Which browser to open."""
    headless: Flag = True
    """`false` shows the browser's window."""
    max_window: Flag = True
    """Give a visible window 1920 x 1080 and ignore the configured viewport."""
    viewport_width: Integer = None
    """Width of the page, CSS pixels; counts only together with `viewportHeight`."""
    viewport_height: Integer = None
    """Height of the page, CSS pixels; counts only together with `viewportWidth`."""
    capabilities: Mapping[str, object] = Field(default_factory=dict)
    """Playwright's browser-context options (`userAgent`, `locale`, ...); they win over all else."""
    launch_options: Mapping[str, object] = Field(default_factory=dict)
    """Playwright's launch options (`args`, `slowMo`, `proxy`, ...); they win over `headless`."""
    stealth_mode: Flag = False
    """Hide from pages that the browser is automated."""
    js_script: Annotated[Text, INTERPOLATED] = None
    """JavaScript that runs in every page before the page's own scripts."""


class OpenBrowser(NodeType[OpenBrowserData]):
    """Open the execution's browser with one page."""

    name = "openBrowser"
    title = "Open Browser"
    category = "browser"
    uses_page = False

    async def run(self, data: OpenBrowserData, run: NodeRun) -> None:
        """Open browser, default context and page.

        Raises:
            NodeDataError: The browser or one of the options is unknown or has the wrong type.
            BrowserStateError: A browser is open already, or a visible one is demanded without a display.
            BrowserMissingError: The browser is not on this machine.
            BrowserLostError: The browser did not start.
        """
        kind = run.settings.browser or data.browser
        if kind not in _BROWSERS:
            known = ", ".join(_BROWSERS)
            raise NodeDataError(
                f"Property 'browser': unsupported browser '{kind}' (known: {known})", field="browser"
            )
        launch = launch_choice(data.launch_options, run)
        wanted_headless = _wants_headless(data, launch, run)
        request = _request(kind, launch, data, run, headless=wanted_headless or _must_hide(launch, run))
        options = _context(data, run, headed=not wanted_headless)
        stealth = [STEALTH_SCRIPT] if data.stealth_mode else []
        script = [data.js_script] if data.js_script and data.js_script.strip() else []
        await run.session.open(request, options, [*stealth, *script])
        run.result = f"{kind}, {'headless' if request.headless else 'headed'}"


def _wants_headless(data: OpenBrowserData, launch: LaunchChoice, run: NodeRun) -> bool:
    """What the execution's settings say, else the launch options, else the node."""
    if run.settings.headless is not None:
        return run.settings.headless
    if launch.devtools:
        return False
    return data.headless if launch.headless is None else launch.headless


def _must_hide(launch: LaunchChoice, run: NodeRun) -> bool:
    """Whether a visible window was asked for on a machine that cannot show one.

    Raises:
        BrowserStateError: The person who started the run insists on a visible window.
    """
    given = launch.options.get("env")
    environment = given if isinstance(given, Mapping) else os.environ
    if not sys.platform.startswith("linux") or any(environment.get(name) for name in _DISPLAYS):
        return False
    if run.settings.headless is False:
        raise BrowserStateError(
            "A visible browser needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set. "
            "Run without --headed, or start it under a display (for example with xvfb-run)",
            code="DISPLAY_MISSING",
        )
    run.log("warning", "The workflow asks for a visible browser, but there is no display: it runs headless")
    return True


def _request(
    kind: str, launch: LaunchChoice, data: OpenBrowserData, run: NodeRun, *, headless: bool
) -> LaunchRequest:
    args = [*launch.args]
    ignored = [*launch.ignore_default_args]
    if kind == "chromium":
        if data.stealth_mode:
            args += _STEALTH_ARGS
            ignored += _STEALTH_IGNORED_ARGS
        if launch.devtools and not headless:
            args += _DEVTOOLS_ARGS
    args += run.settings.browser_args
    return LaunchRequest(
        browser=kind,
        headless=headless,
        args=tuple(dict.fromkeys(args)),
        ignore_default_args=tuple(dict.fromkeys(ignored)),
        options=launch.options,
    )


def _context(data: OpenBrowserData, run: NodeRun, *, headed: bool) -> dict[str, object]:
    """The context's options: the viewport rules, `capabilities` on top, then the execution's settings.

    A headed workflow that has to run headless keeps the headed viewport, so that pages look the same.
    """
    width, height = data.viewport_width or 0, data.viewport_height or 0
    size = choose_viewport(
        data.js_script or "",
        (width, height) if width > 0 and height > 0 else None,
        maximised=data.max_window,
        headed=headed,
    )
    wanted = context_options(data.capabilities, run, "capabilities")
    if size and not wanted.get("no_viewport"):
        wanted.setdefault("viewport", {"width": size[0], "height": size[1]})
    return with_settings(wanted, run.settings)
