"""dbConnect, dbQuery and transactions on SQLite files."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nodes.database.errors import QueryError, TransactionError
from nodes.database.settings import ConnectionSettings
from nodes.database.sqlite import SqliteDatabase
from nodes.errors import NodeTimeoutError
from tests.nodes.database.conftest import BEGIN, COMMIT, ROLLBACK, RunQueries

MEMORY = {"dbType": "sqlite", "filePath": ":memory:"}
FILE = {"dbType": "sqlite", "filePath": "shop.db"}
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price REAL, image BLOB);"
            "INSERT INTO items VALUES (1, 'Lamp', 19.5, x'00ff'), (2, 'Tent', 0.1, NULL)"
        )
    return path


@pytest.mark.usefixtures("shop")
async def test_rows_come_with_their_columns_and_count(run_queries: RunQueries) -> None:
    outcome = await run_queries(FILE, "SELECT * FROM items")

    result = outcome.data["dbResult"]
    assert result["rows"] == [
        {"id": 1, "name": "Lamp", "price": 19.5, "image": "AP8="},
        {"id": 2, "name": "Tent", "price": 0.1, "image": None},
    ]
    assert (result["rowCount"], result["columns"]) == (2, ["id", "name", "price", "image"])


async def test_defect_8_writes_run_and_count(shop: Path, run_queries: RunQueries) -> None:
    outcome = await run_queries(
        FILE,
        "CREATE TABLE more (n)",
        {"query": "UPDATE items SET price = 1", "contextKey": "updated"},
        {"query": "DELETE FROM items WHERE id = ?", "params": ["2"], "contextKey": "deleted"},
    )

    assert (outcome.data["dbResult"]["rowCount"], outcome.data["dbResult"]["rows"]) == (0, [])
    assert (outcome.data["updated"]["rowCount"], outcome.data["deleted"]["rowCount"]) == (2, 1)
    with closing(sqlite3.connect(shop)) as connection:
        assert connection.execute("SELECT id, price FROM items").fetchall() == [(1, 1.0)]


async def test_parameters_are_bound(run_queries: RunQueries) -> None:
    values = ["'; DROP TABLE x", 5, True, None, {"a": 1}, 2**70, "${data.word}"]

    outcome = await run_queries(
        MEMORY,
        {"query": "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, ? AS g", "params": values},
        data={"word": "stored"},
    )

    row = outcome.data["dbResult"]["rows"][0]
    assert list(row.values()) == ["'; DROP TABLE x", 5, 1, None, '{"a":1}', str(2**70), "stored"]


async def test_a_file_that_is_not_there_is_made(tmp_path: Path, run_queries: RunQueries) -> None:
    outcome = await run_queries({"dbType": "sqlite", "filePath": "new.db"}, "CREATE TABLE t (n)")

    assert outcome.status == "completed"
    assert (tmp_path / "new.db").is_file()


@pytest.mark.usefixtures("shop")
async def test_readonly_refuses_writes(run_queries: RunQueries) -> None:
    outcome = await run_queries(
        {**FILE, "options": {"readonly": "true"}},
        {"query": "SELECT count(*) AS n FROM items", "contextKey": "read"},
        "DELETE FROM items",
    )

    assert outcome.data["read"]["rows"] == [{"n": 2}]
    assert outcome.error is not None
    assert "readonly database" in outcome.error.message


async def test_readonly_does_not_make_a_file(tmp_path: Path, run_queries: RunQueries) -> None:
    outcome = await run_queries({**FILE, "options": {"readonly": True}})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert not (tmp_path / "shop.db").exists()


async def test_a_name_with_special_characters_is_a_name(tmp_path: Path, run_queries: RunQueries) -> None:
    outcome = await run_queries(
        {"dbType": "sqlite", "filePath": "a?mode=memory#100%.db"}, "CREATE TABLE t (n)"
    )

    assert outcome.status == "completed"
    assert (tmp_path / "a?mode=memory#100%.db").is_file()


async def test_a_file_that_is_no_database_fails_the_node(tmp_path: Path, run_queries: RunQueries) -> None:
    (tmp_path / "shop.db").write_text("Dear diary, " * 100)

    outcome = await run_queries(FILE)

    assert outcome.error is not None
    assert (outcome.error.code, "file is not a database" in outcome.error.message) == (
        "DATABASE_CONNECT_FAILED",
        True,
    )


async def test_the_file_is_required(run_queries: RunQueries) -> None:
    outcome = await run_queries({"dbType": "sqlite"})

    assert outcome.error is not None
    assert "Property 'filePath' is required" in outcome.error.message


@pytest.mark.usefixtures("shop")
async def test_what_is_committed_stays_and_what_is_undone_goes(run_queries: RunQueries) -> None:
    outcome = await run_queries(
        FILE,
        BEGIN,
        "UPDATE items SET name = 'kept' WHERE id = 1",
        COMMIT,
        BEGIN,
        "UPDATE items SET name = 'undone' WHERE id = 1",
        ROLLBACK,
        "SELECT name FROM items WHERE id = 1",
    )

    assert outcome.data["dbResult"]["rows"] == [{"name": "kept"}]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "steps", [(BEGIN, "DELETE FROM items"), (BEGIN, "DELETE FROM items", ("dbDisconnect", {}))]
)
async def test_an_open_transaction_is_undone_with_its_connection(steps: Any, run_queries: RunQueries) -> None:
    await run_queries(FILE, *steps)

    outcome = await run_queries(FILE, "SELECT count(*) AS n FROM items")

    assert outcome.data["dbResult"]["rows"] == [{"n": 2}]


async def test_transactions_are_begun_once_and_committed_when_open(run_queries: RunQueries) -> None:
    twice = await run_queries(MEMORY, BEGIN, BEGIN)
    without = await run_queries(MEMORY, COMMIT)
    nothing = await run_queries(MEMORY, ROLLBACK)

    assert twice.error is not None
    assert without.error is not None
    assert (twice.error.code, "open already" in twice.error.message) == ("DATABASE_TRANSACTION", True)
    assert (without.error.code, "No transaction is open" in without.error.message) == (
        "DATABASE_TRANSACTION",
        True,
    )
    assert nothing.status == "completed"


async def test_an_endless_query_stops_at_its_timeout_and_the_connection_goes_on() -> None:
    database = SqliteDatabase(ConnectionSettings("sqlite"))
    await database.connect()

    with pytest.raises(NodeTimeoutError, match="did not finish within 50 ms"):
        await database.query(ENDLESS, timeout_ms=50)

    assert (await database.query("SELECT 1 AS one")).rows == [{"one": 1}]
    await database.close()


async def test_a_stopped_execution_stops_its_query(shop: Path) -> None:
    database = SqliteDatabase(ConnectionSettings("sqlite", file=shop))
    await database.connect()
    await database.begin()
    await database.query("DELETE FROM items")
    began = asyncio.Event()

    async def ask() -> None:
        began.set()
        await database.query(ENDLESS)

    task = asyncio.create_task(ask())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.close()

    with closing(sqlite3.connect(shop)) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (2,)


async def test_a_commit_that_fails_undoes_the_transaction(shop: Path) -> None:
    database = SqliteDatabase(ConnectionSettings("sqlite", file=shop))
    await database.connect()
    await database.query(
        "CREATE TABLE parts (item INTEGER REFERENCES items(id) DEFERRABLE INITIALLY DEFERRED)"
    )
    await database.query("PRAGMA foreign_keys = ON")
    await database.begin()
    await database.query("INSERT INTO parts VALUES (99)")

    with pytest.raises(TransactionError, match="FOREIGN KEY constraint failed"):
        await database.commit()

    assert (await database.query("SELECT * FROM parts")).row_count == 0
    await database.begin()
    await database.close()


async def test_a_lock_is_waited_for_no_longer_than_the_timeout(shop: Path) -> None:
    database = SqliteDatabase(ConnectionSettings("sqlite", file=shop))
    await database.connect()

    with closing(sqlite3.connect(shop)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises((QueryError, NodeTimeoutError)):
            await database.query("DELETE FROM items", timeout_ms=50)
        writer.rollback()

    assert (await database.query("DELETE FROM items")).row_count == 2
    await database.close()


async def test_a_closed_connection_stays_closed() -> None:
    database = SqliteDatabase(ConnectionSettings("sqlite"))
    await database.connect()
    await database.close()
    await database.close()

    with pytest.raises(QueryError, match="the connection is closed"):
        await database.query("SELECT 1")
