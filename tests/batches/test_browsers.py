from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from batches import managed
from batches.browsers import KINDS, find_browser, read_version, with_version
from batches.commands import run_command
from batches.processes import identify, is_alive
from nodes.errors import BrowserMissingError


@pytest.fixture
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which no browser can be found; returns the only folder of its PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "ms-playwright"))
    for kind in KINDS:
        monkeypatch.delenv(f"BATCHWRIGHT_{kind.upper()}", raising=False)
    return programs


def program(path: Path, script: str = 'echo "Chromium 1.2.3"') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def managed_shell() -> Path:
    revision = min(managed._revisions()["chromium-headless-shell"])
    return (
        managed.browsers_folder()
        / f"chromium_headless_shell-{revision}"
        / "chrome-headless-shell-linux64"
        / "chrome-headless-shell"
    )


@pytest.mark.browser
async def test_the_browser_of_this_machine_is_found_with_its_version() -> None:
    found = await with_version(find_browser("chromium"))

    assert found.version is not None
    assert any(digit.isdigit() for digit in found.version)
    assert found.path.is_absolute()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_found_says_what_to_run(empty_machine: Path, kind: str) -> None:
    with pytest.raises(BrowserMissingError) as caught:
        find_browser(kind)

    assert "is not installed" in caught.value.message
    assert "batchwright install" in caught.value.message
    assert list(empty_machine.iterdir()) == []


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(BrowserMissingError, match=r"'netscape' is not installed.*chromium, firefox, webkit"):
        find_browser("netscape")


def test_a_setting_goes_before_playwright_and_playwright_before_the_system(
    empty_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(empty_machine / "google-chrome")
    assert find_browser("chromium").origin == "system"

    shell = program(managed_shell())
    found = find_browser("chromium")
    assert (found.origin, found.path, found.headless_only) == ("playwright", shell, True)

    named = program(tmp_path / "named")
    monkeypatch.setenv("BATCHWRIGHT_CHROMIUM", str(named))
    assert find_browser("chromium").path == named

    given = program(tmp_path / "given")
    assert find_browser("chromium", explicit=str(given)).path == given


def test_headless_prefers_the_shell_and_a_window_needs_the_full_browser(empty_machine: Path) -> None:
    shell = program(empty_machine / "chromium-headless-shell")
    with pytest.raises(BrowserMissingError, match="with a window is not installed"):
        find_browser("chromium", headless=False)

    full = program(empty_machine / "chromium")

    assert find_browser("chromium").path == shell
    assert find_browser("chromium", headless=False).path == full


def test_a_setting_that_cannot_serve_is_an_error_and_not_passed_over(
    empty_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(empty_machine / "chromium")
    monkeypatch.setenv("BATCHWRIGHT_CHROMIUM", "/no/such/browser")
    with pytest.raises(BrowserMissingError, match=r"/no/such/browser.*BATCHWRIGHT_CHROMIUM"):
        find_browser("chromium")

    shell = program(empty_machine / "chromium-headless-shell")
    with pytest.raises(BrowserMissingError, match="headless shell"):
        find_browser("chromium", headless=False, explicit=str(shell))


def test_the_systems_firefox_is_no_candidate(empty_machine: Path) -> None:
    program(empty_machine / "firefox", 'echo "Mozilla Firefox 1"')

    with pytest.raises(BrowserMissingError, match="batchwright install --browser firefox"):
        find_browser("firefox")


def test_a_version_is_asked_anew_when_the_file_changes(tmp_path: Path) -> None:
    browser = program(tmp_path / "browser", "echo noise; echo Browser 1")
    assert read_version(browser) == "Browser 1"

    program(browser, "echo Browser 22")

    assert read_version(browser) == "Browser 22"


@pytest.mark.parametrize("script", ["exit 3", "sleep 60 & sleep 60"])
def test_a_browser_that_does_not_tell_its_version_has_none(tmp_path: Path, script: str) -> None:
    assert read_version(program(tmp_path / "browser", script), 0.3) is None
    assert read_version(tmp_path / "missing") is None


def test_a_command_out_of_time_is_killed_with_what_it_started() -> None:
    result = run_command(["sh", "-c", "echo before; sleep 300 & echo $!; wait"], timeout_s=0.5)

    assert (result.code, result.lines[0]) == (None, "before")
    assert "0.5 s" in result.problem
    grandchild = identify(int(result.lines[1]))
    assert grandchild is None or not is_alive(grandchild)


def test_a_command_that_cannot_start_says_why() -> None:
    result = run_command(["/no/such/program"], timeout_s=5)

    assert not result.ok
    assert "No such file" in result.problem


def test_playwrights_own_folders_are_known_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    listing = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "--dry-run"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout

    ffmpeg = managed.ffmpeg_file()
    assert ffmpeg is not None
    assert f"Install location:    {ffmpeg.parent}\n" in listing
    for name in ("chromium", "chromium-headless-shell", "firefox"):
        revision = min(managed._revisions()[name])
        assert f"{tmp_path}/{name.replace('-', '_')}-{revision}\n" in listing
