"""A small terminal: what a screen shows after a program wrote to it.

Only as much as the progress view uses: line feeds, carriage returns, cursor up, erase line, and styles, which
are kept as they come.
"""

from __future__ import annotations

import re
from typing import Final

from rich.text import Text

__all__ = ["Screen"]

_TOKEN: Final = re.compile(
    r"\x1b\[(?P<parameters>[0-9;?]*)(?P<final>[A-Za-z])|(?P<control>[\r\n])|(?P<text>[^\x1b\r\n]+)"
)


class Screen:
    """Lines of styled text that scroll without an end."""

    def __init__(self) -> None:
        self._lines: list[str] = [""]
        self._row = 0
        self._rest = ""
        self._fresh = True

    def feed(self, output: str) -> None:
        """Take in what the program wrote; a sequence that is cut off waits for its end.

        Args:
            output: The next piece.
        """
        output = self._rest + output
        cut = output.rfind("\x1b")
        incomplete = cut >= 0 and _TOKEN.match(output, cut) is None
        self._rest = output[cut:] if incomplete else ""
        for token in _TOKEN.finditer(output[:cut] if incomplete else output):
            self._take(token)

    def lines(self) -> list[Text]:
        """What the screen shows, without blank lines at its end."""
        shown = [Text.from_ansi(line) for line in self._lines]
        while shown and not shown[-1].plain.strip():
            shown.pop()
        return shown

    def _take(self, token: re.Match[str]) -> None:
        if token["text"]:
            self._write(token["text"])
        elif token["control"] == "\r":
            self._fresh = True
        elif token["control"] == "\n":
            self._move(1)
        elif token["final"] == "m":
            self._write(token[0])
        elif token["final"] == "A":
            self._move(-int(token["parameters"] or 1))
        elif token["final"] == "K":
            self._lines[self._row] = ""

    def _write(self, text: str) -> None:
        # Whoever returns to the start of a line here writes all of it anew.
        if self._fresh and self._lines[self._row]:
            self._lines[self._row] = ""
        self._fresh = False
        self._lines[self._row] += text

    def _move(self, rows: int) -> None:
        self._row = max(0, self._row + rows)
        self._fresh = True
        while self._row >= len(self._lines):
            self._lines.append("")
