"""The database nodes (nodes.md, ``dbConnect`` to ``dbTransactionRollback``)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import ValidationError

from nodes.arrays import ARRAY_OR_TEXT
from nodes.context import NodeRun
from nodes.database.base import Database, Statement
from nodes.database.connections import Connections
from nodes.database.drivers import DRIVERS, driver_problem, kind_of
from nodes.database.settings import ConnectionSettings
from nodes.errors import NodeDataError
from nodes.model import (
    INTERPOLATED,
    INTERPOLATED_DEEP,
    REQUIRED,
    LooseText,
    NodeData,
    Number,
    OneOf,
    Text,
    Unparsable,
    describe,
)
from nodes.registry import NodeType

__all__ = [
    "DbConnect",
    "DbConnectData",
    "DbDisconnect",
    "DbQuery",
    "DbQueryData",
    "DbTransactionBegin",
    "DbTransactionCommit",
    "DbTransactionRollback",
    "OnConnectionData",
]

DEFAULT_KEY: Final = "dbConnection"


class DbConnectData(NodeData):
    """Which database to connect to, and under which name."""

    db_type: Annotated[Text, REQUIRED, OneOf(*DRIVERS)] = None
    """Kind of the database."""
    connection_key: Text = DEFAULT_KEY
    """Name of the connection for the nodes that use it, taken literally."""
    config_key: Text = None
    """Key of `data` with an object of the properties below (and `dbType`), used where they are absent here."""
    host: Annotated[LooseText, INTERPOLATED] = None
    """Name or address of the server; `localhost` if absent."""
    server: Annotated[LooseText, INTERPOLATED] = None
    """The same as `host`, for `sqlserver`; it comes first there."""
    port: Annotated[Number, INTERPOLATED] = None
    """Port of the server; if absent 5432 for postgres, 3306 mysql, 27017 mongodb, 1521 oracle, 1433 sqlserver, 6379 redis."""
    user: Annotated[LooseText, INTERPOLATED] = None
    """Name to log in with."""
    password: Annotated[LooseText, INTERPOLATED] = None
    """Password to log in with."""
    database: Annotated[LooseText, INTERPOLATED] = None
    """Name of the database: `master` if absent for sqlserver, `ORCL` for oracle, `test` for mongodb; a number for redis."""
    connection_string: Annotated[Text, INTERPOLATED] = None
    """Address of the database in the form of its driver, such as `postgresql://user@host/name`; not for mysql."""
    file_path: Annotated[Text, INTERPOLATED] = None
    """File of a sqlite database, made if it is not there; `:memory:` for one that lives as long as the connection."""
    options: Annotated[Mapping[str, Any] | None, INTERPOLATED_DEEP] = None
    """Options of the kind: `connectionTimeout` (in milliseconds, 10000), `ssl` (`true` or `{rejectUnauthorized, ca}`), `readonly` (sqlite), `encrypt` and `trustServerCertificate` (sqlserver). `maxConnections` and `idleTimeout` are accepted and without effect: an execution has one connection."""


class DbConnect(NodeType[DbConnectData]):
    """Open a database connection, which closes when the execution ends.

    Drivers other than that of sqlite are extras: `pip install 'batchwright[postgres]'`, likewise `mysql`,
    `mongodb`, `redis`, `oracle` and `sqlserver`, or `databases` for all. A connection that has the key
    already is closed.
    """

    name: ClassVar = "dbConnect"
    title: ClassVar = "DB Connect"
    category: ClassVar = "database"
    reads: ClassVar = ("<configKey>",)
    uses_page: ClassVar = False

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Name an unknown kind, or a driver that is not installed."""
        name = values.get("dbType")
        if not isinstance(name, str) or not name.strip():
            return []
        try:
            problem = driver_problem(kind_of(name))
        except NodeDataError as error:
            problem = error.message
        return [problem] if problem else []

    async def run(self, data: DbConnectData, run: NodeRun) -> None:
        """Connect.

        Raises:
            ConnectError: The database cannot be reached, or refuses.
            DriverMissingError: The driver is not installed.
            NodeDataError: A property is missing or cannot be used.
        """
        settings = _settings(data, run)
        await _connections(run).connect(data.connection_key or DEFAULT_KEY, settings)
        run.result = f"Connected to {settings.where}"


class OnConnectionData(NodeData):
    """Which connection the node works on."""

    connection_key: Annotated[LooseText, INTERPOLATED] = DEFAULT_KEY
    """Name of the connection, as the DB Connect node has it."""


class DbDisconnect(NodeType[OnConnectionData]):
    """Close a database connection; an open transaction is undone, an unknown connection is no failure."""

    name: ClassVar = "dbDisconnect"
    title: ClassVar = "DB Disconnect"
    category: ClassVar = "database"
    uses_page: ClassVar = False

    async def run(self, data: OnConnectionData, run: NodeRun) -> None:
        """Close."""
        key = data.connection_key or DEFAULT_KEY
        closed = await _connections(run).disconnect(key)
        run.result = f"Connection '{key}' closed" if closed else f"No connection '{key}' was open"


class DbQueryData(OnConnectionData):
    """What to ask the database, and where to put the answer."""

    query: Annotated[str | Mapping[str, Any] | None, INTERPOLATED_DEEP] = None
    """SQL text; for mongodb an object `{collection, operation, filter, options}`; for redis a command as text or `{command, args}`. Values that come from outside belong into `params`."""
    query_key: Text = None
    """Key of `data` that holds the query; it wins over `query` if something is there."""
    query_type: Annotated[Text, OneOf("sql", "mongodb", "raw")] = None
    """For readers; without effect."""
    params: Annotated[tuple[Any, ...] | None, ARRAY_OR_TEXT, INTERPOLATED_DEEP] = None
    """Values that the database binds: to `$1`, `$2` (postgres), `?` (mysql, sqlite, sqlserver) or `:1` (oracle)."""
    context_key: Annotated[LooseText, INTERPOLATED] = "dbResult"
    """Data key for the result."""
    timeout: Annotated[float | None, Unparsable(None), INTERPOLATED] = None
    """How long the query may take, ms; an hour if absent."""


class DbQuery(NodeType[DbQueryData]):
    """Run a query and store `{rows, rowCount, columns, duration, timestamp}`.

    `rows` has an object for each row, `rowCount` counts rows that were returned or affected, `duration` is in ms
    and `timestamp` is the end in epoch ms. For a mysql statement without rows, `rows` is the object
    `{affectedRows, insertId, warningStatus}`. Times are ISO texts, exact decimals texts (numbers for oracle and
    sqlserver), binary values Base64. Queries after a DB Transaction Begin run inside the transaction, all
    others are committed at once.
    """

    name: ClassVar = "dbQuery"
    title: ClassVar = "DB Query"
    category: ClassVar = "database"
    reads: ClassVar = ("<queryKey>",)
    writes: ClassVar = ("dbResult",)
    uses_page: ClassVar = False

    async def run(self, data: DbQueryData, run: NodeRun) -> None:
        """Ask and store.

        Raises:
            NotConnectedError: No such connection is open.
            QueryError: The database refuses the query.
            NodeTimeoutError: It took too long.
            NodeDataError: There is no query, or it has a form that the database does not take.
        """
        database = _database(data, run)
        statement = _statement(data, run)
        clock = time.perf_counter()
        found = await database.query(statement, data.params or (), data.timeout)
        run.data[data.context_key or "dbResult"] = {
            "rows": found.rows,
            "rowCount": found.row_count,
            "columns": found.columns,
            "duration": round((time.perf_counter() - clock) * 1000),
            "timestamp": int(time.time() * 1000),
        }
        run.result = f"{found.row_count} row{'' if found.row_count == 1 else 's'}"


class DbTransactionBegin(NodeType[OnConnectionData]):
    """Begin a transaction on a postgres, mysql, mongodb or sqlite connection.

    Queries on the connection run inside it until it is committed or undone; it is undone when the connection
    closes. MongoDB has transactions on replica sets only.
    """

    name: ClassVar = "dbTransactionBegin"
    title: ClassVar = "DB Transaction Begin"
    category: ClassVar = "database"
    uses_page: ClassVar = False

    async def run(self, data: OnConnectionData, run: NodeRun) -> None:
        """Begin.

        Raises:
            TransactionError: One is open already, or this kind of database has none here.
        """
        await _database(data, run).begin()


class DbTransactionCommit(NodeType[OnConnectionData]):
    """Commit the open transaction; without one the node fails."""

    name: ClassVar = "dbTransactionCommit"
    title: ClassVar = "DB Transaction Commit"
    category: ClassVar = "database"
    uses_page: ClassVar = False

    async def run(self, data: OnConnectionData, run: NodeRun) -> None:
        """Commit.

        Raises:
            TransactionError: None is open, or the database refuses.
        """
        await _database(data, run).commit()


class DbTransactionRollback(NodeType[OnConnectionData]):
    """Undo the open transaction; without one nothing happens."""

    name: ClassVar = "dbTransactionRollback"
    title: ClassVar = "DB Transaction Rollback"
    category: ClassVar = "database"
    uses_page: ClassVar = False

    async def run(self, data: OnConnectionData, run: NodeRun) -> None:
        """Undo."""
        await _database(data, run).rollback()


def _connections(run: NodeRun) -> Connections:
    return run.context.resources.get(Connections, partial(Connections, run.context.log))


def _database(data: OnConnectionData, run: NodeRun) -> Database:
    return _connections(run).get(data.connection_key or DEFAULT_KEY)


def _statement(data: DbQueryData, run: NodeRun) -> Statement:
    """The query of the data key, else the node's own."""
    stored = run.data.get(data.query_key) if data.query_key else None
    statement: object = run.interpolate_deep(stored) if stored else data.query
    if isinstance(statement, Mapping) and statement:
        return statement
    if isinstance(statement, str) and statement.strip():
        return statement
    raise NodeDataError(
        f"Property 'query' is required for node type {run.node.type}: there is no query", field="query"
    )


def _settings(data: DbConnectData, run: NodeRun) -> ConnectionSettings:
    """The node's properties over those of ``configKey``; empty texts count as absent."""
    values = _stored_settings(data, run)
    own = data.model_dump(by_alias=True, exclude_unset=True)
    values |= {key: value for key, value in own.items() if value not in (None, "", {})}
    try:
        merged = DbConnectData.read(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise NodeDataError(
            f"The settings under the data key '{data.config_key}': {describe(first)}", field="configKey"
        ) from error
    kind = kind_of(merged.db_type)
    host = merged.server or merged.host if kind == "sqlserver" else merged.host
    return ConnectionSettings(
        kind=kind,
        host=_trimmed(host),
        port=None if not merged.port else int(merged.port),
        user=merged.user or None,
        password=merged.password or None,
        database=_trimmed(merged.database),
        connection_string=_trimmed(merged.connection_string) if kind != "mysql" else None,
        file=_file(merged, run) if kind == "sqlite" else None,
        options={**merged.options} if merged.options else {},
    )


def _stored_settings(data: DbConnectData, run: NodeRun) -> dict[str, Any]:
    if not data.config_key:
        return {}
    stored = run.data.get(data.config_key)
    if not isinstance(stored, Mapping):
        run.log("warning", f"There is no object under the data key '{data.config_key}' of configKey")
        return {}
    resolved = run.interpolate_deep(stored)
    return dict(resolved) if isinstance(resolved, Mapping) else {}


def _trimmed(text: str | None) -> str | None:
    return text.strip() or None if text is not None else None


def _file(data: DbConnectData, run: NodeRun) -> Path | None:
    path = run.require(data.file_path, "filePath")
    return None if path.strip() == ":memory:" else run.path(path)
