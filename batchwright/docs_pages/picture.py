"""Pictures of the terminal, taken from a real run of the examples.

Needs a pseudo-terminal, so this does not work on Windows.
"""

from __future__ import annotations

import codecs
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from batchwright.docs_pages.terminal import Screen

__all__ = ["write_pictures"]

WIDTH: Final = 140
"""Columns of the terminal."""

_ARGUMENTS: Final = ("demo", "--broken", "--workers", "4")

_ROWS: Final = 16
"""Lines shown in the picture of a running batch."""

_MOMENT: Final = re.compile(r"(?P<done>\d+)/\d+ ")
_ENOUGH: Final = 24
"""After so many executions the running batch is pictured."""

_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Web fonts: a picture shall load nothing."""


def write_pictures(folder: Path) -> list[Path]:
    """Run the examples, the broken ones too, and picture the terminal during the run and at its end.

    Args:
        folder: Where ``terminal.svg`` and ``failures.svg`` go.

    Returns:
        The files written.

    Raises:
        RuntimeError: The output was not as expected, so there is nothing to picture.
    """
    running: list[Text] = []
    last: list[Text] = []
    for screen in _screens():
        last = screen
        if not running and _done(screen) >= _ENOUGH:
            running = screen[-_ROWS:]
    first_failure = next((row for row, line in enumerate(last) if _starts_failures(last, row)), None)
    if not running or first_failure is None:
        raise RuntimeError("the examples did not run to their end:\n" + "\n".join(map(str, last[-_ROWS:])))
    targets = {
        folder / "terminal.svg": running,
        folder / "failures.svg": last[first_failure:],
    }
    for target, lines in targets.items():
        target.write_text(_svg(" ".join(("batchwright", *_ARGUMENTS)), lines), "utf-8", newline="\n")
    return list(targets)


def _done(screen: Sequence[Text]) -> int:
    """How many executions the progress bar at the end of the screen counts."""
    match = _MOMENT.search(screen[-1].plain) if screen else None
    return int(match["done"]) if match else 0


def _starts_failures(screen: Sequence[Text], row: int) -> bool:
    """Whether the report of the first failure begins here."""
    below = screen[row + 1].plain if row + 1 < len(screen) else ""
    return screen[row].plain.startswith("✗ ") and below.lstrip().startswith("node ")


def _screens() -> Iterator[list[Text]]:
    """What a terminal shows while our own command line runs in it, each time something was written."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "50"}
    environment.pop("NO_COLOR", None)
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.Popen(  # noqa: S603 - our own program with fixed arguments
            [sys.executable, "-m", "batchwright", *_ARGUMENTS],
            cwd=place,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        try:
            screen = Screen()
            for piece in _pieces(master):
                screen.feed(piece)
                yield screen.lines()
        finally:
            process.terminate()
            process.wait()
            os.close(master)


def _pieces(descriptor: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    # Linux reports the end of a pseudo-terminal as an error.
    with suppress(OSError):
        while data := os.read(descriptor, 65536):
            yield decoder.decode(data)


def _svg(title: str, lines: Sequence[Text]) -> str:
    width = min(WIDTH, 2 + max(len(line) for line in lines))
    console = Console(record=True, width=width, file=io.StringIO())
    for line in lines:
        console.print(line, overflow="fold")
    return _FONT.sub("", console.export_svg(title=title, unique_id="terminal"))
