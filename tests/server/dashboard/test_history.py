"""The history view: batches, trends, how workflows fared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.server.dashboard.past import FAILED, FLAKY, PASSED, STOPPED, Past, write_past
from tests.server.dashboard.viewer import Viewer, holding, passing, rows, submit
from tests.server.serving import Serving, serving

HOUR = 3_600_000
START = 1_790_000_000_000
NAMES = ["login.json", "order.json", "search.json"]


async def write_history(output: Path) -> list[str]:
    return await write_past(
        output,
        Past(NAMES, started_at=START, tags=("nightly",)),
        Past(NAMES, [PASSED, FLAKY, PASSED], started_at=START + HOUR, tags=("nightly",), each_ms=8_000),
        Past(NAMES, [PASSED, FLAKY, FAILED], started_at=START + 2 * HOUR, folder="/srv/smoke"),
        Past(NAMES, [PASSED, STOPPED, STOPPED], started_at=START + 3 * HOUR),
    )


async def test_batches_are_listed_filtered_and_charted(tmp_path: Path, viewer: Viewer) -> None:
    ids = await write_history(tmp_path / "output")
    async with serving(tmp_path, alone=False) as board, viewer:
        page = await viewer.open(board.server.url, "history")
        await expect(rows(page)).to_have_count(4)
        await expect(rows(page).first).to_contain_text("Stopped")
        await expect(page.get_by_role("img", name="Passed: 75.0 % of 12, over 4 points")).to_be_visible()
        await expect(page.get_by_role("img", name="Failed and flaky: 1 failed, 2 flaky")).to_be_visible()
        await page.get_by_role("button", name="2 Flaky").click()
        await expect(rows(page)).to_have_count(2)
        await page.get_by_role("textbox", name="Filter the batches").fill("@nightly s:flaky")
        await expect(rows(page)).to_have_count(1)
        await expect(page).to_have_url(re.compile("q=%40nightly"))
        await page.get_by_role("textbox", name="Filter the batches").fill("smoke")
        await rows(page).get_by_role("link", name="smoke").click()
        await expect(page).to_have_url(re.compile(f"#/batches/{ids[2]}$"))


async def test_a_batch_that_begins_and_ends_comes_into_the_list(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url, "history")
    await expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    batch_id = await submit(board, [holding(), passing()])
    await expect(rows(page)).to_contain_text(["Running"])
    await board.server.service.stop_batch(batch_id)
    await expect(rows(page)).to_contain_text(["Stopped"])
    async with board.http.post("/api/workflows/execute", json={"workflow": passing()}) as answer:
        assert answer.status == 200
    await expect(page.get_by_role("button", name="1 Single runs")).to_be_visible()
    await page.get_by_role("button", name="1 Single runs").click()
    await expect(rows(page)).to_have_count(2)
    await rows(page).get_by_role("link").first.click()
    await expect(page).to_have_url(re.compile(r"#/executions/exec-\d+$"))


async def test_workflows_are_ranked_and_have_a_past(tmp_path: Path, viewer: Viewer) -> None:
    await write_history(tmp_path / "output")
    async with serving(tmp_path, alone=False) as board, viewer:
        page = await viewer.open(board.server.url, "history?view=workflows")
        await expect(rows(page)).to_have_count(6)
        await expect(rows(page).first).to_contain_text("order.json")
        await page.get_by_role("button", name="Most failing").click()
        await expect(rows(page).first).to_contain_text("search.json")
        await expect(page).to_have_url(re.compile("sort=rate"))
        await page.get_by_role("textbox", name="Filter the workflows").fill("smoke")
        await expect(rows(page)).to_have_count(3)
        await page.get_by_role("textbox", name="Filter the workflows").fill("shop/login")
        await rows(page).get_by_role("link", name="login.json").click()
        await expect(page.get_by_role("heading", name="login.json")).to_be_visible()
        await expect(rows(page)).to_have_count(3)
        await expect(page.get_by_role("img", name="Time of each run: 3 runs, 100 % passed")).to_be_visible()
        await rows(page).first.get_by_role("link").first.click()
        await expect(page).to_have_url(re.compile("#/executions/exec-"))


async def test_the_numbers_behind_it(tmp_path: Path) -> None:
    ids = await write_history(tmp_path / "output")
    async with serving(tmp_path) as board:
        _, listed = await board.json("/api/dashboard/history?limit=3")
        assert (listed["total"], [item["batchId"] for item in listed["rows"]]) == (4, ids[:0:-1])
        assert listed["rows"][0]["counts"]["notRun"] == 2
        _, fared = await board.json("/api/dashboard/insights")
        facts = {item["key"]: item for item in fared["workflows"]}
        order = facts["/srv/workflows/shop/order.json"]
        assert (fared["batches"], order["runs"], order["flaky"]) == (4, 2, 1)
        assert order["recent"] == ["completed", "flaky"]
        assert order["medianMs"] < order["p95Ms"]
        _, newest = await board.json("/api/dashboard/insights?batches=1")
        assert [item["name"] for item in newest["workflows"]] == ["login.json"]
        _, past = await board.json("/api/dashboard/insights/runs?key=/srv/smoke/search.json")
        assert [(run["status"], run["code"]) for run in past["runs"]] == [("failed", "ELEMENT_NOT_FOUND")]
        assert await board.json("/api/dashboard/insights/runs?key=nothing") == (
            200,
            {"key": "nothing", "runs": []},
        )


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/dashboard/history?limit=0", "limit"),
        ("/api/dashboard/insights?batches=many", "batches"),
        ("/api/dashboard/insights/runs", "key"),
    ],
)
async def test_bad_questions_are_refused_by_field(board: Serving, path: str, field: str) -> None:
    status, answer = await board.json(path)
    assert (status, answer["field"]) == (400, field)
