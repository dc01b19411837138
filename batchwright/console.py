"""Where the command line writes, and how times and counts read.

Nothing that happens to the terminal may hurt a run: a reader that goes away (``| head``), a closed terminal or a
full disk behind a redirection end the output, not the batch. Names and messages come from files and pages, so
control characters in them are shown instead of obeyed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from typing import IO, Any, Final, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

__all__ = ["PLAIN_WIDTH", "make_console", "plural", "print_error", "print_table", "seconds"]

PLAIN_WIDTH: Final = 200
"""Width of lines that go to a file or pipe; narrower output would break paths."""

_WIDEST: Final = 100_000

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_FIRST_PICTURE: Final = 0x2400
"""Where Unicode's pictures of the control characters begin."""


def make_console(*, stderr: bool = False) -> Console:
    """A console for people; plain and wide when it is no terminal or ``NO_COLOR`` is set."""
    stream = _stream(sys.stderr if stderr else sys.stdout)
    plain = not stream.isatty() or bool(os.environ.get("NO_COLOR"))
    return _Console(
        file=cast("IO[str]", _Unbreakable(stream)),
        highlight=False,
        no_color=plain or None,
        force_terminal=False if plain else None,
        width=PLAIN_WIDTH if not stream.isatty() else None,
        soft_wrap=not stream.isatty(),
    )


def print_error(console: Console, message: str) -> None:
    """Print ``Error: message``."""
    console.print("[red]Error:[/]", end=" ")
    console.print(message, markup=False, soft_wrap=True)


def print_table(console: Console, table: Table) -> None:
    """Print a table; where it goes to a file or pipe, as wide as it needs to be."""
    if not console.is_terminal:
        needed = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
        console.width = max(console.width, needed)
    console.print(table)


def seconds(milliseconds: float | None) -> str:
    """A duration for people: ``0.4 s``, ``12.3 s``, ``4 min 05 s``; a dash when unknown."""
    if milliseconds is None:
        return "-"
    value = milliseconds / 1000
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def plural(count: int, word: str) -> str:
    """``1 workflow``, ``3 workflows``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _stream(stream: TextIO | Any) -> TextIO:
    """The stream itself, able to write any text; one that swallows all if there is none."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - lives as long as the process
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return cast("TextIO", stream)


class _Console(Console):
    """A console that shows control characters of a text as pictures; its own sequences are not text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or _CONTROLS.search(segment.text) is None:
                yield segment
            else:
                yield Segment(_CONTROLS.sub(_picture, segment.text), segment.style)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(_FIRST_PICTURE + code) if code < 0x20 else "\ufffd"


class _Unbreakable:
    """A text stream whose first failed write is its last, without anybody hearing of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write; returns the number of characters taken."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Hand everything to the system."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        """Let what is still buffered, and all that follows, go nowhere: the interpreter flushes at its exit."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            return
