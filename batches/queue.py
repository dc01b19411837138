"""Who runs next: slots, caps, priority and fair share.

Pure bookkeeping without waiting, so that every sequence of calls can be tested: at every moment no more than
``slots`` executions are taken, and no batch has more than its own cap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Queue"]


@dataclass(slots=True)
class _Lane:
    """The waiting and running executions of one batch."""

    order: int
    cap: int
    priority: int
    waiting: dict[str, None] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)


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
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def add(self, batch_id: str, execution_ids: Iterable[str], *, cap: int, priority: int = 0) -> None:
        """Enqueue the executions of a batch, in this order.

        Args:
            batch_id: The batch; its executions share the cap.
            execution_ids: What shall run.
            cap: How many of this batch may run at once.
            priority: Higher goes first.
        """
        self._counter += 1
        lane = self._lanes.setdefault(batch_id, _Lane(self._counter, cap, priority))
        for execution_id in execution_ids:
            lane.waiting[execution_id] = None
            self._batch_of[execution_id] = batch_id

    def take(self) -> str | None:
        """Give a slot to the next execution, or None if none may run now.

        Highest priority first; among batches of equal priority the one with the fewest running, then the
        oldest; inside a batch first in, first out.
        """
        if self.in_use >= self._slots:
            return None
        ready = [lane for lane in self._lanes.values() if lane.waiting and len(lane.running) < lane.cap]
        if not ready:
            return None
        lane = min(ready, key=lambda item: (-item.priority, len(item.running), item.order))
        execution_id = next(iter(lane.waiting))
        del lane.waiting[execution_id]
        lane.running.add(execution_id)
        return execution_id

    def release(self, execution_id: str) -> bool:
        """Give a slot back; False if the execution had none (a second release changes nothing)."""
        lane = self._lane_of(execution_id)
        if lane is None or execution_id not in lane.running:
            return False
        lane.running.remove(execution_id)
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
        if not lane.waiting and not lane.running:
            del self._lanes[batch_id]
