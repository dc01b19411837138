"""How to reach a database: the properties of dbConnect, read and checked (nodes.md, ``dbConnect``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nodes.errors import NodeDataError
from nodes.matching import parse_float_prefix

__all__ = ["DEFAULT_CONNECT_TIMEOUT_MS", "ConnectionSettings", "TlsWish"]

DEFAULT_CONNECT_TIMEOUT_MS: Final = 10_000.0
"""How long connecting may take without ``options.connectionTimeout``."""

_CREDENTIALS: Final = re.compile(
    r"//[^/@]*@|\b(password|pwd)\s*=\s*('[^']*'|\{(?:[^}]|\}\})*\}|[^\s;]+)", re.IGNORECASE
)

_TEXT_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class TlsWish:
    """What ``options.ssl`` asks for: ``true``, or an object with ``rejectUnauthorized`` and ``ca``.

    Attributes:
        enabled: Whether the connection must be encrypted.
        verify: Whether the server's certificate is checked.
        ca: File with the certificates to trust (PEM); those of the system if None.
    """

    enabled: bool
    verify: bool = True
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Everything that a driver needs to connect.

    Attributes:
        kind: Type of the database, such as ``postgres``.
        host: Name or address of the server.
        port: Its port; each type has a default.
        user: Name to log in with.
        password: Password to log in with.
        database: Name of the database (for Redis its number).
        connection_string: Address of the database in the form that its driver defines.
        file: The file of a SQLite database; None is one in memory.
        options: Further options of the type, with the names that workflow files use.
    """

    kind: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    connection_string: str | None = field(default=None, repr=False)
    file: Path | None = None
    options: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def where(self) -> str:
        """The database as messages name it, never with a password."""
        if self.kind == "sqlite":
            return f"sqlite {self.file or 'in memory'}"
        if self.connection_string:
            return f"{self.kind} {_CREDENTIALS.sub(_hidden, self.connection_string)}"
        port = f":{self.port}" if self.port else ""
        database = f"/{self.database}" if self.database else ""
        return f"{self.kind} {self.host or 'localhost'}{port}{database}"

    @property
    def connect_timeout_s(self) -> float:
        """``options.connectionTimeout``, in seconds; 10 s if absent or 0."""
        return (self.number("connectionTimeout") or DEFAULT_CONNECT_TIMEOUT_MS) / 1000

    def number(self, name: str) -> float | None:
        """An option that is a number, or the text of one.

        Raises:
            NodeDataError: It is something else.
        """
        value = self.options.get(name)
        if isinstance(value, str):
            value = parse_float_prefix(value) if value.strip() else None
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NodeDataError(f"Property 'options.{name}' should be a number", field=f"options.{name}")
        return float(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """An option that is true or false, also as text.

        Raises:
            NodeDataError: It is something else.
        """
        value = self.options.get(name)
        if isinstance(value, str):
            value = _TEXT_FLAGS.get(value.strip().lower(), value) if value.strip() else None
        if value is None:
            return default
        if not isinstance(value, bool):
            raise NodeDataError(f"Property 'options.{name}' should be true or false", field=f"options.{name}")
        return value

    def tls(self) -> TlsWish | None:
        """``options.ssl``; None if it is absent.

        Raises:
            NodeDataError: It cannot be understood.
        """
        value = self.options.get("ssl")
        if not isinstance(value, Mapping):
            return None if value is None else TlsWish(self.flag("ssl", default=False))
        ca = value.get("ca")
        if ca is not None and (not isinstance(ca, str) or "-----BEGIN" in ca):
            raise NodeDataError(
                "Property 'options.ssl.ca' should be the path of a PEM file", field="options.ssl.ca"
            )
        return TlsWish(enabled=True, verify=value.get("rejectUnauthorized") is not False, ca=ca)


def _hidden(credentials: re.Match[str]) -> str:
    return "//" if credentials[0].startswith("//") else f"{credentials[1]}=***"
