"""Trying out for real what a run will need: a browser that starts, and one that records a video.

These functions block and run an event loop of their own: call them where none is running.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Error

from batches.pool import BrowserPool, PoolSettings
from nodes.errors import BatchwrightError
from nodes.provider import LaunchRequest

__all__ = ["launch_problem", "recording_problem"]

_VIDEO_MS: Final = 1000
_VIDEO_SIZE: Final = {"width": 320, "height": 240}
_WEBM: Final = b"\x1a\x45\xdf\xa3"
"""The first bytes of every WebM file."""


def launch_problem(kind: str = "chromium", timeout_s: float = 30.0) -> str | None:
    """Start a browser and open an empty page in it; returns what went wrong, or None.

    Args:
        kind: The kind of browser.
        timeout_s: Longest time for all of it, in seconds.
    """
    return asyncio.run(_problem(kind, None, timeout_s))


def recording_problem(kind: str = "chromium", timeout_s: float = 60.0) -> str | None:
    """Record a video of one second; returns what went wrong, or None.

    Args:
        kind: The kind of browser.
        timeout_s: Longest time for all of it, in seconds.
    """
    with tempfile.TemporaryDirectory(prefix="batchwright-", ignore_cleanup_errors=True) as folder:
        problem = asyncio.run(_problem(kind, Path(folder), timeout_s))
        if problem is not None:
            return problem
        videos = list(Path(folder).glob("*.webm"))
        if len(videos) != 1 or not videos[0].read_bytes().startswith(_WEBM):
            return "the browser recorded no usable video"
    return None


async def _problem(kind: str, videos: Path | None, timeout_s: float) -> str | None:
    pool = BrowserPool(PoolSettings(launch_timeout_s=timeout_s))
    try:
        async with asyncio.timeout(timeout_s):
            await _visit(pool, kind, videos)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except Error as error:
        return error.message.strip().splitlines()[0]
    except BatchwrightError as error:
        return error.message
    finally:
        await pool.close()
    return None


async def _visit(pool: BrowserPool, kind: str, videos: Path | None) -> None:
    lease = await pool.lease(LaunchRequest(browser=kind))
    options = {} if videos is None else {"record_video_dir": videos, "record_video_size": _VIDEO_SIZE}
    context = await lease.new_context(**options)
    page = await context.new_page()
    await page.goto("about:blank")
    if videos is not None:
        await page.wait_for_timeout(_VIDEO_MS)
    # A video is whole once its context is closed.
    await context.close()
    await lease.release()
