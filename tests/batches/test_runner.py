"""The runner: order, limits, retries and stops, without a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from batches.errors import NotFoundError
from batches.events import BatchEnded, ExecutionRetried, ExecutionStarted
from batches.runner import StopReport
from batches.spec import ExecutionOptions
from tests.batches.runs import failing, ids, passing, pausing, request, stage, words


async def test_a_batch_runs_to_its_end(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        first = await run.runner.submit(request(passing(), failing(), passing(), workers=1))
        state = await run.over(first.batch_id)
        assert words(state) == ["completed", "failed", "completed"]
        assert state.status == "failed"
        assert isinstance(run.events[-1], BatchEnded)
        assert [end.execution_id for end in run.ends()] == ids(state)
        number = first.batch_id.removeprefix("batch-")
        assert ids(state) == [f"exec-{number}-{index}" for index in (1, 2, 3)]


async def test_data_says_whether_an_execution_belongs_to_a_batch(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        member = await run.runner.submit(request(passing()))
        single = await run.runner.submit(request(passing(), single=True))
        for state in (member, single):
            await run.over(state.batch_id)
        batched, alone = (end.data for end in run.ends())
        assert (batched["isParallelExecution"], batched["batchId"]) == (True, member.batch_id)
        assert alone["isParallelExecution"] is False
        assert "batchId" not in alone


async def test_an_empty_batch_is_over_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request())
        assert (await run.over(state.batch_id)).status == "completed"


async def test_no_more_run_at_once_than_workers_and_slots_allow(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=3) as run:
        first = await run.runner.submit(request(*[pausing()] * 4, workers=2))
        second = await run.runner.submit(request(*[pausing()] * 4, workers=2))
        await run.at_node("pause", 3)
        assert [state.counts.running for state in (first, second)] == [2, 1]
        await run.runner.stop_execution(ids(first)[0])
        await run.at_node("pause", 4)
        assert run.runner.queue.in_use == 3
        assert first.counts.running <= 2
        assert second.counts.running <= 2


async def test_higher_priority_starts_first(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        holding = await run.runner.submit(request(pausing()))
        await run.at_node("pause")
        low = await run.runner.submit(request(passing(), passing()))
        high = await run.runner.submit(request(passing(), passing(), priority=5))
        await run.runner.stop_batch(holding.batch_id)
        await run.over(low.batch_id)
        await run.over(high.batch_id)
        started = [item.batch_id for item in run.events if isinstance(item, ExecutionStarted)]
        assert started == [holding.batch_id, *[high.batch_id] * 2, *[low.batch_id] * 2]


async def test_a_failed_execution_is_tried_again_as_often_as_asked(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(failing(), passing(), retries=2))
        await run.over(state.batch_id)
        assert [item.attempts for item in state.executions.values()] == [3, 1]
        retries = [item for item in run.events if isinstance(item, ExecutionRetried)]
        assert [(item.attempt, item.reason) for item in retries] == [(1, "failed"), (2, "failed")]


async def test_what_cannot_get_better_is_not_tried_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        cyclic = passing()
        cyclic["edges"].append({"id": "back", "source": "say", "target": "say", "targetHandle": "input"})
        state = await run.runner.submit(request(cyclic, retries=3))
        await run.over(state.batch_id)
        (execution,) = state.executions.values()
        assert execution.error is not None
        assert (execution.attempts, execution.error.code) == (0, "WORKFLOW_INVALID")


async def test_max_failures_leaves_the_rest_not_run(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        documents = [failing(), passing(), failing(), passing(), passing()]
        state = await run.runner.submit(request(*documents, workers=1, max_failures=2))
        await run.over(state.batch_id)
        assert words(state) == ["failed", "completed", "failed", "stopped", "stopped"]
        assert (state.counts.not_run, state.status) == (2, "failed")


async def test_stopping_a_batch_stops_what_runs_and_cancels_what_waits(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=3) as run:
        state = await run.runner.submit(
            request(passing(), pausing(), pausing(), passing(), pausing(), workers=2)
        )
        other = await run.runner.submit(request(pausing()))
        await run.at_node("pause", 3)
        report = await run.runner.stop_batch(state.batch_id)
        assert report == StopReport(2, 2, {state.batch_id: 4})
        assert report.total == 4
        assert words(state) == ["completed", "stopped", "stopped", "stopped", "stopped"]
        assert state.counts.not_run == 2
        assert (await run.over(state.batch_id)).status == "stopped"
        assert words(other) == ["running"]
        assert await run.runner.stop_batch(state.batch_id) == StopReport()


async def test_a_stop_is_over_before_anything_that_was_waited_for(tmp_path: Path) -> None:
    """The wait of a minute is given up: the one of two seconds that runs beside it ends after the stop."""
    async with stage(tmp_path) as run:
        marker = pausing()
        marker["nodes"][1]["data"]["value"] = 2_000
        state = await run.runner.submit(request(pausing(), marker))
        await run.at_node("pause", 2)
        report = await run.runner.stop_execution(ids(state)[0])
        assert report == StopReport(1, 0, {state.batch_id: 1})
        await run.over(state.batch_id)
        assert [(end.execution_id, end.status) for end in run.ends()] == [
            (ids(state)[0], "stopped"),
            (ids(state)[1], "completed"),
        ]


async def test_stopping_what_waits_needs_no_worker(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        state = await run.runner.submit(request(pausing(), pausing()))
        await run.at_node("pause")
        assert await run.runner.stop_execution(ids(state)[1]) == StopReport(0, 1, {state.batch_id: 1})
        assert words(state) == ["running", "stopped"]
        assert await run.runner.stop_execution(ids(state)[1]) == StopReport()


async def test_final_states_stay_whatever_is_stopped_later(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(passing(), failing()))
        await run.over(state.batch_id)
        before = list(run.events)
        assert await run.runner.stop_execution(ids(state)[0]) == StopReport()
        assert (await run.runner.stop_batch(state.batch_id)).total == 0
        assert (await run.runner.stop_all()).total == 0
        assert run.events == before


async def test_stopping_in_the_moment_of_the_start(tmp_path: Path) -> None:
    """Right after the submission the attempts have not made their first step."""
    async with stage(tmp_path, slots=2) as run:
        state = await run.runner.submit(request(pausing(), pausing(), pausing()))
        report = await run.runner.stop_batch(state.batch_id)
        assert (report.running_stopped, report.queued_cancelled) == (2, 1)
        assert words(state) == ["stopped"] * 3
        assert (await run.over(state.batch_id)).status == "stopped"


async def test_many_stops_at_once_count_each_execution_once(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=2) as run:
        state = await run.runner.submit(request(*[pausing()] * 4, workers=2))
        await run.at_node("pause", 2)
        await asyncio.gather(
            run.runner.stop_all(),
            run.runner.stop_batch(state.batch_id),
            *(run.runner.stop_execution(name) for name in ids(state)),
        )
        assert words(state) == ["stopped"] * 4
        await run.over(state.batch_id)
        assert len(run.ends()) == 4


async def test_a_stop_among_retries_ends_them(tmp_path: Path) -> None:
    """Whether the stop or the attempt's own failure came first: no attempt follows, and the report is true."""
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(failing(), retries=1_000))
        await run.until(lambda: any(isinstance(item, ExecutionRetried) for item in run.events))
        report = await run.runner.stop_all()
        assert words(state) == ["stopped" if report.total else "failed"]
        await run.over(state.batch_id)
        (execution,) = state.executions.values()
        assert execution.attempts < 1_000


async def test_stopping_everything_reaches_every_batch(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        first = await run.runner.submit(request(pausing(), pausing()))
        second = await run.runner.submit(request(pausing()))
        await run.at_node("pause")
        report = await run.runner.stop_all()
        assert (report.running_stopped, report.queued_cancelled) == (1, 2)
        assert set(report.batches) == {first.batch_id, second.batch_id}
        assert [state.status for state in (first, second)] == ["stopped", "stopped"]


async def test_the_limit_of_an_execution_ends_it_alone(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        options = ExecutionOptions(timeout_s=0.3)
        state = await run.runner.submit(request(pausing(), passing(), options=options))
        await run.over(state.batch_id)
        assert words(state) == ["failed", "completed"]
        error = next(iter(state.executions.values())).error
        assert error is not None
        assert (error.code, error.node_id) == ("EXECUTION_TIMEOUT", "pause")


async def test_closing_stops_everything_and_nothing_starts_after_it(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        state = await run.runner.submit(request(pausing(), pausing()))
        await run.at_node("pause")
        await run.runner.close()
        assert words(state) == ["stopped", "stopped"]
        assert state.status == "stopped"


async def test_ids_that_nothing_has(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        with pytest.raises(NotFoundError, match="exec-1-1"):
            await run.runner.stop_execution("exec-1-1")
        with pytest.raises(NotFoundError, match="batch-1"):
            await run.runner.stop_batch("batch-1")
        with pytest.raises(NotFoundError, match="batch-1"):
            await run.runner.wait("batch-1")


async def test_values_that_json_has_not_do_not_hurt_the_result(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        options = ExecutionOptions(variables={"half": "\ud800", "large": 10**30, "odd": float("nan")})
        state = await run.runner.submit(request(passing(), options=options))
        await run.over(state.batch_id)
        assert words(state) == ["completed"]


async def test_large_stores_keep_what_fits(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        options = ExecutionOptions(variables={"large": "x" * 100_000, "small": "y"})
        state = await run.runner.submit(request(passing(), options=options))
        await run.over(state.batch_id)
        (end,) = run.ends()
        assert end.variables["small"] == "y"
        assert str(end.variables["large"]).startswith("<100002 bytes")
