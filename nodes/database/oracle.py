"""Oracle Database, by python-oracledb in its thin mode, which needs no client libraries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import oracledb

from nodes.database.base import CLOSED, Database, Log, QueryResult, Statement
from nodes.database.settings import ConnectionSettings
from nodes.database.statements import sql_text
from nodes.database.values import row_of, simple_parameter

__all__ = ["OracleDatabase", "connection_arguments", "without_semicolon"]

_PLAIN_SQL: Final = re.compile(r"\s*(select|insert|update|delete|merge|with)\b", re.IGNORECASE)
_CALL_TIMEOUT: Final = ("DPY-4024", "DPI-1067")


class OracleDatabase(Database):
    """An Oracle database. Options: ``connectionTimeout`` (ms). Parameters: ``:1``. Every query is committed."""

    has_transactions: ClassVar = False
    decimals_as_numbers: ClassVar = True
    driver_errors: ClassVar = (oracledb.Error, UnicodeError)

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._connection: oracledb.AsyncConnection | None = None

    async def _connect(self) -> None:
        connection = await oracledb.connect_async(**connection_arguments(self.settings))
        connection.autocommit = True
        self._connection = connection

    async def _query(
        self, statement: Statement, parameters: Sequence[object], timeout_s: float
    ) -> QueryResult:
        if self._connection is None:
            raise oracledb.InterfaceError(CLOSED)
        self._connection.call_timeout = max(1, int(timeout_s * 1000))
        values = [simple_parameter(value) for value in parameters]
        with self._connection.cursor() as cursor:
            await cursor.execute(without_semicolon(sql_text(statement)), values, fetch_lobs=False)
            if cursor.description is None:
                return QueryResult(row_count=max(cursor.rowcount, 0))
            columns = [item[0] for item in cursor.description]
            rows = [row_of(columns, row) for row in await cursor.fetchall()]
            return QueryResult(rows, len(rows), columns)

    def is_timeout(self, error: Exception) -> bool:
        """Whether the limit of a call is over."""
        return any(code in str(error) for code in _CALL_TIMEOUT)

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def connection_arguments(settings: ConnectionSettings) -> dict[str, Any]:
    """What oracledb needs to connect; without a connection string the service at host, port and database."""
    address = f"{settings.host or 'localhost'}:{settings.port or 1521}/{settings.database or 'ORCL'}"
    return {
        "user": settings.user,
        "password": settings.password,
        "dsn": settings.connection_string or address,
        "tcp_connect_timeout": settings.connect_timeout_s,
    }


def without_semicolon(text: str) -> str:
    """SQL without the semicolon at its end, which Oracle refuses; PL/SQL keeps its own."""
    return text.rstrip().rstrip(";") if _PLAIN_SQL.match(text) else text
