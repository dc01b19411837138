"""SQL Server, by Microsoft's driver mssql-python in a thread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Final

import mssql_python

from nodes.database.base import CLOSED, Database, Log, QueryResult, Statement
from nodes.database.settings import ConnectionSettings
from nodes.database.statements import sql_text
from nodes.database.values import row_of, simple_parameter
from nodes.database.worker import Worker

__all__ = ["SqlServerDatabase", "connection_string"]

_LOGIN_TIMEOUT: Final = mssql_python.SQL_ATTR_LOGIN_TIMEOUT


class SqlServerDatabase(Database):
    """A SQL Server database. Parameters: ``?``. Every query is committed.

    Options: ``encrypt`` (true), ``trustServerCertificate`` (true), ``connectionTimeout`` (ms).
    """

    has_transactions: ClassVar = False
    decimals_as_numbers: ClassVar = True
    driver_errors: ClassVar = (mssql_python.Error, RuntimeError, UnicodeError)

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._worker = Worker("sqlserver")
        self._connection: mssql_python.Connection | None = None

    async def _connect(self) -> None:
        await self._worker.run(partial(self._open, connection_string(self.settings)))

    def _open(self, text: str) -> None:
        limit = max(1, math.ceil(self.settings.connect_timeout_s))
        self._connection = mssql_python.connect(text, autocommit=True, attrs_before={_LOGIN_TIMEOUT: limit})

    async def _query(
        self, statement: Statement, parameters: Sequence[object], timeout_s: float
    ) -> QueryResult:
        values = [simple_parameter(value) for value in parameters]
        return await self._worker.run(partial(self._run, sql_text(statement), values, timeout_s))

    def _run(self, text: str, values: Sequence[object], timeout_s: float) -> QueryResult:
        if self._connection is None:
            raise mssql_python.InterfaceError(CLOSED, "")
        self._connection.timeout = max(1, math.ceil(timeout_s))
        cursor = self._connection.cursor()
        try:
            cursor.execute(text, *values)
            affected = cursor.rowcount
            while cursor.description is None and cursor.nextset():
                pass
            if cursor.description is None:
                return QueryResult(row_count=max(affected, 0))
            columns = [item[0] for item in cursor.description]
            rows = [row_of(columns, tuple(row)) for row in cursor.fetchall()]
            return QueryResult(rows, len(rows), columns)
        finally:
            cursor.close()

    def is_timeout(self, error: Exception) -> bool:
        """Whether the query's limit is over."""
        return "HYT00" in str(error) or "timeout expired" in str(error).lower()

    async def _close(self) -> None:
        try:
            await self._worker.run(self._shut)
        finally:
            self._worker.close()

    def _shut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def connection_string(settings: ConnectionSettings) -> str:
    """The connection string of the driver; each value stands in braces, so that it can hold any character."""
    if settings.connection_string:
        return settings.connection_string
    encrypt = settings.flag("encrypt", default=True)
    trust = settings.flag("trustServerCertificate", default=True)
    parts: dict[str, Any] = {
        "Server": f"tcp:{settings.host or 'localhost'},{settings.port or 1433}",
        "Database": settings.database or "master",
        "UID": settings.user,
        "PWD": settings.password,
        "Encrypt": "yes" if encrypt else "no",
        "TrustServerCertificate": "yes" if trust else "no",
    }
    return "".join(f"{name}={_braced(value)};" for name, value in parts.items() if value is not None)


def _braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"
