"""What the command line's exit status means."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["EXIT_CODES_HELP", "ExitCode"]


class ExitCode(IntEnum):
    """Exit status of ``batchwright``."""

    OK = 0
    """All passed, or there was nothing to do."""
    FAILED = 1
    """At least one workflow failed or is invalid."""
    USAGE = 2
    """Bad usage, or no valid workflow to run."""
    RUNNER = 3
    """The runner itself failed: no browser, disk full, output folder not writable."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or a termination signal."""


EXIT_CODES_HELP: Final = (
    "Exit codes: 0 all passed or nothing to do · 1 at least one failed or invalid · "
    "2 bad usage or no valid workflow · 3 the runner itself failed (no browser, disk) · 130 interrupted"
)
