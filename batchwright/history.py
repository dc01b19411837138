"""``batchwright history``: what ran before."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import orjson
from rich.table import Table
from rich.text import Text

from batches.encoding import plain
from batches.errors import NotFoundError, StoreError
from batches.events import ExecutionStatus
from batches.state import BatchState
from batches.store import BatchRow
from batches.tinydb_store import TinyDbStore
from batchwright.console import make_console, print_error, print_table, seconds
from batchwright.exit_codes import ExitCode
from server.main_api import BATCH_WORDS, batch_view

__all__ = ["show_history"]

_STYLES = {
    "completed": "green",
    "failed": "red",
    "stopped": "yellow",
    "interrupted": "yellow",
    "running": "cyan",
    "queued": "dim",
}


async def show_history(output: Path, batch_id: str | None, *, limit: int, as_json: bool) -> ExitCode:
    """Print past batches, or one with its executions.

    Returns:
        OK, USAGE for an unknown batch, RUNNER if the history cannot be read.
    """
    console, errors = make_console(), make_console(stderr=True)
    if not await asyncio.to_thread(output.exists):
        if as_json:
            sys.stdout.write("[]\n")
        else:
            console.print(f"No history in {output}. Start with: batchwright run FOLDER", markup=False)
        return ExitCode.OK if batch_id is None else ExitCode.USAGE
    try:
        async with TinyDbStore(output) as store:
            if batch_id is not None:
                _show_batch(await store.load(batch_id), output, as_json=as_json)
            else:
                _show_batches(await store.rows(limit=limit, include_single=True), as_json=as_json)
    except NotFoundError as error:
        print_error(errors, error.message)
        return ExitCode.USAGE
    except StoreError as error:
        print_error(errors, error.message)
        return ExitCode.RUNNER
    return ExitCode.OK


def _show_batches(rows: list[BatchRow], *, as_json: bool) -> None:
    if as_json:
        items = [
            {
                "batchId": row.batch_id,
                "status": BATCH_WORDS[row.status],
                "folderPath": row.folder_path,
                "totalWorkflows": row.total_workflows,
                "completed": row.completed,
                "failed": row.failed,
                "stopped": row.stopped,
                "interrupted": row.interrupted,
                "running": row.running,
                "queued": row.queued,
                "invalidWorkflows": row.invalid,
                "flaky": row.flaky,
                "notRun": row.not_run,
                "startTime": row.started_at,
                "endTime": row.ended_at,
            }
            for row in rows
        ]
        _write_json(items)
        return
    console = make_console()
    if not rows:
        console.print("No batches yet. Start with: batchwright run FOLDER")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("batch", "started", "status", "result", "time"):
        table.add_column(column, no_wrap=True)
    table.add_column("folder", overflow="fold")
    for row in rows:
        wall = row.ended_at - row.started_at if row.ended_at is not None else None
        table.add_row(
            row.batch_id,
            _when(row.started_at),
            Text(row.status.value, _STYLES[row.status.value]),
            _counts(row),
            seconds(wall),
            Text(row.folder_path or row.source_type),
        )
    print_table(console, table)


def _show_batch(state: BatchState, output: Path, *, as_json: bool) -> None:
    if as_json:
        _write_json(batch_view(state, output.resolve()).model_dump())
        return
    console = make_console()
    console.print(
        Text.assemble(
            (state.batch_id, "bold"),
            f"  {_when(state.started_at)}  ",
            (state.status.value, _STYLES[state.status.value]),
        )
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("status", "workflow", "time", "attempts", "error"):
        table.add_column(column, no_wrap=column not in ("workflow", "error"), overflow="fold")
    for execution in state.executions.values():
        status = "not run" if execution.not_run else execution.status.value
        error = execution.error if execution.status is not ExecutionStatus.COMPLETED else None
        table.add_row(
            Text("flaky" if execution.flaky else status, _STYLES[execution.status.value]),
            Text(execution.member.workflow_path),
            seconds(execution.duration_ms),
            str(execution.attempts),
            Text(error.message.splitlines()[0] if error and error.message else ""),
        )
    for item in state.invalid:
        table.add_row(Text("invalid", "red"), Text(item.file_name), "-", "0", Text(item.errors[0]))
    print_table(console, table)


def _counts(row: BatchRow) -> str:
    parts = (
        (row.completed, "passed"),
        (row.failed, "failed"),
        (row.stopped, "stopped"),
        (row.interrupted, "interrupted"),
        (row.running, "running"),
        (row.queued, "queued"),
        (row.invalid, "invalid"),
    )
    return ", ".join(f"{count} {word}" for count, word in parts if count) or "nothing to run"


def _when(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _write_json(value: object) -> None:
    sys.stdout.write(orjson.dumps(plain(value), option=orjson.OPT_INDENT_2).decode() + "\n")
