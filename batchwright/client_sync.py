"""The client without asyncio: the same calls, each of which waits for its answer.

::

    with Client("http://127.0.0.1:3003") as client:
        batch = client.wait(client.execute(folder="flows").batch_id)
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from batchwright.client import AsyncClient
from batchwright.client_models import (
    Active,
    Batch,
    BatchPage,
    ExecuteOptions,
    Execution,
    Replied,
    ServerEvent,
    Started,
    Stopped,
    StoppedAll,
)

__all__ = ["Client"]

T = TypeVar("T")


class Client:
    """Talks to one server; used as a context manager. See `batchwright.client.AsyncClient`.

    Its socket lives in a thread of its own, so that connections stay open between two calls.

    Args:
        url: The server's address; the variable ``BATCHWRIGHT_SERVER`` if not given.
        token: Its token; the variable ``BATCHWRIGHT_TOKEN`` if not given.
        timeout_s: Longest time for one request, seconds.
    """

    def __init__(self, url: str | None = None, *, token: str | None = None, timeout_s: float = 60) -> None:
        self._client = AsyncClient(url, token=token, timeout_s=timeout_s)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The server's address."""
        return self._client.url

    def __enter__(self) -> Self:
        loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="batchwright client", daemon=True)
        self._thread.start()
        self._do(self._client.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        try:
            self._do(self._client.__aexit__(None, None, None))
            self._do(loop.shutdown_asyncgens())
        finally:
            self._loop = self._thread = None
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def execute(
        self,
        workflow: Mapping[str, Any] | None = None,
        *,
        workflows: Sequence[Mapping[str, Any]] | None = None,
        folder: str | None = None,
        files: Sequence[str | Path] | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[ExecuteOptions],
    ) -> Started:
        """Start one workflow, or a batch; it runs on while this returns."""
        return self._do(
            self._client.execute(
                workflow,
                workflows=workflows,
                folder=folder,
                files=files,
                idempotency_key=idempotency_key,
                **options,
            )
        )

    def status(self, execution_id: str | None = None) -> Execution:
        """One execution; without an id the most recent one."""
        return self._do(self._client.status(execution_id))

    def result(self, execution_id: str) -> dict[str, Any]:
        """Everything of one execution."""
        return self._do(self._client.result(execution_id))

    def active(self) -> Active:
        """What has not ended."""
        return self._do(self._client.active())

    def batch(self, batch_id: str) -> Batch:
        """One batch with its members."""
        return self._do(self._client.batch(batch_id))

    def batches(self, *, status: str | None = None, limit: int = 20, offset: int = 0) -> BatchPage:
        """Batches, newest first."""
        return self._do(self._client.batches(status=status, limit=limit, offset=offset))

    def stop(self, target: str) -> Stopped:
        """Stop a batch or an execution."""
        return self._do(self._client.stop(target))

    def respond(
        self,
        execution_id: str,
        *,
        approved: bool | None = None,
        answer: str | None = None,
        reason: str | None = None,
        owner: str | None = None,
    ) -> Replied:
        """Reply to an execution that waits for a person; see `AsyncClient.respond`."""
        return self._do(
            self._client.respond(execution_id, approved=approved, answer=answer, reason=reason, owner=owner)
        )

    def stop_all(self) -> StoppedAll:
        """Stop everything that runs, and cancel everything that waits."""
        return self._do(self._client.stop_all())

    def rerun(self, batch_id: str, only: str = "failedAndNotRun") -> Started:
        """Run members of a batch again, as a new batch."""
        return self._do(self._client.rerun(batch_id, only))

    def wait(self, batch_id: str, *, timeout_s: float | None = None) -> Batch:
        """Wait until a batch is over; `TimeoutError` if it is not after so many seconds."""
        return self._do(self._client.wait(batch_id, timeout_s=timeout_s))

    def wait_execution(self, execution_id: str, *, timeout_s: float | None = None) -> Execution:
        """Wait until an execution is over; `TimeoutError` if it is not after so many seconds."""
        return self._do(self._client.wait_execution(execution_id, timeout_s=timeout_s))

    def events(
        self, *, batch_id: str | None = None, execution_id: str | None = None, after: int | None = None
    ) -> Iterator[ServerEvent]:
        """Events as they happen; see `AsyncClient.events`."""
        stream: AsyncIterator[ServerEvent] = self._client.events(
            batch_id=batch_id, execution_id=execution_id, after=after
        )
        try:
            while (event := self._do(_next(stream))) is not None:
                yield event
        finally:
            self._do(_closed(stream))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the client's thread and wait for it; an interrupted wait cancels it."""
        if self._loop is None:
            work.close()
            raise RuntimeError("use the client as a context manager: with Client() as client")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


async def _next(stream: AsyncIterator[ServerEvent]) -> ServerEvent | None:
    return await anext(stream, None)


async def _closed(stream: AsyncIterator[ServerEvent]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
