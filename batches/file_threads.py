"""File work away from the event loop: one thread that writes in order, others that read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from batches.errors import StoreError

__all__ = ["FileThreads"]

P = ParamSpec("P")
T = TypeVar("T")


class FileThreads:
    """Runs blocking file work in threads.

    Work that began or waits for its turn is done even when the caller is cancelled: an event that has a number
    must not be missing in the journal.

    Args:
        where: The folder that is worked on, for messages.
        limit_s: How long one piece of work may take, seconds.
    """

    def __init__(self, where: Path, limit_s: float) -> None:
        self._where = where
        self._limit_s = limit_s
        self._writer: ThreadPoolExecutor | None = None

    @property
    def are_running(self) -> bool:
        """Whether `start` was called and `stop` was not."""
        return self._writer is not None

    def start(self) -> None:
        """Get the writing thread ready."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="batchwright-store")

    def stop(self) -> None:
        """Let the writing thread end after the work that it has."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.shutdown(wait=False)

    async def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do this in the writing thread, after all that was asked for before.

        Raises:
            StoreError: The threads are not running, or the disk does not answer in time.
        """
        if self._writer is None:
            raise StoreError(f"The store of {self._where} is not open", code="STORE_CLOSED")
        loop = asyncio.get_running_loop()
        return await self._patiently(loop.run_in_executor(self._writer, lambda: work(*args, **kwargs)))

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do this in any thread, at once.

        Raises:
            StoreError: The threads are not running, or the disk does not answer in time.
        """
        if self._writer is None:
            raise StoreError(f"The store of {self._where} is not open", code="STORE_CLOSED")
        loop = asyncio.get_running_loop()
        return await self._patiently(loop.run_in_executor(None, lambda: work(*args, **kwargs)))

    async def _patiently(self, done: asyncio.Future[T]) -> T:
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.shield(done)
        except TimeoutError as error:
            raise StoreError(
                f"The disk of {self._where} did not answer within {self._limit_s:g} s", code="STORE_TIMEOUT"
            ) from error
