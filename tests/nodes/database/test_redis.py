"""dbConnect and dbQuery on a real Redis server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nodes.database.conftest import BEGIN, COMMIT, ROLLBACK, RunQueries
from tests.nodes.database.servers import Settings, free_port

COMMANDS: dict[str, tuple[Any, object]] = {
    "text": ("PING", "PONG"),
    "text split on white space": ("  ECHO\n  hello ", "hello"),
    "object": ({"command": "ECHO", "args": ["two words"]}, "two words"),
    "object as text": ('{"command": "ECHO", "args": [5]}', "5"),
    "object argument": ({"command": "ECHO", "args": [{"a": 1}]}, '{"a":1}'),
    "command of two words": ({"command": "CONFIG GET", "args": ["save"]}, {"save": ""}),
    "reference": ("ECHO ${data.word}", "stored"),
    "reference in an object": ({"command": "ECHO", "args": ["${data.word}"]}, "stored"),
    "nothing there": ("GET nothing", None),
}


@pytest.mark.parametrize(("query", "expected"), COMMANDS.values(), ids=COMMANDS)
async def test_a_command_answers_one_row(
    query: object, expected: object, redis: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(redis, {"query": query}, data={"word": "stored"})

    result = outcome.data["dbResult"]
    assert (result["rows"], result["rowCount"], result["columns"]) == ([{"result": expected}], 1, ["result"])


async def test_answers_are_json(redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(
        redis,
        {"query": "SET answers:text x", "contextKey": "set"},
        {"query": "INCR answers:count", "contextKey": "count"},
        "HSET answers:hash a 1 b 2",
        {"query": "HGETALL answers:hash", "contextKey": "hash"},
        "RPUSH answers:list one two",
        {"query": "LRANGE answers:list 0 -1", "contextKey": "list"},
        "DEL answers:text answers:count answers:hash answers:list",
    )

    values = {name: outcome.data[name]["rows"][0]["result"] for name in ("set", "count", "hash", "list")}
    assert values == {"set": "OK", "count": 1, "hash": {"a": "1", "b": "2"}, "list": ["one", "two"]}
    assert outcome.data["dbResult"]["rows"] == [{"result": 4}]


async def test_params_come_after_the_words(redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(redis, {"query": "ECHO", "params": ["two words"]})

    assert outcome.data["dbResult"]["rows"] == [{"result": "two words"}]


async def test_an_unknown_command_fails(redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(redis, "FLY away")

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_QUERY_FAILED"
    assert "unknown command" in outcome.error.message


async def test_an_object_without_a_command_fails(redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(redis, {"query": {"args": ["x"]}})

    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"


async def test_a_slow_command_stops_at_its_timeout_and_the_connection_goes_on(
    redis: Settings, run_queries: RunQueries
) -> None:
    outcome = await run_queries(
        redis, {"query": "BLPOP nothing 60", "timeout": 100, "failSilently": True}, "ECHO on"
    )

    slow = outcome.node("n2").error
    assert slow is not None
    assert slow.code == "NODE_TIMEOUT"
    assert outcome.data["dbResult"]["rows"] == [{"result": "on"}]


async def test_the_database_number_chooses_the_database(redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries({**redis, "database": 3}, "SET only:here 1", "CLIENT INFO")

    assert " db=3 " in outcome.data["dbResult"]["rows"][0]["result"]


async def test_a_connection_string_will_do(redis: Settings, run_queries: RunQueries) -> None:
    address = f"redis://:p%40ss%20word@127.0.0.1:{redis['port']}/2"

    outcome = await run_queries({"dbType": "redis", "connectionString": address}, "CLIENT INFO")

    assert " db=2 " in outcome.data["dbResult"]["rows"][0]["result"]


@pytest.mark.parametrize("step", [BEGIN, COMMIT], ids=["begin", "commit"])
async def test_transactions_are_not_available(step: Any, redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries(redis, step)

    assert outcome.error is not None
    assert (outcome.error.code, "not available" in outcome.error.message) == ("DATABASE_TRANSACTION", True)


async def test_undoing_nothing_succeeds(redis: Settings, run_queries: RunQueries) -> None:
    assert (await run_queries(redis, ROLLBACK)).status == "completed"


async def test_a_wrong_password_fails_the_node(redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries({**redis, "password": "geheim"})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert "geheim" not in outcome.error.message


async def test_a_server_that_is_not_there_fails_the_node(run_queries: RunQueries) -> None:
    outcome = await run_queries({"dbType": "redis", "host": "127.0.0.1", "port": free_port()})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"


async def test_a_database_that_is_no_number_is_refused(redis: Settings, run_queries: RunQueries) -> None:
    outcome = await run_queries({**redis, "database": "main"})

    assert outcome.error is not None
    assert "should be a number" in outcome.error.message
