"""SQLite, by Python's own module in a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Final
from urllib.parse import quote

from nodes.database.base import CLOSED, Database, Log, QueryResult, Statement
from nodes.database.settings import ConnectionSettings
from nodes.database.statements import sql_text
from nodes.database.values import row_of, simple_parameter
from nodes.database.worker import Worker

__all__ = ["SqliteDatabase"]

_BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits for another process that writes, seconds."""


class SqliteDatabase(Database):
    """A SQLite file. Options: ``readonly``. Parameters: ``?``."""

    driver_errors: ClassVar = (sqlite3.Error, OverflowError, UnicodeError)

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._worker = Worker("sqlite")
        self._connection: sqlite3.Connection | None = None

    async def _connect(self) -> None:
        await self._worker.run(partial(self._open, readonly=self.settings.flag("readonly", default=False)))

    def _open(self, *, readonly: bool) -> None:
        file = self.settings.file
        name = f"file:{quote(str(file))}{'?mode=ro' if readonly else ''}" if file else ":memory:"
        connection = sqlite3.connect(
            name, uri=file is not None, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._connection = connection
        connection.text_factory = _decoded
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    async def _query(
        self, statement: Statement, parameters: Sequence[object], timeout_s: float
    ) -> QueryResult:
        text = sql_text(statement)
        values = [simple_parameter(value) for value in parameters]
        return await self._worker.run(partial(self._run, text, values, timeout_s), self._interrupt)

    def _run(self, text: str, values: Sequence[object], timeout_s: float) -> QueryResult:
        connection = self._opened()
        # Waiting for a lock cannot be interrupted, so it must not take longer than the query may.
        connection.execute(f"PRAGMA busy_timeout = {int(min(timeout_s, _BUSY_TIMEOUT_S) * 1000)}")
        cursor = connection.execute(text, values)
        try:
            if cursor.description is None:
                return QueryResult(row_count=max(cursor.rowcount, 0))
            columns = [item[0] for item in cursor.description]
            rows = [row_of(columns, row) for row in cursor.fetchall()]
            return QueryResult(rows, len(rows), columns)
        finally:
            cursor.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError(CLOSED)
        return self._connection

    def _interrupt(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()

    async def _close(self) -> None:
        try:
            await self._worker.run(self._shut)
        finally:
            self._worker.close()

    def _shut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _decoded(text: bytes) -> str:
    """Text in whatever encoding, with a mark for what is not UTF-8."""
    return text.decode("utf-8", "replace")
