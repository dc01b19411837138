"""The page when the server goes, comes back, or comes back newer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.server.dashboard.viewer import Viewer, holding, passing, row, submit
from tests.server.serving import serving

GONE = ("WebSocket connection to", "Failed to load resource")


async def test_the_server_stops_and_starts_again(tmp_path: Path, viewer: Viewer) -> None:
    viewer.allowed += GONE
    async with serving(tmp_path, workers=2, alone=False) as board:
        port = board.server.port
        batch_id = await submit(board, [passing(), holding(), holding(), holding()])
        page = await viewer.open(board.server.url, f"batches/{batch_id}")
        await expect(row(page, "w1.json")).to_contain_text("Running")
        await expect(page.get_by_text("Live", exact=True).last).to_be_visible()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("What is shown is not up to date")
    await expect(page.locator(".stale .view")).to_be_visible()
    async with serving(tmp_path, alone=False, port=port):
        await expect(page.get_by_text("Caught up")).to_be_visible()
        await expect(alert).to_be_hidden()
        await expect(page.locator(".stale")).to_be_hidden()
        # What happened while it was away: the server stopped what ran when it ended.
        await expect(row(page, "w1.json")).to_contain_text("Stopped")
        await expect(row(page, "w3.json")).to_contain_text("Not run")


async def test_a_newer_server_asks_for_a_reload(
    tmp_path: Path, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.allowed += GONE
    async with serving(tmp_path, alone=False) as board:
        port = board.server.port
        page = await viewer.open(board.server.url)
        await expect(page.get_by_role("heading", name="Nothing runs")).to_be_visible()
    monkeypatch.setattr("server.dashboard.pages.version", lambda _name: "99.1")
    async with serving(tmp_path, alone=False, port=port):
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("The server is now version 99.1")
        await alert.get_by_role("button", name="Reload").click()
        await expect(page.get_by_role("heading", name="Nothing runs")).to_be_visible()
        await expect(alert).to_be_hidden()
