"""What nodes open for a whole execution besides the browser: HTTP clients, database connections, ...

One object of each kind belongs to an execution. The first node that needs it makes it; it is closed when the
execution ends, however it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol, TypeVar, cast

__all__ = ["Closable", "Resources"]

CLOSE_TIMEOUT_S: Final = 15.0
"""How long one resource may take to close before it is given up, seconds."""

logger = logging.getLogger("batchwright.executions")


class Closable(Protocol):
    """Something that holds connections, processes or files."""

    async def aclose(self) -> None:
        """Let go of everything; called once."""


C = TypeVar("C", bound=Closable)


class Resources:
    """The resources of one execution, at most one of each class."""

    def __init__(self) -> None:
        self._open: dict[type[Closable], Closable] = {}

    def get(self, kind: type[C], make: Callable[[], C]) -> C:
        """The execution's resource of a class, made at its first use.

        Args:
            kind: The class.
            make: Makes it; must not block.
        """
        if kind not in self._open:
            self._open[kind] = make()
        return cast("C", self._open[kind])

    def find(self, kind: type[C]) -> C | None:
        """The resource if some node made it already."""
        return cast("C | None", self._open.get(kind))

    async def close(self) -> None:
        """Close everything, the latest first; what cannot be closed is logged and does not stop the rest."""
        while self._open:
            kind, resource = self._open.popitem()
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await resource.aclose()
            except Exception:  # one that fails must not keep the others open
                logger.exception("Closing the execution's %s failed", kind.__name__)
