"""Where the command line writes, and how times and counts read."""

from __future__ import annotations

import os
import sys
from typing import Final

from rich.console import Console

__all__ = ["PLAIN_WIDTH", "make_console", "plural", "seconds"]

PLAIN_WIDTH: Final = 200
"""Width of lines that go to a file or pipe; narrower output would break paths."""


def make_console(*, stderr: bool = False) -> Console:
    """A console for people; plain and wide when it is no terminal or ``NO_COLOR`` is set."""
    stream = sys.stderr if stderr else sys.stdout
    plain = not stream.isatty() or bool(os.environ.get("NO_COLOR"))
    return Console(
        file=stream,
        highlight=False,
        no_color=plain or None,
        force_terminal=False if plain else None,
        width=PLAIN_WIDTH if not stream.isatty() else None,
        soft_wrap=not stream.isatty(),
    )


def seconds(milliseconds: float | None) -> str:
    """A duration for people: ``0.4 s``, ``12.3 s``, ``4 min 05 s``; a dash when unknown."""
    if milliseconds is None:
        return "-"
    value = milliseconds / 1000
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def plural(count: int, word: str) -> str:
    """``1 workflow``, ``3 workflows``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
