"""The live view in a browser, against a server that really runs things."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.server.dashboard.viewer import Viewer, failing, holding, passing, pausing, submit
from tests.server.serving import Serving


async def test_an_empty_server_says_what_to_do_next(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url)
    await expect(page.get_by_role("heading", name="Nothing runs at the moment")).to_be_visible()
    await expect(page.get_by_text(f"{board.server.url}/api/workflows/execute")).to_be_visible()
    await page.get_by_role("link", name="Choose workflows").click()
    await expect(page).to_have_url(re.compile("#/workflows$"))


async def test_a_batch_appears_moves_and_ends_without_a_reload(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url)
    await expect(page.get_by_role("heading", name="Nothing runs at the moment")).to_be_visible()
    batch_id = await submit(
        board,
        [passing(), failing(), holding(), holding("Fill the form"), holding()],
        workers=2,
        tags=["nightly"],
    )
    card = page.get_by_role("article")
    await expect(card).to_contain_text(batch_id)
    await expect(card.get_by_role("progressbar")).to_have_attribute(
        "aria-valuetext", "1 passed, 1 failed, 2 running, 1 queued"
    )
    await expect(card.get_by_role("list", name="Running now")).to_contain_text("Fill the form")
    await expect(card.get_by_role("list", name="Latest failures")).to_contain_text("w1.json")
    await expect(card.get_by_role("link", name="@nightly")).to_be_visible()
    await expect(page.get_by_label("2 of 2 slots in use, 1 waiting")).to_be_visible()

    await card.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("3 of its 5 executions are not over")
    await expect(dialog).to_contain_text("only be run again from their start")
    await dialog.get_by_role("button", name="Stop the batch").click()
    await expect(page.get_by_text("2 stopped, 1 cancelled")).to_be_visible()
    recent = page.get_by_role("region", name="Finished lately")
    await expect(recent).to_contain_text("w0.json and 4 more")
    await expect(page.get_by_label("0 of 2 slots in use, 0 waiting")).to_be_visible()

    await recent.get_by_role("button", name="Rerun failed").click()
    await expect(page).to_have_url(re.compile(r"#/batches/batch-\d+$"))
    await expect(page.get_by_role("link", name=f"of {batch_id}")).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "1 failed")


async def test_stop_all_asks_first(board: Serving, viewer: Viewer) -> None:
    first = await submit(board, [holding()])
    second = await submit(board, [holding(), holding()])
    page = await viewer.open(board.server.url)
    await page.get_by_role("button", name="Stop all").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("whoever started it: 3 executions")
    await dialog.get_by_role("button", name="Cancel").click()
    assert len(board.server.service.active()) == 3
    await page.get_by_role("button", name="Stop all").click()
    await page.get_by_role("dialog").get_by_role("button", name="Stop everything").click()
    await expect(page.get_by_text("2 stopped, 1 cancelled")).to_be_visible()
    await expect(page.get_by_role("button", name="Stop all")).to_be_hidden()
    for batch_id in (first, second):
        assert (await board.server.service.batch(batch_id)).status == "stopped"


async def test_what_is_paused_is_pointed_out(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url)
    await submit(board, [holding(), pausing()])
    notice = page.get_by_role("link", name="1 execution waits for you")
    await expect(notice).to_be_visible()
    await notice.click()
    await expect(page).to_have_url(re.compile(r"#/executions/exec-\d+-2$"))


async def test_a_second_page_shows_the_same(board: Serving, viewer: Viewer) -> None:
    await submit(board, [holding()] * 3)
    pages = [await viewer.open(board.server.url) for _ in range(2)]
    for page in pages:
        await expect(page.get_by_role("progressbar")).to_have_attribute(
            "aria-valuetext", "2 running, 1 queued"
        )
    await board.server.service.stop_all()
    for page in pages:
        await expect(page.get_by_role("heading", name="Nothing runs at the moment")).to_be_visible()
