"""The defects of the reference (api.md, section 10), as far as they are the runner's: none of them is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from batches.errors import NotFoundError
from batches.events import BatchStatus, ExecutionStarted, ExecutionStatus
from batches.memory_store import MemoryStore
from batches.reports.config import ReportConfig, ReportType
from batches.reports.marker import Marker, write_marker
from batches.reports.shelf import Shelf
from batches.runner import StopReport
from batches.state import Counts
from tests.batches.runs import failing, ids, passing, pausing, request, stage, words
from tests.batches.services import desk
from tests.running import chain, node

DONE, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED
JSON = ReportConfig(enabled=True)


async def test_defect_01_a_failed_execution_counts_as_failed(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(passing(), failing(), passing()))
        await run.over(state.batch_id)
        counts = state.counts
        assert (counts.completed, counts.failed, state.status) == (2, 1, BatchStatus.FAILED)
        saved = await run.store.load(state.batch_id)
        assert saved.executions[ids(state)[1]].error is not None


async def test_defect_02_queued_begins_at_the_number_of_workflows_and_returns_to_none(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        queued: list[int] = []
        run.runner.log.listen(lambda _event, state: queued.append(state.counts.queued))
        state = await run.runner.submit(request(*[passing()] * 3))
        await run.over(state.batch_id)
        assert queued[0] == 3
        assert queued[-1] == 0
        assert queued == sorted(queued, reverse=True)


async def test_defect_03_the_end_of_a_batch_keeps_its_executions(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(passing(), failing()))
        await run.over(state.batch_id)
        run.runner.forget(state.batch_id)
        saved = await run.store.load(state.batch_id)
        assert words(saved) == ["completed", "failed"]
        names = [execution.member.workflow_file_name for execution in saved.executions.values()]
        assert names == ["0.json", "1.json"]


async def test_defect_04_a_restart_keeps_every_state(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        state = await one.service.submit(request({}, {}, {}, workers=1))
        await one.end(ids(state)[0], DONE)
        await one.end(ids(state)[1], FAILED)
        await one.running(ids(state)[2])
        await one.service.stop_execution(ids(state)[2])
    async with desk(tmp_path) as other:
        assert words(await other.service.batch(state.batch_id)) == ["completed", "failed", "stopped"]
        assert (await other.service.execution(ids(state)[1])).execution.status is FAILED


async def test_defect_05_the_error_is_what_really_happened(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(failing()))
        await run.over(state.batch_id)
        (execution,) = state.executions.values()
        assert execution.error is not None
        assert execution.error.node_id == "bad"
        assert execution.error.message != "Execution failed"
        assert execution.error == execution.nodes[-1].error


async def test_defect_06_a_single_run_that_is_over_is_not_active(tmp_path: Path) -> None:
    async with desk(tmp_path, store=MemoryStore(tmp_path)) as one:
        over = await one.service.submit(request({}, single=True))
        await one.over(over, DONE)
        assert one.service.active() == []
        assert one.service.recent(ExecutionStatus.RUNNING) is None
        assert await one.service.stop_execution(ids(over)[0]) == StopReport()
        assert words(over) == ["completed"]


async def test_defect_07_stopping_a_running_single_run_says_that_it_ran(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(pausing(), single=True))
        await run.at_node("pause")
        report = await run.runner.stop_execution(ids(state)[0])
        assert (report.running_stopped, report.queued_cancelled) == (1, 0)


async def test_defect_08_a_stop_ends_a_node_in_its_middle_as_stopped_and_reports_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(pausing(), report=JSON))
        await run.at_node("pause")
        await run.runner.stop_execution(ids(state)[0])
        (end,) = run.ends()
        assert end.status is ExecutionStatus.STOPPED
        assert end.error is not None
        assert end.error.message == "Execution stopped by user"
        folder = run.runner.shelf.folder_of(ids(state)[0])
        assert folder is not None
        assert (folder / "json" / "report.json").is_file()


async def test_defect_09_stopped_stays_stopped_and_gives_its_slot_back_once(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=2) as run:
        state = await run.runner.submit(request(*[pausing()] * 2))
        await run.at_node("pause", 2)
        await run.runner.stop_batch(state.batch_id)
        await run.over(state.batch_id)
        assert words(await run.store.load(state.batch_id)) == ["stopped", "stopped"]
        assert state.counts == Counts(stopped=2, total=2)
        more = await run.runner.submit(request(*[pausing()] * 5))
        await run.at_node("pause", 4)
        assert (run.runner.queue.in_use, more.counts.running) == (2, 2)


async def test_defect_10_a_batch_whose_last_waiting_execution_is_stopped_ends(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        holding = await run.runner.submit(request(pausing()))
        await run.at_node("pause")
        state = await run.runner.submit(request(passing()))
        await run.runner.stop_execution(ids(state)[0])
        assert (await run.over(state.batch_id)).status is BatchStatus.STOPPED
        assert words(holding) == ["running"]


async def test_defect_11_stop_all_leaves_what_is_over_and_reaches_single_runs(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        over = await run.runner.submit(request(passing()))
        await run.over(over.batch_id)
        single = await run.runner.submit(request(pausing(), single=True))
        await run.at_node("pause")
        report = await run.runner.stop_all()
        assert report.per_batch == {single.batch_id: 1}
        assert over.status is BatchStatus.COMPLETED
        assert single.status is BatchStatus.STOPPED
        assert await run.runner.stop_all() == StopReport()


async def test_defect_15_a_report_config_without_types_ends_like_any_other(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        config = ReportConfig.model_validate({"enabled": True})
        state = await run.runner.submit(request(passing(), report=config))
        assert (await run.over(state.batch_id)).status is BatchStatus.COMPLETED
        folder = run.runner.shelf.folder_of(ids(state)[0])
        assert folder is not None
        assert (folder / "json" / "report.json").is_file()


async def test_defect_16_retention_spares_its_own_batch_and_foreign_folders(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        foreign = [tmp_path / "screenshots", tmp_path / "site-1700000000000"]
        for folder in foreign:
            (folder / "json").mkdir(parents=True)
            (folder / "json" / "report.json").write_text("{}")
        config = ReportConfig(enabled=True, report_retention=2)
        large = await run.runner.submit(request(*[passing()] * 5, report=config, workers=2))
        await run.over(large.batch_id)
        of_large = [run.runner.shelf.folder_of(name) for name in ids(large)]
        assert all(folder is not None and folder.is_dir() for folder in of_large)
        later = await run.runner.submit(request(passing(), report=config))
        await run.over(later.batch_id)
        left = [folder for folder in of_large if folder is not None and folder.is_dir()]
        assert len(left) == 1
        assert all(folder.is_dir() for folder in foreign)


@pytest.mark.parametrize(
    ("folder", "kind", "name"),
    [
        ("a-1", "json", "../../secret.txt"),
        ("a-1", "..", "secret.txt"),
        ("a-1", "json/../..", "secret.txt"),
        ("../out/a-1", "json", "report.json"),
        ("..", "out", "secret.txt"),
        ("a-1", "link", "secret.txt"),
        ("a-1", "json", "..\\..\\secret.txt"),
        ("a-1", "json", ""),
        ("", "json", "report.json"),
        ("a-1", "json", "report.json\0"),
        (".", "a-1", "x"),
    ],
)
async def test_defect_17_names_lead_nowhere_but_into_the_report(
    tmp_path: Path, folder: str, kind: str, name: str
) -> None:
    (tmp_path / "out" / "a-1" / "json").mkdir(parents=True)
    (tmp_path / "out" / "a-1" / "json" / "report.json").write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "out" / "secret.txt").write_text("secret")
    (tmp_path / "out" / "a-1" / "link").symlink_to(tmp_path)
    marker = Marker(execution_id="exec-1", batch_id="batch-1", created_at=1)
    write_marker(tmp_path / "out" / "a-1", marker)
    shelf = Shelf(tmp_path / "out")
    assert (await shelf.file("a-1", "json", "report.json")).read_text() == "{}"
    with pytest.raises(NotFoundError):
        await shelf.file(folder, kind, name)
    with pytest.raises(NotFoundError):
        await shelf.resource(folder, f"{kind}/{name}")
    if folder != "a-1":
        with pytest.raises(NotFoundError):
            await shelf.delete(folder)
    assert (tmp_path / "secret.txt").exists()


async def test_defect_19_output_path_and_priority_have_effect(tmp_path: Path) -> None:
    async with stage(tmp_path, slots=1) as run:
        holding = await run.runner.submit(request(pausing()))
        await run.at_node("pause")
        low = await run.runner.submit(request(passing(), report=JSON, output_path="nightly/reports"))
        high = await run.runner.submit(request(passing(), priority=1))
        await run.runner.stop_batch(holding.batch_id)
        await run.over(low.batch_id)
        started = [item.batch_id for item in run.events if isinstance(item, ExecutionStarted)]
        assert started == [holding.batch_id, high.batch_id, low.batch_id]
        folder = run.runner.shelf.folder_of(ids(low)[0])
        assert folder is not None
        assert folder.parent == tmp_path / "nightly" / "reports"


async def test_defect_20_reports_of_every_output_path_are_found(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    labelled = chain(node("start", "start"))
    async with stage(output) as run:
        for path in ("../one", None, str(tmp_path / "two")):
            config = ReportConfig(enabled=True, report_types=(ReportType.JUNIT,), output_path=path)
            await run.over((await run.runner.submit(request(labelled, report=config))).batch_id)
    shelf = Shelf(output)
    found = await shelf.list()
    assert {folder.path.parent.name for folder in found} == {"one", "output", "two"}
    for folder in found:
        assert (await shelf.file(folder.name, "junit", "junit.xml")).is_file()
    await shelf.delete(next(folder.name for folder in found if folder.path.parent.name == "two"))
    assert await shelf.delete_all() == 2
