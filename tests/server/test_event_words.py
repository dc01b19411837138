"""What the socket says of each of our events (api.md, section 9)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batches.events import (
    BatchEnded,
    BatchStatus,
    ErrorInfo,
    Event,
    ExecutionContinued,
    ExecutionEnded,
    ExecutionPaused,
    ExecutionRetried,
    ExecutionStarted,
    ExecutionStatus,
    LogLine,
    NodeEnded,
    NodeStarted,
    NodeStatus,
    PauseAt,
    PauseReason,
    RetryReason,
)
from batches.state import BatchState, apply
from server.event_messages import MESSAGES
from server.event_ring import Entry
from server.event_words import batch_update, execution_update, messages_of
from tests.batches.event_samples import begin, numbered, one_of_each_type

OUTPUT = Path("/results")
IDS: dict[str, Any] = {"batch_id": "batch-1", "execution_id": "exec-1-1"}
NODE: dict[str, Any] = {"node_id": "n1", "node_type": "action", "node_label": "Click"}
ERROR = ErrorInfo(code="NODE_TIMEOUT", message="too late", node_id="n1", page_url="http://site/")

Said = list[tuple[str, dict[str, Any]]]


def decoded(entry: Entry) -> Said:
    """The messages of an entry as a client gets them."""
    return [tuple(orjson.loads(packet[2:])) for packet in entry.packets]


def play(*events: Event, single: bool = False, source: str | None = None) -> tuple[BatchState, Said]:
    """Fold events that follow on the start of a batch of two; what the last one says."""
    start = begin("batch-1", 2, single=single, invalid=1)
    if source is not None:
        start = start.model_copy(update={"options": {"source": source}})
    state: BatchState | None = None
    for event in numbered([start, *events]):
        state = apply(state, event)
        last = event
    assert state is not None
    messages = messages_of(last, state, OUTPUT)
    return state, decoded(Entry(messages, (), seq=last.seq, born=0))


def started(*events: Event) -> tuple[BatchState, Said]:
    return play(ExecutionStarted(**IDS), *events)


def test_a_batch_starts() -> None:
    ((name, body),) = play()[1]
    assert name == "batch-start"
    assert body == {"batchId": "batch-1", "totalWorkflows": 3, "seq": 1, "timestamp": 1_700_000_000_010}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (BatchStatus.COMPLETED, "completed"),
        (BatchStatus.FAILED, "error"),
        (BatchStatus.STOPPED, "stopped"),
        (BatchStatus.INTERRUPTED, "stopped"),
    ],
)
def test_a_batch_ends_also_when_it_is_stopped(status: BatchStatus, word: str) -> None:
    end = ExecutionEnded(**IDS, status=ExecutionStatus.COMPLETED)
    ((name, body),) = started(end, BatchEnded(batch_id="batch-1", status=status))[1]
    assert name == "batch-complete"
    assert body["status"] == word
    assert (body["batchId"], body["totalWorkflows"], body["completed"]) == ("batch-1", 3, 1)
    assert (body["failed"], body["stopped"], body["seq"]) == (0, 0, 4)


def test_the_batch_around_a_single_run_is_not_spoken_of() -> None:
    assert play(single=True)[1] == []
    assert play(BatchEnded(batch_id="batch-1", status=BatchStatus.COMPLETED), single=True)[1] == []


def test_an_execution_starts_with_its_source() -> None:
    assert play(ExecutionStarted(**IDS), source="mcp")[1] == [
        (
            "execution-event",
            {
                "executionId": "exec-1-1",
                "batchId": "batch-1",
                "source": "mcp",
                "type": "execution_start",
                "attempt": 1,
                "seq": 2,
                "timestamp": 1_700_000_000_020,
            },
        )
    ]
    assert started()[1][0][1]["source"] == "api"


def test_a_node_begins() -> None:
    (first, second) = started(NodeStarted(**IDS, **NODE, iteration=2, parent_loop_node_id="loop"))[1]
    assert first[0] == "node-execution"
    assert (first[1]["nodeId"], first[1]["nodeType"], first[1]["status"]) == ("n1", "action", "running")
    assert (first[1]["durationMs"], first[1]["error"], first[1]["iteration"]) == (None, None, 2)
    assert second[0] == "execution-event"
    assert (second[1]["type"], second[1]["nodeId"], second[1]["iteration"]) == ("node_start", "n1", 2)
    assert first[1]["seq"] == second[1]["seq"] == 3


def test_a_node_completes() -> None:
    end = NodeEnded(**IDS, **NODE, status=NodeStatus.COMPLETED, duration_ms=12.5)
    (first, second) = started(NodeStarted(**IDS, **NODE), end)[1]
    assert (first[1]["status"], first[1]["durationMs"], first[1]["error"]) == ("completed", 12.5, None)
    assert (second[1]["type"], second[1]["nodeId"]) == ("node_complete", "n1")
    assert "message" not in second[1]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (NodeStatus.BYPASSED, "Node bypassed"),
        (NodeStatus.SKIPPED, "Node skipped (unreachable branch)"),
    ],
)
def test_a_node_that_is_not_run_completes_with_a_message(status: NodeStatus, message: str) -> None:
    (first, second) = started(NodeEnded(**IDS, **NODE, status=status, message=message))[1]
    assert (first[1]["status"], first[1]["message"]) == ("bypassed", message)
    assert (second[1]["type"], second[1]["message"]) == ("node_complete", message)


@pytest.mark.parametrize("silent", [True, False])
def test_a_node_fails(silent: bool) -> None:
    end = NodeEnded(
        **IDS,
        **NODE,
        status=NodeStatus.FAILED,
        duration_ms=3,
        message="too late",
        error=ERROR,
        fail_silently=silent,
        screenshots={"failure": "batches/x.png"},
        similar_selectors=({"selector": "#pay", "selectorType": "css", "reason": "id is like 'play'"},),
    )
    lines = [
        LogLine(**IDS, level="debug", message="waiting", node_id="n1"),
        LogLine(**IDS, level="debug", message="elsewhere", node_id="n2"),
    ]
    (first, second) = started(NodeStarted(**IDS, **NODE), *lines, end)[1]
    assert (first[1]["status"], first[1]["error"], first[1]["failSilently"]) == ("error", "too late", silent)
    assert second[1]["type"] == "node_error"
    assert (second[1]["message"], second[1]["failSilently"]) == ("too late", silent)
    assert second[1]["traceLogs"] == ["waiting"]
    assert second[1]["debugInfo"] == {
        "pageUrl": "http://site/",
        "screenshotPaths": {"failure": "/results/batches/x.png"},
        "similarSelectors": [{"selector": "#pay", "selectorType": "css", "reason": "id is like 'play'"}],
    }


def test_a_failed_iteration_has_the_lines_of_its_own() -> None:
    def line(message: str) -> LogLine:
        return LogLine(**IDS, level="debug", message=message, node_id="n1")

    end = NodeEnded(**IDS, **NODE, status=NodeStatus.FAILED, error=ERROR, fail_silently=True)
    said = started(line("first"), end, line("second"), line("third"), end)[1]
    assert said[1][1]["traceLogs"] == ["second", "third"]


def test_a_node_that_fails_without_a_page_has_no_debug_info_but_trace_logs() -> None:
    error = ErrorInfo(code="NODE_FAILED", message="no")
    end = NodeEnded(**IDS, **NODE, status=NodeStatus.FAILED, error=error)
    body = started(end)[1][1][1]
    assert body["traceLogs"] == []
    assert "debugInfo" not in body


def pause(reason: PauseReason, at: PauseAt = PauseAt.PRE) -> ExecutionPaused:
    return ExecutionPaused(**IDS, **NODE, pause=1, reason=reason, at=at, message="Paused here")


@pytest.mark.parametrize(("at", "word"), [(PauseAt.PRE, "pre"), (PauseAt.POST, "post")])
def test_a_breakpoint_is_told_when_the_pause_begins(at: PauseAt, word: str) -> None:
    state, said = started(pause(PauseReason.BREAKPOINT, at))
    paused, triggered = (body for _, body in said)
    assert (paused["type"], paused["nodeId"], paused["message"]) == ("execution_paused", "n1", "Paused here")
    assert paused["data"] == {"reason": "breakpoint"}
    assert (triggered["type"], triggered["data"]) == ("breakpoint_triggered", {"breakpointAt": word})
    update = execution_update(state, state.executions["exec-1-1"], 3, 30)
    assert (update.status, update.paused_node_id, update.pause_reason) == ("running", "n1", "breakpoint")


def test_a_wait_node_pauses_and_goes_on() -> None:
    state, ((_, body),) = started(pause(PauseReason.WAIT_PAUSE))
    assert (body["type"], body["data"]) == ("execution_paused", {"reason": "wait-pause"})
    assert execution_update(state, state.executions["exec-1-1"], 3, 30).pause_reason == "wait-pause"
    on = ExecutionContinued(**IDS, pause=1, node_id="n1", action="continue", paused_ms=5)
    state, ((_, body),) = started(pause(PauseReason.WAIT_PAUSE), on)
    assert (body["type"], body["data"]) == ("execution_continued", {"action": "continue"})
    assert execution_update(state, state.executions["exec-1-1"], 4, 40).pause_reason is None


def test_an_attempt_is_given_up() -> None:
    _, ((_, body),) = started(ExecutionRetried(**IDS, reason=RetryReason.FAILED, error=ERROR))
    assert (body["type"], body["message"]) == ("execution_retry", "too late")


def test_an_execution_completes() -> None:
    state, ((_, body),) = started(ExecutionEnded(**IDS, status=ExecutionStatus.COMPLETED))
    assert body["type"] == "execution_complete"
    assert execution_update(state, state.executions["exec-1-1"], 3, 30).status == "completed"


def test_an_execution_fails_with_the_error_of_its_node() -> None:
    state, ((_, body),) = started(ExecutionEnded(**IDS, status=ExecutionStatus.FAILED, error=ERROR))
    assert (body["type"], body["message"]) == ("execution_error", "too late")
    update = execution_update(state, state.executions["exec-1-1"], 3, 30)
    assert (update.status, update.error, update.current_node_id) == ("error", "too late", "n1")


def test_a_stopped_execution_says_so_also_when_it_never_ran() -> None:
    for events in ((), (ExecutionStarted(**IDS),)):
        state, ((_, body),) = play(*events, ExecutionEnded(**IDS, status=ExecutionStatus.STOPPED))
        assert (body["type"], body["message"]) == ("execution_error", "Execution stopped by user")
        assert execution_update(state, state.executions["exec-1-1"], 3, 30).status == "stopped"


def test_waiting_executions_are_idle() -> None:
    state, _ = play()
    update = execution_update(state, state.executions["exec-1-2"], 1, 10)
    assert (update.status, update.attempt, update.current_node_id) == ("idle", 0, None)
    assert (update.paused_node_id, update.pause_reason, update.error) == (None, None, None)


def test_log_lines_have_no_message() -> None:
    assert started(LogLine(**IDS, level="info", message="hello"))[1] == []


def test_half_characters_of_a_page_do_not_stop_a_message() -> None:
    error = ErrorInfo(code="NODE_FAILED", message="broken \ud83d here")
    _, said = started(NodeEnded(**IDS, **NODE, status=NodeStatus.FAILED, error=error))
    assert [body["nodeId"] for _, body in said] == ["n1", "n1"]


@given(st.lists(st.sampled_from(ExecutionStatus), max_size=6))
def test_the_numbers_of_a_batch_add_up_in_every_mixture(statuses: list[ExecutionStatus]) -> None:
    state = apply(None, begin("batch-1", len(statuses)))
    for execution, status in zip(state.executions.values(), statuses, strict=True):
        execution.status = status
    body = batch_update(state, 7, 70).model_dump(mode="json")
    summed = sum(body[name] for name in ("completed", "running", "queued", "failed", "stopped"))
    assert summed == body["validWorkflows"] == body["totalWorkflows"] == len(statuses)
    assert (body["seq"], body["timestamp"]) == (7, 70)
    assert "executions" not in body


def test_every_message_has_its_place_its_number_and_its_time() -> None:
    state: BatchState | None = None
    for event in one_of_each_type():
        plain = event.model_copy(update={"attempt": 1}) if event.execution_id else event
        state = apply(state, plain)
        for message in messages_of(plain, state, OUTPUT):
            body = message.body.model_dump(mode="json")
            assert isinstance(message.body, MESSAGES[message.name])
            assert (body["batchId"], body["seq"], body["timestamp"]) == (
                "batch-1",
                event.seq,
                event.timestamp,
            )
            assert body.get("executionId", event.execution_id) == event.execution_id
