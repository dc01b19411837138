"""The log files of executions with trace logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from batches.events import ErrorInfo, ExecutionEnded, ExecutionStatus, LogLine, Member, NodeEnded, NodeStatus
from batches.spec import ExecutionOptions
from batches.state import ExecutionState
from batches.trace_files import CONSOLE, KEPT, TraceFiles
from tests.batches.runs import START, browsing, failing, passing, request, stage
from tests.running import chain, node

TRACED = ExecutionOptions(trace_logs=True)
NOON = 1_700_000_000_000


def execution(number: int = 1, *, started_at: int = NOON) -> ExecutionState:
    state = ExecutionState(
        Member(
            execution_id=f"exec-1-{number}", alias=number, workflow_file_name="Log in.json", workflow_path="x"
        ),
        started_at=started_at,
    )
    state.log = [
        LogLine(batch_id="b", execution_id="e", timestamp=NOON + 5, level="debug", message="typing \ud800"),
        LogLine(batch_id="b", execution_id="e", timestamp=NOON + 6, level=CONSOLE, message="[log] u hello"),
    ]
    state.nodes = [
        NodeEnded(
            batch_id="b",
            execution_id="e",
            timestamp=NOON + 3,
            node_id="n1",
            node_type="type",
            node_label="Name",
            status=NodeStatus.FAILED,
            duration_ms=3,
            error=ErrorInfo(code="X", message="no field"),
        )
    ]
    return state


def end(batch_id: str = "batch-1") -> ExecutionEnded:
    return ExecutionEnded(
        batch_id=batch_id, execution_id="exec-1-1", status=ExecutionStatus.FAILED, timestamp=NOON + 9
    )


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_the_files_tell_what_happened_in_order(tmp_path: Path) -> None:
    traces = TraceFiles(tmp_path / "logs", lambda _: False)
    assert await traces.write(execution(), end(), {}) == []
    console, terminal = sorted((tmp_path / "logs").iterdir())
    stem = terminal.name.removesuffix("-terminal.log")
    assert console.name == f"{stem}-console.txt"
    assert stem.startswith("log-in-")
    assert [len(part) for part in stem.removeprefix("log-in-").split("-")] == [2] * 6
    node, line, last = terminal.read_text("utf-8").splitlines()
    assert node.endswith("[error] Name (n1) failed in 3 ms: no field")
    assert line.endswith("[debug] typing ?")
    assert last.endswith("execution exec-1-1 failed")
    assert console.read_text("utf-8").endswith(" [log] u hello\n")


async def test_the_newest_are_kept_and_nothing_else_is_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.log").write_text("mine")
    traces = TraceFiles(tmp_path, lambda _: False)
    for number in range(KEPT + 3):
        await traces.write(execution(number), end(), {})
    names = names_in(tmp_path)
    assert len(names) == 2 * KEPT + 1
    assert "mine.log" in names


async def test_a_running_batch_keeps_all_of_its_files(tmp_path: Path) -> None:
    running = {"batch-1"}
    traces = TraceFiles(tmp_path, running.__contains__)
    for number in range(KEPT + 3):
        await traces.write(execution(number), end(), {})
    assert len(names_in(tmp_path)) == 2 * (KEPT + 3)
    running.clear()
    await traces.write(execution(), end("batch-2"), {})
    assert len(names_in(tmp_path)) == 2 * KEPT


async def test_deleting_spares_what_runs_and_what_is_not_ours(tmp_path: Path) -> None:
    before, logs = TraceFiles(tmp_path, lambda _: False), TraceFiles(tmp_path, {"batch-2"}.__contains__)
    await before.write(execution(1), end("batch-1"), {})
    await logs.write(execution(2, started_at=NOON + 60_000), end("batch-2"), {})
    await logs.write(execution(3, started_at=NOON + 120_000), end("batch-3"), {})
    (tmp_path / "notes.txt").write_text("mine")
    await logs.delete(["batch-3", "batch-4"])
    assert len(names_in(tmp_path)) == 2 + 2 + 1
    await logs.delete(None)
    assert len(names_in(tmp_path)) == 2 + 1


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("I am a file")
    (problem,) = await TraceFiles(tmp_path / "logs", lambda _: False).write(execution(), end(), {})
    assert problem.startswith("No log files")


async def test_only_executions_with_trace_logs_have_files(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        for options in (TRACED, ExecutionOptions()):
            state = await run.runner.submit(request(passing(), failing(), options=options))
            await run.over(state.batch_id)
        assert len(list((tmp_path / "logs").iterdir())) == 4


async def test_trace_logs_tell_the_properties_of_a_node_but_nothing_that_sounds_secret(
    tmp_path: Path,
) -> None:
    call = node(
        "call",
        "apiRequest",
        url="http://127.0.0.1:1/",
        contextKey="x",
        headers={"Authorization": "Bearer xyz"},
    )
    async with stage(tmp_path) as run:
        for options in (TRACED, ExecutionOptions()):
            await run.over((await run.runner.submit(request(chain(START, call), options=options))).batch_id)
        lines = [item.message for item in run.events if isinstance(item, LogLine) and item.node_id == "call"]
        assert [line for line in lines if "127.0.0.1:1" in line and "runs with" in line]
        assert [line for line in lines if "begins" in line] == ["Node call: begins, type apiRequest"]
        assert not [line for line in lines if "xyz" in line]


@pytest.mark.browser
async def test_what_a_page_writes_to_its_console_is_kept(tmp_path: Path) -> None:
    page = "data:text/html,<script>console.warn('hello', 1)</script>"
    async with stage(tmp_path) as run:
        for options in (TRACED, ExecutionOptions()):
            await run.over((await run.runner.submit(request(browsing(page), options=options))).batch_id)
        (console,) = (tmp_path / "logs").glob("*-console.txt")
        assert "[warning] " in console.read_text("utf-8")
        assert "hello 1" in console.read_text("utf-8")
        lines = [item for item in run.events if isinstance(item, LogLine) and item.level == CONSOLE]
        assert len(lines) == 1
