"""Ctrl-C, termination and a closed terminal: everything is written, and no process stays behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from batches.events import NodeStarted
from tests.batchwright.command import (
    Running,
    batchwright,
    browser_pausing,
    by_path,
    ends,
    many,
    pausing,
    read_events,
    started,
    summary,
    write,
)

RUN = ("run", "flows", "--events", "e.jsonl", "--summary-json", "s.json")


def at_node(running: Running, node_id: str, count: int) -> Callable[[], bool]:
    """Whether so many executions have come to a node."""

    def reached() -> bool:
        stream = running.cwd / "e.jsonl"
        if not stream.exists():
            return False
        events = read_events(stream)
        return sum(isinstance(event, NodeStarted) and event.node_id == node_id for event in events) >= count

    return reached


@pytest.mark.browser
@pytest.mark.parametrize(
    ("number", "group"),
    [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)],
)
async def test_the_first_signal_stops_and_writes_everything(
    tmp_path: Path, number: signal.Signals, group: bool
) -> None:
    many(tmp_path / "flows", "browser", 2, browser_pausing())
    many(tmp_path / "flows", "plain", 3, pausing())
    async with started(*RUN, "-w", "3", cwd=tmp_path) as running:
        await running.until(at_node(running, "pause", 3))
        assert len(running.family) > 2
        running.signal(number, group=group)
        ended = await running.end()
        assert ended.code == 130
        assert await running.left() == []
    assert "Stopping: running workflows are stopped and results written." in ended.out
    assert "3 stopped, 2 not run of 5 workflows" in ended.out
    view = summary(tmp_path / "s.json")
    assert (view["status"], view["stopped"], view["notRun"]) == ("stopped", 5, 2)
    assert {item["errorCode"] for item in view["executions"]} == {"STOPPED"}
    assert [end.status for end in ends(read_events(tmp_path / "e.jsonl"))] == ["stopped"] * 5
    history = await batchwright("history", "--json", cwd=tmp_path)
    assert [(row["status"], row["stopped"]) for row in json.loads(history.out)] == [("stopped", 5)]
    assert history.err == ""


@pytest.mark.browser
async def test_the_second_signal_kills_at_once(tmp_path: Path) -> None:
    """The browser hangs, so that stopping in order would take long."""
    many(tmp_path / "flows", "browser", 2, browser_pausing())
    many(tmp_path / "flows", "plain", 2, pausing())
    async with started(*RUN, "-w", "3", cwd=tmp_path) as running:
        await running.until(at_node(running, "pause", 3))
        for process in running.family:
            if "type=" not in " ".join(process.cmdline()) and "run-driver" not in process.cmdline():
                os.kill(process.pid, signal.SIGSTOP)
        running.signal(signal.SIGINT)
        await running.until(lambda: len(ends(read_events(tmp_path / "e.jsonl"))) > 1)
        running.signal(signal.SIGINT)
        ended = await running.end()
        assert ended.code == 130
        assert await running.left() == []
    view = summary(tmp_path / "s.json")
    assert (view["status"], view["stopped"], view["running"], view["queued"]) == ("stopped", 4, 0, 0)
    assert {item["errorCode"] for item in view["executions"]} == {"STOPPED", "INTERRUPTED"}
    killed = [name for name, item in by_path(view).items() if item["interrupted"]]
    assert killed == ["browser00.json", "browser01.json"]
    history = await batchwright("history", view["batchId"], "--json", cwd=tmp_path)
    members = by_path(json.loads(history.out))
    assert [name for name, item in members.items() if item["interrupted"]] == killed
    assert f"the runner of {view['batchId']} died" in history.err


async def test_a_signal_that_is_to_be_ignored_is(tmp_path: Path) -> None:
    """Such as a closed terminal under nohup, or Ctrl-C for what a script runs in the background."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    write(tmp_path / "flows", a=pausing())
    async with started(*RUN, cwd=tmp_path, before=ignore) as running:
        await running.until(at_node(running, "pause", 1))
        running.signal(signal.SIGHUP)
        running.signal(signal.SIGINT)
        ended = await running.end()
    assert ended.code == 130
    assert ended.out.count("Stopping") == 1


async def test_a_signal_before_the_batch_begins(tmp_path: Path) -> None:
    """The store waits for another process, which has its index locked."""
    write(tmp_path / "flows", a=pausing())
    (tmp_path / "output").mkdir()
    said = tmp_path / "said.txt"
    lock = FileLock(tmp_path / "output" / "index.lock")
    with lock, said.open("wb") as out:
        async with started(*RUN, cwd=tmp_path, out=out.fileno()) as running:
            await running.until((tmp_path / "output" / "batches").exists)
            running.signal(signal.SIGINT)
            await running.until(lambda: said.read_text(encoding="utf-8") == "Stopping.\n")
            lock.release()
            ended = await running.end()
    assert ended.code == 130
    view = summary(tmp_path / "s.json")
    assert (view["batchId"], view["status"]) == (None, "stopped")
    assert not (tmp_path / "e.jsonl").exists()
