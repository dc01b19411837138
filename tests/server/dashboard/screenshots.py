"""Pictures of every view of the dashboard: light and dark, wide and narrow.

    python -m tests.server.dashboard.screenshots [FOLDER] [--only NAME ...] [--docs FOLDER]

Everything that is shown is real: the examples run against the demo site on a server of this process. Only the
history of the weeks before is written by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright
from pydantic import SecretStr

from batches.browsers import find_browser
from batchwright.demo import examples_folder
from batchwright.demo_site.server import build_site
from batchwright.report import write_report
from tests.running import chain, node
from tests.server.dashboard.past import FAILED, FLAKY, PASSED, TIMEOUT, TOTAL, Past, write_past
from tests.server.dashboard.viewer import START
from tests.server.serving import Serving, serving

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
SLOTS: Final = 10
SETTLE_MS: Final = 900
"""Fonts, pictures and charts are there after it."""

WIDE: Final = {"width": 1440, "height": 900}
NARROW: Final = {"width": 360, "height": 780}
LOOKS: Final[dict[str, dict[str, Any]]] = {
    f"{size}-{scheme}": {"viewport": viewport, "color_scheme": scheme}
    for size, viewport in (("wide", WIDE), ("narrow", NARROW))
    for scheme in ("light", "dark")
}

DOCS: Final = {
    "dashboard": ("live", "wide-light"),
    "dashboard-dark": ("live", "wide-dark"),
    "batch": ("batch", "wide-light"),
    "execution": ("paused", "wide-dark"),
    "history": ("history", "wide-light"),
    "workflow": ("workflow", "wide-dark"),
}
"""The pictures that the documentation shows: name, place and look."""

HELD: Final = {
    "track-parcel": ("/products", "Wait for the parcel"),
    "update-address": ("/checkout", "Address is saved"),
    "use-a-gift-card": ("/cart", "Total is lower"),
    "voucher-code": ("/products/hand-compass", "Voucher is accepted"),
    "wish-list": ("/search?q=rope", "Rope is in the list"),
    "write-a-review": ("/products/chart-plotter", "Review appears"),
}
"""Workflows that stand still on a page of the shop while pictures are taken."""


@dataclass(frozen=True)
class Scene:
    """What there is to look at.

    Attributes:
        board: The server.
        places: Addresses by name; whole ones, or what comes after the hash.
    """

    board: Serving
    places: dict[str, str]


def held(path: str, label: str) -> dict[str, Any]:
    return chain(
        START,
        node("browser", "openBrowser", label="Open the browser"),
        node(
            "open", "navigation", action="navigate", url="${variables.baseUrl}" + path, label="Open the shop"
        ),
        node(
            "look",
            "wait",
            waitType="timeout",
            value=60 * MINUTE_MS,
            timeout=60 * MINUTE_MS,
            label=label,
        ),
    )


def asking() -> dict[str, Any]:
    """Signs in and pauses before it orders."""
    return chain(
        START,
        node("browser", "openBrowser", label="Open the browser"),
        node(
            "open",
            "navigation",
            action="navigate",
            url="${variables.baseUrl}/login",
            label="Open the sign-in",
        ),
        node(
            "name",
            "type",
            selector="label:Username",
            selectorType="getByLabel",
            text="demo",
            label="Type the name",
            failSilently=True,
            timeout=1000,
        ),
        node(
            "code",
            "wait",
            waitType="timeout",
            value=1,
            pause=True,
            pauseReason="",
            label="Check the code by hand",
        ),
        node(
            "account",
            "navigation",
            action="navigate",
            url="${variables.baseUrl}/account",
            label="Open the account",
        ),
    )


def flaky() -> dict[str, Any]:
    return chain(
        START,
        node("browser", "openBrowser", label="Open the browser"),
        node(
            "open",
            "navigation",
            action="navigate",
            url="${variables.baseUrl}/every-other-time",
            label="Redeem the voucher",
        ),
        node(
            "done",
            "verify",
            domain="browser",
            verificationType="text",
            selector="h1",
            expectedText="Redeemed",
            timeout=1500,
            label="It is redeemed",
        ),
    )


@asynccontextmanager
async def shop(examples: Path) -> AsyncIterator[str]:
    """The demo site, with a page that only works every other time."""
    site = await asyncio.to_thread(build_site, examples / "site")
    asked: dict[str, int] = {}

    async def every_other_time(request: web.Request) -> web.Response:
        count = asked[request.path] = asked.get(request.path, 0) + 1
        text = "Redeemed" if count % 2 == 0 else "The voucher service is busy"
        return web.Response(text=f"<h1>{text}</h1>", content_type="text/html")

    site.router.add_get("/every-other-time", every_other_time)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def write_workflows(examples: Path, root: Path) -> None:
    """The examples and the workflows that stand still, in one folder."""
    folder = root / "nightly"
    for name in ("broken", "forms", "shop", "smoke"):
        shutil.copytree(examples / name, folder / name)
    shutil.copytree(examples, root / "examples")
    for name, (path, label) in HELD.items():
        (folder / "shop" / f"{name}.json").write_text(json.dumps(held(path, label)))
    (folder / "shop" / "two-factor.json").write_text(json.dumps(asking()))
    (folder / "broken" / "voucher.json").write_text(json.dumps(flaky()))


def past(root: Path, now: int) -> list[Past]:
    """Nights before this one: some bad ones in the middle, slowly quicker."""
    nightly = root / "nightly"
    names = sorted(
        path.relative_to(nightly).as_posix()
        for path in nightly.rglob("*.json")
        if path.parent.name != "broken"
    )
    batches = []
    for night in range(45, 0, -1):
        results = [PASSED] * len(names)
        for index in range((night * 7) % 4 + (6 if 20 < night < 26 else 0)):
            results[(night * 5 + index * 11) % len(names)] = FAILED
        for index in range((night * 3) % 4):
            results[(index * 7 + night % 3) % len(names)] = FLAKY
        batches.append(
            Past(
                names,
                results,
                started_at=now - night * DAY_MS,
                each_ms=9_000 + night * 160,
                workers=6,
                folder=str(nightly),
                tags=("nightly",),
                errors=(TIMEOUT, TOTAL, TIMEOUT),
            )
        )
    many = [f"region-{index % 25:02}/customer-{index:04}.json" for index in range(5_000)]
    wrong = [FAILED if index % 97 == 5 else FLAKY if index % 61 == 7 else PASSED for index in range(5_000)]
    batches.append(
        Past(
            many,
            wrong,
            started_at=now - 3 * 3_600_000,
            each_ms=2_400,
            workers=24,
            folder=str(root / "customers"),
            tags=("monthly", "big"),
            errors=(TIMEOUT, TOTAL),
        )
    )
    return batches


async def start(board: Serving, folder: str, url: str, examples: Path, **body: Any) -> str:
    """Start a folder; returns the batch's id."""
    request = {
        "folderPath": folder,
        "recursive": True,
        "retries": 1,
        "variables": {"baseUrl": url, "examplesDir": str(examples)},
        **body,
    }
    async with board.http.post("/api/workflows/execute", json=request) as answer:
        content = await answer.json()
        if answer.status not in {200, 202}:
            raise SystemExit(f"{folder} was not started: {content}")
        return str(content["batchId"])


async def until_still(board: Serving, batch_id: str) -> None:
    """Wait until all that a batch runs stands at its last node, or pauses."""
    still = {"look", "code"}
    while True:
        rows = (await board.server.service.batch(batch_id)).executions.values()
        at_work = [row for row in rows if row.status in {"running", "paused"}]
        is_still = all(row.current_node_id in still for row in at_work)
        if is_still and len(at_work) > len(HELD) and any(row.status == "paused" for row in at_work):
            return
        await asyncio.sleep(0.5)


@asynccontextmanager
async def scene(root: Path) -> AsyncIterator[Scene]:
    """A server with a past, a batch that is over, and two that stand still half way."""
    examples = examples_folder()
    now = time.time_ns() // 1_000_000
    write_workflows(examples, root)
    ids = await write_past(root / "output", *past(root, now))
    async with shop(examples) as url, serving(root, workers=SLOTS, alone=False) as board:
        over = await start(
            board,
            "nightly/broken",
            url,
            examples,
            tags=["release"],
            workers=3,
            screenshotConfig={"enabled": True, "timing": "post"},
        )
        await board.client.wait(over)
        await write_report(root / "output", over, root / "report.html", max_mb=20)
        await start(
            board,
            "nightly/smoke",
            url,
            examples,
            tags=["smoke"],
            workers=4,
            startNodeOverrides={"slowMo": 2500},
        )
        running = await start(
            board, "nightly", url, root / "examples", tags=["nightly", "staging"], workers=6
        )
        await until_still(board, running)
        states = (await board.server.service.batch(running)).executions.values()
        paused = next(row.execution_id for row in states if row.status == "paused")
        failed = next(
            row.execution_id for row in states if row.member.workflow_path.endswith("wrong-password.json")
        )
        queued = next(row.execution_id for row in states if row.status == "queued")
        one = root / "nightly" / "shop" / "buy-one-item.json"
        yield Scene(
            board,
            {
                "live": "",
                "batch": f"batches/{running}",
                "filtered": f"batches/{running}?q=s:failed,flaky !smoke",
                "timeline": f"batches/{running}?view=timeline",
                "failures": f"batches/{over}?view=failures",
                "big": f"batches/{ids[-1]}",
                "big-timeline": f"batches/{ids[-1]}?view=timeline",
                "big-failures": f"batches/{ids[-1]}?view=failures",
                "invalid": f"batches/{running}?view=invalid",
                "failed": f"executions/{failed}",
                "paused": f"executions/{paused}",
                "queued": f"executions/{queued}",
                "history": "history",
                "history-workflows": "history?view=workflows",
                "history-one": f"history?workflow={one}",
                "workflows": "workflows",
                "folder": f"workflows{root}/nightly/shop",
                "workflow": f"workflows{one}",
                "nowhere": "batches/batch-17",
                "report": (root / "report.html").as_uri(),
            },
        )
        await board.server.service.stop_all()


async def take(
    browser: Browser, shots: Sequence[tuple[str, str]], folder: Path, looks: Sequence[str]
) -> None:
    """One picture of each place in each look; places are whole addresses."""
    for look in looks:
        context = await browser.new_context(**LOOKS[look], reduced_motion="reduce")
        page = await context.new_page()
        page.on("console", lambda message: print(f"{message.type}: {message.text}"))  # noqa: T201 - for who runs it
        page.on("pageerror", lambda error: print(f"page error: {error.stack}"))  # noqa: T201
        for name, address in shots:
            await page.goto("about:blank")
            await page.goto(address)
            await settled(page)
            await page.screenshot(path=folder / f"{name}-{look}.png", full_page=look.startswith("narrow"))
        await context.close()


async def settled(page: Page) -> None:
    await page.wait_for_load_state("load")
    await page.locator("h1").first.wait_for()
    await page.locator(".skeleton").first.wait_for(state="detached")
    await page.wait_for_timeout(SETTLE_MS)


async def main(folder: Path, only: set[str], looks: Sequence[str], docs: Path | None) -> None:
    """Take the pictures."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    found = find_browser("chromium")
    with tempfile.TemporaryDirectory(prefix="acme-") as place:
        root = Path(place)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=found.path)
            async with scene(root) as shown:
                shots = [
                    (name, place if place.startswith("file:") else f"{shown.board.server.url}/#/{place}")
                    for name, place in shown.places.items()
                    if not only or name in only
                ]
                await take(browser, shots, folder, looks)
            if not only or only & {"empty", "login"}:
                empty, locked = root / "empty", root / "locked"
                empty.mkdir()
                locked.mkdir()
                async with (
                    serving(empty, alone=False) as idle,
                    serving(locked, alone=False, token=SecretStr("a-token")) as guarded,
                ):
                    nothing = [
                        (f"empty-{name or 'live'}", f"{idle.server.url}/#/{name}")
                        for name in ("", "history", "workflows")
                    ]
                    await take(browser, [*nothing, ("login", f"{guarded.server.url}/login")], folder, looks)
            await browser.close()
    if docs is not None:
        await asyncio.to_thread(docs.mkdir, parents=True, exist_ok=True)
        for name, (place, look) in DOCS.items():
            shutil.copyfile(folder / f"{place}-{look}.png", docs / f"{name}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("output/screenshots"))
    parser.add_argument("--only", nargs="*", default=[], help="names of views")
    parser.add_argument("--looks", nargs="*", default=list(LOOKS), choices=list(LOOKS))
    parser.add_argument("--docs", type=Path, help="folder for the pictures of the documentation")
    given = parser.parse_args()
    asyncio.run(main(given.folder, set(given.only), given.looks, given.docs))
