"""Giving Playwright the ffmpeg that it records videos with.

Playwright looks for its own build of ffmpeg in its folder of browsers and nowhere else. Where that cannot be
downloaded, a link to the system's ffmpeg takes its place, kept only if a browser really records a video with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from batches import managed
from batchwright.packages import find_manager
from batchwright.trial import recording_problem

__all__ = ["ensure_video", "video_ready"]

Say = Callable[[str], None]


def video_ready() -> bool:
    """Whether Playwright finds an ffmpeg. Looks at one file only."""
    path = managed.ffmpeg_file()
    return path is not None and os.access(path, os.X_OK)


def ensure_video(kind: str, *, download: Callable[[str], bool] | None, say: Say) -> bool:
    """Make videos possible; does nothing where they are.

    Args:
        kind: The browser to try it with.
        download: Lets Playwright download something by name; None if that has failed already.
        say: Shows progress.

    Returns:
        Whether videos can be recorded.
    """
    path = managed.ffmpeg_file()
    if path is None:
        say("Videos: Playwright has no ffmpeg for this system; recording is not possible here")
        return False
    if video_ready():
        say(f"Videos: ready ({path})")
        return True
    if download is not None and download("ffmpeg") and video_ready():
        say(f"Videos: ready ({path})")
        return True
    program = shutil.which("ffmpeg") or _from_system(say)
    if program is None:
        manager = find_manager()
        remedy = f"run '{manager.command(manager.ffmpeg)}'" if manager else "install ffmpeg"
        say(f"Videos: no ffmpeg on this machine; {remedy}, then 'batchwright install' again")
        return False
    return _link(path, Path(program), kind, say)


def _from_system(say: Say) -> str | None:
    manager = find_manager()
    if manager is None or not manager.usable:
        return None
    manager.add((manager.ffmpeg,), lambda: shutil.which("ffmpeg") is not None, say)
    return shutil.which("ffmpeg")


def _link(path: Path, program: Path, kind: str, say: Say) -> bool:
    """Put a link where Playwright looks, and take it away again if no video comes of it."""
    marker = path.parent / managed.MARKER
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(program)
        marker.touch()
    except OSError as error:
        say(f"Videos: {path} cannot be written: {error.strerror}")
        return False
    problem = recording_problem(kind)
    if problem is None:
        say(f"Videos: ready ({path} is a link to {program}; a recording worked)")
        return True
    path.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)
    say(f"Videos: not possible with {program}: {problem}")
    return False
