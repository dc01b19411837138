"""The whole server in one process: two batches and a stop-all, its probes and numbers, what it deletes."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from batches.batch_folder import DOOMED
from batches.errors import StoreError
from batches.events import BatchEnded, BatchStatus, Event
from batches.history import HistoryQuery
from batches.log_context import EXECUTION_ID
from batches.state import BatchState
from server.health import Phase
from server.serving import ListenError, running_server
from server.settings import ServerSettings
from tests.batches.runs import PATIENCE_S, START, browsing, failing, passing, pausing
from tests.running import chain, node
from tests.server.serving import Serving, serving, watching

COUNTED = ("completed", "failed", "stopped", "running", "queued")


def numbers(text: str) -> dict[str, float]:
    """Samples of a scrape, by name and labels."""
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def browser_pausing() -> dict[str, Any]:
    pause = node("pause", "wait", waitType="timeout", value=600_000)
    return chain(START, node("open", "openBrowser"), pause)


@pytest.mark.browser
async def test_stop_all_in_the_middle_of_two_hundred(tmp_path: Path, site_url: str) -> None:
    """Two thirds of each batch end by themselves; of the rest, four run and the others wait."""
    quick = [browsing(f"{site_url}/logic.html"), *[passing()] * 60, *[failing()] * 6]
    slow = [browser_pausing(), browser_pausing(), *[pausing()] * 31]
    async with serving(tmp_path, workers=4) as stage, watching(stage.server.url) as watcher:
        ids = [
            str((await stage.client.execute(workflows=[*quick, *slow], workers=2)).batch_id) for _ in range(2)
        ]

        def at_pause() -> bool:
            return (
                sum(item.execution.current_node_id == "pause" for item in stage.server.service.active()) == 4
            )

        await watcher.until(at_pause)
        roots = [psutil.Process(process.pid) for process in stage.server.pool.processes]
        browsers = [*roots, *(child for root in roots for child in root.children(recursive=True))]
        assert len(browsers) > 1

        stopped = await stage.client.stop_all()
        assert (stopped.total_stopped, stopped.running_stopped, stopped.queued_cancelled) == (66, 4, 62)
        assert sorted(stopped.batches) == sorted(ids)
        started = await stage.client.execute(workflows=[passing()] * 3)
        assert (await stage.client.wait(str(started.batch_id), timeout_s=PATIENCE_S)).completed == 3
        _, alive = await asyncio.to_thread(psutil.wait_procs, browsers, PATIENCE_S)
        assert alive == []

        await watcher.until(lambda: {item["batchId"] for item in watcher.of("batch-complete")} >= set(ids))
        updates = [item for item in watcher.of("batch-update") if item["batchId"] in ids]
        assert updates
        for update in updates:
            assert sum(update[name] for name in COUNTED) == update["totalWorkflows"] == 100, update
        for batch_id in ids:
            batch = await stage.client.batch(batch_id)
            assert (batch.status, batch.completed, batch.failed, batch.stopped) == ("stopped", 61, 6, 33)
            last = [item for item in updates if item["batchId"] == batch_id][-1]
            assert [last[name] for name in COUNTED] == [61, 6, 33, 0, 0]
        last_words = {
            item["executionId"]: item["status"]
            for item in watcher.of("execution-update")
            if item["batchId"] in ids
        }
        assert sorted(last_words.values()) == ["completed"] * 122 + ["error"] * 12 + ["stopped"] * 66
        assert (await stage.client.stop_all()).total_stopped == 0


async def test_numbers(tmp_path: Path) -> None:
    async with serving(tmp_path, workers=3) as stage, watching(stage.server.url):
        empty = numbers(await stage.text("/metrics"))
        assert empty["batchwright_executions status=running"] == 0
        assert empty["batchwright_executions_ended_total status=failed"] == 0
        done = await stage.client.execute(workflows=[passing(), passing(), failing()])
        await stage.client.wait(str(done.batch_id), timeout_s=PATIENCE_S)
        await stage.client.execute(workflows=[pausing()] * 5, workers=3)
        now = numbers(await stage.text("/metrics"))
        assert {
            "running": now["batchwright_executions status=running"]
            + now["batchwright_executions status=queued"],
            "completed": now["batchwright_executions_ended_total status=completed"],
            "failed": now["batchwright_executions_ended_total status=failed"],
            "batches": now["batchwright_batches_ended_total status=failed"],
            "open": now["batchwright_batches_running"],
            "waiting": now["batchwright_queue_length"],
            "slots": now["batchwright_slots"],
            "used": now["batchwright_slots_in_use"],
            "timed": now["batchwright_execution_duration_seconds_count status=completed"],
            "browsers": now["batchwright_browser_starts_total"],
            "clients": now["batchwright_socket_clients"],
            "errors": now["batchwright_journal_errors_total"],
        } == {
            "running": 5,
            "completed": 2,
            "failed": 1,
            "batches": 1,
            "open": 1,
            "waiting": 2,
            "slots": 3,
            "used": 3,
            "timed": 2,
            "browsers": 0,
            "clients": 1,
            "errors": 0,
        }
        assert {"batchwright_journal_lag_events", "batchwright_event_lag_seconds"} <= set(now)
        async with stage.http.get("/metrics", headers={"Accept": "application/openmetrics-text"}) as answer:
            assert (await answer.text()).endswith("# EOF\n")


async def test_two_servers_have_numbers_of_their_own(tmp_path: Path) -> None:
    async with serving(tmp_path / "a") as one, serving(tmp_path / "b", alone=False) as two:
        done = await one.client.execute(passing())
        await one.client.wait_execution(str(done.execution_id), timeout_s=PATIENCE_S)
        ended = [numbers(await stage.text("/metrics")) for stage in (one, two)]
        name = "batchwright_executions_ended_total status=completed"
        assert [item[name] for item in ended] == [1, 0]


async def test_probes_say_why_no_work_is_taken(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        assert await stage.json("/readyz") == (200, {"status": "ready", "reasons": []})
        stage.server.health.phase = Phase.STARTING
        assert await stage.json("/readyz") == (503, {"status": "not ready", "reasons": ["starting"]})
        assert (await stage.json("/healthz"))[0] == 200
        async with stage.http.get("/api/workflows/executions/active") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert (await answer.json())["code"] == "STARTING"
        stage.server.health.phase = Phase.DRAINING
        assert (await stage.json("/readyz"))[1]["reasons"] == ["draining"]
        assert (await stage.json("/api/workflows/executions/active"))[0] == 200


async def test_a_server_that_cannot_record_says_start_me_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        stage.server.service.log.error = StoreError("the disk is full")
        reasons = ["results can no longer be written: STORE_FAILED"]
        assert await stage.json("/healthz") == (503, {"status": "failed", "reasons": reasons})
        assert await stage.json("/readyz") == (503, {"status": "not ready", "reasons": reasons})
        assert numbers(await stage.text("/metrics"))["batchwright_journal_errors_total"] == 1


async def test_old_batches_are_deleted_at_the_start(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        ids = [await run_one(stage) for _ in range(3)]
    async with serving(tmp_path, keep_batches=1) as stage:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                page = await stage.client.batches()
                if page.total == 1:
                    break
                await asyncio.sleep(0.02)
        assert [row.batch_id for row in page.batches] == [ids[-1]]
    # What could not be removed before the server was stopped is removed by the next one.
    left = [path.name for path in (tmp_path / "output" / "batches").iterdir()]
    assert [name for name in left if not name.startswith(DOOMED)] == [ids[-1]]


async def test_a_list_of_running_batches_has_none_that_has_just_ended(tmp_path: Path) -> None:
    """Between its end and its saving a batch is over, too."""
    async with serving(tmp_path) as stage:
        service, looks = stage.server.service, []

        def look(event: Event, _state: BatchState) -> None:
            if isinstance(event, BatchEnded):
                query = HistoryQuery(statuses=frozenset({BatchStatus.RUNNING}))
                looks.append(asyncio.create_task(service.page(query)))

        service.log.listen(look)
        for _ in range(3):
            await run_one(stage)
        pages = await asyncio.gather(*looks)
        assert [page.total for page in pages] == [0, 0, 0]
        everything = await service.page(HistoryQuery(statuses=frozenset({BatchStatus.COMPLETED})))
        assert everything.total == 3


async def test_what_an_execution_does_knows_its_execution(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        known: list[tuple[str, str | None]] = []

        def look(event: Event, _state: BatchState) -> None:
            if event.execution_id is not None:
                known.append((event.execution_id, EXECUTION_ID.get()))

        stage.server.service.log.listen(look)
        started = await stage.client.execute(workflows=[passing()] * 4)
        await stage.client.wait(str(started.batch_id), timeout_s=PATIENCE_S)
    assert len({name for name, _ in known}) == 4
    assert [name for name, _ in known] == [said for _, said in known]
    assert EXECUTION_ID.get() is None


async def run_one(stage: Serving) -> str:
    started = await stage.client.execute(workflows=[passing()])
    return (await stage.client.wait(str(started.batch_id), timeout_s=PATIENCE_S)).batch_id


async def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError, match="another program uses it") as caught:
            async with running_server(ServerSettings(port=port, output=tmp_path / "output")):
                raise AssertionError("it serves")
    assert (caught.value.code, caught.value.port) == ("PORT_IN_USE", port)
    assert not (tmp_path / "output").exists()


async def test_an_address_of_another_machine(tmp_path: Path) -> None:
    settings = ServerSettings(host="192.0.2.1", port=0, token=SecretStr("s3cret"), output=tmp_path / "output")
    with pytest.raises(ListenError) as caught:
        async with running_server(settings):
            raise AssertionError("it serves")
    assert caught.value.code == "ADDRESS_NOT_USABLE"


async def test_tasks_of_another_server_are_not_this_ones(tmp_path: Path) -> None:
    """A server that tests share begins to wait anew now and then, also while another one is up."""
    go, begun, never = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def other() -> None:
        await go.wait()
        waiting = asyncio.create_task(never.wait())
        begun.set()
        await waiting

    shared = asyncio.create_task(other())
    async with serving(tmp_path):
        go.set()
        await begun.wait()
    never.set()
    await shared


async def test_a_task_that_is_left_is_told(tmp_path: Path) -> None:
    never = asyncio.Event()
    with pytest.raises(AssertionError, match=r"tasks are left: .*forgotten"):
        async with serving(tmp_path):
            left = asyncio.create_task(never.wait(), name="forgotten")
    never.set()
    await left
