"""Installing a program through the system's package manager."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from batches.commands import run_command

__all__ = ["PackageManager", "find_manager", "is_root"]

_TIMEOUT_S: Final = 900.0
"""Longest time for one call of a package manager, in seconds."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PackageManager:
    """A package manager and its names for what the runner needs.

    Attributes:
        program: Its command.
        install: Arguments before the names of packages.
        refresh: Arguments that update its lists; empty if installing does so.
        browsers: Packages that bring a Chromium, best first.
        ffmpeg: The package that brings ffmpeg.
        needs_root: Whether only root may use it.
    """

    program: str
    install: tuple[str, ...]
    refresh: tuple[str, ...] = ()
    browsers: tuple[str, ...] = ("chromium",)
    ffmpeg: str = "ffmpeg"
    needs_root: bool = True

    @property
    def usable(self) -> bool:
        """Whether we may use it ourselves."""
        return is_root() or not self.needs_root

    def command(self, package: str) -> str:
        """What a person types to install a package.

        Args:
            package: Its name.
        """
        return " ".join(["sudo", self.program, *self.install, package][0 if self.needs_root else 1 :])

    def add(self, packages: tuple[str, ...], done: Callable[[], bool], say: Say) -> bool:
        """Install the first of several packages that does the job.

        Args:
            packages: Their names, best first.
            done: Tells whether the job is done.
            say: Shows progress.
        """
        if self.refresh:
            self._run(self.refresh, say)
        for package in packages:
            say(f"Installing the package {package} with {self.program}")
            if self._run((*self.install, package), say) and done():
                return True
        return False

    def _run(self, arguments: tuple[str, ...], say: Say) -> bool:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        result = run_command([self.program, *arguments], timeout_s=_TIMEOUT_S, environment=environment)
        if not result.ok:
            reason = result.problem or (result.lines[-1] if result.lines else f"exit code {result.code}")
            say(f"  {self.program} {' '.join(arguments)}: {reason}")
        return result.ok


_MANAGERS: Final = (
    PackageManager(
        "apt-get",
        ("install", "-y", "--no-install-recommends"),
        ("update",),
        # Ubuntu's "chromium-browser" only asks for a snap, which containers cannot run.
        ("chromium-headless-shell", "chromium"),
    ),
    PackageManager("dnf", ("install", "-y"), (), ("chromium-headless", "chromium"), "ffmpeg-free"),
    PackageManager("apk", ("add", "--no-cache")),
    PackageManager("pacman", ("-S", "--noconfirm", "--needed"), ("-Sy",)),
    PackageManager("zypper", ("--non-interactive", "install"), ("--non-interactive", "refresh")),
    PackageManager("brew", ("install",), (), ("chromium",), needs_root=False),
)


def find_manager() -> PackageManager | None:
    """The package manager of this machine; None if we know none of those here."""
    return next((manager for manager in _MANAGERS if shutil.which(manager.program)), None)


def is_root() -> bool:
    """Whether we may install for the whole machine."""
    return sys.platform != "win32" and os.geteuid() == 0
