"""Arguments that a script passes to the browser library, and results that go back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from nodes.matching import compile_js_regex
from nodes.script.values import UNDEFINED, Remotes, Wire, read_bytes, read_date, read_number

__all__ = ["ScriptFunction", "read_argument", "truth_of"]

_PROPERTY: Final = re.compile(r"\\[pP]\{")
_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


@dataclass(frozen=True, slots=True)
class ScriptFunction:
    """A function of a script: to be called there by its number, or sent to the page as source.

    Attributes:
        number: Its number, the same each time the script passes it.
        source: Its source as an expression; None if it cannot run elsewhere, like a native one.
    """

    number: int
    source: str | None


def read_argument(wire: Wire, remotes: Remotes, *, matched_here: bool = False) -> object:
    """An argument as Playwright takes it.

    Args:
        wire: The marked value.
        remotes: Resolves handles.
        matched_here: Whether regular expressions are matched by Python (URLs) and not by the page (texts), so
            that they must be in Python's dialect.

    Returns:
        `UNDEFINED` for undefined; inside objects it is left out, inside arrays it becomes None.
    """
    return _Reader(remotes, matched_here=matched_here).read(wire)


def truth_of(wire: Wire) -> bool:
    """JavaScript's truth of a marked value."""
    if isinstance(wire, dict):
        return not ("v" in wire or wire.get("n") == "NaN" or wire.get("i") == "0")
    return bool(wire)


class _Reader:
    def __init__(self, remotes: Remotes, *, matched_here: bool) -> None:
        self._remotes = remotes
        self._matched_here = matched_here
        self._done: dict[int, object] = {}

    def read(self, wire: Wire) -> Any:
        if not isinstance(wire, dict):
            return wire
        if "h" in wire:
            return self._remotes.resolve(wire)
        if "ref" in wire:
            return self._done.get(wire["ref"])
        if "r" in wire or "f" in wire:
            return self._pattern(*wire["r"]) if "r" in wire else ScriptFunction(wire["f"], wire.get("s"))
        for mark, convert in _ATOMS.items():
            if mark in wire:
                return convert(wire[mark])
        return self._container(wire)

    def _container(self, wire: dict[str, Wire]) -> object:
        if "a" in wire or "t" in wire:
            items: list[object] = []
            self._done[wire["id"]] = items
            read = map(self.read, wire["a"] if "a" in wire else wire["t"])
            items += [None if item is UNDEFINED else item for item in read]
            return items
        fields: dict[object, object] = {}
        self._done[wire["id"]] = fields
        if "m" in wire:
            fields |= {_key(self.read(key)): self.read(item) for key, item in wire["m"]}
        else:
            source = wire["o"] if "o" in wire else wire["e"]
            read_items = ((key, self.read(item)) for key, item in source.items())
            fields |= {key: item for key, item in read_items if item is not UNDEFINED}
        return fields

    def _pattern(self, source: str, flags: str) -> re.Pattern[str]:
        """The page gets the source of the pattern, so it stays as it is wherever Python can read it."""
        if not self._matched_here:
            python_flags = re.NOFLAG
            for flag in flags:
                python_flags |= _FLAGS.get(flag, re.NOFLAG)
            with suppress(re.error):
                return re.compile(source, python_flags)
        if {"u", "v"} & set(flags) and _PROPERTY.search(source):
            raise ValueError(
                f"/{source}/{flags}: Unicode properties (\\p) cannot be passed to the browser library"
            )
        return compile_js_regex(source, flags)


def _key(value: object) -> str:
    return value if isinstance(value, str) else str(value)


_ATOMS: Final[Mapping[str, Callable[[Any], object]]] = {
    "v": lambda _: UNDEFINED,
    "n": read_number,
    "d": read_date,
    "i": int,
    "x": read_bytes,
    "u": str,
}
