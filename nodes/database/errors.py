"""What can go wrong with a database, as node errors."""

from __future__ import annotations

from nodes.errors import NodeError

__all__ = [
    "ConnectError",
    "DatabaseError",
    "DriverMissingError",
    "NotConnectedError",
    "QueryError",
    "TransactionError",
]


class DatabaseError(NodeError):
    """Root of the errors that have to do with a database."""

    code = "DATABASE_ERROR"


class DriverMissingError(DatabaseError):
    """Raised when the library for a kind of database is not installed; ``command`` installs it."""

    code = "DRIVER_MISSING"

    def __init__(self, kind: str, extra: str, reason: str) -> None:
        self.kind = kind
        self.command = f"pip install 'batchwright[{extra}]'"
        super().__init__(
            f"Databases of type '{kind}' need a driver that cannot be loaded here ({reason}). "
            f"Install it with: {self.command}"
        )


class NotConnectedError(DatabaseError):
    """Raised when a node names a connection that no dbConnect node opened; ``key`` is that name."""

    code = "DATABASE_NOT_CONNECTED"

    def __init__(self, key: str, known: tuple[str, ...]) -> None:
        self.key = key
        names = ", ".join(known) or "none"
        super().__init__(
            f"No database connection '{key}' is open (open: {names}); put a DB Connect node with this "
            "connectionKey before this one"
        )


class ConnectError(DatabaseError):
    """Raised when a connection cannot be opened; trying again may help."""

    code = "DATABASE_CONNECT_FAILED"
    retryable = True


class QueryError(DatabaseError):
    """Raised when the database refuses a query; ``reason`` is what it says."""

    code = "DATABASE_QUERY_FAILED"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TransactionError(DatabaseError):
    """Raised when a transaction cannot be begun, committed or undone in the connection's present state."""

    code = "DATABASE_TRANSACTION"
