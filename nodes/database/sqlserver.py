"""SQL Server, by Microsoft's driver mssql-python in a thread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Final

import mssql_python

from nodes.database.base import QueryResult, Statement
from nodes.database.blocking import BlockingDatabase, fetched
from nodes.database.settings import ConnectionSettings
from nodes.database.statements import sql_text
from nodes.database.values import simple_parameter

__all__ = ["SqlServerDatabase", "connection_string"]

_LOGIN_TIMEOUT: Final = mssql_python.SQL_ATTR_LOGIN_TIMEOUT


class SqlServerDatabase(BlockingDatabase[mssql_python.Connection]):
    """A SQL Server database. Parameters: ``?``. Every query is committed.

    Options: ``encrypt`` (true), ``trustServerCertificate`` (true), ``connectionTimeout`` (ms).
    """

    thread_name = "sqlserver"
    has_transactions: ClassVar = False
    decimals_as_numbers: ClassVar = True
    driver_errors: ClassVar = (mssql_python.Error, RuntimeError, UnicodeError)

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
        connection = self._opened()
        connection.timeout = max(1, math.ceil(timeout_s))
        cursor = connection.cursor()
        try:
            cursor.execute(text, *values)
            affected = cursor.rowcount
            while cursor.description is None and cursor.nextset():
                pass
            return fetched(cursor, affected)
        finally:
            cursor.close()

    def is_timeout(self, error: Exception) -> bool:
        """Whether the query's limit is over."""
        return "HYT00" in str(error) or "timeout expired" in str(error).lower()

    def _closed_error(self, reason: str) -> Exception:
        return mssql_python.InterfaceError(reason, "")


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
