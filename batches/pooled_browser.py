"""One browser of the pool: its seats, its contexts and its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

from playwright.async_api import Browser, BrowserContext, Error, Page

from batches.launching import LaunchedBrowser
from batches.pool_settings import PoolCounters, PoolSettings
from batches.processes import ProcessId, kill_tree
from batches.spares import Spares
from nodes.errors import BrowserLostError

__all__ = ["PooledBrowser", "Spawn"]

_KILL_TIMEOUT_S: Final = 10.0

_log = logging.getLogger("batchwright.browsers")


class Spawn(Protocol):
    """Starts a named task that the pool keeps and awaits when it closes."""

    def __call__(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start it."""
        ...


class PooledBrowser:
    """A browser that several executions share, or one has for itself.

    It is in the pool from before its launch, so that those who wait for the launch have their seats already.

    Args:
        key: `LaunchRequest.key` of the request it serves.
        exclusive: Whether it serves one lease only.
        settings: The pool's settings.
        counters: The pool's running totals.
        spawn: Starts the pool's tasks.
        lacking: How many more contexts may be opened ahead; negative if there are too many.
        on_end: Called once when it no longer counts, before its processes are gone.
    """

    def __init__(
        self,
        key: str,
        *,
        exclusive: bool,
        settings: PoolSettings,
        counters: PoolCounters,
        spawn: Spawn,
        lacking: Callable[[], int],
        on_end: Callable[[PooledBrowser], None],
    ) -> None:
        self.key = key
        self.exclusive = exclusive
        self.seats = 0
        """Leases held or waiting for the launch."""
        self._settings = settings
        self._counters = counters
        self._spawn = spawn
        self._lacking = lacking
        self._on_end = on_end
        self.spares: Final = Spares(self._open, self.close_contexts, spawn, settings.context_timeout_s)
        """Contexts opened ahead."""
        self._contexts = 0
        self._visits = 0
        self._retired = False
        self._launched: LaunchedBrowser | None = None
        self._ready: asyncio.Task[None] | None = None
        self._end: asyncio.Task[None] | None = None

    def start(self, launch: Callable[[], Awaitable[LaunchedBrowser]]) -> None:
        """Begin the launch.

        Args:
            launch: Starts the browser.
        """
        self._ready = self._spawn(self._launch(launch), "launch a browser")

    async def _launch(self, launch: Callable[[], Awaitable[LaunchedBrowser]]) -> None:
        try:
            self._launched = await launch()
        except BaseException:
            self._on_end(self)
            raise
        self._counters.launched += 1
        self._launched.browser.on("disconnected", self._on_disconnected)
        if self.seats == 0:  # whoever wanted it was cancelled meanwhile
            self._rest()

    def _on_disconnected(self, _browser: Browser) -> None:
        self.lose("died")

    async def ready(self) -> None:
        """Wait until it runs. Cancelling the wait does not stop the launch.

        Raises:
            BrowserMissingError: It is not on this machine.
            BrowserLostError: It could not be started.
        """
        if self._ready is None:
            raise BrowserLostError("The browser was never started")
        try:
            await asyncio.shield(self._ready)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._ready.cancelled() and not (task and task.cancelling()):
                raise BrowserLostError("The browser pool was closed while the browser was starting") from None
            raise

    @property
    def launch(self) -> asyncio.Task[None] | None:
        """The task that starts it."""
        return self._ready

    @property
    def launched(self) -> LaunchedBrowser:
        """The running browser.

        Raises:
            BrowserLostError: It does not run yet.
        """
        if self._launched is None:
            raise BrowserLostError("The browser has not been started")
        return self._launched

    @property
    def process(self) -> ProcessId | None:
        """The root of its processes, where known."""
        return self._launched.process if self._launched else None

    @property
    def joinable(self) -> bool:
        """Whether one more lease may use it."""
        room = self.seats < self._settings.max_leases_per_browser
        return room and not (self.exclusive or self._retired or self._end or (self._launched and self.lost))

    @property
    def idle(self) -> bool:
        """Whether it runs for nobody."""
        return self.seats == 0 and self._launched is not None and self._end is None

    @property
    def lost(self) -> bool:
        """Whether it can no longer be used."""
        if self._end is not None or self._launched is None:
            return self._end is not None
        launched = self._launched
        alive = launched.lifeline is None or launched.lifeline.alive
        return not (alive and launched.browser.is_connected() and launched.driver.alive)

    async def new_context(self, options: dict[str, Any]) -> BrowserContext:
        """Open a context; a browser that does not answer in time is killed.

        Args:
            options: Playwright's, with its Python names.

        Raises:
            BrowserLostError: It is gone or did not answer.
        """
        context = await self._open(options)
        self._count_context()
        self._prepare(options)
        return context

    def prepared_page(self, options: Mapping[str, object]) -> Page | None:
        """The page of a context that was opened ahead with these options, or None."""
        page = None if self.lost else self.spares.take(options)
        if page is not None:
            self._count_context()
            self._counters.prepared += 1
            self._prepare(options)
        return page

    async def keep(self, context: BrowserContext, options: Mapping[str, object]) -> bool:
        """Keep a context that its execution has left, if somebody waits who may get it.

        Args:
            context: One of its contexts.
            options: What it was opened with.

        Returns:
            Whether it was kept; if not, it is still to be closed.
        """
        return self._wants_more and not self.lost and await self.spares.keep(context, options)

    @property
    def _wants_more(self) -> bool:
        return self._lacking() > 0 and not (self.exclusive or self._retired or self._end)

    def _prepare(self, options: Mapping[str, object]) -> None:
        """Open the next context ahead, if somebody waits who may get it."""
        settings = self._settings
        if settings.prepare_contexts and self.seats <= settings.prepare_up_to and self._wants_more:
            self.spares.prepare(options)

    async def _open(self, options: dict[str, Any]) -> BrowserContext:
        self._raise_if_lost(None)
        limit_s = self._settings.context_timeout_s
        opening = asyncio.create_task(self.launched.browser.new_context(**options), name="open a context")
        try:
            await asyncio.wait({opening}, timeout=limit_s)
        except asyncio.CancelledError:
            self._spawn(self._discard(opening), "close a context that nobody wants")
            raise
        if not opening.done():
            opening.cancel()
            await asyncio.shield(self.lose(f"did not open a context within {limit_s:g} s"))
            raise BrowserLostError(f"The browser did not open a context within {limit_s:g} s and was killed")
        try:
            context = opening.result()
        except Error as error:
            self._raise_if_lost(error)
            raise
        return context

    def _raise_if_lost(self, error: Error | None) -> None:
        if self.lost or (error is not None and "has been closed" in error.message):
            raise BrowserLostError("The browser died before or while a context was opened in it") from error

    def _count_context(self) -> None:
        self._contexts += 1
        self._counters.contexts += 1
        if self._contexts >= self._settings.contexts_per_browser and not (self._retired or self.exclusive):
            self._retired = True
            self._counters.recycled += 1
            self.spares.drop()

    async def _discard(self, opening: asyncio.Task[BrowserContext]) -> None:
        await asyncio.wait({opening}, timeout=self._settings.context_timeout_s)
        if not opening.done():
            opening.cancel()
            await self.lose("did not open a context in time")
        elif not opening.cancelled() and opening.exception() is None:
            await self.close_contexts([opening.result()])

    async def close_contexts(self, contexts: list[BrowserContext]) -> None:
        """Close contexts; a browser that does not do so in time is killed.

        Args:
            contexts: Some of its contexts.
        """
        if not contexts or self.lost:
            return
        limit_s = self._settings.close_timeout_s
        tasks = [asyncio.create_task(context.close(), name="close a context") for context in contexts]
        _, pending = await asyncio.wait(tasks, timeout=limit_s)
        for task in tasks:
            if task in pending:
                task.cancel()
            elif not task.cancelled() and (error := task.exception()) is not None:
                _log.debug("A context was gone before it was closed: %s", error)
        if pending:
            await self.lose(f"did not close its contexts within {limit_s:g} s")

    async def leave(self) -> None:
        """Give one seat back; the last one to leave a browser that takes nobody else closes it."""
        self.seats -= 1
        self._visits += 1
        if self.seats == 0:
            self._rest()
        if self._end is not None:
            await asyncio.shield(self._end)

    def retire(self) -> None:
        """Take nobody else, and close with the last one to leave."""
        self._retired = True
        self.spares.drop()
        if self.seats == 0:
            self._rest()

    def _rest(self) -> None:
        """Without a visitor: close at once if nobody else may come, else when nobody came for long."""
        if self._launched is None or self._end is not None:
            return
        if self.exclusive or self._retired:
            self.close()
            return
        if self._lacking() < 0:
            self.spares.drop()
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.idle_timeout_s, self._close_unvisited, self._visits)

    def _close_unvisited(self, visits: int) -> None:
        if self.idle and self._visits == visits:
            self.close()

    def lose(self, why: str) -> asyncio.Task[None]:
        """Count it as dead and make sure that it is.

        Args:
            why: What happened, for the log.
        """
        if self._end is not None:
            return self._end
        pid = self.process.pid if self.process else None
        _log.warning("Browser process %s %s; it and its children are killed", pid, why)
        self._counters.crashed += 1
        return self._finish(self._kill, "kill a browser")

    def close(self) -> asyncio.Task[None]:
        """Close it in order, or kill it if that takes too long."""
        return self._end or self._finish(self._close, "close a browser")

    def _finish(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> asyncio.Task[None]:
        self._end = self._spawn(work(), name)
        self._on_end(self)
        return self._end

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._settings.close_timeout_s):
                await self.launched.browser.close()
        except TimeoutError:
            self._counters.crashed += 1
            _log.warning("A browser did not close within %g s and is killed", self._settings.close_timeout_s)
        except Error as error:
            _log.debug("A browser was gone before it was closed: %s", error)
        await self._kill()

    async def _kill(self) -> None:
        lifeline = self.launched.lifeline
        if lifeline is None:
            return
        survivors = await asyncio.to_thread(kill_tree, lifeline.process, _KILL_TIMEOUT_S)
        lifeline.close()
        if survivors:
            _log.error("Processes %s survived being killed", [process.pid for process in survivors])
