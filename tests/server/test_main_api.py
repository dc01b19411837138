"""The main surface's words for our states, and its view of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batches.events import (
    BatchEnded,
    BatchStatus,
    ErrorInfo,
    ExecutionEnded,
    ExecutionStatus,
    InvalidWorkflow,
)
from batches.state import BatchState, apply
from server.main_api import BATCH_WORDS, EXECUTION_WORDS, batch_view
from tests.batches.event_samples import execution_id, state_of, whole_batch

OUTPUT = Path("/results")
SUMMED = ("completed", "running", "queued", "failed", "stopped")


def test_every_state_has_a_word_of_the_surface() -> None:
    assert set(EXECUTION_WORDS) == set(ExecutionStatus)
    assert set(EXECUTION_WORDS.values()) == {"queued", "running", "completed", "error", "stopped"}
    assert set(BATCH_WORDS) == set(BatchStatus)
    assert set(BATCH_WORDS.values()) == {"running", "completed", "error", "stopped"}


@given(st.lists(st.sampled_from(ExecutionStatus), max_size=8), st.integers(0, 3))
def test_counters_add_up_in_every_mixture_of_states(statuses: list[ExecutionStatus], invalid: int) -> None:
    state = state_of(whole_batch("batch-1", len(statuses)))
    state.invalid = tuple(InvalidWorkflow(file_name=f"{n}.json", errors=("no",)) for n in range(invalid))
    for execution, status in zip(state.executions.values(), statuses, strict=True):
        execution.status = status
    view = batch_view(state, OUTPUT)
    assert sum(getattr(view, name) for name in SUMMED) == view.valid_workflows == len(statuses)
    assert view.total_workflows == view.valid_workflows + view.invalid_workflows
    assert view.invalid_workflows == len(view.validation_errors) == invalid
    for name, word in zip(SUMMED, ("completed", "running", "queued", "error", "stopped"), strict=True):
        assert getattr(view, name) == [item.status for item in view.executions].count(word)
    assert [item.interrupted for item in view.executions] == [status == "interrupted" for status in statuses]


def test_a_finished_batch() -> None:
    state = state_of(whole_batch("batch-1", 2))
    view = batch_view(state, OUTPUT)
    assert (view.batch_id, view.status, view.source_type, view.folder_path) == (
        "batch-1",
        "completed",
        "folder",
        "/flows",
    )
    assert view.end_time is not None
    assert view.start_time is not None
    assert view.duration == view.end_time - view.start_time > 0
    first = view.executions[0]
    assert (first.execution_id, first.workflow_file_name, first.workflow_path) == (
        "exec-1-1",
        "flow-1.json",
        "sub/flow-1.json",
    )
    assert (first.status, first.attempts, first.error, first.not_run) == ("completed", 1, None, False)
    assert first.duration == (first.end_time or 0) - (first.start_time or 0)


def failed(screenshot: str | None) -> BatchState:
    state = state_of(whole_batch("batch-1", 1)[:3])
    error = ErrorInfo(
        code="NODE_TIMEOUT",
        message="too late",
        node_id="n1",
        node_label="Click",
        page_url="http://site/",
        screenshot=screenshot,
    )
    end = ExecutionEnded(
        batch_id="batch-1",
        execution_id=execution_id("batch-1", 1),
        status=ExecutionStatus.FAILED,
        error=error,
    )
    return apply(apply(state, end), BatchEnded(batch_id="batch-1", status=BatchStatus.FAILED))


def test_a_failed_member_tells_why() -> None:
    (member,) = batch_view(failed("batches/batch-1/x.png"), OUTPUT).executions
    assert (member.status, member.error, member.error_code) == ("error", "too late", "NODE_TIMEOUT")
    assert (member.failed_node_id, member.failed_node_label) == ("n1", "Click")
    assert (member.screenshot, member.page_url) == ("/results/batches/batch-1/x.png", "http://site/")
    assert batch_view(failed(None), OUTPUT).executions[0].screenshot is None
    assert batch_view(failed(None), OUTPUT).status == "error"


def test_a_running_batch_has_no_end() -> None:
    view = batch_view(state_of(whole_batch("batch-1", 2)[:3]), OUTPUT)
    assert (view.status, view.end_time, view.duration) == ("running", None, None)
    assert [(item.status, item.current_node_id) for item in view.executions] == [
        ("running", "n1"),
        ("queued", None),
    ]


def test_on_the_wire_names_are_camel_case() -> None:
    view = batch_view(state_of(whole_batch("batch-1", 1)), OUTPUT).model_dump(mode="json")
    documented = {"batchId", "status", "sourceType", "folderPath", "totalWorkflows", "completed", "running"}
    documented |= {"queued", "failed", "startTime", "endTime", "executions", "validationErrors"}
    assert documented <= set(view)
    assert {"executionId", "workflowFileName", "workflowPath", "status", "error"} <= set(
        view["executions"][0]
    )


@pytest.mark.parametrize("attempts", [0, 1])
def test_an_error_of_an_earlier_attempt_is_not_shown_once_it_passed(attempts: int) -> None:
    state = state_of(whole_batch("batch-1", 1))
    (execution,) = state.executions.values()
    execution.error, execution.failures = ErrorInfo(code="X", message="old"), attempts
    (member,) = batch_view(state, OUTPUT).executions
    assert (member.error, member.error_code, member.flaky) == (None, None, attempts > 0)
