"""Finished batches that were looked at lately, so that looking again does not read the disk."""

from __future__ import annotations

from collections import OrderedDict

from batches.state import BatchState

__all__ = ["BatchCache", "records_of"]


def records_of(state: BatchState) -> int:
    """How much a batch holds in memory: its executions, node results and log lines."""
    return sum(1 + len(item.nodes) + len(item.log) for item in state.executions.values())


class BatchCache:
    """Keeps the batches used last; a final state never changes, so nothing goes stale.

    Args:
        max_batches: At most so many.
        max_records: At most so many executions, node results and log lines over all of them; the batch used
            last stays in any case.
    """

    def __init__(self, *, max_batches: int = 20, max_records: int = 50_000) -> None:
        self._max_batches = max_batches
        self._max_records = max_records
        self._states: OrderedDict[str, BatchState] = OrderedDict()

    def get(self, batch_id: str) -> BatchState | None:
        """The batch, if it is here."""
        state = self._states.get(batch_id)
        if state is not None:
            self._states.move_to_end(batch_id)
        return state

    def put(self, state: BatchState) -> None:
        """Keep a batch that is over."""
        self._states[state.batch_id] = state
        self._states.move_to_end(state.batch_id)
        records = sum(map(records_of, self._states.values()))
        while len(self._states) > 1 and (
            len(self._states) > self._max_batches or records > self._max_records
        ):
            _, oldest = self._states.popitem(last=False)
            records -= records_of(oldest)

    def drop(self, batch_id: str) -> None:
        """Forget a batch; it may have been forgotten already."""
        self._states.pop(batch_id, None)
