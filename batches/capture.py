"""Pictures and accessibility snapshots around nodes, and at failures (workflow-format.md, section 15).

A capture never fails a node: what goes wrong is a line in the log.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import orjson
from playwright.async_api import Error

from batches.debug_info import collect, failed_selector, has_debug_info
from batches.encoding import to_bytes
from batches.events import now_ms
from nodes.accessibility import accessibility_snapshot
from nodes.context import ExecutionSettings
from nodes.document import Node
from nodes.masking import Masker
from nodes.session import BrowserSession

__all__ = ["Capture", "CapturePlan", "KeptDebugInfo", "Timing"]

Timing = Literal["pre", "post", "failure"]

CAPTURE_TIMEOUT_S: Final = 5.0
"""How long one picture or snapshot may take, seconds."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """Which captures the Start node or the request asks for; ``none``, ``pre``, ``post`` or ``both``."""

    screenshots: str = "none"
    snapshots: str = "none"

    def wants_screenshot(self, timing: Timing) -> bool:
        """Whether to take a picture at this point; failures are always pictured."""
        return timing == "failure" or self.screenshots in (timing, "both")

    def wants_snapshot(self, timing: Timing) -> bool:
        """Whether to take a snapshot at this point; at failures if snapshots are on at all."""
        return self.snapshots in (timing, "both") or (timing == "failure" and self.snapshots != "none")


@dataclass(frozen=True, slots=True)
class KeptDebugInfo:
    """The debug information of a failure.

    Attributes:
        file: Where all of it is, relative to the output folder.
        similar_selectors: The part of it that is small enough for an event.
    """

    file: str
    similar_selectors: tuple[Mapping[str, object], ...] | None


class Capture:
    """Takes the captures of one execution.

    Args:
        session: The browser to look at.
        settings: Where the files go.
        artifacts: The execution's folder relative to the output folder.
        plan: Which captures are wanted.
        log: Called with a level and a message.
        masker: Takes secrets out of what is written as text; pictures show what the page shows.
    """

    def __init__(
        self,
        session: BrowserSession,
        settings: ExecutionSettings,
        artifacts: str,
        plan: CapturePlan,
        log: Callable[[str, str], None],
        *,
        masker: Masker | None = None,
    ) -> None:
        self._session = session
        self._settings = settings
        self._artifacts = artifacts
        self._plan = plan
        self._log = log
        self._masker = masker or Masker()

    async def around(self, node_id: str, timing: Timing, into: tuple[dict[str, str], dict[str, str]]) -> None:
        """Take what is wanted at this point and note the files.

        Args:
            node_id: The node.
            timing: Before it, after it, or at its failure.
            into: Where to note screenshots and snapshots, by timing.
        """
        if not (self._plan.wants_screenshot(timing) or self._plan.wants_snapshot(timing)):
            return
        if self._session.page_or_none is None or self._session.dialog_opened.is_set():
            return
        screenshots, snapshots = into
        name = f"{_UNSAFE.sub('-', node_id)}-{timing}-{now_ms()}"
        if self._plan.wants_screenshot(timing):
            target = self._settings.screenshots / f"{name}.png"
            if await self._attempt("screenshot", self._screenshot(target)):
                screenshots[timing] = self.relative(target)
        if self._plan.wants_snapshot(timing):
            target = self._settings.snapshots / f"{name}.json"
            if await self._attempt("accessibility snapshot", self._snapshot(target)):
                snapshots[timing] = self.relative(target)

    async def debug_info(self, node: Node, screenshots: Mapping[str, str]) -> KeptDebugInfo | None:
        """Keep what the page was like when a node failed; None if the page has nothing to do with it.

        Args:
            node: The node.
            screenshots: Its pictures by timing.
        """
        if not has_debug_info(node) or self._session.page_or_none is None:
            return None
        if self._session.dialog_opened.is_set() or self._session.page_crashed or self._session.lost:
            return None
        target = self._settings.output / "debug" / f"{_UNSAFE.sub('-', node.id)}-{now_ms()}.json"
        kept: list[KeptDebugInfo] = []

        async def keep() -> None:
            info = await collect(
                self._session, self._masker, selector=failed_selector(node), screenshots=screenshots
            )
            await asyncio.to_thread(_write, target, to_bytes(info))
            kept.append(KeptDebugInfo(self.relative(target), info.similar_selectors))

        return kept[0] if await self._attempt("debug information", keep()) else None

    def relative(self, path: Path) -> str:
        """A file of this execution relative to the output folder; others stay as they are."""
        try:
            return f"{self._artifacts}/{path.relative_to(self._settings.output).as_posix()}"
        except ValueError:
            return str(path)

    async def _attempt(self, what: str, work: Coroutine[object, object, None]) -> bool:
        try:
            async with asyncio.timeout(CAPTURE_TIMEOUT_S):
                await work
        except (Error, OSError, TimeoutError) as error:
            reason = getattr(error, "message", None) or str(error) or "it took too long"
            self._log("warning", f"No {what}: {str(reason).splitlines()[0]}")
            return False
        return True

    async def _screenshot(self, target: Path) -> None:
        page = self._session.page
        await page.screenshot(path=target, timeout=CAPTURE_TIMEOUT_S * 1000)

    async def _snapshot(self, target: Path) -> None:
        tree = await accessibility_snapshot(self._session.page)
        content = orjson.dumps(self._masker.value(tree), option=orjson.OPT_INDENT_2)
        await asyncio.to_thread(_write, target, content)


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
