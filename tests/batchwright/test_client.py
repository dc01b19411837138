"""The Python client against a real server in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from batchwright.client import AsyncClient
from batchwright.client_models import ClientError, ServerEvent, ServerUnreachableError
from batchwright.client_sync import Client
from tests.batches.runs import PATIENCE_S, failing, passing, pausing
from tests.batchwright.command import many, write
from tests.server.serving import Serving, serving


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    """A server that the tests of this module share."""
    async with serving(tmp_path_factory.mktemp("client"), alone=False) as shared:
        yield shared


@pytest.fixture
def client(stage: Serving) -> AsyncClient:
    return stage.client


def root(stage: Serving) -> Path:
    return stage.server.service.roots[0]


async def test_a_single_run(client: AsyncClient) -> None:
    started = await client.execute(passing(), workflow_file_name="hello.json", variables={"a": 1})
    assert (started.execution_mode, started.executions) == ("single", ())
    execution = await client.wait_execution(str(started.execution_id), timeout_s=PATIENCE_S)
    assert (execution.status, execution.error, execution.is_over) == ("completed", None, True)
    assert await client.status() == execution
    result = await client.result(execution.execution_id)
    assert result["variables"]["a"] == 1
    assert [node["nodeId"] for node in result["nodes"]] == ["start", "say"]


async def test_a_failure_says_why(client: AsyncClient) -> None:
    started = await client.execute(failing())
    execution = await client.wait_execution(str(started.execution_id), timeout_s=PATIENCE_S)
    assert (execution.status, execution.current_node_id) == ("error", "bad")
    assert "filePath" in str(execution.error)


async def test_a_folder(stage: Serving, client: AsyncClient) -> None:
    many(root(stage) / "flows", "a", 3, passing())
    write(root(stage) / "flows", b=failing(), c="no json")
    started = await client.execute(folder="flows", workers=2, tags=["nightly"])
    assert (started.total_workflows, started.valid_workflows, started.invalid_workflows) == (5, 4, 1)
    assert [fault.file_name for fault in started.validation_errors] == ["c.json"]
    batch = await client.wait(str(started.batch_id), timeout_s=PATIENCE_S)
    assert (batch.status, batch.completed, batch.failed, batch.source_type) == ("error", 3, 1, "folder")
    assert [item.status for item in batch.executions] == ["completed"] * 3 + ["error"]
    rerun = await client.rerun(batch.batch_id, "failed")
    again = await client.wait(str(rerun.batch_id), timeout_s=PATIENCE_S)
    assert (again.total_workflows, again.failed) == (1, 1)


async def test_files_of_this_machine(client: AsyncClient, tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", one=passing(), two=passing())
    started = await client.execute(files=sorted(folder.iterdir()), workers=2, retries=1)
    batch = await client.wait(str(started.batch_id), timeout_s=PATIENCE_S)
    assert (batch.source_type, batch.completed) == ("files", 2)
    assert [item.workflow_file_name for item in batch.executions] == ["one.json", "two.json"]


async def test_lists(client: AsyncClient) -> None:
    ids = [str((await client.execute(workflows=[passing()])).batch_id) for _ in range(3)]
    for batch_id in ids:
        await client.wait(batch_id, timeout_s=PATIENCE_S)
    page = await client.batches(status="completed", limit=2)
    assert [row.batch_id for row in page.batches] == [ids[2], ids[1]]
    assert (page.limit, page.offset, page.total >= 3) == (2, 0, True)
    assert (await client.batches(limit=1, offset=2)).batches[0].batch_id == ids[0]


async def test_the_same_key_starts_once(client: AsyncClient) -> None:
    first = await client.execute(passing(), idempotency_key="k-1")
    assert await client.execute(passing(), idempotency_key="k-1") == first
    with pytest.raises(ClientError) as caught:
        await client.execute(failing(), idempotency_key="k-1")
    assert caught.value.status == 422


async def test_stopping(client: AsyncClient) -> None:
    single = await client.execute(pausing())
    stopped = await client.stop(str(single.execution_id))
    assert (stopped.success, stopped.was_running or stopped.was_queued) == (True, True)
    batch = await client.execute(workflows=[pausing()] * 6, workers=2)
    stopped = await client.stop(str(batch.batch_id))
    assert (stopped.stopped_executions, stopped.running_stopped + stopped.queued_cancelled) == (6, 6)
    await client.execute(workflows=[pausing()] * 2)
    assert (await client.active()).total_active == 2
    everything = await client.stop_all()
    assert (everything.total_batches, everything.total_stopped) == (1, 2)
    assert (await client.active()).executions == ()
    assert (await client.stop_all()).total_stopped == 0


@pytest.mark.parametrize("name", ["batch-1", "batch-x", "../x", "a b%2F"])
async def test_unknown_ids(client: AsyncClient, name: str) -> None:
    for question in (client.batch(name), client.result(name), client.stop(name)):
        with pytest.raises(ClientError) as caught:
            await question
        assert caught.value.status == 404
        assert caught.value.code


async def test_refusals_name_the_field(client: AsyncClient) -> None:
    with pytest.raises(ClientError) as caught:
        await client.execute(workflows=[passing()], workers=-1)
    assert (caught.value.status, caught.value.field) == (400, "workers")
    with pytest.raises(ClientError) as caught:
        await client.execute(workflows=[{"nodes": []}])
    assert caught.value.details["validationErrors"]
    assert "No valid workflows found" in caught.value.message


async def test_nobody_answers() -> None:
    async with AsyncClient("http://127.0.0.1:9", timeout_s=5) as client:
        for question in (client.active(), client.wait("batch-1")):
            with pytest.raises(ServerUnreachableError) as caught:
                await question
            assert caught.value.code == "SERVER_UNREACHABLE"
        with pytest.raises(ServerUnreachableError):
            await anext(client.events())


async def test_a_wait_has_a_limit(client: AsyncClient) -> None:
    started = await client.execute(pausing())
    with pytest.raises(TimeoutError):
        await client.wait_execution(str(started.execution_id), timeout_s=0.05)
    await client.stop_all()


async def test_outside_of_its_block_it_says_how_to_use_it() -> None:
    with pytest.raises(RuntimeError, match="async with AsyncClient"):
        await AsyncClient().active()
    with pytest.raises(RuntimeError, match="with Client"):
        Client().active()


def of_nodes(events: list[ServerEvent]) -> list[tuple[str, str]]:
    return [
        (str(event.data["executionId"]), f"{event.data['nodeId']} {event.data['status']}")
        for event in events
        if event.name == "node-execution"
    ]


def complete(events: list[ServerEvent], executions: list[str]) -> None:
    """Each execution has each of its messages once, in order; the batch has a beginning and an end."""
    nodes = of_nodes(events)
    for execution_id in executions:
        words = [word for name, word in nodes if name == execution_id]
        assert words == ["start running", "start completed", "say running", "say completed"], words
    assert events[0].name == "batch-start"
    assert [event.name for event in events].count("batch-complete") == 1
    assert events[-1].name == "batch-complete"


async def test_the_events_of_a_batch_from_its_beginning_to_its_end(client: AsyncClient) -> None:
    started = await client.execute(workflows=[passing()] * 5, workers=2)
    batch_id = str(started.batch_id)
    names = [item.execution_id for item in started.executions]
    async with asyncio.timeout(PATIENCE_S):
        live = [event async for event in client.events(batch_id=batch_id)]
        later = [event async for event in client.events(batch_id=batch_id)]
    complete(live, names)
    complete(later, names)
    middle = sorted(event.seq for event in later if event.seq is not None)[len(later) // 2]
    async with asyncio.timeout(PATIENCE_S):
        rest = [event async for event in client.events(batch_id=batch_id, after=middle)]
    assert all(event.seq is not None and event.seq > middle for event in rest)
    assert of_nodes(later)[-len(of_nodes(rest)) :] == of_nodes(rest)


async def test_the_events_of_an_execution_end_with_it(client: AsyncClient) -> None:
    started = await client.execute(passing())
    async with asyncio.timeout(PATIENCE_S):
        events = [event async for event in client.events(execution_id=str(started.execution_id))]
    assert events[-1].name == "execution-update"
    assert events[-1].data["status"] == "completed"
    assert {event.data["executionId"] for event in events} == {started.execution_id}


async def test_events_of_what_is_not_there(client: AsyncClient) -> None:
    with pytest.raises(ClientError) as caught:
        await anext(client.events(batch_id="batch-1"))
    assert caught.value.code == "NOT_FOUND"
    with pytest.raises(ValueError, match="not of both"):
        await anext(client.events(batch_id="batch-1", execution_id="exec-1"))


class Cable:
    """A connection to a server that can be cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.used = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.used += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()


@asynccontextmanager
async def cable_to(port: int) -> AsyncIterator[tuple[Cable, str]]:
    cable = Cable(port)
    async with await asyncio.start_server(cable.carry, "127.0.0.1", 0) as server:
        yield cable, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        cable.cut()


async def test_events_go_on_after_a_lost_connection(stage: Serving) -> None:
    async with cable_to(stage.server.port) as (cable, url), AsyncClient(url) as client:
        started = await client.execute(workflows=[passing()] * 30, workers=1)
        events: list[ServerEvent] = []
        async with asyncio.timeout(PATIENCE_S):
            async for event in client.events(batch_id=str(started.batch_id)):
                events.append(event)
                if len(events) == 5:
                    cable.cut()
        assert cable.used >= 3
        complete(events, [item.execution_id for item in started.executions])


async def test_a_token(tmp_path: Path) -> None:
    async with serving(tmp_path, alone=False, token="s3cret") as stage:
        async with AsyncClient(stage.server.url, token="s3cret") as friend:
            started = await friend.execute(workflows=[passing()])
            events = [event async for event in friend.events(batch_id=str(started.batch_id))]
            assert events[-1].name == "batch-complete"
        async with AsyncClient(stage.server.url, token="guess") as stranger:
            with pytest.raises(ClientError) as caught:
                await stranger.active()
            assert (caught.value.status, caught.value.code) == (401, "TOKEN_REQUIRED")
            with pytest.raises(ClientError) as caught:
                await anext(stranger.events())
            assert caught.value.code == "TOKEN_REQUIRED"


def use_without_asyncio(url: str, flows: list[dict[str, Any]]) -> list[str]:
    """What a script does; returns the names of the events it saw."""
    with Client(url) as client:
        assert client.url == url
        started = client.execute(workflows=flows, workers=2)
        batch_id = str(started.batch_id)
        names = [event.name for event in client.events(batch_id=batch_id)]
        batch = client.wait(batch_id, timeout_s=PATIENCE_S)
        assert client.batch(batch_id) == batch
        assert batch_id in [row.batch_id for row in client.batches(status="completed").batches]
        member = batch.executions[0].execution_id
        assert client.status(member).status == "completed"
        assert client.result(member)["executionId"] == member
        assert client.rerun(batch_id, "all").total_workflows == len(flows)
        single = client.execute(pausing())
        with pytest.raises(TimeoutError):
            client.wait_execution(str(single.execution_id), timeout_s=0.01)
        assert client.stop(str(single.execution_id)).success
        assert client.stop_all().success
        assert client.active().total_active == 0
        with pytest.raises(ClientError):
            client.batch("batch-1")
        return names


async def test_without_asyncio(stage: Serving) -> None:
    names = await asyncio.to_thread(use_without_asyncio, stage.server.url, [passing()] * 2)
    assert (names[0], names[-1]) == ("batch-start", "batch-complete")


def test_events_can_be_read_as_json() -> None:
    event = ServerEvent("batch-start", {"batchId": "batch-1", "seq": 1})
    assert json.loads(json.dumps(event.data)) == event.data
    assert event.seq == 1
