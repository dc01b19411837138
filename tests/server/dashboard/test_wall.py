"""Live pictures of browsers in the page: they come while somebody looks, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from batches.screen import PictureSize
from server.dashboard.pages import FEED
from tests.batches.runs import PATIENCE_S
from tests.running import chain, node
from tests.server.dashboard.viewer import START, Viewer, submit
from tests.server.serving import Serving

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def shown_page(url: str) -> dict[str, Any]:
    """A workflow that stands still with a page open, and its slot given back."""
    return chain(
        START,
        node("open", "openBrowser"),
        node("go", "navigation", action="navigate", url=url),
        node("gate", "wait", waitType="timeout", value=1, pause=True, label="Look at it"),
    )


def standing() -> dict[str, Any]:
    return chain(START, node("gate", "wait", waitType="timeout", value=1, pause=True, label="Look at it"))


class Watching:
    """What is watched, and when that changes."""

    def __init__(self, board: Serving) -> None:
        self._pictures = board.server.service.runner.pictures
        self._changed = asyncio.Event()
        board.server.app[FEED].on_topics.append(lambda _client: self._changed.set())

    @property
    def now(self) -> Mapping[str, PictureSize]:
        return self._pictures.watched

    async def until(self, condition: Callable[[Mapping[str, PictureSize]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self.now):
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def watching(board: Serving) -> Watching:
    return Watching(board)


def tile(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name="Browsers").get_by_role("listitem").filter(has_text=name)


async def test_pictures_come_while_somebody_looks_and_only_then(
    board: Serving, viewer: Viewer, watching: Watching, site_url: str
) -> None:
    documents = [shown_page(f"{site_url}/logic.html"), shown_page(f"{site_url}/extract.html")]
    batch_id = await submit(board, documents, ["one.json", "two.json"])
    one, two = (await board.server.service.batch(batch_id)).executions
    assert watching.now == {}
    page = await viewer.open(board.server.url)
    for name in ("one.json", "two.json"):
        await expect(tile(page, name).locator("canvas[data-pictures]")).to_be_visible()
        await expect(tile(page, name)).to_contain_text("Look at it")
        await expect(tile(page, name)).to_contain_text("Paused")
    assert watching.now == {one: PictureSize.SMALL, two: PictureSize.SMALL}

    await page.get_by_role("button", name="Enlarge the browser of one.json").click()
    dialog = page.get_by_role("dialog", name="one.json")
    await expect(dialog.locator("canvas[data-pictures]")).to_have_js_property("width", 1280)
    assert watching.now[one] is PictureSize.LARGE
    await page.keyboard.press("Escape")
    await watching.until(lambda now: now.get(one) is PictureSize.SMALL)

    await page.evaluate(HIDE, True)
    await watching.until(lambda now: not now)
    await page.evaluate(HIDE, False)
    await watching.until(lambda now: len(now) == 2)

    await page.get_by_role("link", name="History", exact=True).click()
    await watching.until(lambda now: not now)


async def test_two_pages_look_at_the_same_browser(
    board: Serving, viewer: Viewer, watching: Watching, site_url: str
) -> None:
    batch_id = await submit(board, [shown_page(f"{site_url}/logic.html")], ["one.json"])
    (name,) = (await board.server.service.batch(batch_id)).executions
    small = await viewer.open(board.server.url)
    await expect(small.locator("canvas[data-pictures]")).to_be_visible()
    large = await viewer.open(board.server.url, f"executions/{name}")
    await expect(large.locator("canvas[data-pictures]")).to_be_visible()
    assert watching.now == {name: PictureSize.LARGE}
    await large.context.close()
    await watching.until(lambda now: now == {name: PictureSize.SMALL})
    await small.context.close()
    await watching.until(lambda now: not now)


async def test_the_picture_ends_with_the_execution(
    board: Serving, viewer: Viewer, watching: Watching, site_url: str
) -> None:
    batch_id = await submit(board, [shown_page(f"{site_url}/logic.html")], ["one.json"])
    (name,) = (await board.server.service.batch(batch_id)).executions
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(page.locator("canvas[data-pictures]")).to_be_visible()
    await expect(page.get_by_role("region", name="Paused")).to_be_visible()
    await page.keyboard.press("c")
    await expect(page.locator(".view-head .badge[data-status=completed]")).to_be_visible()
    await expect(page.locator("canvas")).to_have_count(0)
    await watching.until(lambda now: not now)


async def test_only_what_is_in_sight_is_watched(board: Serving, viewer: Viewer, watching: Watching) -> None:
    names = [f"w{index}.json" for index in range(12)]
    batch_id = await submit(board, [standing()] * len(names), names)
    *_, last = (await board.server.service.batch(batch_id)).executions
    page = await viewer.open(board.server.url, viewport={"width": 360, "height": 600})
    await expect(page.get_by_role("list", name="Browsers").get_by_role("listitem")).to_have_count(len(names))
    await page.get_by_role("list", name="Browsers").get_by_role("listitem").last.scroll_into_view_if_needed()
    await watching.until(lambda now: last in now or len(now) == len(names))
    assert len(watching.now) < len(names)
    await page.evaluate("scrollTo(0, 0)")
    await watching.until(lambda now: last not in now)
