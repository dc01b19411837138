"""The debugger's prompt: in this process, on a server, and as the command line."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from batches.breakpoints import DebugOptions
from batchwright.attaching import attach
from batchwright.client import AsyncClient
from batchwright.debug_prompt import HELP, Lines, Prompt
from batchwright.debug_remote import RemoteTarget
from batchwright.debug_target import LocalTarget, Target
from batchwright.exit_codes import ExitCode
from batchwright.options import debug_options
from tests.batches.debugging import debug, looping, trail
from tests.batches.runs import request, stage, words
from tests.batchwright.command import PATIENCE_S, failing, write
from tests.batchwright.served import served
from tests.server.serving import serving


async def typed(target: Target, *lines: str) -> str:
    """What the prompt writes when these lines are typed."""
    written = io.StringIO()
    text = io.StringIO("".join(f"{line}\n" for line in lines))
    prompt = Prompt(target, Console(file=written, width=200), Lines(text))
    await asyncio.wait_for(prompt.run(), PATIENCE_S)
    return written.getvalue()


async def local(
    tmp_path: Path, document: dict[str, Any], options: DebugOptions, *lines: str
) -> tuple[str, Any]:
    async with stage(tmp_path) as run:
        target = LocalTarget(run.runner, (document,))
        state = await run.runner.submit(request(document, debug=options))
        said = await typed(target, *lines)
        await run.over(state.batch_id)
        (execution,) = state.executions.values()
        return said, execution


async def test_looking_and_stepping(tmp_path: Path) -> None:
    lines = ("l", "set who=Ada", "set n=2", "p variables.n * 3", "v", "n", "", "b", "run")
    options = debug(breakpoints=[{"nodeId": "a", "condition": "index == null"}])
    said, execution = await local(tmp_path, trail("a", "b", "c", "d"), options, *lines)
    assert "-> a  stringValue" in said
    assert "who = Ada" in said
    assert "a> 6" in said
    assert "Stepped to node b" in said
    assert "Stepped to node c" in said
    assert "a (pre) if index == null" in said
    assert execution.status == "completed"


async def test_breakpoints_are_set_and_cleared_in_a_loop(tmp_path: Path) -> None:
    lines = ("b x", "c", "p index", "clear x", "c")
    said, execution = await local(
        tmp_path, looping([1, 2, 3], "x"), debug(breakpoints=[{"nodeId": "given"}]), *lines
    )
    assert "Breakpoint x:pre before node x" in said
    assert "1 removed" in said
    assert execution.status == "completed"


async def test_what_is_mistyped_changes_nothing(tmp_path: Path) -> None:
    lines = ("", "bogus", "until", "until nowhere", "retry", "p (", "set x", "shot", "i", "h", "quit")
    said, execution = await local(tmp_path, trail("a"), debug(breakpoints=[{"nodeId": "a"}]), *lines)
    for answer in (
        "'help' lists the commands",
        "Unknown command 'bogus'",
        "Name a node",
        "no node 'nowhere'",
        "has not run yet",
        "is no expression",
        "Write it as set NAME=VALUE",
        "No page is open",
        "nodeId = a",
        HELP.splitlines()[0],
        "Execution stopped",
    ):
        assert answer in said
    assert execution.status == "stopped"


async def test_the_end_of_what_is_typed_lets_everything_run(tmp_path: Path) -> None:
    options = debug(breakpoints=[{"nodeId": "a"}, {"nodeId": "b"}])
    said, execution = await local(tmp_path, trail("a", "b"), options)
    assert said.count("Execution continued without breakpoints") == 1
    assert execution.status == "completed"


async def test_the_end_of_what_is_typed_counts_for_every_member(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        documents = (trail("a"), trail("a"))
        target = LocalTarget(run.runner, documents)
        state = await run.runner.submit(request(*documents, debug=debug(breakpoints=[{"nodeId": "a"}])))
        said = await typed(target)
        await run.over(state.batch_id)
    assert said.count("Execution continued without breakpoints") == 2


async def test_members_of_a_batch_are_asked_one_after_the_other(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        documents = (trail("a"), trail("a"))
        target = LocalTarget(run.runner, documents)
        options = debug(breakpoints=[{"nodeId": "a"}])
        state = await run.runner.submit(request(*documents, debug=options))
        said = await typed(target, "skip", "c")
        await run.over(state.batch_id)
        assert "0.json: Breakpoint" in said
        assert "1.json: Breakpoint" in said
        assert words(state) == ["completed", "completed"]


async def test_the_same_prompt_on_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(tmp_path) as on, AsyncClient(on.server.url) as client:
        started = await client.execute(trail("a", "b"), breakpoints=[{"nodeId": "a"}])
        name = started.execution_id
        assert name is not None
        lines = ("l", "set n=4", "p variables.n", "b b", "b", "c", "i", "clear b", "n")
        said = await typed(RemoteTarget(client, name), *lines)
        assert "-> a  stringValue" in said
        assert "a> 4" in said
        assert "b (pre)" in said
        assert "nodeId = b" in said
        assert (await client.wait_execution(name)).status == "completed"
        assert await attach(name, on.server.url, None) is ExitCode.OK
        capsys.readouterr()
        assert await attach("exec-7", on.server.url, None) is ExitCode.USAGE
        assert "Attached" not in capsys.readouterr().out


async def test_run_with_break_on_error(tmp_path: Path) -> None:
    flow = write(tmp_path / "flows", bad=failing())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "batchwright", "run", str(flow), "--break-on-error"),
        cwd=tmp_path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(b"info\nskip\n"), PATIENCE_S)
    assert process.returncode == 0
    assert "failed" in out.decode()
    assert "skipped" in out.decode()


async def test_a_signal_ends_a_server_with_a_paused_execution(tmp_path: Path) -> None:
    async with served(tmp_path) as server, AsyncClient(server.url) as client:
        started = await client.execute(trail("a"), breakpoints=[{"nodeId": "a"}])
        async with asyncio.timeout(PATIENCE_S):
            async for event in client.events(batch_id=started.batch_id):
                if event.name == "execution-event" and event.data["type"] == "execution_paused":
                    break
        server.running.signal(signal.SIGTERM)
        ended = await server.running.end()
        assert ended.code == 0
    journal = (tmp_path / "output" / "batches" / str(started.batch_id) / "events.jsonl").read_text()
    assert '"status":"stopped"' in journal


def test_what_the_options_mean() -> None:
    assert debug_options([], debug=False, on_error=False) is None
    alone = debug_options([], debug=True, on_error=False)
    assert alone is not None
    assert alone.pause.at_start
    named = debug_options(["pay"], debug=False, on_error=True)
    assert named is not None
    assert ([item.node_id for item in named.breakpoints], named.break_on) == (["pay"], ("error",))
    assert not named.pause.at_start


async def test_a_wait_node_does_not_hold_a_run_that_nobody_watches(tmp_path: Path) -> None:
    document = trail("a")
    document["nodes"][1] = {
        "id": "a",
        "type": "wait",
        "data": {"waitType": "timeout", "value": 1, "pause": True},
    }
    flow = write(tmp_path / "flows", hold=document)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "batchwright", "run", str(flow)),
        cwd=tmp_path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0
    assert "pause is skipped" in out.decode()


pytestmark = pytest.mark.timeout(120)
