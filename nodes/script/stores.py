"""The execution's stores as a script sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nodes.script.errors import ScriptMemoryError
from nodes.script.values import UNDEFINED, Identities, Remotes, Wire, decode_stored, encode

__all__ = ["Stores"]

_AT_ONCE: Final = 1024
"""Texts up to this length go along at the start; everything larger is asked for when it is looked at."""

_LAZY: Final = {"lazy": 1}


class Stores:
    """Reads and writes ``data`` and ``variables`` for one script.

    Args:
        data: The data store.
        variables: The variables.
        remotes: Handles of browser objects, which stores may hold.
        memory_mb: What a script may put into the stores altogether, MB.
    """

    def __init__(
        self, data: dict[str, object], variables: dict[str, object], remotes: Remotes, *, memory_mb: int
    ) -> None:
        self._stores = {"data": data, "variables": variables}
        self._remotes = remotes
        self._memory_mb = memory_mb
        self._identities = Identities()
        self._sizes: dict[tuple[str, str], int] = {}

    def overview(self) -> Mapping[str, Any]:
        """What a script gets at its start: the keys, with values that are small."""
        return {
            name: [[key, _small(value)] for key, value in store.items()]
            for name, store in self._stores.items()
        }

    def load(self, store: str, key: str) -> Wire:
        """A value that a script looks at."""
        value = self._stores[store].get(key, UNDEFINED)
        return encode(value, self._remotes, self._identities)

    def set(self, store: str, key: str, wire: Wire) -> None:
        """Keep a value; undefined removes the key.

        Raises:
            ScriptMemoryError: The script has put too much into the stores.
        """
        self._sizes[store, key] = _size(wire)
        if sum(self._sizes.values()) > self._memory_mb * 2**20:
            raise ScriptMemoryError("What the script put into the stores", limit_mb=self._memory_mb)
        value = self.decode(wire)
        if value is UNDEFINED:
            self._stores[store].pop(key, None)
        else:
            self._stores[store][key] = value

    def decode(self, wire: Wire) -> object:
        """A value of the script as the stores keep it."""
        return decode_stored(wire, self._remotes, self._identities)


def _small(value: object) -> Wire:
    if value is None or isinstance(value, bool | int):
        return value
    if type(value) is str and len(value) <= _AT_ONCE:
        return value
    return _LAZY


def _size(wire: Wire) -> int:
    """About how much memory a value takes, in bytes."""
    if isinstance(wire, str):
        return len(wire) + 50
    if isinstance(wire, Mapping):
        return 50 + sum(len(str(key)) + _size(item) for key, item in wire.items())
    if isinstance(wire, Sequence):
        return 50 + sum(map(_size, wire))
    return 30
