"""The runner: takes batches in, gives executions to the engine as slots become free, and ends batches.

It decides what runs next and whether to try again; the engine runs, the event log records. One runner serves
the command line as well as a server.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from batches.engine import Engine, Handle
from batches.errors import ExecutionLost, NotFoundError, StoreError
from batches.eventlog import EventLog
from batches.events import (
    BatchEnded,
    BatchStarted,
    ErrorInfo,
    ExecutionEnded,
    ExecutionRetried,
    ExecutionStatus,
    Member,
    RetryReason,
)
from batches.queue import Queue
from batches.request import LONGEST_FIRST, BatchRequest, WorkItem
from batches.spec import ExecutionSpec
from batches.state import BatchState
from batches.store import Store

__all__ = ["Runner", "StopReport"]

STOP_GRACE_S: Final = 10.0
"""How long a stopped execution may take to close its browser, seconds."""

MAX_LOST: Final = 1
"""How often an execution is tried again because its browser died."""

_NEVER_RETRIED: Final = frozenset({"WORKFLOW_INVALID", "BROWSER_MISSING", "NOT_SUPPORTED_YET"})

logger = logging.getLogger("batchwright.runner")


@dataclass(frozen=True, slots=True)
class StopReport:
    """What a stop really did."""

    running_stopped: int = 0
    queued_cancelled: int = 0
    batches: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Executions that the stop ended."""
        return self.running_stopped + self.queued_cancelled


@dataclass(slots=True)
class _Job:
    """An execution from its submission to its end."""

    member: Member
    batch: _Batch
    item: WorkItem
    attempt: int = 0
    failures: int = 0
    lost: int = 0
    handle: Handle | None = None
    stopping: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def asked_to_stop(self) -> bool:
        """Whether a stop came in, perhaps while something else was awaited."""
        return self.stopping


@dataclass(slots=True)
class _Batch:
    batch_id: str
    request: BatchRequest
    done: asyncio.Event
    failed: int = 0


class Runner:
    """Runs batches.

    Args:
        store: Ids, folders and history.
        engine: Where executions run; started and closed by the runner.
        output: The output folder; artifact paths in events are relative to it.
        root: What relative paths in workflows resolve against.
    """

    def __init__(self, *, store: Store, engine: Engine, output: Path, root: Path) -> None:
        self._store = store
        self._engine = engine
        self._output = output
        self._root = root
        self._queue = Queue(engine.capacity)
        self._jobs: dict[str, _Job] = {}
        self._batches: dict[str, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.log = EventLog(store, on_error=self._journal_failed)
        """All events of this runner's batches."""

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
        reservation = await self._store.reserve(len(request.items))
        batch = _Batch(reservation.batch_id, request, asyncio.Event())
        stamp = reservation.batch_id.removeprefix("batch-")
        members = tuple(
            Member(
                execution_id=f"exec-{stamp}" if request.single else f"exec-{stamp}-{index + 1}",
                alias=reservation.first_alias + index,
                workflow_file_name=item.file_name,
                workflow_path=item.path,
                source=item.source,
            )
            for index, item in enumerate(request.items)
        )
        jobs = [_Job(member, batch, item) for member, item in zip(members, request.items, strict=True)]
        self._batches[batch.batch_id] = batch
        self.log.append(self._started(batch, members))
        await self.log.flush()
        state = self.log.states[batch.batch_id]
        await self._store.save(state)
        self._jobs.update({job.member.execution_id: job for job in jobs})
        ordered = await self._in_order(jobs, request)
        self._queue.add(
            batch.batch_id,
            [job.member.execution_id for job in ordered],
            cap=request.workers,
            priority=request.priority,
        )
        self._pump()
        if not jobs:
            self._spawn(self._end_batch(batch), f"end {batch.batch_id}")
        return state

    async def wait(self, batch_id: str) -> BatchState:
        """Wait until a batch is over and saved.

        Raises:
            NotFoundError: No batch of this runner has this id.
        """
        await self._batch(batch_id).done.wait()
        return self.log.states[batch_id]

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
            if any(execution_id in state.executions for state in self.log.states.values()):
                return StopReport()
            raise NotFoundError(f"Execution {execution_id} not found")
        return await self._stop([job])

    async def stop_all(self) -> StopReport:
        """Stop every running execution and cancel every waiting one."""
        return await self._stop(list(self._jobs.values()))

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

    def _batch(self, batch_id: str) -> _Batch:
        try:
            return self._batches[batch_id]
        except KeyError:
            raise NotFoundError(f"Batch {batch_id} not found") from None

    def _started(self, batch: _Batch, members: tuple[Member, ...]) -> BatchStarted:
        request = batch.request
        return BatchStarted(
            batch_id=batch.batch_id,
            source_type=request.source_type,
            folder_path=request.folder_path,
            workers=request.workers,
            members=members,
            invalid=request.invalid,
            single=request.single,
            options={
                **request.options.model_dump(by_alias=True, exclude_defaults=True, exclude={"variables"}),
                "retries": request.retries,
                "maxFailures": request.max_failures,
                "order": request.order,
            },
        )

    async def _in_order(self, jobs: list[_Job], request: BatchRequest) -> list[_Job]:
        """Longest first, unknown durations before all, when asked for; else as given."""
        if request.order != LONGEST_FIRST:
            return jobs
        known = await self._store.durations()
        return sorted(jobs, key=lambda job: -known.get(job.item.key, float("inf")))

    def _pump(self) -> None:
        """Give free slots to waiting executions."""
        while not self._closing and (execution_id := self._queue.take()) is not None:
            self._spawn(self._drive(self._jobs[execution_id]), f"drive {execution_id}")

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, job: _Job) -> None:
        """Run one execution, with its retries, and give its slot back."""
        try:
            while await self._try_once(job):
                continue
        except Exception as error:  # a fault of ours is that execution's failure, not the batch's end
            logger.exception("%s could not be run", job.member.execution_id)
            message = f"{type(error).__name__}: {error}"
            self._finish(job, ExecutionStatus.FAILED, ErrorInfo(code="RUNNER_FAILED", message=message))
        finally:
            self._queue.release(job.member.execution_id)
            job.over.set()
            await self._settle(job)

    async def _try_once(self, job: _Job) -> bool:
        """Run one attempt; True if another one follows."""
        job.attempt += 1
        if job.asked_to_stop():
            self._finish(job, ExecutionStatus.STOPPED, _stopped())
            return False
        job.handle = await self._engine.run(self._spec(job))
        if job.asked_to_stop():
            await job.handle.cancel(STOP_GRACE_S)
        try:
            async for event in job.handle.events():
                if isinstance(event, ExecutionEnded) and self._retries(job, event):
                    self._retry(job, RetryReason.FAILED, event.error)
                    return True
                self.log.append(event)
        except ExecutionLost as lost:
            return self._lost(job, lost)
        finally:
            job.handle = None
        return False

    def _retries(self, job: _Job, event: ExecutionEnded) -> bool:
        return (
            event.status is ExecutionStatus.FAILED
            and job.failures < job.batch.request.retries
            and not job.stopping
            and (event.error is None or event.error.code not in _NEVER_RETRIED)
        )

    def _lost(self, job: _Job, lost: ExecutionLost) -> bool:
        if job.stopping:
            self._finish(job, ExecutionStatus.STOPPED, _stopped())
            return False
        info = ErrorInfo(code="BROWSER_LOST", message=lost.message, retryable=True)
        if job.lost < MAX_LOST:
            self._retry(job, RetryReason.LOST, info)
            return True
        self._finish(job, ExecutionStatus.FAILED, info)
        return False

    def _retry(self, job: _Job, reason: RetryReason, error: ErrorInfo | None) -> None:
        if reason is RetryReason.LOST:
            job.lost += 1
        else:
            job.failures += 1
        info = error or ErrorInfo(code="ERROR", message="The attempt failed")
        self._append(job, ExecutionRetried, reason=reason, error=info)

    def _finish(self, job: _Job, status: ExecutionStatus, error: ErrorInfo) -> None:
        self._append(job, ExecutionEnded, status=status, error=error)

    def _append(self, job: _Job, kind: type[ExecutionEnded] | type[ExecutionRetried], **fields: Any) -> None:
        self.log.append(
            kind(
                batch_id=job.batch.batch_id,
                execution_id=job.member.execution_id,
                attempt=job.attempt,
                **fields,
            )
        )

    async def _settle(self, job: _Job) -> None:
        """After an execution left: count its failure, start others, end the batch if it was the last."""
        batch = job.batch
        self._jobs.pop(job.member.execution_id, None)
        execution = self.log.states[batch.batch_id].executions[job.member.execution_id]
        if execution.status is ExecutionStatus.FAILED:
            batch.failed += 1
            limit = batch.request.max_failures
            if limit is not None and batch.failed >= limit:
                self._cancel_waiting(batch, f"Not run: the batch stopped after {batch.failed} failure(s)")
        self._pump()
        await self._end_batch(batch)

    def _cancel_waiting(self, batch: _Batch, message: str) -> int:
        cancelled = 0
        for execution_id in self._queue.waiting_of(batch.batch_id):
            cancelled += self._cancel_job(self._jobs[execution_id], ErrorInfo(code="NOT_RUN", message=message))
        return cancelled

    def _cancel_job(self, job: _Job, error: ErrorInfo) -> bool:
        """End a waiting execution without a worker; False if it was not waiting."""
        if not self._queue.remove(job.member.execution_id):
            return False
        self._finish(job, ExecutionStatus.STOPPED, error)
        self._jobs.pop(job.member.execution_id, None)
        return True

    async def _stop(self, jobs: Iterable[_Job]) -> StopReport:
        queued, running = 0, []
        batches: dict[str, _Batch] = {}
        for job in jobs:
            batches[job.batch.batch_id] = job.batch
            if self._cancel_job(job, _stopped()):
                queued += 1
            else:
                job.stopping = True
                running.append(job)
        await asyncio.gather(*(job.handle.cancel(STOP_GRACE_S) for job in running if job.handle is not None))
        stopped = sum([await self._ended_stopped(job) for job in running])
        for batch in batches.values():
            await self._end_batch(batch)
        return StopReport(stopped, queued, tuple(batches))

    async def _ended_stopped(self, job: _Job) -> bool:
        """Whether a stopped execution ended as stopped; one that does not end is declared stopped."""
        execution = self.log.states[job.batch.batch_id].executions[job.member.execution_id]
        try:
            async with asyncio.timeout(STOP_GRACE_S):
                await job.over.wait()
        except TimeoutError:
            self._finish(job, ExecutionStatus.STOPPED, _stopped())
        return execution.status is ExecutionStatus.STOPPED

    async def _end_batch(self, batch: _Batch) -> None:
        """End and save a batch whose executions are all over; does nothing otherwise or twice."""
        state = self.log.states[batch.batch_id]
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

    def _journal_failed(self, error: StoreError) -> None:
        logger.error("results can no longer be written: %s", error.message)
        self._closing = True
        self._spawn(self._give_up(), "give up")

    async def _give_up(self) -> None:
        await self.stop_all()
        for batch in self._batches.values():
            batch.done.set()

    def _spec(self, job: _Job) -> ExecutionSpec:
        folder = self._store.execution_folder(job.batch.batch_id, job.member.execution_id)
        try:
            artifacts = folder.relative_to(self._output).as_posix()
        except ValueError:
            artifacts = folder.as_posix()
        return ExecutionSpec(
            execution_id=job.member.execution_id,
            batch_id=job.batch.batch_id,
            attempt=job.attempt,
            workflow_file_name=job.item.file_name,
            workflow=job.item.document,
            output=str(folder),
            artifacts=artifacts,
            root=str(self._root),
            options=job.batch.request.options,
            exclusive_browser=job.lost > 0,
        )


def _stopped() -> ErrorInfo:
    return ErrorInfo(code="STOPPED", message="Execution stopped by user")
