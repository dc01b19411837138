"""Contexts with a page that a browser opens ahead, while the executions that run are busy.

Whoever takes one gets what it would have opened itself: a context that nobody has used, with the same options and an
empty page. One is made only while executions wait, and only with options that mean the same at any time: a context
that records, or that reads a file when it is made, is opened by its execution.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from playwright.async_api import BrowserContext, Error, Page

__all__ = ["Opener", "Spares"]

_TIMELESS: Final = frozenset(
    {
        *("viewport", "no_viewport", "screen", "device_scale_factor", "is_mobile", "has_touch"),
        *("user_agent", "locale", "timezone_id", "geolocation", "permissions", "extra_http_headers"),
        *("color_scheme", "reduced_motion", "forced_colors", "contrast", "accept_downloads"),
        *(
            "ignore_https_errors",
            "java_script_enabled",
            "bypass_csp",
            "offline",
            "base_url",
            "service_workers",
        ),
    }
)
"""Options of a context that mean the same whenever it is opened."""

_log = logging.getLogger("batchwright.browsers")

Opener = Callable[[dict[str, Any]], Awaitable[BrowserContext]]
"""Opens a context with Playwright's options; takes care of a browser that does not answer."""


class _Spawn(Protocol):
    def __call__(self, work: Any, name: str) -> asyncio.Task[None]: ...


@dataclass(eq=False)
class _Spare:  # no slots: Playwright notes something of its own on objects whose methods listen
    """What lies ready; it has no page while it is being opened."""

    options: dict[str, Any]
    context: BrowserContext | None = None
    page: Page | None = None
    crashed: bool = False

    def fits(self, options: dict[str, Any]) -> bool:
        return self.page is not None and self.options == options

    @property
    def usable(self) -> bool:
        return self.page is not None and not (self.page.is_closed() or self.crashed)

    def note_crash(self, _page: Page) -> None:
        self.crashed = True


class Spares:
    """The spare contexts of one browser.

    Args:
        opener: Opens a context in it.
        close: Closes contexts of it.
        spawn: Starts a task of the pool.
        limit_s: Longest time a page may take to open, seconds.
    """

    def __init__(
        self,
        opener: Opener,
        close: Callable[[list[BrowserContext]], Awaitable[None]],
        spawn: _Spawn,
        limit_s: float,
    ) -> None:
        self._open = opener
        self._close = close
        self._spawn = spawn
        self._limit_s = limit_s
        self._spare: _Spare | None = None
        self._left: list[_Spare] = []
        """What executions have left for reuse."""

    def __len__(self) -> int:
        return (self._spare is not None) + len(self._left)

    def take(self, options: Mapping[str, object]) -> Page | None:
        """The page of a spare context with these options, which is the caller's from now on; None without one."""
        wanted = dict(options)
        spare = next((item for item in (*self._left, self._spare) if item and item.fits(wanted)), None)
        if spare is None or spare.page is None:
            return None
        if spare is self._spare:
            self._spare = None
        else:
            self._left.remove(spare)
        if not spare.usable:
            self._discard(spare)
            return None
        spare.page.remove_listener("crash", spare.note_crash)
        return spare.page

    def prepare(self, options: Mapping[str, object]) -> None:
        """Begin to open one with these options, unless there is one or the options do not allow it."""
        if len(self) == 0 and _TIMELESS.issuperset(options):
            self._spare = _Spare(dict(options))
            self._spawn(self._prepare(self._spare), "open a context ahead")

    def drop(self) -> None:
        """Close what nobody will take any more."""
        spare, self._spare = self._spare, None
        left, self._left = self._left, []
        for item in (spare, *left):
            if item is not None:
                self._discard(item)

    async def keep(self, context: BrowserContext, options: Mapping[str, object]) -> bool:
        """Clean a context that was used, for the next one who asks for the same options.

        Its pages are closed and its cookies cleared. What its sites stored in other ways stays.

        Args:
            context: It.
            options: What it was opened with.

        Returns:
            Whether it can be used again; if not, it is still the caller's to close.
        """
        if not _TIMELESS.issuperset(options):
            return False
        pages = list(context.pages)
        try:
            async with asyncio.timeout(self._limit_s):
                page = await context.new_page()
                spare = _Spare(dict(options), context, page)
                page.on("crash", spare.note_crash)
                await asyncio.gather(*(page.close() for page in pages))
                await context.clear_cookies()
        except (Error, TimeoutError) as error:
            _log.debug("A context is not used again: %s", error)
            return False
        self._left.append(spare)
        return True

    async def _prepare(self, spare: _Spare) -> None:
        try:
            spare.context = await self._open(spare.options)
            async with asyncio.timeout(self._limit_s):
                page = await spare.context.new_page()
            page.on("crash", spare.note_crash)
            spare.page = page
        except (Error, TimeoutError) as error:
            _log.debug("No context was opened ahead: %s", error)
        finally:
            if self._spare is not spare:
                self._discard(spare)
            elif spare.page is None:
                self.drop()

    def _discard(self, spare: _Spare) -> None:
        if spare.context is not None:
            self._spawn(self._close([spare.context]), "close a context that was opened ahead")
