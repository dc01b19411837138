"""What every store promises, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batches.errors import NotFoundError, StoreError
from batches.events import BatchEnded, BatchStatus, ExecutionEnded, ExecutionStatus, now_ms
from batches.history import Cleared, HistoryQuery, Retention
from batches.memory_store import MemoryStore
from batches.state import BatchState, apply
from batches.store import Store, batch_number
from batches.tinydb_store import TinyDbStore
from tests.batches.event_samples import begin, execution_id, numbered, run, state_of, whole_batch


@pytest.fixture(params=["memory", "tinydb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store = MemoryStore(tmp_path) if request.param == "memory" else TinyDbStore(tmp_path)
    async with made:
        yield made


async def keep(store: Store, count: int = 2, *, first_seq: int = 1, single: bool = False) -> BatchState:
    """Run a batch from reservation to its final save."""
    place = await store.reserve(count)
    events = whole_batch(place.batch_id, count, first_seq=first_seq, first_alias=place.first_alias)
    events[0] = events[0].model_copy(update={"single": single})
    await store.append(place.batch_id, events, sync=True)
    state = state_of(events)
    await store.save(state)
    return state


async def test_ids_and_aliases_are_never_given_twice(store: Store) -> None:
    sizes = [3, 1, 0, 2, 5] * 4
    places = await asyncio.gather(*(store.reserve(size) for size in sizes))
    assert len({place.batch_id for place in places}) == len(sizes)
    aliases = [
        alias
        for place, size in zip(places, sizes, strict=True)
        for alias in range(place.first_alias, place.first_alias + size)
    ]
    assert len(set(aliases)) == sum(sizes)
    assert min(aliases) > 0


async def test_a_batch_id_tells_its_time(store: Store) -> None:
    first = batch_number((await store.reserve(1)).batch_id)
    second = batch_number((await store.reserve(1)).batch_id)
    assert 1_600_000_000_000 < first < second


async def test_a_batch_cannot_have_fewer_than_no_members(store: Store) -> None:
    with pytest.raises(ValueError, match="-1 members"):
        await store.reserve(-1)


async def test_each_execution_has_a_folder_of_its_own(store: Store, tmp_path: Path) -> None:
    folder = store.execution_folder("batch-17", "exec-17-1")
    assert folder == tmp_path / "batches" / "batch-17" / "exec-17-1"
    assert store.execution_folder("batch-17", "exec-17-2") != folder


@pytest.mark.parametrize(
    ("batch_id", "name"),
    [
        ("batch-17", "../exec"),
        ("batch-17", ".."),
        ("batch-17", ""),
        ("batch-17", "a/b"),
        ("../batch-17", "exec-17"),
        ("batch-", "exec-17"),
        ("batch-17\n", "exec-17"),
        ("batch-١٧", "exec-17"),
    ],
)
async def test_ids_cannot_lead_out_of_the_output_folder(store: Store, batch_id: str, name: str) -> None:
    with pytest.raises(NotFoundError):
        store.execution_folder(batch_id, name)


async def test_the_journal_is_what_was_appended(store: Store) -> None:
    place = await store.reserve(2)
    events = whole_batch(place.batch_id, 2, first_seq=5)
    await store.append(place.batch_id, events[:3], sync=False)
    await store.append(place.batch_id, [], sync=True)
    await store.append(place.batch_id, events[3:], sync=True)
    assert await store.events(place.batch_id) == events
    assert await store.events(place.batch_id, after=8) == events[4:]
    assert await store.events(place.batch_id, after=events[-1].seq) == []
    assert await store.last_seq() == events[-1].seq


async def test_the_journal_keeps_the_order_of_the_calls(store: Store) -> None:
    place = await store.reserve(2)
    events = whole_batch(place.batch_id, 2)
    await asyncio.gather(*(store.append(place.batch_id, [event], sync=False) for event in events))
    assert await store.events(place.batch_id) == events


async def test_a_cancelled_append_is_done_nevertheless(store: Store) -> None:
    place = await store.reserve(2)
    events = whole_batch(place.batch_id, 2)
    tasks = [asyncio.create_task(store.append(place.batch_id, [event], sync=True)) for event in events]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    end = BatchEnded(batch_id=place.batch_id, seq=99, status=BatchStatus.COMPLETED)
    await store.append(place.batch_id, [end], sync=False)
    assert await store.events(place.batch_id) == [*events, end]


async def test_a_running_batch_is_what_its_journal_tells(store: Store) -> None:
    place = await store.reserve(2)
    events = whole_batch(place.batch_id, 2)[:4]
    await store.append(place.batch_id, events[:2], sync=False)
    await store.save(state_of(events[:2]))
    await store.append(place.batch_id, events[2:], sync=False)
    assert await store.load(place.batch_id) == state_of(events)
    (row,) = await store.rows()
    assert (row.status, row.running, row.queued, row.ended_at) == (BatchStatus.RUNNING, 1, 1, None)


async def test_a_finished_batch_is_what_was_saved(store: Store) -> None:
    state = await keep(store, 3)
    assert await store.load(state.batch_id) == state


async def test_a_loaded_state_is_a_copy(store: Store) -> None:
    state = await keep(store, 1)
    loaded = await store.load(state.batch_id)
    loaded.executions[execution_id(state.batch_id, 1)].nodes.clear()
    assert await store.load(state.batch_id) == state


async def test_saving_again_and_late_events_do_no_harm(store: Store) -> None:
    state = await keep(store, 2)
    late = ExecutionEnded(
        batch_id=state.batch_id,
        execution_id=execution_id(state.batch_id, 1),
        seq=50,
        status=ExecutionStatus.FAILED,
    )
    await store.append(state.batch_id, [late], sync=True)
    await store.save(state)
    assert await store.load(state.batch_id) == state


async def test_rows_are_newest_first(store: Store) -> None:
    states = [await keep(store, 1, first_seq=1 + 100 * number, single=number == 2) for number in range(5)]
    newest_first = [state.batch_id for state in reversed(states)]
    without_single = [batch_id for batch_id in newest_first if batch_id != states[2].batch_id]
    assert [row.batch_id for row in await store.rows(include_single=True)] == newest_first
    assert [row.batch_id for row in await store.rows()] == without_single
    assert [row.batch_id for row in await store.rows(limit=2, offset=1)] == without_single[1:3]
    assert await store.rows(offset=10) == []
    assert await store.rows(limit=0) == []


async def test_a_row_counts(store: Store) -> None:
    place = await store.reserve(3)
    never = ExecutionEnded(
        batch_id=place.batch_id,
        execution_id=execution_id(place.batch_id, 3),
        status=ExecutionStatus.STOPPED,
    )
    events = numbered(
        [
            begin(place.batch_id, 3, invalid=2),
            *run(place.batch_id, 1),
            *run(place.batch_id, 2, status=ExecutionStatus.FAILED),
            never,
            BatchEnded(batch_id=place.batch_id, status=BatchStatus.FAILED),
        ]
    )
    await store.append(place.batch_id, events, sync=False)
    await store.save(state_of(events))
    (row,) = await store.rows()
    assert (row.total_workflows, row.invalid) == (5, 2)
    assert (row.completed, row.failed, row.stopped, row.not_run, row.queued) == (1, 1, 1, 1, 0)
    assert (row.status, row.folder_path, row.last_seq) == (BatchStatus.FAILED, "/flows", events[-1].seq)


async def test_durations_are_those_of_the_latest_run(store: Store) -> None:
    assert await store.durations() == {}
    await keep(store, 2)
    assert await store.durations() == {"/flows/sub/flow-1.json": 40.0, "/flows/sub/flow-2.json": 40.0}
    place = await store.reserve(1)
    start, *_, end = run(place.batch_id, 1)
    state = state_of(numbered([begin(place.batch_id, 1), start, end]))
    apply(state, BatchEnded(batch_id=place.batch_id, status=BatchStatus.COMPLETED))
    await store.save(state)
    assert await store.durations() == {"/flows/sub/flow-1.json": 10.0, "/flows/sub/flow-2.json": 40.0}


async def test_the_last_number_is_that_of_all_batches(store: Store) -> None:
    assert await store.last_seq() == 0
    first = await keep(store, 1, first_seq=100)
    await keep(store, 1, first_seq=10)
    assert await store.last_seq() == first.last_seq


@pytest.mark.parametrize("batch_id", ["batch-1", "batch-x", "../../etc", ""])
async def test_what_is_not_there_cannot_be_read_or_written(store: Store, batch_id: str) -> None:
    with pytest.raises(NotFoundError):
        await store.load(batch_id)
    with pytest.raises(NotFoundError):
        await store.events(batch_id)
    with pytest.raises(StoreError):
        await store.append(batch_id, [begin(batch_id, 1)], sync=False)
    with pytest.raises(StoreError):
        await store.save(state_of([begin(batch_id, 1)]))


async def test_a_reserved_batch_that_has_not_begun(store: Store) -> None:
    place = await store.reserve(1)
    assert await store.events(place.batch_id) == []
    assert await store.rows() == []
    with pytest.raises(NotFoundError):
        await store.load(place.batch_id)


async def test_a_closed_store_refuses_and_opens_again(store: Store) -> None:
    state = await keep(store, 1)
    await store.close()
    await store.close()
    with pytest.raises(StoreError) as refusal:
        await store.reserve(1)
    assert refusal.value.code == "STORE_CLOSED"
    with pytest.raises(StoreError):
        await store.rows()
    await store.open()
    assert await store.load(state.batch_id) == state
    assert (await store.reserve(1)).first_alias == 2
    assert await store.last_seq() == state.last_seq


async def test_memory_keeps_artifacts_in_a_temporary_folder_unless_told() -> None:
    store = MemoryStore()
    with pytest.raises(StoreError):
        store.execution_folder("batch-1", "exec-1")
    async with store:
        folder = store.execution_folder("batch-1", "exec-1")
        await asyncio.to_thread(folder.mkdir, parents=True)
    assert not await asyncio.to_thread(folder.exists)


async def test_the_events_of_one_execution(store: Store) -> None:
    state = await keep(store, 12)
    wanted = execution_id(state.batch_id, 1)
    events = await store.events(state.batch_id, execution_id=wanted)
    assert {event.execution_id for event in events} == {wanted}
    assert [event.seq for event in events] == list(range(2, 7))
    assert await store.events(state.batch_id, execution_id=wanted, after=3, limit=2) == events[2:4]
    assert await store.events(state.batch_id, limit=0) == []
    assert await store.events(state.batch_id, execution_id="exec-9") == []


async def test_a_page_counts_all_that_match(store: Store) -> None:
    states = [await keep(store, 1, first_seq=1 + 100 * number, single=number == 1) for number in range(4)]
    page = await store.page(HistoryQuery(limit=1, offset=1))
    assert (page.total, [row.batch_id for row in page.rows]) == (3, [states[2].batch_id])
    assert (await store.page(HistoryQuery(include_single=True))).total == 4
    assert (await store.page(HistoryQuery(statuses=frozenset({BatchStatus.FAILED})))).total == 0
    assert (await store.page(HistoryQuery(statuses=frozenset(BatchStatus)))).total == 3


async def test_batches_are_found_by_words_tags_and_time(store: Store) -> None:
    place = await store.reserve(1)
    start, *rest = whole_batch(place.batch_id, 1)
    tagged = start.model_copy(update={"options": {"tags": ["nightly", "shop"], "rerunOf": "batch-7"}})
    await store.append(place.batch_id, [tagged, *rest], sync=False)
    state = state_of([tagged, *rest])
    await store.save(state)
    await keep(store, 1, first_seq=100)

    async def found(**fields: object) -> list[str]:
        return [row.batch_id for row in (await store.page(HistoryQuery(**fields))).rows]  # type: ignore[arg-type]

    assert await found(tag="nightly") == [state.batch_id]
    assert await found(tag="night") == []
    assert await found(text="NIGHT") == [state.batch_id]
    assert len(await found(text="flow-1.json")) == 2
    assert len(await found(started_after=state.started_at)) == 2
    assert await found(started_before=state.started_at) == []
    (row,) = (await store.page(HistoryQuery(tag="shop"))).rows
    assert (row.rerun_of, row.tags, row.members) == ("batch-7", ("nightly", "shop"), 1)


async def test_a_batch_is_found_by_the_alias_of_a_member(store: Store) -> None:
    states = [await keep(store, size, first_seq=1 + 100 * size) for size in (2, 0, 3)]
    for state in states:
        for execution in state.executions.values():
            assert await store.find_alias(execution.member.alias) == state.batch_id
    for alias in (0, 6, 10**12):
        with pytest.raises(NotFoundError):
            await store.find_alias(alias)


async def test_what_was_asked_for_is_kept(store: Store) -> None:
    place = await store.reserve(2)
    documents = {f"exec-1-{number}": {"nodes": [{"label": "Grüße", "n": number}]} for number in (1, 2)}
    await store.save_workflows(place.batch_id, {"workers": 3}, documents)
    assert await store.request(place.batch_id) == {"workers": 3}
    assert await store.workflows(place.batch_id, ["exec-1-2"]) == {"exec-1-2": documents["exec-1-2"]}
    assert await store.workflows(place.batch_id, list(documents)) == documents
    with pytest.raises(NotFoundError):
        await store.workflows(place.batch_id, ["exec-1-3"])


async def test_what_was_never_kept_is_not_found(store: Store) -> None:
    state = await keep(store, 1)
    for batch_id in (state.batch_id, "batch-1", "../x"):
        with pytest.raises(NotFoundError):
            await store.request(batch_id)
        with pytest.raises(NotFoundError):
            await store.workflows(batch_id, ["exec-1"])


async def test_deleting_leaves_nothing_but_what_runs(store: Store, tmp_path: Path) -> None:
    gone, stays = await keep(store, 2), await keep(store, 1, first_seq=100)
    artifact = store.execution_folder(gone.batch_id, execution_id(gone.batch_id, 1)) / "screenshots" / "a.png"
    await asyncio.to_thread(artifact.parent.mkdir, parents=True)
    await asyncio.to_thread(artifact.write_bytes, b"picture")
    running = await store.reserve(1)
    events = whole_batch(running.batch_id, 1, first_seq=200)[:3]
    await store.append(running.batch_id, events, sync=False)
    await store.save(state_of(events))
    ids = [gone.batch_id, running.batch_id, "batch-1", "nonsense", gone.batch_id]
    assert await store.delete(ids) == Cleared(batches=1, executions=2)
    assert [row.batch_id for row in await store.rows()] == [running.batch_id, stays.batch_id]
    with pytest.raises(NotFoundError):
        await store.load(gone.batch_id)
    assert (await store.load(running.batch_id)).status is BatchStatus.RUNNING
    left = await asyncio.to_thread(
        lambda: [path for path in tmp_path.rglob("*") if gone.batch_id in path.name]
    )
    assert left == []
    assert (await store.reserve(1)).first_alias > 3


async def test_retention_by_count_keeps_the_newest(store: Store) -> None:
    states = [await keep(store, 1, first_seq=1 + 100 * number) for number in range(4)]
    ids = [state.batch_id for state in states]
    assert await store.expired(Retention(max_batches=2)) == ids[:2]
    assert await store.expired(Retention(max_batches=0)) == ids
    assert await store.expired(Retention()) == []


async def test_retention_by_age_counts_from_the_end(store: Store) -> None:
    long_ago = await keep(store, 1)
    place = await store.reserve(1)
    *rest, end = whole_batch(place.batch_id, 1, first_seq=100)
    events = [*rest, end.model_copy(update={"timestamp": now_ms()})]
    await store.append(place.batch_id, events, sync=False)
    await store.save(state_of(events))
    assert await store.expired(Retention(max_age_s=3600)) == [long_ago.batch_id]
    assert await store.expired(Retention(max_age_s=10**10)) == []


async def test_retention_by_bytes_counts_artifacts(store: Store) -> None:
    states = [await keep(store, 1, first_seq=1 + 100 * number) for number in range(3)]
    for state in states:
        folder = store.execution_folder(state.batch_id, execution_id(state.batch_id, 1))
        await asyncio.to_thread(folder.mkdir, parents=True)
        await asyncio.to_thread((folder / "video.webm").write_bytes, bytes(1_000_000))
    assert await store.expired(Retention(max_bytes=2_500_000)) == [states[0].batch_id]
    assert await store.expired(Retention(max_bytes=10_000_000)) == []


async def test_retention_spares_what_runs(store: Store) -> None:
    place = await store.reserve(1)
    events = whole_batch(place.batch_id, 1)[:3]
    await store.append(place.batch_id, events, sync=False)
    await store.save(state_of(events))
    assert await store.expired(Retention(max_age_s=0, max_batches=0, max_bytes=0)) == []
