"""Who runs next: slots, caps, priority and fair share.

Pure bookkeeping without waiting, so that every sequence of calls can be tested: at every moment no more than
``slots`` executions are taken, and no batch has more than its own cap. A paused execution may be parked: it has
no slot until it is taken again, which goes before everything that has not begun.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["LaneView", "Queue"]


@dataclass(frozen=True, slots=True)
class LaneView:
    """How the executions of one batch stand in the queue; the last four are numbers of executions."""

    batch_id: str
    cap: int
    priority: int
    waiting: int
    running: int
    parked: int
    returning: int


@dataclass(slots=True)
class _Lane:
    """The executions of one batch: waiting, running, parked without a slot, and returning to one."""

    order: int
    cap: int
    priority: int
    served: int = 0
    waiting: dict[str, None] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    parked: set[str] = field(default_factory=set)
    returning: dict[str, None] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.running or self.parked or self.returning)


class Queue:
    """Waiting executions of all batches.

    Args:
        slots: How many executions may run at once, over all batches.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._lanes: dict[str, _Lane] = {}
        self._batch_of: dict[str, str] = {}
        self._counter = 0
        self._taken = 0

    @property
    def slots(self) -> int:
        """The global cap."""
        return self._slots

    @property
    def in_use(self) -> int:
        """Slots taken right now."""
        return sum(len(lane.running) for lane in self._lanes.values())

    @property
    def waiting(self) -> int:
        """Executions that wait for a slot."""
        return sum(len(lane.waiting) + len(lane.returning) for lane in self._lanes.values())

    @property
    def parked(self) -> int:
        """Executions that are paused without a slot."""
        return sum(len(lane.parked) for lane in self._lanes.values())

    @property
    def lanes(self) -> list[LaneView]:
        """The batches that have something in the queue, to look at."""
        return [
            LaneView(
                batch_id,
                lane.cap,
                lane.priority,
                len(lane.waiting),
                len(lane.running),
                len(lane.parked),
                len(lane.returning),
            )
            for batch_id, lane in self._lanes.items()
        ]

    def add(self, batch_id: str, execution_ids: Iterable[str], *, cap: int, priority: int = 0) -> None:
        """Enqueue the executions of a batch, in this order.

        Args:
            batch_id: The batch; its executions share the cap.
            execution_ids: What shall run.
            cap: How many of this batch may run at once.
            priority: Higher goes first.
        """
        added = list(execution_ids)
        if not added:
            return
        self._counter += 1
        lane = self._lanes.setdefault(batch_id, _Lane(self._counter, cap, priority))
        for execution_id in added:
            lane.waiting[execution_id] = None
            self._batch_of[execution_id] = batch_id

    def take(self) -> str | None:
        """Give a slot to the next execution, or None if none may run now.

        Those that return from a pause go first. Then highest priority first; among batches of equal priority
        the one with the fewest running, then the one served longest ago, then the oldest, so that none
        starves; inside a batch first in, first out.
        """
        if self.in_use >= self._slots:
            return None
        free = [lane for lane in self._lanes.values() if len(lane.running) < lane.cap]
        ready = [lane for lane in free if lane.returning] or [lane for lane in free if lane.waiting]
        if not ready:
            return None
        lane = min(ready, key=lambda item: (-item.priority, len(item.running), item.served, item.order))
        line = lane.returning or lane.waiting
        execution_id = next(iter(line))
        del line[execution_id]
        lane.running.add(execution_id)
        self._taken += 1
        lane.served = self._taken
        return execution_id

    def park(self, execution_id: str) -> bool:
        """Give the slot of a paused execution back, but keep the execution; False if it had no slot."""
        lane = self._lane_of(execution_id)
        if lane is None or execution_id not in lane.running:
            return False
        lane.running.remove(execution_id)
        lane.parked.add(execution_id)
        return True

    def unpark(self, execution_id: str) -> bool:
        """Let a parked execution wait for a slot, which `take` gives it; False if it was not parked."""
        lane = self._lane_of(execution_id)
        if lane is None or execution_id not in lane.parked:
            return False
        lane.parked.remove(execution_id)
        lane.returning[execution_id] = None
        return True

    def is_parked(self, execution_id: str) -> bool:
        """Whether an execution is paused without a slot."""
        lane = self._lane_of(execution_id)
        return lane is not None and execution_id in lane.parked

    def is_returning(self, execution_id: str) -> bool:
        """Whether an execution that was parked waits for a slot."""
        lane = self._lane_of(execution_id)
        return lane is not None and execution_id in lane.returning

    def release(self, execution_id: str) -> bool:
        """Forget an execution that was taken, with its slot or parked; False if there is none such."""
        lane = self._lane_of(execution_id)
        if lane is None or execution_id in lane.waiting:
            return False
        lane.running.discard(execution_id)
        lane.parked.discard(execution_id)
        lane.returning.pop(execution_id, None)
        self._forget(execution_id, lane)
        return True

    def remove(self, execution_id: str) -> bool:
        """Take a waiting execution out; False if it was not waiting."""
        lane = self._lane_of(execution_id)
        if lane is None or execution_id not in lane.waiting:
            return False
        del lane.waiting[execution_id]
        self._forget(execution_id, lane)
        return True

    def waiting_of(self, batch_id: str) -> list[str]:
        """The waiting executions of a batch, next first."""
        lane = self._lanes.get(batch_id)
        return list(lane.waiting) if lane else []

    def _lane_of(self, execution_id: str) -> _Lane | None:
        batch_id = self._batch_of.get(execution_id)
        return self._lanes.get(batch_id) if batch_id is not None else None

    def _forget(self, execution_id: str, lane: _Lane) -> None:
        batch_id = self._batch_of.pop(execution_id)
        if lane.is_empty:
            del self._lanes[batch_id]
