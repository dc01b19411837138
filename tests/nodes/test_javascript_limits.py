"""Limits of scripts and the processes that run them: a hostile script fails its own node and nothing else."""

from __future__ import annotations

import ast
import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from batches.events import Event, ExecutionEnded
from batches.local import LocalEngine
from batches.pool import BrowserPool
from batches.spec import ExecutionOptions, ExecutionSpec
from nodes.catalogue import default_registry
from nodes.provider import BrowserLease, BrowserProvider, LaunchRequest
from nodes.script.pool import WorkerPool
from tests.conftest import RunSteps
from tests.nodes.scripts import failed, returned, script
from tests.running import chain, node, run_document, steps_document, workflow

ENDLESS = "while (true) {}"
MINUTE_MS = 60_000
HUNGRY = "const all = []; while (true) all.push(new Array(1000).fill(1.5))"


def workers() -> set[int]:
    """Processes for scripts that this process has started and that still run."""
    return {
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "nodes.script.worker" in child.cmdline()
    }


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - a process cannot be waited for otherwise
            await asyncio.sleep(0.01)


@pytest.fixture
async def own_pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(keep=2)
    yield pool
    await pool.close()


@pytest.mark.parametrize(
    "code",
    [
        ENDLESS,
        "while (true) await null",
        "for (;;) await new Promise(resolve => setTimeout(resolve, 1))",
        "/(a+)+$/.test('a'.repeat(40) + 'b')",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0)",
        "setTimeout(() => { while (true) {} }, 1); await new Promise(resolve => setTimeout(resolve, 60000))",
    ],
)
async def test_a_script_that_does_not_end_is_ended(run_steps: RunSteps, code: str) -> None:
    outcome = await failed(run_steps, code, script_timeout_s=0.5)

    assert outcome.error is not None
    assert outcome.error.code == "SCRIPT_TIMEOUT"
    assert "exceeded the limit of 0.5 s; raise --script-timeout" in outcome.error.message


@pytest.mark.parametrize(
    "code",
    [
        HUNGRY,
        "const all = []; while (true) all.push(new Uint8Array(1e6).fill(1))",
        "const all = []; while (true) { try { all.push(new Uint8Array(1e6).fill(1)) } catch {} }",
        "let text = []; while (true) { text.push('y'.repeat(1e6) + text.length); text.at(-1).charCodeAt(5) }",
        "new Array(2 ** 27).fill(0)",
        "return 'x'.repeat(2 ** 28)",
        "for (let i = 0; ; i++) context.setData('key' + i, 'y'.repeat(1e6))",
    ],
)
async def test_a_script_that_eats_memory_is_ended(run_steps: RunSteps, code: str) -> None:
    outcome = await failed(run_steps, code, script_memory_mb=64)

    assert outcome.error is not None
    assert outcome.error.code == "SCRIPT_MEMORY"
    assert "exceeded the limit of 64 MB; raise --script-memory" in outcome.error.message


async def test_too_much_at_once_is_refused(run_steps: RunSteps) -> None:
    outcome = await failed(run_steps, "for (;;) setTimeout(() => {}, 1000)")

    assert outcome.error is not None
    assert "more than 2000 calls and timers are under way at once" in outcome.error.message


async def test_a_script_may_use_what_it_has(run_steps: RunSteps) -> None:
    code = "const all = []; for (let i = 0; i < 20; i++) all.push('x'.repeat(1e6) + i); return all.join('').length"

    assert await returned(run_steps, code, script_memory_mb=128) > 20_000_000


async def test_two_hostile_scripts_among_eight_executions(tmp_path: Path, pool: BrowserPool) -> None:
    before = workers()
    good = "await context.page.setContent('<p>ok</p>'); return context.page.textContent('p')"
    codes = [good, good, ENDLESS, good, good, HUNGRY, good, good]
    engine = LocalEngine(default_registry(), SharedBrowsers(pool), slots=8)
    await engine.start()
    try:
        ends = await asyncio.gather(
            *(run_on(engine, tmp_path, number, code) for number, code in enumerate(codes))
        )
    finally:
        await engine.close(10)

    told = [end.error.code if end.error else end.data["result"] for end in ends]
    assert told == ["ok", "ok", "SCRIPT_TIMEOUT", "ok", "ok", "SCRIPT_MEMORY", "ok", "ok"]
    assert [end.error.node_id for end in ends if end.error] == ["n1", "n1"]
    assert not workers() - before


class SharedBrowsers(BrowserProvider):
    """The pool of all tests, which an engine must not close."""

    def __init__(self, pool: BrowserPool) -> None:
        self._pool = pool

    async def lease(self, request: LaunchRequest, *, exclusive: bool = False) -> BrowserLease:
        return await self._pool.lease(request, exclusive=exclusive)

    async def close(self) -> None:
        """Leave it open."""


async def run_on(engine: LocalEngine, folder: Path, number: int, code: str) -> ExecutionEnded:
    spec = ExecutionSpec(
        execution_id=f"exec-1-{number}",
        batch_id="batch-1",
        workflow_file_name=f"{number}.json",
        workflow=steps_document((script(code),), None, open_browser=code not in {ENDLESS, HUNGRY}),
        output=str(folder / str(number)),
        artifacts=f"batches/batch-1/exec-1-{number}",
        root=str(folder),
        options=ExecutionOptions(script_timeout_s=3 if code == ENDLESS else 60, script_memory_mb=64),
    )
    handle = await engine.run(spec)
    events: list[Event] = [event async for event in handle.events()]
    end = events[-1]
    assert isinstance(end, ExecutionEnded)
    return end


async def run_with(pool: WorkerPool, browsers: BrowserPool, folder: Path, *codes: str, **options: Any) -> Any:
    document = steps_document(tuple(script(code) for code in codes), None, open_browser=False)
    return await run_document(document, browsers, folder / "output", folder, pool, **options)


async def test_processes_are_kept_for_the_next_script(
    own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path
) -> None:
    before = workers()
    await run_with(own_pool, pool, tmp_path, "return 1", "return 2")
    first = workers() - before
    await run_with(own_pool, pool, tmp_path, "return 3")

    assert len(first) == 1
    assert workers() - before == first
    assert own_pool.idle == 1

    await own_pool.close()
    assert not workers() - before


async def test_a_process_is_not_kept_after_a_limit(
    own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path
) -> None:
    before = workers()
    outcome = await run_with(own_pool, pool, tmp_path, ENDLESS, script_timeout_s=0.3)

    assert outcome.status == "failed"
    assert not workers() - before


async def test_no_process_without_a_script(own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path) -> None:
    before = workers()
    await run_document(chain(node("start", "start")), pool, tmp_path / "output", tmp_path, own_pool)

    assert not workers() - before


async def test_idle_processes_end(pool: BrowserPool, tmp_path: Path) -> None:
    before = workers()
    own = WorkerPool(idle_s=0.01)
    await run_with(own, pool, tmp_path, "return 1")
    await until(lambda: not workers() - before)

    assert own.idle == 0
    await own.close()


async def test_a_process_that_died_while_idle_is_replaced(
    own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path
) -> None:
    before = workers()
    await run_with(own_pool, pool, tmp_path, "return 1")
    (process,) = map(psutil.Process, workers() - before)
    process.kill()
    await until(lambda: own_pool.idle == 0)
    outcome = await run_with(own_pool, pool, tmp_path, "return 2")

    assert outcome.error is None
    assert outcome.data["result"] == 2


async def test_stopping_ends_a_script_in_the_middle(
    own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path
) -> None:
    before = workers()
    task = asyncio.create_task(run_with(own_pool, pool, tmp_path, ENDLESS))
    await until(lambda: bool(workers() - before))
    task.cancel()
    outcome = await task

    assert outcome.status == "stopped"
    assert not workers() - before


async def test_what_scripts_leave_behind_ends_with_the_execution(
    own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path
) -> None:
    before = workers()
    leave = "setInterval(() => context.setVariable('ticks', (context.getVariable('ticks') ?? 0) + 1), 5)"
    condition = {"type": "javascript", "javascriptExpression": "!(context.getVariable('ticks') > 2)"}
    document = workflow(
        [
            node("start", "start"),
            node("leave", "javascriptCode", code=leave),
            node("until", "loop", mode="doWhile", condition=condition),
            node("pause", "wait", waitType="timeout", value=5),
        ],
        [("start", "leave"), ("leave", "until"), ("until", "pause")],
    )
    outcome = await run_document(document, pool, tmp_path / "output", tmp_path, own_pool)

    assert outcome.error is None
    assert outcome.variables["ticks"] > 2
    assert len(workers() - before) <= 1
    await own_pool.close()
    assert not workers() - before


async def test_too_many_scripts_left_behind_end_the_oldest(
    own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path
) -> None:
    outcome = await run_with(own_pool, pool, tmp_path, *["setInterval(() => {}, 10000)"] * 10)

    assert outcome.error is None
    assert sum("the oldest is ended" in line for line in outcome.log) == 2


async def test_a_limit_also_holds_for_what_was_left_behind(
    own_pool: WorkerPool, pool: BrowserPool, tmp_path: Path
) -> None:
    before = workers()
    steps = (
        script("setTimeout(() => { while (true) {} }, 1)"),
        ("wait", {"waitType": "timeout", "value": MINUTE_MS}),
    )
    document = steps_document(steps, None, open_browser=False)
    run = run_document(document, pool, tmp_path / "output", tmp_path, own_pool, script_timeout_s=0.5)
    task = asyncio.create_task(run)
    await until(lambda: bool(workers() - before))
    await until(lambda: not workers() - before)
    task.cancel()
    outcome = await task

    assert outcome.status == "stopped"
    assert outcome.log[-1].startswith("What a script left behind was ended: ")
    assert "exceeded the limit of 0.5 s" in outcome.log[-1]


def test_a_worker_imports_next_to_nothing() -> None:
    source = (Path(__file__).parents[2] / "nodes" / "script" / "worker.py").read_text("utf-8")
    imported = {
        name.split(".")[0]
        for statement in ast.walk(ast.parse(source))
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in statement.names]
            if isinstance(statement, ast.Import)
            else [statement.module or ""]
        )
    }

    assert imported - set(sys.stdlib_module_names) == {"py_mini_racer"}
