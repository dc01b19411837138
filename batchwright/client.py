"""The client: run workflows on a server from Python.

::

    async with AsyncClient("http://127.0.0.1:3003") as client:
        started = await client.execute(folder="flows", workers=4)
        batch = await client.wait(started.batch_id)
        print(batch.status, batch.completed, "of", batch.total_workflows)

`batchwright.client_sync.Client` does the same without asyncio.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from batchwright.client_events import EventStream, ends
from batchwright.client_models import (
    Active,
    Batch,
    BatchPage,
    ClientError,
    ExecuteOptions,
    Execution,
    Replied,
    ServerEvent,
    ServerUnreachableError,
    Started,
    Stopped,
    StoppedAll,
    refusal,
)

__all__ = ["DEFAULT_URL", "AsyncClient"]

DEFAULT_URL: Final = "http://127.0.0.1:3003"

POLL_S: Final = 5.0
"""How often `wait` looks by itself, should an event go astray, seconds."""

_API: Final = "/api/workflows"

Answer = TypeVar("Answer", bound=BaseModel)


class AsyncClient:
    """Talks to one server; used as an async context manager.

    Every method may raise `ClientError`: what the server refused, with its code; `ServerUnreachableError` if
    there is no answer.

    Args:
        url: The server's address; the variable ``BATCHWRIGHT_SERVER`` if not given.
        token: Its token; the variable ``BATCHWRIGHT_TOKEN`` if not given.
        timeout_s: Longest time for one request, seconds.
    """

    def __init__(self, url: str | None = None, *, token: str | None = None, timeout_s: float = 60) -> None:
        self.url = (url or os.environ.get("BATCHWRIGHT_SERVER") or DEFAULT_URL).rstrip("/")
        token = token or os.environ.get("BATCHWRIGHT_TOKEN")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def execute(
        self,
        workflow: Mapping[str, Any] | None = None,
        *,
        workflows: Sequence[Mapping[str, Any]] | None = None,
        folder: str | None = None,
        files: Sequence[str | Path] | None = None,
        idempotency_key: str | None = None,
        **options: Unpack[ExecuteOptions],
    ) -> Started:
        """Start one workflow, or a batch; it runs on while this returns.

        Args:
            workflow: One document, run by itself.
            workflows: Documents of a batch.
            folder: A folder on the server's machine, whose files are a batch.
            files: Files of this machine, sent as a batch.
            idempotency_key: A second request with the same key starts nothing and gets the first answer.
            options: See `ExecuteOptions`.
        """
        fields = {to_camel(name): value for name, value in options.items()}
        given = {"workflow": workflow, "workflows": workflows, "folderPath": folder}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        if files is not None:
            form = await asyncio.to_thread(_form, files, fields)
            return await self._ask(Started, "POST", f"{_API}/execute", data=form, headers=headers)
        fields |= {name: value for name, value in given.items() if value is not None}
        return await self._ask(Started, "POST", f"{_API}/execute", body=fields, headers=headers)

    async def status(self, execution_id: str | None = None) -> Execution:
        """One execution; without an id the most recent one."""
        query = {} if execution_id is None else {"executionId": execution_id}
        return await self._ask(Execution, "GET", f"{_API}/execution/status", query=query)

    async def result(self, execution_id: str) -> dict[str, Any]:
        """Everything of one execution: results of its nodes, variables at the end, log lines."""
        return await self._request("GET", f"{_API}/execution/{_segment(execution_id)}/result")

    async def active(self) -> Active:
        """What has not ended."""
        return await self._ask(Active, "GET", f"{_API}/executions/active")

    async def batch(self, batch_id: str) -> Batch:
        """One batch with its members."""
        return await self._ask(Batch, "GET", f"{_API}/execution/batch/{_segment(batch_id)}")

    async def batches(self, *, status: str | None = None, limit: int = 20, offset: int = 0) -> BatchPage:
        """Batches, newest first."""
        query = {"limit": str(limit), "offset": str(offset)} | ({"status": status} if status else {})
        return await self._ask(BatchPage, "GET", f"{_API}/executions/batches", query=query)

    async def stop(self, target: str) -> Stopped:
        """Stop a batch or an execution; what is over stays as it is."""
        if target.startswith("batch-"):
            return await self._ask(
                Stopped, "POST", f"{_API}/execution/batch/{_segment(target)}/stop", body={}
            )
        return await self._ask(Stopped, "POST", f"{_API}/execution/stop", body={"executionId": target})

    async def respond(
        self,
        execution_id: str,
        *,
        approved: bool | None = None,
        answer: str | None = None,
        reason: str | None = None,
        owner: str | None = None,
    ) -> Replied:
        """Reply to an execution that waits for a person.

        Args:
            execution_id: Id or number.
            approved: The decision; to a question, false refuses to answer.
            answer: The answer to a question.
            reason: Why.
            owner: Who replies.

        Raises:
            ClientError: It waits for no reply, or the reply does not fit.
        """
        given = {"approved": approved, "answer": answer, "reason": reason, "owner": owner}
        body = {name: value for name, value in given.items() if value is not None}
        path = f"{_API}/execution/{_segment(execution_id)}/respond"
        return await self._ask(Replied, "POST", path, body=body)

    async def stop_all(self) -> StoppedAll:
        """Stop everything that runs, and cancel everything that waits."""
        return await self._ask(StoppedAll, "POST", f"{_API}/execution/stop-all", body={})

    async def rerun(self, batch_id: str, only: str = "failedAndNotRun") -> Started:
        """Run members of a batch again, as a new batch.

        Args:
            batch_id: The batch.
            only: ``failed``, ``notRun``, ``failedAndNotRun`` or ``all``.
        """
        path = f"{_API}/execution/batch/{_segment(batch_id)}/rerun"
        return await self._ask(Started, "POST", path, body={"only": only})

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A request that has no method here; returns the object that answers it.

        Args:
            method: ``GET``, ``POST``, ...
            path: Begins with a slash; may have a query.
            body: Sent as JSON.
        """
        return await self._request(method, path, body=body)

    async def wait(self, batch_id: str, *, timeout_s: float | None = None) -> Batch:
        """Wait until a batch is over.

        Raises:
            TimeoutError: It is not, after so many seconds.
        """
        async with asyncio.timeout(timeout_s), self._nudges({"batchId": batch_id}) as nudge:
            while not (batch := await self.batch(batch_id)).is_over:
                await _first_of(nudge, POLL_S)
            return batch

    async def wait_execution(self, execution_id: str, *, timeout_s: float | None = None) -> Execution:
        """Wait until an execution is over.

        Raises:
            TimeoutError: It is not, after so many seconds.
        """
        async with asyncio.timeout(timeout_s), self._nudges({"executionId": execution_id}) as nudge:
            while not (execution := await self.status(execution_id)).is_over:
                await _first_of(nudge, POLL_S)
            return execution

    async def events(
        self, *, batch_id: str | None = None, execution_id: str | None = None, after: int | None = None
    ) -> AsyncIterator[ServerEvent]:
        """Events as they happen, without gaps, also over a lost connection.

        Of a batch or an execution they begin with its first one and end with its last one; of the whole server
        they begin now and do not end.

        Args:
            batch_id: Only this batch.
            execution_id: Only this execution.
            after: Begin after the event with this number.
        """
        wanted = _wanted(batch_id, execution_id)
        start = 0 if after is None and "all" not in wanted else after
        async with EventStream(self.url, self._headers, wanted, start) as stream:
            async for event in stream:
                yield event
                if ends(event, batch_id, execution_id):
                    return

    @asynccontextmanager
    async def _nudges(self, wanted: Mapping[str, str]) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever something of a batch or execution has ended."""
        nudge = asyncio.Event()
        async with EventStream(self.url, self._headers, wanted, None) as stream:

            async def watch() -> None:
                async for event in stream:
                    if ends(event, wanted.get("batchId"), wanted.get("executionId")):
                        nudge.set()

            task = asyncio.create_task(watch(), name="watch for an end")
            try:
                yield nudge
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _ask(
        self,
        kind: type[Answer],
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        data: aiohttp.FormData | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        answer = await self._request(method, path, query=query, body=body, data=data, headers=headers)
        try:
            return kind.model_validate(answer)
        except ValidationError as error:
            raise ClientError(
                f"{self.url}{path} gave an answer that is no {kind.__name__}: {error.errors()[0]['msg']}",
                code="ANSWER_NOT_UNDERSTOOD",
                details=answer,
            ) from error

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        data: aiohttp.FormData | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        if self._session is None:
            raise RuntimeError("use the client as a context manager: async with AsyncClient() as client")
        sent = dict(headers or {})
        payload: bytes | aiohttp.FormData | None = data
        if body is not None:
            payload = orjson.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                method, self.url + path, params=query, data=payload, headers=sent
            ) as response:
                return _content(response, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServerUnreachableError(self.url, str(error) or type(error).__name__) from error


async def _first_of(nudge: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(nudge.wait(), seconds)
    except TimeoutError:
        return
    nudge.clear()


def _wanted(batch_id: str | None, execution_id: str | None) -> dict[str, str | bool]:
    if batch_id is not None and execution_id is not None:
        raise ValueError("events of a batch or of an execution, not of both")
    if batch_id is not None:
        return {"batchId": batch_id}
    return {"executionId": execution_id} if execution_id is not None else {"all": True}


def _content(response: aiohttp.ClientResponse, raw: bytes) -> dict[str, Any]:
    """The object in an answer.

    Raises:
        ClientError: The server refused, or this is no object.
    """
    if response.ok:
        try:
            content = orjson.loads(raw)
        except orjson.JSONDecodeError:
            content = None
        if isinstance(content, dict):
            return content
    raise refusal(response.status, response.reason, raw)


def _segment(text: str) -> str:
    """A piece of a path, in which a slash is no separator."""
    return quote(text, safe="")


def _form(files: Sequence[str | Path], fields: Mapping[str, Any]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for file in map(Path, files):
        form.add_field("files", file.read_bytes(), filename=file.name, content_type="application/json")
    for name, value in fields.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        form.add_field(name, text)
    return form
