"""The service: the same answers for what runs, what is over, and what ran before a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from batches.batch_cache import BatchCache
from batches.breakpoints import DebugOptions
from batches.errors import (
    ConfinementError,
    ControlError,
    NotFoundError,
    NothingToRunError,
    ServiceClosingError,
)
from batches.events import BatchStatus, ExecutionEnded, ExecutionStatus
from batches.history import Cleared, HistoryQuery, Retention
from batches.memory_store import MemoryStore
from batches.reports.config import ReportConfig, ReportType
from batches.request import LONGEST_FIRST
from batches.rerun import Rerun, rerun_request
from batches.runner import MAX_BATCHES, StopReport
from batches.spec import ExecutionOptions, ScreenshotConfig
from batches.state import BatchState
from tests.batches.event_samples import state_of, whole_batch
from tests.batches.runs import ids, request, words
from tests.batches.services import desk

DONE, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED
DOCUMENTS = tuple({"nodes": [], "edges": [], "number": number} for number in range(4))


async def test_an_execution_is_found_by_id_and_alias_alive_over_and_after_a_restart(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(*DOCUMENTS[:2]))
        name = ids(state)[1]
        alias = str(state.executions[name].member.alias)
        assert (await one.service.execution(name)).execution is state.executions[name]
        assert (await one.service.execution(alias)).execution is state.executions[name]
        await one.over(state, DONE, FAILED)
        assert (await one.service.execution(alias)).execution.status is FAILED
        one.service.runner.forget(state.batch_id)
        assert (await one.service.execution(alias)).execution == state.executions[name]
    async with desk(tmp_path) as other:
        for key in (name, alias):
            found = await other.service.execution(key)
            assert found.batch == state
            assert found.execution == state.executions[name]


@pytest.mark.parametrize(
    "name", ["", "exec-1", "exec-1-1", "batch-1", "7", "0", "-1", "exec-1-x", "../x", "٣"]
)
async def test_what_is_no_execution_is_not_found(tmp_path: Path, name: str) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        for question in (
            one.service.execution(name),
            one.service.stop_execution(name),
            one.service.workflow(name),
        ):
            with pytest.raises(NotFoundError):
                await question


@pytest.mark.parametrize("batch_id", ["", "batch-1", "exec-1", "../batch-1"])
async def test_what_is_no_batch_is_not_found(tmp_path: Path, batch_id: str) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        for question in (
            one.service.batch(batch_id),
            one.service.stop_batch(batch_id),
            one.service.delete_batch(batch_id),
            one.service.rerun(batch_id, Rerun.ALL),
            one.service.events(batch_id),
        ):
            with pytest.raises(NotFoundError):
                await question


async def test_the_most_recent_and_the_active_ones(tmp_path: Path) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        service = one.service
        assert service.recent() is None
        assert service.active() == []
        first = await service.submit(request(*DOCUMENTS[:3]))
        second = await service.submit(request(DOCUMENTS[3], single=True))
        await one.running(*ids(first)[:2])
        active = [found.execution.execution_id for found in service.active()]
        assert active == [*ids(first), *ids(second)]
        recent, running = service.recent(), service.recent(ExecutionStatus.RUNNING)
        assert recent is not None
        assert running is not None
        assert recent.execution.execution_id == ids(second)[0]
        assert running.execution.execution_id == ids(first)[1]
        assert service.recent(ExecutionStatus.PAUSED) is None
        await service.stop_all()
        assert service.active() == []


async def test_a_list_shows_the_numbers_of_this_moment(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(*DOCUMENTS[:3], workers=1, tags=("nightly",)))
        await one.end(ids(state)[0], FAILED)
        await one.running(ids(state)[1])
        (row,) = (await one.service.page(HistoryQuery(tag="nightly"))).rows
        assert (row.status, row.failed, row.running, row.queued) == (BatchStatus.RUNNING, 1, 1, 1)
        assert (await one.service.page(HistoryQuery(statuses=frozenset({BatchStatus.FAILED})))).total == 0


async def test_events_of_the_past_moment_are_there(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(*DOCUMENTS[:2]))
        await one.over(state, DONE, DONE)
        events = await one.service.events(state.batch_id)
        assert [event.seq for event in events] == list(range(1, 7))
        name = ids(state)[0]
        of_one = await one.service.events(state.batch_id, execution_id=name)
        assert [type(event).__name__ for event in of_one] == ["ExecutionStarted", "ExecutionEnded"]
        assert await one.service.events(state.batch_id, after=4, limit=1) == events[4:5]


async def test_the_workflow_of_an_execution_is_kept_as_it_ran(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(*DOCUMENTS))
        assert await one.service.workflow(ids(state)[2]) == DOCUMENTS[2]
        await one.service.stop_all()
    async with desk(tmp_path) as other:
        assert await other.service.workflow(ids(state)[3]) == DOCUMENTS[3]


async def test_old_batches_leave_the_memory_and_are_found_nevertheless(tmp_path: Path) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        states: list[BatchState] = []
        for _ in range(MAX_BATCHES + 3):
            state = await one.service.submit(request(DOCUMENTS[0]))
            await one.over(state, DONE)
            states.append(state)
        assert len(one.service.log.states) == MAX_BATCHES
        assert states[0].batch_id not in one.service.log.states
        assert await one.service.batch(states[0].batch_id) == states[0]
        assert (await one.service.page(HistoryQuery(limit=None))).total == len(states)


async def test_what_runs_stays_in_memory_however_old_it_is(tmp_path: Path) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        long_running = await one.service.submit(request(DOCUMENTS[0]))
        for _ in range(MAX_BATCHES + 2):
            await one.over(await one.service.submit(request(DOCUMENTS[0])), DONE)
        assert await one.service.batch(long_running.batch_id) is long_running
        assert (await one.service.stop_batch(long_running.batch_id)).running_stopped == 1


def test_the_cache_holds_a_bounded_number() -> None:
    cache = BatchCache(max_batches=3, max_records=30)
    states = [state_of(whole_batch(f"batch-{number + 1}", size)) for number, size in enumerate([4, 4, 1, 12])]
    for state in states[:3]:
        cache.put(state)
    assert cache.get("batch-1") is states[0]
    cache.put(state_of(whole_batch("batch-9", 5)))
    assert [cache.get(f"batch-{number}") is None for number in (1, 2, 3)] == [False, True, False]
    cache.put(states[3])
    assert cache.get("batch-4") is states[3]
    assert cache.get("batch-1") is None
    cache.drop("batch-4")
    cache.drop("batch-4")
    assert cache.get("batch-4") is None


@pytest.mark.parametrize(
    ("only", "numbers"),
    [
        (Rerun.FAILED, [1]),
        (Rerun.NOT_RUN, [3]),
        (Rerun.FAILED_AND_NOT_RUN, [1, 2, 3]),
        (Rerun.ALL, [0, 1, 2, 3]),
    ],
)
async def test_running_a_part_again_after_a_restart(tmp_path: Path, only: Rerun, numbers: list[int]) -> None:
    """One passed, one failed, one was stopped in the middle, one was never started."""
    async with desk(tmp_path, slots=1) as one:
        options = ExecutionOptions(variables={"user": "Ada"}, timeout_s=5)
        first = await one.service.submit(request(*DOCUMENTS, options=options, tags=("shop",), priority=3))
        await one.end(ids(first)[0], DONE)
        await one.end(ids(first)[1], FAILED)
        await one.running(ids(first)[2])
        await one.service.stop_batch(first.batch_id)
    async with desk(tmp_path) as other:
        again = await other.service.rerun(first.batch_id, only)
        assert again.batch_id != first.batch_id
        assert again.options["rerunOf"] == first.batch_id
        assert again.options["tags"] == ("shop",)
        documents = [await other.service.workflow(name) for name in ids(again)]
        assert documents == [DOCUMENTS[number] for number in numbers]
        names = [execution.member.workflow_file_name for execution in again.executions.values()]
        assert names == [f"{number}.json" for number in numbers]
        await other.running(ids(again)[0])
        spec = other.engine.running[ids(again)[0]].spec
        assert spec.options == options
        (row, _) = (await other.service.page(HistoryQuery())).rows
        assert row.rerun_of == first.batch_id


async def test_a_rerun_without_anything_to_run_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(*DOCUMENTS[:2]))
        await one.over(state, DONE, DONE)
        for only in (Rerun.FAILED, Rerun.NOT_RUN, Rerun.FAILED_AND_NOT_RUN):
            with pytest.raises(NothingToRunError, match=state.batch_id):
                await one.service.rerun(state.batch_id, only)


async def test_a_running_batch_is_not_run_again_as_a_whole(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(*DOCUMENTS[:2]))
        await one.end(ids(state)[0], FAILED)
        with pytest.raises(ControlError, match="still runs"):
            await one.service.rerun(state.batch_id, Rerun.ALL)
        assert len((await one.service.rerun(state.batch_id, Rerun.FAILED)).executions) == 1


async def test_after_a_death_running_ones_are_interrupted_and_waiting_ones_are_offered_again(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, dies=True) as one:
        first = await one.service.submit(request(*DOCUMENTS[:3], workers=1))
        second = await one.service.submit(request(*DOCUMENTS[:2], workers=1))
        done = await one.service.submit(request(DOCUMENTS[3], priority=1, single=True))
        await one.running(ids(first)[0], ids(second)[0])
    async with desk(tmp_path, resume=True) as other:
        for batch_id in (first.batch_id, second.batch_id, done.batch_id):
            old = await other.service.batch(batch_id)
            assert set(words(old)) == {"interrupted"}
            assert old.status is BatchStatus.INTERRUPTED
        again = {state.options["rerunOf"]: state for state in other.service.log.states.values()}
        assert {name: len(state.executions) for name, state in again.items()} == {
            first.batch_id: 2,
            second.batch_id: 1,
            done.batch_id: 1,
        }
        assert again[done.batch_id].single
        assert await other.service.workflow(ids(again[first.batch_id])[0]) == DOCUMENTS[1]
    async with desk(tmp_path, resume=True) as third:
        assert third.service.log.states == {}


async def test_without_resume_nothing_runs_by_itself(tmp_path: Path) -> None:
    async with desk(tmp_path, dies=True, slots=1) as one:
        first = await one.service.submit(request(*DOCUMENTS[:2]))
        await one.running(ids(first)[0])
    async with desk(tmp_path) as other:
        assert other.service.active() == []
        assert len((await other.service.rerun(first.batch_id, Rerun.NOT_RUN)).executions) == 1


async def test_stopping_what_is_over_changes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(*DOCUMENTS[:2]))
        await one.over(state, DONE, FAILED)
    async with desk(tmp_path) as other:
        assert await other.service.stop_execution(ids(state)[0]) == StopReport()
        assert await other.service.stop_batch(state.batch_id) == StopReport()
        assert await other.service.stop_all() == StopReport()
        assert await other.service.batch(state.batch_id) == state


async def test_clearing_spares_what_runs(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        over = await one.service.submit(request(*DOCUMENTS[:2]))
        await one.over(over, DONE, DONE)
        running = await one.service.submit(request(DOCUMENTS[0]))
        await one.running(*ids(running))
        with pytest.raises(ControlError, match="still runs"):
            await one.service.delete_batch(running.batch_id)
        assert await one.service.clear_history() == Cleared(batches=1, executions=2)
        with pytest.raises(NotFoundError):
            await one.service.batch(over.batch_id)
        await one.over(running, DONE)
        assert (await one.service.delete_batch(running.batch_id)).executions == 1
        assert (await one.service.page(HistoryQuery(include_single=True))).total == 0


async def test_retention_forgets_in_memory_too(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        states = [await one.service.submit(request(DOCUMENTS[0])) for _ in range(3)]
        for state in states:
            await one.over(state, DONE)
        assert await one.service.retain(Retention()) == Cleared()
        assert (await one.service.retain(Retention(max_batches=1))).batches == 2
        assert list(one.service.log.states) == [states[2].batch_id]


async def test_a_service_that_closes_takes_no_work(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        before = one.service.accepting
        await one.service.close()
        assert [before, one.service.accepting] == [True, False]
        with pytest.raises(ServiceClosingError):
            await one.service.submit(request(DOCUMENTS[0]))


async def test_draining_lets_what_runs_finish_and_starts_nothing_more(tmp_path: Path) -> None:
    async with desk(tmp_path, slots=1) as one:
        state = await one.service.submit(request(*DOCUMENTS[:2]))
        await one.running(ids(state)[0])
        closing = asyncio.create_task(one.service.close(drain_s=60), name="closing")
        await one.until(lambda: state.counts.stopped == 1)
        assert words(state) == ["running", "stopped"]
        one.engine.running[ids(state)[0]].end(DONE)
        await asyncio.wait_for(closing, 60)
        assert words(state) == ["completed", "stopped"]
        assert state.counts.not_run == 1


async def test_a_batch_that_comes_while_draining_is_cancelled(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.service.runner.drain(0)
        state = await one.service.runner.submit(request(*DOCUMENTS))
        assert words(state) == ["stopped"] * 4
        assert (await one.over(state)).status is BatchStatus.STOPPED


async def test_a_stop_in_the_moment_of_the_submission_reaches_every_member(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        stops: list[asyncio.Task[StopReport]] = []

        def stop(event: object, _state: BatchState) -> None:
            if not stops and not isinstance(event, ExecutionEnded):
                stops.append(asyncio.create_task(one.service.stop_all(), name="stop"))

        one.service.log.listen(stop)
        state = await one.service.submit(request(*DOCUMENTS))
        assert (await stops[0]).total == 4
        assert words(state) == ["stopped"] * 4


@pytest.mark.parametrize(
    "path", ["../x", "/etc", "a/../../x", "link/x", "nul\0", "a/../../../etc/passwd", "~root/../../x"]
)
async def test_paths_cannot_leave_the_roots(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    async with desk(root, store=MemoryStore(root)) as one:
        with pytest.raises(ConfinementError) as refusal:
            one.service.confine(path, field="folderPath")
        assert (refusal.value.field, refusal.value.code) == ("folderPath", "PATH_NOT_ALLOWED")
        assert str(tmp_path) not in refusal.value.message


async def test_paths_within_the_roots_are_absolute(tmp_path: Path) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        assert one.service.confine("flows/../a b/ü", field="x") == tmp_path / "a b" / "ü"
        assert one.service.confine(tmp_path, field="x") == tmp_path
        assert one.service.confine(".", field="x") == tmp_path


async def test_artifacts_are_files_of_executions_only(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request(DOCUMENTS[0]))
        folder = one.store.execution_folder(state.batch_id, ids(state)[0])
        (folder / "screenshots").mkdir(parents=True)
        (folder / "screenshots" / "a.png").write_bytes(b"x")
        (folder / "out").symlink_to(tmp_path)
        relative = f"batches/{state.batch_id}/{ids(state)[0]}"
        path = await one.service.artifact(f"{relative}/screenshots/a.png")
        assert path == folder / "screenshots" / "a.png"
        for wrong in (
            "index.json",
            f"batches/{state.batch_id}/events.jsonl",
            f"batches/{state.batch_id}/workflows.zip",
            f"{relative}/out/index.json",
            f"{relative}/screenshots/../../workflows.zip",
            f"{relative}/screenshots",
            f"{relative}/nothing.png",
            "../x",
            "/etc/passwd",
            "nul\0",
        ):
            with pytest.raises(NotFoundError):
                await one.service.artifact(wrong)


async def test_a_rerun_asks_for_the_same_as_the_first_run(tmp_path: Path) -> None:
    first = request(
        *DOCUMENTS,
        workers=3,
        retries=2,
        max_failures=1,
        order=LONGEST_FIRST,
        priority=-1,
        source="mcp",
        output_path="reports",
        report=ReportConfig(enabled=True, report_types=(ReportType.JUNIT,), report_retention=3),
        debug=DebugOptions(use_saved=True, known_p95={"n1": 5.0}),
        options=ExecutionOptions(
            headless=False,
            browser_args=("--x",),
            screenshot_config=ScreenshotConfig(enabled=True, timing="both"),
            variables={"a": {"b": [1, None, "ü"]}},
            start_overrides={"slowMo": 10},
        ),
    )
    async with desk(tmp_path) as one:
        state = await one.service.submit(first)
        await one.service.stop_all()
        again = await rerun_request(one.store, state, Rerun.ALL)
        assert again == replace(first, rerun_of=state.batch_id)


async def test_the_batch_names_who_asked_and_how(tmp_path: Path) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        options = ExecutionOptions(variables={"password": "secret"})
        state = await one.service.submit(request(DOCUMENTS[0], source="frontend", options=options))
        assert state.options["source"] == "frontend"
        assert "secret" not in str(state.options)
