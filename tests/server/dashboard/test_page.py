"""What all views share: colours, keys, times, the way around."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.server.dashboard.past import FAILED, FLAKY, PASSED, Past, write_past
from tests.server.dashboard.viewer import Viewer, holding, passing, row, submit
from tests.server.serving import Serving, serving

START = 1_790_000_000_000
"""2026-09-21, 13:33:20 UTC."""

GREENS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) count += data[at + 3] > 200 && data[at + 1] > data[at] + 60;
  return count;
}"""


def ground(page: Page) -> Locator:
    return page.locator("body")


async def test_the_theme_is_the_systems_until_it_is_chosen(board: Serving, viewer: Viewer) -> None:
    light = await viewer.open(board.server.url, color_scheme="light")
    dark = await viewer.open(board.server.url, color_scheme="dark")
    colours = [
        await ground(page).evaluate("body => getComputedStyle(body).backgroundColor")
        for page in (light, dark)
    ]
    assert colours[0] != colours[1]
    await expect(dark.get_by_role("button", name="Colours: as the system")).to_be_visible()
    await dark.keyboard.press("t")
    await expect(ground(dark)).to_have_css("background-color", colours[0])
    await dark.reload()
    await expect(dark.get_by_role("button", name="Colours: light")).to_be_visible()
    await expect(ground(dark)).to_have_css("background-color", colours[0])
    await dark.get_by_role("button", name="Colours: light").click()
    await expect(ground(dark)).to_have_css("background-color", colours[1])


async def test_keys_lead_around_and_are_listed(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url)
    await expect(page.get_by_role("heading", name="Nothing runs")).to_be_visible()
    await page.keyboard.press("2")
    await expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    await page.keyboard.press("/")
    await expect(page.get_by_role("textbox", name="Filter the batches")).to_be_focused()
    await page.keyboard.press("3")
    await expect(page).to_have_url(re.compile("q=3$"))
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile("#/history$"))
    await page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    await expect(keys).to_contain_text("Search or filter")
    await page.keyboard.press("?")
    await expect(keys).to_be_hidden()
    await page.keyboard.press("3")
    await expect(page).to_have_url(re.compile("#/workflows$"))
    await page.go_back()
    await expect(page).to_have_url(re.compile("#/history$"))


async def test_times_are_the_viewers_and_exact_on_hover(tmp_path: Path, viewer: Viewer) -> None:
    await write_past(tmp_path / "output", Past(["a.json"], started_at=START))
    async with serving(tmp_path, alone=False) as server, viewer:
        page = await viewer.open(server.server.url, "history", timezone_id="Asia/Tokyo", locale="en-GB")
        moment = page.get_by_role("row").get_by_role("time").first
        await expect(moment).to_have_attribute("datetime", "2026-09-21T14:13:20.000Z")
        await expect(moment).to_have_attribute("title", re.compile(r"21 September 2026.* 23:13:20.*GMT\+9"))


async def test_charts_have_the_colours_of_the_page_whatever_moves(tmp_path: Path, viewer: Viewer) -> None:
    results = [PASSED, FAILED, FLAKY]
    past = [Past(["a.json", "b.json", "c.json"], results, started_at=START + n * 60_000) for n in range(3)]
    await write_past(tmp_path / "output", *past)
    async with serving(tmp_path, alone=False) as server, viewer:
        for motion in ("reduce", "no-preference"):
            page = await viewer.open(server.server.url, "history", reduced_motion=motion)
            canvas = page.get_by_role("img", name="Passed: ").locator("canvas")
            await expect(canvas).to_be_visible()
            assert await canvas.evaluate(GREENS) > 50


async def test_the_timeline_goes_on_while_the_batch_runs(board: Serving, viewer: Viewer) -> None:
    batch_id = await submit(board, [passing(), holding(), holding(), passing()])
    page = await viewer.open(board.server.url, f"batches/{batch_id}?view=timeline")
    timeline = page.get_by_role("group", name=re.compile("Timeline of 4 executions"))
    await expect(timeline.locator("a[data-status=running]")).to_have_count(2)
    await expect(timeline.locator(".now-line")).to_have_count(1)
    await board.server.service.stop_all()
    await expect(timeline.locator("a[data-status=stopped]")).to_have_count(2)
    await expect(timeline.locator(".now-line")).to_have_count(0)
    await timeline.get_by_role("link", name=re.compile("w1.json")).focus()
    await expect(page.locator(".timeline-foot")).to_contain_text("w1.json")


async def test_what_is_not_there_says_so_and_leads_back(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url, "somewhere")
    for place, words in (
        ("somewhere", "There is nothing here"),
        ("batches/batch-17", "There is no such batch"),
        ("executions/exec-17", "There is no such execution"),
    ):
        await page.goto(f"{board.server.url}/#/{place}")
        await expect(page.get_by_role("heading", level=1, name=words)).to_be_visible()
    await page.goto(f"{board.server.url}/#/batches/batch-17")
    await page.get_by_role("link", name="Open the history").click()
    await expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()


async def test_the_address_of_a_filtered_table_shows_the_same_elsewhere(
    board: Serving, viewer: Viewer
) -> None:
    names = ["shop/a.json", "shop/b.json", "c d.json"]
    batch_id = await submit(board, [passing(), passing(), passing()], names)
    page = await viewer.open(board.server.url, f"batches/{batch_id}")
    await page.get_by_role("textbox", name="Filter the executions").fill('!shop "c d"')
    await expect(row(page, "a.json")).to_have_count(0)
    other = await viewer.open(board.server.url, page.url.partition("#/")[2])
    await expect(other.get_by_role("textbox", name="Filter the executions")).to_have_value('!shop "c d"')
    await expect(row(other, "c d.json")).to_be_visible()
    await expect(row(other, "b.json")).to_have_count(0)
