"""``batchwright doctor``: what a run needs, whether it is there, and what to do if not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from batches import managed
from batches.browsers import INSTALL_COMMAND, KINDS, find_browser, read_version, setting_name
from batchwright.console import make_console
from batchwright.exit_codes import ExitCode
from batchwright.trial import launch_problem
from batchwright.video import video_ready
from nodes.errors import BrowserMissingError
from nodes.plugins import Plugins
from nodes.registry import Registry

__all__ = ["Check", "Report", "Status", "examine", "print_report"]

_MEBIBYTE: Final = 1024 * 1024
_LITTLE_SPACE: Final = 1024 * _MEBIBYTE
"""Free space below which a longer batch with videos may fill the disk, in bytes."""
_NO_SPACE: Final = 50 * _MEBIBYTE
"""Free space below which not even journals are safe, in bytes."""
_OLDEST_PYTHON: Final = (3, 11)


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """Something that not every run needs is missing."""
    FAIL = "fail"
    """A run would fail."""


_STYLES: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Attributes:
        name: What was looked at.
        status: How it is.
        found: What was found.
        advice: What to do; empty if nothing.
    """

    name: str
    status: Status
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found."""

    checks: tuple[Check, ...]

    @property
    def usable(self) -> bool:
        """Whether a run would work."""
        return all(check.status is not Status.FAIL for check in self.checks)

    @property
    def exit_code(self) -> int:
        """`ExitCode.OK`, or `ExitCode.FAILED` if a run would fail."""
        return ExitCode.OK if self.usable else ExitCode.FAILED


def examine(output: Path, plugins: Plugins | None = None) -> Report:
    """Look at everything a run needs. Blocks for some seconds: a browser is really started.

    Args:
        output: The folder that runs would write to; it is not created.
        plugins: The plugins that were found.
    """
    return Report(
        (
            _python(),
            Check("Playwright", Status.OK, managed.playwright_version()),
            *(_browser(kind) for kind in KINDS),
            *_launch(),
            _video(),
            _display(),
            _folder(output),
            _space(output),
            *_plugins(plugins or Plugins(Registry())),
        )
    )


def print_report(report: Report, console: Console | None = None) -> None:
    """Show a report.

    Args:
        report: What `examine` found.
        console: Where to; standard output by default.
    """
    console = console or make_console()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in report.checks:
        table.add_row(f"[{_STYLES[check.status]}]{check.status}[/]", check.name, escape(check.found))
        if check.advice:
            table.add_row("", "", escape(f"-> {check.advice}"))
    console.print(table)
    console.print("Ready to run." if report.usable else "A run would fail; see the lines marked 'fail'.")


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        return Check("Python", Status.FAIL, version, "Use Python 3.11 or later")
    return Check("Python", Status.OK, f"{version} ({sys.executable})")


def _browser(kind: str) -> Check:
    """Whether a kind of browser is there. Only Chromium is needed by every run."""
    needed = kind == "chromium"
    missing = Status.FAIL if needed or os.environ.get(setting_name(kind)) else Status.WARN
    command = INSTALL_COMMAND if needed else f"{INSTALL_COMMAND} --browser {kind}"
    try:
        found = find_browser(kind)
    except BrowserMissingError as error:
        if os.environ.get(setting_name(kind)):
            return Check(kind, missing, error.message, f"Correct {setting_name(kind)} or take it away")
        use = "" if needed else ", if a workflow asks for it"
        return Check(kind, missing, "not installed", f"Run '{command}'{use}")
    version = read_version(found.path)
    if version is None:
        advice = "Run 'python -m playwright install-deps' as root: it may lack libraries of the system"
        return Check(kind, missing, f"{found.path} does not start", advice)
    return Check(kind, Status.OK, f"{version} ({found.path}, from {found.origin})")


def _launch() -> Iterator[Check]:
    try:
        find_browser("chromium")
    except BrowserMissingError:
        return  # its own line says so
    problem = launch_problem("chromium")
    if problem is None:
        yield Check("launch", Status.OK, "chromium started and opened a page")
    else:
        yield Check(
            "launch", Status.FAIL, problem, f"Run the browser by hand to see why, or '{INSTALL_COMMAND}'"
        )


def _video() -> Check:
    path = managed.ffmpeg_file()
    if path is None:
        return Check("video", Status.WARN, "Playwright records no videos on this system")
    if not video_ready():
        return Check(
            "video", Status.WARN, f"no ffmpeg at {path}", f"Run '{INSTALL_COMMAND}' to record videos"
        )
    return Check("video", Status.OK, str(path))


def _display() -> Check:
    """Whether workflows with ``headless: false`` can run."""
    headed = "needed only for workflows with 'headless: false'"
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return Check("display", Status.WARN, f"none; {headed}", "Run under 'xvfb-run' to have one")
    try:
        found = find_browser("chromium", headless=False)
    except BrowserMissingError:
        advice = "Run 'python -m playwright install chromium' or install your system's package 'chromium'"
        return Check("display", Status.WARN, f"no browser that shows a window; {headed}", advice)
    return Check("display", Status.OK, f"windows can be shown ({found.path})")


def _plugins(plugins: Plugins) -> Iterator[Check]:
    """Plugins that are left out fail only the workflows that use their types."""
    for plugin in plugins.loaded():
        yield Check("plugin", Status.OK, f"{plugin.id}: {', '.join(plugin.types)} ({plugin.path})")
    for failure in plugins.failures:
        advice = "Correct it, or take it away"
        yield Check("plugin", Status.WARN, f"{failure.plugin_id} is left out: {failure.reason}", advice)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _folder(output: Path) -> Check:
    where = _existing(output)
    advice = "Choose another folder with --output, or allow writing to it"
    if not where.is_dir():
        return Check("output", Status.FAIL, f"{where} is no folder", advice)
    try:
        with tempfile.TemporaryFile(dir=where) as probe:
            probe.write(b"x")
    except OSError as error:
        return Check("output", Status.FAIL, f"{where} cannot be written: {error.strerror}", advice)
    note = "" if where == output.absolute() else " (will be created)"
    return Check("output", Status.OK, f"{output.absolute()} can be written{note}")


def _space(output: Path) -> Check:
    free = shutil.disk_usage(_existing(output)).free
    amount = f"{free / _MEBIBYTE / 1024:.1f} GiB free"
    advice = "Free some space, or choose another folder with --output"
    if free < _NO_SPACE:
        return Check("space", Status.FAIL, amount, advice)
    return Check(
        "space",
        Status.WARN if free < _LITTLE_SPACE else Status.OK,
        amount,
        "" if free >= _LITTLE_SPACE else advice,
    )
