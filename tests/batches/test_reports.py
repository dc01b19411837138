"""Reports: what they say, where they lie, how long they stay."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Failure, JUnitXml, Skipped
from pydantic import ValidationError

from batches.errors import NotFoundError
from batches.events import ErrorInfo, ExecutionStatus, LogLine, Member, NodeEnded, NodeStatus
from batches.reports.config import ReportConfig, ReportType
from batches.reports.json_report import render_json
from batches.reports.junit import render_junit
from batches.reports.marker import Marker, write_marker
from batches.reports.model import EntryStatus, Report, ReportEntry, report_name, report_of
from batches.reports.shelf import Shelf
from batches.state import ExecutionState
from tests.batches.runs import START, Stage, failing, ids, passing, pausing, request, stage, words
from tests.running import chain, node

BOTH = ReportConfig(enabled=True, report_types=(ReportType.JSON, ReportType.JUNIT))


def folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and child.name != "batches")


def document(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "json" / "report.json").read_text("utf-8"))
    assert isinstance(content, dict)
    return content


async def finished(run: Stage, *documents: dict[str, Any], **options: Any) -> list[Path]:
    """Run these and return their report folders, in input order."""
    state = await run.runner.submit(request(*documents, **options))
    await run.over(state.batch_id)
    found = [run.runner.shelf.folder_of(name) for name in ids(state)]
    return [folder for folder in found if folder is not None]


def entry(**fields: Any) -> ReportEntry:
    base: dict[str, Any] = {
        "node_id": "n1",
        "node_type": "action",
        "label": None,
        "name": "Action",
        "status": EntryStatus.COMPLETED,
        "started_at": 1_000,
        "ended_at": 1_250,
        "error": None,
        "screenshots": {},
        "snapshots": {},
    }
    return ReportEntry(**{**base, **fields})


def report(*entries: ReportEntry) -> Report:
    return Report("exec-1", "my-flow", "error", 1_000, 3_500, "broken", entries)


async def test_reports_lie_in_a_folder_of_the_execution(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        (folder,) = await finished(run, passing(), report=BOTH)
        assert folder.parent == tmp_path
        assert folder.name.startswith("0-1")
        assert {path.name for path in folder.iterdir() if path.is_dir()} == {
            "screenshots",
            "snapshots",
            "videos",
            "json",
            "junit",
        }
        content = document(folder)
        (execution_id,) = (item.execution_id for item in run.ends())
        assert (content["executionId"], content["workflowName"]) == (execution_id, "0")
        assert content["status"] == "completed"
        assert content["duration"] == content["endTime"] - content["startTime"]
        assert [item["nodeId"] for item in content["nodes"]] == ["start", "say"]
        assert "error" not in content["nodes"][0]
        (suite,) = JUnitXml.fromfile(str(folder / "junit" / "junit.xml"))
        assert (suite.name, suite.tests, suite.failures, suite.skipped) == ("0", 2, 0, 0)


async def test_reports_are_there_when_the_end_is_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        seen: list[bool] = []
        run.runner.log.listen(
            lambda event, _: seen.append(bool(folders(tmp_path))) if event.type == "execution-ended" else None
        )
        await finished(run, passing(), report=BOTH)
        assert seen == [True]


async def test_a_failure_names_its_node_and_reason(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        (folder,) = await finished(run, failing(), report=BOTH)
        content = document(folder)
        bad = content["nodes"][-1]
        (end,) = run.ends()
        assert end.error is not None
        assert (content["status"], bad["nodeId"], bad["status"]) == ("error", "bad", "error")
        assert bad["error"] == content["error"] == end.error.message
        (suite,) = JUnitXml.fromfile(str(folder / "junit" / "junit.xml"))
        (failure,) = list(suite)[-1].result
        assert isinstance(failure, Failure)
        assert failure.message == failure.text == end.error.message


async def test_a_stopped_execution_has_reports_with_the_node_it_was_in(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(pausing(), pausing(), workers=1, report=BOTH))
        await run.at_node("pause")
        await run.runner.stop_batch(state.batch_id)
        (folder,) = folders(tmp_path)
        content = document(folder)
        assert content["status"] == "stopped"
        assert [item["status"] for item in content["nodes"]] == ["completed", "running"]
        assert content["nodes"][1]["duration"] is None
        assert content["nodes"][1]["nodeType"] == "wait"


async def test_a_workflow_that_cannot_begin_has_a_report(tmp_path: Path) -> None:
    cyclic = passing()
    cyclic["edges"].append({"id": "back", "source": "say", "target": "say", "targetHandle": "input"})
    async with stage(tmp_path) as run:
        (folder,) = await finished(run, cyclic, report=BOTH)
        content = document(folder)
        assert content["status"] == "error"
        assert content["error"].startswith("Workflow validation failed")
        assert content["nodes"] == []


def test_each_iteration_has_an_entry_and_what_is_no_test_has_none() -> None:
    execution = ExecutionState(
        Member(execution_id="exec-1", alias=1, workflow_file_name="a.json", workflow_path="a.json")
    )
    base = {"batch_id": "batch-1", "execution_id": "exec-1", "node_type": "type", "timestamp": 2_000}
    for number in range(3):
        execution.nodes.append(
            NodeEnded(**base, node_id="child", status=NodeStatus.COMPLETED, iteration=number, duration_ms=100)  # type: ignore[arg-type]
        )
    execution.nodes.append(NodeEnded(**base, node_id="aside", status=NodeStatus.FAILED, is_test=False))  # type: ignore[arg-type]
    execution.nodes.append(NodeEnded(**base, node_id="other", status=NodeStatus.SKIPPED))  # type: ignore[arg-type]
    made = report_of(
        execution, {}, status=ExecutionStatus.COMPLETED, error=None, ended_at=3_000, locate=lambda path: path
    )
    assert [(item.node_id, item.iteration) for item in made.entries] == [
        ("child", 0),
        ("child", 1),
        ("child", 2),
        ("other", None),
    ]
    assert (made.entries[0].started_at, made.entries[0].ended_at, made.entries[0].duration) == (
        1_900,
        2_000,
        100,
    )
    assert made.count(EntryStatus.ERROR) == 0
    assert made.count(EntryStatus.BYPASSED) == 1


@pytest.mark.parametrize(
    ("node_type", "name"),
    [
        ("openBrowser", "Open Browser"),
        ("apiCurl", "API cURL"),
        ("dbTransactionBegin", "DB Transaction Begin"),
        ("csvHandle", "CSV Handle"),
        ("shop.checkout", "shop.checkout"),
        ("wait", "Wait"),
    ],
)
def test_types_in_words(node_type: str, name: str) -> None:
    execution = ExecutionState(
        Member(execution_id="exec-1", alias=1, workflow_file_name="a.json", workflow_path="a.json")
    )
    execution.nodes.append(
        NodeEnded(
            batch_id="batch-1",
            execution_id="exec-1",
            node_id="n",
            node_type=node_type,
            status=NodeStatus.COMPLETED,
        )
    )
    made = report_of(
        execution,
        {},
        status=ExecutionStatus.FAILED,
        error=ErrorInfo(code="X", message="why"),
        ended_at=3,
        locate=lambda path: path,
    )
    assert made.entries[0].name == name
    assert (made.error, made.status) == ("why", "error")


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("Log In.JSON", "log-in"),
        ("a_b-C.json", "a_b-c"),
        ("", "my-start"),
        (".json", "my-start"),
        ("ü.json", "-"),
    ],
)
def test_names(file_name: str, name: str) -> None:
    assert report_name(file_name, chain(node("s", "start", label="My Start"))) == name


def test_a_name_without_anything_to_take_it_from() -> None:
    assert report_name("", {}) == "workflow"
    assert report_name("", {"nodes": [None, {"type": "start", "data": None}]}) == "workflow"


def test_a_json_report_leaves_out_what_is_not_known(tmp_path: Path) -> None:
    failed = entry(status=EntryStatus.ERROR, label="Klick", error="no ü", screenshots={"failure": "/x/a.png"})
    render_json(report(failed, entry(ended_at=None, status=EntryStatus.RUNNING)), tmp_path)
    content = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert content["nodes"] == [
        {
            "nodeId": "n1",
            "nodeType": "action",
            "nodeLabel": "Klick",
            "startTime": 1_000,
            "endTime": 1_250,
            "duration": 250,
            "status": "error",
            "error": "no ü",
            "screenshotPaths": {"failure": "/x/a.png"},
        },
        {"nodeId": "n1", "nodeType": "action", "startTime": 1_000, "duration": None, "status": "running"},
    ]
    assert (content["duration"], content["error"]) == (2_500, "broken")


def test_a_junit_report_counts_its_cases(tmp_path: Path) -> None:
    render_junit(
        report(
            entry(),
            entry(status=EntryStatus.ERROR),
            entry(status=EntryStatus.BYPASSED),
            entry(status=EntryStatus.RUNNING, ended_at=None),
        ),
        tmp_path,
    )
    (suite,) = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (suite.tests, suite.failures, suite.skipped, suite.errors) == (4, 1, 1, 1)
    assert suite.time == 2.5
    assert suite.timestamp == "1970-01-01T00:00:01.000+00:00"
    passed, failed, skipped, _ = suite
    assert (passed.name, passed.classname, passed.time, passed.result) == ("Action", "action", 0.25, [])
    assert failed.result[0].message == "Unknown error"
    assert isinstance(skipped.result[0], Skipped)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_makes_readable_reports(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("report", numbered=True)
    odd = report(entry(name=text, label=text, node_type=text, status=EntryStatus.ERROR, error=text))
    render_junit(odd, folder)
    render_json(odd, folder)
    (suite,) = JUnitXml.fromfile(str(folder / "junit.xml"))
    assert suite.failures == 1
    assert len(json.loads((folder / "report.json").read_text("utf-8"))["nodes"]) == 1
    shutil.rmtree(folder)


@pytest.mark.parametrize("types", [None, [], ()])
def test_without_types_the_report_is_json(types: object) -> None:
    assert ReportConfig.model_validate({"enabled": True, "reportTypes": types}).report_types == (
        ReportType.JSON,
    )
    assert ReportConfig.model_validate({"enabled": True}).report_types == (ReportType.JSON,)


def test_types_count_once_and_unknown_ones_are_refused() -> None:
    config = ReportConfig.model_validate({"reportTypes": ["junit", "json", "junit"]})
    assert config.report_types == (ReportType.JUNIT, ReportType.JSON)
    with pytest.raises(ValidationError) as refusal:
        ReportConfig.model_validate({"reportTypes": ["json", "pdf"]})
    assert refusal.value.errors()[0]["loc"] == ("reportTypes", 1)
    with pytest.raises(ValidationError):
        ReportConfig.model_validate({"reportRetention": 0})


async def test_a_disabled_config_writes_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        assert await finished(run, passing(), report=ReportConfig(enabled=False)) == []
        assert folders(tmp_path) == []


async def test_a_type_that_is_not_written_yet_is_a_warning_and_prevents_no_other(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        config = ReportConfig(enabled=True, report_types=(ReportType.HTML, ReportType.JSON))
        (folder,) = await finished(run, passing(), report=config)
        assert document(folder)["status"] == "completed"
        (warning,) = [item for item in run.events if isinstance(item, LogLine)]
        assert "html" in warning.message


async def test_an_output_path_that_cannot_be_written_changes_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am a file")
    async with stage(tmp_path) as run:
        config = ReportConfig(enabled=True, output_path="file/reports")
        assert await finished(run, passing(), report=config) == []
        (end,) = run.ends()
        assert end.status is ExecutionStatus.COMPLETED
        assert any("No reports" in item.message for item in run.events if isinstance(item, LogLine))


async def test_executions_of_one_name_and_moment_have_folders_of_their_own(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        other = ReportConfig(enabled=True, output_path="other")
        documents = [chain(START) for _ in range(4)]
        found = await finished(run, *documents, report=ReportConfig(enabled=True))
        found += await finished(run, *documents, report=other)
        assert len({folder.name for folder in found}) == 8


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """Makes report folders by hand."""

    def make(name: str, *, at: int, batch_id: str = "batch-1", below: str = ".") -> Path:
        folder = tmp_path / below / name
        (folder / "json").mkdir(parents=True)
        (folder / "json" / "report.json").write_text("{}")
        write_marker(folder, Marker(execution_id=f"exec-{name}", batch_id=batch_id, created_at=at))
        return folder

    return make


async def test_the_list_has_the_newest_first_and_no_helper_folders(
    tmp_path: Path, made: Callable[..., Path]
) -> None:
    old = made("old-1700000000000", at=1_700_000_000_000)
    new = made("new-1800000000000", at=1_800_000_000_000)
    (new / "screenshots").mkdir()
    (new / "screenshots" / "a.png").write_bytes(b"x")
    for helper in ("screenshots", "videos", "mine-1", "notes-1700000000000"):
        (tmp_path / helper / "json").mkdir(parents=True)
    from_elsewhere = tmp_path / "theirs-1750000000000"
    shutil.copytree(old, from_elsewhere, ignore=shutil.ignore_patterns(".*"))
    found = await Shelf(tmp_path).list()
    assert [folder.name for folder in found] == [new.name, from_elsewhere.name, old.name]
    assert found[0].report_types == (ReportType.JSON,)
    assert [(file.name, file.path, file.type) for file in found[0].files] == [
        ("report.json", "json/report.json", "json"),
        ("a.png", "screenshots/a.png", "screenshots"),
    ]
    assert [folder.execution_id for folder in found[1:]] == [None, f"exec-{old.name}"]


async def test_files_of_a_report(tmp_path: Path, made: Callable[..., Path]) -> None:
    folder = made("a-1", at=1)
    (folder / "README.txt").write_text("hello")
    shelf = Shelf(tmp_path)
    assert [(file.path, file.type) for file in await shelf.files("a-1")] == [
        ("README.txt", "root"),
        ("json/report.json", "json"),
    ]
    assert await shelf.file("a-1", "json", "report.json") == folder / "json" / "report.json"
    assert await shelf.resource("a-1", "README.txt") == folder / "README.txt"


async def test_deleting_takes_reports_only(tmp_path: Path, made: Callable[..., Path]) -> None:
    keep = tmp_path / "screenshots"
    keep.mkdir()
    first, second = made("a-1", at=1), made("b-2", at=2)
    shelf = Shelf(tmp_path)
    await shelf.delete("a-1")
    assert not first.exists()
    with pytest.raises(NotFoundError):
        await shelf.delete("a-1")
    with pytest.raises(NotFoundError):
        await shelf.delete("screenshots")
    assert await shelf.delete_all() == 1
    assert not second.exists()
    assert keep.exists()


async def test_reports_go_with_their_batches(tmp_path: Path, made: Callable[..., Path]) -> None:
    made("a-1", at=1, batch_id="batch-1")
    other = made("b-2", at=2, batch_id="batch-2")
    shelf = Shelf(tmp_path)
    assert await shelf.delete_of(["batch-1"]) == 1
    assert await shelf.delete_of([]) == 0
    assert [folder.path for folder in await shelf.list()] == [other]


async def test_a_broken_list_of_output_paths_is_set_aside(tmp_path: Path, made: Callable[..., Path]) -> None:
    made("a-1", at=1)
    (tmp_path / "report-paths.json").write_bytes(b"{")
    assert len(await Shelf(tmp_path).list()) == 1
    set_aside = await asyncio.to_thread(lambda: list(tmp_path.glob("*.corrupt-*")))
    assert [path.name.partition("-1")[0] for path in set_aside] == ["report-paths.json.corrupt"]


async def test_pictures_are_shared_with_the_report(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        config = ReportConfig(enabled=True)
        state = await run.runner.submit(request(pausing(), passing(), workers=1, report=config))
        await run.at_node("pause")
        artifacts = tmp_path / "batches" / state.batch_id / ids(state)[1]
        (artifacts / "screenshots").mkdir(parents=True)
        (artifacts / "screenshots" / "a.png").write_bytes(b"picture")
        await run.runner.stop_execution(ids(state)[0])
        await run.over(state.batch_id)
        folder = run.runner.shelf.folder_of(ids(state)[1])
        assert folder is not None
        await asyncio.to_thread(shutil.rmtree, tmp_path / "batches")
        assert (folder / "screenshots" / "a.png").read_bytes() == b"picture"
        assert words(state) == ["stopped", "completed"]
