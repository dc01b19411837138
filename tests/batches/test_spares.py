"""Contexts that are opened ahead: never used before, never left behind, and only where somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from batches.pool import BrowserPool, PoolSettings
from nodes.provider import BrowserLease, LaunchRequest
from nodes.session import BrowserSession
from tests.batches.runs import START, browsing, request, stage, words
from tests.running import chain, node

pytestmark = pytest.mark.browser

REQUEST = LaunchRequest()
OPTIONS = {"locale": "de-DE"}


@asynccontextmanager
async def waiting_pool(waiting: int = 5, **settings: Any) -> AsyncIterator[BrowserPool]:
    pool = BrowserPool(PoolSettings(**{"prepare_up_to": 8, **settings}))
    pool.expect(waiting)
    try:
        yield pool
    finally:
        await pool.close()
    assert (pool._tasks, pool.stats.browsers) == (set(), 0)


async def settled(pool: BrowserPool) -> None:
    """Until the pool has done what it began."""
    async with asyncio.timeout(60):
        while pool._tasks:
            await asyncio.wait(set(pool._tasks))


async def used(pool: BrowserPool, **options: object) -> BrowserLease:
    """A lease with a context in use, after which the pool had time to open one ahead."""
    lease = await pool.lease(REQUEST)
    await lease.new_context(**options)
    await settled(pool)
    return lease


async def test_a_prepared_page_is_fresh_and_isolated(site_url: str) -> None:
    async with waiting_pool() as pool:
        first = BrowserSession(pool)
        page = await first.open(REQUEST, OPTIONS)
        await page.goto(f"{site_url}/set-cookie")
        await page.evaluate("localStorage.setItem('mine', '1')")
        await settled(pool)

        second = BrowserSession(pool)
        other = await second.open(REQUEST, OPTIONS)
        assert pool.stats.prepared == 1
        assert other.url == "about:blank"
        assert await other.evaluate("navigator.language") == "de-DE"
        await other.goto(f"{site_url}/echo")
        assert await other.context.cookies() == []
        assert await other.evaluate("localStorage.length") == 0
        await asyncio.gather(first.close(), second.close())
        assert pool.stats.contexts == 2


async def test_a_prepared_page_is_watched_like_any_other() -> None:
    async with waiting_pool() as pool:
        lease = await used(pool)
        session = BrowserSession(pool, keep_dialogs=True)
        lines: list[str] = []
        session.watch_console(lambda message: lines.append(message.text))
        page = await session.open(REQUEST, {})
        assert pool.stats.prepared == 1
        async with page.expect_popup() as popup:
            await page.evaluate("console.log('one'); window.open('about:blank')")
        await (await popup.value).evaluate("console.log('two')")
        assert lines == ["one", "two"]
        asking = asyncio.ensure_future(page.evaluate("confirm('sure?')"))
        await (await session.next_dialog(30_000)).accept()
        assert await asking
        await session.close()
        await lease.release()


async def test_only_the_very_same_options_fit() -> None:
    async with waiting_pool() as pool:
        lease = await used(pool, **OPTIONS)
        assert lease.prepared_page({}) is None
        assert lease.prepared_page({"locale": "fr-FR"}) is None
        assert lease.prepared_page(OPTIONS) is not None
        await lease.release()
        assert lease.prepared_page(OPTIONS) is None


@pytest.mark.parametrize("options", [{"record_har_path": "x.har"}, {"storage_state": {"cookies": []}}])
async def test_what_depends_on_the_moment_is_not_prepared(options: dict[str, Any], tmp_path: Path) -> None:
    given = {
        key: str(tmp_path / value) if isinstance(value, str) else value for key, value in options.items()
    }
    async with waiting_pool() as pool:
        lease = await used(pool, **given)
        assert len(lease.browser.contexts) == 1
        await lease.release()


async def test_init_scripts_want_a_page_of_their_own() -> None:
    async with waiting_pool() as pool:
        lease = await used(pool)
        session = BrowserSession(pool)
        page = await session.open(REQUEST, {}, ["window.marked = true"])
        await page.goto("data:text/html,x")
        assert await page.evaluate("window.marked")
        assert pool.stats.prepared == 0
        await session.close()
        await lease.release()


@pytest.mark.parametrize(("waiting", "switched_on"), [(0, True), (5, False)])
async def test_nothing_is_prepared_for_nobody(waiting: int, switched_on: bool) -> None:
    async with waiting_pool(waiting, prepare_contexts=switched_on) as pool:
        lease = await used(pool)
        assert len(lease.browser.contexts) == 1
        await lease.release()


async def test_what_nobody_will_take_is_closed_when_the_browser_rests() -> None:
    async with waiting_pool() as pool:
        lease = await used(pool)
        browser = lease.browser
        assert len(browser.contexts) == 2
        pool.expect(1)
        await lease.release()
        await settled(pool)
        assert len(browser.contexts) == 1

        lease = await pool.lease(REQUEST)
        pool.expect(0)
        assert lease.prepared_page({}) is not None
        await lease.release()
        await settled(pool)
        assert browser.contexts == []


async def test_a_retired_browser_prepares_nothing_more() -> None:
    async with waiting_pool(contexts_per_browser=2) as pool:
        lease = await used(pool)
        assert lease.prepared_page({}) is not None
        await settled(pool)
        assert len(lease.browser.contexts) == 2
        await lease.release()
        await settled(pool)
        assert pool.stats.browsers == 0


async def test_a_page_that_crashed_meanwhile_is_not_handed_out() -> None:
    async with waiting_pool() as pool:
        lease = await used(pool)
        (spare,) = [context.pages[0] for context in lease.browser.contexts if context.pages]
        async with asyncio.timeout(60):
            async with spare.expect_event("crash"):
                crashing = asyncio.ensure_future(spare.goto("chrome://crash"))
            await asyncio.gather(crashing, return_exceptions=True)
        assert lease.prepared_page({}) is None
        await settled(pool)
        assert spare.is_closed()
        await lease.release()


async def test_executions_of_a_batch_take_what_was_prepared(tmp_path: Path, site_url: str) -> None:
    names = ("first", "second", "third")
    documents = [browsing(f"{site_url}/slow?ms=300&text={name}") for name in names]
    async with stage(tmp_path, slots=1) as run:
        state = await run.runner.submit(
            request(*documents, chain(START, node("x", "stringValue", value="x")))
        )
        await run.over(state.batch_id)
        assert words(state) == ["completed"] * 4
        assert run.pool.stats.contexts == 3
        assert run.pool.stats.prepared >= 1


async def test_nothing_is_opened_ahead_where_more_run_than_allowed() -> None:
    async with waiting_pool(prepare_up_to=1) as pool:
        first = await used(pool)
        assert pool.stats.prepared == 0
        assert first.prepared_page({}) is not None
        await settled(pool)
        second = await pool.lease(REQUEST)
        assert second.prepared_page({}) is not None
        await settled(pool)
        assert second.prepared_page({}) is None
        await asyncio.gather(first.release(), second.release())


async def test_contexts_are_not_reused_unless_that_is_set(site_url: str) -> None:
    async with waiting_pool(prepare_contexts=False) as pool:
        await _left_behind(pool, site_url)
        second = BrowserSession(pool)
        page = await second.open(REQUEST, OPTIONS)
        await page.goto(f"{site_url}/echo")
        assert await page.evaluate("localStorage.length") == 0
        assert pool.stats.prepared == 0
        await second.close()


async def test_a_reused_context_has_new_pages_no_cookies_and_what_sites_stored(site_url: str) -> None:
    async with waiting_pool(prepare_contexts=False, reuse_contexts=True) as pool:
        await _left_behind(pool, site_url)
        second = BrowserSession(pool)
        page = await second.open(REQUEST, OPTIONS)
        assert pool.stats.prepared == 1
        assert [tab.url for tab in second.pages] == ["about:blank"]
        await page.goto(f"{site_url}/echo")
        assert await page.context.cookies() == []
        assert await page.evaluate("localStorage.getItem('mine')") == "1"
        # It belongs to this session now, whatever the first one still holds.
        await second.close()
        await settled(pool)
        assert pool.stats.leases == 0


async def test_other_options_a_changed_context_and_nobody_waiting_give_a_fresh_context(site_url: str) -> None:
    async with waiting_pool(prepare_contexts=False, reuse_contexts=True) as pool:
        await _left_behind(pool, site_url)
        other = BrowserSession(pool)
        await other.open(REQUEST, {"locale": "fr-FR"})
        assert pool.stats.prepared == 0
        await other.context.set_extra_http_headers({"x-mine": "1"})
        await other.close()
        third = BrowserSession(pool)
        await third.open(REQUEST, {"locale": "fr-FR"})
        assert pool.stats.prepared == 0
        pool.expect(0)
        await third.close()
        pool.expect(1)
        fourth = BrowserSession(pool)
        await fourth.open(REQUEST, {"locale": "fr-FR"})
        assert pool.stats.prepared == 0
        await fourth.close()


async def _left_behind(pool: BrowserPool, site_url: str) -> None:
    """What a first execution leaves."""
    session = BrowserSession(pool)
    page = await session.open(REQUEST, OPTIONS)
    await page.goto(f"{site_url}/set-cookie")
    await page.evaluate("localStorage.setItem('mine', '1'); window.open('about:blank')")
    await session.close()
    await settled(pool)
