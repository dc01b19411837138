"""``batchwright run``: endings, exit codes, summaries, events, selection."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from pathlib import Path

import pytest

from batches.events import BatchEnded, BatchStarted, ExecutionRetried, parse_event
from tests.batchwright.command import (
    batchwright,
    browsing,
    by_path,
    ends,
    failing,
    many,
    passing,
    pausing,
    read_events,
    reading,
    started,
    summary,
    write,
)
from tests.running import chain, node


async def test_all_passed_is_exit_0(tmp_path: Path) -> None:
    many(tmp_path / "flows", "p", 3, passing())
    ended = await batchwright("run", "flows", "--summary-json", "out/s.json", cwd=tmp_path)
    assert ended.code == 0
    assert ended.lines[0] == "Running 3 workflows with 2 workers" if os.cpu_count() == 2 else ended.lines[0]
    passed = sorted(line.split("  ")[0] for line in ended.lines[1:4])
    assert passed == ["✓ p00.json", "✓ p01.json", "✓ p02.json"]
    assert ended.lines[-2].startswith("3 passed of 3 workflows in ")
    view = summary(tmp_path / "out" / "s.json")
    assert (view["status"], view["sourceType"], view["folderPath"]) == ("completed", "folder", "flows")
    assert (view["completed"], view["totalWorkflows"]) == (3, 3)
    assert view["endTime"] - view["startTime"] == view["duration"]
    assert ended.lines[-1] == f"Results: output/batches/{view['batchId']}"
    assert (tmp_path / "output" / "batches" / view["batchId"] / "events.jsonl").is_file()


async def test_failed_and_invalid_are_exit_1_and_do_not_stop_the_others(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=failing(), b="{", c={"nodes": []}, d=passing())
    ended = await batchwright("run", "flows", "--summary-json", "s.json", cwd=tmp_path)
    assert ended.code == 1
    assert "1 passed, 1 failed, 2 invalid of 4 workflows" in ended.out
    view = summary(tmp_path / "s.json")
    assert (view["status"], view["failed"], view["completed"]) == ("error", 1, 1)
    assert [item["fileName"] for item in view["validationErrors"]] == ["b.json", "c.json"]
    assert view["validationErrors"][1]["errors"] == [
        "'edges' must be an array, not missing",
        "Workflow must contain at least one node",
        "Workflow must have a node of type 'start'",
    ]
    bad = by_path(view)["a.json"]
    assert bad["status"] == "error"
    assert bad["error"] == "Property 'filePath' is required for node type loadConfigFile"
    assert (bad["errorCode"], bad["failedNodeId"], bad["failedNodeLabel"]) == (
        "NODE_PROPERTY_INVALID",
        "bad",
        "Load it",
    )
    assert (bad["attempts"], bad["screenshot"], bad["pageUrl"]) == (1, None, None)
    good = by_path(view)["d.json"]
    assert (good["status"], good["error"], good["attempts"]) == ("completed", None, 1)
    for text in ("✗ a.json", "Load it (bad), loadConfigFile", bad["error"], "✗ b.json  invalid"):
        assert text in ended.out


@pytest.mark.browser
async def test_a_failure_on_a_page_has_its_picture_and_address(tmp_path: Path, site_url: str) -> None:
    document = browsing(
        node("go", "navigation", action="navigate", url=f"{site_url}/status/200"),
        node("click", "action", label="Buy", action="click", selector="#nowhere", timeout=300),
    )
    write(tmp_path / "flows", shop=document, other=passing())
    ended = await batchwright("run", "flows", "--summary-json", "s.json", cwd=tmp_path)
    assert ended.code == 1
    failed = by_path(summary(tmp_path / "s.json"))["shop.json"]
    assert failed["pageUrl"] == f"{site_url}/status/200"
    assert (failed["errorCode"], failed["failedNodeLabel"]) == ("NODE_TIMEOUT", "Buy")
    picture = Path(failed["screenshot"])
    assert (await asyncio.to_thread(picture.read_bytes)).startswith(b"\x89PNG")
    assert f"screenshot {picture.relative_to(tmp_path)}" in ended.out
    assert f"page       {failed['pageUrl']}" in ended.out
    assert "\x1b" not in ended.out + ended.err


async def test_events_to_a_file_are_the_journal(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing(), b=failing())
    for run in (1, 2):
        ended = await batchwright("run", "flows", "--events", f"new/{run}.jsonl", cwd=tmp_path)
        assert ended.code == 1
    first, second = (read_events(tmp_path / "new" / f"{run}.jsonl") for run in (1, 2))
    assert second[0].seq == first[-1].seq + 1
    for events in (first, second):
        assert isinstance(events[0], BatchStarted)
        assert isinstance(events[-1], BatchEnded)
        assert [end.status for end in ends(events)] in (["completed", "failed"], ["failed", "completed"])
    journal = tmp_path / "output" / "batches" / first[0].batch_id / "events.jsonl"
    assert read_events(journal) == first


async def test_events_to_standard_output_leave_it_to_the_events(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing())
    ended = await batchwright("run", "flows", "--events", "-", cwd=tmp_path)
    assert ended.code == 0
    events = [parse_event(line) for line in ended.lines]
    assert [event.type for event in events][:2] == ["batch-started", "execution-started"]
    assert "✓ a.json" in ended.err


async def test_summary_to_standard_output(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing())
    ended = await batchwright("run", "flows", "--summary-json", "-", cwd=tmp_path)
    assert ended.code == 0
    assert json.loads(ended.out)["completed"] == 1
    assert "1 passed of 1 workflow" in ended.err


@pytest.mark.parametrize(("options", "not_run"), [(["-x"], 4), (["--max-failures", "2"], 3)])
async def test_max_failures_reports_the_rest_as_not_run(
    tmp_path: Path, options: list[str], not_run: int
) -> None:
    write(tmp_path / "flows", a=passing(), b=failing(), c=failing(), d=passing(), e=passing(), f=passing())
    ended = await batchwright("run", "flows", "-w", "1", *options, "--summary-json", "s.json", cwd=tmp_path)
    assert ended.code == 1
    view = summary(tmp_path / "s.json")
    assert (view["status"], view["notRun"], view["stopped"]) == ("error", not_run, not_run)
    rest = [item for item in view["executions"] if item["notRun"]]
    assert {item["errorCode"] for item in rest} == {"NOT_RUN"}
    assert {item["attempts"] for item in rest} == {0}
    assert f"{not_run} not run of 6 workflows" in ended.out
    again = await batchwright("run", "--last-failed", "--list", cwd=tmp_path)
    assert len(again.lines) == 6 - view["completed"]


async def test_last_failed_takes_what_did_not_pass(tmp_path: Path) -> None:
    write(tmp_path / "one", good=passing(), bad=failing(), broken="{")
    write(tmp_path / "two", bad=failing("Other"))
    first = await batchwright("run", "one", "two", cwd=tmp_path)
    assert first.code == 1
    listed = await batchwright("run", "--last-failed", "--list", cwd=tmp_path)
    assert listed.lines[:2] == ["one/bad.json", "two/bad.json"]
    assert listed.lines[2] == "✗ one/broken.json  invalid"
    narrowed = await batchwright("run", "one", "--last-failed", "--list", "--grep", "bad", cwd=tmp_path)
    assert (narrowed.code, narrowed.lines) == (0, ["bad.json"])

    write(tmp_path / "one", bad=passing(), broken=passing())
    write(tmp_path / "two", bad=passing())
    mended = await batchwright("run", "--last-failed", "--summary-json", "s.json", cwd=tmp_path)
    assert mended.code == 0
    assert sorted(by_path(summary(tmp_path / "s.json"))) == [
        "one/bad.json",
        "one/broken.json",
        "two/bad.json",
    ]

    idle = await batchwright("run", "--last-failed", "--summary-json", "s.json", cwd=tmp_path)
    assert (idle.code, idle.lines) == (0, ["Nothing to run: everything passed in the last run."])
    assert summary(tmp_path / "s.json")["status"] == "completed"


async def test_last_failed_among_other_paths_is_a_no_op(tmp_path: Path) -> None:
    write(tmp_path / "one", bad=failing())
    write(tmp_path / "two", good=passing())
    await batchwright("run", "one", cwd=tmp_path)
    ended = await batchwright("run", "two", "--last-failed", cwd=tmp_path)
    assert (ended.code, ended.lines) == (
        0,
        ["Nothing to run: no failed workflow of the last run is among these paths."],
    )
    none = await batchwright("run", "--last-failed", "--output", "fresh", cwd=tmp_path)
    assert none.code == 2
    assert "there is no earlier run in this output folder" in none.out


async def test_a_retry_that_passes_is_flaky_and_counted_apart(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    write(tmp_path / "flows", flaky=reading(pipe), good=passing(), bad=failing())
    command = ("run", "flows", "--retries", "2", "--events", "e.jsonl", "--summary-json", "s.json")
    async with started(*command, cwd=tmp_path) as running:
        await running.until(partial(_waits_for_reader, pipe, "[]"))
        # The reader of the first attempt may hold the pipe open a moment longer and take both contents.
        await running.until(partial(_is_retried, tmp_path / "e.jsonl", "flaky.json"))
        await running.until(partial(_waits_for_reader, pipe, "{}"))
        ended = await running.end()
    assert ended.code == 1
    view = summary(tmp_path / "s.json")
    assert (view["completed"], view["flaky"], view["failed"]) == (2, 1, 1)
    members = by_path(view)
    assert {name: item["attempts"] for name, item in members.items()} == {
        "flaky.json": 2,
        "good.json": 1,
        "bad.json": 3,
    }
    assert [name for name, item in members.items() if item["flaky"]] == ["flaky.json"]
    assert (members["flaky.json"]["error"], members["flaky.json"]["errorCode"]) == (None, None)
    assert "1 passed, 1 flaky, 1 failed of 3 workflows" in ended.out
    assert "✓ flaky.json  flaky (attempt 2)" in ended.out
    retries = [event for event in read_events(tmp_path / "e.jsonl") if isinstance(event, ExecutionRetried)]
    assert sorted(event.attempt for event in retries) == [1, 1, 2]


def _waits_for_reader(pipe: Path, content: str) -> bool:
    """Whether someone has opened the pipe to read; if so, the content is written to it."""
    try:
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
    return True


def _journal(folder: Path) -> Path:
    (journal,) = folder.glob("output/batches/*/events.jsonl")
    return journal


def _is_retried(stream: Path, workflow_path: str) -> bool:
    events = read_events(stream)
    (batch,) = (event for event in events if isinstance(event, BatchStarted))
    (member,) = (member for member in batch.members if member.workflow_path == workflow_path)
    return any(
        isinstance(event, ExecutionRetried) and event.execution_id == member.execution_id for event in events
    )


@pytest.mark.browser
async def test_weaker_modes_give_the_same_results(tmp_path: Path) -> None:
    many(tmp_path / "flows", "flow", 4, browsing())
    write(tmp_path / "flows", bad=failing())
    ended = await batchwright(
        *("run", "flows", "--workers", "1", "--no-journal", "--reuse-contexts", "--events", "e.jsonl"),
        cwd=tmp_path,
    )
    assert ended.code == 1
    assert "4 passed, 1 failed of 5 workflows" in ended.out
    assert len(ends(read_events(tmp_path / "e.jsonl"))) == 5
    assert [event.type for event in read_events(_journal(tmp_path))] == ["batch-started"]
    (row,) = json.loads((await batchwright("history", "--json", cwd=tmp_path)).out)
    assert (row["status"], row["completed"], row["failed"]) == ("error", 4, 1)


async def test_timeout_ends_an_execution_and_leaves_the_others_alone(tmp_path: Path) -> None:
    write(tmp_path / "flows", hangs=pausing(), good=passing())
    ended = await batchwright("run", "flows", "--timeout", "0.5", "--summary-json", "s.json", cwd=tmp_path)
    assert ended.code == 1
    members = by_path(summary(tmp_path / "s.json"))
    assert members["good.json"]["status"] == "completed"
    hung = members["hangs.json"]
    assert (hung["status"], hung["errorCode"], hung["failedNodeId"]) == (
        "error",
        "EXECUTION_TIMEOUT",
        "pause",
    )
    assert "exceeded its limit of 0.5 s" in hung["error"]


async def test_longest_first_starts_in_the_order_of_known_durations(tmp_path: Path) -> None:
    flows = write(tmp_path / "flows", a=pausing(1), b=pausing(500), c=pausing(250))
    await batchwright("run", "flows", cwd=tmp_path)
    write(flows, d=passing())
    command = ("run", "flows", "-w", "1", "--order", "longest-first", "--events", "e.jsonl")
    ended = await batchwright(*command, cwd=tmp_path)
    assert ended.code == 0
    events = read_events(tmp_path / "e.jsonl")
    assert isinstance(events[0], BatchStarted)
    names = {member.execution_id: member.workflow_path for member in events[0].members}
    assert [names[end.execution_id] for end in ends(events)] == ["d.json", "b.json", "c.json", "a.json"]


async def test_list_shows_invalid_files_and_runs_nothing(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing(), b="[]")
    ended = await batchwright("run", "flows", "--list", cwd=tmp_path)
    assert ended.code == 1
    assert ended.lines[:2] == ["a.json", "✗ b.json  invalid"]


async def test_what_a_run_leaves_is_no_workflow_of_the_next(tmp_path: Path) -> None:
    write(tmp_path, a=passing())
    write(tmp_path / "sub", b=passing())
    command = ("run", ".", "-r", "--output", "sub/results", "--summary-json", "s.json", "--events", "e.json")
    for _ in range(2):
        ended = await batchwright(*command, cwd=tmp_path)
        assert ended.code == 0, ended.out
        assert sorted(by_path(summary(tmp_path / "s.json"))) == ["a.json", "sub/b.json"]


async def test_variables_and_start_overrides_reach_the_workflows(tmp_path: Path) -> None:
    flow = chain(
        node("start", "start", slowMo=0, screenshotAllNodes=True),
        node("say", "stringValue", value="${variables.who}!"),
    )
    write(tmp_path / "flows", a=flow)
    command = ("run", "flows", "--var", "who=a=b", "--var", "empty=", "--events", "e.jsonl")
    ended = await batchwright(*command, "--start-override", "screenshotAllNodes=false", cwd=tmp_path)
    assert ended.code == 0
    events = read_events(tmp_path / "e.jsonl")
    assert isinstance(events[0], BatchStarted)
    assert events[0].options["startOverrides"] == {"screenshotAllNodes": False}
    (end,) = ends(events)
    assert (end.variables["say"], end.variables["empty"]) == ("a=b!", "")
