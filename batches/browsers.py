"""Finding a browser on this machine.

The order is that of the design page: an explicit setting, the browser that Playwright manages, the system's.
Headless runs prefer Chromium's headless shell, which starts and closes in a fraction of the time. Playwright's
Firefox and WebKit are patched builds, so the system's own Firefox is no candidate.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from batches import managed
from batches.commands import run_command
from nodes.errors import BrowserMissingError

__all__ = [
    "INSTALL_COMMAND",
    "KINDS",
    "VERSION_TIMEOUT_S",
    "FoundBrowser",
    "Origin",
    "find_browser",
    "missing_browser",
    "read_version",
    "setting_name",
    "with_version",
]

Origin = Literal["setting", "playwright", "system"]

KINDS: Final = ("chromium", "firefox", "webkit")
"""The kinds of browser that Playwright drives."""

INSTALL_COMMAND: Final = "batchwright install"

VERSION_TIMEOUT_S: Final = 10.0
"""Longest time a browser may take to print its version, in seconds."""

_SYSTEM_SHELLS: Final = ("chromium-headless-shell", "chrome-headless-shell", "headless_shell")
_SYSTEM_FULL: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
    "brave-browser",
    "chrome",
    "msedge",
)
# Places outside of PATH where macOS keeps its programs.
_MAC_APPS: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)

_versions: dict[tuple[Path, int], str] = {}


@dataclass(frozen=True, slots=True)
class FoundBrowser:
    """A browser on this machine.

    Attributes:
        kind: ``chromium``, ``firefox`` or ``webkit``.
        name: The program's name, such as ``chromium-headless-shell``.
        path: The executable.
        version: What ``--version`` printed; None until `with_version` asked.
        headless_only: Whether it cannot show a window.
        origin: Who says that it is there: a setting, Playwright or the system.
    """

    kind: str
    name: str
    path: Path
    version: str | None
    headless_only: bool
    origin: Origin


def setting_name(kind: str) -> str:
    """The environment variable that names the executable of a kind of browser."""
    return f"BATCHWRIGHT_{kind.upper()}"


def find_browser(kind: str, *, headless: bool = True, explicit: str | None = None) -> FoundBrowser:
    """Find the browser to launch. Looks at files only and starts nothing.

    Args:
        kind: ``chromium``, ``firefox`` or ``webkit``.
        headless: Whether its window stays hidden.
        explicit: Path or name of an executable that goes before everything else; without it the environment
            variable of `setting_name` does.

    Raises:
        BrowserMissingError: Nothing usable is on this machine.
    """
    if kind not in KINDS:
        raise BrowserMissingError(f"Browser '{kind}' is not installed: known kinds are {', '.join(KINDS)}")
    setting = explicit or os.environ.get(setting_name(kind))
    if setting:
        return _from_setting(kind, setting, headless=headless, source="the setting" if explicit else None)
    for found in _candidates(kind, headless=headless):
        return found
    raise missing_browser(kind, headless=headless)


def missing_browser(kind: str, *, headless: bool = True, detail: str = "") -> BrowserMissingError:
    """The error for a browser that is not there, with the command that helps.

    Args:
        kind: The kind of browser.
        headless: Whether one without a window would do.
        detail: More about where was looked.
    """
    command = INSTALL_COMMAND if kind == "chromium" else f"{INSTALL_COMMAND} --browser {kind}"
    if headless or kind != "chromium":
        window, remedy = "", f"Run '{command}'"
    else:
        window = " with a window"
        remedy = (
            f"Run headless ('{command}' brings what that needs), run 'python -m playwright install chromium' "
            "or install your system's package 'chromium'"
        )
    return BrowserMissingError(
        f"Browser {kind}{window} is not installed{detail}. {remedy}, or set {setting_name(kind)} to the path of "
        "an executable"
    )


def _from_setting(kind: str, setting: str, *, headless: bool, source: str | None) -> FoundBrowser:
    where = source or setting_name(kind)
    path = shutil.which(setting)
    if path is None:
        raise missing_browser(kind, detail=f" at '{setting}', which {where} names")
    found = _describe(kind, Path(path), "setting")
    if found.headless_only and not headless:
        raise missing_browser(kind, headless=False, detail=f": {where} names a headless shell ('{setting}')")
    return found


def _candidates(kind: str, *, headless: bool) -> Iterator[FoundBrowser]:
    """Everything on this machine that would do, best first."""
    names = [kind]
    if kind == "chromium" and headless:
        names.insert(0, "chromium-headless-shell")
    for name in names:
        for path in managed.executables(name):
            yield _describe(kind, path, "playwright", name)
    if kind != "chromium":
        return
    for program in (*(_SYSTEM_SHELLS if headless else ()), *_SYSTEM_FULL, *_MAC_APPS):
        path = shutil.which(program)
        if path is not None:
            yield _describe(kind, Path(path), "system")


def _describe(kind: str, path: Path, origin: Origin, name: str | None = None) -> FoundBrowser:
    program = name or path.stem
    shell = kind == "chromium" and "headless" in path.name.replace("_", "-")
    return FoundBrowser(kind, program, path, None, shell, origin)


def read_version(path: Path, timeout_s: float = VERSION_TIMEOUT_S) -> str | None:
    """What an executable prints for ``--version``; None if it does not start or answer. Blocks.

    Remembered for as long as the file stays the same.

    Args:
        path: The executable.
        timeout_s: Longest time to wait, in seconds.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return None
    known = _versions.get((path, changed))
    if known is None:
        done = run_command(
            [path, "--version"], timeout_s=timeout_s, errors_too=False, environment=_no_display()
        )
        if not done.ok:
            return None
        known = next((line.strip() for line in reversed(done.lines) if line.strip()), "")
        _versions[path, changed] = known
    return known


def _no_display() -> Mapping[str, str]:
    # A display must not make a version question open a window.
    return {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}


async def with_version(found: FoundBrowser, timeout_s: float = VERSION_TIMEOUT_S) -> FoundBrowser:
    """The same browser with its version, asked off the event loop.

    Args:
        found: A browser.
        timeout_s: Longest time to wait, in seconds.
    """
    version = await asyncio.to_thread(read_version, found.path, timeout_s)
    return replace(found, version=version)
