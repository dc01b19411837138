"""``kill -9`` at random moments: what is recorded counts, nothing stays running, the next server works."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from batches.events import Event, ExecutionEnded, ExecutionStarted, parse_event
from batchwright.client import AsyncClient
from batchwright.client_models import Batch
from tests.batchwright.command import PATIENCE_S, START, failing, passing
from tests.batchwright.crash_server import forked
from tests.running import chain, node

MEMBERS = 25


def short_wait(milliseconds: int) -> dict[str, Any]:
    return chain(
        START,
        node("wait", "wait", waitType="timeout", value=milliseconds),
        node("say", "stringValue", value="x"),
    )


def members(chance: random.Random) -> list[dict[str, Any]]:
    kinds = (passing, failing, lambda: short_wait(chance.randrange(1, 60)))
    return [chance.choice(kinds)() for _ in range(MEMBERS)]


def recorded(output: Path, batch_id: str) -> list[Event]:
    """The complete lines of a journal, whose numbers only grow."""
    raw = (output / "batches" / batch_id / "events.jsonl").read_bytes()
    events = [parse_event(line) for line in raw.splitlines(keepends=True) if line.endswith(b"\n")]
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    return events


def check_recovered(batch: Batch, journal: list[Event]) -> None:
    """What the journal had when the server died holds; all else ended as stopped."""
    ends = {item.execution_id: item.status.value for item in journal if isinstance(item, ExecutionEnded)}
    begun = {item.execution_id for item in journal if isinstance(item, ExecutionStarted)}
    words = {"completed": "completed", "failed": "error", "stopped": "stopped"}
    assert (batch.running, batch.queued) == (0, 0)
    assert batch.completed + batch.failed + batch.stopped == batch.valid_workflows == MEMBERS
    assert batch.is_over
    for member in batch.executions:
        expected = words[ends[member.execution_id]] if member.execution_id in ends else "stopped"
        assert member.status == expected
        assert member.not_run == (member.execution_id not in begun)


def check_files(output: Path) -> None:
    """Every file can be read, and none had to be set aside."""
    assert not list(output.rglob("*.corrupt-*"))
    for path in output.rglob("*.json"):
        assert isinstance(orjson.loads(path.read_bytes()), dict)


async def kill_in_the_middle(
    root: Path, chance: random.Random, before: Mapping[str, list[Event]]
) -> dict[str, list[Event]]:
    """Check what the last server left, run two batches and kill this one; returns what it left."""
    async with forked(root, workers=3) as (url, process), AsyncClient(url) as client:
        assert (await client.active()).total_active == 0
        for batch_id, journal in before.items():
            check_recovered(await client.batch(batch_id), journal)
        small = await client.execute(workflows=[passing(), passing()])
        assert (await client.wait(str(small.batch_id), timeout_s=PATIENCE_S)).status == "completed"
        started = [await client.execute(workflows=members(chance), workers=2) for _ in range(2)]
        await asyncio.sleep(chance.uniform(0, 0.4))
        process.kill()
        await asyncio.to_thread(process.join)
    ids = [str(item.batch_id) for item in started]
    return {batch_id: recorded(root / "output", batch_id) for batch_id in ids}


@pytest.mark.parametrize("seed", range(4))
async def test_kill_9_at_random_moments(tmp_path: Path, seed: int) -> None:
    """Five kills each, one after the other in the same output folder; twenty in all."""
    chance = random.Random(seed)
    left: dict[str, list[Event]] = {}
    for _ in range(5):
        left = await kill_in_the_middle(tmp_path, chance, left)
    async with forked(tmp_path, workers=3) as (url, _), AsyncClient(url) as client:
        for batch_id, journal in left.items():
            check_recovered(await client.batch(batch_id), journal)
            again = await client.rerun(batch_id, "failedAndNotRun")
            assert (await client.wait(str(again.batch_id), timeout_s=PATIENCE_S)).queued == 0
        page = await client.batches(status="running")
        assert page.total == 0
    check_files(tmp_path / "output")
