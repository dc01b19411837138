"""What Playwright keeps on this machine: its folder of browsers, their revisions, its ffmpeg.

Playwright answers such questions only through its running driver, and for ffmpeg not at all; finding a browser
and ``batchwright install`` need the answers without starting anything. The rules are those of Playwright's own
registry: ``browsers.json`` in its package names the revisions, ``PLAYWRIGHT_BROWSERS_PATH`` the folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import orjson
import playwright

__all__ = [
    "MARKER",
    "browsers_folder",
    "cache_folder",
    "executables",
    "ffmpeg_file",
    "playwright_version",
]

MARKER: Final = "INSTALLATION_COMPLETE"
"""Name of the empty file that tells Playwright that a folder below its own is whole."""

_DRIVER_PACKAGE: Final = Path(playwright.__file__).parent / "driver" / "package"

# Globs stand where Playwright's paths differ by processor ("chrome-linux64", "chrome-linux-arm64").
_EXECUTABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "chromium": {
        "linux": "chrome-linux*/chrome",
        "darwin": "chrome-mac*/*.app/Contents/MacOS/Google Chrome for Testing",
        "win32": "chrome-win*/chrome.exe",
    },
    "chromium-headless-shell": {
        "linux": "chrome-headless-shell-linux*/chrome-headless-shell",
        "darwin": "chrome-headless-shell-mac*/chrome-headless-shell",
        "win32": "chrome-headless-shell-win*/chrome-headless-shell.exe",
    },
    "firefox": {
        "linux": "firefox/firefox",
        "darwin": "firefox/*.app/Contents/MacOS/firefox",
        "win32": "firefox/firefox.exe",
    },
    "webkit": {"linux": "pw_run.sh", "darwin": "pw_run.sh", "win32": "Playwright.exe"},
}

_FFMPEG: Final[Mapping[str, str]] = {
    "linux": "ffmpeg-linux",
    "darwin": "ffmpeg-mac",
    "win32": "ffmpeg-win64.exe",
}


@cache
def _revisions() -> Mapping[str, frozenset[str]]:
    """The revisions that the installed Playwright drives, by name; more than one where systems differ."""
    document = orjson.loads((_DRIVER_PACKAGE / "browsers.json").read_bytes())
    return {
        entry["name"]: frozenset({entry["revision"], *entry.get("revisionOverrides", {}).values()})
        for entry in document["browsers"]
    }


@cache
def playwright_version() -> str:
    """The version of Playwright's driver."""
    return str(orjson.loads((_DRIVER_PACKAGE / "package.json").read_bytes())["version"])


def browsers_folder() -> Path:
    """The folder that Playwright downloads browsers to; it need not exist."""
    setting = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    if setting == "0":
        return _DRIVER_PACKAGE / ".local-browsers"
    if setting:
        return Path(setting).absolute()
    return _caches() / "ms-playwright"


def cache_folder() -> Path | None:
    """The folder for what can be made again at any time; it need not exist. None for a user without a home."""
    try:
        return _caches() / "batchwright"
    except RuntimeError:
        return None


def _caches() -> Path:
    """Where programs of this user keep such things.

    Raises:
        RuntimeError: The user has no home folder.
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def executables(name: str) -> list[Path]:
    """Executables of a browser in Playwright's folder that the installed Playwright can drive.

    Args:
        name: ``chromium``, ``chromium-headless-shell``, ``firefox`` or ``webkit``.
    """
    pattern = _EXECUTABLES[name].get(sys.platform)
    if pattern is None:
        return []
    prefix = name.replace("-", "_")
    folders = {
        folder
        for revision in _revisions()[name]
        for folder in (
            *browsers_folder().glob(f"{prefix}-{revision}"),
            *browsers_folder().glob(f"{prefix}_*_special-{revision}"),
        )
    }
    return sorted(path for folder in folders for path in folder.glob(pattern) if os.access(path, os.X_OK))


def ffmpeg_file() -> Path | None:
    """Where Playwright looks for the ffmpeg that records videos; None on systems it has none for."""
    name = _FFMPEG.get(sys.platform)
    if name is None:
        return None
    revision = min(_revisions()["ffmpeg"])
    return browsers_folder() / f"ffmpeg-{revision}" / name
