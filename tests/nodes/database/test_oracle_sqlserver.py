"""What Oracle and SQL Server are asked, and what happens without a server. None is at hand to run them on."""

from __future__ import annotations

import pytest

from nodes.database import oracle, sqlserver
from nodes.database.settings import ConnectionSettings
from nodes.errors import NodeDataError
from tests.nodes.database.conftest import BEGIN, RunQueries
from tests.nodes.database.servers import free_port

STATEMENTS = {
    "SELECT 1 FROM dual; ": "SELECT 1 FROM dual",
    "insert into t values (';')": "insert into t values (';')",
    "BEGIN do_it(:1); END;": "BEGIN do_it(:1); END;",
}


def test_oracle_is_found_at_host_port_and_database() -> None:
    arguments = oracle.connection_arguments(
        ConnectionSettings("oracle", host="db", port=1600, user="u", password="p", database="SHOP")
    )

    assert arguments == {"user": "u", "password": "p", "dsn": "db:1600/SHOP", "tcp_connect_timeout": 10.0}


def test_oracle_has_defaults_and_a_connection_string_wins() -> None:
    by_default = oracle.connection_arguments(ConnectionSettings("oracle"))
    given = oracle.connection_arguments(ConnectionSettings("oracle", host="x", connection_string="db/SHOP"))

    assert by_default["dsn"] == "localhost:1521/ORCL"
    assert given["dsn"] == "db/SHOP"


@pytest.mark.parametrize(("text", "expected"), STATEMENTS.items())
def test_oracle_gets_sql_without_its_semicolon(text: str, expected: str) -> None:
    assert oracle.without_semicolon(text) == expected


def test_sql_server_is_found_by_its_connection_string() -> None:
    text = sqlserver.connection_string(
        ConnectionSettings("sqlserver", host="db", port=1500, user="u;v", password="p}w", database="Shop")
    )

    assert text == (
        "Server={tcp:db,1500};Database={Shop};UID={u;v};PWD={p}}w};"
        "Encrypt={yes};TrustServerCertificate={yes};"
    )


def test_sql_server_has_defaults_and_options() -> None:
    options = {"encrypt": False, "trustServerCertificate": "false"}

    text = sqlserver.connection_string(ConnectionSettings("sqlserver", options=options))

    assert text == "Server={tcp:localhost,1433};Database={master};Encrypt={no};TrustServerCertificate={no};"


def test_an_option_of_another_type_is_refused() -> None:
    with pytest.raises(NodeDataError, match=r"'options\.encrypt' should be true or false"):
        sqlserver.connection_string(ConnectionSettings("sqlserver", options={"encrypt": "maybe"}))


@pytest.mark.parametrize("kind", ["oracle", "sqlserver"])
async def test_a_server_that_is_not_there_fails_the_node(kind: str, run_queries: RunQueries) -> None:
    settings = {"dbType": kind, "host": "127.0.0.1", "port": free_port(), "user": "u", "password": "geheim"}

    outcome = await run_queries({**settings, "options": {"connectionTimeout": 1000}})

    assert outcome.error is not None
    assert outcome.error.code == "DATABASE_CONNECT_FAILED"
    assert f"127.0.0.1:{settings['port']}" in outcome.error.message
    assert "geheim" not in outcome.error.message


async def test_the_server_property_comes_before_the_host(run_queries: RunQueries) -> None:
    settings = {
        "dbType": "sqlserver",
        "host": "elsewhere.invalid",
        "server": "127.0.0.1",
        "port": free_port(),
    }

    outcome = await run_queries({**settings, "options": {"connectionTimeout": 1000}}, BEGIN)

    assert outcome.error is not None
    assert f"sqlserver 127.0.0.1:{settings['port']}" in outcome.error.message
