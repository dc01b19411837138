"""The default browser provider: shared browsers, a fresh context for each execution.

Browsers are keyed by their launch options. One is launched when nobody has a free seat, kept for reuse, retired
after a set number of contexts, and killed with its whole process tree when it dies or stops answering. Whatever
is started belongs to a task of the pool, so that a caller who is cancelled leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any, Final, cast

from playwright.async_api import Browser, BrowserContext, Page, Playwright

from batches.driver import Driver
from batches.launching import LaunchedBrowser, Launcher
from batches.pool_settings import PoolCounters, PoolSettings, PoolStats
from batches.pooled_browser import PooledBrowser
from batches.processes import ProcessId
from nodes.errors import BrowserStateError
from nodes.provider import BrowserLease, BrowserProvider, LaunchRequest

__all__ = ["BrowserPool", "PoolSettings", "PoolStats"]

_END_TIMEOUT_S: Final = 30.0
"""Longest time that closing the pool waits for its own tasks, each of which has a shorter limit."""

_log = logging.getLogger("batchwright.browsers")


class BrowserPool(BrowserProvider):
    """Gives executions their browsers.

    Args:
        settings: Sizes and time limits.
    """

    def __init__(self, settings: PoolSettings | None = None) -> None:
        self._settings = settings or PoolSettings()
        self._launcher = Launcher(self._settings)
        self._counters = PoolCounters()
        self._browsers: list[PooledBrowser] = []
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._driver: Driver | None = None
        self._driver_lock = asyncio.Lock()
        self._warming: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def stats(self) -> PoolStats:
        """What it has done and holds now."""
        counters = self._counters
        return PoolStats(
            launched=counters.launched,
            crashed=counters.crashed,
            recycled=counters.recycled,
            contexts=counters.contexts,
            prepared=counters.prepared,
            browsers=len(self._browsers),
            leases=sum(browser.seats for browser in self._browsers),
        )

    @property
    def processes(self) -> tuple[ProcessId, ...]:
        """The root process of each open browser."""
        return tuple(browser.process for browser in self._browsers if browser.process is not None)

    async def lease(self, request: LaunchRequest, *, exclusive: bool = False) -> BrowserLease:
        """Get a browser of the wanted kind, launching one if needed.

        Args:
            request: The kind of browser.
            exclusive: Ask for a browser that no other execution shares; it closes when it is given back.

        Raises:
            BrowserMissingError: No such browser on this machine; the message says what to run.
            BrowserStateError: It cannot start as asked for, or the pool is closed.
            BrowserLostError: It could not be started or died while starting.
        """
        if self._closing is not None:
            raise BrowserStateError("The browser pool is closed", code="POOL_CLOSED")
        self._drop_dead()
        browser = self._seat(request, exclusive=exclusive)
        try:
            await browser.ready()
        except BaseException:
            self._spawn(browser.leave(), "give a seat back")
            raise
        return _Lease(self, browser)

    def _seat(self, request: LaunchRequest, *, exclusive: bool) -> PooledBrowser:
        """Take a seat in a browser that has one, else in a new one; its launch goes on by itself."""
        for browser in self._browsers:
            if not exclusive and browser.key == request.key and browser.joinable:
                browser.seats += 1
                return browser
        browser = PooledBrowser(
            request.key,
            exclusive=exclusive,
            settings=self._settings,
            counters=self._counters,
            spawn=self._spawn,
            lacking=self._lacking,
            on_end=self._forget,
        )
        browser.seats = 1
        self._browsers.append(browser)
        browser.start(lambda: self._launch(request))
        return browser

    async def _launch(self, request: LaunchRequest) -> LaunchedBrowser:
        return await self._launcher.launch(self._running_driver, request)

    async def _running_driver(self) -> Driver:
        async with self._driver_lock:
            if self._driver is None or not self._driver.alive:
                if self._driver is not None:
                    _log.warning("Playwright's driver died; starting another")
                    await self._driver.stop(self._settings.close_timeout_s)
                self._driver = await Driver.start(self._settings.launch_timeout_s)
            return self._driver

    def warm_up(self) -> None:
        """Start the driver, which takes about half a second; whoever wants a browser waits for what is left of it."""
        if self._closing is None and self._driver is None and self._warming is None:
            self._warming = self._spawn(self._warm_up(), "start the driver")

    async def _warm_up(self) -> None:
        await self._running_driver()

    @property
    def reuses(self) -> bool:
        """Whether contexts that executions leave are used again."""
        return self._settings.reuse_contexts

    def expect(self, waiting: int) -> None:
        """Learn how many executions wait: contexts are opened ahead for that many at most."""
        self._waiting = waiting

    def _lacking(self) -> int:
        """How many more contexts than there are may be opened ahead; negative if there are too many."""
        settings = self._settings
        if not (settings.prepare_contexts or settings.reuse_contexts) or self._closing is not None:
            return 0
        return self._waiting - sum(len(browser.spares) for browser in self._browsers)

    def _drop_dead(self) -> None:
        # A driver that died tells nobody that its browsers are lost.
        for browser in list(self._browsers):
            if browser.launch is not None and browser.launch.done() and browser.lost:
                browser.lose("was lost with its driver")

    def _forget(self, browser: PooledBrowser) -> None:
        if browser in self._browsers:
            self._browsers.remove(browser)

    def give_back(
        self,
        browser: PooledBrowser,
        contexts: list[BrowserContext],
        offered: tuple[BrowserContext, Mapping[str, object]] | None,
    ) -> asyncio.Task[None]:
        """Close a lease's contexts and free its seat, in a task that a cancelled caller does not stop.

        Args:
            browser: The leased browser.
            contexts: The contexts opened through the lease.
            offered: One of them that may be used again, and its options.
        """
        return self._spawn(self._give_back(browser, contexts, offered), "give a browser back")

    async def _give_back(
        self,
        browser: PooledBrowser,
        contexts: list[BrowserContext],
        offered: tuple[BrowserContext, Mapping[str, object]] | None,
    ) -> None:
        try:
            if offered is not None and offered[0] in contexts and await browser.keep(*offered):
                contexts = [context for context in contexts if context is not offered[0]]
            await browser.close_contexts(contexts)
        finally:
            if browser.lost:
                browser.lose("was lost")
            await browser.leave()
            self._trim()

    def retire(self) -> None:
        """Let every browser close as soon as nobody uses it; whoever comes next gets another one."""
        for browser in list(self._browsers):
            browser.retire()

    def _trim(self) -> None:
        """Close the browsers that have waited longest for reuse, beyond those allowed to."""
        idle = [browser for browser in self._browsers if browser.idle]
        for browser in idle[: max(0, len(idle) - self._settings.max_idle_browsers)]:
            browser.close()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"browser pool: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("%s: %s", task.get_name(), error)

    async def close(self) -> None:
        """Close every browser; afterwards no process is left. Idempotent."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="browser pool: close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        launches = [browser.launch for browser in self._browsers if browser.launch is not None]
        if launches:
            _, pending = await asyncio.wait(launches, timeout=self._settings.close_timeout_s)
            for task in pending:
                task.cancel()
        if self._warming is not None and self._driver is None:
            self._warming.cancel()
        for browser in list(self._browsers):
            browser.close()
        deadline = asyncio.get_running_loop().time() + _END_TIMEOUT_S
        while self._tasks and (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self._tasks), timeout=left_s)
        if self._driver is not None:
            await self._driver.stop(self._settings.close_timeout_s)
        left = await self._launcher.sweep()
        if left:
            _log.warning("%d browser processes were left when the pool closed; they were killed", left)


class _Lease(BrowserLease):
    """One execution's share of a pooled browser."""

    def __init__(self, pool: BrowserPool, pooled: PooledBrowser) -> None:
        self._pool = pool
        self._pooled = pooled
        self._contexts: list[BrowserContext] = []
        self._offered: tuple[BrowserContext, Mapping[str, object]] | None = None
        self._release: asyncio.Task[None] | None = None

    @property
    def browser(self) -> Browser:
        """The Playwright browser."""
        return self._pooled.launched.browser

    @property
    def playwright(self) -> Playwright:
        """The Playwright instance it belongs to."""
        return self._pooled.launched.driver.playwright

    @property
    def lost(self) -> bool:
        """Whether the browser process died or was killed."""
        return self._pooled.lost

    @property
    def exclusive(self) -> bool:
        """Whether no other execution uses this browser."""
        return self._pooled.exclusive

    async def new_context(self, **options: object) -> BrowserContext:
        """Open a fresh, isolated context.

        Raises:
            BrowserStateError: The lease was given back, or an option has a name that Playwright does not know.
            BrowserLostError: The browser is gone or does not answer in time.
        """
        if self._release is not None:
            raise BrowserStateError("The browser was given back already", code="LEASE_RELEASED")
        unknown = sorted(set(options) - _context_options())
        if unknown:
            raise BrowserStateError(
                f"Unknown context options: {', '.join(unknown)}. Check 'contextOptions'",
                code="CONTEXT_OPTION_INVALID",
            )
        context = await self._pooled.new_context(cast("dict[str, Any]", options))
        self._own(context)
        return context

    def prepared_page(self, options: Mapping[str, object]) -> Page | None:
        """The page of a context that was opened ahead, if there is one with these options."""
        page = self._pooled.prepared_page(options) if self._release is None else None
        if page is not None:
            self._own(page.context)
        return page

    def _own(self, context: BrowserContext) -> None:
        self._contexts.append(context)
        context.on("close", self._disown)

    def _disown(self, context: BrowserContext) -> None:
        if context in self._contexts:
            self._contexts.remove(context)

    def offer(self, context: BrowserContext, options: Mapping[str, object]) -> None:
        """Let the context be used again, if the pool is set to do that."""
        if self._pool.reuses:
            context.remove_listener("close", self._disown)
            self._offered = context, options

    async def release(self) -> None:
        """Close the contexts opened through this lease and give the browser back; idempotent."""
        if self._release is None:
            self._release = self._pool.give_back(self._pooled, list(self._contexts), self._offered)
        await asyncio.shield(self._release)


@cache
def _context_options() -> frozenset[str]:
    return frozenset(inspect.signature(Browser.new_context).parameters)
