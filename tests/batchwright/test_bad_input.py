"""What people get wrong: each ends with a message that says what is wrong, a code, and no trace."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.batchwright.command import (
    START,
    Ended,
    batchwright,
    browsing,
    by_path,
    failing,
    many,
    passing,
    reading,
    summary,
    write,
)
from tests.running import chain, node, workflow

POWERLESS = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)
"""Root may read everything; this takes that right away."""


def under_permissions() -> tuple[str, ...]:
    """What runs a command so that file permissions count for it."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("file permissions do not count for root, and there is no setpriv")
    return POWERLESS


async def refused(cwd: Path, *args: str, code: int = 2, **options: Any) -> str:
    """What a command says that ends with this code and leaves a summary which says so, too."""
    ended = await batchwright("run", *args, "--summary-json", "s.json", cwd=cwd, **options)
    assert ended.code == code, ended
    view = summary(cwd / "s.json")
    assert (view["batchId"], view["status"], view["executions"]) == (None, "error", [])
    return ended.out


async def test_folder_that_is_missing(tmp_path: Path) -> None:
    assert await refused(tmp_path, "no/flows") == "Error: no/flows: no such file or folder\n"


async def test_folder_that_is_empty(tmp_path: Path) -> None:
    write(tmp_path / "flows" / "deep", a=passing())
    assert await refused(tmp_path, "flows") == (
        "Error: No workflow files in flows (pattern *.json)\nSubfolders are searched with --recursive.\n"
    )
    assert await refused(tmp_path, "flows", "-r", "--pattern", "x*") == (
        "Error: No workflow files in flows (pattern x*)\n"
    )


async def test_path_that_is_neither_folder_nor_file(tmp_path: Path) -> None:
    assert await refused(tmp_path, "/dev/null") == "Error: /dev/null: neither a file nor a folder\n"


async def test_file_that_is_no_workflow(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("milk, bread", encoding="utf-8")
    out = await batchwright("run", "notes.txt", "--summary-json", "s.json", cwd=tmp_path)
    assert out.code == 2
    assert "is not valid JSON: line 1, column 1" in out.out
    assert out.lines[-1] == "Error: No valid workflow in notes.txt"
    assert summary(tmp_path / "s.json")["invalidWorkflows"] == 1


async def test_folder_and_file_that_cannot_be_read(tmp_path: Path) -> None:
    under = under_permissions()
    locked = write(tmp_path / "locked", a=passing())
    locked.chmod(0)
    flows = write(tmp_path / "flows", a=passing(), b=passing())
    (flows / "b.json").chmod(0)
    assert (
        await refused(tmp_path, "locked", under=under) == "Error: locked: cannot be read: Permission denied\n"
    )
    ended = await batchwright("run", "flows", cwd=tmp_path, under=under)
    assert ended.code == 1
    assert "✓ a.json" in ended.out
    assert "✗ b.json  invalid\n    cannot be read: Permission denied\n" in ended.out
    locked.chmod(0o700)


async def test_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing())
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    out = await refused(tmp_path, "flows", "--output", "file/results", code=3)
    assert out == f"Error: Cannot read or write {tmp_path}/file/results/batches: Not a directory\n"
    under = under_permissions()
    (tmp_path / "locked").mkdir(mode=0o555)
    out = await refused(tmp_path, "flows", "--output", "locked", code=3, under=under)
    assert out.endswith("Permission denied\n")
    assert str(tmp_path / "locked") in out


async def test_summary_and_events_that_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing())
    (tmp_path / "[").mkdir()
    (tmp_path / "[" / "x]").write_text("mine", encoding="utf-8")
    ended = await batchwright("run", "flows", "--summary-json", "[/x]/s.json", cwd=tmp_path)
    assert ended.code == 3
    assert "1 passed of 1 workflow" in ended.out
    assert "Error: the summary [/x]/s.json cannot be written: " in ended.out
    assert await refused(tmp_path, "flows", "--events", "[/x]/e.jsonl") == (
        "Error: --events [/x]/e.jsonl: cannot be written: File exists\n"
    )
    ended = await batchwright("run", "flows", "--events", "/dev/full", cwd=tmp_path)
    assert ended.code == 3
    assert "Error: --events /dev/full: the stream ends early: No space left on device" in ended.out
    assert "1 passed of 1 workflow" in ended.out


SENSELESS = (
    (("--workers", "0"), "--workers: 0 is not between 1 and 256"),
    (("--workers", "-1"), "--workers: -1 is not between 1 and 256"),
    (("--workers", "abc"), "--workers: 'abc' is neither a number nor 'auto'"),
    (("--workers", "2.5"), "--workers: '2.5' is neither a number nor 'auto'"),
    (("--timeout", "0"), "Invalid value for '--timeout'"),
    (("--timeout", "nan"), "Invalid value for '--timeout'"),
    (("--retries", "-1"), "Invalid value for '--retries'"),
    (("--max-failures", "0"), "Invalid value for '--max-failures'"),
    (("--browser", "opera"), "'opera' is not one of"),
    (("--order", "random"), "'random' is not one of"),
    (("--var", "name"), "--var: 'name' is not of the form name=value"),
    (("--start-override", "speed=1"), "--start-override: 'speed' is no Start option"),
    (("--events", "-", "--summary-json", "-"), "only one of --events and --summary-json"),
    (("--frobnicate",), "No such option: --frobnicate"),
)


async def test_options_that_make_no_sense(tmp_path: Path) -> None:
    runs = [batchwright("run", "flows", *options, cwd=tmp_path) for options, _ in SENSELESS]
    for (_, message), ended in zip(SENSELESS, await asyncio.gather(*runs), strict=True):
        assert ended.code == 2, ended
        assert message in " ".join(line.strip("│╭╮╰╯─ ") for line in ended.err.splitlines())
        assert ended.out == ""
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing was made


async def test_nothing_named_at_all(tmp_path: Path) -> None:
    ended = await batchwright("run", cwd=tmp_path)
    assert ended.code == 2
    assert "name a folder or workflow file, or use --last-failed" in ended.err
    bare = await batchwright(cwd=tmp_path)
    assert bare.code == 2
    assert "Exit codes: 0 all passed or nothing to do" in bare.out + bare.err


async def test_expression_that_is_none(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing())
    out = await refused(tmp_path, "flows", "--grep", "[")
    assert out == "Error: --grep is not a regular expression: unterminated character set at position 0\n"


async def test_a_folder_of_broken_workflows_runs_the_good_one(tmp_path: Path) -> None:
    """Each fault is told with its file; none of them stops the others."""
    two_starts = [START, node("n", "wait"), node("n", "wait")]
    write(
        tmp_path / "flows",
        not_json="{nodes: []}",
        deep="[" * 5000,
        array="[]",
        null="null",
        nodes_text={"nodes": "many", "edges": []},
        node_text={"nodes": [START, "n"], "edges": []},
        type_number={"nodes": [START, {"id": "n", "type": 5}], "edges": []},
        data_array={"nodes": [START, {"id": "n", "type": "wait", "data": []}], "edges": []},
        edge_text={"nodes": [START], "edges": ["e"]},
        handle_object={
            "nodes": [START],
            "edges": [{"id": "e", "source": "start", "target": "start", "sourceHandle": {}}],
        },
        twins={"nodes": two_starts, "edges": []},
        dangling={"nodes": [START], "edges": [{"id": "e", "source": "start", "target": "gone"}]},
        no_start={"nodes": [node("n", "wait")], "edges": []},
        good=passing(),
    )
    huge = tmp_path / "flows" / "huge.json"
    huge.touch()
    os.truncate(huge, 11 * 1024 * 1024)
    ended = await batchwright("run", "flows", "--summary-json", "s.json", cwd=tmp_path)
    assert ended.code == 1
    view = summary(tmp_path / "s.json")
    assert (view["completed"], view["validWorkflows"], view["invalidWorkflows"]) == (1, 1, 14)
    faults = {item["fileName"].removesuffix(".json"): item["errors"] for item in view["validationErrors"]}
    assert faults["not_json"][0].startswith("is not valid JSON: line 1, column 2")
    del faults["not_json"]
    assert faults == {
        "deep": ["is nested more than 200 levels deep"],
        "array": ["Workflow must be a JSON object, not an array"],
        "null": ["Workflow is null or undefined"],
        "nodes_text": ["'nodes' must be an array, not a string"],
        "node_text": ["nodes[1] must be an object, not a string"],
        "type_number": ["Node 'n': 'type' must be a string, not a number"],
        "data_array": ["Node 'n': 'data' must be an object, not an array"],
        "edge_text": ["edges[0] must be an object, not a string"],
        "handle_object": ["Edge 'e': 'sourceHandle' must be a string, not an object"],
        "twins": ["Duplicate node id: 'n' (2 times)"],
        "dangling": ["Edge 'e': target node 'gone' does not exist"],
        "no_start": ["Workflow must have a node of type 'start'"],
        "huge": ["is larger than 10 MiB"],
    }


async def test_workflows_that_fail_before_or_at_a_node(tmp_path: Path) -> None:
    numbers = node("numbers", "setConfig.setConfig", config={"list": "abc"})
    cycle = workflow(
        [START, node("a", "stringValue"), node("b", "stringValue")],
        [("start", "a"), ("a", "b"), ("b", "a", "output", "input")],
    )
    write(
        tmp_path / "flows",
        cycle=cycle,
        unknown=chain(START, node("x", "acme.rocket")),
        wrong_type=chain(START, node("w", "wait", waitType="timeout", timeout="soon")),
        not_a_list=chain(START, numbers, node("each", "loop", mode="forEach", arrayVariable="list")),
        thrown=chain(START, node("js", "javascriptCode", code="throw new Error('on purpose')")),
        no_page=chain(START, node("click", "action", action="click", selector="#a")),
    )
    ended = await batchwright("run", "flows", "--summary-json", "s.json", cwd=tmp_path)
    assert ended.code == 1
    members = by_path(summary(tmp_path / "s.json"))
    told = {
        name.removesuffix(".json"): (item["errorCode"], item["failedNodeId"])
        for name, item in members.items()
    }
    assert told == {
        "cycle": ("WORKFLOW_INVALID", None),
        "unknown": ("NODE_TYPE_UNKNOWN", "x"),
        "wrong_type": ("WORKFLOW_INVALID", None),
        "not_a_list": ("NODE_PROPERTY_INVALID", "each"),
        "thrown": ("SCRIPT_FAILED", "js"),
        "no_page": ("PAGE_MISSING", "click"),
    }
    errors = {name.removesuffix(".json"): item["error"] for name, item in members.items()}
    assert errors["cycle"].startswith("Workflow validation failed: ")
    assert "ircular" in errors["cycle"]
    assert errors["unknown"] == "No handler found for node type: acme.rocket"
    assert "property 'timeout'" in errors["wrong_type"]
    assert "array" in errors["not_a_list"]
    assert errors["thrown"] == "JavaScript execution error: on purpose"
    assert "Open Browser" in errors["no_page"]


@pytest.mark.browser
async def test_selector_without_its_prefix(tmp_path: Path) -> None:
    click = node("click", "action", action="click", selector="Buy", selectorType="getByTestId", timeout=500)
    write(tmp_path / "flows", a=browsing(click))
    ended = await batchwright("run", "flows", "--summary-json", "s.json", cwd=tmp_path)
    assert ended.code == 1
    (member,) = by_path(summary(tmp_path / "s.json")).values()
    assert (member["errorCode"], member["failedNodeId"]) == ("SELECTOR_INVALID", "click")
    assert "testid:" in member["error"]


async def test_browser_that_is_not_there(tmp_path: Path) -> None:
    env = {"BATCHWRIGHT_CHROMIUM": "/no/browser"}
    write(tmp_path / "flows", a=browsing(), b=browsing())
    out = await refused(tmp_path, "flows", code=3, env=env)
    assert "is not installed at '/no/browser', which BATCHWRIGHT_CHROMIUM names" in out
    assert "batchwright install" in out
    write(tmp_path / "flows", c=passing())
    ended = await batchwright(
        "run", "flows", "--retries", "3", "--summary-json", "s.json", cwd=tmp_path, env=env
    )
    assert ended.code == 1
    members = by_path(summary(tmp_path / "s.json"))
    assert {
        name: (item["status"], item["errorCode"], item["attempts"]) for name, item in members.items()
    } == {
        "a.json": ("error", "BROWSER_MISSING", 1),
        "b.json": ("error", "BROWSER_MISSING", 1),
        "c.json": ("completed", None, 1),
    }


async def test_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = await batchwright("demo", "--port", str(port), cwd=tmp_path)
    assert ended.code == 3
    assert f"Error: the demo site cannot use port {port}: " in ended.err
    assert "in use" in ended.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with little room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs a disk of its own, and so the right to mount one")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_disk_that_fills_up(tmp_path: Path, small_disk: Path) -> None:
    """What had finished is on the disk; the run says what happened and ends with 3."""
    write_growing(tmp_path / "flows")
    view = await run_out_of_space(tmp_path, f"Disk full: cannot write {small_disk}", "--output", small_disk)
    shutil.copytree(small_disk, tmp_path / "saved")
    history = await batchwright("history", view["batchId"], "--output", "saved", "--json", cwd=tmp_path)
    assert_finished(history, view)


async def test_file_that_may_not_grow(tmp_path: Path) -> None:
    """The same without a disk of its own: the system refuses to make a file any larger."""
    write_growing(tmp_path / "flows")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))

    view = await run_out_of_space(tmp_path, f"Cannot read or write {tmp_path}/output", before=limit)
    history = await batchwright("history", view["batchId"], "--json", cwd=tmp_path)
    assert_finished(history, view)


def write_growing(folder: Path) -> None:
    slowly = chain(
        START,
        node("pause", "wait", waitType="timeout", value=150),
        node("say", "stringValue", value="x" * 30_000),
    )
    many(folder, "p", 12, slowly)


async def run_out_of_space(cwd: Path, message: str, *args: str | Path, **options: Any) -> dict[str, Any]:
    ended = await batchwright(
        "run", "flows", "-w", "1", *args, "--summary-json", "s.json", cwd=cwd, **options
    )
    assert ended.code == 3, ended
    assert f"Error: {message}" in ended.out
    assert "What had finished before is in the output folder." in ended.out
    view = summary(cwd / "s.json")
    assert 0 < view["completed"] < 12
    return view


def assert_finished(history: Ended, view: Mapping[str, Any]) -> None:
    """All but the one that was being written are known as finished, the rest as interrupted or not run."""
    assert history.code == 0
    counted = [name for name, item in by_path(view).items() if item["status"] == "completed"]
    members = by_path(json.loads(history.out))
    known = [name for name, item in members.items() if item["status"] == "completed"]
    assert set(counted[:-1]) <= set(known) <= set(counted)
    assert {item["status"] for item in members.values()} <= {"completed", "stopped"}


async def test_names_and_messages_with_odd_characters(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    for name in (b"[bold]x[!]", b"esc\x1b[31m", b"bad\xff"):
        write(flows, **{os.fsdecode(name): failing("[bold]\x1b[31m")})
    ended = await batchwright("run", "flows", "--summary-json", "s.json", "--events", "e.jsonl", cwd=tmp_path)
    assert ended.code == 1
    assert "\x1b" not in ended.out
    for shown in ("✗ [bold]x[!].json", "✗ esc␛[31m.json", "✗ bad\\udcff.json", "[bold]␛[31m (bad)"):
        assert shown in ended.out
    assert summary(tmp_path / "s.json")["failed"] == 3
    history = await batchwright("history", cwd=tmp_path)
    assert "3 failed" in history.out


@pytest.mark.parametrize("options", [(), ("--events", "-"), ("--summary-json", "-")])
async def test_a_reader_that_goes_away_does_not_hurt_the_run(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    write(tmp_path / "flows", a=passing(), b=passing())
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    ended = await batchwright("run", "flows", *options, cwd=tmp_path, out=writing_end)
    os.close(writing_end)
    assert ended.code == (3 if "--summary-json" in options else 0), ended
    history = await batchwright("history", cwd=tmp_path)
    assert "2 passed" in history.out


async def test_output_that_goes_to_a_full_disk(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing())
    with Path("/dev/full").open("wb") as full:  # noqa: ASYNC230 - a device that opens at once
        ended = await batchwright("run", "flows", cwd=tmp_path, out=full.fileno())
        assert (ended.code, ended.err) == (0, "")
        ended = await batchwright("nodes", "--json", cwd=tmp_path, out=full.fileno())
        assert ended.code == 3
        assert "No space left on device" in ended.err


async def test_file_that_is_no_object_where_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]", encoding="utf-8")
    write(tmp_path / "flows", a=reading(tmp_path / "list.json"))
    ended = await batchwright("run", "flows", cwd=tmp_path)
    assert ended.code == 1
    assert "must be a JSON object, not an array" in ended.out
