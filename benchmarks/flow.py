"""The 7-node flow that the benchmarks run: as a workflow document and as a plain Playwright function."""

from __future__ import annotations

import itertools
from typing import Any, Final

from playwright.async_api import Browser

__all__ = ["FIRST_NAME", "RESULT_COUNT", "SEARCH_BOX", "plain_flow", "workflow_document"]

SEARCH_BOX: Final = "input[type=search]"
RESULT_COUNT: Final = "[data-testid=result-count]"
FIRST_NAME: Final = "[data-testid=search-results] li >> nth=0"


def workflow_document() -> dict[str, Any]:
    """start, openBrowser, navigation, type, keyboard, verify, elementQuery."""
    steps: list[tuple[str, dict[str, Any]]] = [
        ("start", {}),
        ("openBrowser", {}),
        ("navigation", {"action": "navigate", "url": "${variables.baseUrl}/", "waitUntil": "load"}),
        ("type", {"selector": SEARCH_BOX, "text": "compass"}),
        ("keyboard", {"action": "press", "key": "Enter", "selector": SEARCH_BOX}),
        (
            "verify",
            {
                "domain": "browser",
                "verificationType": "text",
                "selector": RESULT_COUNT,
                "expectedText": "1 result",
                "matchType": "equals",
            },
        ),
        ("elementQuery", {"action": "getText", "selector": FIRST_NAME, "outputVariable": "name"}),
    ]
    ids = [f"{kind}-{index}" for index, (kind, _) in enumerate(steps)]
    nodes = [
        {"id": node_id, "type": kind, "position": {"x": 250 * index, "y": 0}, "data": data}
        for index, (node_id, (kind, data)) in enumerate(zip(ids, steps, strict=True))
    ]
    edges = [
        {"id": f"e{index}", "source": a, "target": b, "sourceHandle": "output", "targetHandle": "driver"}
        for index, (a, b) in enumerate(itertools.pairwise(ids))
    ]
    return {"nodes": nodes, "edges": edges}


async def plain_flow(browser: Browser, base_url: str) -> str:
    """The same steps as a script would have them, in a context of its own."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(f"{base_url}/", wait_until="load")
        await page.locator(SEARCH_BOX).fill("compass")
        await page.locator(SEARCH_BOX).press("Enter")
        count = await page.locator(RESULT_COUNT).text_content()
        if count != "1 result":
            raise AssertionError(f"unexpected result count: {count}")
        return await page.locator(FIRST_NAME).text_content() or ""
    finally:
        await context.close()
