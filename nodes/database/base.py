"""The seam between the database nodes and the drivers: what every kind of database can do."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from nodes.database.errors import ConnectError, QueryError, TransactionError
from nodes.database.settings import ConnectionSettings
from nodes.database.values import plain
from nodes.errors import NodeError, NodeTimeoutError
from nodes.limits import time_limit

__all__ = ["CLOSED", "DEFAULT_QUERY_TIMEOUT_MS", "Database", "QueryResult", "Statement"]

DEFAULT_QUERY_TIMEOUT_MS: Final = 3_600_000.0
"""Limit of a query without one of its own, so that a connection that went dead ends some time: an hour."""

CLOSED: Final = "the connection is closed"

_CLOSE_TIMEOUT_S: Final = 5.0
_ROWS_AT_ONCE: Final = 2_000
"""More rows are made JSON in a thread, so that the other executions go on."""

Statement = str | Mapping[str, Any]
"""SQL text, or an object for MongoDB and Redis."""

Log = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query brought.

    Attributes:
        rows: One object for each row; for a MySQL statement without rows the result header as an object.
        row_count: Rows returned or affected.
        columns: Names of the columns.
    """

    rows: Sequence[Mapping[str, object]] | Mapping[str, object] = field(default_factory=list)
    row_count: int = 0
    columns: Sequence[str] = ()


class Database(ABC):
    """One open connection. A driver implements the methods with an underscore.

    Args:
        settings: Where and how to connect.
        log: Called with a level and a message.
    """

    has_transactions: ClassVar[bool] = True
    """Whether dbTransactionBegin works on this kind (nodes.md, ``dbTransactionBegin``)."""
    decimals_as_numbers: ClassVar[bool] = False
    """Whether exact decimals become numbers instead of texts."""
    driver_errors: ClassVar[tuple[type[Exception], ...]] = ()
    """What the driver raises when the database refuses something."""

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        self.settings = settings
        self.in_transaction = False
        self._closed = False
        self.log: Log = log or (lambda _level, _message: None)

    @property
    def _refusals(self) -> tuple[type[Exception], ...]:
        return (*self.driver_errors, OSError)

    async def connect(self) -> None:
        """Connect and make sure that the database answers.

        Raises:
            ConnectError: It cannot be reached, or refuses.
            NodeDataError: A setting is missing or cannot be used.
        """
        where, limit_s = self.settings.where, self.settings.connect_timeout_s
        try:
            async with time_limit(limit_s * 1000, f"Connecting to {where}"):
                await self._connect()
        except NodeTimeoutError as error:
            raise ConnectError(f"{error.message}; check host and port") from None
        except self._refusals as error:
            raise ConnectError(f"Cannot connect to {where}: {self.describe(error)}") from error

    async def query(
        self, statement: Statement, parameters: Sequence[object] = (), timeout_ms: float | None = None
    ) -> QueryResult:
        """Run a query; what it brings is plain JSON.

        Args:
            statement: SQL text, or an object for MongoDB and Redis.
            parameters: Values to bind.
            timeout_ms: Limit, ms; the database is told to stop when it is over.

        Raises:
            QueryError: The database refuses it.
            NodeTimeoutError: It took too long.
            NodeDataError: The statement has a form that this kind of database does not take.
        """
        limit_ms = timeout_ms or DEFAULT_QUERY_TIMEOUT_MS
        what = f"The query on {self.settings.where}"
        if self._closed:
            raise QueryError(f"{what} failed: {CLOSED}", reason=CLOSED)
        try:
            async with time_limit(limit_ms, what):
                found = await self._query(statement, parameters, limit_ms / 1000)
        except NodeError:
            raise
        except self._refusals as error:
            if self.is_timeout(error):
                raise NodeTimeoutError(f"{what} did not finish within {limit_ms:g} ms") from error
            reason = self.describe(error)
            raise QueryError(f"{what} failed: {reason}", reason=reason) from error
        if isinstance(found.rows, Mapping) or len(found.rows) <= _ROWS_AT_ONCE:
            return self._as_json(found)
        return await asyncio.to_thread(self._as_json, found)

    def _as_json(self, found: QueryResult) -> QueryResult:
        rows: Any = plain(found.rows, decimals_as_numbers=self.decimals_as_numbers)
        return QueryResult(rows, found.row_count, list(found.columns))

    async def begin(self) -> None:
        """Begin a transaction; later queries run inside it.

        Raises:
            TransactionError: One is open, or this kind of database has none here.
        """
        self._need_transactions()
        if self.in_transaction:
            raise TransactionError(f"A transaction is open already on {self.settings.where}")
        await self._in_transactions(self._begin, "begin")
        self.in_transaction = True

    async def commit(self) -> None:
        """Commit the open transaction; it is over afterwards, also when the database refuses.

        Raises:
            TransactionError: None is open, or the database refuses.
        """
        self._need_transactions()
        if not self.in_transaction:
            raise TransactionError(
                f"No transaction is open on {self.settings.where}; put a DB Transaction Begin node before"
            )
        self.in_transaction = False
        try:
            await self._in_transactions(self._commit, "commit")
        except NodeError:
            # Some databases keep a transaction open that they could not commit.
            with suppress(NodeError):
                await self._in_transactions(self._rollback, "undo")
            raise

    async def rollback(self) -> None:
        """Undo the open transaction; nothing happens without one."""
        if self.in_transaction:
            self.in_transaction = False
            await self._in_transactions(self._rollback, "undo")

    async def close(self) -> None:
        """Undo an open transaction and let the connection go; never fails, also when it is broken or closed."""
        if self._closed:
            return
        broken: tuple[type[Exception], ...] = (*self._refusals, NodeError)
        for step in (self.rollback, self._close):
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await step()
            except broken as error:
                self.log("debug", f"Closing {self.settings.where}: {error}")
        self._closed = True

    def _need_transactions(self) -> None:
        if not self.has_transactions:
            raise TransactionError(
                f"Transactions are not available on a connection of type '{self.settings.kind}'; they are "
                "for postgres, mysql, mongodb and sqlite"
            )

    async def _in_transactions(self, step: Callable[[], Any], verb: str) -> None:
        what = f"Cannot {verb} the transaction on {self.settings.where}"
        try:
            async with time_limit(DEFAULT_QUERY_TIMEOUT_MS, what):
                await step()
        except NodeError:
            raise
        except self._refusals as error:
            raise TransactionError(f"{what}: {self.describe(error)}") from error

    def describe(self, error: Exception) -> str:
        """What a driver's error says, in one line."""
        text = " ".join(str(error).split())
        return text or type(error).__name__

    def is_timeout(self, error: Exception) -> bool:  # noqa: ARG002 - for drivers that have limits of their own
        """Whether a driver's error says that the query's limit is over."""
        return False

    @abstractmethod
    async def _connect(self) -> None:
        """Connect; cancelled when it takes too long, and closed after a failure."""

    @abstractmethod
    async def _query(
        self, statement: Statement, parameters: Sequence[object], timeout_s: float
    ) -> QueryResult:
        """Run a query. When it is cancelled, the database should stop too and the connection stay usable."""

    async def _begin(self) -> None:
        """Begin a transaction."""
        await self._query("BEGIN", (), DEFAULT_QUERY_TIMEOUT_MS / 1000)

    async def _commit(self) -> None:
        """Commit it."""
        await self._query("COMMIT", (), DEFAULT_QUERY_TIMEOUT_MS / 1000)

    async def _rollback(self) -> None:
        """Undo it."""
        await self._query("ROLLBACK", (), DEFAULT_QUERY_TIMEOUT_MS / 1000)

    @abstractmethod
    async def _close(self) -> None:
        """Let the connection go, whatever state it is in."""
