"""The runner with browsers that die, hang and crash: nobody else is hurt."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from batches.events import Event, ExecutionRetried, NodeStarted
from batches.spec import ExecutionOptions
from batches.state import BatchState
from tests.batches.runs import MINUTE_MS, START, Stage, browsing, ids, request, stage, words
from tests.running import chain, node

pytestmark = pytest.mark.browser

PAGE = "data:text/html,<title>here</title>"


def lingering(url: str = PAGE) -> dict[str, object]:
    return browsing(url, node("pause", "wait", waitType="selector", value="#never", timeout=MINUTE_MS))


def titled(url: str = PAGE) -> dict[str, object]:
    """Passes after a moment that begins with the node ``moment``."""
    moment = node("moment", "wait", waitType="timeout", value=1500)
    check = node(
        "check", "verify", domain="browser", verificationType="url", urlPattern="data:", matchType="contains"
    )
    return browsing(url, moment, check)


def kill_browsers(run: Stage) -> None:
    for process in run.pool.processes:
        os.killpg(process.pid, signal.SIGKILL)


async def test_a_browser_lost_once_costs_one_retry_on_a_new_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(titled(), titled()))
        await run.at_node("moment", 2)
        kill_browsers(run)
        await run.over(state.batch_id)
        assert words(state) == ["completed", "completed"]
        retries = [item for item in run.events if isinstance(item, ExecutionRetried)]
        assert {(item.attempt, item.reason, item.error.code) for item in retries} == {
            (1, "lost", "BROWSER_LOST")
        }
        assert [item.attempts for item in state.executions.values()] == [2, 2]
        assert [item.flaky for item in state.executions.values()] == [False, False]
        # Those that lost one get a browser each, because one of them may be the reason.
        assert run.pool.stats.launched == 3


async def test_a_workflow_that_kills_its_browser_twice_fails(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        innocent = await run.runner.submit(request(lingering()))
        await run.at_node("pause")
        spared = run.pool.processes

        def kill_the_others(event: Event, _state: BatchState) -> None:
            if isinstance(event, NodeStarted) and event.node_id == "deadly":
                for process in set(run.pool.processes) - set(spared):
                    os.killpg(process.pid, signal.SIGKILL)

        run.runner.log.listen(kill_the_others)
        killer = chain(
            START,
            node("open", "openBrowser", launchOptions={"args": ["--lang=de"]}),
            node("deadly", "wait", waitType="selector", value="#never", timeout=MINUTE_MS),
        )
        state = await run.runner.submit(request(killer, retries=3))
        await run.over(state.batch_id)
        (execution,) = state.executions.values()
        assert execution.error is not None
        assert (execution.status, execution.error.code, execution.attempts) == ("failed", "BROWSER_LOST", 2)
        assert words(innocent) == ["running"]
        assert run.pool.processes == spared


async def test_a_browser_lost_while_nobody_looked_is_noticed_by_the_next_node(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        moment = node("moment", "wait", waitType="timeout", value=300)
        read = node("read", "elementQuery", action="getText", selector="title")
        state = await run.runner.submit(request(browsing(PAGE, moment, read), workers=1))
        await run.at_node("moment")
        kill_browsers(run)
        await run.over(state.batch_id)
        (execution,) = state.executions.values()
        assert (execution.status, execution.attempts, execution.data["text"]) == ("completed", 2, "here")


async def test_stop_gives_the_browser_back(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(lingering(), lingering()))
        await run.at_node("pause", 2)
        assert (await run.runner.stop_execution(ids(state)[0])).running_stopped == 1
        assert (run.pool.stats.leases, words(state)) == (1, ["stopped", "running"])
        assert (await run.runner.stop_all()).running_stopped == 1
        assert (run.pool.stats.leases, run.pool.stats.crashed) == (0, 0)


async def test_a_page_in_an_endless_loop_is_ended_and_hurts_nobody(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        endless = "data:text/html,<title>x</title><script>setTimeout(() => { while (true) {} }, 100)</script>"
        hang = browsing(endless, node("click", "action", action="click", selector="body", timeout=MINUTE_MS))
        state = await run.runner.submit(request(hang, options=ExecutionOptions(timeout_s=5)))
        others = await run.runner.submit(request(titled(), titled(), workers=1))
        await run.over(others.batch_id)
        await run.over(state.batch_id)
        assert (words(state), words(others)) == (["failed"], ["completed", "completed"])
        (hung,) = state.executions.values()
        assert [item.attempts for item in (hung, *others.executions.values())] == [1, 1, 1]
        error = hung.error
        assert error is not None
        assert (error.code, error.node_id, error.screenshot) == ("EXECUTION_TIMEOUT", "click", None)


async def test_a_page_that_crashes_fails_its_workflow_alone(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        crash = node("crash", "navigation", action="navigate", url="chrome://crash")
        state = await run.runner.submit(request(browsing(PAGE, crash), titled()))
        await run.over(state.batch_id)
        assert words(state) == ["failed", "completed"]
        error = next(iter(state.executions.values())).error
        assert error is not None
        assert (error.code, error.node_id) == ("PAGE_CRASHED", "crash")
        assert run.pool.stats.crashed == 0
