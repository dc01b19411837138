"""``batchwright install``: get a browser onto this machine, and ffmpeg for its videos.

Nothing is done where a usable browser is. Else Playwright's own download is tried, then the system's packages;
should both fail, the last line says exactly what to run.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Final

from batches.browsers import FoundBrowser, find_browser, read_version, setting_name
from batches.commands import run_command
from batchwright.exit_codes import ExitCode
from batchwright.packages import find_manager, is_root
from batchwright.video import ensure_video
from nodes.errors import BrowserMissingError

__all__ = ["DOWNLOAD_TIMEOUT_S", "install"]

DOWNLOAD_TIMEOUT_S: Final = 600.0
"""Longest time for one download, in seconds."""

_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;]*m")

Say = Callable[[str], None]


def install(
    browser: str = "chromium",
    *,
    ffmpeg: bool = True,
    download_timeout_s: float = DOWNLOAD_TIMEOUT_S,
    say: Say = print,
) -> int:
    """Install a browser, unless a usable one is there. Blocks; may run an event loop of its own.

    Args:
        browser: ``chromium``, ``firefox`` or ``webkit``.
        ffmpeg: Make recording videos possible too. That it fails is said, but does not fail the whole.
        download_timeout_s: Longest time for each download, in seconds.
        say: Called with each line of progress.

    Returns:
        `ExitCode.OK`, or `ExitCode.RUNNER` without a usable browser.
    """
    downloads = _Downloads(download_timeout_s, say)
    if not _ensure_browser(browser, downloads):
        return ExitCode.RUNNER
    if ffmpeg:
        download = None if downloads.failed else downloads.get
        ensure_video(browser, download=download, say=say)
    return ExitCode.OK


class _Downloads:
    """Playwright's own downloads. After one has failed there is no point in waiting for another."""

    def __init__(self, timeout_s: float, say: Say) -> None:
        self.timeout_s = timeout_s
        self.say = say
        self.failed = False

    def get(self, *names: str) -> bool:
        """Download something into Playwright's folder.

        Args:
            names: Arguments of ``playwright install``.
        """
        self.say(f"Downloading {names[-1]} with Playwright")
        # Without "--no-remove" Playwright would delete browsers of its other versions.
        command = [sys.executable, "-m", "playwright", "install", "--no-remove", *names]
        result = run_command(command, timeout_s=self.timeout_s, on_line=self.show)
        self.failed = not result.ok
        if self.failed:
            self.say(f"  The download failed ({result.problem or f'exit code {result.code}'})")
        return result.ok

    def show(self, line: str) -> None:
        """Pass on a line of another program; the bodies of its stack traces help nobody.

        Args:
            line: What it printed.
        """
        text = _CONTROL_SEQUENCE.sub("", line)
        if text.strip(" }") and not text.startswith("    "):
            self.say(f"  {text}")


def _ensure_browser(kind: str, downloads: _Downloads) -> bool:
    say = downloads.say
    if _usable(kind, say):
        return True
    if os.environ.get(setting_name(kind)):
        say(f"{setting_name(kind)} decides which {kind} is used: correct it or take it away, then try again")
        return False
    if downloads.get("--only-shell", kind) and _usable_with_libraries(kind, downloads):
        return True
    if kind == "chromium" and _from_system(say):
        return True
    say(_remedy(kind))
    return False


def _usable(kind: str, say: Say, *, quiet: bool = False) -> bool:
    """Whether a browser is there and starts; says which, or why not."""
    try:
        found = find_browser(kind)
    except BrowserMissingError as error:
        if os.environ.get(setting_name(kind)) and not quiet:
            say(error.message)
        return False
    version = read_version(found.path)
    if not quiet:
        say(_described(kind, found, version))
    return version is not None


def _present(kind: str) -> bool:
    try:
        find_browser(kind)
    except BrowserMissingError:
        return False
    return True


def _described(kind: str, found: FoundBrowser, version: str | None) -> str:
    if version is None:
        return f"Browser {kind}: {found.path} is there but does not start"
    return f"Browser {kind}: ready ({version}, {found.path}, from {found.origin})"


def _usable_with_libraries(kind: str, downloads: _Downloads) -> bool:
    """Whether the downloaded browser starts, if need be after installing the libraries it wants."""
    if _usable(kind, downloads.say):
        return True
    if not _present(kind):
        return False
    command = [sys.executable, "-m", "playwright", "install-deps", kind]
    if not is_root():
        downloads.say("It may lack libraries of the system: run 'sudo python -m playwright install-deps'")
        return False
    downloads.say("Installing the libraries it wants")
    run_command(command, timeout_s=max(downloads.timeout_s, DOWNLOAD_TIMEOUT_S), on_line=downloads.show)
    return _usable(kind, downloads.say)


def _from_system(say: Say) -> bool:
    manager = find_manager()
    if manager is None or not manager.usable:
        return False
    return manager.add(manager.browsers, lambda: _usable("chromium", say, quiet=True), say) and _usable(
        "chromium", say
    )


def _remedy(kind: str) -> str:
    """What to run when everything has failed."""
    ways = [f"'python -m playwright install {kind}' on a machine that reaches Playwright's downloads"]
    manager = find_manager()
    if kind == "chromium" and manager is not None:
        ways.append(f"'{manager.command(manager.browsers[-1])}'")
    ways.append(f"setting {setting_name(kind)} to the path of an executable")
    return f"Browser {kind} is not installed. What helps: {', or '.join(ways)}"
