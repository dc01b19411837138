"""Crashes, damage and full disks, with real files and real processes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from batches.errors import NotFoundError, StoreError
from batches.events import BatchEnded, BatchStatus, ExecutionEnded, ExecutionStatus, LogLine
from batches.state import BatchState, replay
from batches.tinydb_store import TinyDbStore
from tests.batches.event_samples import begin, execution_id, numbered, run, state_of, whole_batch
from tests.batches.store_process import child


@pytest.fixture
async def finished(tmp_path: Path) -> BatchState:
    """A batch that ran to its end in a store that is closed."""
    async with TinyDbStore(tmp_path) as store:
        return await keep(store)


@pytest.fixture
async def dead(tmp_path: Path) -> str:
    """A batch whose runner died: one member passed, one runs, one waits for a retry, one was not started."""
    async with TinyDbStore(tmp_path) as store:
        place = await store.reserve(4)
        events = numbered(
            [begin(place.batch_id, 4), *run(place.batch_id, 1), *list(run(place.batch_id, 2))[:2]], first=10
        )
        await store.append(place.batch_id, events, sync=True)
        await store.save(state_of(events[:1]))
    return place.batch_id


async def keep(store: TinyDbStore) -> BatchState:
    place = await store.reserve(2)
    events = whole_batch(place.batch_id, 2, first_alias=place.first_alias)
    await store.append(place.batch_id, events, sync=True)
    state = state_of(events)
    await store.save(state)
    return state


def file_of(output: Path, batch_id: str, name: str) -> Path:
    return output / "batches" / batch_id / name


def set_aside(output: Path) -> list[Path]:
    return list(output.rglob("*.corrupt-*"))


def state_files(output: Path) -> list[Path]:
    return sorted(output.rglob("*.json"))


def check_interrupted(state: BatchState) -> None:
    counts = state.counts
    assert state.status is BatchStatus.INTERRUPTED
    assert state.is_over
    assert counts.completed + counts.interrupted == counts.total
    assert counts.interrupted
    for execution in state.executions.values():
        if execution.status is ExecutionStatus.INTERRUPTED:
            assert execution.error is not None
            assert execution.error.code == "INTERRUPTED"


async def test_what_died_ends_as_interrupted(tmp_path: Path, dead: str) -> None:
    async with TinyDbStore(tmp_path) as store:
        state = await store.load(dead)
        (row,) = await store.rows()
        events = await store.events(dead)
        last_seq = await store.last_seq()
    check_interrupted(state)
    messages = [execution.error.message for execution in state.executions.values() if execution.error]
    assert messages == [
        "The runner died while this was running",
        "The runner died before this was started",
        "The runner died before this was started",
    ]
    assert state.counts.not_run == 2
    assert (row.status, row.interrupted, row.completed) == (BatchStatus.INTERRUPTED, 3, 1)
    assert replay(events) == state
    assert [event.seq for event in events] == list(range(10, 10 + len(events)))
    assert last_seq == events[-1].seq
    assert state.ended_at == events[7].timestamp
    assert state.error is not None
    assert state.error.message == "The runner died; 3 of 4 executions were not finished"


async def test_without_a_journal_results_are_there_once_the_batch_is_over(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path, journal=False) as store:
        state = await keep(store)
        assert (await store.load(state.batch_id)).counts == state.counts
        assert [event.type for event in await store.events(state.batch_id)] == ["batch-started"]
        last = await store.last_seq()
    async with TinyDbStore(tmp_path) as store:
        assert await store.load(state.batch_id) == state
        assert await store.last_seq() == last == state.last_seq


async def test_without_a_journal_a_batch_that_dies_ends_as_interrupted_as_a_whole(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path, journal=False) as store:
        place = await store.reserve(2)
        events = whole_batch(place.batch_id, 2, first_alias=place.first_alias)
        await store.append(place.batch_id, events[:-1], sync=True)
        await store.save(state_of(events[:1]))
    for _ in range(2):
        async with TinyDbStore(tmp_path, journal=False) as store:
            counts = (await store.load(place.batch_id)).counts
            assert (counts.total, counts.interrupted) == (2, 2)


async def test_recovering_twice_changes_nothing(tmp_path: Path, dead: str) -> None:
    contents = []
    for _ in range(2):
        async with TinyDbStore(tmp_path) as store:
            await store.load(dead)
        contents.append(file_of(tmp_path, dead, "events.jsonl").read_bytes())
    assert contents[0] == contents[1]


async def test_numbers_go_on_behind_those_of_all_dead_batches(tmp_path: Path, dead: str) -> None:
    async with TinyDbStore(tmp_path) as store:
        other = (await store.reserve(1)).batch_id
        await store.append(other, numbered([begin(other, 1)], first=500), sync=False)
    file_of(tmp_path, dead, "batch.json").unlink()
    lines = file_of(tmp_path, dead, "events.jsonl").read_bytes().splitlines(keepends=True)
    file_of(tmp_path, dead, "events.jsonl").write_bytes(b"".join(lines[:8]))
    (tmp_path / "index.json").unlink()
    async with TinyDbStore(tmp_path) as store:
        seqs = [event.seq for batch_id in (dead, other) for event in await store.events(batch_id)]
    made = sorted(seq for seq in seqs if seq > 500)
    assert made == list(range(501, 501 + len(made)))
    assert len(made) == 6


async def test_every_cut_through_the_journal_is_recovered(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path / "whole") as store:
        place = await store.reserve(2)
        await store.append(place.batch_id, whole_batch(place.batch_id, 2), sync=True)
    journal = file_of(tmp_path / "whole", place.batch_id, "events.jsonl").read_bytes()
    ends = [index + 1 for index, byte in enumerate(journal) if byte == ord("\n")]
    cuts = sorted({cut for end in ends for cut in (end - 40, end - 1, end, end + 1) if cut <= len(journal)})
    for cut in cuts:
        output = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "whole", output)
        file_of(output, place.batch_id, "events.jsonl").write_bytes(journal[:cut])
        complete = sum(end <= cut for end in ends)
        async with TinyDbStore(output) as store:
            if not complete:
                assert await store.rows() == []
                continue
            state = await store.load(place.batch_id)
            events = await store.events(place.batch_id)
        assert state.is_over
        assert state.status in (BatchStatus.INTERRUPTED, BatchStatus.COMPLETED)
        assert events[:complete] == whole_batch(place.batch_id, 2)[:complete]
        assert replay(events) == state
        lines = file_of(output, place.batch_id, "events.jsonl").read_bytes().splitlines()
        assert [json.loads(line)["seq"] for line in lines] == [event.seq for event in events]


@pytest.mark.parametrize("lines", [1, 23, 60])
async def test_kill_9_in_the_middle_of_writing_loses_nothing_that_was_acknowledged(
    tmp_path: Path, lines: int
) -> None:
    async with child("endless", tmp_path) as writer:
        _, batch_id = await writer.line()
        for _ in range(lines):
            _, acknowledged = await writer.line()
        await writer.kill()
    async with TinyDbStore(tmp_path) as store:
        state = await store.load(batch_id)
        events = await store.events(batch_id)
        rows = await store.rows()
        assert (await store.reserve(1)).first_alias == 4
    check_interrupted(state)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(events) >= int(acknowledged)
    assert replay(events) == state
    assert [row.batch_id for row in rows] == [batch_id]
    assert set_aside(tmp_path) == []


async def test_a_batch_of_a_living_process_is_left_alone_until_it_dies(tmp_path: Path) -> None:
    async with child("running", tmp_path) as runner:
        _, batch_id = await runner.line()
        async with TinyDbStore(tmp_path) as store:
            assert (await store.load(batch_id)).status is BatchStatus.RUNNING
            assert [row.status for row in await store.rows()] == [BatchStatus.RUNNING]
            with pytest.raises(StoreError, match="another process"):
                await store.append(batch_id, [begin(batch_id, 1)], sync=False)
        await runner.kill()
    async with TinyDbStore(tmp_path) as store:
        check_interrupted(await store.load(batch_id))


async def test_processes_that_reserve_at_once_get_different_things(tmp_path: Path) -> None:
    async with child("reserving", tmp_path) as one, child("reserving", tmp_path) as other:
        places = [*await one.rest(), *await other.rest()]
    assert len({batch_id for batch_id, _ in places}) == len(places) == 30
    assert sorted(int(alias) for _, alias in places) == list(range(1, 1 + 3 * 30, 3))


async def test_two_stores_in_one_process_own_different_batches(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path) as one, TinyDbStore(tmp_path) as other:
        mine, theirs = await asyncio.gather(one.reserve(2), other.reserve(2))
        assert mine.batch_id != theirs.batch_id
        assert {mine.first_alias, theirs.first_alias} == {1, 3}
        with pytest.raises(StoreError):
            await one.append(theirs.batch_id, [begin(theirs.batch_id, 1)], sync=False)


async def test_a_reserved_batch_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path) as store:
        await store.reserve(3)
    async with TinyDbStore(tmp_path) as store:
        assert await store.rows() == []
        assert (await store.reserve(1)).first_alias == 4
        assert len(list((tmp_path / "batches").iterdir())) == 1


async def test_deleting_a_folder_forgets_the_batch(tmp_path: Path, finished: BatchState) -> None:
    shutil.rmtree(tmp_path / "batches" / finished.batch_id)
    async with TinyDbStore(tmp_path) as store:
        assert await store.rows() == []
        with pytest.raises(NotFoundError):
            await store.load(finished.batch_id)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"meta": 1}', b'{"meta": {"1": {}}}', b"\0" * 50, b'{"batches": {"x": {}}}'],
)
async def test_a_broken_index_is_set_aside_and_rebuilt(
    tmp_path: Path, finished: BatchState, dead: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "index.json").write_bytes(content)
    async with TinyDbStore(tmp_path) as store:
        rows = {row.batch_id: row.status for row in await store.rows()}
        assert rows == {finished.batch_id: BatchStatus.COMPLETED, dead: BatchStatus.INTERRUPTED}
        assert (await store.reserve(1)).first_alias == 5
        assert len(await store.durations()) == 2
        assert await store.last_seq() > 10
    (aside,) = set_aside(tmp_path)
    assert aside.name.startswith("index.json.corrupt-")
    assert aside.read_bytes() == content
    assert aside.name in caplog.text


async def test_an_index_that_breaks_while_in_use_is_rebuilt(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path) as store:
        state = await keep(store)
        (tmp_path / "index.json").write_bytes(b"{")
        assert [row.batch_id for row in await store.rows()] == [state.batch_id]
        (tmp_path / "index.json").unlink()
        assert (await store.reserve(1)).first_alias == 3
        assert [row.batch_id for row in await store.rows()] == [state.batch_id]


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"batch": {"1": {"formatVersion": 1}}}', b"\0" * 50])
async def test_a_broken_batch_file_is_set_aside_and_rebuilt_from_the_journal(
    tmp_path: Path, finished: BatchState, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(tmp_path, finished.batch_id, "batch.json")
    path.write_bytes(content)
    async with TinyDbStore(tmp_path) as store:
        assert await store.load(finished.batch_id) == finished
        file_of(tmp_path, finished.batch_id, "events.jsonl").unlink()
        assert await store.load(finished.batch_id) == finished
    (aside,) = set_aside(tmp_path)
    assert aside.name.startswith("batch.json.corrupt-")
    assert aside.read_bytes() == content
    assert aside.name in caplog.text


async def test_a_broken_batch_file_of_a_dead_batch(tmp_path: Path, dead: str) -> None:
    file_of(tmp_path, dead, "batch.json").write_bytes(b"{")
    async with TinyDbStore(tmp_path) as store:
        check_interrupted(await store.load(dead))


@pytest.mark.parametrize("line", [b"{", b"\0" * 20, b'{"type":"from-the-future"}', b"\xff\xfe"])
async def test_a_broken_line_in_the_middle_is_left_out(
    tmp_path: Path, dead: str, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(tmp_path, dead, "events.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], line + b"\n", *lines[3:]]))
    async with TinyDbStore(tmp_path) as store:
        check_interrupted(await store.load(dead))
        assert len(await store.events(dead)) == len(lines) + 4
    assert "line 4 is left out" in caplog.text


async def test_a_journal_without_its_beginning_is_set_aside(
    tmp_path: Path, dead: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(tmp_path, dead, "events.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    for _ in range(2):
        async with TinyDbStore(tmp_path) as store:
            assert await store.rows() == []
            with pytest.raises(NotFoundError):
                await store.load(dead)
    assert [aside.name.partition("-")[0] for aside in set_aside(tmp_path)] == ["events.jsonl.corrupt"]
    assert "does not tell how the batch began" in caplog.text


async def test_an_index_of_a_newer_version_is_refused(tmp_path: Path, finished: BatchState) -> None:
    path = tmp_path / "index.json"
    content = path.read_text().replace('"formatVersion":1', '"formatVersion":2')
    path.write_text(content)
    with pytest.raises(StoreError, match=r"index\.json was written by a newer version .format 2") as refusal:
        await TinyDbStore(tmp_path).open()
    assert refusal.value.code == "STORE_VERSION"
    assert path.read_text() == content
    assert file_of(tmp_path, finished.batch_id, "batch.json").exists()


async def test_a_batch_of_a_newer_version_is_refused(tmp_path: Path, finished: BatchState) -> None:
    path = file_of(tmp_path, finished.batch_id, "batch.json")
    content = path.read_text().replace('"formatVersion":1', '"formatVersion":2')
    path.write_text(content)
    async with TinyDbStore(tmp_path) as store:
        with pytest.raises(StoreError, match="newer version"):
            await store.load(finished.batch_id)
    assert path.read_text() == content


async def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("I am a file")
    with pytest.raises(StoreError, match=r"output.*: (Not a directory|File exists)"):
        await TinyDbStore(output).open()


async def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "index.json").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"index\.json: Is a directory"):
        await TinyDbStore(tmp_path).open()


@pytest.fixture
def forbidden(tmp_path: Path) -> Path:
    tmp_path.chmod(0o500)
    return tmp_path


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_must_not_be_written(forbidden: Path) -> None:
    with pytest.raises(StoreError, match="Permission denied"):
        await TinyDbStore(forbidden / "output").open()


async def test_an_index_that_others_keep_locked(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path, patience_s=0.05) as store:
        with FileLock(tmp_path / "index.lock"), pytest.raises(StoreError) as refusal:
            await store.reserve(1)
        assert refusal.value.code == "STORE_LOCKED"
        assert (await store.reserve(1)).first_alias == 1


async def test_a_file_that_may_not_grow_keeps_whole_lines_only(tmp_path: Path) -> None:
    async with child("limited", tmp_path) as writer:
        (_, batch_id), refused, (_, written) = await writer.rest()
        assert refused[:2] == ["refused", "STORE_FAILED"]
        assert refused[-3:] == ["File", "too", "large"]
    lines = file_of(tmp_path, batch_id, "events.jsonl").read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["type"] for line in lines[: 1 + int(written)]] == [
        "batch-started",
        *["log"] * int(written),
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("cannot mount a small file system here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def filling(path: Path) -> Iterator[int]:
    with path.open("wb", buffering=0) as stream:
        while True:
            yield stream.write(b"x" * 4096)


async def test_a_full_disk_is_named_and_leaves_whole_lines_only(small_disk: Path) -> None:
    async with TinyDbStore(small_disk) as store:
        place = await store.reserve(1)
        events = whole_batch(place.batch_id, 1)
        await store.append(place.batch_id, events[:2], sync=True)
        await store.save(state_of(events[:2]))
        before = [path.read_bytes() for path in state_files(small_disk)]
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            list(filling(ballast))
        line = LogLine(
            batch_id=place.batch_id,
            execution_id=execution_id(place.batch_id, 1),
            seq=3,
            level="info",
            message="x" * 20_000,
        )
        for attempt in (
            store.append(place.batch_id, [line], sync=True),
            store.save(state_of(events)),
            store.reserve(1),
        ):
            with pytest.raises(StoreError) as refusal:
                await attempt
            assert refusal.value.code == "DISK_FULL"
            assert str(small_disk) in refusal.value.message
        assert await store.events(place.batch_id) == events[:2]
        assert [path.read_bytes() for path in state_files(small_disk)] == before
        ballast.unlink()
        await store.append(place.batch_id, events[2:], sync=True)
        await store.save(state_of(events))
        assert await store.load(place.batch_id) == state_of(events)
        assert await store.events(place.batch_id) == events


async def test_odd_values_of_a_workflow_do_not_stop_the_journal(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path) as store:
        place = await store.reserve(1)
        start, *_, end = run(place.batch_id, 1)
        assert isinstance(end, ExecutionEnded)
        odd = {"half": "\ud83d", "bytes": b"\xff", "object": object, "big": 2**90, "nan": float("nan")}
        events = numbered(
            [
                begin(place.batch_id, 1),
                start,
                end.model_copy(update={"data": odd}),
                BatchEnded(batch_id=place.batch_id, status=BatchStatus.COMPLETED),
            ]
        )
        await store.append(place.batch_id, events, sync=True)
        await store.save(state_of(events))
        from_file = await store.load(place.batch_id)
        assert from_file == replay(await store.events(place.batch_id))
        data = from_file.executions[execution_id(place.batch_id, 1)].data
        assert (data["half"], data["big"], data["nan"]) == ("?", 2**90, None)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
async def test_broken_workflows_are_set_aside_and_the_rest_is_served(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with TinyDbStore(tmp_path) as store:
        state = await keep(store)
        await store.save_workflows(state.batch_id, {}, {"exec-1": {}})
        path = file_of(tmp_path, state.batch_id, "workflows.zip")
        path.write_bytes(content)
        for _ in range(2):
            with pytest.raises(NotFoundError):
                await store.request(state.batch_id)
        assert await store.load(state.batch_id) == state
    if not zipfile.is_zipfile(io.BytesIO(content)):
        (aside,) = set_aside(tmp_path)
        assert aside.name.startswith("workflows.zip.corrupt-")
        assert aside.name in caplog.text


async def test_a_damaged_workflow_does_not_hurt_the_others(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path) as store:
        state = await keep(store)
        documents = {f"exec-{number}": {"text": f"{number}" * 50} for number in range(3)}
        await store.save_workflows(state.batch_id, {"workers": 2}, documents)
        path = file_of(tmp_path, state.batch_id, "workflows.zip")
        content = bytearray(path.read_bytes())
        content[content.index(b"exec-1.json") + len(b"exec-1.json")] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(NotFoundError):
            await store.workflows(state.batch_id, ["exec-1"])
        assert await store.workflows(state.batch_id, ["exec-0", "exec-2"]) == {
            name: documents[name] for name in ("exec-0", "exec-2")
        }


async def test_what_a_batch_was_asked_is_private(tmp_path: Path) -> None:
    async with TinyDbStore(tmp_path) as store:
        state = await keep(store)
        await store.save_workflows(state.batch_id, {"variables": {"password": "x"}}, {})
        assert file_of(tmp_path, state.batch_id, "workflows.zip").stat().st_mode & 0o077 == 0


async def test_a_deletion_that_a_crash_cut_off_is_finished_at_the_next_start(
    tmp_path: Path, finished: BatchState
) -> None:
    folder = tmp_path / "batches" / finished.batch_id
    folder.rename(tmp_path / "batches" / f".deleted-{finished.batch_id}")
    async with TinyDbStore(tmp_path) as store:
        assert await store.rows() == []
        assert list((tmp_path / "batches").iterdir()) == []
        assert store.recovered == ()


async def test_another_process_that_runs_a_batch_keeps_it(tmp_path: Path) -> None:
    async with child("running", tmp_path) as runner:
        _, batch_id = await runner.line()
        async with TinyDbStore(tmp_path) as store:
            assert (await store.delete([batch_id])).batches == 0
            assert (await store.load(batch_id)).status is BatchStatus.RUNNING
        await runner.kill()
    async with TinyDbStore(tmp_path) as store:
        assert store.recovered == (batch_id,)
        assert (await store.delete([batch_id])).executions == 3
