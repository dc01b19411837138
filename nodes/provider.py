"""The seam between node types and browsers: asking for a browser and getting one.

`nodes` only says what it needs; who launches, shares, recycles and kills browsers is the provider's business
(`batches.pool` is the default one).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from playwright.async_api import Browser, BrowserContext, Page, Playwright

__all__ = ["BrowserLease", "BrowserProvider", "LaunchRequest"]


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What kind of browser an execution wants. Two equal requests may share one browser.

    Attributes:
        browser: ``chromium``, ``firefox`` or ``webkit``.
        headless: Whether the window is hidden.
        args: Command line arguments for the browser, beyond the provider's own.
        ignore_default_args: Playwright's default arguments to leave out.
        options: Other launch options with Playwright's Python names (``slow_mo``, ``proxy``, ...).
    """

    browser: str = "chromium"
    headless: bool = True
    args: tuple[str, ...] = ()
    ignore_default_args: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Equal for requests that may share a browser."""
        parts = (self.browser, self.headless, self.args, self.ignore_default_args, dict(self.options))
        return orjson.dumps(
            parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str
        ).decode()


class BrowserLease(ABC):
    """One execution's share of a browser. Contexts opened through it belong to that execution alone."""

    @property
    @abstractmethod
    def browser(self) -> Browser:
        """The Playwright browser."""

    @property
    @abstractmethod
    def playwright(self) -> Playwright:
        """The Playwright instance, for device descriptors and custom selectors."""

    @property
    @abstractmethod
    def lost(self) -> bool:
        """Whether the browser process died or was killed."""

    @property
    @abstractmethod
    def exclusive(self) -> bool:
        """Whether no other execution uses this browser."""

    @abstractmethod
    async def new_context(self, **options: object) -> BrowserContext:
        """Open a fresh, isolated context.

        Raises:
            BrowserLostError: The browser is gone or does not answer in time.
        """

    def prepared_page(self, options: Mapping[str, object]) -> Page | None:
        """The page of a fresh context with these options that was opened ahead, or None: open one then.

        Args:
            options: As for `new_context`; they must be the very same.
        """
        del options
        return None

    def offer(self, context: BrowserContext, options: Mapping[str, object]) -> None:  # noqa: B027 - a provider need not reuse anything
        """Say before `release` that nothing but pages can have changed a context, should it be for reuse.

        Args:
            context: One that was opened through this lease.
            options: What it was opened with.
        """

    @abstractmethod
    async def release(self) -> None:
        """Close the contexts opened through this lease and give the browser back; idempotent.

        A browser that does not close its contexts in time is killed with its process tree.
        """


class BrowserProvider(ABC):
    """Where executions get their browsers."""

    @abstractmethod
    async def lease(self, request: LaunchRequest, *, exclusive: bool = False) -> BrowserLease:
        """Get a browser of the wanted kind, launching one if needed.

        Args:
            request: The kind of browser.
            exclusive: Ask for a browser that no other execution shares (after one was lost).

        Raises:
            BrowserMissingError: No such browser on this machine; the message says what to run.
            BrowserLostError: It could not be started or died while starting.
        """

    def expect(self, waiting: int) -> None:  # noqa: B027 - a provider need not look ahead
        """Learn how many executions wait for their turn, so that something may be prepared for them.

        Args:
            waiting: Their number now.
        """

    def warm_up(self) -> None:  # noqa: B027 - a provider need not look ahead
        """Learn that a browser will be wanted in a moment, so that what takes long may begin now."""

    @abstractmethod
    async def close(self) -> None:
        """Close every browser; afterwards no process is left."""
