"""Which driver serves which kind of database; a driver is only imported when a workflow needs it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from nodes.choices import choose
from nodes.database.base import Database
from nodes.database.errors import DriverMissingError

__all__ = ["DRIVERS", "Driver", "driver_class", "driver_problem", "kind_of"]


@dataclass(frozen=True, slots=True)
class Driver:
    """Where a driver is.

    Attributes:
        module: Our module.
        class_name: The class in it.
        library: The package that it imports; None if Python brings it.
        extra: The extra of Batchwright that installs the package.
    """

    module: str
    class_name: str
    library: str | None
    extra: str


DRIVERS: Final[Mapping[str, Driver]] = {
    "postgres": Driver("postgres", "PostgresDatabase", "psycopg", "postgres"),
    "mysql": Driver("mysql", "MySqlDatabase", "mysql.connector", "mysql"),
    "mongodb": Driver("mongodb", "MongoDatabase", "pymongo", "mongodb"),
    "sqlite": Driver("sqlite", "SqliteDatabase", None, ""),
    "oracle": Driver("oracle", "OracleDatabase", "oracledb", "oracle"),
    "sqlserver": Driver("sqlserver", "SqlServerDatabase", "mssql_python", "sqlserver"),
    "redis": Driver("redis", "RedisDatabase", "redis", "redis"),
}
"""The kinds of nodes.md, ``dbConnect``."""

_ALIASES: Final = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "sqlserver", "mongo": "mongodb"}
"""Other names under which people know them."""


def kind_of(name: str | None) -> str:
    """The kind that ``dbType`` names.

    Raises:
        NodeDataError: It is missing or unknown.
    """
    kind = _ALIASES.get(name or "", name)
    choose(DRIVERS, kind, "dbType")
    return kind or ""


def driver_class(kind: str) -> type[Database]:
    """The class that serves a kind of database.

    Raises:
        DriverMissingError: Its library is not installed, or lacks something of the system.
    """
    driver = DRIVERS[kind]
    try:
        module = importlib.import_module(f"nodes.database.{driver.module}")
    except ImportError as error:
        raise DriverMissingError(kind, driver.extra, str(error)) from error
    return cast("type[Database]", getattr(module, driver.class_name))


def driver_problem(kind: str) -> str | None:
    """What a user should know about a driver before a run, without importing it."""
    driver = DRIVERS[kind]
    if driver.library is None or _is_installed(driver.library):
        return None
    return DriverMissingError(kind, driver.extra, f"no package '{driver.library}'").message


def _is_installed(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):
        return False
