"""Everything a surface may ask of the runs. Surfaces (HTTP, sockets, command line) only translate.

What is live is answered from memory, what is over from memory or the store; the asker sees no difference.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from batches.batch_cache import BatchCache
from batches.batch_row import BatchRow
from batches.breakpoints import BreakpointSet
from batches.confinement import confined
from batches.controls import Control, ControlOutcome
from batches.errors import (
    ConfinementError,
    ControlError,
    NotFoundError,
    NothingToRunError,
    ServiceClosingError,
    StoreError,
)
from batches.eventlog import EventLog
from batches.events import BatchStatus, Event, ExecutionStatus
from batches.history import Cleared, HistoryPage, HistoryQuery, Retention, page_of
from batches.request import BatchRequest
from batches.rerun import Rerun, rerun_request
from batches.runner import Runner, StopReport
from batches.state import BatchState, ExecutionState
from batches.store import Store, batch_id_of
from nodes.registry import Registry

__all__ = ["Cleared", "Found", "HistoryPage", "HistoryQuery", "Rerun", "Service"]

_EXECUTION_ID: Final = re.compile(r"exec-([1-9]\d{0,17})(?:-\d+)?", re.ASCII)
_ALIAS: Final = re.compile(r"[1-9]\d{0,17}", re.ASCII)

logger = logging.getLogger("batchwright.service")


@dataclass(frozen=True, slots=True)
class Found:
    """An execution with its batch."""

    batch: BatchState
    execution: ExecutionState


class Service:
    """The runs of one process and their history.

    Args:
        runner: Runs batches; started and closed by the service.
        store: Its store; opened before `start` and closed after `close` by whoever made it.
        registry: The node types.
        output: The output folder, absolute.
        roots: The folders that paths from outside may lead to; the first is where relative ones start.
            Without any, the working directory.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        store: Store,
        registry: Registry,
        output: Path,
        roots: tuple[Path, ...] = (),
    ) -> None:
        self.runner: Final = runner
        self.store: Final = store
        self.registry: Final = registry
        self.output: Final = output.resolve()
        self.roots: Final = tuple(root.resolve() for root in roots) or (Path.cwd(),)
        self.shelf: Final = runner.shelf
        self._cache = BatchCache()
        self._accepting = False

    @property
    def log(self) -> EventLog:
        """The events; `EventLog.listen` tells them as they happen."""
        return self.runner.log

    @property
    def accepting(self) -> bool:
        """Whether `submit` takes work: between `start` and `close`, while results can be recorded."""
        return self._accepting and self.runner.error is None

    async def start(self, *, resume: bool = False) -> None:
        """Begin to take work.

        Args:
            resume: Run what earlier processes that died had not started yet, each as a new batch that names
                the old one.

        Raises:
            StoreError: History cannot be read.
        """
        await self.runner.start()
        self._accepting = True
        if resume:
            for batch_id in self.store.recovered:
                await self._resume(batch_id)

    async def close(self, *, drain_s: float = 0) -> None:
        """Stop taking work and end what runs; everything is written and the browsers closed; idempotent.

        Args:
            drain_s: Let what was taken in go on for so long, seconds, before the rest is stopped.
        """
        self._accepting = False
        if drain_s > 0:
            await self.runner.drain(drain_s)
        await self.runner.close()

    async def submit(self, request: BatchRequest) -> BatchState:
        """Take a batch in.

        Raises:
            ServiceClosingError: No work is taken now.
            StoreError: It cannot be recorded.
        """
        if not self._accepting:
            raise ServiceClosingError("The server is shutting down and takes no new work")
        if self.runner.error is not None:
            raise self.runner.error
        return await self.runner.submit(request)

    async def batch(self, batch_id: str) -> BatchState:
        """A batch as it is now.

        Raises:
            NotFoundError: There is none with this id.
        """
        known = self.log.states.get(batch_id) or self._cache.get(batch_id)
        if known is not None:
            return known
        state = await self.store.load(batch_id)
        if state.status is not BatchStatus.RUNNING:
            self._cache.put(state)
        return state

    async def execution(self, execution_id: str) -> Found:
        """An execution as it is now, by id or alias.

        Raises:
            NotFoundError: There is none.
        """
        if _ALIAS.fullmatch(execution_id):
            return await self._by_alias(int(execution_id))
        match = _EXECUTION_ID.fullmatch(execution_id)
        try:
            batch = await self.batch(batch_id_of(int(match[1])) if match else "")
            return Found(batch, batch.executions[execution_id])
        except (NotFoundError, KeyError):
            raise NotFoundError(f"Execution {execution_id} not found") from None

    def recent(self, *statuses: ExecutionStatus) -> Found | None:
        """The execution that this process took in last, of these statuses if any are given."""
        for state in reversed(list(self.log.states.values())):
            for execution in reversed(state.executions.values()):
                if not statuses or execution.status in statuses:
                    return Found(state, execution)
        return None

    def active(self) -> list[Found]:
        """What is queued, running, paused or suspended, oldest first."""
        return [
            Found(state, execution)
            for state in self._running()
            for execution in state.executions.values()
            if not execution.status.is_final
        ]

    async def page(self, query: HistoryQuery) -> HistoryPage:
        """The batches that a list shows, newest first, with the numbers of this moment."""
        rows = await self.store.rows(include_single=True)
        return page_of(map(self._live_row, rows), query)

    async def events(
        self, batch_id: str, *, execution_id: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Event]:
        """The events of a batch or of one execution, above a number; all that happened before the call.

        Raises:
            NotFoundError: There is no such batch.
            StoreError: The journal cannot be read, or no longer be written.
        """
        if batch_id in self.log.states:
            await self.log.flush()
        return await self.store.events(batch_id, execution_id=execution_id, after=after, limit=limit)

    async def workflow(self, execution_id: str) -> Mapping[str, object]:
        """The document of an execution as it was run.

        Raises:
            NotFoundError: There is no such execution, or its document was not kept.
        """
        found = await self.execution(execution_id)
        name = found.execution.execution_id
        return (await self.store.workflows(found.batch.batch_id, [name]))[name]

    async def rerun(
        self, batch_id: str, only: Rerun, *, execution_ids: Collection[str] | None = None
    ) -> BatchState:
        """Run a part of a batch again, as a new batch that names it.

        Args:
            batch_id: The batch.
            only: Which part.
            execution_ids: Of that part only these; None means all.

        Raises:
            NotFoundError: There is no such batch, or its workflows were not kept.
            NothingToRunError: No execution belongs to that part.
            ControlError: All of a batch that still runs.
            ServiceClosingError: No work is taken now.
        """
        state = await self.batch(batch_id)
        return await self.submit(
            await rerun_request(
                self.store, state, only, execution_ids=execution_ids, secrets=self.runner.secrets
            )
        )

    async def stop_execution(self, execution_id: str) -> StopReport:
        """Stop one execution; zeros if it is over.

        Raises:
            NotFoundError: There is none.
        """
        found = await self.execution(execution_id)
        if found.batch.batch_id not in self.log.states:
            return StopReport()
        return await self.runner.stop_execution(found.execution.execution_id)

    async def stop_executions(self, execution_ids: Collection[str]) -> StopReport:
        """Stop some executions in one go; those that are over or unknown are left out."""
        return await self.runner.stop_executions(execution_ids)

    async def stop_batch(self, batch_id: str) -> StopReport:
        """Stop what a batch runs and cancel what it has waiting; zeros if it is over.

        Raises:
            NotFoundError: There is none.
        """
        state = await self.batch(batch_id)
        if state.batch_id not in self.log.states:
            return StopReport()
        return await self.runner.stop_batch(batch_id)

    async def stop_all(self) -> StopReport:
        """Stop everything that runs and cancel everything that waits."""
        return await self.runner.stop_all()

    async def control(self, execution_id: str | None, control: Control) -> ControlOutcome:
        """Send a control into an execution.

        Args:
            execution_id: Id or alias; None means the one of this process that paused last.
            control: What to do.

        Raises:
            NotFoundError: There is no such execution.
            ControlError: Its state, which ``current`` names, forbids it; or nothing is paused.
            ControlInvalidError: It asks for something that cannot be.
        """
        found = self._paused_last() if execution_id is None else await self.execution(execution_id)
        execution = found.execution
        if found.batch.batch_id not in self.log.states:
            raise ControlError(
                f"Execution {execution.execution_id} is over: it is {execution.status}",
                current=execution.status,
            )
        return await self.runner.pauses.control(execution.execution_id, control)

    def last_paused(self) -> Found | None:
        """The execution of this process that paused last and still is paused."""
        paused = [item for item in self.active() if item.execution.pause is not None]
        return max(
            paused, key=lambda item: item.execution.pause.since if item.execution.pause else 0, default=None
        )

    async def breakpoints(self, name: str) -> BreakpointSet:
        """The breakpoints that hold for an execution, or for a batch.

        Args:
            name: The id of either, or an execution's alias.

        Raises:
            NotFoundError: There is neither.
            ControlError: It is over.
        """
        pauses, state = self.runner.pauses, await self._debugged(name)
        wanted = (
            pauses.breakpoints_of(state.batch_id)
            if isinstance(state, BatchState)
            else pauses.breakpoints(state.execution_id)
        )
        if wanted is None:
            raise ControlError(f"{name} is over: it is {state.status}", current=state.status)
        return wanted

    async def set_breakpoints(self, name: str, wanted: BreakpointSet, *, save: bool = False) -> None:
        """Replace the breakpoints of an execution, or of all members of a batch.

        Args:
            name: The id of either, or an execution's alias.
            wanted: The breakpoints from now on.
            save: Keep them for the workflows' files, too; possible also when it is over.

        Raises:
            NotFoundError: There is neither.
            ControlError: It is over, and nothing is to be saved.
            StoreError: They cannot be saved.
        """
        state = await self._debugged(name)
        if isinstance(state, BatchState):
            executions = list(state.executions.values())
            applied = await self.runner.pauses.replace_all(state.batch_id, wanted)
        else:
            executions = [state]
            applied = await self.runner.pauses.replace(state.execution_id, wanted)
        if not applied and not save:
            raise ControlError(f"{name} is over: it is {state.status}", current=state.status)
        if save:
            keys = {item.member.source or item.member.workflow_path for item in executions}
            await self.runner.saved_breakpoints.save(dict.fromkeys(keys, wanted))

    async def clear_history(self) -> Cleared:
        """Delete all batches that are over, with their files and reports; for good."""
        rows = await self.store.rows(include_single=True)
        singles = await self._delete([row.batch_id for row in rows if row.single])
        others = await self._delete([row.batch_id for row in rows if not row.single])
        await self.runner.delete_logs(None)
        return Cleared(
            batches=singles.batches + others.batches,
            executions=singles.executions + others.executions,
            reports=singles.reports + others.reports,
            singles=singles.batches,
        )

    async def delete_batch(self, batch_id: str) -> Cleared:
        """Delete one batch with its files and reports; for good.

        Raises:
            NotFoundError: There is none.
            ControlError: It still runs.
        """
        state = await self.batch(batch_id)
        cleared = await self._delete([batch_id])
        if not cleared.batches:
            raise ControlError(f"{batch_id} still runs and cannot be deleted", current=state.status)
        return cleared

    async def retain(self, retention: Retention) -> Cleared:
        """Delete what is kept no longer, with its files and reports."""
        if not retention.is_limited:
            return Cleared()
        return await self._delete(await self.store.expired(retention))

    def confine(self, path: str | Path, *, field: str) -> Path:
        """The absolute path of something that a client names.

        Raises:
            ConfinementError: It is outside all roots; the error carries ``field``.
        """
        return confined(path, self.roots, field=field)

    async def artifact(self, relative: str) -> Path:
        """A file that a run left below the output folder, by its path as events give it.

        Raises:
            NotFoundError: There is no such file.
        """
        batches = self.output / "batches"

        def existing() -> Path:
            path = confined(self.output / relative, (batches,), field="path")
            private = len(path.relative_to(batches).parts) < _ARTIFACT_DEPTH
            if private or not path.is_file():
                raise NotFoundError(f"There is no artifact {relative!r}")
            return path

        try:
            return await asyncio.to_thread(existing)
        except (ConfinementError, OSError):
            raise NotFoundError(f"There is no artifact {relative!r}") from None

    def _paused_last(self) -> Found:
        paused = self.last_paused()
        if paused is not None:
            return paused
        recent = self.recent()
        if recent is None:
            raise ControlError("No execution is paused: there is none", current="none", code="NOTHING_PAUSED")
        execution = recent.execution
        raise ControlError(
            f"No execution is paused; the most recent one, {execution.execution_id}, is {execution.status}",
            current=execution.status,
            code="NOTHING_PAUSED",
        )

    async def _debugged(self, name: str) -> BatchState | ExecutionState:
        if name.startswith("batch-"):
            return await self.batch(name)
        return (await self.execution(name)).execution

    def _running(self) -> Iterator[BatchState]:
        return (state for state in self.log.states.values() if state.status is BatchStatus.RUNNING)

    def _live_row(self, row: BatchRow) -> BatchRow:
        state = self.log.states.get(row.batch_id)
        return row if state is None or state.last_seq == row.last_seq else BatchRow.of(state)

    async def _by_alias(self, alias: int) -> Found:
        for state in self.log.states.values():
            for execution in state.executions.values():
                if execution.member.alias == alias:
                    return Found(state, execution)
        batch = await self.batch(await self.store.find_alias(alias))
        for execution in batch.executions.values():
            if execution.member.alias == alias:
                return Found(batch, execution)
        raise NotFoundError(f"There is no execution {alias}")

    async def _resume(self, batch_id: str) -> None:
        try:
            state = await self.rerun(batch_id, Rerun.NOT_RUN)
        except NothingToRunError:
            return
        except (NotFoundError, StoreError) as error:
            logger.warning("%s is not resumed: %s", batch_id, error.message)
            return
        logger.info("%s resumes what %s had not started", state.batch_id, batch_id)

    async def _delete(self, batch_ids: list[str]) -> Cleared:
        over = [name for name in batch_ids if not self._is_running(name)]
        cleared = await self.store.delete(over)
        for batch_id in over:
            self.runner.forget(batch_id)
            self._cache.drop(batch_id)
        await self.runner.delete_logs(over)
        return replace(cleared, reports=await self.shelf.delete_of(over))

    def _is_running(self, batch_id: str) -> bool:
        state = self.log.states.get(batch_id)
        return state is not None and state.status is BatchStatus.RUNNING


_ARTIFACT_DEPTH: Final = 3
"""Below a batch and an execution: what lies higher up are the store's own files."""
