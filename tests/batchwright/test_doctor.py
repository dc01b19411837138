from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from batches.browsers import KINDS
from batchwright.doctor import Check, Report, Status, examine, print_report
from nodes.plugins import load_plugins
from tests.nodes.test_plugins import entry
from tests.nodes.test_plugins import write as write_plugin


async def checked(output: Path) -> dict[str, Check]:
    report = await asyncio.to_thread(examine, output)
    return {check.name: check for check in report.checks}


@pytest.fixture
def no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "ms-playwright"))
    for kind in KINDS:
        monkeypatch.delenv(f"BATCHWRIGHT_{kind.upper()}", raising=False)


@pytest.mark.browser
async def test_a_machine_that_can_run_is_reported_so(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "output"
    report = await asyncio.to_thread(examine, output)
    checks = {check.name: check for check in report.checks}

    assert report.usable
    assert report.exit_code == 0
    assert checks["chromium"].status is Status.OK
    assert checks["launch"].status is Status.OK
    assert "will be created" in checks["output"].found
    assert not output.parent.exists()


@pytest.mark.usefixtures("no_browser")
async def test_without_a_browser_a_run_would_fail(tmp_path: Path) -> None:
    report = await asyncio.to_thread(examine, tmp_path)
    checks = {check.name: check for check in report.checks}

    assert report.exit_code == 1
    assert checks["chromium"].status is Status.FAIL
    assert "batchwright install" in checks["chromium"].advice
    assert checks["firefox"].status is Status.WARN
    assert checks["video"].status is Status.WARN
    assert "launch" not in checks


@pytest.mark.usefixtures("no_browser")
async def test_a_browser_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHWRIGHT_CHROMIUM", "/bin/false")
    checks = await checked(tmp_path)

    assert checks["chromium"].status is Status.FAIL
    assert checks["launch"].status is Status.FAIL
    assert "did not start" in checks["launch"].found


@pytest.mark.usefixtures("no_browser")
async def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("no folder")
    checks = await checked(occupied / "output")

    assert checks["output"].status is Status.FAIL
    assert "--output" in checks["output"].advice


@pytest.mark.usefixtures("no_browser")
async def test_a_display_is_needed_for_windows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "xvfb-run" in (await checked(tmp_path))["display"].advice

    monkeypatch.setenv("DISPLAY", ":99")
    assert "no browser that shows a window" in (await checked(tmp_path))["display"].found


def test_the_report_shows_each_line_and_what_to_do() -> None:
    report = Report((Check("one", Status.OK, "[fine]"), Check("two", Status.FAIL, "broken", "Mend it")))
    stream = io.StringIO()

    print_report(report, Console(file=stream, width=80))

    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert lines[0] == ["ok", "one", "[fine]"]
    assert lines[1] == ["fail", "two", "broken"]
    assert lines[2] == ["->", "Mend", "it"]
    assert "would fail" in stream.getvalue()


@pytest.mark.usefixtures("no_browser")
async def test_plugins_are_listed_with_what_is_wrong(tmp_path: Path) -> None:
    write_plugin(tmp_path, "greetings")
    write_plugin(tmp_path, "broken", nodes=[entry(handlerPath="gone.py")])
    plugins = load_plugins([tmp_path], packages=False)

    report = await asyncio.to_thread(examine, tmp_path, plugins)

    good, bad = (check for check in report.checks if check.name == "plugin")
    assert (good.status, "greetings: shop.greet" in good.found) == (Status.OK, True)
    assert (bad.status, "broken is left out: there is no handler gone.py" in bad.found) == (Status.WARN, True)
