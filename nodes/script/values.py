"""Values on their way to and from scripts: JSON in which everything that JSON has not is marked.

``{"a": [...]}`` is an array, ``{"o": {...}}`` an object, ``{"v": 0}`` undefined, ``{"n": "NaN"}`` a number that
JSON cannot write, ``{"d": ms}`` a Date, ``{"i": "1"}`` a BigInt, ``{"r": [source, flags]}`` a RegExp, ``{"x": base64}``
bytes, ``{"u": href}`` a URL, ``{"m": pairs}`` a Map, ``{"t": items}`` a Set, ``{"e": {...}}`` an Error, ``{"f": id}`` a
function, ``{"h": id, "c": class or steps}`` an object of the browser library. Containers may carry an ``id``;
``{"ref": id}`` is one that came before in the same message.

What the stores keep of values that Python has not: `ScriptBigInt`, `ScriptRegExp` (texts), `ScriptMap`, `ScriptSet`,
`ScriptError` (mappings and lists). Other nodes see plain texts and JSON; a later script gets the original kind.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol, Self
from urllib.parse import ParseResult, urlunparse

from playwright.async_api import Error as PlaywrightError

from nodes.matching import MISSING, js_text

__all__ = [
    "UNDEFINED",
    "Identities",
    "Remotes",
    "ScriptBigInt",
    "ScriptErrorValue",
    "ScriptMap",
    "ScriptRegExp",
    "ScriptSet",
    "Undefined",
    "Wire",
    "decode_stored",
    "encode",
    "read_bytes",
    "read_date",
    "read_number",
]

Wire = Any
"""A marked value, as `json` reads and writes it."""


class Remotes(Protocol):
    """Objects of the browser library, known to scripts by handles."""

    def handle_of(self, value: object) -> Wire | None:
        """The handle of an object; None if scripts cannot have it."""

    def resolve(self, wire: Wire) -> object:
        """The object that a handle stands for."""


class Undefined:
    """JavaScript's undefined; there is one instance, `UNDEFINED`."""

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()


class ScriptBigInt(str):
    """A BigInt: its decimal digits."""

    __slots__ = ()


class ScriptRegExp(str):
    """A RegExp: its text, ``/source/flags``."""

    __slots__ = ("flags", "source")

    source: str
    flags: str

    def __new__(cls, source: str, flags: str) -> Self:
        """Make one of its two parts."""
        text = super().__new__(cls, f"/{source}/{flags}")
        text.source, text.flags = source, flags
        return text


class ScriptMap(dict[str, object]):
    """A Map; its keys are texts here."""


class ScriptSet(list[object]):
    """A Set, in its order."""


class ScriptErrorValue(dict[str, object]):
    """An Error: ``name``, ``message`` and ``stack``."""


class Identities:
    """Which container of ours is which one of the script's, for the length of a script.

    A container that a script changed is changed here in place, so that all who share it see the change, as they
    would if the script ran in this process.
    """

    def __init__(self) -> None:
        self._ids: dict[int, tuple[int, object]] = {}
        self._objects: dict[int, object] = {}
        self._last = 0

    def id_of(self, value: object) -> int:
        """The id of a container, a new one at the first time."""
        known = self._ids.get(id(value))
        if known is not None:
            return known[0]
        self._last += 1
        self.learn(self._last, value)
        return self._last

    def learn(self, number: int, value: object) -> None:
        """Remember that a container has an id (those from scripts are negative)."""
        self._ids[id(value)] = (number, value)
        self._objects[number] = value

    def find(self, number: int) -> object | None:
        """The container with an id, if any."""
        return self._objects.get(number)


def encode(value: object, remotes: Remotes, identities: Identities | None = None) -> Wire:
    """A value for a script.

    Args:
        value: Anything; what cannot be passed on becomes its text.
        remotes: Gives handles to objects of the browser library.
        identities: Gives ids to containers; without, a container that contains itself is cut off.
    """
    return _Encoder(remotes, identities).encode(value)


class _Encoder:
    def __init__(self, remotes: Remotes, identities: Identities | None) -> None:
        self._remotes = remotes
        self._identities = identities
        self._done: set[int] = set()
        self._open: set[int] = set()

    def encode(self, value: object) -> Wire:
        if isinstance(value, str):
            return _text(value)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"n": js_text(value)}
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return self._container(value)
        if value is UNDEFINED or value is MISSING:
            return {"v": 0}
        return self._atom(value)

    def _atom(self, value: object) -> Wire:
        match value:
            case datetime():
                moment = value if value.tzinfo else value.replace(tzinfo=UTC)
                wire: Wire = {"d": moment.timestamp() * 1000}
            case bytes() | bytearray() | memoryview():
                wire = {"x": base64.b64encode(value).decode("ascii")}
            case PlaywrightError():
                fields = {"name": value.name or "Error", "message": value.message, "stack": value.stack or ""}
                wire = {"e": fields}
            case ParseResult():
                wire = {"u": urlunparse(value)}
            case re.Pattern():
                wire = {"r": [value.pattern, "i" if value.flags & re.IGNORECASE else ""]}
            case _:
                text = value.isoformat() if isinstance(value, date) else str(value)
                wire = self._remotes.handle_of(value) or text
        return wire

    def _container(self, value: Any) -> Wire:
        number = self._identities.id_of(value) if self._identities else id(value)
        if number in self._open or (self._identities and number in self._done):
            return {"ref": number} if self._identities else None
        self._open.add(number)
        self._done.add(number)
        wire = self._content(value)
        self._open.discard(number)
        if self._identities:
            wire["id"] = number
        return wire

    def _content(self, value: Any) -> dict[str, Wire]:
        if isinstance(value, ScriptErrorValue):
            return {"e": {key: js_text(item) for key, item in value.items()}}
        if isinstance(value, ScriptMap):
            return {"m": [[key, self.encode(item)] for key, item in value.items()]}
        if isinstance(value, Mapping):
            return {"o": {js_text(key): self.encode(item) for key, item in value.items()}}
        items = [self.encode(item) for item in value]
        return {"t": items} if isinstance(value, ScriptSet | set | frozenset) else {"a": items}


def _text(value: str) -> Wire:
    if isinstance(value, ScriptBigInt):
        return {"i": str(value)}
    if isinstance(value, ScriptRegExp):
        return {"r": [value.source, value.flags]}
    return str(value)


def decode_stored(wire: Wire, remotes: Remotes, identities: Identities) -> object:
    """A value of a script, for the stores: containers that came from there are changed in place.

    Functions and undefined inside objects are left out, in arrays they become null, as `JSON.stringify` does. A
    container inside itself becomes a text, because the stores are written out as JSON.

    Returns:
        `UNDEFINED` for undefined itself.
    """
    return _StoreDecoder(remotes, identities).decode(wire)


class _StoreDecoder:
    def __init__(self, remotes: Remotes, identities: Identities) -> None:
        self._remotes = remotes
        self._identities = identities
        self._done: dict[int, object] = {}
        self._open: set[int] = set()

    def decode(self, wire: Wire) -> object:
        if not isinstance(wire, dict):
            return wire
        for mark, read in _ATOMS.items():
            if mark in wire:
                return read(wire[mark])
        if "h" in wire:
            return self._remotes.resolve(wire)
        if "ref" in wire:
            return "[Circular]" if wire["ref"] in self._open else self._done.get(wire["ref"])
        return self._container(wire)

    def _container(self, wire: dict[str, Wire]) -> object:
        number = wire["id"]
        self._open.add(number)
        if "a" in wire or "t" in wire:
            decoded = map(self.decode, wire["a"] if "a" in wire else wire["t"])
            items = [None if item is UNDEFINED else item for item in decoded]
            value = self._filled_list(number, items, ScriptSet if "t" in wire else list)
        else:
            value = self._filled_dict(number, self._fields(wire), _dict_kind(wire))
        self._open.discard(number)
        self._done[number] = value
        return value

    def _fields(self, wire: dict[str, Wire]) -> dict[str, object]:
        pairs: Iterable[tuple[object, Wire]]
        if "m" in wire:
            pairs = [(self.decode(key), item) for key, item in wire["m"]]
        else:
            pairs = (wire["o"] if "o" in wire else wire["e"]).items()
        decoded = ((js_text(key), self.decode(item)) for key, item in pairs)
        return {key: item for key, item in decoded if item is not UNDEFINED}

    def _filled_list(self, number: int, items: list[object], kind: type[list[object]]) -> object:
        old = self._identities.find(number)
        if isinstance(old, list):
            old[:] = items
            return old
        return self._learned(number, kind(items))

    def _filled_dict(self, number: int, fields: dict[str, object], kind: type[dict[str, object]]) -> object:
        old = self._identities.find(number)
        if isinstance(old, dict):
            old.clear()
            old.update(fields)
            return old
        return self._learned(number, kind(fields))

    def _learned(self, number: int, value: object) -> object:
        self._identities.learn(number, value)
        return value


def _dict_kind(wire: Mapping[str, Wire]) -> type[dict[str, object]]:
    return ScriptMap if "m" in wire else ScriptErrorValue if "e" in wire else dict


def read_date(milliseconds: float | None) -> datetime | None:
    """A Date; None for an invalid one, or one that Python's calendar does not have."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_bytes(text: str) -> bytes:
    """Bytes from base64."""
    return base64.b64decode(text)


def read_number(text: str) -> float:
    """NaN or an infinity."""
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}[text]


def _read_regex(parts: Sequence[str]) -> object:
    return ScriptRegExp(parts[0], parts[1])


_ATOMS: Final[Mapping[str, Callable[[Any], object]]] = {
    "v": lambda _: UNDEFINED,
    "f": lambda _: UNDEFINED,
    "n": read_number,
    "d": read_date,
    "i": ScriptBigInt,
    "r": _read_regex,
    "x": read_bytes,
    "u": str,
}
