from __future__ import annotations

import copy
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batches.encoding import to_bytes
from batches.errors import TransitionError
from batches.events import (
    BatchEnded,
    BatchStatus,
    ErrorInfo,
    Event,
    ExecutionEnded,
    ExecutionRetried,
    ExecutionStarted,
    ExecutionStatus,
    LogLine,
    NodeEnded,
    NodeStarted,
    NodeStatus,
    RetryReason,
    parse_event,
)
from batches.state import GAVE_UP, MAX_NODE_RESULTS, TRANSITIONS, BatchState, apply, replay
from tests.batches.event_samples import begin, execution_id, numbered, run, state_of, whole_batch

BATCH = "batch-1"
MEMBERS = 3
ERROR = ErrorInfo(code="NODE_FAILED", message="it failed")

attempts = st.integers(1, 3)
errors = st.none() | st.just(ERROR)


def made(kind: type[Event], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Events of one type; `st.builds` would fill in their camelCase names, too."""
    fields["batch_id"] = st.just(BATCH)
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def of_execution(kind: type[Event], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    numbers = st.integers(1, MEMBERS)
    ids = numbers.map(lambda number: execution_id(BATCH, number))
    return made(kind, execution_id=ids, attempt=attempts, **fields)


node = {"node_id": st.sampled_from(["n1", "n2"]), "node_type": st.just("action")}
any_event: st.SearchStrategy[Event] = st.one_of(
    of_execution(ExecutionStarted),
    of_execution(ExecutionRetried, reason=st.sampled_from(RetryReason), error=st.just(ERROR)),
    of_execution(ExecutionEnded, status=st.sampled_from(ExecutionStatus), error=errors),
    of_execution(NodeStarted, **node),
    of_execution(NodeEnded, **node, status=st.sampled_from(NodeStatus)),
    of_execution(LogLine, level=st.just("info"), message=st.just("x")),
    made(BatchEnded, status=st.sampled_from(BatchStatus), error=errors),
)
sequences = st.lists(any_event, min_size=12, max_size=50).map(
    lambda events: numbered([begin(BATCH, MEMBERS), *events])
)


def fold(state: BatchState | None, event: Event) -> tuple[BatchState | None, bool]:
    try:
        return apply(state, event), True
    except TransitionError:
        return state, False


def check_counts(state: BatchState) -> None:
    counts = asdict(state.counts)
    assert sum(counts[status.value] for status in ExecutionStatus) == counts["total"] == MEMBERS
    assert counts["flaky"] <= counts["completed"]
    assert counts["not_run"] <= counts["stopped"] + counts["interrupted"]


@given(sequences)
@settings(max_examples=100)
def test_whatever_happens_counters_sum_and_only_allowed_changes_occur(events: list[Event]) -> None:
    state = apply(None, events[0])
    for event in events[1:]:
        before = {key: execution.status for key, execution in state.executions.items()}
        ended = state.status
        fold(state, event)
        check_counts(state)
        for key, execution in state.executions.items():
            assert execution.status is before[key] or execution.status in TRANSITIONS[before[key]]
        assert ended in (BatchStatus.RUNNING, state.status)


@given(sequences)
@settings(max_examples=100)
def test_what_is_refused_changes_nothing(events: list[Event]) -> None:
    state = apply(None, events[0])
    for event in events[1:]:
        before = copy.deepcopy(state)
        if not fold(state, event)[1]:
            assert state == before


@given(sequences)
@settings(max_examples=100)
def test_replaying_the_journal_gives_the_live_state(events: list[Event]) -> None:
    live: BatchState | None = None
    journal = []
    for event in events:
        live, taken = fold(live, event)
        if taken:
            journal.append(to_bytes(event))
    assert replay([parse_event(line) for line in journal]) == live
    assert replay(events) == live


@given(sequences, any_event)
@settings(max_examples=100)
def test_late_events_of_an_older_attempt_are_refused(events: list[Event], late: Event) -> None:
    state = state_of(events)
    if isinstance(late, BatchEnded) or late.execution_id is None:
        return
    for execution in state.executions.values():
        if execution.attempts > 1:
            event = late.model_copy(
                update={"execution_id": execution.execution_id, "attempt": execution.attempts - 1}
            )
            assert not fold(state, event)[1]


@pytest.mark.parametrize("final", [status for status in ExecutionStatus if status.is_final])
@given(late=any_event)
@settings(max_examples=30)
def test_final_states_are_sticky(final: ExecutionStatus, late: Event) -> None:
    start = ExecutionStarted(batch_id=BATCH, execution_id=execution_id(BATCH, 1))
    end = ExecutionEnded(batch_id=BATCH, execution_id=execution_id(BATCH, 1), status=final, error=ERROR)
    state = state_of([begin(BATCH, MEMBERS), start, end])
    before = copy.deepcopy(state.executions[execution_id(BATCH, 1)])
    fold(state, late)
    after = state.executions[execution_id(BATCH, 1)]
    assert replace(after, log=[]) == before


@pytest.mark.parametrize("status", ExecutionStatus)
def test_no_late_result_overwrites_a_final_state(status: ExecutionStatus) -> None:
    for final in (status for status in ExecutionStatus if status.is_final):
        state = state_of([begin(BATCH, 1), *run(BATCH, 1, status=final)])
        late = ExecutionEnded(batch_id=BATCH, execution_id=execution_id(BATCH, 1), status=status)
        with pytest.raises(TransitionError):
            apply(state, late)
        assert state.executions[execution_id(BATCH, 1)].status is final


def test_an_attempt_starts_once() -> None:
    ids: dict[str, Any] = {"batch_id": BATCH, "execution_id": execution_id(BATCH, 1)}
    again = ExecutionRetried(**ids, reason=RetryReason.LOST, error=ERROR)
    state = state_of([begin(BATCH, 1), ExecutionStarted(**ids), again])
    with pytest.raises(TransitionError, match="past attempt 1"):
        apply(state, ExecutionStarted(**ids))
    assert state.executions[execution_id(BATCH, 1)].status is ExecutionStatus.QUEUED


def test_a_whole_batch() -> None:
    state = state_of(whole_batch(BATCH, 2))
    assert state.status is BatchStatus.COMPLETED
    assert state.is_over
    assert state.outcome() is BatchStatus.COMPLETED
    assert state.counts.completed == state.counts.total == 2
    first = state.executions[execution_id(BATCH, 1)]
    assert (first.attempts, first.nodes_seen, len(first.log), first.duration_ms) == (1, 1, 1, 40)
    assert first.current_node_id is None


def test_passing_after_a_failed_attempt_is_flaky_but_not_after_a_lost_browser() -> None:
    for reason, flaky in ((RetryReason.FAILED, 1), (RetryReason.LOST, 0)):
        ids: dict[str, Any] = {"batch_id": BATCH, "execution_id": execution_id(BATCH, 1)}
        state = state_of(
            [
                begin(BATCH, 1),
                ExecutionStarted(**ids),
                ExecutionRetried(**ids, reason=reason, error=ERROR),
                ExecutionStarted(**ids, attempt=2),
                ExecutionEnded(**ids, attempt=2, status=ExecutionStatus.COMPLETED),
            ]
        )
        assert state.counts.flaky == flaky


def ended(number: int, status: ExecutionStatus) -> list[Event]:
    return list(run(BATCH, number, status=status))


def never_started(number: int, code: str) -> list[Event]:
    name, why = execution_id(BATCH, number), ErrorInfo(code=code, message="why")
    return [ExecutionEnded(batch_id=BATCH, execution_id=name, status=ExecutionStatus.STOPPED, error=why)]


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ([*ended(1, ExecutionStatus.COMPLETED), *ended(2, ExecutionStatus.FAILED)], BatchStatus.FAILED),
        ([*ended(1, ExecutionStatus.FAILED), *never_started(2, GAVE_UP)], BatchStatus.FAILED),
        ([*ended(1, ExecutionStatus.FAILED), *never_started(2, "STOPPED")], BatchStatus.STOPPED),
        ([*ended(1, ExecutionStatus.COMPLETED), *never_started(2, "STOPPED")], BatchStatus.STOPPED),
        ([*ended(1, ExecutionStatus.FAILED), *ended(2, ExecutionStatus.STOPPED)], BatchStatus.STOPPED),
        (
            [*ended(1, ExecutionStatus.FAILED), *ended(2, ExecutionStatus.INTERRUPTED)],
            BatchStatus.INTERRUPTED,
        ),
    ],
)
def test_outcome(ends: list[Event], outcome: BatchStatus) -> None:
    assert state_of([begin(BATCH, 2), *ends]).outcome() is outcome


def test_refusals_name_the_state() -> None:
    state = state_of(whole_batch(BATCH, 1))
    with pytest.raises(TransitionError) as refusal:
        apply(state, ExecutionStarted(batch_id=BATCH, execution_id=execution_id(BATCH, 1), attempt=2))
    assert refusal.value.current == "completed"
    with pytest.raises(TransitionError):
        apply(state, begin(BATCH, 1))
    with pytest.raises(TransitionError):
        apply(None, BatchEnded(batch_id=BATCH, status=BatchStatus.COMPLETED))
    with pytest.raises(TransitionError):
        apply(state, LogLine(batch_id=BATCH, execution_id="exec-1-99", level="info", message="x"))


def test_node_results_are_limited_but_counted() -> None:
    ids: dict[str, Any] = {"batch_id": BATCH, "execution_id": execution_id(BATCH, 1)}
    state = state_of([begin(BATCH, 1), ExecutionStarted(**ids)])
    result = NodeEnded(**ids, node_id="n", node_type="action", status=NodeStatus.COMPLETED)
    for _ in range(MAX_NODE_RESULTS + 5):
        apply(state, result)
    execution = state.executions[execution_id(BATCH, 1)]
    assert (len(execution.nodes), execution.nodes_seen) == (MAX_NODE_RESULTS, MAX_NODE_RESULTS + 5)
