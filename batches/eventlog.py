"""The event log: numbers events, folds them into state, writes the journal and tells listeners.

Order of things for one event: it is checked against the state, gets the next number, changes the state,
goes to the journal's writer and to every listener. An event that cannot follow on the state (a late result
of something stopped) is dropped and logged; it gets no number, so that numbers have no gaps.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from batches.errors import StoreError, TransitionError
from batches.events import BatchEnded, Event, ExecutionEnded, ExecutionResumed, ExecutionSuspended
from batches.state import BatchState, apply
from batches.store import Store

__all__ = ["EventLog", "Listener"]

Listener = Callable[[Event, BatchState], None]
"""Called with each event and the state after it; must not block and not raise."""

GATHER_S: Final = 0.1
"""So much later than its event a line of the journal is written at most, seconds; results are written at once."""

_MANY: Final = 500
"""So many events are written without waiting for more."""

_RESULTS: Final = (ExecutionEnded, BatchEnded, ExecutionSuspended, ExecutionResumed)
"""What must not be lost: ends, and what people are asked and reply."""

logger = logging.getLogger("batchwright.events")


class EventLog:
    """All events of this process, in order.

    Args:
        store: Where the journal goes.
        on_error: Called once when the journal cannot be written.
    """

    def __init__(self, store: Store, *, on_error: Callable[[StoreError], None] | None = None) -> None:
        self._store = store
        self._on_error = on_error
        self._seq = 0
        self._states: dict[str, BatchState] = {}
        self._listeners: list[Listener] = []
        self._pending: list[Event] = []
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._written = asyncio.Condition()
        self._written_seq = 0
        self._writer: asyncio.Task[None] | None = None
        self.error: StoreError | None = None
        """Why the journal cannot be written any more, or None."""

    @property
    def states(self) -> Mapping[str, BatchState]:
        """The batches whose events passed through this log."""
        return self._states

    @property
    def last_seq(self) -> int:
        """The number of the newest event, 0 before the first."""
        return self._seq

    @property
    def lag(self) -> int:
        """How many events are not in the journal yet."""
        return self._seq - self._written_seq

    async def start(self) -> None:
        """Continue the numbering where the store ends, and start writing."""
        self._seq = self._written_seq = await self._store.last_seq()
        self._writer = asyncio.create_task(self._write(), name="journal writer")

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each event from now on; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def append(self, event: Event) -> Event | None:
        """Take an event in, which is the log's from now on.

        Returns:
            The event with its number, or None if it could not follow on the state and was dropped.
        """
        event.take_number(self._seq + 1)
        try:
            state = apply(self._states.get(event.batch_id), event)
        except TransitionError as error:
            logger.info("dropped %s: %s", event.type, error.message)
            return None
        self._seq += 1
        self._states[event.batch_id] = state
        self._pending.append(event)
        if isinstance(event, _RESULTS) or len(self._pending) >= _MANY:
            self._due.set()
        elif self._timer is None:
            # Handing over to the thread that writes costs more than writing, so events come together first.
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._due.set)
        for listener in list(self._listeners):
            try:
                listener(event, state)
            except Exception:  # one listener must not hurt the run or the others
                logger.exception("a listener failed on %s", event.type)
        return event

    async def flush(self) -> None:
        """Wait until everything appended so far is in the journal.

        Raises:
            StoreError: It cannot be written.
        """
        wanted = self._seq
        self._due.set()
        async with self._written:
            await self._written.wait_for(lambda: self._written_seq >= wanted or self.error is not None)
        if self.error is not None:
            raise self.error

    def forget(self, batch_id: str) -> None:
        """Drop the state of a batch that is over and saved."""
        self._states.pop(batch_id, None)

    async def close(self) -> None:
        """Write what is left and stop; idempotent."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            await self.flush()
        except StoreError as error:
            logger.debug("the journal ends early: %s", error.message)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            events, self._pending = self._pending, []
            if not events:
                continue
            if self.error is None:
                await self._write_out(events)
            async with self._written:
                self._written_seq = events[-1].seq
                self._written.notify_all()

    async def _write_out(self, events: list[Event]) -> None:
        by_batch: dict[str, list[Event]] = {}
        for event in events:
            by_batch.setdefault(event.batch_id, []).append(event)
        try:
            for batch_id, group in by_batch.items():
                sync = any(isinstance(event, _RESULTS) for event in group)
                await self._store.append(batch_id, group, sync=sync)
        except StoreError as error:
            self._fail(error)
        except Exception as error:  # whoever waits for the journal must hear of a fault of ours, too
            logger.exception("the journal cannot be written")
            self._fail(StoreError(f"The journal cannot be written: {type(error).__name__}: {error}"))

    def _fail(self, error: StoreError) -> None:
        self.error = error
        if self._on_error is not None:
            self._on_error(error)
