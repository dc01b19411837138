"""The database connections of one execution, by their keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nodes.database.base import Database
from nodes.database.drivers import driver_class
from nodes.database.errors import NotConnectedError
from nodes.database.settings import ConnectionSettings

__all__ = ["Connections"]


class Connections:
    """What an execution has connected to; closed with it, however it ends.

    Args:
        log: Called with a level and a message.
    """

    def __init__(self, log: Callable[[str, str], None]) -> None:
        self._log = log
        self._open: dict[str, Database] = {}

    async def connect(self, key: str, settings: ConnectionSettings) -> Database:
        """Open a connection; one that has this key already is closed afterwards.

        Raises:
            ConnectError: The database cannot be reached, or refuses.
            DriverMissingError: The driver is not installed.
            NodeDataError: A setting is missing or cannot be used.
        """
        kind = await asyncio.to_thread(driver_class, settings.kind)
        database = kind(settings, self._log)
        try:
            await database.connect()
        except BaseException:
            await database.close()
            raise
        previous = self._open.pop(key, None)
        self._open[key] = database
        if previous is not None:
            self._log("warning", f"The database connection '{key}' was open already; the old one is closed")
            await previous.close()
        return database

    def get(self, key: str) -> Database:
        """The connection with this key.

        Raises:
            NotConnectedError: There is none.
        """
        try:
            return self._open[key]
        except KeyError:
            raise NotConnectedError(key, tuple(self._open)) from None

    async def disconnect(self, key: str) -> bool:
        """Undo an open transaction and close; whether there was such a connection."""
        database = self._open.pop(key, None)
        if database is None:
            return False
        await database.close()
        return True

    async def aclose(self) -> None:
        """Close all connections at once."""
        databases = list(self._open.values())
        self._open.clear()
        async with asyncio.TaskGroup() as tasks:
            for database in databases:
                tasks.create_task(database.close(), name=f"close {database.settings.where}")
