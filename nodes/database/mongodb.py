"""MongoDB, by pymongo's asynchronous client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import quote_plus

import bson.errors
import pymongo
import pymongo.errors
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from nodes.database.base import CLOSED, Database, Log, QueryResult, Statement
from nodes.database.mongodb_operations import read_operation
from nodes.database.settings import ConnectionSettings

__all__ = ["MongoDatabase", "address_of"]


class MongoDatabase(Database):
    """A MongoDB database. Options: ``connectionTimeout`` (ms).

    A query is ``{collection, operation, filter, options}`` (see `nodes.database.mongodb_operations`).
    """

    driver_errors: ClassVar = (
        pymongo.errors.PyMongoError,
        bson.errors.BSONError,
        TypeError,
        OverflowError,
        UnicodeError,
    )

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._client: AsyncMongoClient[dict[str, Any]] | None = None
        self._database: AsyncDatabase[dict[str, Any]] | None = None
        self._session: AsyncClientSession | None = None

    async def _connect(self) -> None:
        # A little less than the whole limit, so that it is the driver that says what is wrong.
        limit_ms = int(self.settings.connect_timeout_s * 900)
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            address_of(self.settings),
            maxPoolSize=2,
            serverSelectionTimeoutMS=limit_ms,
            connectTimeoutMS=limit_ms,
            appname="batchwright",
        )
        self._client = client
        if self.settings.database:
            self._database = client[self.settings.database]
        else:
            self._database = client.get_default_database("test")
        await self._database.command("ping")

    async def _query(
        self, statement: Statement, parameters: Sequence[object], timeout_s: float
    ) -> QueryResult:
        if self._database is None:
            raise pymongo.errors.InvalidOperation(CLOSED)
        operation = read_operation(statement, self.log)
        if parameters:
            self.log("warning", "A mongodb query takes no params; put the values into its filter")
        with pymongo.timeout(timeout_s):
            rows = await operation.run(self._database[operation.collection], self._session)
        return QueryResult(rows, len(rows), tuple(rows[0]) if rows else ())

    def is_timeout(self, error: Exception) -> bool:
        """Whether the query's limit is over."""
        return isinstance(error, pymongo.errors.PyMongoError) and error.timeout

    async def _begin(self) -> None:
        if self._client is None:
            raise pymongo.errors.InvalidOperation(CLOSED)
        session = self._client.start_session()
        try:
            await session.start_transaction()
        except BaseException:
            await session.end_session()
            raise
        self._session = session

    async def _commit(self) -> None:
        await self._end(commit=True)

    async def _rollback(self) -> None:
        await self._end(commit=False)

    async def _end(self, *, commit: bool) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        try:
            await (session.commit_transaction() if commit else session.abort_transaction())
        finally:
            await session.end_session()

    async def _close(self) -> None:
        client, self._client = self._client, None
        self._database = None
        if client is not None:
            await client.close()


def address_of(settings: ConnectionSettings) -> str:
    """The connection string, or one made of host, port, user and password."""
    if settings.connection_string:
        return settings.connection_string
    login = ""
    if settings.user:
        login = f"{quote_plus(settings.user)}:{quote_plus(settings.password or '')}@"
    return f"mongodb://{login}{settings.host or 'localhost'}:{settings.port or 27017}"
