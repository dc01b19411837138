"""The end of a run: failures, totals, and the summary file."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
from rich.console import Console
from rich.text import Text

from batches.encoding import plain
from batches.events import BatchEnded, ErrorInfo, ExecutionEnded, ExecutionStatus, InvalidWorkflow
from batches.recovery import INTERRUPTED
from batches.state import BatchState, ExecutionState, apply
from batchwright.console import plural, seconds
from server.main_api import BatchView, ValidationErrorView, batch_view

__all__ = ["empty_view", "mark_killed", "print_invalid", "print_result", "view_of", "write_summary"]

MAX_ERROR_LINES = 8
"""Lines of an error message shown; the summary file and history have all of it."""


def print_result(console: Console, state: BatchState, output: Path, wall_ms: float) -> None:
    """Failures with everything needed to find them, then the totals."""
    failed = [item for item in state.executions.values() if item.status is ExecutionStatus.FAILED]
    if failed or state.invalid:
        console.print()
    for item in failed:
        _print_failure(console, item, output)
    print_invalid(console, state.invalid)
    console.print()
    console.print(_totals(state, wall_ms))
    console.print(
        Text.assemble(("Results: ", "dim"), f"{_shown(output / 'batches' / state.batch_id)}"), soft_wrap=True
    )


def print_invalid(console: Console, invalid: tuple[InvalidWorkflow, ...]) -> None:
    """The files that cannot be run, with each of their faults."""
    for item in invalid:
        console.print(Text.assemble(("✗ ", "red"), (item.file_name, "bold"), ("  invalid", "red")))
        for problem in item.errors:
            console.print(Text(f"    {problem}"), soft_wrap=True)


def write_summary(target: Path | None, view: BatchView) -> None:
    """Write the batch status object (api.md, section 2.4); ``-`` is standard output.

    Raises:
        OSError: The file cannot be written.
    """
    if target is None:
        return
    content = orjson.dumps(plain(view.model_dump()), option=orjson.OPT_INDENT_2) + b"\n"
    if str(target) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def empty_view(status: str, source: str | None, invalid: tuple[InvalidWorkflow, ...]) -> BatchView:
    """The summary of a run that never became a batch."""
    return BatchView(
        batch_id=None,
        status=status,
        source_type="folder",
        folder_path=source,
        total_workflows=len(invalid),
        valid_workflows=0,
        invalid_workflows=len(invalid),
        completed=0,
        running=0,
        queued=0,
        failed=0,
        stopped=0,
        flaky=0,
        not_run=0,
        start_time=None,
        end_time=None,
        duration=None,
        validation_errors=tuple(
            ValidationErrorView(file_name=item.file_name, errors=item.errors) for item in invalid
        ),
    )


def view_of(state: BatchState, output: Path) -> BatchView:
    """The summary of a batch."""
    return batch_view(state, output.resolve())


def mark_killed(state: BatchState) -> None:
    """End what is still open as interrupted: the process is about to kill itself and record nothing more.

    History says the same once it is opened again.
    """
    error = ErrorInfo(code=INTERRUPTED, message="The run was killed before this was finished")
    for execution in state.executions.values():
        if not execution.status.is_final:
            end = ExecutionEnded(
                batch_id=state.batch_id,
                execution_id=execution.execution_id,
                attempt=max(1, execution.attempts),
                status=ExecutionStatus.INTERRUPTED,
                error=error,
            )
            apply(state, end)
    if state.ended_at is None:
        apply(state, BatchEnded(batch_id=state.batch_id, status=state.outcome()))


def _print_failure(console: Console, item: ExecutionState, output: Path) -> None:
    attempts = f"  {item.attempts} attempts" if item.attempts > 1 else ""
    console.print(Text.assemble(("✗ ", "red"), (item.member.workflow_path, "bold"), (attempts, "dim")))
    error = item.error
    if error is None:
        return
    rows = []
    if error.node_id is not None:
        named = error.node_label and error.node_label != error.node_id
        label = f"{error.node_label} ({error.node_id})" if named else error.node_id
        rows.append(("node", f"{label}, {error.node_type}"))
    lines = error.message.splitlines() or [""]
    shown = lines[:MAX_ERROR_LINES] + (["…"] if len(lines) > MAX_ERROR_LINES else [])
    rows.append(("error", "\n".join([f"{shown[0]}  [{error.code}]", *shown[1:]])))
    if error.page_url:
        rows.append(("page", error.page_url))
    if error.screenshot:
        rows.append(("screenshot", _shown(output / error.screenshot)))
    for name, value in rows:
        first, *rest = value.splitlines()
        console.print(Text.assemble((f"    {name:<11}", "dim"), first), soft_wrap=True)
        for line in rest:
            console.print(Text(f"    {'':<11}{line}"), soft_wrap=True)


def _totals(state: BatchState, wall_ms: float) -> Text:
    counts = state.counts
    parts = [
        (counts.completed - counts.flaky, "passed", "bold green"),
        (counts.flaky, "flaky", "bold yellow"),
        (counts.failed, "failed", "bold red"),
        (counts.stopped + counts.interrupted - counts.not_run, "stopped", "bold yellow"),
        (counts.not_run, "not run", "bold yellow"),
        (len(state.invalid), "invalid", "bold red"),
    ]
    text = Text()
    for value, word, style in parts:
        if value:
            text.append(f"{', ' if text else ''}{value} {word}", style)
    total = plural(counts.total + len(state.invalid), "workflow")
    text.append(f" of {total} in {seconds(wall_ms)}", "dim")
    return text


def _shown(path: Path) -> str:
    """A path as a user would type it: relative when it lies below the working directory."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path.resolve())
