"""Fixtures of the server's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.api import Api, serving


@pytest.fixture(scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A server for tests whose requests change nothing."""
    async with serving(tmp_path_factory.mktemp("shared")) as api:
        yield api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A server with two workers and an empty history."""
    async with serving(tmp_path) as api:
        yield api
