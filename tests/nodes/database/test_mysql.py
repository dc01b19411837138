"""dbConnect, dbQuery and transactions on a real MariaDB server."""

from __future__ import annotations

import pytest

from tests.nodes.database.conftest import BEGIN, COMMIT, ROLLBACK, RunQueries
from tests.nodes.database.servers import Settings, free_port

VALUES: dict[str, tuple[str, object]] = {
    "whole number": ("7", 7),
    "large number": ("18446744073709551615", 18446744073709551615),
    "fraction": ("1.5e0", 1.5),
    "exact decimal": ("CAST(12.5 AS DECIMAL(6,2))", "12.50"),
    "null": ("NULL", None),
    "text": ("'Ünï ''quoted'' %'", "Ünï 'quoted' %"),
    "date": ("DATE '2024-02-29'", "2024-02-29"),
    "time": ("TIME '25:01:02.5'", "25:01:02.500000"),
    "timestamp": ("TIMESTAMP '2024-02-29 12:30:00'", "2024-02-29T12:30:00.000Z"),
    "bytes": ("x'00ff'", "AP8="),
}


async def test_rows_come_with_their_columns_and_count(mysql: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(mysql, "SELECT 1 AS n, 'a' AS name UNION SELECT 2, 'b'")

    result = outcome.data["dbResult"]
    assert (result["rows"], result["rowCount"], result["columns"]) == (
        [{"n": 1, "name": "a"}, {"n": 2, "name": "b"}],
        2,
        ["n", "name"],
    )


@pytest.mark.parametrize(("expression", "expected"), VALUES.values(), ids=VALUES)
async def test_values_are_json(
    expression: str, expected: object, mysql: Settings, run_queries: RunQueries
) -> None:
    plain = {"query": f"SELECT {expression} AS value", "contextKey": "plain"}
    prepared = {"query": f"SELECT {expression} AS value WHERE 1 = ?", "params": [1], "contextKey": "prepared"}

    outcome = await run_queries(mysql, plain, prepared)

    assert outcome.data["plain"]["rows"] == [{"value": expected}]
    assert outcome.data["prepared"]["rows"] == [{"value": expected}]


async def test_parameters_are_bound(mysql: Settings, run_queries: RunQueries) -> None:
    text = "'; DROP TABLE x; -- \\ %s ?"

    outcome = await run_queries(
        mysql,
        {
            "query": "SELECT '?' AS mark, 5 % 3 AS rest, ? AS text, ? + 1 AS n, ? AS object, ? IS NULL AS none",
            "params": [text, "41", {"a": [1]}, None],
        },
    )

    assert outcome.data["dbResult"]["rows"] == [
        {"mark": "?", "rest": 2, "text": text, "n": 42, "object": '{"a":[1]}', "none": 1}
    ]


async def test_a_write_stores_the_result_header_and_counts(mysql: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(
        mysql,
        "CREATE TEMPORARY TABLE things (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT)",
        {
            "query": "INSERT INTO things (name) VALUES (?), (?)",
            "params": ["a", "b"],
            "contextKey": "inserted",
        },
        "UPDATE things SET name = 'c' WHERE id = 2",
    )

    assert outcome.data["inserted"]["rows"] == {"affectedRows": 2, "insertId": 1, "warningStatus": 0}
    assert (outcome.data["inserted"]["rowCount"], outcome.data["dbResult"]["rowCount"]) == (2, 1)


async def test_a_second_statement_is_refused(mysql: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(mysql, "SELECT 1; SELECT 2")

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_QUERY_FAILED"


async def test_what_is_committed_stays_and_what_is_undone_goes(
    mysql: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(
        mysql,
        "CREATE TEMPORARY TABLE pets (name TEXT) ENGINE=InnoDB",
        BEGIN,
        {"query": "INSERT INTO pets VALUES (?)", "params": ["cat"]},
        COMMIT,
        BEGIN,
        {"query": "INSERT INTO pets VALUES (?)", "params": ["dog"]},
        ROLLBACK,
        "SELECT name FROM pets",
    )

    assert outcome.data["dbResult"]["rows"] == [{"name": "cat"}]


async def test_an_open_transaction_is_undone_when_the_execution_fails(
    mysql: Settings, run_queries: RunQueries
) -> None:
    await run_queries(mysql, "CREATE TABLE kept (n INT) ENGINE=InnoDB")
    failed = await run_queries(mysql, BEGIN, "INSERT INTO kept VALUES (1)", "SELECT broken")

    outcome = await run_queries(mysql, "SELECT count(*) AS n FROM kept")

    assert failed.status == "failed"
    assert outcome.data["dbResult"]["rows"] == [{"n": 0}]


async def test_a_slow_query_stops_at_its_timeout_and_the_connection_goes_on(
    mysql: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(
        mysql,
        "SET @mine = 5",
        {"query": "SELECT SLEEP(60)", "timeout": 100, "failSilently": True},
        "SELECT @mine AS mine, count(*) AS others FROM information_schema.processlist "
        "WHERE info LIKE '%SLEEP(60)%' AND id <> CONNECTION_ID()",
    )

    slow = outcome.node("n3").error
    assert slow is not None
    assert slow.code == "NODE_TIMEOUT"
    assert outcome.data["dbResult"]["rows"] == [{"mine": 5, "others": 0}]


async def test_a_connection_string_is_ignored(mysql: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries({**mysql, "connectionString": "mysql://elsewhere"}, "SELECT 1 AS one")

    assert outcome.data["dbResult"]["rowCount"] == 1


async def test_no_connection_outlives_its_execution(mysql: Settings, run_queries: RunQueries) -> None:
    await run_queries(mysql, "SELECT 1", "SELECT broken")

    outcome = await run_queries(
        mysql, "SELECT count(*) AS n FROM information_schema.processlist WHERE user = 'root'"
    )

    assert outcome.data["dbResult"]["rows"] == [{"n": 1}]


async def test_a_refused_login_fails_the_node(mysql: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries({**mysql, "user": "nobody", "password": "geheim"})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert "Access denied for user 'nobody'" in outcome.error.message
    assert "geheim" not in outcome.error.message


async def test_a_server_that_is_not_there_fails_the_node(run_queries: RunQueries) -> None:
    port = free_port()

    outcome = await run_queries({"dbType": "mysql", "host": "127.0.0.1", "port": port})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert f"127.0.0.1:{port}" in outcome.error.message


async def test_an_encrypted_connection_that_the_server_cannot_prove_is_refused(
    mysql: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries({**mysql, "options": {"ssl": True}})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
