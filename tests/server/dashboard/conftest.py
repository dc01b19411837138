"""A browser to look at the dashboard with; whatever it complains about fails the test."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from batches.browsers import find_browser
from tests.batches.runs import PATIENCE_S
from tests.server.dashboard.viewer import Viewer
from tests.server.serving import Serving, serving


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser that looks; those that run workflows are the server's."""
    found = find_browser("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found.path)
        yield browser
        await browser.close()


@pytest.fixture
async def viewer(chromium: Browser) -> AsyncIterator[Viewer]:
    """Opens pages; at the end none may have had an error on its console or a violated policy."""
    viewer = Viewer(chromium)
    yield viewer
    problems = await viewer.close()
    unexpected = [text for text in problems if not any(re.search(item, text) for item in viewer.allowed)]
    assert unexpected == []


@pytest.fixture(scope="session")
async def shared_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    """A server with two slots that tests use one after the other."""
    async with serving(tmp_path_factory.mktemp("board"), workers=2, alone=False) as server:
        yield server


@pytest.fixture
async def board(shared_server: Serving) -> AsyncIterator[Serving]:
    """A server with two slots, nothing that runs and an empty history."""
    yield shared_server
    service = shared_server.server.service
    await service.stop_all()
    async with asyncio.timeout(PATIENCE_S):
        for batch_id in list(service.log.states):
            await service.runner.wait(batch_id)  # what is saved later would come back into the history
    await service.clear_history()
