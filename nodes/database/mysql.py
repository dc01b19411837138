"""MySQL and MariaDB, by MySQL Connector/Python in a thread."""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import mysql.connector
import orjson
from mysql.connector.abstracts import MySQLConnectionAbstract
from mysql.connector.constants import ClientFlag, FieldType

from nodes.database.base import Log, QueryResult, Statement
from nodes.database.blocking import BlockingDatabase
from nodes.database.settings import ConnectionSettings
from nodes.database.statements import sql_text
from nodes.database.values import row_of, simple_parameter

__all__ = ["MySqlDatabase", "connection_arguments"]


class MySqlDatabase(BlockingDatabase[MySQLConnectionAbstract]):
    """A MySQL or MariaDB database. Options: ``connectionTimeout`` (ms), ``ssl``. Parameters: ``?``.

    A statement without rows stores the result header ``{affectedRows, insertId, warningStatus}`` as `rows`.
    """

    thread_name = "mysql"
    driver_errors: ClassVar = (mysql.connector.Error, UnicodeError)

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._arguments: Mapping[str, Any] = {}

    async def _connect(self) -> None:
        self._arguments = connection_arguments(self.settings)
        await self._worker.run(self._open)

    def _open(self) -> None:
        self._connection = _connected(self._arguments)

    async def _query(
        self,
        statement: Statement,
        parameters: Sequence[object],
        timeout_s: float,  # noqa: ARG002 - a cancelled query is killed
    ) -> QueryResult:
        text = sql_text(statement)
        values = [simple_parameter(value) for value in parameters]
        return await self._worker.run(partial(self._run, text, values), self._kill)

    def _run(self, text: str, values: Sequence[Any]) -> QueryResult:
        # Only a prepared statement has its parameters bound by the server.
        with self._opened().cursor(prepared=bool(values)) as cursor:
            cursor.execute(text, values)
            if cursor.description is None:
                header = {
                    "affectedRows": max(cursor.rowcount, 0),
                    "insertId": cursor.lastrowid or 0,
                    "warningStatus": cursor.warning_count,
                }
                return QueryResult(header, max(cursor.rowcount, 0))
            columns = [item[0] for item in cursor.description]
            json_columns = {item[0] for item in cursor.description if item[1] == FieldType.JSON}
            found: Any = cursor.fetchall()
            rows = [_parsed(row_of(columns, row), json_columns) for row in found]
            return QueryResult(rows, len(rows), columns)

    def _kill(self) -> None:
        """Tell the server, by another connection, to stop what this one waits for."""
        running = self._connection
        if running is None:
            return
        try:
            killer = _connected(self._arguments)
            try:
                killer.cmd_query(f"KILL QUERY {int(running.connection_id or 0)}")
            finally:
                killer.close()
        except (mysql.connector.Error, OSError) as error:
            self.log("debug", f"{self.settings.where}: the query could not be stopped: {error}")

    def _closed_error(self, reason: str) -> Exception:
        return mysql.connector.InterfaceError(reason)


def connection_arguments(settings: ConnectionSettings) -> dict[str, Any]:
    """What the connector needs to connect; a connection string is ignored, as nodes.md has it."""
    arguments: dict[str, Any] = {
        "host": settings.host or "localhost",
        "port": settings.port or 3306,
        "user": settings.user,
        "password": settings.password,
        "database": settings.database,
        "connection_timeout": max(1, math.ceil(settings.connect_timeout_s)),
        "autocommit": True,
        "use_pure": True,
        # One statement at a time: what comes in by a reference cannot bring a second one.
        "client_flags": [-ClientFlag.MULTI_STATEMENTS],
    }
    tls = settings.tls()
    if tls is not None and not tls.enabled:
        arguments["ssl_disabled"] = True
    elif tls is not None and tls.verify:
        arguments["ssl_verify_cert"] = arguments["ssl_verify_identity"] = True
        arguments["ssl_ca"] = tls.ca or ssl.get_default_verify_paths().openssl_cafile
    return {name: value for name, value in arguments.items() if value is not None}


def _connected(arguments: Mapping[str, Any]) -> MySQLConnectionAbstract:
    connection: Any = mysql.connector.connect(**arguments)
    opened: MySQLConnectionAbstract = connection
    return opened


def _parsed(row: dict[str, object], json_columns: set[str]) -> dict[str, object]:
    """A row whose JSON columns hold what their text stands for."""
    for name in json_columns:
        value = row[name]
        if isinstance(value, str | bytes):
            row[name] = orjson.loads(value)
    return row
