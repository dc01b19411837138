"""The runner: takes batches in, gives executions to the engine as slots become free, and ends batches.

It decides what runs next and whether to try again; the engine runs, the event log records. One runner serves
the command line as well as a server.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from batches.batch_cache import records_of
from batches.debug_setup import own_options
from batches.endings import Endings
from batches.engine import Engine
from batches.errors import ExecutionLost, NotFoundError, StoreError
from batches.eventlog import EventLog
from batches.events import (
    BatchEnded,
    BatchStatus,
    ErrorInfo,
    ExecutionEnded,
    ExecutionRetried,
    ExecutionStatus,
    LogLine,
    RetryReason,
)
from batches.jobs import Job, StopReport, Taken, event_of, in_order, members_of, start_of, stopped
from batches.log_context import EXECUTION_ID
from batches.pauses import HELD, Pauses, RunnerHooks
from batches.pictures import Pictures
from batches.queue import Queue
from batches.reports.shelf import Shelf
from batches.request import LONGEST_FIRST, BatchRequest
from batches.rerun import stored_request
from batches.saved_breakpoints import SavedBreakpoints
from batches.spec import ExecutionSpec
from batches.state import GAVE_UP, BatchState, ExecutionState
from batches.store import Store
from nodes.secrets import Secrets

__all__ = ["Runner", "StopReport"]

STOP_GRACE_S: Final = 10.0
"""How long a stopped execution may take to close its browser, seconds."""

MAX_LOST: Final = 1
"""How often an execution is tried again because its browser died."""

MAX_BATCHES: Final = 50
"""So many batches that are over stay in memory."""

MAX_EXECUTIONS: Final = 400
"""So many executions of batches that are over stay in memory; the newest batch stays in any case."""

MAX_RECORDS: Final = 100_000
"""So many executions, node results and log lines of batches that are over stay in memory."""

_HOLDING: Final = (ExecutionStatus.PAUSED, ExecutionStatus.SUSPENDED)

_NEVER_RETRIED: Final = frozenset(
    {
        "WORKFLOW_INVALID",
        "BROWSER_MISSING",
        "NOT_SUPPORTED_YET",
        "NOT_APPROVED",
        "ANSWER_TIMEOUT",
        "NOBODY_TO_ASK",
    }
)
"""Error codes of failures that another attempt does not change; what people decided is not asked again."""

logger = logging.getLogger("batchwright.runner")


class Runner:
    """Runs batches.

    Args:
        store: Ids, folders and history.
        engine: Where executions run; started and closed by the runner.
        output: The output folder; artifact paths in events are relative to it.
        root: What relative paths in workflows resolve against.
        secrets: Hidden in what is kept of requests and workflows.
    """

    def __init__(
        self, *, store: Store, engine: Engine, output: Path, root: Path, secrets: Secrets | None = None
    ) -> None:
        self.secrets: Final = secrets or Secrets()
        self.masker: Final = self.secrets.masker()
        self._store = store
        self._engine = engine
        self._output = output
        self._root = root
        self._queue = Queue(engine.capacity)
        self._jobs: dict[str, Job] = {}
        self._batches: dict[str, Taken] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._draining = False
        self.log = EventLog(store, on_error=self._journal_failed)
        """The events of this runner's batches; states of old ones that are over are dropped."""
        hooks = RunnerHooks(self.log.append, self._state, self._pump, self.stop_execution, self._spawn)
        self.pauses = Pauses(self._queue, hooks)
        """What pauses, and the way in for controls."""
        self.pictures = Pictures()
        """Who watches which execution."""
        self.saved_breakpoints = SavedBreakpoints(output)
        """Breakpoints of workflow files."""
        self.shelf = Shelf(output)
        """Where the reports are."""
        self._endings = Endings(output, root, self.shelf, self._is_running)

    @property
    def queue(self) -> Queue:
        """Slots and waiting executions, to look at."""
        return self._queue

    @property
    def error(self) -> StoreError | None:
        """Why results can no longer be recorded, or None."""
        return self.log.error

    async def start(self) -> None:
        """Get engine and event log ready; the store must be open."""
        await self.log.start()
        await self._engine.start()

    async def submit(self, request: BatchRequest) -> BatchState:
        """Take a batch in; its executions begin as soon as slots are free.

        Raises:
            StoreError: Its folder or journal cannot be written.
        """
        if any(True for item in request.items for _ in item.opened_browsers()):
            self._engine.warm_up()
        reservation = await self._store.reserve(len(request.items))
        members = members_of(reservation, request)
        documents = {
            member.execution_id: item.document for member, item in zip(members, request.items, strict=True)
        }
        hide = self.secrets.hide
        await self._store.save_workflows(reservation.batch_id, hide(stored_request(request)), hide(documents))
        durations = await self._store.durations() if request.order == LONGEST_FIRST else {}
        own = await own_options(request.debug, request.items, self._store, self.saved_breakpoints)
        # Nothing is awaited from here until the queue has them: a stop finds all members or none.
        start = start_of(reservation.batch_id, request, members)
        shown = {"invalid": self.masker.value(start.invalid), "options": self.masker.value(start.options)}
        self.log.append(start.model_copy(update=shown))
        state = self.log.states[reservation.batch_id]
        batch = Taken(reservation.batch_id, request, state)
        self._batches[batch.batch_id] = batch
        jobs = [Job(member, batch, item) for member, item in zip(members, request.items, strict=True)]
        self._jobs.update({job.member.execution_id: job for job in jobs})
        names = [job.member.execution_id for job in jobs]
        self.pauses.add(
            batch.batch_id, request.debug, names, {names[index]: item for index, item in own.items()}
        )
        self._queue.add(
            batch.batch_id,
            [job.member.execution_id for job in in_order(jobs, durations)],
            cap=request.workers,
            priority=request.priority,
        )
        if self._closing or self._draining:
            await self._stop(jobs)
        await self.log.flush()
        if state.status is BatchStatus.RUNNING:
            await self._store.save(state)
        self._pump()
        if not jobs:
            self._spawn(self._end_batch(batch), f"end {batch.batch_id}")
        return state

    async def wait(self, batch_id: str) -> BatchState:
        """Wait until a batch is over and saved.

        Raises:
            NotFoundError: No batch of this runner has this id.
        """
        batch = self._batch(batch_id)
        await batch.done.wait()
        return batch.state

    async def stop_batch(self, batch_id: str) -> StopReport:
        """Stop what a batch runs and cancel what it has waiting; finished executions are untouched.

        Raises:
            NotFoundError: No batch of this runner has this id.
        """
        self._batch(batch_id)
        return await self._stop([job for job in self._jobs.values() if job.batch.batch_id == batch_id])

    async def stop_execution(self, execution_id: str) -> StopReport:
        """Stop one execution, waiting or running; zeros if it is over.

        Raises:
            NotFoundError: No execution of this runner has this id.
        """
        job = self._jobs.get(execution_id)
        if job is None:
            if any(execution_id in batch.state.executions for batch in self._batches.values()):
                return StopReport()
            raise NotFoundError(f"Execution {execution_id} not found")
        return await self._stop([job])

    async def stop_executions(self, execution_ids: Collection[str]) -> StopReport:
        """Stop some executions in one go; those that are over or unknown are left out."""
        return await self._stop([self._jobs[name] for name in execution_ids if name in self._jobs])

    async def stop_all(self) -> StopReport:
        """Stop every running execution and cancel every waiting one."""
        return await self._stop(list(self._jobs.values()))

    async def drain(self, limit_s: float) -> None:
        """Start nothing more, cancel what waits, is paused or suspended, and wait for what runs, so many seconds at most."""
        self._draining = True
        names = {name for batch_id in self._batches for name in self._queue.waiting_of(batch_id)}
        names |= {name for name in self._jobs if self._state(name).status in _HOLDING}
        await self._stop([self._jobs[name] for name in names])
        running = [asyncio.create_task(job.over.wait(), name="drain") for job in self._jobs.values()]
        if running:
            _, left = await asyncio.wait(running, timeout=limit_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def forget(self, batch_id: str) -> None:
        """Drop a batch that is over and saved from memory; others stay."""
        batch = self._batches.get(batch_id)
        if batch is not None and batch.done.is_set():
            del self._batches[batch_id]
            self.log.forget(batch_id)

    async def delete_logs(self, batch_ids: Collection[str] | None) -> None:
        """Delete the log files of batches that are over; None means of all of them."""
        await self._endings.delete_logs(batch_ids)

    async def close(self, grace_s: float = STOP_GRACE_S) -> None:
        """Stop everything, write everything, close the browsers; idempotent."""
        self._closing = True
        await self.stop_all()
        await self._engine.close(grace_s)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.log.close()

    def _batch(self, batch_id: str) -> Taken:
        try:
            return self._batches[batch_id]
        except KeyError:
            raise NotFoundError(f"Batch {batch_id} not found") from None

    def _state(self, execution_id: str) -> ExecutionState:
        for batch in reversed(self._batches.values()):
            if execution_id in batch.state.executions:
                return batch.state.executions[execution_id]
        raise NotFoundError(f"Execution {execution_id} not found")

    def _is_running(self, batch_id: str) -> bool:
        batch = self._batches.get(batch_id)
        return batch is not None and batch.state.status is BatchStatus.RUNNING

    def _pump(self) -> None:
        """Give free slots to waiting executions."""
        while not self._closing and (execution_id := self._queue.take()) is not None:
            if not self.pauses.granted(execution_id):
                self._spawn(self._drive(self._jobs[execution_id]), f"drive {execution_id}")
        self._engine.expect(0 if self._closing else self._queue.waiting)

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, job: Job) -> None:
        """Run one execution, with its retries, and give its slot back."""
        EXECUTION_ID.set(job.member.execution_id)
        try:
            while await self._try_once(job):
                continue
        except Exception as error:  # a fault of ours is that execution's failure, not the batch's end
            logger.exception("%s could not be run", job.member.execution_id)
            message = f"{type(error).__name__}: {error}"
            await self._conclude(
                job, ExecutionStatus.FAILED, ErrorInfo(code="RUNNER_FAILED", message=message)
            )
        finally:
            self.pauses.forget(job.batch.batch_id, job.member.execution_id)
            self._queue.release(job.member.execution_id)
            job.over.set()
            await self._settle(job)

    async def _try_once(self, job: Job) -> bool:
        """Run one attempt; True if another one follows."""
        job.attempt += 1
        await self.pauses.regain(job.member.execution_id)
        if job.asked_to_stop():
            self._finish(job, ExecutionStatus.STOPPED, stopped())
            return False
        job.handle = await self._engine.run(self._spec(job))
        self.pauses.attach(job.member.execution_id, job.handle)
        self.pictures.attach(job.member.execution_id, job.handle)
        if job.asked_to_stop():
            await job.handle.cancel(STOP_GRACE_S)
        try:
            async for event in job.handle.events():
                if isinstance(event, ExecutionEnded) and self._retries(job, event):
                    self._retry(job, RetryReason.FAILED, event.error)
                    return True
                if isinstance(event, ExecutionEnded):
                    await self._write_up(job, event)
                if isinstance(event, HELD):
                    await self.pauses.record(event)
                else:
                    self.log.append(event)
        except ExecutionLost as lost:
            return await self._lost(job, lost)
        finally:
            job.handle = None
            self.pauses.detach(job.member.execution_id)
            self.pictures.detach(job.member.execution_id)
        return False

    def _retries(self, job: Job, event: ExecutionEnded) -> bool:
        return (
            event.status is ExecutionStatus.FAILED
            and job.failures < job.batch.request.retries
            and not job.stopping
            and (event.error is None or event.error.code not in _NEVER_RETRIED)
        )

    async def _lost(self, job: Job, lost: ExecutionLost) -> bool:
        if job.stopping:
            await self._conclude(job, ExecutionStatus.STOPPED, stopped())
            return False
        info = ErrorInfo(code="BROWSER_LOST", message=lost.message, retryable=True)
        if job.lost < MAX_LOST:
            self._retry(job, RetryReason.LOST, info)
            return True
        await self._conclude(job, ExecutionStatus.FAILED, info)
        return False

    def _retry(self, job: Job, reason: RetryReason, error: ErrorInfo | None) -> None:
        if reason is RetryReason.LOST:
            job.lost += 1
        else:
            job.failures += 1
        info = self.masker.value(error) or ErrorInfo(code="ERROR", message="The attempt failed")
        self.log.append(event_of(job, ExecutionRetried, reason=reason, error=info))

    async def _conclude(self, job: Job, status: ExecutionStatus, error: ErrorInfo) -> None:
        """End an execution whose engine does not; with its reports."""
        error = self.masker.value(error)
        await self._write_up(job, event_of(job, ExecutionEnded, status=status, error=error))
        self._finish(job, status, error)

    def _finish(self, job: Job, status: ExecutionStatus, error: ErrorInfo) -> None:
        self.log.append(event_of(job, ExecutionEnded, status=status, error=error))

    async def _settle(self, job: Job) -> None:
        """After an execution left: count its failure, start others, end the batch if it was the last."""
        batch = job.batch
        self._jobs.pop(job.member.execution_id, None)
        if job.state.status is ExecutionStatus.FAILED:
            batch.failed += 1
            limit = batch.request.max_failures
            if limit is not None and batch.failed >= limit:
                self._cancel_waiting(batch, f"Not run: the batch stopped after {batch.failed} failure(s)")
        self._pump()
        await self._end_batch(batch)

    def _cancel_waiting(self, batch: Taken, message: str) -> int:
        cancelled = 0
        for execution_id in self._queue.waiting_of(batch.batch_id):
            cancelled += self._cancel_job(self._jobs[execution_id], ErrorInfo(code=GAVE_UP, message=message))
        return cancelled

    def _cancel_job(self, job: Job, error: ErrorInfo) -> bool:
        """End a waiting execution without a worker; False if it was not waiting."""
        if not self._queue.remove(job.member.execution_id):
            return False
        self._finish(job, ExecutionStatus.STOPPED, error)
        self._jobs.pop(job.member.execution_id, None)
        self.pauses.forget(job.batch.batch_id, job.member.execution_id)
        return True

    async def _stop(self, jobs: Iterable[Job]) -> StopReport:
        cancelled: list[Job] = []
        running: list[Job] = []
        already: list[Job] = []
        for job in jobs:
            if self._cancel_job(job, stopped()):
                cancelled.append(job)
            else:
                (already if job.stopping else running).append(job)
                job.stopping = True
                self.pauses.wake(job.member.execution_id)
        stopping = [*running, *already]
        await asyncio.gather(*(job.handle.cancel(STOP_GRACE_S) for job in running if job.handle is not None))
        ended = await asyncio.gather(*map(self._ended_stopped, stopping))
        by_us = [job for job, is_stopped in zip(running, ended, strict=False) if is_stopped]
        for batch in {job.batch.batch_id: job.batch for job in (*cancelled, *stopping)}.values():
            await self._end_batch(batch)
        per_batch = Counter(job.batch.batch_id for job in (*cancelled, *by_us))
        return StopReport(len(by_us), len(cancelled), per_batch)

    async def _ended_stopped(self, job: Job) -> bool:
        """Whether a stopped execution ended as stopped; one that does not end is declared stopped."""
        try:
            async with asyncio.timeout(STOP_GRACE_S):
                await job.over.wait()
        except TimeoutError:
            self._finish(job, ExecutionStatus.STOPPED, stopped())
        return job.state.status is ExecutionStatus.STOPPED

    async def _end_batch(self, batch: Taken) -> None:
        """End and save a batch whose executions are all over; does nothing otherwise or twice."""
        state = batch.state
        if not state.is_over or state.ended_at is not None:
            return
        self.log.append(BatchEnded(batch_id=batch.batch_id, status=state.outcome()))
        try:
            await self.log.flush()
            await self._store.save(state)
        except StoreError as error:
            self.log.error = self.log.error or error
        finally:
            batch.done.set()
            batch.request = replace(batch.request, items=())
            self._forget_old()

    def _forget_old(self) -> None:
        """Keep the newest batches that are over in memory; the store has the others."""
        over = [batch for batch in self._batches.values() if batch.done.is_set()]
        executions = records = 0
        for number, batch in enumerate(reversed(over), start=1):
            executions += len(batch.state.executions)
            records += records_of(batch.state)
            too_much = number > MAX_BATCHES or executions > MAX_EXECUTIONS or records > MAX_RECORDS
            if number > 1 and too_much:
                self.forget(batch.batch_id)

    async def _write_up(self, job: Job, end: ExecutionEnded) -> None:
        """Write what was asked for about an execution before its end is told: who hears of it finds it."""
        never_ran = end.status is ExecutionStatus.STOPPED and job.attempt == 0
        if never_ran or not self._endings.wanted(job):
            return
        spec = self._spec(job)
        spec = spec.model_copy(update={"workflow": self.masker.value(spec.workflow)})
        for problem in await self._endings.write(job, end, spec):
            self.log.append(event_of(job, LogLine, level="warning", message=self.masker.text(problem)))

    def _journal_failed(self, error: StoreError) -> None:
        logger.error("results can no longer be written: %s", error.message)
        self._closing = True
        self._spawn(self._give_up(), "give up")

    async def _give_up(self) -> None:
        await self.stop_all()
        for batch in self._batches.values():
            batch.done.set()

    def _spec(self, job: Job) -> ExecutionSpec:
        folder = self._store.execution_folder(job.batch.batch_id, job.member.execution_id)
        try:
            artifacts = folder.relative_to(self._output).as_posix()
        except ValueError:
            artifacts = folder.as_posix()
        return ExecutionSpec(
            execution_id=job.member.execution_id,
            batch_id=job.batch.batch_id,
            attempt=job.attempt,
            single=job.batch.state.single,
            workflow_file_name=job.item.file_name,
            workflow=job.item.document,
            source=job.item.source,
            output=str(folder),
            artifacts=artifacts,
            root=str(self._root),
            options=job.batch.request.options,
            debug=self.pauses.options(job.member.execution_id),
            exclusive_browser=job.lost > 0,
        )
