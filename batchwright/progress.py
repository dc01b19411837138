"""Progress of a batch in the terminal: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batches.events import (
    Event,
    ExecutionEnded,
    ExecutionRetried,
    ExecutionStatus,
    LogLine,
    NodeEnded,
    NodeStatus,
    RetryReason,
    now_ms,
)
from batches.state import BatchState, ExecutionState
from batchwright.console import seconds

__all__ = ["Progress"]

REFRESH_PER_SECOND: Final = 6

_MARKS: Final = {
    ExecutionStatus.COMPLETED: ("✓", "green", "passed"),
    ExecutionStatus.FAILED: ("✗", "red", "FAILED"),
    ExecutionStatus.STOPPED: ("■", "yellow", "stopped"),
    ExecutionStatus.INTERRUPTED: ("■", "yellow", "interrupted"),
}

_NODE_MARKS: Final = {
    NodeStatus.COMPLETED: ("·", "dim"),
    NodeStatus.FAILED: ("✗", "red"),
    NodeStatus.SKIPPED: ("○", "dim"),
    NodeStatus.BYPASSED: ("○", "dim"),
}


class Progress:
    """Shows a running batch; give `on_event` to the event log and use it as a context manager.

    Args:
        console: Where to write.
        quiet: Show nothing.
        verbose: Show each node and log line.
    """

    def __init__(self, console: Console, *, quiet: bool = False, verbose: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._verbose = verbose
        self._state: BatchState | None = None
        self._live: Live | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if not self._quiet and self._console.is_terminal and not self._console.no_color:
            self._live = Live(
                console=self._console,
                refresh_per_second=REFRESH_PER_SECOND,
                get_renderable=self._render,
                transient=True,
                redirect_stderr=sys.stderr is not None and sys.stderr.isatty(),
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the live view away; idempotent."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, message: str) -> None:
        """Print a line above the live view."""
        self._console.print(message, markup=False)

    def on_event(self, event: Event, state: BatchState) -> None:
        """Take an event in (see `batches.eventlog.Listener`)."""
        self._state = state
        if self._quiet:
            return
        match event:
            case ExecutionEnded():
                self._ended(event, state)
            case ExecutionRetried():
                name = _name(state.executions[event.execution_id])
                why = "lost its browser" if event.reason is RetryReason.LOST else "failed"
                self._console.print(Text.assemble(("↻ ", "yellow"), name, (f"  {why}, trying again", "dim")))
            case NodeEnded() if self._verbose:
                self._node(event, state)
            case LogLine() if self._verbose or event.level in ("warning", "error"):
                name = _name(state.executions[event.execution_id])
                self._console.print(Text.assemble(("  ! ", "yellow"), (f"{name}: ", "dim"), event.message))

    def _ended(self, event: ExecutionEnded, state: BatchState) -> None:
        execution = state.executions[event.execution_id]
        if execution.not_run:
            return
        mark, style, word = _MARKS[event.status]
        if execution.flaky:
            mark, style, word = "✓", "yellow", f"flaky (attempt {execution.attempts})"
        line = Text.assemble((f"{mark} ", style), _name(execution), "  ", (word, style))
        line.append(f"  {seconds(execution.duration_ms)}", "dim")
        if event.error is not None and event.status is ExecutionStatus.FAILED:
            line.append(f"  {_first_line(event.error.message)}", "dim")
        self._line(line)

    def _node(self, event: NodeEnded, state: BatchState) -> None:
        mark, style = _NODE_MARKS[event.status]
        name = _name(state.executions[event.execution_id])
        iteration = f" [{event.iteration}]" if event.iteration is not None else ""
        line = Text.assemble((f"  {mark} ", style), (f"{name}: ", "dim"))
        line.append(f"{event.node_label or event.node_id}{iteration}")
        line.append(f"  {event.duration_ms:.0f} ms", "dim")
        if event.error is not None:
            line.append(f"  {_first_line(event.error.message)}", style)
        self._line(line)

    def _line(self, line: Text) -> None:
        """Print on one line: a terminal cuts it, the whole message follows at the end."""
        self._console.print(
            line, no_wrap=True, overflow="ellipsis" if self._console.is_terminal else "ignore"
        )

    def _render(self) -> RenderableType:
        state = self._state
        if state is None:
            return Text("Starting…", style="dim")
        return Group(*self._running_lines(state), self._totals(state))

    def _running_lines(self, state: BatchState) -> Iterable[RenderableType]:
        running = [item for item in state.executions.values() if item.status is ExecutionStatus.RUNNING]
        if not running:
            return
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=None)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        table.add_column(justify="right", style="dim", no_wrap=True)
        for item in running:
            started = item.started_at or now_ms()
            node = item.current_node_label or item.current_node_id or "starting"
            table.add_row(
                Text.assemble(("▸ ", "cyan"), _name(item)), node, seconds(max(0, now_ms() - started))
            )
        yield table

    def _totals(self, state: BatchState) -> RenderableType:
        counts = state.counts
        done = counts.completed + counts.failed + counts.stopped + counts.interrupted
        row = Table.grid(padding=(0, 2))
        text = Text(f"{done}/{counts.total}", style="bold")
        for value, word, style in (
            (counts.completed - counts.flaky, "passed", "green"),
            (counts.flaky, "flaky", "yellow"),
            (counts.failed, "failed", "red"),
            (counts.running, "running", "cyan"),
            (counts.queued, "queued", "dim"),
        ):
            if value:
                text.append(f"  {value} {word}", style)
        text.append(f"  {seconds((time.monotonic() - self._began) * 1000)}", "dim")
        bar = ProgressBar(
            total=max(1, counts.total),
            completed=done,
            width=28,
            complete_style="cyan",
            finished_style="green",
        )
        row.add_row(bar, text)
        return row


def _name(execution: ExecutionState) -> str:
    return execution.member.workflow_path


def _first_line(message: str) -> str:
    return message.splitlines()[0] if message else ""
