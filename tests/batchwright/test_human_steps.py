"""Steps that wait for people, from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from batches.breakpoints import DebugOptions
from batchwright.debug_target import LocalTarget
from batchwright.exit_codes import ExitCode
from tests.batches.debugging import debug
from tests.batches.runs import request, stage
from tests.batchwright.command import PATIENCE_S, START, Ended, batchwright, write
from tests.batchwright.served import Served, served
from tests.batchwright.test_debug_prompt import typed
from tests.running import chain, node


def gate(**values: Any) -> dict[str, Any]:
    return chain(START, node("gate", "approvalGate", **{"message": "Send it?", **values}))


def ask(**values: Any) -> dict[str, Any]:
    return chain(START, node("ask", "askHuman", **{"question": "Which colour?", **values}))


async def test_a_run_without_anybody_says_what_to_do(tmp_path: Path) -> None:
    ended = await batchwright("run", write(tmp_path / "flows", gate=gate()), cwd=tmp_path)

    assert ended.code == ExitCode.FAILED
    text = " ".join((ended.out + ended.err).split())
    assert "Nobody can reply here to: Send it?" in text
    assert "batchwright serve" in text
    assert "--debug" in text


async def test_a_run_without_anybody_takes_what_holds_without_a_reply(tmp_path: Path) -> None:
    flows = write(
        tmp_path / "flows",
        gate=gate(timeout=3_600_000, onTimeout="approve"),
        ask=ask(timeout=3_600_000, defaultAnswer="red"),
    )
    assert (await batchwright("run", flows, cwd=tmp_path)).code == ExitCode.OK


async def prompted(
    tmp_path: Path, document: dict[str, Any], *lines: str, options: DebugOptions | None = None
) -> tuple[str, Any]:
    """What the debugger's prompt writes, and how the execution ends."""
    async with stage(tmp_path) as run:
        target = LocalTarget(run.runner, (document,))
        state = await run.runner.submit(request(document, debug=options or debug()))
        said = await typed(target, *lines)
        await run.over(state.batch_id)
        (execution,) = state.executions.values()
        return said, execution


async def test_the_prompt_takes_a_decision(tmp_path: Path) -> None:
    said, execution = await prompted(tmp_path, gate(), "perhaps", "n the total is wrong")

    assert "Send it?" in said
    assert "gate approve? y/n [reason]>" in said
    assert "Say y or n, and why if you like" in said
    assert execution.error.message == "Not approved: rejected: the total is wrong"


async def test_the_prompt_takes_an_answer(tmp_path: Path) -> None:
    said, execution = await prompted(tmp_path, ask(choices=["red", "blue"]), "green", "blue")

    assert "red, blue" in said
    assert "The answer must be one of: red, blue" in said
    assert execution.data["answer"] == "blue"


@pytest.mark.parametrize("document", [gate(), ask()], ids=["gate", "ask"])
async def test_the_end_of_what_is_typed_refuses(tmp_path: Path, document: dict[str, Any]) -> None:
    _, execution = await prompted(tmp_path, document)

    assert execution.status == "failed"
    assert "nobody is there to reply" in execution.error.message


async def waiting(server: Served, document: dict[str, Any]) -> str:
    """Start a workflow on a server; returns its execution when it waits for a person."""
    name = str((await server.client.execute(workflow=document)).execution_id)
    async with asyncio.timeout(PATIENCE_S):
        while (await server.client.status(name)).question is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    return name


async def test_status_and_replies_from_the_command_line(tmp_path: Path) -> None:
    async with served(tmp_path) as server:

        async def call(*args: str) -> Ended:
            return await batchwright(*args, "--server", server.url, cwd=tmp_path)

        first, second = await waiting(server, gate()), await waiting(server, ask())
        told = await call("status", first)
        assert "Waits for a reply: Send it?" in told.out
        wrong = await call("respond", second, "--approve")
        assert wrong.code == ExitCode.USAGE
        assert "give one, or refuse" in wrong.err
        nothing = await call("respond", second)
        assert nothing.code == ExitCode.USAGE
        assert "--approve, --reject or --answer" in nothing.err
        taken = await call("respond", first, "--reject", "--reason", "No", "--owner", "ada")
        assert (taken.code, "The answer was taken" in taken.out) == (ExitCode.OK, True)
        taken = await call("respond", second, "--answer", "blue", "--json")
        assert json.loads(taken.out)["success"] is True
        ended = await server.client.wait_execution(first, timeout_s=PATIENCE_S)
        assert ended.error == "Not approved: rejected by ada: No"
        assert (await server.client.wait_execution(second, timeout_s=PATIENCE_S)).status == "completed"
        assert (await server.client.result(second))["data"]["answer"] == "blue"
        late = await call("respond", second, "--answer", "red")
        assert (late.code, "is over" in late.err) == (ExitCode.USAGE, True)
