"""PostgreSQL, by psycopg 3."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.types.string import TextLoader

from nodes.database.base import CLOSED, Database, Log, QueryResult, Statement
from nodes.database.errors import TransactionError
from nodes.database.settings import ConnectionSettings
from nodes.database.statements import sql_text
from nodes.database.values import row_of
from nodes.matching import js_text, json_text

__all__ = ["PostgresDatabase", "connection_arguments", "parameter_text"]

_AS_TEXT = ("interval", "date")
"""Types whose values Python cannot always hold: months, and dates without end."""


class PostgresDatabase(Database):
    """A PostgreSQL database. Options: ``connectionTimeout`` (ms), ``ssl``. Parameters: ``$1``."""

    driver_errors: ClassVar = (psycopg.Error, UnicodeError)

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def _connect(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            connection_arguments(self.settings),
            autocommit=True,
            cursor_factory=psycopg.AsyncRawCursor,
            # Prepared statements would break behind a connection pooler.
            prepare_threshold=None,
        )
        self._connection = connection
        for name in _AS_TEXT:
            connection.adapters.register_loader(name, TextLoader)

    async def _query(
        self,
        statement: Statement,
        parameters: Sequence[object],
        timeout_s: float,  # noqa: ARG002 - psycopg tells the server to stop when it is cancelled
    ) -> QueryResult:
        async with self._opened().cursor() as cursor:
            values = [parameter_text(value) for value in parameters]
            await cursor.execute(sql_text(statement).encode(), values or None)
            while cursor.nextset():
                pass
            if cursor.description is None:
                return QueryResult(row_count=max(cursor.rowcount, 0))
            columns = [column.name for column in cursor.description]
            rows = [row_of(columns, row) for row in await cursor.fetchall()]
            return QueryResult(rows, len(rows), columns)

    async def _commit(self) -> None:
        async with self._opened().cursor() as cursor:
            await cursor.execute(b"COMMIT")
            if cursor.statusmessage == "ROLLBACK":
                raise TransactionError(
                    f"The transaction on {self.settings.where} was undone instead of committed, because a "
                    "query in it had failed"
                )

    def _opened(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None:
            raise psycopg.OperationalError(CLOSED)
        return self._connection

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def connection_arguments(settings: ConnectionSettings) -> str:
    """What libpq needs to connect; properties override parts of the connection string."""
    tls = settings.tls()
    given: dict[str, str | int | None] = {
        "host": settings.host,
        "port": settings.port,
        "user": settings.user,
        "password": settings.password,
        "dbname": settings.database,
    }
    if settings.connection_string is None:
        given["host"] = settings.host or "localhost"
        given["port"] = settings.port or 5432
    if tls is not None:
        given["sslmode"] = ("verify-full" if tls.verify else "require") if tls.enabled else "disable"
        if tls.enabled and tls.verify:
            given["sslrootcert"] = tls.ca or "system"
    # Two seconds are the least that libpq takes; the exact limit is the caller's.
    given["connect_timeout"] = max(2, math.ceil(settings.connect_timeout_s))
    return make_conninfo(settings.connection_string or "", **given)


def parameter_text(value: object) -> str | None:
    """A bind parameter as text without a type, so that the server gives it the type that it needs.

    So ``"5"`` fits a number column and ``5`` a text column. Objects become JSON, arrays PostgreSQL arrays.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return json_text(value)
    if isinstance(value, list | tuple):
        return "{" + ",".join(_element(item) for item in value) + "}"
    return js_text(value)


def _element(value: object) -> str:
    if isinstance(value, list | tuple):
        return parameter_text(value) or ""
    text = parameter_text(value)
    if text is None:
        return "NULL"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
