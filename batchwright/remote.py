"""``batchwright status``, ``respond``, ``stop`` and ``stop-all``: what a server runs, from elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel
from rich.table import Table
from rich.text import Text

from batchwright.client import AsyncClient
from batchwright.client_models import (
    Active,
    Batch,
    ClientError,
    Execution,
    Replied,
    ServerUnreachableError,
    Stopped,
    StoppedAll,
)
from batchwright.console import make_console, plural, print_error, print_table, seconds
from batchwright.exit_codes import ExitCode

__all__ = ["respond", "show_status", "stop", "stop_all"]


async def show_status(url: str, token: str | None, target: str | None, *, as_json: bool) -> ExitCode:
    """Print what runs, or one batch or execution."""

    async def look(client: AsyncClient) -> BaseModel:
        if target is None:
            return await client.active()
        return await (client.batch(target) if target.startswith("batch-") else client.status(target))

    return await _ask(url, token, look, as_json=as_json)


async def respond(
    url: str, token: str | None, target: str, reply: Mapping[str, Any], *, as_json: bool
) -> ExitCode:
    """Reply to an execution that waits for a person; ``reply`` as in `AsyncClient.respond`."""
    return await _ask(url, token, lambda client: client.respond(target, **reply), as_json=as_json)


async def stop(url: str, token: str | None, target: str, *, as_json: bool) -> ExitCode:
    """Stop a batch or an execution."""
    return await _ask(url, token, lambda client: client.stop(target), as_json=as_json)


async def stop_all(url: str, token: str | None, *, as_json: bool) -> ExitCode:
    """Stop everything."""
    return await _ask(url, token, lambda client: client.stop_all(), as_json=as_json)


async def _ask(
    url: str, token: str | None, question: Callable[[AsyncClient], Awaitable[BaseModel]], *, as_json: bool
) -> ExitCode:
    """Ask the server and print its answer.

    Returns:
        OK, USAGE if the server refused (an unknown id, a wrong token), RUNNER if there is no answer.
    """
    errors = make_console(stderr=True)
    try:
        async with AsyncClient(url, token=token) as client:
            answer = await question(client)
    except ServerUnreachableError as error:
        print_error(errors, f"{error.message}. Is it running? Start one with: batchwright serve")
        return ExitCode.RUNNER
    except ClientError as error:
        print_error(errors, error.message)
        return ExitCode.USAGE
    if as_json:
        content = answer.model_dump(mode="json", by_alias=True)
        sys.stdout.write(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        _print(answer)
    return ExitCode.OK


def _print(answer: BaseModel) -> None:
    console = make_console()
    match answer:
        case Active():
            _print_active(answer)
        case Batch():
            _print_batch(answer)
        case Execution():
            node = f" at {answer.current_node_id}" if answer.current_node_id else ""
            console.print(f"{answer.execution_id}  {answer.status}{node}", markup=False)
            if answer.error:
                console.print(answer.error, markup=False, soft_wrap=True)
            if answer.question is not None:
                console.print(f"Waits for a reply: {answer.question.text}", markup=False, soft_wrap=True)
        case Replied():
            console.print(answer.message, markup=False)
        case Stopped() if answer.execution_id is not None:
            console.print(answer.message, markup=False)
        case Stopped() | StoppedAll():
            running, queued = answer.running_stopped, answer.queued_cancelled
            console.print(
                f"{answer.message}: {running} running stopped, {queued} waiting cancelled", markup=False
            )
        case _:
            raise TypeError(f"no way to print {type(answer).__name__}")


def _print_active(active: Active) -> None:
    console = make_console()
    if not active.executions:
        console.print("Nothing runs.")
        return
    table = _table("execution", "status", "node", "workflow")
    for item in active.executions:
        table.add_row(
            item.execution_id,
            item.status,
            Text(item.current_node_id or "-"),
            Text(item.workflow_file_name or "-"),
        )
    print_table(console, table)


def _print_batch(batch: Batch) -> None:
    console = make_console()
    counts = (
        (batch.completed, "passed"),
        (batch.failed, "failed"),
        (batch.stopped, "stopped"),
        (batch.running, "running"),
        (batch.queued, "waiting"),
    )
    text = ", ".join(f"{count} {word}" for count, word in counts if count)
    total = plural(batch.total_workflows, "workflow")
    console.print(f"{batch.batch_id}  {batch.status}  {text} of {total}", markup=False)
    table = _table("status", "execution", "workflow", "time", "error")
    for item in batch.executions:
        first_line = (item.error or "").splitlines()[:1]
        table.add_row(
            item.status,
            item.execution_id,
            Text(item.workflow_path or item.workflow_file_name),
            seconds(item.duration),
            Text("".join(first_line)),
        )
    print_table(console, table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
