"""What a MongoDB query means, and what happens without a server. No server is at hand to run them on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from nodes.database.mongodb import address_of
from nodes.database.mongodb_operations import OPERATIONS, read_operation
from nodes.database.settings import ConnectionSettings
from nodes.database.values import plain
from nodes.errors import NodeDataError
from tests.nodes.database.conftest import RunQueries
from tests.nodes.database.servers import free_port

OID = "65f0a1b2c3d4e5f601234567"

BAD: dict[str, tuple[object, str]] = {
    "text": ("db.users.find()", "should be an object"),
    "no collection": ({"operation": "find"}, "should be an object"),
    "no operation": ({"collection": "c"}, "'query.operation' is required"),
    "unknown operation": ({"collection": "c", "operation": "drop"}, "unknown value 'drop'"),
    "no documents": ({"collection": "c", "operation": "insertMany", "filter": {}}, "needs 'docs'"),
    "no update": ({"collection": "c", "operation": "updateOne", "filter": {"query": {}}}, "needs 'update'"),
    "no query": ({"collection": "c", "operation": "deleteMany", "filter": {"a": 1}}, "needs 'query'"),
    "filter is a list": (
        {"collection": "c", "operation": "find", "filter": [1]},
        "filter .* should be an object",
    ),
    "options are a text": (
        {"collection": "c", "operation": "find", "options": "x"},
        "options .* should be an object",
    ),
}


def test_every_operation_of_the_format_is_there() -> None:
    assert set(OPERATIONS) == {
        *("find", "findOne", "insertOne", "insertMany", "updateOne", "updateMany"),
        *("deleteOne", "deleteMany", "count"),
    }


def test_extended_json_becomes_values() -> None:
    operation = read_operation(
        {
            "collection": "users",
            "operation": "find",
            "filter": {"_id": {"$oid": OID}, "born": {"$lt": {"$date": "2024-02-29T00:00:00Z"}}},
        }
    )

    assert operation.filter["_id"] == ObjectId(OID)
    assert operation.filter["born"]["$lt"] == datetime(2024, 2, 29, tzinfo=UTC)


def test_a_query_may_be_json_text() -> None:
    operation = read_operation('{"collection": "users", "operation": "count"}')

    assert (operation.collection, operation.name, operation.filter) == ("users", "count", {})


def test_options_become_arguments_and_unknown_ones_are_told() -> None:
    said: list[str] = []
    options = {"sort": {"age": -1, "name": 1}, "limit": 5, "projection": {"name": 1}, "colour": "red"}

    operation = read_operation(
        {"collection": "users", "operation": "find", "options": options},
        lambda level, message: said.append(f"{level}: {message}"),
    )

    assert operation.options == {"sort": [("age", -1), ("name", 1)], "limit": 5, "projection": {"name": 1}}
    assert said == ["warning: The option 'colour' of the mongodb query is not known and left out"]


async def test_find_asks_for_what_the_options_say() -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient("mongodb://127.0.0.1:1", connect=False)
    operation = read_operation(
        {
            "collection": "users",
            "operation": "find",
            "filter": {"age": {"$gt": 3}},
            "options": {"sort": {"age": -1}, "skip": 2, "limit": 5, "batchSize": 10},
        }
    )

    async with client.test[operation.collection].find(operation.filter, **operation.options) as cursor:
        asked = cursor._query_spec()

    assert asked == {"$query": {"age": {"$gt": 3}}, "$orderby": {"age": -1}}
    await client.close()


@pytest.mark.parametrize(("query", "message"), BAD.values(), ids=BAD)
def test_a_query_that_cannot_be_understood_is_refused(query: Any, message: str) -> None:
    with pytest.raises(NodeDataError, match=message):
        read_operation(query)


def test_ids_become_texts() -> None:
    assert plain([{"_id": ObjectId(OID), "when": datetime(2024, 2, 29, 12)}]) == [  # noqa: DTZ001 - as the driver has it
        {"_id": OID, "when": "2024-02-29T12:00:00.000Z"}
    ]


def test_the_address_is_made_of_the_properties() -> None:
    plain_address = address_of(ConnectionSettings("mongodb"))
    login = address_of(ConnectionSettings("mongodb", host="db", port=5, user="a b", password="p@ss/word"))
    given = address_of(ConnectionSettings("mongodb", host="db", connection_string="mongodb://x/shop"))

    assert plain_address == "mongodb://localhost:27017"
    assert login == "mongodb://a+b:p%40ss%2Fword@db:5"
    assert given == "mongodb://x/shop"


@pytest.mark.parametrize("address", [{}, {"connectionString": "mongodb://a:geheim@127.0.0.1:{port}/shop"}])
async def test_a_server_that_is_not_there_fails_the_node(
    address: dict[str, str], run_queries: RunQueries
) -> None:
    port = free_port()
    place = {key: value.replace("{port}", str(port)) for key, value in address.items()}

    outcome = await run_queries(
        {
            "dbType": "mongodb",
            "host": "127.0.0.1",
            "port": port,
            **place,
            "options": {"connectionTimeout": 300},
        }
    )

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert f"127.0.0.1:{port}" in outcome.error.message
    assert "geheim" not in outcome.error.message


async def test_a_connection_string_that_is_none_fails_the_node(run_queries: RunQueries) -> None:
    outcome = await run_queries({"dbType": "mongodb", "connectionString": "mongodb://"})

    assert outcome.error is not None
    assert "at least one hostname" in outcome.error.message
