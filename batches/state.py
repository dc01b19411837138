"""State as a fold of events: what is known about a batch after the events so far.

`apply` is the only code that changes a state, and `TRANSITIONS` the only rule about which change is allowed.
The fold works in place, because an execution may have thousands of node results; it depends on nothing but
the state and the event, so replaying a journal gives the same state. Counters are derived, never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from pydantic import ConfigDict

from batches.errors import TransitionError
from batches.events import (
    BatchEnded,
    BatchStarted,
    BatchStatus,
    ErrorInfo,
    Event,
    ExecutionContinued,
    ExecutionEnded,
    ExecutionEvent,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionRetried,
    ExecutionStarted,
    ExecutionStatus,
    ExecutionSuspended,
    InvalidWorkflow,
    LogLine,
    Member,
    NodeEnded,
    NodeStarted,
    PauseAt,
    PauseReason,
    Record,
    RetryReason,
)

__all__ = [
    "GAVE_UP",
    "MAX_NODE_RESULTS",
    "TRANSITIONS",
    "BatchState",
    "Counts",
    "ExecutionState",
    "OpenQuestion",
    "Pause",
    "apply",
    "replay",
]

MAX_NODE_RESULTS: Final = 2_000
"""Node results and log lines kept per execution; the journal has them all."""

GAVE_UP: Final = "NOT_RUN"
"""Code of the error of executions that were not run because too many others of their batch had failed."""

_S = ExecutionStatus

TRANSITIONS: Final[Mapping[ExecutionStatus, frozenset[ExecutionStatus]]] = {
    _S.QUEUED: frozenset({_S.RUNNING, _S.FAILED, _S.STOPPED, _S.INTERRUPTED}),
    _S.RUNNING: frozenset(
        {_S.QUEUED, _S.PAUSED, _S.SUSPENDED, _S.COMPLETED, _S.FAILED, _S.STOPPED, _S.INTERRUPTED}
    ),
    _S.PAUSED: frozenset({_S.QUEUED, _S.RUNNING, _S.FAILED, _S.STOPPED, _S.INTERRUPTED}),
    _S.SUSPENDED: frozenset({_S.QUEUED, _S.RUNNING, _S.FAILED, _S.STOPPED, _S.INTERRUPTED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.STOPPED: frozenset(),
    _S.INTERRUPTED: frozenset(),
}
"""Which state may follow which. Final states are sticky: a late result never overwrites them."""

_ACTIVE: Final = frozenset({_S.RUNNING, _S.PAUSED, _S.SUSPENDED})


class Pause(Record):
    """Where a paused execution stands, and since when; the fields are those of `ExecutionPaused`."""

    number: int
    node_id: str
    node_type: str
    node_label: str | None = None
    iteration: int | None = None
    parent_loop_node_id: str | None = None
    reason: PauseReason
    at: PauseAt
    message: str
    since: int
    """Epoch ms."""
    breakpoint_id: str | None = None
    error: ErrorInfo | None = None
    owner: str | None = None
    note: str | None = None
    timeout_ms: int | None = None
    on_timeout: str | None = None


class OpenQuestion(Record):
    """What a suspended execution asks, and since when; the fields are those of `ExecutionSuspended`."""

    number: int
    node_id: str
    node_type: str
    node_label: str | None = None
    iteration: int | None = None
    parent_loop_node_id: str | None = None
    kind: str
    text: str
    choices: tuple[str, ...] = ()
    secret: bool = False
    since: int
    """Epoch ms."""
    timeout_ms: int | None = None


@dataclass(slots=True)
class ExecutionState:
    """One execution of a batch."""

    # Read by pydantic, so that stored states have the spelling of the events.
    __pydantic_config__: ClassVar[ConfigDict] = Record.model_config

    member: Member
    status: ExecutionStatus = ExecutionStatus.QUEUED
    attempts: int = 0
    failures: int = 0
    """Attempts that failed and were tried again (a lost browser does not count)."""
    started_at: int | None = None
    ended_at: int | None = None
    current_node_id: str | None = None
    current_node_label: str | None = None
    node_started_at: int | None = None
    error: ErrorInfo | None = None
    nodes: list[NodeEnded] = field(default_factory=list)
    nodes_seen: int = 0
    log: list[LogLine] = field(default_factory=list)
    data: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, object] = field(default_factory=dict)
    videos: tuple[str, ...] = ()
    pause: Pause | None = None
    """Where it stands while it is paused."""
    question: OpenQuestion | None = None
    """What it asks while it is suspended; kept where the runner died before somebody replied."""
    paused_ms: int = 0
    """How long it has been paused or suspended in all, what is over."""

    @property
    def execution_id(self) -> str:
        """Its id."""
        return self.member.execution_id

    @property
    def flaky(self) -> bool:
        """Whether it passed only after a failed attempt."""
        return self.status is ExecutionStatus.COMPLETED and self.failures > 0

    @property
    def not_run(self) -> bool:
        """Whether it ended without ever having been started."""
        return self.status.is_final and self.attempts == 0 and self.status is not ExecutionStatus.FAILED

    @property
    def duration_ms(self) -> int | None:
        """From the first start to the end, or None."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class Counts:
    """How many executions are in each state; the first eight always sum to ``total``."""

    queued: int = 0
    running: int = 0
    paused: int = 0
    suspended: int = 0
    completed: int = 0
    failed: int = 0
    stopped: int = 0
    interrupted: int = 0
    total: int = 0
    flaky: int = 0
    not_run: int = 0


@dataclass(slots=True)
class BatchState:
    """One batch and its executions, in input order."""

    __pydantic_config__: ClassVar[ConfigDict] = Record.model_config

    batch_id: str
    source_type: str
    folder_path: str | None
    workers: int
    started_at: int
    single: bool = False
    options: Mapping[str, object] = field(default_factory=dict)
    executions: dict[str, ExecutionState] = field(default_factory=dict)
    invalid: tuple[InvalidWorkflow, ...] = ()
    status: BatchStatus = BatchStatus.RUNNING
    ended_at: int | None = None
    error: ErrorInfo | None = None
    last_seq: int = 0

    @property
    def counts(self) -> Counts:
        """Counters, derived from the executions."""
        tally = dict.fromkeys((status.value for status in ExecutionStatus), 0)
        flaky = not_run = 0
        for execution in self.executions.values():
            tally[execution.status.value] += 1
            flaky += execution.flaky
            not_run += execution.not_run
        return Counts(**tally, total=len(self.executions), flaky=flaky, not_run=not_run)

    @property
    def is_over(self) -> bool:
        """Whether every execution has its final state."""
        return all(execution.status.is_final for execution in self.executions.values())

    def outcome(self) -> BatchStatus:
        """The state in which a batch with these executions ends."""
        counts = self.counts
        if counts.interrupted:
            return BatchStatus.INTERRUPTED
        stopped = (item for item in self.executions.values() if item.status is ExecutionStatus.STOPPED)
        if any(item.error is None or item.error.code != GAVE_UP for item in stopped):
            return BatchStatus.STOPPED
        return BatchStatus.FAILED if counts.failed else BatchStatus.COMPLETED


def apply(state: BatchState | None, event: Event) -> BatchState:
    """Fold one event into the state of its batch.

    Args:
        state: The state so far; None before the batch's first event, which is `BatchStarted`.
        event: The event; it must belong to this batch.

    Returns:
        The same object, changed, or the new one.

    Raises:
        TransitionError: The event cannot follow on this state.
    """
    if isinstance(event, BatchStarted):
        if state is not None:
            raise TransitionError(f"Batch {event.batch_id} has started already", current=state.status)
        return _started(event)
    if state is None:
        raise TransitionError(f"Batch {event.batch_id} has no start", current="unknown")
    if isinstance(event, BatchEnded):
        _end_batch(state, event)
    else:
        execution = state.executions.get(event.execution_id)
        if execution is None:
            raise TransitionError(
                f"Execution {event.execution_id} is not part of {state.batch_id}", current="unknown"
            )
        _refuse_late(execution, event)
        _apply_to_execution(execution, event)
    state.last_seq = max(state.last_seq, event.seq)
    return state


def replay(events: list[Event]) -> BatchState | None:
    """The state after a whole journal; events that cannot follow (late ones) change nothing."""
    state: BatchState | None = None
    for event in events:
        try:
            state = apply(state, event)
        except TransitionError:
            continue
    return state


def _started(event: BatchStarted) -> BatchState:
    return BatchState(
        batch_id=event.batch_id,
        source_type=event.source_type,
        folder_path=event.folder_path,
        workers=event.workers,
        started_at=event.timestamp,
        single=event.single,
        options=event.options,
        executions={member.execution_id: ExecutionState(member) for member in event.members},
        invalid=event.invalid,
        last_seq=event.seq,
    )


def _end_batch(state: BatchState, event: BatchEnded) -> None:
    if state.status is not BatchStatus.RUNNING or event.status is BatchStatus.RUNNING:
        raise TransitionError(
            f"Batch {state.batch_id} is {state.status} and cannot end as {event.status}", current=state.status
        )
    state.status, state.ended_at, state.error = event.status, event.timestamp, event.error


def _refuse_late(execution: ExecutionState, event: ExecutionEvent) -> None:
    """Refuse what an attempt that was given up, or an execution that is over, still has to say."""
    starts_again = isinstance(event, ExecutionStarted) and 0 < event.attempt == execution.attempts
    if event.attempt < execution.attempts or starts_again:
        raise TransitionError(
            f"Execution {execution.execution_id} is past attempt {event.attempt}", current=execution.status
        )
    if isinstance(event, ExecutionContinued) and (
        execution.pause is None or execution.pause.number != event.pause
    ):
        raise TransitionError(
            f"Execution {execution.execution_id} is not in its pause {event.pause}", current=execution.status
        )
    if isinstance(event, ExecutionResumed) and (
        execution.question is None or execution.question.number != event.question
    ):
        raise TransitionError(
            f"Execution {execution.execution_id} does not ask its question {event.question}",
            current=execution.status,
        )
    if isinstance(event, NodeStarted | NodeEnded) and execution.status not in _ACTIVE:
        raise TransitionError(
            f"Execution {execution.execution_id} is {execution.status} and runs no node",
            current=execution.status,
        )
    if isinstance(event, ExecutionEnded) and not event.status.is_final:
        raise TransitionError(
            f"Execution {execution.execution_id} cannot end as {event.status}", current=execution.status
        )


def _apply_to_execution(execution: ExecutionState, event: ExecutionEvent) -> None:
    match event:
        case ExecutionStarted():
            _move(execution, ExecutionStatus.RUNNING)
            execution.attempts = event.attempt
            execution.started_at = execution.started_at or event.timestamp
            execution.nodes, execution.nodes_seen, execution.error = [], 0, None
        case ExecutionRetried():
            _move(execution, ExecutionStatus.QUEUED)
            execution.failures += event.reason is RetryReason.FAILED
            execution.error = event.error
            _clear_current(execution)
        case ExecutionEnded():
            _move(execution, event.status)
            execution.ended_at, execution.error = event.timestamp, event.error
            execution.data, execution.variables = event.data, event.variables
            execution.videos = event.videos
            asked = execution.question if event.status is ExecutionStatus.INTERRUPTED else None
            _clear_current(execution)
            execution.question = asked
        case ExecutionPaused() | ExecutionContinued() | ExecutionSuspended() | ExecutionResumed():
            _hold(execution, event)
        case NodeStarted():
            execution.current_node_id = event.node_id
            execution.current_node_label = event.node_label
            execution.node_started_at = event.timestamp
        case NodeEnded():
            execution.nodes_seen += 1
            if len(execution.nodes) < MAX_NODE_RESULTS:
                execution.nodes.append(event)
        case LogLine():
            if len(execution.log) < MAX_NODE_RESULTS:
                execution.log.append(event)


def _hold(
    execution: ExecutionState,
    event: ExecutionPaused | ExecutionContinued | ExecutionSuspended | ExecutionResumed,
) -> None:
    """Let an execution stand still or go on."""
    match event:
        case ExecutionPaused():
            _move(execution, ExecutionStatus.PAUSED)
            execution.pause = _pause(event)
            execution.current_node_id = event.node_id
            execution.current_node_label = event.node_label
        case ExecutionSuspended():
            _move(execution, ExecutionStatus.SUSPENDED)
            facts = event.model_dump(by_alias=False, include=set(OpenQuestion.model_fields) - {"number"})
            execution.question = OpenQuestion(number=event.question, since=event.timestamp, **facts)
        case ExecutionContinued():
            _move(execution, ExecutionStatus.RUNNING)
            execution.pause = None
            execution.paused_ms += event.paused_ms
        case ExecutionResumed():
            _move(execution, ExecutionStatus.RUNNING)
            execution.question = None
            execution.paused_ms += event.suspended_ms


def _pause(event: ExecutionPaused) -> Pause:
    facts = event.model_dump(by_alias=False, include=set(Pause.model_fields) - {"number"})
    return Pause(number=event.pause, since=event.timestamp, **facts)


def _clear_current(execution: ExecutionState) -> None:
    execution.pause = execution.question = None
    execution.current_node_id = execution.current_node_label = execution.node_started_at = None


def _move(execution: ExecutionState, status: ExecutionStatus) -> None:
    if status not in TRANSITIONS[execution.status]:
        raise TransitionError(
            f"Execution {execution.execution_id} is {execution.status} and cannot become {status}",
            current=execution.status,
        )
    execution.status = status
