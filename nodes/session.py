"""The browser state of one execution: its contexts, the current page and frame, dialogs and downloads.

Source: workflow-format.md, section 16, and nodes.md (dialog, download, iframe), as intended there: the page
or frame that was switched to stays current, popups do not change it, and a dialog or download raised by one
node is kept for the node that asks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Download, Error, Frame, Page

from nodes.errors import BrowserLostError, BrowserStateError, NodeTimeoutError, PageMissingError
from nodes.provider import BrowserLease, BrowserProvider, LaunchRequest

__all__ = ["DEFAULT_CONTEXT", "BrowserSession"]

DEFAULT_CONTEXT: Final = "default"

_OPEN_TIMEOUT_S: Final = 60.0
"""How long a context with its first page may take to open; a healthy browser needs a fraction of a second."""

Log = Callable[[str, str], None]


class BrowserSession:
    """What an execution has open in its browser.

    Args:
        provider: Where the browser comes from.
        keep_dialogs: Hold JavaScript dialogs open for a dialog node; without, Playwright dismisses them.
        exclusive: Ask the provider for a browser of our own.
        log: Called with a level and a message.
    """

    def __init__(
        self,
        provider: BrowserProvider,
        *,
        keep_dialogs: bool = False,
        exclusive: bool = False,
        log: Log | None = None,
    ) -> None:
        self._provider = provider
        self._keep_dialogs = keep_dialogs
        self._exclusive = exclusive
        self._log: Log = log or (lambda _level, _message: None)
        self._lease: BrowserLease | None = None
        self._contexts: dict[str, BrowserContext] = {}
        self._options: dict[str, Mapping[str, object]] = {}
        self._init_scripts: tuple[str, ...] = ()
        self._context_scripts: dict[str, list[str]] = {}
        self._context_key = DEFAULT_CONTEXT
        self._handed_out = False
        self._page: Page | None = None
        self._frame: Frame | None = None
        self._dialogs: list[Dialog] = []
        self._downloads: list[Download] = []
        self._crashed: set[Page] = set()
        self._changed = asyncio.Event()
        self._on_console: Callable[[ConsoleMessage], None] | None = None
        self.on_page_change: Callable[[], None] = lambda: None
        """Called when another page may have become the current one."""
        self.dialog_opened = asyncio.Event()
        """Set while a dialog is held open and waits for an answer."""

    @property
    def is_open(self) -> bool:
        """Whether ``openBrowser`` ran."""
        return self._lease is not None

    @property
    def lease(self) -> BrowserLease:
        """The browser in use.

        Raises:
            PageMissingError: No browser was opened.
        """
        if self._lease is None:
            raise PageMissingError("No browser is open. Put an Open Browser node before this one")
        return self._lease

    @property
    def lost(self) -> bool:
        """Whether the browser under the session died."""
        return self._lease is not None and self._lease.lost

    @property
    def page_crashed(self) -> bool:
        """Whether the process that draws the current page died."""
        return self._page in self._crashed

    @property
    def context_key(self) -> str:
        """The name of the current context."""
        return self._context_key

    @property
    def contexts(self) -> Mapping[str, BrowserContext]:
        """All contexts by name. Whoever asks may change them for good, so none is offered for reuse then."""
        self._handed_out = True
        return self._contexts

    @property
    def context(self) -> BrowserContext:
        """The current context. Whoever asks may change it for good, so it is not offered for reuse then.

        Raises:
            PageMissingError: No browser was opened.
        """
        self._handed_out = True
        return self._current

    @property
    def pages(self) -> Sequence[Page]:
        """The tabs of the current context, in the order they were opened."""
        return self._current.pages

    @property
    def _current(self) -> BrowserContext:
        self.lease  # noqa: B018 - raises the right error when nothing is open
        return self._contexts[self._context_key]

    @property
    def page(self) -> Page:
        """The current page: the one opened first or switched to last.

        Raises:
            PageMissingError: No page is open.
        """
        page = self.page_or_none
        if page is None:
            raise PageMissingError("No page is open. Put an Open Browser node before this one")
        return page

    @property
    def page_or_none(self) -> Page | None:
        """The current page, or None. After it was closed, the first remaining tab takes its place."""
        if self._page is None:
            return None
        if self._page.is_closed():
            remaining = self._contexts[self._context_key].pages
            self._page, self._frame = (remaining[0] if remaining else None), None
        return self._page

    @property
    def scope(self) -> Page | Frame:
        """Where selectors are looked up: the frame switched to, else the page."""
        page = self.page
        if self._frame is not None and self._frame.is_detached():
            self._frame = None
        return self._frame or page

    async def open(
        self, request: LaunchRequest, options: Mapping[str, object], init_scripts: Sequence[str] = ()
    ) -> Page:
        """Get a browser, create the default context with its first page.

        Args:
            request: The kind of browser.
            options: Context options with Playwright's Python names.
            init_scripts: Scripts that run in every page before its own.

        Raises:
            BrowserStateError: A browser is open already.
            BrowserMissingError: It is not installed.
            BrowserLostError: It could not be started.
        """
        if self._lease is not None:
            raise BrowserStateError("Browser is already open in this execution", code="BROWSER_ALREADY_OPEN")
        self._lease = await self._provider.lease(request, exclusive=self._exclusive)
        self._init_scripts = tuple(init_scripts)
        try:
            return await self.add_context(DEFAULT_CONTEXT, options)
        except Error:
            # Options that the browser refuses leave nothing open, so that another node may try again.
            await self.close()
            raise

    async def add_context(self, key: str, options: Mapping[str, object], *, replace: bool = False) -> Page:
        """Create a context with one page and make it current.

        Args:
            key: Its name.
            options: Context options with Playwright's Python names.
            replace: Close a context that has this name already instead of failing; the new one keeps its
                init scripts. If the new one cannot be created, the old one stays.

        Raises:
            BrowserStateError: The name is taken.
            BrowserLostError: The browser is gone or did not answer in time.
        """
        taken = self._contexts.get(key)
        if taken is not None and not replace:
            raise BrowserStateError(f"Context '{key}' already exists")
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                context, page = await self._new_context(key, options)
                if taken is not None:
                    await taken.close()
        except TimeoutError:
            raise BrowserLostError(
                f"The browser did not open context '{key}' within {_OPEN_TIMEOUT_S:g} s"
            ) from None
        self._contexts[key] = context
        self._options[key] = dict(options)
        self._context_key = key
        return self.switch_page(page)

    async def _new_context(self, key: str, options: Mapping[str, object]) -> tuple[BrowserContext, Page]:
        scripts = (*self._init_scripts, *self._context_scripts.get(key, ()))
        page = None if scripts else self.lease.prepared_page(options)
        if page is not None:
            page.context.on("page", self._watch)
            self._watch(page)
            return page.context, page
        context = await self.lease.new_context(**options)
        try:
            for script in scripts:
                await context.add_init_script(script)
            context.on("page", self._watch)
            return context, await context.new_page()
        except Error as error:
            with suppress(Error):
                await context.close()
            if "ffmpeg" in error.message:
                raise BrowserStateError(
                    "Videos cannot be recorded: Playwright finds no ffmpeg. Run 'batchwright install', or leave "
                    "'recordSession' out",
                    code="VIDEO_NOT_POSSIBLE",
                ) from error
            raise

    async def add_init_script(self, script: str) -> None:
        """Run a script in every later page of the current context, and of one that replaces it."""
        await self.context.add_init_script(script)
        self._context_scripts.setdefault(self._context_key, []).append(script)

    def context_options(self, key: str | None = None) -> Mapping[str, object]:
        """The options a context was created with (the current one by default)."""
        return self._options[key or self._context_key]

    def remember_options(self, **changes: object) -> None:
        """Note what was changed on the open current context, so that one that replaces it keeps it."""
        self._options[self._context_key] = {**self._options[self._context_key], **changes}

    async def switch_context(self, key: str) -> Page:
        """Make another context current; a page is opened if it has none.

        Raises:
            BrowserStateError: No context has this name.
        """
        if key not in self._contexts:
            known = ", ".join(sorted(self._contexts)) or "none"
            raise BrowserStateError(f"Context '{key}' does not exist (known: {known})")
        self._context_key = key
        pages = self._contexts[key].pages
        return self.switch_page(pages[0] if pages else await self._contexts[key].new_page())

    def switch_page(self, page: Page) -> Page:
        """Make a page current; selectors act on its main frame."""
        self._page, self._frame = page, None
        self.on_page_change()
        return page

    def switch_frame(self, frame: Frame | None) -> None:
        """Make later selectors act inside a frame; None goes back to the page."""
        self._frame = frame

    def hold_dialogs(self) -> None:
        """Hold dialogs open from now on, for a dialog node that a replaced workflow brings."""
        if not self._keep_dialogs:
            self._keep_dialogs = True
            for context in self._contexts.values():
                for page in context.pages:
                    page.on("dialog", self._add_dialog)

    def watch_console(self, listener: Callable[[ConsoleMessage], None]) -> None:
        """Call this with each console message of the pages that open from now on."""
        self._on_console = listener

    def _watch(self, page: Page) -> None:
        page.on("crash", self._add_crash)
        page.on("close", lambda _page: self.on_page_change())
        page.on("download", self._add_download)
        if self._on_console is not None:
            page.on("console", self._on_console)
        if self._keep_dialogs:
            page.on("dialog", self._add_dialog)

    def _add_crash(self, page: Page) -> None:
        self._crashed.add(page)

    def _add_download(self, download: Download) -> None:
        self._downloads.append(download)
        self._changed.set()

    def _add_dialog(self, dialog: Dialog) -> None:
        self._dialogs.append(dialog)
        self.dialog_opened.set()
        self._changed.set()

    async def next_dialog(self, timeout_ms: float) -> Dialog:
        """The oldest dialog that waits for an answer; it leaves the queue.

        Raises:
            NodeTimeoutError: None was raised in time.
        """
        await self._wait_for(self._dialogs, timeout_ms, "No dialog was opened")
        dialog = self._dialogs.pop(0)
        if not self._dialogs:
            self.dialog_opened.clear()
        return dialog

    def put_back(self, dialog: Dialog) -> None:
        """Keep a dialog open for the next dialog node."""
        self._dialogs.insert(0, dialog)
        self.dialog_opened.set()

    async def next_download(self, timeout_ms: float) -> Download:
        """The oldest download that no node has taken yet.

        Raises:
            NodeTimeoutError: None was started in time.
        """
        await self._wait_for(self._downloads, timeout_ms, "No download was started")
        return self._downloads.pop(0)

    async def dismiss_dialogs(self) -> int:
        """Dismiss every dialog that is held open, as Playwright would have; returns how many there were."""
        dialogs, self._dialogs = self._dialogs, []
        self.dialog_opened.clear()
        for dialog in dialogs:
            try:
                await dialog.dismiss()
            except Error as error:
                self._log("debug", f"A dialog was gone before it was dismissed: {error.message}")
        return len(dialogs)

    async def _wait_for(self, queue: list[Dialog] | list[Download], timeout_ms: float, message: str) -> None:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while not queue:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise NodeTimeoutError(f"{message} within {timeout_ms:g} ms") from None

    async def close(self) -> None:
        """Dismiss what is open, close all contexts and give the browser back; idempotent."""
        lease, self._lease = self._lease, None
        self._page = self._frame = None
        if lease is None:
            return
        try:
            if not lease.lost:
                await self.dismiss_dialogs()
                self._offer(lease)
        finally:
            self._contexts.clear()
            await lease.release()

    def _offer(self, lease: BrowserLease) -> None:
        """Let others reuse the only context there was, if nothing but pages can have changed it."""
        if self._handed_out or self._init_scripts or [*self._contexts] != [DEFAULT_CONTEXT]:
            return
        context = self._contexts[DEFAULT_CONTEXT]
        context.remove_listener("page", self._watch)
        lease.offer(context, self._options[DEFAULT_CONTEXT])
