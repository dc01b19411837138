"""The properties of the database nodes, on SQLite."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from nodes.catalogue import default_registry
from nodes.database.drivers import DRIVERS
from tests.conftest import RunSteps
from tests.nodes.database.conftest import BEGIN, COMMIT, ROLLBACK, RunQueries
from tests.nodes.database.servers import free_port

MEMORY = {"dbType": "sqlite", "filePath": ":memory:"}
ONE = "SELECT 1 AS one"


async def test_the_result_tells_how_long_it_took_and_when_it_ended(run_queries: RunQueries) -> None:
    before = time.time() * 1000

    outcome = await run_queries(MEMORY, ONE)

    result = outcome.data["dbResult"]
    assert set(result) == {"rows", "rowCount", "columns", "duration", "timestamp"}
    assert result["duration"] >= 0
    assert before - 1 <= result["timestamp"] <= time.time() * 1000


async def test_connections_are_told_apart_by_their_keys(run_queries: RunQueries) -> None:
    outcome = await run_queries(
        {**MEMORY, "connectionKey": "first"},
        ("dbConnect", {**MEMORY, "connectionKey": "${literal}"}),
        {"query": "CREATE TABLE only_first (n)", "connectionKey": "${data.key}"},
        {"query": "SELECT * FROM only_first", "connectionKey": "${literal}"},
        data={"key": "first"},
    )

    assert outcome.error is not None
    assert (outcome.error.node_id, "no such table" in outcome.error.message) == ("n4", True)


async def test_settings_come_from_the_config_key_and_the_node_overrides_them(
    tmp_path: Path, run_queries: RunQueries
) -> None:
    config = {"dbType": "postgres", "filePath": "${data.name}.db", "options": {"readonly": True}, "host": "h"}

    outcome = await run_queries(
        {"dbType": "sqlite", "configKey": "db", "options": {"readonly": False}, "filePath": ""},
        "CREATE TABLE t (n)",
        data={"db": config, "name": "from-config"},
    )

    assert outcome.status == "completed"
    assert (tmp_path / "from-config.db").is_file()


async def test_a_config_that_cannot_be_used_is_named(run_queries: RunQueries) -> None:
    outcome = await run_queries({**MEMORY, "configKey": "db"}, data={"db": {"port": "none"}})

    assert outcome.error is not None
    assert "data key 'db': property 'port': should be a number" in outcome.error.message


async def test_a_config_that_is_not_there_is_told(run_queries: RunQueries) -> None:
    outcome = await run_queries({**MEMORY, "configKey": "db"})

    assert outcome.status == "completed"
    assert any("There is no object under the data key 'db'" in line for line in outcome.log)


async def test_properties_are_interpolated(tmp_path: Path, run_queries: RunQueries) -> None:
    outcome = await run_queries(
        {"dbType": "sqlite", "filePath": "${data.name}.db", "options": {"readonly": "${data.readonly}"}},
        {"query": "SELECT '${data.name}' AS name", "contextKey": "${data.name}"},
        data={"name": "shop", "readonly": False},
    )

    assert outcome.data["shop"]["rows"] == [{"name": "shop"}]
    assert (tmp_path / "shop.db").is_file()


async def test_the_port_may_be_a_reference(run_queries: RunQueries) -> None:
    port = free_port()

    outcome = await run_queries(
        {"dbType": "redis", "host": "${data.host}", "port": "${data.port}"},
        data={"host": "127.0.0.1", "port": port},
    )

    assert outcome.error is not None
    assert f"Cannot connect to redis 127.0.0.1:{port}" in outcome.error.message


async def test_connecting_gives_up_at_its_timeout(silent_port: int, run_queries: RunQueries) -> None:
    outcome = await run_queries(
        {
            "dbType": "postgres",
            "host": "127.0.0.1",
            "port": silent_port,
            "options": {"connectionTimeout": "100"},
        }
    )

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert "did not finish within 100 ms" in outcome.error.message


async def test_a_stored_query_wins(run_queries: RunQueries) -> None:
    outcome = await run_queries(
        MEMORY,
        {"query": "SELECT broken", "queryKey": "stored"},
        {"query": "SELECT 2 AS two", "queryKey": "missing", "contextKey": "own"},
        data={"stored": "SELECT '${data.word}' AS word", "word": "hi"},
    )

    assert outcome.data["dbResult"]["rows"] == [{"word": "hi"}]
    assert outcome.data["own"]["rows"] == [{"two": 2}]


@pytest.mark.parametrize("query", [{}, {"query": "  "}, {"query": None}, {"query": {}}])
async def test_a_query_is_required(query: dict[str, Any], run_queries: RunQueries) -> None:
    outcome = await run_queries(MEMORY, query)

    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"


async def test_an_object_is_no_sql(run_queries: RunQueries) -> None:
    outcome = await run_queries(MEMORY, {"query": {"collection": "x"}})

    assert outcome.error is not None
    assert "should be SQL text" in outcome.error.message


@pytest.mark.parametrize("params", ["[1, 2]", [1, "2"]])
async def test_params_are_an_array_or_its_json(params: object, run_queries: RunQueries) -> None:
    outcome = await run_queries(MEMORY, {"query": "SELECT ? + ? AS sum", "params": params})

    assert outcome.data["dbResult"]["rows"] == [{"sum": 3}]


async def test_params_of_another_type_stop_the_run_before_it_begins(run_queries: RunQueries) -> None:
    outcome = await run_queries(MEMORY, {"query": ONE, "params": {"a": 1}})

    assert outcome.error is not None
    assert outcome.error.code == "WORKFLOW_INVALID"


@pytest.mark.parametrize("kind", ["sql", "mongodb", "raw"])
async def test_the_query_type_is_ignored(kind: str, run_queries: RunQueries) -> None:
    assert (await run_queries(MEMORY, {"query": ONE, "queryType": kind})).status == "completed"


@pytest.mark.parametrize("step", [("dbQuery", {"query": ONE}), BEGIN, COMMIT, ROLLBACK])
async def test_a_connection_that_nobody_opened_fails_the_node(step: Any, run_steps: RunSteps) -> None:
    outcome = await run_steps(step, open_browser=False)

    assert outcome.error is not None
    assert (outcome.error.code, "'dbConnection'" in outcome.error.message) == ("DATABASE_NOT_CONNECTED", True)


async def test_disconnecting_forgets_the_connection(run_queries: RunQueries) -> None:
    outcome = await run_queries(
        MEMORY, ("dbDisconnect", {"connectionKey": "${data.key}"}), ONE, data={"key": "dbConnection"}
    )

    assert outcome.error is not None
    assert (outcome.error.node_id, outcome.error.code) == ("n3", "DATABASE_NOT_CONNECTED")


async def test_disconnecting_what_is_not_connected_succeeds(run_steps: RunSteps) -> None:
    assert (await run_steps(("dbDisconnect", {}), open_browser=False)).status == "completed"


async def test_connecting_again_replaces_the_connection(run_queries: RunQueries) -> None:
    outcome = await run_queries(
        MEMORY,
        "CREATE TABLE t (n)",
        ("dbConnect", MEMORY),
        {"query": "SELECT * FROM t", "failSilently": True},
        ONE,
    )

    replaced = outcome.node("n4").error
    assert replaced is not None
    assert "no such table" in replaced.message
    assert outcome.status == "completed"


async def test_a_silent_failure_is_reported_and_stores_nothing(run_queries: RunQueries) -> None:
    outcome = await run_queries(MEMORY, {"query": "SELECT broken", "failSilently": True})

    assert outcome.status == "completed"
    assert (outcome.node("n2").status, "dbResult" in outcome.data) == ("failed", False)


async def test_verify_checks_the_result(run_queries: RunQueries) -> None:
    checks: list[dict[str, Any]] = [
        {"verificationType": "rowCount", "expectedValue": "${data.wanted}"},
        {"verificationType": "rowExists"},
        {"verificationType": "columnValue", "columnName": "name", "expectedValue": "TENT", "rowIndex": 1},
        {
            "verificationType": "columnValue",
            "columnName": "tags",
            "jsonPath": "0",
            "expectedValue": "new",
            "caseSensitive": True,
        },
        {"verificationType": "queryResult", "jsonPath": "1.name", "expectedValue": "Tent"},
    ]

    outcome = await run_queries(
        MEMORY,
        {
            "query": """SELECT 'Lamp' AS name, '["new"]' AS tags UNION ALL SELECT 'Tent', '[]'""",
            "contextKey": "items",
        },
        *(("verify", {"domain": "database", "dbContextKey": "items", **check}) for check in checks),
        data={"wanted": 2},
    )

    assert outcome.status == "completed"


async def test_an_unknown_kind_is_refused_with_the_known_ones(run_queries: RunQueries) -> None:
    outcome = await run_queries({"dbType": "dbase"})

    assert outcome.error is not None
    assert "unknown value 'dbase'" in outcome.error.message
    assert ", ".join(DRIVERS) in outcome.error.message


async def test_the_kind_is_required(run_queries: RunQueries) -> None:
    outcome = await run_queries({"filePath": ":memory:"})

    assert outcome.error is not None
    assert "Property 'dbType' is required" in outcome.error.message


@pytest.mark.parametrize(
    ("kind", "library", "extra"),
    [
        ("postgres", "psycopg", "postgres"),
        ("mariadb", "mysql.connector", "mysql"),
        ("mongodb", "pymongo", "mongodb"),
        ("oracle", "oracledb", "oracle"),
        ("sqlserver", "mssql_python", "sqlserver"),
        ("redis", "redis.asyncio", "redis"),
    ],
)
async def test_a_missing_driver_names_the_command_that_installs_it(
    kind: str, library: str, extra: str, run_queries: RunQueries, without_library: Any
) -> None:
    without_library(library)

    outcome = await run_queries({"dbType": kind})

    assert outcome.error is not None
    assert outcome.error.code == "DRIVER_MISSING"
    assert f"pip install 'batchwright[{extra}]'" in outcome.error.message


def test_a_missing_driver_is_told_before_the_run(without_library: Any) -> None:
    node_type = default_registry().get("dbConnect")

    before = node_type.advise({"dbType": "oracle"})
    without_library("oracledb")

    assert before == []
    assert "batchwright[oracle]" in node_type.advise({"dbType": "oracle"})[0]
    assert "unknown value 'dbase'" in node_type.advise({"dbType": "dbase"})[0]
    assert node_type.advise({"dbType": "sqlite"}) == node_type.advise({}) == []
