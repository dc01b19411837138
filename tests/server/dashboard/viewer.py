"""Looking at the dashboard, and giving it something to show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, expect

from tests.batches.runs import MINUTE_MS, PATIENCE_S
from tests.running import chain, node
from tests.server.serving import Serving

expect.set_options(timeout=PATIENCE_S * 1000 / 2)

START = node("start", "start")
_NOTED = frozenset({"error", "warning"})


@dataclass
class Viewer:
    """Opens pages and notes what goes wrong on them.

    As a context manager inside a server's it closes them before the server is gone, which they would complain of.

    Attributes:
        allowed: Patterns of complaints that a test brings about on purpose.
    """

    browser: Browser
    allowed: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)

    async def open(self, url: str, place: str = "", **options: Any) -> Page:
        """A page in a context of its own; ``place`` is the address after the hash."""
        given = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **options}
        context = await self.browser.new_context(**given)
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_S * 1000 / 2)
        page = await context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        await page.goto(f"{url}/#/{place}" if url.startswith("http") else url)
        return page

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> list[str]:
        """Close the pages; returns what went wrong on them."""
        while self._contexts:
            await self._contexts.pop().close()
        return self._problems

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in _NOTED:
            self._problems.append(f"{message.type}: {message.text}")

    def _on_error(self, error: Error) -> None:
        self._problems.append(f"page error: {error.stack or error.message}")


def holding(label: str = "Hold") -> dict[str, Any]:
    """A workflow that stands at a node for longer than any test."""
    return chain(START, node("hold", "wait", waitType="timeout", value=MINUTE_MS, label=label))


def passing() -> dict[str, Any]:
    return chain(START, node("say", "stringValue", value="x"))


def failing(label: str = "Load the prices") -> dict[str, Any]:
    return chain(START, node("bad", "loadConfigFile", label=label))


def pausing() -> dict[str, Any]:
    """A workflow that pauses until somebody lets it go on."""
    return chain(START, node("gate", "wait", waitType="timeout", value=1, pause=True, label="Look at it"))


async def submit(
    board: Serving, documents: Sequence[dict[str, Any]], names: Sequence[str] = (), **body: Any
) -> str:
    """Start a batch; returns its id."""
    request = {
        "workflows": list(documents),
        "workflowFileNames": list(names) or [f"w{index}.json" for index in range(len(documents))],
        "executionMode": "parallel",
        **body,
    }
    async with board.http.post("/api/workflows/execute", json=request) as answer:
        content = await answer.json()
        assert answer.status in {200, 202}, content
        return str(content["batchId"])


def rows(page: Page) -> Locator:
    """The rows of the table that are in the document."""
    return page.get_by_role("table").locator(".grid-body [role=row]")


def row(page: Page, name: str) -> Locator:
    """The row of a workflow."""
    return rows(page).filter(has=page.get_by_role("link", name=re.compile(re.escape(name) + "$")))
