"""The batch view: filter, sort, many at once, timeline, failures by cause, waiting, 5,000 rows."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from tests.server.dashboard.past import FAILED, FLAKY, PASSED, TIMEOUT, TOTAL, Past, write_past
from tests.server.dashboard.viewer import Viewer, failing, holding, passing, row, rows, submit
from tests.server.serving import Serving, serving

NAMES = [f"{folder}/{name}.json" for folder in ("shop", "admin") for name in ("login", "order", "search")]


async def test_filter_sort_and_views_are_in_the_address(tmp_path: Path, viewer: Viewer) -> None:
    past = Past(NAMES, [PASSED, FAILED, FLAKY, PASSED, FAILED, PASSED], errors=(TIMEOUT, TOTAL))
    (batch_id,) = await write_past(tmp_path / "output", past)
    async with serving(tmp_path, alone=False) as board, viewer:
        page = await viewer.open(board.server.url, f"batches/{batch_id}")
        await expect(rows(page)).to_have_count(6)
        field = page.get_by_role("textbox", name="Filter the executions")
        await page.keyboard.press("/")
        await expect(field).to_be_focused()
        await field.fill("@shop !s:passed")
        await expect(rows(page)).to_have_count(2)
        await expect(page).to_have_url(re.compile(r"q=%40shop\+%21s%3Apassed$"))

        again = await viewer.open(board.server.url, page.url.split("#/")[1])
        await expect(rows(again)).to_have_count(2)
        await again.get_by_role("button", name="Clear", exact=True).click()
        await again.get_by_role("button", name="1 Flaky").click()
        await expect(row(again, "search.json")).to_be_visible()
        await expect(rows(again)).to_have_count(1)
        await again.get_by_role("button", name="1 Flaky").click()
        await again.get_by_role("textbox", name="Filter the executions").fill(
            'e:VERIFICATION_FAILED "exceeded while"'
        )
        await expect(rows(again)).to_have_count(0)
        await again.get_by_role("textbox", name="Filter the executions").fill(
            'e:ELEMENT_NOT_FOUND "exceeded while"'
        )
        await expect(rows(again)).to_have_count(1)
        await again.get_by_role("textbox", name="Filter the executions").fill("no such thing")
        await again.get_by_role("button", name="Clear the filter").click()

        await again.get_by_role("columnheader", name="Workflow").get_by_role("button").click()
        await expect(rows(again).first).to_contain_text("admin/login.json")
        await again.get_by_role("columnheader", name="Workflow").get_by_role("button").click()
        await expect(rows(again).first).to_contain_text("shop/search.json")
        await expect(again).to_have_url(re.compile("sort=-name"))
        await again.get_by_role("link", name="Timeline").click()
        await expect(
            again.get_by_label("Timeline of 6 executions on 4 lanes").get_by_role("link")
        ).to_have_count(6)
        await again.get_by_role("link", name="shop/order.json: Failed").focus()
        await expect(again.get_by_text("Failed,")).to_be_visible()
        await again.go_back()
        await expect(rows(again)).to_have_count(6)


async def test_failures_are_grouped_by_cause(tmp_path: Path, viewer: Viewer) -> None:
    other = TIMEOUT.model_copy(
        update={"message": TIMEOUT.message.replace("3000", "5000").replace("8231", "77")}
    )
    past = Past(NAMES, [FAILED] * 5, errors=(TIMEOUT, TOTAL, other, other, TIMEOUT))
    (batch_id,) = await write_past(tmp_path / "output", past)
    async with serving(tmp_path, alone=False) as board, viewer:
        page = await viewer.open(board.server.url, f"batches/{batch_id}?view=failures")
        groups = (
            page.get_by_role("list", name="Failures by cause")
            .get_by_role("listitem")
            .filter(has_text="Show in the table")
        )
        await expect(groups).to_have_count(2)
        await expect(groups.first).to_contain_text("4failures")
        await expect(groups.first).to_contain_text("at Pay the order (elementClick)")
        await groups.first.get_by_role("link", name="Show in the table").click()
        await expect(rows(page)).to_have_count(4)
        await expect(page).to_have_url(re.compile("q=f%3A"))


async def test_many_are_stopped_and_run_again_at_once(board: Serving, viewer: Viewer) -> None:
    documents = [passing(), failing(), failing(), *[holding()] * 4]
    batch_id = await submit(board, documents, workers=2)
    page = await viewer.open(board.server.url, f"batches/{batch_id}")
    await expect(row(page, "w2.json")).to_contain_text("Failed")
    # A selection, by mouse and keyboard.
    await row(page, "w5.json").get_by_role("checkbox").check()
    await row(page, "w3.json").click(position={"x": 300, "y": 8})
    await page.keyboard.press("x")
    bulk = page.get_by_role("region", name="Actions on many")
    await expect(bulk).to_contain_text("2 selected")
    await bulk.get_by_role("button", name="Stop (2)").click()
    await page.get_by_role("dialog").get_by_role("button", name="Stop them").click()
    await expect(page.get_by_text("1 stopped, 1 cancelled")).to_be_visible()
    await expect(row(page, "w3.json")).to_contain_text("Stopped")
    await expect(row(page, "w5.json")).to_contain_text("Not run")
    await expect(row(page, "w6.json")).to_contain_text("Running")

    # All that fit the filter.
    await page.get_by_role("textbox", name="Filter the executions").fill("s:failed")
    await expect(bulk).to_contain_text("2 fit the filter")
    await bulk.get_by_role("button", name="Run again (2)").click()
    await expect(page.get_by_role("link", name=f"of {batch_id}")).to_be_visible()
    await expect(rows(page)).to_have_count(2)
    await board.server.service.stop_batch(batch_id)
    await expect(row(page, "w1.json")).to_contain_text("Failed")


async def test_what_waits_says_for_what(board: Serving, viewer: Viewer) -> None:
    capped = await submit(board, [holding(), holding(), holding()], workers=1)
    taking = await submit(board, [holding(), holding()], workers=2)
    page = await viewer.open(board.server.url, f"batches/{capped}")
    await expect(row(page, "w1.json")).to_contain_text(
        "Its batch runs at most 1 workflow at a time, and 1 runs. It is next in its batch."
    )
    await expect(row(page, "w2.json")).to_contain_text("1 of its batch is before it.")
    await page.goto(f"{board.server.url}/#/batches/{taking}")
    await expect(row(page, "w1.json")).to_contain_text(
        f"All 2 slots of the server are taken: 1 by {capped}, 1 by this batch."
    )
    await board.server.service.stop_all()
    await expect(row(page, "w1.json")).to_contain_text("Not run")


async def test_keys_move_and_open(board: Serving, viewer: Viewer) -> None:
    batch_id = await submit(board, [passing(), passing(), passing()])
    page = await viewer.open(board.server.url, f"batches/{batch_id}")
    await expect(row(page, "w2.json")).to_contain_text("Passed")
    for key in "jjk":
        await page.keyboard.press(key)
    await expect(page.locator(".grid-row.cursor")).to_contain_text("w0.json")
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    await expect(dialog).to_contain_text("Next row")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"#/executions/exec-\d+-1$"))
    await page.keyboard.press("2")
    await expect(page).to_have_url(re.compile("#/history$"))


async def test_invalid_files_and_unknown_batches_are_explained(board: Serving, viewer: Viewer) -> None:
    async with board.http.post(
        "/api/workflows/execute", json={"workflows": [passing(), {"nodes": []}], "executionMode": "parallel"}
    ) as answer:
        batch_id = (await answer.json())["batchId"]
    page = await viewer.open(board.server.url, f"batches/{batch_id}")
    await page.get_by_role("link", name="Invalid files 1").click()
    await expect(page.locator(".invalid")).to_contain_text("'edges' must be an array")
    await page.goto(f"{board.server.url}/#/batches/batch-17")
    await expect(page.get_by_role("heading", name="There is no such batch")).to_be_visible()
    await page.goto(f"{board.server.url}/#/nowhere")
    await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


async def test_five_thousand_rows_keep_the_document_small(tmp_path: Path, viewer: Viewer) -> None:
    names = [f"suite-{index // 100}/case-{index:04}.json" for index in range(5_000)]
    results = [FAILED if index % 50 == 7 else PASSED for index in range(5_000)]
    (batch_id,) = await write_past(tmp_path / "output", Past(names, results, each_ms=300, workers=16))
    async with serving(tmp_path, alone=False) as board, viewer:
        page = await viewer.open(board.server.url, f"batches/{batch_id}")
        table = page.get_by_role("table", name="Executions")
        await expect(table).to_have_attribute("aria-rowcount", "5001")
        await expect(rows(page).first).to_contain_text("case-0000.json")
        assert await rows(page).count() < 60
        await table.evaluate("box => { box.scrollTop = box.scrollHeight }")
        await expect(row(page, "case-4999.json")).to_be_visible()
        assert await rows(page).count() < 60
        await page.get_by_role("button", name="100 Failed").click()
        await expect(table).to_have_attribute("aria-rowcount", "101")
        await page.get_by_role("textbox", name="Filter the executions").fill("case-4957")
        await expect(rows(page)).to_have_count(1)
        await page.get_by_role("textbox", name="Filter the executions").fill("")
        await page.get_by_role("link", name="Timeline").click()
        await expect(page.get_by_label("Timeline of 5000 executions on 16 lanes")).to_be_visible()
        await page.get_by_role("link", name="Failures 1").click()
        await expect(page.get_by_text("and 94 more")).to_be_visible()
