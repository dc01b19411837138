"""Redis, by redis-py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from nodes.database.base import CLOSED, Database, Log, QueryResult, Statement
from nodes.database.settings import ConnectionSettings
from nodes.database.statements import object_of
from nodes.errors import NodeDataError
from nodes.matching import js_text, json_text

__all__ = ["RedisDatabase", "command_of", "connection_arguments"]


class RedisDatabase(Database):
    """A Redis server, version 6 or later. Options: ``connectionTimeout`` (ms), ``ssl``.

    A query is a text that is split on white space, or ``{command, args}``; its result is one row ``{result}``.
    """

    has_transactions: ClassVar = False
    driver_errors: ClassVar = (RedisError, UnicodeError)

    def __init__(self, settings: ConnectionSettings, log: Log | None = None) -> None:
        super().__init__(settings, log)
        self._client: Redis | None = None

    async def _connect(self) -> None:
        self._client = client = open_client(self.settings)
        # The server's own answers are wanted: "OK" instead of True.
        client.response_callbacks.clear()
        await _execute(client, "PING")

    async def _query(
        self,
        statement: Statement,
        parameters: Sequence[object],
        timeout_s: float,  # noqa: ARG002 - a cancelled command ends its connection
    ) -> QueryResult:
        if self._client is None:
            raise RedisError(CLOSED)
        answer = await _execute(self._client, *command_of(statement), *map(_argument, parameters))
        return QueryResult([{"result": _decoded(answer)}], 1, ("result",))

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def _execute(client: Redis, *words: str) -> object:
    execute: Callable[..., Awaitable[object]] = client.execute_command
    return await execute(*words)


def open_client(settings: ConnectionSettings) -> Redis:
    """A client with one connection that never sends a command twice; it connects at its first command."""
    arguments = connection_arguments(settings)
    retry = Retry(NoBackoff(), 0)
    if settings.connection_string:
        client = Redis.from_url(settings.connection_string, **arguments, retry=retry)
    else:
        client = Redis(
            host=settings.host or "localhost", port=settings.port or 6379, **arguments, retry=retry
        )
    return client


def connection_arguments(settings: ConnectionSettings) -> dict[str, Any]:
    """What redis-py needs to connect, besides the address."""
    tls = settings.tls()
    arguments: dict[str, Any] = {
        "username": settings.user,
        "password": settings.password,
        "db": _database_number(settings.database),
        "protocol": 3,
        "single_connection_client": True,
        "socket_connect_timeout": settings.connect_timeout_s,
        "socket_timeout": None,
    }
    if tls is not None and tls.enabled and not (settings.connection_string or "").startswith("redis:"):
        arguments |= {"ssl": True} if not settings.connection_string else {}
        arguments["ssl_cert_reqs"] = "required" if tls.verify else "none"
        arguments["ssl_check_hostname"] = tls.verify
        arguments["ssl_ca_certs"] = tls.ca
    optional = ("username", "password", "db", "ssl_ca_certs")
    return {name: value for name, value in arguments.items() if value is not None or name not in optional}


def _database_number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.strip().isdecimal():
        raise NodeDataError(
            f"Property 'database' of a redis connection should be a number, not '{text}'", field="database"
        )
    return int(text)


def command_of(statement: Statement) -> list[str]:
    """The words of a command: a text split on white space, or ``{command, args}``.

    Raises:
        NodeDataError: There is no command in it.
    """
    given = object_of(statement)
    if given is None:
        words = str(statement).split()
    else:
        command, arguments = given.get("command"), given.get("args", [])
        if not isinstance(command, str) or not isinstance(arguments, list | tuple):
            raise NodeDataError(
                "A redis query should be a command as text, or an object {command, args}", field="query"
            )
        words = [*command.split(), *map(_argument, arguments)]
    if not words:
        raise NodeDataError("Property 'query' is required: the redis command is empty", field="query")
    return words


def _argument(value: object) -> str:
    return json_text(value) if isinstance(value, Mapping | list | tuple) else js_text(value)


def _decoded(value: object) -> object:
    """An answer with its bytes as text where they are text."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, Mapping):
        return {str(_decoded(key)): _decoded(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_decoded(item) for item in value]
    return value
