"""The runner killed in the middle: what it had finished is kept, the rest can be run."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from batches.events import NodeStarted
from tests.batchwright.command import (
    batchwright,
    browser_pausing,
    browsing,
    by_path,
    ends,
    failing,
    many,
    passing,
    pausing,
    read_events,
    started,
    summary,
    write,
)
from tests.running import node

RUN = ("run", "flows", "-w", "4", "--events", "e.jsonl")


@pytest.mark.browser
async def test_kill_9_in_the_middle_of_thirty(tmp_path: Path) -> None:
    flows = many(tmp_path / "flows", "a-passes", 16, passing())
    many(flows, "b-browses", 3, browsing(node("say", "stringValue", value="x")))
    write(flows, **{"c-fails": failing()})
    many(flows, "d-pauses", 2, pausing())
    many(flows, "e-browser-pauses", 2, browser_pausing())
    many(flows, "f-waits", 6, passing())
    stream = tmp_path / "e.jsonl"

    def stuck() -> bool:
        events = read_events(stream) if stream.exists() else []
        pauses = sum(isinstance(event, NodeStarted) and event.node_id == "pause" for event in events)
        return pauses == 4

    async with started(*RUN, cwd=tmp_path) as running:
        await running.until(stuck)
        running.signal(signal.SIGKILL, group=False)
        assert (await running.end()).code == -signal.SIGKILL
        assert await running.left() == []
    batch_id = read_events(stream)[0].batch_id

    listed = await batchwright("history", "--json", cwd=tmp_path)
    (row,) = json.loads(listed.out)
    assert (row["batchId"], row["status"], row["totalWorkflows"]) == (batch_id, "stopped", 30)
    assert (row["completed"], row["failed"], row["interrupted"], row["running"]) == (19, 1, 10, 0)
    shown = await batchwright("history", cwd=tmp_path)
    assert "19 passed, 1 failed, 10 interrupted" in shown.out
    assert shown.err == ""

    detail = await batchwright("history", batch_id, "--json", cwd=tmp_path)
    members = by_path(json.loads(detail.out))
    finished = {end.execution_id: end.status for end in ends(read_events(stream))}
    for member in members.values():
        known = finished.get(member["executionId"])
        assert member["interrupted"] == (known is None)
        assert (member["status"] == "completed") == (known == "completed")
    assert {name[0] for name, item in members.items() if item["interrupted"]} == {"d", "e", "f"}

    for file in (tmp_path / "output").rglob("*.json"):
        json.loads(file.read_bytes())
    journal = read_events(tmp_path / "output" / "batches" / batch_id / "events.jsonl")
    assert journal[-1].type == "batch-ended"
    assert list((tmp_path / "output").rglob("*.corrupt-*")) == []

    write(flows, **{"c-fails": passing()})
    many(flows, "d-pauses", 2, passing())
    many(flows, "e-browser-pauses", 2, passing())
    again = await batchwright("run", "--last-failed", "--summary-json", "s.json", cwd=tmp_path)
    assert again.code == 0
    rest = by_path(summary(tmp_path / "s.json"))
    assert sorted(rest) == sorted(name for name, item in members.items() if item["status"] != "completed")
    assert len(rest) == 11
