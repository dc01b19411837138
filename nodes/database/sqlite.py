"""SQLite, by Python's own module in a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Final
from urllib.parse import quote

from nodes.database.base import QueryResult, Statement
from nodes.database.blocking import BlockingDatabase, fetched
from nodes.database.statements import sql_text
from nodes.database.values import simple_parameter

__all__ = ["SqliteDatabase"]

_BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits for another process that writes, seconds."""


class SqliteDatabase(BlockingDatabase[sqlite3.Connection]):
    """A SQLite file. Options: ``readonly``. Parameters: ``?``."""

    thread_name = "sqlite"
    driver_errors: ClassVar = (sqlite3.Error, OverflowError, UnicodeError)

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
            return fetched(cursor, cursor.rowcount)
        finally:
            cursor.close()

    def _closed_error(self, reason: str) -> Exception:
        return sqlite3.ProgrammingError(reason)

    def _interrupt(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()


def _decoded(text: bytes) -> str:
    """Text in whatever encoding, with a mark for what is not UTF-8."""
    return text.decode("utf-8", "replace")
