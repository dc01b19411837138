"""Fan-out: everybody gets what they want to know, at their own pace, and nobody slows anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batches.eventlog import EventLog
from batches.events import (
    BatchEnded,
    BatchStatus,
    ExecutionEnded,
    ExecutionStarted,
    ExecutionStatus,
    NodeEnded,
    NodeStarted,
    NodeStatus,
    Record,
)
from batches.memory_store import MemoryStore
from server.event_messages import Message
from server.event_ring import EVERYTHING, Burst, Entry, Ring, batch_room, execution_room, wants
from server.hub import Hub
from server.hub_client import Client
from tests.batches.event_samples import begin, execution_id
from tests.batches.runs import PATIENCE_S

LOSSLESS = ("node-execution", "execution-event", "batch-start", "batch-complete")


class Reader:
    """The other end of a way to a client: keeps what comes, and may stop reading."""

    def __init__(self, most_packets: int = 1000) -> None:
        self.most_packets = most_packets
        self.reads = True
        self.bursts: list[Burst] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.times: list[float] = []
        self.changed = asyncio.Event()
        self.turns = 0

    def ready(self) -> bool:
        return self.reads

    def send(self, burst: Burst) -> None:
        self.bursts.append(burst)
        packets = burst.payload.split("\x1e")
        self.seen += [tuple(orjson.loads(packet[2:])) for packet in packets]
        self.times += [asyncio.get_running_loop().time()] * len(packets)
        self.changed.set()

    def in_turn(self) -> None:
        self.turns += 1

    def of(self, *names: str) -> list[dict[str, Any]]:
        return [body for name, body in self.seen if name in names]

    def seqs(self, name: str) -> list[int]:
        return [body["seq"] for body in self.of(name)]

    def newest(self) -> int:
        """The number of the last event of an execution that came."""
        return max(self.seqs("execution-event"), default=0)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Scene:
    """A hub on a real event log."""

    log: EventLog
    store: MemoryStore
    hub: Hub
    numbers: dict[str, int] = field(default_factory=dict)

    def connect(self, name: str, **options: Any) -> Reader:
        reader = Reader(**options)
        self.hub.add(name, reader)
        return reader

    async def batch(self, members: int = 2) -> str:
        """A batch that has begun; returns its id."""
        batch_id = (await self.store.reserve(members)).batch_id
        self.log.append(begin(batch_id, members))
        return batch_id

    def start(self, batch_id: str, number: int = 1) -> None:
        self.log.append(ExecutionStarted(batch_id=batch_id, execution_id=execution_id(batch_id, number)))

    def step(self, batch_id: str, number: int = 1, count: int = 1) -> None:
        """An execution walks over nodes."""
        ids: dict[str, Any] = {"batch_id": batch_id, "execution_id": execution_id(batch_id, number)}
        for _ in range(count):
            node: dict[str, Any] = {"node_id": f"n{self.log.last_seq}", "node_type": "wait"}
            self.log.append(NodeStarted(**ids, **node))
            self.log.append(NodeEnded(**ids, **node, status=NodeStatus.COMPLETED, duration_ms=1))

    def end(self, batch_id: str, number: int = 1) -> None:
        ids: dict[str, Any] = {"batch_id": batch_id, "execution_id": execution_id(batch_id, number)}
        self.log.append(ExecutionEnded(**ids, status=ExecutionStatus.COMPLETED))

    def finish(self, batch_id: str) -> None:
        self.log.append(BatchEnded(batch_id=batch_id, status=BatchStatus.COMPLETED))


@asynccontextmanager
async def scene(tmp_path: Path, **options: Any) -> AsyncIterator[Scene]:
    async with MemoryStore(tmp_path) as store:
        log = EventLog(store)
        await log.start()
        hub = Hub(log, tmp_path, **{"settling_s": 0, **options})
        hub.start()
        try:
            yield Scene(log, store, hub)
        finally:
            await hub.close()
            await log.close()


async def test_a_client_that_never_subscribes_gets_everything_in_order(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        reader = it.connect("a")
        batch_id = await it.batch()
        for number in (1, 2):
            it.start(batch_id, number)
            it.step(batch_id, number, count=3)
            it.end(batch_id, number)
        it.finish(batch_id)
        await reader.until(lambda: bool(reader.of("batch-complete")))
    assert reader.seqs("batch-start") == [1]
    assert reader.seqs("execution-event") == list(range(2, 18))
    assert len(reader.of("node-execution")) == 12
    lossless = [body["seq"] for body in reader.of(*LOSSLESS)]
    assert lossless == sorted(lossless)
    assert [body["status"] for body in reader.of("execution-update")][-2:] == ["completed", "completed"]


async def test_last_states_come_before_the_end_that_they_belong_to(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        reader = it.connect("a")
        batch_id = await it.batch(1)
        it.start(batch_id)
        await reader.until(lambda: bool(reader.of("batch-update")))
        it.end(batch_id)
        it.finish(batch_id)
        await reader.until(lambda: bool(reader.of("batch-complete")))
        names = [name for name, _ in reader.seen]
    assert names[-4:] == ["execution-update", "execution-event", "batch-update", "batch-complete"]
    assert reader.of("batch-update")[-1]["status"] == "completed"
    assert reader.of("batch-update")[-1]["completed"] == 1


def test_a_last_state_and_its_event_are_sent_together() -> None:
    state = Entry((), (), seq=2, born=0, subject="execution:x", final=True)
    entries = [_said(1), state, _said(2), _said(3)]
    sent = []
    while entries:
        burst, looked = Burst.of(entries, most_packets=1, most_bytes=1)
        sent.append([entry.seq for entry in burst.entries])
        del entries[:looked]
    assert sent == [[1], [2, 2], [3]]


async def test_states_come_at_most_ten_times_a_second_and_the_newest_is_not_lost(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        reader = it.connect("a")
        batch_id = await it.batch(1)
        it.start(batch_id)
        while len(reader.of("execution-update")) < 9:
            it.step(batch_id)
            await reader.until(lambda: reader.newest() == it.log.last_seq)
        it.step(batch_id)
        it.end(batch_id)
        await reader.until(lambda: reader.of("execution-update")[-1]["status"] == "completed")
        updates = [
            at for (name, _), at in zip(reader.seen, reader.times, strict=True) if name == "execution-update"
        ]
        assert all(later - at >= 1 for at, later in zip(updates, updates[10:], strict=False))
        assert updates[8] - updates[0] >= 0.99
        assert len(reader.of("node-execution")) > len(updates)


async def test_a_new_client_may_subscribe_before_anything_comes(tmp_path: Path) -> None:
    async with scene(tmp_path, settling_s=PATIENCE_S) as it:
        reader = it.connect("a")
        client = it.hub.find("a")
        assert client is not None
        other = await it.batch()
        mine = await it.batch()
        it.start(other)
        it.start(mine)
        client.enter(it.hub.ring, it.hub.ring.head, batch_room(mine), again=None)
        with it.hub.holding(client):
            pass
        await reader.until(lambda: bool(reader.of("execution-event")))
        assert {body["batchId"] for _, body in reader.seen} == {mine}


async def test_rooms_narrow(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        batch_id, other = await it.batch(), await it.batch()
        whole, one, none = (it.connect(name) for name in ("whole", "one", "none"))
        wishes = {
            "whole": {batch_room(batch_id)},
            "one": {execution_room(execution_id(batch_id, 2))},
            "none": (),
        }
        for name, rooms in wishes.items():
            client = it.hub.find(name)
            assert client is not None
            client.move(frozenset(rooms))
        everything = it.connect("everything")
        for name in (batch_id, other):
            for number in (1, 2):
                it.start(name, number)
                it.end(name, number)
            it.finish(name)
        await everything.until(lambda: len(everything.of("batch-complete")) == 2)
        await one.until(lambda: len(one.of("execution-event")) == 2)
        await whole.until(lambda: bool(whole.of("batch-complete")))
        assert {body["batchId"] for _, body in whole.seen} == {batch_id}
        assert {body["executionId"] for _, body in one.seen} == {execution_id(batch_id, 2)}
        assert none.seen == []


async def test_what_all_get_is_encoded_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        readers = [it.connect(str(number)) for number in range(120)]
        batch_id = await it.batch()
        it.start(batch_id)
        await readers[-1].until(lambda: bool(readers[-1].of("execution-event")))
        assert all(reader.bursts[0] is readers[0].bursts[0] for reader in readers)


async def test_a_client_that_reads_late_misses_no_event_and_gets_only_the_newest_states(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as it:
        late, prompt = it.connect("late"), it.connect("prompt")
        late.reads = False
        batch_id = await it.batch(1)
        it.start(batch_id)
        for _ in range(4):
            count = len(prompt.of("execution-update"))
            it.step(batch_id, count=5)
            await prompt.until(lambda: len(prompt.of("execution-update")) > count)  # noqa: B023 - awaited here
        it.end(batch_id)
        it.finish(batch_id)
        await prompt.until(lambda: bool(prompt.of("batch-complete")))
        assert it.hub.stats().behind > 0
        late.reads = True
        await late.until(lambda: bool(late.of("batch-complete")))
        assert late.of(*LOSSLESS) == prompt.of(*LOSSLESS)
        assert len(prompt.of("execution-update")) > 4
        assert [body["status"] for body in late.of("execution-update")] == ["completed"]
        assert late.of("gap") == []


async def test_past_the_bound_a_client_is_told_what_it_lost_and_nobody_else_loses(tmp_path: Path) -> None:
    async with scene(tmp_path, most_behind=20) as it:
        slow, prompt = it.connect("slow"), it.connect("prompt")
        batch_id = await it.batch(1)
        it.start(batch_id)
        await slow.until(lambda: slow.seqs("execution-event") == [2])
        await prompt.until(lambda: prompt.seqs("execution-event") == [2])
        slow.reads = False
        for _ in range(10):
            it.step(batch_id, count=5)
            await prompt.until(lambda: prompt.newest() == it.log.last_seq)
        assert prompt.seqs("execution-event") == list(range(2, it.log.last_seq + 1))
        assert it.hub.stats().gaps > 0
        assert len(it.hub.ring) <= 20
        assert it.hub.stats().lag > 0
        slow.reads = True
        await slow.until(lambda: slow.newest() == it.log.last_seq)
        (gap,) = slow.of("gap")
        assert gap["from"] == 3
        kept = [seq for seq in slow.seqs("execution-event") if seq > 2]
        assert kept == list(range(gap["to"] + 1, it.log.last_seq + 1))
        assert slow.of("execution-update")[-1] == prompt.of("execution-update")[-1]
        await prompt.until(lambda: it.hub.stats().behind == 0)


async def test_a_client_that_takes_little_at_once_gets_it_all(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        small, large = it.connect("small", most_packets=3), it.connect("large")
        batch_id = await it.batch(1)
        it.start(batch_id)
        it.step(batch_id, count=10)
        it.end(batch_id)
        await small.until(
            lambda: (
                bool(small.of("execution-event"))
                and small.of("execution-event")[-1]["type"] == "execution_complete"
            )
        )
        assert small.of(*LOSSLESS) == large.of(*LOSSLESS)
    assert max(len(burst.payload.split("\x1e")) for burst in small.bursts) <= 3 + 1


async def test_closing_sends_what_is_left(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        reader = it.connect("a")
        batch_id = await it.batch(1)
        it.start(batch_id)
        it.end(batch_id)
        it.finish(batch_id)
        await it.hub.close()
        assert [name for name, _ in reader.seen][-1] == "batch-complete"
        assert it.hub.stats().clients == 0


async def test_without_clients_nothing_is_kept(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        reader = it.connect("a")
        batch_id = await it.batch(1)
        it.start(batch_id)
        await reader.until(lambda: bool(reader.of("execution-update")))
        it.hub.remove("a")
        it.step(batch_id, count=3)
        assert (len(it.hub.ring), it.hub.waiting_states) == (0, frozenset())
        late = it.connect("b")
        it.end(batch_id)
        await late.until(lambda: bool(late.of("execution-event")))
        assert [body["type"] for body in late.of("execution-event")] == ["execution_complete"]


class Said(Record):
    """What an entry of the model says."""

    seq: int
    text: str = ""


def _said(seq: int, text: str = "", *rooms: str) -> Entry:
    return Entry((Message("said", Said(seq=seq, text=text)),), rooms, seq=seq, born=0)


ROOMS = ("a", "b", "c")


class OneClient(RuleBasedStateMachine):
    """Whatever a client does, each event comes once, or lies in a gap that it was told of.

    The model has only events; the journal keeps all of them, as the real one does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring()
        self.journal: list[Entry] = []
        self.client = Client("x", None, place=0, rests_until=0)  # type: ignore[arg-type]
        self.client.outlet = type("Way", (), {"most_packets": 1})()
        self.got: list[int] = []
        self.gaps: list[tuple[int, int]] = []
        self.filled: list[int] = []
        """What was lost and asked for again."""
        self.wanted: list[int] = []
        """Every number that has to come, or to lie in a gap, in this stretch of subscriptions."""

    @rule(room=st.sampled_from(ROOMS))
    def happen(self, room: str) -> None:
        seq = len(self.journal) + 1
        entry = _said(seq, "", batch_room(room))
        self.journal.append(entry)
        self.ring.append(entry)
        if wants(self.client.rooms, entry):
            self.wanted.append(seq)

    @rule()
    def serve(self) -> None:
        for entry in self.client.next_burst(self.ring, self.ring.head, {}).entries:
            for packet in entry.packets:
                name, body = orjson.loads(packet[2:])
                if name == "gap":
                    self.gaps.append((body["from"], body["to"]))
                else:
                    self.got.append(body["seq"])

    @rule(room=st.sampled_from((*ROOMS, None)), data=st.data())
    def subscribe_after(self, room: str | None, data: st.DataObject) -> None:
        """A client that knows everything up to a number subscribes to one room only."""
        after = data.draw(st.integers(0, len(self.journal)))
        name = EVERYTHING if room is None else batch_room(room)
        replay = [
            entry
            for entry in self.journal
            if entry.seq > after and (room is None or batch_room(room) in entry.rooms)
        ]
        if self.client.subscribed and self.client.rooms != {name}:
            self.client.move(frozenset())
        self.client.enter(self.ring, self.ring.head, name, again=len(self.journal))
        self.client.bring(replay, after=after, cut=0, now=0)
        self.got, self.gaps, self.filled = [], [], []
        self.wanted = [entry.seq for entry in replay]

    @rule(room=st.sampled_from(ROOMS))
    def subscribe_from_now_on(self, room: str) -> None:
        before = self.client.rooms
        self.client.enter(self.ring, self.ring.head, batch_room(room), again=None)
        if EVERYTHING in before and EVERYTHING not in self.client.rooms:
            rooms = {entry.seq: entry.rooms for entry in self.journal}
            self.wanted = [seq for seq in self.wanted if batch_room(room) in rooms[seq]]
            self.got = [seq for seq in self.got if batch_room(room) in rooms[seq]]
            self.filled = [seq for seq in self.filled if batch_room(room) in rooms[seq]]

    @precondition(lambda self: len(self.ring) > 2)
    @rule()
    def fall_behind(self) -> None:
        base = self.ring.head - 2
        self.client.lose(self.ring, base, 0)
        self.ring.drop_before(base)

    @precondition(lambda self: self.gaps)
    @rule(data=st.data())
    def fill(self, data: st.DataObject) -> None:
        """A client that was told of a gap asks for what it lost in one of its rooms."""
        first, last = data.draw(st.sampled_from(self.gaps))
        room = data.draw(st.sampled_from(sorted(self.client.rooms)))
        gap = self.client.told_gap(first - 1, room)
        if gap is None:
            return
        assert gap.last == last
        self.client.enter(self.ring, self.ring.head, room, again=None)
        self.client.filled(gap, room)
        lost = [
            entry
            for entry in self.journal
            if first <= entry.seq <= last and (room == EVERYTHING or room in entry.rooms)
        ]
        self.client.bring(lost, after=first - 1, cut=0, now=0)
        self.filled += [entry.seq for entry in lost]

    @invariant()
    def nothing_comes_twice_or_out_of_order(self) -> None:
        assert len(self.got) == len(set(self.got))
        assert set(self.got) <= set(self.wanted) | set(self.filled)
        if not self.filled:
            assert self.got == sorted(self.got)

    def teardown(self) -> None:
        while self.client.waits(self.ring.head):
            self.serve()
        lost = {seq for first, last in self.gaps for seq in range(first, last + 1)}
        assert set(self.wanted) - set(self.got) <= lost
        assert set(self.filled) <= set(self.got)
        assert lost & set(self.got) <= set(self.filled)


OneClient.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_one_client = OneClient.TestCase


def test_a_gap_that_was_not_told_yet_is_not_told_when_all_of_it_comes_again() -> None:
    machine = OneClient()
    machine.client.enter(machine.ring, 0, batch_room("a"), again=None)
    for _ in range(5):
        machine.happen("a")
    machine.fall_behind()
    machine.client.enter(machine.ring, machine.ring.head, batch_room("a"), again=5)
    machine.client.bring(machine.journal, after=0, cut=0, now=0)
    while machine.client.waits(machine.ring.head):
        machine.serve()
    assert (machine.got, machine.gaps) == ([1, 2, 3, 4, 5], [])


def test_what_is_lost_while_journals_are_read_is_told() -> None:
    machine = OneClient()
    for _ in range(5):
        machine.happen("a")
    join, before = machine.ring.head, list(machine.journal)
    for _ in range(5):
        machine.happen("a")
    machine.fall_behind()
    machine.client.enter(machine.ring, join, batch_room("a"), again=5)
    machine.client.bring(before, after=0, cut=0, now=0)
    while machine.client.waits(machine.ring.head):
        machine.serve()
    assert (sorted(machine.got), machine.gaps) == ([1, 2, 3, 4, 5, 9, 10], [(6, 8)])


@pytest.mark.parametrize("size", [50, 125, 126, 65_535, 65_536, 200_000])
def test_frames_are_those_of_websockets(size: int) -> None:
    empty = len(_said(1).packets[0])
    entry = _said(1, "x" * (size - empty))
    frames, (packet,) = entry.frames, entry.packets
    assert len(packet) == size
    length, header = frames[1], 2
    if length == 126:
        length, header = int.from_bytes(frames[2:4]), 4
    elif length == 127:
        length, header = int.from_bytes(frames[2:10]), 10
    assert (frames[0], length, frames[header:]) == (0x81, size, packet)
