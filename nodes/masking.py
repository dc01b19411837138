"""Masking secret values in everything that leaves an execution.

A value is found as it is and in the forms that it takes on its way: URL-encoded, in JSON, in HTML, as Python or
JavaScript would quote it, in base64 (also inside a longer text that was encoded, such as ``user:password``) and in
hexadecimal; quoted several times over, too. Without values, masking costs nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from itertools import chain, takewhile
from typing import Any, Final, TypeVar

from pydantic import BaseModel

__all__ = ["MASK", "SHORTEST", "Masker"]

MASK: Final = "***"

SHORTEST: Final = 3
"""Values with fewer characters are not masked: every text would be full of masks, and tell them by these."""

_SHORTEST_CORE: Final = 8
"""Shortest piece of base64 that is looked for inside longer base64, and shortest line of a longer value."""

_SHORTEST_PART: Final = 8
"""Shortest beginning of a value that is looked for where a text was cut off."""

_CUT: Final = re.compile(r"…|\.\.\.|[\"'`)\]}>]{0,8}$")
"""What follows where a text was cut off."""

_MOST_SLASHES: Final = 8
"""So many backslashes before a character still belong to it: JSON in JSON in JSON."""

_LONG: Final = 1_000
"""From so many characters on it is quicker to look for clues before the search."""

_SLASHES: Final = rf"(?:\\{{1,{_MOST_SLASHES}}})"
_AMPERSAND: Final = "&(?:amp;){0,3}"

_NAMED: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos", "\xa0": "nbsp"}
_LETTERS: Final = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v"}

T = TypeVar("T")


class Masker:
    """Replaces secret values by ``***``.

    Args:
        values: The secret values.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: frozenset[str] = frozenset()
        self._search: _Search | None = None
        self.add(*values)

    def __bool__(self) -> bool:
        return self._search is not None

    def add(self, *values: str) -> None:
        """Mask more values from now on; those that are too short to be told from other text are left."""
        found = {value.strip() for value in values}
        known = self._values | {value for value in found if len(value) >= SHORTEST}
        if known != self._values:
            self._values, self._search = known, _search_for(known)

    def text(self, text: str) -> str:
        """A text without secret values; the same object if there are none in it."""
        if self._search is None or not self._search.may_find(text):
            return text
        text = self._search.pattern.sub(MASK, text)
        for value in self._search.long:
            if value[:_SHORTEST_PART] in text:
                text = _without_cut_off(text, value)
        return text

    def value(self, value: T) -> T:
        """The same for every text inside objects, arrays and models, keys included.

        A number is replaced as well if its digits are a secret value. Enumerations stay.
        """
        return value if self._search is None else self._masked(value)

    def _masked(self, value: Any) -> Any:
        result = value
        match value:
            case None | bool() | Enum():
                pass
            case str():
                result = self.text(value)
            case int() | float():
                result = MASK if str(value) in self._values else value
            case Mapping():
                result = {self._masked(key): self._masked(item) for key, item in value.items()}
            case list() | tuple():
                items = map(self._masked, value)
                result = tuple(items) if isinstance(value, tuple) else list(items)
            case BaseModel():
                changes = {name: self._masked(getattr(value, name)) for name in type(value).model_fields}
                result = value.model_copy(update=changes)
        return result


@dataclass(frozen=True, slots=True)
class _Search:
    """What finds all forms of some values.

    Attributes:
        pattern: Finds them; slow in long texts.
        clues: Texts of which at least one is in any text that has a form; empty if there are no such.
        long: The values of which a text may hold the beginning, if it was cut off there.
    """

    pattern: re.Pattern[str]
    clues: tuple[str, ...]
    long: tuple[str, ...]

    def may_find(self, text: str) -> bool:
        """Whether it is worth searching."""
        return len(text) < _LONG or not self.clues or any(clue in text for clue in self.clues)


@lru_cache(maxsize=64)
def _search_for(values: frozenset[str]) -> _Search:
    """The search for these values; forms that begin alike share their beginning, so that few are tried."""
    tree: _Tree = {}
    clues: set[str] = set()
    for form in chain.from_iterable(map(_forms, values)):
        branch = tree
        for token in form:
            branch = branch.setdefault(token, {})
        branch[""] = {}
        # Only plain letters are tokens of one character.
        runs = "".join(token if len(token) == 1 else " " for token in form).split()
        clues.add(max(runs, key=len, default=""))
    needed = sorted(clue for clue in clues if not any(other in clue for other in clues - {clue}))
    return _Search(
        re.compile(_written(tree)),
        () if "" in clues else tuple(needed),
        tuple(value for value in sorted(values) if len(value) > _SHORTEST_PART),
    )


def _without_cut_off(text: str, value: str) -> str:
    """A text in which no beginning of a value stands where the text was cut off."""
    at = text.find(value[:_SHORTEST_PART])
    while at >= 0:
        same = takewhile(
            lambda pair: pair[0] == pair[1], zip(text[at : at + len(value)], value, strict=False)
        )
        end = at + sum(1 for _ in same)
        if _CUT.match(text, end):
            text, end = text[:at] + MASK + text[end:], at + len(MASK)
        at = text.find(value[:_SHORTEST_PART], end)
    return text


_Tree = dict[str, "_Tree"]


def _written(tree: _Tree) -> str:
    """A tree of tokens as a regular expression that prefers the longest way."""
    tokens: list[str] = []
    while len(tree) == 1 and "" not in tree:
        ((token, tree),) = tree.items()
        tokens.append(token)
    ways = [token + _written(rest) for token, rest in sorted(tree.items()) if token]
    if ways:
        tokens.append(f"(?:{'|'.join(ways)})" + ("?" if "" in tree else ""))
    return "".join(tokens)


def _forms(value: str) -> Iterator[list[str]]:
    """The forms of a value, each as the expressions for its characters."""
    data = value.encode("utf-8", "replace")
    yield list(_tokens(value))
    yield list(data.hex())
    yield list(data.hex().upper())
    yield from _encoded(data)
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (list(_tokens(line)) for line in lines if len(line) >= _SHORTEST_CORE)


def _tokens(value: str) -> Iterator[str]:
    """Each character as whatever may stand for it; runs of backslashes as one, which keeps the search short."""
    for run in re.findall(r"\\+|[^\\]", value):
        if run[0] == "\\":
            ways = "|".join(_quoted("\\"))
            yield rf"(?:\\{{{len(run)},{_MOST_SLASHES * len(run)}}}|(?:{ways}){{{len(run)}}})"
        else:
            yield _token(run)


@cache
def _token(letter: str) -> str:
    """What may stand for a character that is no backslash."""
    if letter.isascii() and letter.isalnum():
        return letter
    plain = (f"{_SLASHES}?" if letter in "\"'`/" else "") + re.escape(letter)
    return f"(?:{'|'.join([*_quoted(letter), plain])})"


def _quoted(letter: str) -> Iterator[str]:
    """A character as URLs, HTML, JSON, JavaScript and Python have it when they do not have it as it is."""
    units = letter.encode("utf-16-be", "replace").hex()
    yield _percent(letter)
    yield "".join(f"{_SLASHES}u{_any_case(units[at : at + 4])}" for at in range(0, len(units), 4))
    yield f"{_AMPERSAND}#(?:0*{ord(letter)}|[xX]0*{_any_case(f'{ord(letter):x}')});"
    if ord(letter) < 0x100:
        yield f"{_SLASHES}x{_any_case(f'{ord(letter):02x}')}"
    if letter in _NAMED:
        yield f"{_AMPERSAND}{_NAMED[letter]};"
    if letter in _LETTERS:
        yield _SLASHES + _LETTERS[letter]
    if letter == " ":
        yield r"\+"


def _percent(letter: str) -> str:
    """A character as URLs have it, also encoded several times."""
    return "".join(f"%(?:25){{0,3}}{_any_case(f'{byte:02x}')}" for byte in letter.encode("utf-8", "replace"))


def _any_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _encoded(data: bytes) -> Iterator[list[str]]:
    """The base64 of some bytes, alone and within more: what is the same for the three places it may begin at."""
    whole = base64.b64encode(data).decode("ascii").rstrip("=")
    yield [*_base64_tokens(whole), "(?:=|%3[dD]){0,2}"]
    for before in range(3):
        bits = 8 * (before + len(data))
        core = base64.b64encode(b"\0" * before + data).decode("ascii")[-(-before * 8 // 6) : bits // 6]
        if len(core) >= _SHORTEST_CORE:
            yield list(_base64_tokens(core))


def _base64_tokens(text: str) -> Iterator[str]:
    """The characters of base64, of which two have another form in URLs and file names."""
    other = {"+": "-", "/": "_"}
    for letter in text:
        yield f"(?:{_token(letter)}|{other[letter]})" if letter in other else letter
