"""What the databases share whose drivers block: one connection, used in a thread of its own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from nodes.database.base import CLOSED, Database, Log, QueryResult
from nodes.database.settings import ConnectionSettings
from nodes.database.values import row_of
from nodes.database.worker import Worker

__all__ = ["BlockingDatabase", "Closable", "fetched"]


class Closable(Protocol):
    """A connection of a driver."""

    def close(self) -> object:
        """Close it."""


C = TypeVar("C", bound=Closable)


class BlockingDatabase(Database, Generic[C]):
    """A database whose driver blocks: all calls to it are made in one thread, one after the other.

    Args:
        settings: Where and how to connect.
        log: Called with a level and a message.
    """

    thread_name: ClassVar[str]

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._worker = Worker(self.thread_name)
        self._connection: C | None = None

    def _opened(self) -> C:
        if self._connection is None:
            raise self._closed_error(CLOSED)
        return self._connection

    @abstractmethod
    def _closed_error(self, reason: str) -> Exception:
        """The driver's own error for a connection that is not open."""

    async def _close(self) -> None:
        try:
            await self._worker.run(self._shut)
        finally:
            self._worker.close()

    def _shut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def fetched(cursor: Any, affected: int) -> QueryResult:
    """What a statement brought.

    Args:
        cursor: A DB-API cursor that has executed it.
        affected: How many rows it changed, if it returns none.
    """
    if cursor.description is None:
        return QueryResult(row_count=max(affected, 0))
    columns = [item[0] for item in cursor.description]
    rows = [row_of(columns, tuple(row)) for row in cursor.fetchall()]
    return QueryResult(rows, len(rows), columns)
