"""The queue: whatever is asked of it in whatever order, its promises hold."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from batches.queue import Queue


class QueueMachine(RuleBasedStateMachine):
    """Compares the queue with a slow and simple model of it."""

    executions = Bundle("executions")

    def __init__(self) -> None:
        super().__init__()
        self.slots = 3
        self.queue = Queue(self.slots)
        self.caps: dict[str, int] = {}
        self.priorities: dict[str, int] = {}
        self.waiting: dict[str, list[str]] = {}
        self.running: dict[str, list[str]] = {}
        self.parked: dict[str, list[str]] = {}
        self.returning: dict[str, list[str]] = {}
        self.born: list[str] = []
        self.served: list[str] = []

    @rule(
        target=executions,
        size=st.integers(0, 5),
        cap=st.integers(1, 4),
        priority=st.integers(-1, 1),
    )
    def add(self, size: int, cap: int, priority: int) -> object:
        batch = f"batch-{len(self.born)}"
        self.born.append(batch)
        ids = [f"{batch}/{number}" for number in range(size)]
        self.queue.add(batch, ids, cap=cap, priority=priority)
        self.caps[batch], self.priorities[batch] = cap, priority
        self.waiting[batch], self.running[batch] = list(ids), []
        self.parked[batch], self.returning[batch] = [], []
        return multiple(*ids)

    @rule()
    def take(self) -> None:
        free = [name for name in self.born if len(self.running[name]) < self.caps[name]]
        line = self.returning if any(self.returning[name] for name in free) else self.waiting
        able = [name for name in free if line[name]]
        taken = self.queue.take()
        if self.in_use == self.slots or not able:
            assert taken is None
            return
        batch = min(
            able,
            key=lambda name: (
                -self.priorities[name],
                len(self.running[name]),
                self.served.index(name) if name in self.served else -1,
                self.born.index(name),
            ),
        )
        assert taken == line[batch][0]
        self.running[batch].append(line[batch].pop(0))
        self.served = [*(name for name in self.served if name != batch), batch]

    @rule(execution=executions)
    def park(self, execution: str) -> None:
        running = self.running[execution.partition("/")[0]]
        assert self.queue.park(execution) == (execution in running)
        if execution in running:
            running.remove(execution)
            self.parked[execution.partition("/")[0]].append(execution)
        assert not self.queue.park(execution)

    @rule(execution=executions)
    def unpark(self, execution: str) -> None:
        parked = self.parked[execution.partition("/")[0]]
        assert self.queue.unpark(execution) == (execution in parked)
        if execution in parked:
            parked.remove(execution)
            self.returning[execution.partition("/")[0]].append(execution)
        assert not self.queue.unpark(execution)

    @rule(execution=executions)
    def release(self, execution: str) -> None:
        batch = execution.partition("/")[0]
        taken = [line for line in (self.running, self.parked, self.returning) if execution in line[batch]]
        assert self.queue.release(execution) == bool(taken)
        for line in taken:
            line[batch].remove(execution)
        assert not self.queue.release(execution)

    @rule(execution=executions)
    def remove(self, execution: str) -> None:
        waiting = self.waiting[execution.partition("/")[0]]
        assert self.queue.remove(execution) == (execution in waiting)
        if execution in waiting:
            waiting.remove(execution)
        assert not self.queue.remove(execution)

    @rule()
    def ask_for_strangers(self) -> None:
        assert not self.queue.release("nobody")
        assert not self.queue.park("nobody")
        assert not self.queue.unpark("nobody")
        assert not self.queue.remove("nobody")
        assert self.queue.waiting_of("nowhere") == []

    @property
    def in_use(self) -> int:
        return sum(map(len, self.running.values()))

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert 0 <= self.queue.in_use == self.in_use <= self.slots
        lines = (*self.waiting.values(), *self.returning.values())
        assert self.queue.waiting == sum(map(len, lines))
        assert self.queue.parked == sum(map(len, self.parked.values()))
        for batch in self.born:
            assert len(self.running[batch]) <= self.caps[batch]
            assert self.queue.waiting_of(batch) == self.waiting[batch]
            assert all(map(self.queue.is_parked, self.parked[batch]))
            assert all(map(self.queue.is_returning, self.returning[batch]))
            assert not any(map(self.queue.is_parked, (*self.running[batch], *self.returning[batch])))

    @invariant()
    def forgets_what_is_over(self) -> None:
        lines = (self.waiting, self.running, self.parked, self.returning)
        assert set(self.queue._lanes) == {name for name in self.born if any(line[name] for line in lines)}
        assert len(self.queue._batch_of) == self.queue.in_use + self.queue.waiting + self.queue.parked


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def drained(queue: Queue, count: int) -> list[str]:
    return [taken for _ in range(count) if (taken := queue.take()) is not None]


def test_batches_of_equal_priority_share_fairly() -> None:
    queue = Queue(4)
    queue.add("a", ["a1", "a2", "a3", "a4"], cap=4)
    queue.add("b", ["b1", "b2", "b3", "b4"], cap=4)
    assert drained(queue, 9) == ["a1", "b1", "a2", "b2"]


def test_what_returns_from_a_pause_goes_before_what_has_not_begun() -> None:
    queue = Queue(1)
    queue.add("a", ["a1", "a2"], cap=1)
    queue.add("urgent", ["u1"], cap=1, priority=9)
    assert queue.take() == "u1"
    assert queue.park("u1")
    assert drained(queue, 2) == ["a1"]
    assert queue.unpark("u1")
    assert queue.take() is None
    queue.release("a1")
    assert drained(queue, 2) == ["u1"]


def test_higher_priority_goes_first_within_its_cap() -> None:
    queue = Queue(3)
    queue.add("low", ["l1", "l2"], cap=3)
    queue.add("high", ["h1", "h2", "h3"], cap=2, priority=1)
    assert drained(queue, 9) == ["h1", "h2", "l1"]


def test_no_batch_starves_where_there_is_one_slot() -> None:
    queue = Queue(1)
    queue.add("large", [f"l{number}" for number in range(100)], cap=4)
    queue.add("small", ["s1", "s2"], cap=4)
    order = []
    for _ in range(6):
        (taken,) = drained(queue, 1)
        order.append(taken)
        queue.release(taken)
    assert order == ["l0", "s1", "l1", "s2", "l2", "l3"]
