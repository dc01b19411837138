"""The screenshot node (nodes.md, ``screenshot``; its path rules: workflow-format.md, section 19)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from playwright.async_api import Locator

from nodes.blocks import RetryBlock, SelectorBlock, WaitBlock
from nodes.context import NodeRun
from nodes.limits import time_limit
from nodes.model import (
    DEFAULT_TIMEOUT_MS,
    INTERPOLATED,
    INTERPOLATED_DEEP,
    Flag,
    Number,
    OneOf,
    Part,
    Text,
    Texts,
)
from nodes.operation import perform
from nodes.registry import NodeType
from nodes.selectors import locate, target

__all__ = ["Margin", "Screenshot", "ScreenshotData"]

_JPEG: Final = frozenset({".jpg", ".jpeg"})
_NOT_A_NAME: Final = frozenset({"", ".", ".."})


class Margin(Part):
    """Margins of a PDF page: a number of px, or a text with a unit such as ``1cm``."""

    top: str | float = 0.0
    """Upper margin."""
    right: str | float = 0.0
    """Right margin."""
    bottom: str | float = 0.0
    """Lower margin."""
    left: str | float = 0.0
    """Left margin."""


class ScreenshotData(SelectorBlock, WaitBlock, RetryBlock):
    """What to take a picture of, and where to put it."""

    action: Annotated[Text, OneOf("fullPage", "viewport", "element", "pdf")] = None
    """What to take; without it (or with another text) `fullPage` decides."""
    full_page: Flag = False
    """Take the whole page instead of the viewport when `action` does not say it."""
    path: Annotated[Text, INTERPOLATED] = None
    """The file. Page pictures lie below the execution's screenshots folder, element pictures and PDFs below
    the root; pictures have a default, `pdf` needs a path."""
    mask: Annotated[Texts, INTERPOLATED_DEEP] = ()
    """Selectors of what is painted over, with the type and the modifiers of `selector`."""
    format: Annotated[str, OneOf("A4", "Letter")] = "A4"
    """Paper size of a PDF."""
    margin: Margin | None = None
    """Margins of a PDF."""
    print_background: Flag = True
    """Print backgrounds into a PDF."""
    landscape: Flag = False
    """Turn the paper of a PDF."""
    wait_for_selector_timeout: Number = None
    """Limit of the wait and of the picture of an element, ms; 30000 if absent."""


class Screenshot(NodeType[ScreenshotData]):
    """Take a picture of the viewport, the whole page or an element, or save the page as a PDF."""

    name = "screenshot"
    title = "Screenshot"
    category = "browser"
    writes = ("screenshotPath",)

    async def run(self, data: ScreenshotData, run: NodeRun) -> None:
        """Take the picture and store its path.

        Raises:
            NodeDataError: A property that the action needs is missing.
            NodeTimeoutError: The PDF was not made in time.
        """
        default = "fullPage" if data.full_page else "viewport"
        take = _ACTIONS.get(data.action or default) or _ACTIONS[default]
        own_ms = data.wait_for_selector_timeout if take is _element else None

        async def attempt() -> None:
            path = await take(data, run, own_ms or DEFAULT_TIMEOUT_MS)
            run.data["screenshotPath"] = run.result = str(path)

        await perform(run, data, attempt, timeout_ms=DEFAULT_TIMEOUT_MS)


async def _full_page(data: ScreenshotData, run: NodeRun, limit_ms: float) -> Path:
    return await _page(data, run, limit_ms, full_page=True)


async def _viewport(data: ScreenshotData, run: NodeRun, limit_ms: float) -> Path:
    return await _page(data, run, limit_ms, full_page=False)


async def _page(data: ScreenshotData, run: NodeRun, limit_ms: float, *, full_page: bool) -> Path:
    path = _below(run.settings.screenshots, data.path)
    await run.page.screenshot(
        path=path,
        type=_image_type(path),
        full_page=full_page,
        mask=await _masked(data, run, limit_ms),
        timeout=limit_ms,
    )
    run.screenshot = path
    return path


async def _element(data: ScreenshotData, run: NodeRun, limit_ms: float) -> Path:
    element = await target(run, data, limit_ms)
    given = data.path and data.path.strip()
    path = run.path(given) if given else _below(run.settings.screenshots, None)
    mask = await _masked(data, run, limit_ms)
    await element.screenshot(path=path, type=_image_type(path), mask=mask, timeout=limit_ms)
    run.screenshot = path
    return path


async def _pdf(data: ScreenshotData, run: NodeRun, limit_ms: float) -> Path:
    path = run.path(run.require(data.path, "path"))
    margin: Any = data.margin.model_dump(include=set(Margin.model_fields)) if data.margin else None
    async with time_limit(limit_ms, "Making the PDF"):
        await run.page.pdf(
            path=path,
            format=data.format or "A4",
            margin=margin,
            print_background=data.print_background,
            landscape=data.landscape,
        )
    return path


_ACTIONS: Final[Mapping[str, Callable[[ScreenshotData, NodeRun, float], Awaitable[Path]]]] = {
    "fullPage": _full_page,
    "viewport": _viewport,
    "element": _element,
    "pdf": _pdf,
}


async def _masked(data: ScreenshotData, run: NodeRun, limit_ms: float) -> list[Locator] | None:
    found = [
        await locate(
            run,
            selector,
            data.selector_type,
            data.selector_modifiers,
            timeout_ms=limit_ms,
            name="mask",
            many=True,
        )
        for selector in data.mask
        if selector.strip()
    ]
    return found or None


def _below(folder: Path, text: str | None) -> Path:
    """A path inside the folder, whatever the text says: absolute and upward paths are joined below it, too."""
    names = [name.strip() for name in (text or "").replace("\\", "/").split("/")]
    names = [name for name in names if name not in _NOT_A_NAME]
    return folder.joinpath(*(names or [f"screenshot-{time.time_ns() // 1_000_000}.png"]))


def _image_type(path: Path) -> Literal["jpeg", "png"]:
    return "jpeg" if path.suffix.lower() in _JPEG else "png"
