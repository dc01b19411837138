"""How quick a large history is: starting a server on it, its memory, and asking it over HTTP.

A folder is filled with 1,000 batches and 100,000 executions first, which takes a few minutes and about a gigabyte;
the last two batches die in their middle, so that the first start has something to recover.

    python -m benchmarks.history [--batches 1000] [--executions 100] [--json FILE]
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from batches.events import (
    BatchEnded,
    BatchStarted,
    BatchStatus,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ExecutionStatus,
    Member,
    NodeEnded,
    NodeStarted,
    NodeStatus,
)
from batches.state import replay
from batches.store import Reservation
from batches.tinydb_store import TinyDbStore
from benchmarks.figures import Figure, Report, arguments, percentile
from benchmarks.flow import workflow_document
from benchmarks.served import Served, served

__all__ = ["main"]

NODES: Final = 8
REPEATS: Final = 200
STARTS: Final = 5

MOST_START_S: Final = 2.0
MOST_MEMORY_MB: Final = 400.0
MOST_PAGE_MS: Final = 20.0

_SEED: Final = 7
_OVERLAP: Final = 2
"""Batches that are left unfinished."""


async def _fill(folder: Path, batches: int, executions: int) -> None:
    """Keep batches that are over, and two that die in their middle."""
    async with TinyDbStore(folder) as store:
        seq = 1
        for number in range(batches):
            place = await store.reserve(executions)
            names = _names(place, executions)
            events = [
                event.model_copy(update={"seq": seq + offset})
                for offset, event in enumerate(_events(place, names))
            ]
            if number >= batches - _OVERLAP:
                events = events[: len(events) // 2]
            seq += len(events)
            await store.save_workflows(place.batch_id, {}, dict.fromkeys(names, workflow_document()))
            await store.append(place.batch_id, events, sync=True)
            state = replay(events)
            if state is not None:
                await store.save(state)


def _names(place: Reservation, executions: int) -> list[str]:
    stamp = place.batch_id.removeprefix("batch-")
    return [f"exec-{stamp}-{number + 1}" for number in range(executions)]


def _events(place: Reservation, names: list[str]) -> Iterator[Event]:
    members = tuple(
        Member(
            execution_id=name,
            alias=place.first_alias + number,
            workflow_file_name=f"flow-{number}.json",
            workflow_path=f"flow-{number}.json",
            source=f"/flows/flow-{number}.json",
        )
        for number, name in enumerate(names)
    )
    yield BatchStarted(batch_id=place.batch_id, folder_path="/flows", workers=4, members=members)
    for name in names:
        ids: dict[str, Any] = {"batch_id": place.batch_id, "execution_id": name}
        yield ExecutionStarted(**ids)
        for number in range(NODES):
            node: dict[str, Any] = {"node_id": f"node-{number}", "node_type": "action", "node_label": "Click"}
            yield NodeStarted(**ids, **node)
            yield NodeEnded(**ids, **node, status=NodeStatus.COMPLETED, duration_ms=12.5)
        yield ExecutionEnded(**ids, status=ExecutionStatus.COMPLETED, data={"text": "x" * 200})
    yield BatchEnded(batch_id=place.batch_id, status=BatchStatus.COMPLETED)


async def _ask(server: Served, batches: list[str], executions: int) -> dict[str, list[float]]:
    """Times of requests by what they ask for, ms."""
    chance = random.Random(_SEED)  # noqa: S311 - the same requests in each run
    times: dict[str, list[float]] = {}

    async def ask(what: str, path: str, **query: Any) -> None:
        began = time.perf_counter()
        await server.get(path, **query)
        times.setdefault(what, []).append(1000 * (time.perf_counter() - began))

    for _ in range(REPEATS):
        batch_id = chance.choice(batches)
        name = f"exec-{batch_id.removeprefix('batch-')}-{chance.randint(1, executions)}"
        await ask("first page", "/executions/batches")
        await ask("page anywhere", "/executions/batches", offset=chance.randrange(len(batches)))
        await ask("list by text and status", "/executions/batches", q="FLOW-7", status="completed,error")
        await ask("one execution, its batch not seen before", f"/execution/{name}")
        await ask("another execution of that batch", f"/execution/{name.rpartition('-')[0]}-1")
        await ask("one batch with its executions", f"/execution/batch/{batch_id}")
    return times


async def _measure(folder: Path, executions: int) -> list[Figure]:
    async with served(folder) as server:
        first = Figure("first start, with two batches to recover", server.start_s, "s")
        page = await server.get("/executions/batches", limit=1_000)
        if page["total"] < _OVERLAP:
            raise AssertionError("the history is not there")
    batches = [row["batchId"] for row in page["batches"]]
    starts = []
    for _ in range(STARTS - 1):
        async with served(folder) as server:
            starts.append(server.start_s)
    async with served(folder) as server:
        starts.append(server.start_s)
        figures = [first, Figure.of("start", starts, "s", target=MOST_START_S)]
        times = await _ask(server, batches, executions)
        for what, values in times.items():
            figures += [
                Figure(f"{what}: p50", round(percentile(values, 0.5), 1), "ms"),
                Figure(
                    f"{what}: p95",
                    round(percentile(values, 0.95), 1),
                    "ms",
                    target=MOST_PAGE_MS,
                ),
            ]
        size = server.size()
        figures.append(Figure("memory after all that", size.memory_mb, "MB", target=MOST_MEMORY_MB))
    return figures


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Fill, measure, print, and write JSON if asked."""
    given = arguments(__doc__, batches=1_000, executions=100).parse_args(arguments_given)
    with tempfile.TemporaryDirectory(prefix="batchwright-history-") as name:
        print("  filling a history", file=sys.stderr)
        asyncio.run(_fill(Path(name), given.batches, given.executions))
        figures = asyncio.run(_measure(Path(name), given.executions))
    title = f"A history of {given.batches:,} batches with {given.executions} executions each, over HTTP"
    Report("history", title, figures).finish(given.json)


if __name__ == "__main__":
    main()
