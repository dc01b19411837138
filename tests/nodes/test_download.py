"""``download``: taking, saving and locating downloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Step

pytestmark = pytest.mark.browser


def download(action: str, **data: Any) -> Step:
    return ("download", {"action": action, "timeout": 10_000, **data})


def click(name: str) -> Step:
    return ("action", {"action": "click", "selector": f"#{name}"})


def page(site_url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": f"{site_url}/browser-downloads.html"})


@pytest.mark.parametrize("button", ["report", "later"])
async def test_a_download_of_the_preceding_node_is_saved(
    run_steps: RunSteps, site_url: str, tmp_path: Path, button: str
) -> None:
    outcome = await run_steps(
        page(site_url),
        click(button),
        download("waitForDownload", urlPattern="/download/report\\.${data.kind}$"),
        download("saveDownload", downloadObject="download", savePath="files/${data.kind}/got.csv"),
        data={"kind": "csv"},
    )
    assert outcome.status == "completed", outcome.error
    saved = tmp_path / "files" / "csv" / "got.csv"
    assert saved.read_text(encoding="utf-8") == "content of report.csv\n"
    assert outcome.data["downloadSavedPath"] == str(saved)
    assert outcome.data["download"] == f"<download {site_url}/download/report.csv>"


async def test_downloads_are_kept_in_their_order(run_steps: RunSteps, site_url: str, tmp_path: Path) -> None:
    outcome = await run_steps(
        page(site_url),
        click("report"),
        download("waitForDownload", outputVariable="first"),
        click("other"),
        download("waitForDownload", outputVariable="second"),
        download("saveDownload", downloadObject="second", savePath="second.txt"),
        download("saveDownload", downloadObject="first", savePath="first.txt"),
    )
    assert outcome.status == "completed", outcome.error
    assert (tmp_path / "first.txt").read_text(encoding="utf-8") == "content of report.csv\n"
    assert (tmp_path / "second.txt").read_text(encoding="utf-8") == "content of other.txt\n"


@pytest.mark.parametrize("variable", [None, "where"])
async def test_the_temporary_path_is_stored(run_steps: RunSteps, site_url: str, variable: str | None) -> None:
    outcome = await run_steps(
        page(site_url),
        click("report"),
        download("waitForDownload"),
        download("getDownloadPath", downloadObject="download", outputVariable=variable),
    )
    assert outcome.status == "completed", outcome.error
    assert Path(outcome.data[variable or "downloadPath"]).is_absolute()


async def test_another_url_fails(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url), click("other"), download("waitForDownload", urlPattern="/report\\.csv/")
    )
    assert outcome.error is not None
    assert outcome.error.code == "DOWNLOAD_UNEXPECTED"
    assert f"got '{site_url}/download/other.txt'" in outcome.error.message


async def test_a_retry_goes_on_to_the_next_download(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url),
        click("other"),
        click("report"),
        download("waitForDownload", urlPattern="report", retryEnabled=True, retryDelay=1),
    )
    assert outcome.status == "completed", outcome.error
    assert outcome.data["download"].endswith("/download/report.csv>")


async def test_no_download_in_time_fails(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(page(site_url), download("waitForDownload", timeout=50))
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
    assert "No download was started within 50 ms" in outcome.error.message


async def test_a_path_that_cannot_be_written_fails(
    run_steps: RunSteps, site_url: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file, no folder", encoding="utf-8")
    outcome = await run_steps(
        page(site_url),
        click("report"),
        download("waitForDownload"),
        download("saveDownload", downloadObject="download", savePath="taken/got.csv"),
    )
    assert outcome.error is not None
    assert outcome.error.node_id == "n4"
    assert "taken" in outcome.error.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "'action' is required"),
        ({"action": "openDownload"}, "'action' has the unknown value 'openDownload'"),
        ({"action": "waitForDownload", "urlPattern": "["}, "invalid regular expression '['"),
        ({"action": "saveDownload", "savePath": "x"}, "'downloadObject'"),
        ({"action": "saveDownload", "savePath": "x", "downloadObject": "text"}, "holds no download"),
        ({"action": "getDownloadPath", "downloadObject": "nothing"}, "holds no download"),
    ],
)
async def test_what_is_missing_or_unknown_is_named(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(page(site_url), ("download", data), data={"text": "no download"})
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert message in outcome.error.message


async def test_saving_needs_a_path(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        page(site_url),
        click("report"),
        download("waitForDownload"),
        download("saveDownload", downloadObject="download"),
    )
    assert outcome.error is not None
    assert "'savePath'" in outcome.error.message
