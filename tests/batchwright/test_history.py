"""``batchwright history``, ``validate`` and ``nodes``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.batchwright.command import START, batchwright, failing, passing, write
from tests.running import chain, node


async def test_nothing_ran_yet(tmp_path: Path) -> None:
    ended = await batchwright("history", "--output", "results", cwd=tmp_path)
    assert (ended.code, ended.lines) == (0, ["No history in results. Start with: batchwright run FOLDER"])
    assert not (tmp_path / "results").exists()
    ended = await batchwright("history", "--json", cwd=tmp_path)
    assert (ended.code, json.loads(ended.out)) == (0, [])


async def test_batches_and_their_executions(tmp_path: Path) -> None:
    long = "a-workflow-with-a-name-that-" + "goes-on-and-" * 18
    write(tmp_path / "flows", **{"[good]": passing(), "bad": failing(), long: passing()}, broken="{")
    await batchwright("run", "flows", cwd=tmp_path)
    await batchwright("run", "flows", "--grep", "good", "--output", "output", cwd=tmp_path)

    listed = await batchwright("history", cwd=tmp_path)
    assert listed.code == 0
    assert listed.lines[0].split() == ["batch", "started", "status", "result", "time", "folder"]
    assert ["1 passed" in listed.lines[1], "2 passed, 1 failed, 1 invalid" in listed.lines[2]] == [True, True]
    limited = await batchwright("history", "-n", "1", "--json", cwd=tmp_path)
    (newest,) = json.loads(limited.out)
    assert listed.lines[1].startswith(newest["batchId"])
    oldest = listed.lines[2].split()[0]

    detail = await batchwright("history", oldest, cwd=tmp_path)
    assert detail.code == 0
    assert detail.lines[0].startswith(f"{oldest}  ")
    for shown in (
        "[good].json",
        "bad.json",
        f"{long}.json",
        "broken.json",
        "Property 'filePath' is required",
    ):
        assert shown in detail.out
    unknown = await batchwright("history", "batch-1", cwd=tmp_path)
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err == "Error: There is no batch 'batch-1'\n"


async def test_output_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("mine", encoding="utf-8")
    ended = await batchwright("history", cwd=tmp_path)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == f"Error: Cannot read or write {tmp_path}/output/batches: Not a directory\n"


async def test_validate_names_each_fault_with_its_file(tmp_path: Path) -> None:
    faulty = chain(START, node("w", "wait", timeout="soon"), node("x", "acme.rocket"))
    write(tmp_path / "flows", good=passing(), broken="{", faulty=faulty)
    ended = await batchwright("validate", "flows", cwd=tmp_path)
    assert ended.code == 1
    assert ended.lines[0].startswith("flows/broken.json: is not valid JSON: line 1, column 2")
    assert all(line.startswith("flows/faulty.json: ") for line in ended.lines[1:])
    told = "\n".join(ended.lines[1:])
    for fault in ("property 'timeout'", "property 'waitType' is required", "unknown node type 'acme.rocket'"):
        assert fault in told
    assert ended.err == "3 files, 2 with problems\n"
    fine = await batchwright("validate", "flows/good.json", cwd=tmp_path)
    assert (fine.code, fine.out, fine.err) == (0, "", "1 file, all valid\n")


async def test_validate_without_files(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, message in (
        ("gone", "gone: no such file or folder"),
        ("empty", "No workflow files in empty (pattern *.json)"),
    ):
        ended = await batchwright("validate", path, cwd=tmp_path)
        assert (ended.code, ended.out, ended.err) == (2, "", f"Error: {message}\n")


async def test_nodes_lists_and_explains(tmp_path: Path) -> None:
    listed = await batchwright("nodes", cwd=tmp_path)
    assert listed.code == 0
    names = {line.split()[0] for line in listed.lines if line.strip()}
    assert {"verify", "openBrowser", "loop"} <= names
    explained = await batchwright("nodes", "VERIFY", cwd=tmp_path)
    assert explained.code == 0
    assert explained.lines[0].startswith("verify  ")
    as_json = await batchwright("nodes", "wait", "--json", cwd=tmp_path)
    described = json.loads(as_json.out)
    assert described["name"] == "wait"
    assert "waitType" in {item["name"] for item in described["properties"]}
    unknown = await batchwright("nodes", "loop2", cwd=tmp_path)
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err == "Error: no node type is called 'loop2'. Did you mean loop?\n"
