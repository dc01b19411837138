r"""Splitting a command line into words as a POSIX shell does (nodes.md, ``apiCurl``).

Understood are ``'...'``, ``"..."`` with its escapes, ``$'...'`` and lines continued with a backslash; commands
that a browser copied for the Windows prompt (``^``) or PowerShell (a backtick at the end of the line) are read,
too. A plain line break separates words. Nothing is expanded: ``$HOME`` stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["UnclosedQuoteError", "Word", "split_words"]

_CARETS: Final = re.compile(r"\^[ \t]*\r?\n|\^\"")
_QUOTED: Final = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'[^']*'""", re.DOTALL)
_CONTINUED: Final = re.compile(r"[\\`](?:[ \t]*\r?\n|\Z)")

_PLAIN: Final = re.compile(r"""[^\s\\'"$]+|\$(?!')""")
_SINGLE: Final = re.compile(r"'([^']*)'")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ANSI: Final = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)

_DOUBLE_ESCAPE: Final = re.compile(r'\\(["\\$`])')
_ANSI_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)
_ANSI_CHARACTERS: Final = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_LAST_CODE_POINT: Final = 0x10FFFF


class UnclosedQuoteError(ValueError):
    """Raised for a quote without its counterpart; ``position`` is where it stands in the text."""

    def __init__(self, quote: str, position: int, text: str) -> None:
        shown = text[position : position + 40]
        super().__init__(f"the quote {quote} at position {position} is not closed: {shown}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    Attributes:
        text: What the command gets.
        is_bare: Whether no part of it was quoted or escaped, so that it may be an operator of the shell.
    """

    text: str
    is_bare: bool


def split_words(text: str) -> list[Word]:
    """The words of a command line.

    Raises:
        UnclosedQuoteError: A quote is not closed.
    """
    # Between quotes a caret is a caret; at that prompt the quotes themselves have one.
    if _CARETS.search(_QUOTED.sub(_quotes_only, text)):
        text = _from_windows_prompt(text)
    return list(_words(text))


def _quotes_only(found: re.Match[str]) -> str:
    return found[0][0] * 2 if found[0][0] in "'\"" else found[0]


def _from_windows_prompt(text: str) -> str:
    """The same command for a shell: carets escape any character there, and join lines."""
    return re.sub(r"\^(.)", r"\1", re.sub(r"\^[ \t]*\r?\n", " ", text))


def _words(text: str) -> Iterator[Word]:
    pieces: list[str] = []
    is_bare, position = True, 0
    while position < len(text):
        continued = _CONTINUED.match(text, position)
        if continued or text[position].isspace():
            if pieces:
                yield Word("".join(pieces), is_bare)
            pieces, is_bare = [], True
            position = continued.end() if continued else position + 1
            continue
        piece, bare, position = _piece(text, position)
        pieces.append(piece)
        is_bare = is_bare and bare
    if pieces:
        yield Word("".join(pieces), is_bare)


def _piece(text: str, position: int) -> tuple[str, bool, int]:
    """A part of a word, whether it is unquoted, and where it ends."""
    if match := _PLAIN.match(text, position):
        return match[0], True, match.end()
    if match := _SINGLE.match(text, position):
        return match[1], False, match.end()
    if match := _ANSI.match(text, position):
        return _ANSI_ESCAPE.sub(_ansi_character, match[1]), False, match.end()
    if match := _DOUBLE.match(text, position):
        joined = re.sub(r"\\\r?\n", "", match[1])
        return _DOUBLE_ESCAPE.sub(r"\1", joined), False, match.end()
    if text[position] == "\\":
        return text[position + 1 : position + 2], False, position + 2
    position += text[position] == "$"
    raise UnclosedQuoteError(text[position], position, text)


def _ansi_character(match: re.Match[str]) -> str:
    kind = match.lastindex or 0
    value = match[kind]
    if kind == 5:
        return _ANSI_CHARACTERS.get(value, value)
    code = int(value, 8 if kind == 4 else 16)
    return chr(code) if code <= _LAST_CODE_POINT else match[0]
