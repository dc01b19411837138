"""The dashboard while 200 executions run: how long its page is busy at a time, and what it costs the server.

One headless Chromium shows a view while events of node after node come in, 50 a second and then ten times as many.
Tasks are those of the page's main thread, from the browser's trace: how long each worked, and how long it lasted,
which is more where other processes want the processor too. The server's processor time for the page is what it takes
with the page minus what it takes without one.

    python -m benchmarks.dashboard [--seconds 10] [--executions 200] [--rates 50 500] [--json FILE]
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.request import urlopen

from playwright.async_api import Browser, Page, async_playwright

from batches.browsers import find_browser
from benchmarks.event_source import SourceProcess
from benchmarks.figures import Figure, Report, arguments

__all__ = ["main"]

MOST_TASK_MS: Final = 100.0
MOST_SERVER_SHARE: Final = 5.0
"""Percent of a core that a page may cost the server at the rate that is judged."""

JUDGED_RATE: Final = 50

_LONG_MS: Final = 50.0
_CATEGORIES: Final = ["toplevel"]
_MAIN_THREAD: Final = "CrRendererMain"
_TASK: Final = "ThreadControllerImpl::RunTask"
_WARM_UP_S: Final = 2.0
_PATIENCE_MS: Final = 60_000


async def measure(browser: Browser, rate: int, executions: int, seconds: int) -> list[dict[str, Any]]:
    """Each view at this rate, and the server without any."""
    runs = []
    async with SourceProcess.started(rate=rate, executions=executions) as source:
        await source.go(_WARM_UP_S)
        alone = await source.go(seconds)
        alone_share = alone["cpu_s"] / alone["seconds"]
        for name, place in (await _places(source.url)).items():
            async with _shown(browser, f"{source.url}/#/{place}") as page:
                await source.go(_WARM_UP_S)
                await browser.start_tracing(page=page, categories=_CATEGORIES)
                made = await source.go(seconds)
                worked, lasted = await asyncio.to_thread(_tasks, await browser.stop_tracing())
            runs.append(
                {
                    "view": name,
                    "rate": rate,
                    "longest_work_ms": max(worked, default=0.0),
                    "longest_ms": max(lasted, default=0.0),
                    "long_tasks": sum(task >= _LONG_MS for task in worked),
                    "page_share": sum(worked) / 1000 / made["seconds"],
                    "server_share": max(0.0, made["cpu_s"] / made["seconds"] - alone_share),
                }
            )
            print(f"  {name} at {rate}/s: longest task {runs[-1]['longest_work_ms']:.0f} ms", file=sys.stderr)
    return runs


@asynccontextmanager
async def _shown(browser: Browser, address: str) -> AsyncIterator[Page]:
    """A page that shows what runs."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    await page.goto(address)
    await page.get_by_role("main").get_by_text("Running").first.wait_for(timeout=_PATIENCE_MS)
    yield page
    await context.close()


def _tasks(trace: bytes) -> tuple[list[float], list[float]]:
    """How long each task of pages' main threads worked, and how long it lasted, ms."""
    events = json.loads(trace)["traceEvents"]
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == _MAIN_THREAD
    }
    tasks = [event for event in events if event["name"] == _TASK and (event["pid"], event["tid"]) in threads]
    return [task.get("tdur", 0) / 1000 for task in tasks], [task.get("dur", 0) / 1000 for task in tasks]


async def _places(url: str) -> dict[str, str]:
    """The views to look at, by name."""

    def ask() -> Any:
        with urlopen(f"{url}/api/workflows/executions/active") as answer:  # noqa: S310 - our own server
            return json.load(answer)

    one = (await asyncio.to_thread(ask))["executions"][0]
    return {
        "Live": "",
        "Batch": f"batches/{one['batchId']}",
        "Timeline": f"batches/{one['batchId']}?view=timeline",
        "Execution": f"executions/{one['executionId']}",
    }


def figures_of(runs: Sequence[dict[str, Any]]) -> list[Figure]:
    """Long tasks and processor time of each view at each rate."""
    figures = []
    for run in runs:
        name = f"{run['view']}, {run['rate']} events/s"
        judged = run["rate"] == JUDGED_RATE
        figures += [
            Figure(
                f"{name}: longest task, work",
                round(run["longest_work_ms"], 1),
                "ms",
                target=MOST_TASK_MS if judged else None,
            ),
            Figure(f"{name}: longest task, lasted", round(run["longest_ms"], 1), "ms"),
            Figure(f"{name}: tasks that worked 50 ms", run["long_tasks"]),
            Figure(f"{name}: page's main thread", round(100 * run["page_share"], 1), "% of a core"),
            Figure(
                f"{name}: server, for the page",
                round(100 * run["server_share"], 1),
                "% of a core",
                target=MOST_SERVER_SHARE if judged else None,
            ),
        ]
    return figures


async def _collect(rates: Sequence[int], executions: int, seconds: int) -> list[dict[str, Any]]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser("chromium").path)
        runs = [run for rate in rates for run in await measure(browser, rate, executions, seconds)]
        await browser.close()
    return runs


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON if asked."""
    parser = arguments(__doc__, seconds=10, executions=200)
    parser.add_argument("--rates", type=int, nargs="+", default=[JUDGED_RATE, 10 * JUDGED_RATE])
    given = parser.parse_args(arguments_given)
    runs = asyncio.run(_collect(given.rates, given.executions, given.seconds))
    title = f"{given.executions} executions, each view for {given.seconds} s"
    Report("dashboard", title, figures_of(runs), runs=list(runs)).finish(given.json)


if __name__ == "__main__":
    main()
