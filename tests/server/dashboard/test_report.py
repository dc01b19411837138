"""A batch as one file that opens from disk."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.async_api import Request, expect

from batches.events import ErrorInfo
from batchwright.exit_codes import ExitCode
from batchwright.report import LATEST, write_report
from tests.server.dashboard.past import FAILED, FLAKY, PASSED, TIMEOUT, Past, write_past
from tests.server.dashboard.viewer import Viewer, failing, row, rows, submit
from tests.server.serving import Serving

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NASTY = ErrorInfo(
    code="ELEMENT_NOT_FOUND",
    message="</script><script>document.title='taken'</script><!-- \u2028 & <b>",
    node_id="say",
    node_type="stringValue",
    screenshot="batches/shots/failed.png",
)


async def test_it_opens_from_disk_and_asks_nobody(tmp_path: Path, viewer: Viewer) -> None:
    past = Past(
        ["shop/a.json", "shop/b.json", "c.json"], [PASSED, FAILED, FLAKY], errors=(TIMEOUT, NASTY, TIMEOUT)
    )
    (batch_id,) = await write_past(tmp_path / "output", past)
    picture = tmp_path / "output" / "batches" / "shots" / "failed.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(PIXEL)
    file = tmp_path / "a report.html"
    assert await write_report(tmp_path / "output", LATEST, file, max_mb=1) is ExitCode.OK

    asked: list[str] = []
    page = await viewer.open("about:blank")

    def note(request: Request) -> None:
        if not request.url.startswith("data:"):
            asked.append(request.url)

    page.on("request", note)
    await page.goto(file.as_uri())
    await expect(page).to_have_title(re.compile(batch_id))
    await expect(rows(page)).to_have_count(3)
    await expect(page.get_by_text("Report of")).to_be_visible()
    for name in ("Stop all", "Run again", "Rerun failed", "Stop"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    await page.get_by_role("link", name="Timeline").click()
    await expect(page.get_by_label("Timeline of 3 executions")).to_be_visible()
    await page.get_by_role("link", name="Failures 1").click()
    await expect(page.get_by_text("document.title='taken'")).to_be_visible()
    await expect(page.get_by_alt_text("The page when it failed")).to_be_visible()
    await page.get_by_role("link", name="Executions 3").click()
    await row(page, "b.json").get_by_role("link").click()
    await expect(page.get_by_role("heading", name="b.json")).to_be_visible()
    await expect(page.get_by_text("document.title='taken'").first).to_be_visible()
    assert asked == [file.as_uri()]


async def test_pictures_go_in_up_to_a_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await write_past(tmp_path / "output", Past(["a.json"], [FAILED], errors=(NASTY,)))
    picture = tmp_path / "output" / "batches" / "shots" / "failed.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(PIXEL + b"\0" * 200_000)
    file = tmp_path / "report.html"
    assert await write_report(tmp_path / "output", LATEST, file, max_mb=0.1) is ExitCode.OK
    assert "0 screenshots; 1 left out" in capsys.readouterr().out
    assert b"data:image/png" not in file.read_bytes()
    assert await write_report(tmp_path / "output", LATEST, file, max_mb=1) is ExitCode.OK
    assert "1 screenshots (" in capsys.readouterr().out
    assert b"data:image/png" in file.read_bytes()


async def test_what_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, file = tmp_path / "output", tmp_path / "report.html"
    assert await write_report(output, LATEST, file, max_mb=1) is ExitCode.USAGE
    await write_past(output, Past(["a.json"]))
    assert await write_report(output, "batch-17", file, max_mb=1) is ExitCode.USAGE
    assert not file.exists()
    assert await write_report(output, LATEST, tmp_path / "no" / "report.html", max_mb=1) is ExitCode.USAGE
    said = capsys.readouterr().err
    assert "--history" in said
    assert "batch-17" in said
    assert "cannot be written" in said


async def test_the_server_hands_the_same_file_out(board: Serving, viewer: Viewer, tmp_path: Path) -> None:
    batch_id = await submit(board, [failing()])
    page = await viewer.open(board.server.url, f"batches/{batch_id}")
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Report").click()
    download = await waiting.value
    assert download.suggested_filename == f"{batch_id}.html"
    await download.save_as(tmp_path / "saved.html")
    saved = await viewer.open((tmp_path / "saved.html").as_uri())
    await expect(row(saved, "w0.json")).to_contain_text("Failed")
    async with board.http.get("/api/dashboard/batches/batch-17/report") as answer:
        assert answer.status == 404
