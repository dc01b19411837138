"""Fixtures shared by all tests: the test site, browsers, and running workflows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from batches.pool import BrowserPool
from nodes.script.pool import WorkerPool
from tests.running import Outcome, Step, run_document, steps_document
from tests.site.app import serve_site

RunWorkflow = Callable[..., Coroutine[Any, Any, Outcome]]
RunSteps = Callable[..., Coroutine[Any, Any, Outcome]]


@pytest.fixture(scope="session")
async def site_url() -> AsyncIterator[str]:
    """Base URL of the test site."""
    async with serve_site() as url:
        yield url


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[BrowserPool]:
    """The browsers that tests share."""
    pool = BrowserPool()
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
async def scripts() -> AsyncIterator[WorkerPool]:
    """The processes for user JavaScript that tests share."""
    scripts = WorkerPool()
    yield scripts
    await scripts.close()


@pytest.fixture
def run_workflow(pool: BrowserPool, scripts: WorkerPool, tmp_path: Path) -> RunWorkflow:
    """Run a workflow document through the real runner; options are those of `ExecutionOptions`."""

    async def run(document: dict[str, Any], **options: Any) -> Outcome:
        return await run_document(document, pool, tmp_path / "output", tmp_path, scripts, **options)

    return run


@pytest.fixture
def run_steps(run_workflow: RunWorkflow) -> RunSteps:
    """Run steps (type, data) one after the other; their ids are n1, n2, ..."""

    async def run(
        *steps: Step,
        data: dict[str, Any] | None = None,
        open_browser: bool | dict[str, Any] = True,
        **options: Any,
    ) -> Outcome:
        return await run_workflow(steps_document(steps, data, open_browser), **options)

    return run
