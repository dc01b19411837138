"""Starting one browser: which executable, which options, and what a failed start means."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast

from playwright.async_api import Browser, Error

from batches.browsers import find_browser, missing_browser
from batches.chromium_args import chromium_args
from batches.driver import Driver
from batches.lifeline import Lifeline
from batches.pool_settings import PoolSettings
from batches.processes import MARK, ProcessId, find_marked, kill_tree, parent
from nodes.errors import BrowserLostError, BrowserStateError
from nodes.provider import LaunchRequest

__all__ = ["LaunchedBrowser", "Launcher"]

_MISSING: Final = ("executable doesn't exist", "Executable doesn't exist", "is not found at", "Error: spawn ")
"""What Playwright says of an executable that is not there or cannot be started."""

_REFUSED: Final = re.compile(r"Invalid URL|: expected .+, got |The property 'options\.")
"""What Playwright and Node say of an option that they cannot use, before any process is started."""

_GRACE_S: Final = 5.0
"""How much longer than a launch the driver may take to report that it failed."""

_log = logging.getLogger("batchwright.browsers")


@dataclass(frozen=True, slots=True)
class LaunchedBrowser:
    """A browser that runs.

    Attributes:
        browser: Playwright's object.
        driver: The driver that started it.
        lifeline: Tells about the root of its processes; None where it could not be found. To be closed at the end.
    """

    browser: Browser
    driver: Driver
    lifeline: Lifeline | None

    @property
    def process(self) -> ProcessId | None:
        """The root of its processes, where known."""
        return self.lifeline.process if self.lifeline is not None else None


class Launcher:
    """Starts browsers for one pool, each with a mark of its own.

    Args:
        settings: The pool's settings.
    """

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._id = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        self._sandbox_said = False
        self._began = False

    async def launch(
        self, running_driver: Callable[[], Awaitable[Driver]], request: LaunchRequest
    ) -> LaunchedBrowser:
        """Start a browser.

        Args:
            running_driver: Gives the driver that starts it; asked when the options are known to be good.
            request: What kind.

        Raises:
            BrowserMissingError: It is not on this machine.
            BrowserStateError: It cannot start like this: no display, no sandbox, an unknown option.
            BrowserLostError: It did not start or died doing so.
        """
        self._began = True
        mark = f"{self._id}-{next(self._numbers)}"
        options = await asyncio.to_thread(self._options, request, mark)
        driver = await running_driver()
        limit_s = cast("float", options["timeout"]) / 1000 + _GRACE_S
        try:
            async with asyncio.timeout(limit_s):
                browser = await getattr(driver.playwright, request.browser).launch(**options)
        except TimeoutError as error:
            # Playwright limits the launch itself: when even that does not answer, the driver hangs.
            await driver.stop(0)
            await self._kill(mark)
            raise BrowserLostError(
                f"Playwright's driver did not answer within {limit_s:g} s while starting {request.browser}; "
                "it was killed"
            ) from error
        except Error as error:
            await self._kill(mark)
            _explain(error, request, options)
        except TypeError as error:
            raise BrowserStateError(
                f"Browser {request.browser} was not started: {error}. Check 'launchOptions'",
                code="LAUNCH_OPTION_INVALID",
            ) from error
        found = await asyncio.to_thread(find_marked, mark, under=driver.process)
        process = found[0] if found else None
        if process is not None and driver.process is None:
            driver.learn(await asyncio.to_thread(parent, process))
        return LaunchedBrowser(browser, driver, Lifeline(process) if process is not None else None)

    async def sweep(self) -> int:
        """Kill whatever this launcher ever started and is still there; returns how many there were."""
        return await self._kill(self._id, prefix=True) if self._began else 0

    async def _kill(self, mark: str, *, prefix: bool = False) -> int:
        found = await asyncio.to_thread(find_marked, mark, prefix=prefix)
        for process in found:
            await asyncio.to_thread(kill_tree, process, self._settings.close_timeout_s)
        return len(found)

    def _options(self, request: LaunchRequest, mark: str) -> dict[str, Any]:
        """Playwright's launch options. What the request gives goes before our own choice."""
        settings, given = self._settings, dict(request.options)
        environment = cast("Mapping[str, str | float | bool]", given.pop("env", None) or os.environ)
        _check_display(request, environment)
        options: dict[str, Any] = {
            "headless": request.headless,
            "args": list(request.args),
            "timeout": settings.launch_timeout_s * 1000,
            # The runner ends its browsers itself; without this, Ctrl-C would close them under it.
            "handle_sigint": False,
        }
        if request.ignore_default_args:
            options["ignore_default_args"] = list(request.ignore_default_args)
        if "channel" not in given and "executable_path" not in given:
            found = find_browser(
                request.browser, headless=request.headless, explicit=settings.executable.get(request.browser)
            )
            options["executable_path"] = found.path
        if request.browser == "chromium":
            options["args"] = chromium_args(request.args, request.ignore_default_args)
            options["chromium_sandbox"] = self._sandbox()
        return {**options, **given, "env": {**environment, MARK: mark}}

    def _sandbox(self) -> bool:
        off = self._settings.no_sandbox
        if off is None:
            off = sys.platform != "win32" and os.geteuid() == 0
        if off and not self._sandbox_said:
            self._sandbox_said = True
            reason = "as set" if self._settings.no_sandbox else "because it cannot be used by root"
            _log.warning("Chromium runs without its sandbox, %s", reason)
        return not off


def _check_display(request: LaunchRequest, environment: Mapping[str, object]) -> None:
    if request.headless or not sys.platform.startswith("linux"):
        return
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise BrowserStateError(
            f"Browser {request.browser} cannot show a window: this machine has no display. Set 'headless' to "
            "true, or start the runner under 'xvfb-run'",
            code="DISPLAY_MISSING",
        )


def _explain(error: Error, request: LaunchRequest, options: Mapping[str, object]) -> NoReturn:
    """Raise what a failed launch means."""
    text = error.message
    if any(sign in text for sign in _MISSING):
        where = options.get("executable_path") or options.get("channel")
        raise missing_browser(request.browser, detail=f" at '{where}'") from error
    if "sandboxing failed" in text or "No usable sandbox" in text:
        raise BrowserStateError(
            f"Browser {request.browser} was not started because this machine does not let it build its sandbox. "
            "Allow user namespaces, or switch the sandbox off with the setting 'no_sandbox'",
            code="SANDBOX_NOT_USABLE",
        ) from error
    if _REFUSED.search(text):
        raise BrowserStateError(
            f"Browser {request.browser} was not started: {_summary(text)}. Check 'launchOptions' and the proxy",
            code="LAUNCH_OPTION_INVALID",
        ) from error
    raise BrowserLostError(f"Browser {request.browser} did not start: {_summary(text)}") from error


def _summary(text: str) -> str:
    """Playwright's first line and the last ones that the browser itself printed; between lies its command line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line.partition("[err]")[2].strip() for line in lines if "[err]" in line]
    return "; ".join([lines[0].removeprefix("BrowserType.launch: "), *said[-2:]])
