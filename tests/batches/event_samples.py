"""Batches and their events as tests need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from batches.events import (
    BatchEnded,
    BatchStarted,
    BatchStatus,
    ErrorInfo,
    Event,
    ExecutionContinued,
    ExecutionEnded,
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
    NodeStatus,
    PauseAt,
    PauseReason,
    RetryReason,
)
from batches.state import BatchState, replay

START = 1_700_000_000_000


def execution_id(batch_id: str, number: int) -> str:
    return f"{batch_id.replace('batch', 'exec')}-{number}"


def members(batch_id: str, count: int, first_alias: int = 1) -> tuple[Member, ...]:
    return tuple(
        Member(
            execution_id=execution_id(batch_id, number),
            alias=first_alias + number - 1,
            workflow_file_name=f"flow-{number}.json",
            workflow_path=f"sub/flow-{number}.json",
            source=f"/flows/sub/flow-{number}.json",
        )
        for number in range(1, count + 1)
    )


def numbered(events: Iterable[Event], first: int = 1) -> list[Event]:
    """The events with their ``seq`` and a time that grows by 10 ms with each."""
    return [
        event.model_copy(update={"seq": seq, "timestamp": START + 10 * seq})
        for seq, event in enumerate(events, start=first)
    ]


def begin(
    batch_id: str, count: int, *, first_alias: int = 1, single: bool = False, invalid: int = 0
) -> BatchStarted:
    return BatchStarted(
        batch_id=batch_id,
        folder_path="/flows",
        workers=2,
        members=members(batch_id, count, first_alias),
        invalid=tuple(
            InvalidWorkflow(file_name=f"broken-{number}.json", errors=("no nodes",))
            for number in range(invalid)
        ),
        single=single,
        options={"headless": True, "variables": {"name": "Ada"}},
    )


def run(
    batch_id: str, number: int, *, status: ExecutionStatus = ExecutionStatus.COMPLETED
) -> Iterator[Event]:
    """One attempt of one execution, from its start to its end."""
    ids: dict[str, Any] = {"batch_id": batch_id, "execution_id": execution_id(batch_id, number)}
    yield ExecutionStarted(**ids, number=1)
    yield NodeStarted(**ids, number=2, node_id="n1", node_type="action", node_label="Click")
    yield LogLine(**ids, number=3, level="info", message="clicked", node_id="n1")
    yield NodeEnded(
        **ids,
        number=4,
        node_id="n1",
        node_type="action",
        node_label="Click",
        status=NodeStatus.COMPLETED,
        duration_ms=12.5,
        screenshots={"post": "batches/x/screenshots/n1-post-1.png"},
    )
    yield ExecutionEnded(**ids, number=5, status=status, data={"text": "Grüße"}, variables={"n": 1})


def whole_batch(batch_id: str, count: int = 2, *, first_seq: int = 1, first_alias: int = 1) -> list[Event]:
    """All events of a batch whose executions complete one after the other."""
    events: list[Event] = [begin(batch_id, count, first_alias=first_alias)]
    for number in range(1, count + 1):
        events.extend(run(batch_id, number))
    events.append(BatchEnded(batch_id=batch_id, status=BatchStatus.COMPLETED))
    return numbered(events, first_seq)


def state_of(events: list[Event]) -> BatchState:
    state = replay(events)
    assert state is not None
    return state


def one_of_each_type() -> list[Event]:
    """An event of every type with something in every field."""
    ids: dict[str, Any] = {"batch_id": "batch-1", "execution_id": "exec-1-1", "attempt": 2}
    node: dict[str, Any] = {"node_id": "n1", "node_type": "action", "node_label": "Klick", "iteration": 3}
    error = ErrorInfo(
        code="ELEMENT_NOT_USABLE",
        message='No "x" on the page\nline 2',
        node_id="n1",
        node_label="Klick",
        node_type="action",
        page_url="http://site/?a=1&b=ü",
        screenshot="batches/batch-1/exec-1-1/screenshots/n1-failure-1.png",
        retryable=True,
    )
    return numbered(
        [
            begin("batch-1", 3, invalid=2),
            ExecutionStarted(**ids, number=1),
            NodeStarted(**ids, **node, number=2, parent_loop_node_id="loop1"),
            LogLine(**ids, number=3, level="warning", message="slow \u2028 page", node_id="n1"),
            NodeEnded(
                **ids,
                **node,
                number=4,
                parent_loop_node_id="loop1",
                status=NodeStatus.FAILED,
                duration_ms=0.25,
                message="failed",
                error=error,
                fail_silently=True,
                is_test=False,
                screenshots={"pre": "a.png", "failure": "b.png"},
                snapshots={"post": "c.json"},
            ),
            ExecutionPaused(
                **ids,
                **node,
                number=5,
                pause=1,
                parent_loop_node_id="loop1",
                reason=PauseReason.REQUESTED,
                at=PauseAt.PRE,
                message="Paused before node Klick (n1), as requested",
                breakpoint_id="n1:pre",
                error=error,
                owner="Ada",
                note="looks odd",
                timeout_ms=7_200_000,
                on_timeout="stop",
            ),
            ExecutionContinued(
                **ids, number=6, pause=1, node_id="n1", action="continue", paused_ms=1_500, owner="Ada"
            ),
            ExecutionSuspended(
                **ids,
                number=6,
                question=1,
                node_id="n1",
                node_type="askHuman",
                kind="question",
                text="Which code?",
                choices=("a", "b"),
                timeout_ms=60_000,
            ),
            ExecutionResumed(
                **ids,
                number=6,
                question=1,
                node_id="n1",
                approved=True,
                answer="a",
                owner="Ada",
                suspended_ms=10,
            ),
            ExecutionRetried(**ids, number=7, reason=RetryReason.LOST, error=error),
            ExecutionEnded(
                **ids,
                number=8,
                status=ExecutionStatus.FAILED,
                error=error,
                data={"rows": [{"a": None, "b": [1, 2.5, True]}]},
                variables={"i": 10**30},
                videos=("batches/batch-1/exec-1-1/videos/1.webm",),
            ),
            BatchEnded(batch_id="batch-1", status=BatchStatus.FAILED, error=error),
        ]
    )
