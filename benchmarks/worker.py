"""One measured run in a process of its own: N copies of the flow, by us, by a plain script or by ``@playwright/test``.

Prints one JSON object: wall seconds, CPU seconds of this process. Browser start and end
are part of what is measured, for all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

from playwright.async_api import async_playwright

from batches.browsers import find_browser
from batches.local import LocalEngine
from batches.pool import BrowserPool
from batches.request import BatchRequest, WorkItem
from batches.runner import Runner
from batches.spec import ExecutionOptions
from batches.tinydb_store import TinyDbStore
from batchwright.loading import keep_loaded
from benchmarks import npm_side
from benchmarks.flow import plain_flow, workflow_document
from nodes.catalogue import default_registry
from nodes.validation import prepare

Run = Callable[[str, int, int], Coroutine[object, object, None]]


async def run_batchwright(base_url: str, copies: int, workers: int) -> None:
    """N copies as one batch, with journal and history, as the command line runs them."""
    keep_loaded()
    document = workflow_document()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        async with TinyDbStore(output) as store:
            engine = LocalEngine(default_registry(), BrowserPool(), slots=workers)
            runner = Runner(store=store, engine=engine, output=output, root=output)
            await runner.start()
            try:
                state = await runner.submit(
                    BatchRequest(
                        items=tuple(WorkItem(f"{i}.json", f"{i}.json", document) for i in range(copies)),
                        workers=workers,
                        options=ExecutionOptions(variables={"baseUrl": base_url}),
                    )
                )
                state = await runner.wait(state.batch_id)
            finally:
                await runner.close()
        if state.counts.completed != copies:
            first = next(item.error for item in state.executions.values() if item.error)
            raise AssertionError(f"not all passed: {state.counts}: {first}")


async def run_plain(base_url: str, copies: int, workers: int) -> None:
    """N copies as a script would do it: one shared browser, one context each, a semaphore for the workers."""
    found = await asyncio.to_thread(find_browser, "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found.path, chromium_sandbox=os.geteuid() != 0
        )
        slots = asyncio.Semaphore(workers)

        async def one() -> None:
            async with slots:
                await plain_flow(browser, base_url)

        await asyncio.gather(*(one() for _ in range(copies)))
        await browser.close()


async def run_playwright_test(base_url: str, copies: int, workers: int) -> None:
    """N spec files by the runner from npm, which has a browser for each of its workers."""
    await asyncio.to_thread(npm_side.run, base_url, copies, workers)


RUNS: dict[str, Run] = {
    "batchwright": run_batchwright,
    "plain": run_plain,
    "playwright-test": run_playwright_test,
}


def main() -> None:
    """Run what the arguments say and print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=sorted(RUNS))
    parser.add_argument("base_url")
    parser.add_argument("copies", type=int)
    parser.add_argument("workers", type=int)
    arguments = parser.parse_args()
    # Loads the node types and builds their models, as Playwright is loaded: neither counts.
    prepare(workflow_document(), default_registry())
    used, began = time.process_time(), time.perf_counter()
    asyncio.run(RUNS[arguments.what](arguments.base_url, arguments.copies, arguments.workers))
    wall = time.perf_counter() - began
    print(json.dumps({"wall_s": wall, "cpu_s": time.process_time() - used}))


if __name__ == "__main__":
    main()
