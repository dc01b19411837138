"""What axe-core finds on each view, light and dark, wide and narrow."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.server.dashboard.past import FAILED, FLAKY, PASSED, TIMEOUT, TOTAL, Past, write_past
from tests.server.dashboard.test_question_view import gate
from tests.server.dashboard.viewer import Viewer, failing, holding, passing, pausing, submit
from tests.server.serving import Serving, serving

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
SERIOUS = {"serious", "critical"}

WIDE_LIGHT: dict[str, Any] = {"color_scheme": "light"}
NARROW_DARK: dict[str, Any] = {"color_scheme": "dark", "viewport": {"width": 360, "height": 760}}


@pytest.fixture(scope="module")
async def busy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Serving, dict[str, str]]]:
    """A server with a history and something running, and the places to look at."""
    root = tmp_path_factory.mktemp("axe")
    results = [PASSED, FAILED, FLAKY, FAILED]
    names = [f"shop/{index}.json" for index in range(4)]
    past = [
        Past(
            names,
            results,
            errors=(TIMEOUT, TOTAL),
            tags=("nightly",),
            started_at=1_790_000_000_000 + index * 86_400_000,
        )
        for index in range(3)
    ]
    (root / "look.json").write_text(json.dumps(pausing()))
    ids = await write_past(root / "output", *past)
    async with serving(root, workers=3, alone=False) as board:
        batch_id = await submit(
            board, [passing(), failing(), pausing(), gate(), holding(), holding(), holding()], tags=["now"]
        )
        execution = f"exec-{batch_id.removeprefix('batch-')}"
        yield (
            board,
            {
                "live": "",
                "batch": f"batches/{batch_id}",
                "filtered": f"batches/{ids[-1]}?q=s:failed",
                "timeline": f"batches/{ids[-1]}?view=timeline",
                "failures": f"batches/{ids[-1]}?view=failures",
                "history": "history",
                "workflows of the history": "history?view=workflows",
                "one workflow": "history?workflow=/srv/workflows/shop/shop/1.json",
                "failed execution": f"executions/{execution}-2",
                "paused execution": f"executions/{execution}-3",
                "node of a paused execution": f"executions/{execution}-3?node=gate",
                "suspended execution": f"executions/{execution}-4",
                "queued execution": f"executions/{execution}-7",
                "log of an execution": f"executions/{execution}-2?tab=log",
                "a workflow file": f"workflows{root / 'look.json'}?node=gate",
                "workflows": "workflows",
                "nowhere": "nowhere",
            },
        )
        await board.server.service.stop_all()


async def faults(page: Page) -> list[str]:
    """The rules that are broken in a serious way, and where."""
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"][:3]
    ]


async def look_at(page: Page, url: str, places: dict[str, str]) -> dict[str, list[str]]:
    """What is wrong at each of these places."""
    found: dict[str, list[str]] = {}
    for name, place in places.items():
        await page.goto(f"{url}/#/{place}")
        await expect(page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        if broken := await faults(page):
            found[name] = broken
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if width > 0:
            found.setdefault(name, []).append(f"{width} px too wide")
    return found


@pytest.mark.parametrize("options", [WIDE_LIGHT, NARROW_DARK], ids=["wide and light", "narrow and dark"])
async def test_every_view(
    busy: tuple[Serving, dict[str, str]], viewer: Viewer, options: dict[str, Any]
) -> None:
    board, places = busy
    page = await viewer.open(board.server.url, **options)
    assert await look_at(page, board.server.url, places) == {}


async def test_views_with_nothing_in_them(board: Serving, viewer: Viewer) -> None:
    places = (
        "",
        "history",
        "history?view=workflows",
        "history?workflow=none",
        "batches/none",
        "executions/none",
    )
    page = await viewer.open(board.server.url, **NARROW_DARK)
    assert await look_at(page, board.server.url, {place: place for place in places}) == {}


async def test_dialogs_and_login(busy: tuple[Serving, dict[str, str]], viewer: Viewer) -> None:
    board, _ = busy
    page = await viewer.open(board.server.url)
    await expect(page.get_by_role("article")).to_be_visible()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await faults(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Stop all").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await faults(page) == []
    await page.goto(f"{board.server.url}/dashboard/login.html")
    assert await faults(page) == []
