"""dbConnect, dbQuery and transactions on a real PostgreSQL server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nodes.database.conftest import BEGIN, COMMIT, ROLLBACK, RunQueries
from tests.nodes.database.servers import Settings, free_port

VALUES: dict[str, tuple[str, object]] = {
    "whole number": ("7::int", 7),
    "large number": ("9007199254740993::bigint", 9007199254740993),
    "fraction": ("1.5::float8", 1.5),
    "not a number": ("'NaN'::float8", None),
    "exact decimal": ("12.50::numeric", "12.50"),
    "boolean": ("true", True),
    "null": ("NULL::text", None),
    "text": ("'Ünï ''quoted'''", "Ünï 'quoted'"),
    "date": ("date '2024-02-29'", "2024-02-29"),
    "date without end": ("'infinity'::date", "infinity"),
    "time": ("time '08:09:10'", "08:09:10"),
    "timestamp": ("timestamp '2024-02-29 12:30:00'", "2024-02-29T12:30:00.000Z"),
    "timestamp with zone": ("timestamptz '2024-02-29 12:30:00+02'", "2024-02-29T10:30:00.000Z"),
    "interval": ("interval '1 month 2 hours'", "1 mon 02:00:00"),
    "bytes": ("'\\x00ff'::bytea", "AP8="),
    "json": ("""'{"a": [1, null]}'::jsonb""", {"a": [1, None]}),
    "array": ("ARRAY[1, 2]", [1, 2]),
    "uuid": (
        "'0b0c8a2e-5c1d-4c43-9b1e-0d3f0e6f3f55'::uuid",
        "0b0c8a2e-5c1d-4c43-9b1e-0d3f0e6f3f55",
    ),
    "address": ("'10.0.0.1'::inet", "10.0.0.1"),
}

PARAMETERS: dict[str, tuple[str, object, object]] = {
    "text for a number": ("$1::int + 1", "41", 42),
    "number for a text": ("'n' || $1", 5, "n5"),
    "boolean": ("NOT $1::boolean", True, False),
    "null": ("$1::text IS NULL", None, True),
    "array": ("3 = ANY($1::int[])", [1, 3], True),
    "array of texts": (
        "array_to_string($1::text[], '|', 'null')",
        ['a"b', "c\\d,{}", None],
        'a"b|c\\d,{}|null',
    ),
    "array of arrays": ("($1::int[])[2][1]", [[1, 2], [3, 4]], 3),
    "object": ("($1::jsonb)->>'a'", {"a": "x"}, "x"),
    "harmless quote": ("$1", "'; DROP TABLE x; --", "'; DROP TABLE x; --"),
}


async def test_rows_come_with_their_columns_and_count(postgres: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(postgres, "SELECT n, n * 2 AS double FROM generate_series(1, 2) AS n")

    result = outcome.data["dbResult"]
    assert (result["rows"], result["rowCount"], result["columns"]) == (
        [{"n": 1, "double": 2}, {"n": 2, "double": 4}],
        2,
        ["n", "double"],
    )


@pytest.mark.parametrize(("expression", "expected"), VALUES.values(), ids=VALUES)
async def test_values_are_json(
    expression: str, expected: object, postgres: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(postgres, f"SELECT {expression} AS value")

    assert outcome.data["dbResult"]["rows"] == [{"value": expected}]


@pytest.mark.parametrize(("expression", "value", "expected"), PARAMETERS.values(), ids=PARAMETERS)
async def test_parameters_are_bound(
    expression: str, value: object, expected: object, postgres: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(postgres, {"query": f"SELECT {expression} AS value", "params": [value]})

    assert outcome.data["dbResult"]["rows"] == [{"value": expected}]


async def test_a_write_counts_the_rows_it_affected(postgres: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(
        postgres,
        "CREATE TEMP TABLE things (id int, name text)",
        {"query": "INSERT INTO things VALUES (1, 'a'), (2, 'b')", "contextKey": "inserted"},
        {"query": "UPDATE things SET name = $1 WHERE id > $2 RETURNING id", "params": ["c", "1"]},
    )

    assert (outcome.data["inserted"]["rowCount"], outcome.data["inserted"]["rows"]) == (2, [])
    assert outcome.data["dbResult"]["rows"] == [{"id": 2}]


async def test_of_several_statements_the_last_counts(postgres: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(postgres, "SELECT 1 AS a; SELECT 2 AS b")

    assert outcome.data["dbResult"]["rows"] == [{"b": 2}]


async def test_what_is_committed_stays_and_what_is_undone_goes(
    postgres: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(
        postgres,
        "CREATE TEMP TABLE pets (name text)",
        BEGIN,
        "INSERT INTO pets VALUES ('cat')",
        COMMIT,
        BEGIN,
        "INSERT INTO pets VALUES ('dog')",
        ROLLBACK,
        "SELECT name FROM pets",
    )

    assert outcome.data["dbResult"]["rows"] == [{"name": "cat"}]


async def test_a_commit_after_a_failed_query_fails(postgres: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(postgres, BEGIN, {"query": "SELECT nothing", "failSilently": True}, COMMIT)

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_TRANSACTION"
    assert "undone instead of committed" in outcome.error.message


async def test_an_open_transaction_is_undone_when_the_execution_ends(
    postgres: Settings, run_queries: RunQueries
) -> None:
    await run_queries(postgres, "CREATE TABLE kept (n int)")
    await run_queries(postgres, BEGIN, "INSERT INTO kept VALUES (1)")

    outcome = await run_queries(postgres, "SELECT count(*) AS n FROM kept")

    assert outcome.data["dbResult"]["rows"] == [{"n": 0}]


async def test_no_connection_outlives_its_execution(postgres: Settings, run_queries: RunQueries) -> None:
    await run_queries(postgres, "SELECT 1", "SELECT broken", "SELECT 2")

    outcome = await run_queries(
        postgres, "SELECT count(*) AS n FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )

    assert outcome.data["dbResult"]["rows"] == [{"n": 1}]


async def test_a_slow_query_stops_at_its_timeout_and_the_connection_goes_on(
    postgres: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(
        postgres,
        {"query": "SELECT pg_sleep(60)", "timeout": 100, "failSilently": True},
        "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' "
        "AND pid <> pg_backend_pid()",
    )

    slow = outcome.node("n2").error
    assert slow is not None
    assert (slow.code, "did not finish within 100 ms" in slow.message) == ("NODE_TIMEOUT", True)
    assert outcome.data["dbResult"]["rows"] == [{"n": 0}]


async def test_a_timeout_leaves_the_transaction_to_be_undone(
    postgres: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(
        postgres,
        BEGIN,
        {"query": "SELECT pg_sleep(60)", "timeout": "${data.limit}", "failSilently": True},
        ROLLBACK,
        "SELECT 1 AS one",
        data={"limit": 50},
    )

    assert outcome.data["dbResult"]["rows"] == [{"one": 1}]


async def test_what_the_server_says_about_a_bad_query_is_in_the_error(
    postgres: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(postgres, "SELECT * FROM nowhere")

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_QUERY_FAILED"
    assert 'relation "nowhere" does not exist' in outcome.error.message


async def test_a_connection_string_will_do(postgres: Settings, run_queries: RunQueries) -> None:
    address = "postgresql://{user}:geheim@{host}:{port}/{database}".format(**postgres)

    outcome = await run_queries({"dbType": "postgres", "connectionString": address}, "SELECT 1 AS one")

    assert outcome.data["dbResult"]["rowCount"] == 1


async def test_a_refused_login_does_not_show_the_password(
    postgres: Settings, run_queries: RunQueries
) -> None:
    address = "postgresql://nobody:geheim@{host}:{port}/{database}".format(**postgres)

    outcome = await run_queries({"dbType": "postgres", "connectionString": address})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert "nobody" in outcome.error.message
    assert "geheim" not in str([event.model_dump() for event in outcome.events])


async def test_a_server_that_is_not_there_fails_the_node(run_queries: RunQueries) -> None:
    port = free_port()

    outcome = await run_queries({"dbType": "postgres", "host": "127.0.0.1", "port": port})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert f"127.0.0.1:{port}" in outcome.error.message


async def test_an_encrypted_connection_that_the_server_cannot_give_is_refused(
    postgres: Settings, run_queries: RunQueries
) -> None:
    options: dict[str, Any] = {"ssl": {"rejectUnauthorized": False}}

    outcome = await run_queries({**postgres, "options": options})

    assert outcome.error is not None
    assert "server does not support SSL" in outcome.error.message
