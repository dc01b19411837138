"""Live pictures of one execution's current page, for as long as somebody looks.

Playwright's screencast sends a JPEG whenever the page has changed. Nothing is started before `Screen.watch` asks
for it, and the acknowledgement of each picture is held back, so that a page that never rests is drawn no more often
than somebody can look. Pictures are no facts: they are no events, and nothing keeps them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Final

from playwright.async_api import Error, Page, ScreencastFrame

from nodes.session import BrowserSession

__all__ = ["PictureSize", "Screen", "ShowPicture"]

ShowPicture = Callable[[bytes], None]
"""Called with each picture, a JPEG."""

PAUSE_S: Final = 0.2
"""Least time between two pictures of an execution, seconds."""

_LIMIT_S: Final = 5.0
"""How long the browser may take to begin or end sending pictures, seconds."""

_FIRST_S: Final = 1.0
"""How long the first picture may take before the page is photographed instead, seconds."""

_AGAIN_S: Final = 2.0
"""When pictures are tried again after the browser did not begin to send any, seconds."""

logger = logging.getLogger("batchwright.pictures")


class PictureSize(Enum):
    """How large pictures are at most, pixels, and their JPEG quality; the page's proportions are kept."""

    SMALL = (480, 300, 55)
    LARGE = (1280, 800, 70)


class Screen:
    """Shows the current page of an execution while it is watched.

    It follows the session to whatever page becomes the current one. Watching an execution without a browser shows
    nothing until it has one.
    """

    def __init__(self) -> None:
        self._session: BrowserSession | None = None
        self._size: PictureSize | None = None
        self._show: ShowPicture = lambda _picture: None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.page: Page | None = None
        """The page that sends pictures now, or None."""

    def follow(self, session: BrowserSession) -> None:
        """Show what this session has open."""
        self._session = session
        session.on_page_change = self._changed.set
        self._begin()

    def watch(self, size: PictureSize | None, show: ShowPicture | None = None) -> None:
        """Show pictures of this size from now on, or none any more."""
        self._size = size
        self._show = show or (lambda _picture: None)
        self._changed.set()
        self._begin()

    async def close(self) -> None:
        """End the pictures for good; idempotent."""
        self._closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _begin(self) -> None:
        wanted = self._size is not None and self._session is not None and not self._closed
        if wanted and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="live pictures")

    async def _run(self) -> None:
        """Keep one screencast of the current page in the wanted size, until nobody watches."""
        while self._size is not None:
            self._changed.clear()
            size, page = self._size, self._session.page_or_none if self._session is not None else None
            if page is None:
                await self._changed.wait()
                continue
            cast = _Cast(page, size, partial(self._deliver, size))
            self.page = page
            try:
                await cast.start()
                while self._size is size and not page.is_closed() and self._is_current(page):
                    await self._changed.wait()
                    self._changed.clear()
            except (Error, TimeoutError) as error:
                logger.debug("no pictures of %s: %s", page.url, error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN_S):
                        await self._changed.wait()
            finally:
                self.page = None
                cast.end()
                if not self._closed:
                    await cast.stop()

    def _deliver(self, size: PictureSize, picture: bytes) -> None:
        """Show a picture, unless it comes late and another size is wanted by now."""
        if size is self._size:
            self._show(picture)

    def _is_current(self, page: Page) -> bool:
        return self._session is not None and self._session.page_or_none is page


class _Cast:
    """One screencast of one page."""

    def __init__(self, page: Page, size: PictureSize, show: ShowPicture) -> None:
        self._page = page
        self._size = size
        self._show = show
        self._over = asyncio.Event()
        self._begun = asyncio.Event()
        self._turn = asyncio.Lock()
        self._latest: bytes | None = None

    async def start(self) -> None:
        width, height, quality = self._size.value
        async with asyncio.timeout(_LIMIT_S):
            await self._page.screencast.start(
                on_frame=self._on_frame, size={"width": width, "height": height}, quality=quality
            )
        try:
            async with asyncio.timeout(_FIRST_S):
                await self._begun.wait()
        except TimeoutError:
            await self._photograph(quality)

    async def _photograph(self, quality: int) -> None:
        """Show a page that stands still: some browsers send a picture only when something is drawn."""
        async with asyncio.timeout(_LIMIT_S):
            picture = await self._page.screenshot(
                type="jpeg", quality=quality, scale="css", animations="allow", caret="initial"
            )
        if not self._begun.is_set() and not self._over.is_set():
            self._show(picture)

    def end(self) -> None:
        """Show nothing more; enough when the page is about to be closed."""
        self._over.set()

    async def stop(self) -> None:
        if not self._page.is_closed():
            with suppress(Error, TimeoutError):
                async with asyncio.timeout(_LIMIT_S):
                    await self._page.screencast.stop()

    async def _on_frame(self, frame: ScreencastFrame) -> None:
        """Show the newest picture, then hold the browser back for a moment; it waits for this to return."""
        self._begun.set()
        self._latest = frame["data"]
        async with self._turn:
            if self._over.is_set():
                return
            picture, self._latest = self._latest, None
            if picture is not None:
                self._show(picture)
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_S):
                    await self._over.wait()
