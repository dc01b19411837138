"""How quick a large history is: opening it after a crash, listing, looking at one execution, deleting.

Usage: ``python -m benchmarks.history [--batches 1000] [--executions 100]``. It fills a temporary folder first,
which takes a few minutes and about a gigabyte.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

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
from batches.history import HistoryQuery
from batches.state import replay
from batches.store import Reservation
from batches.tinydb_store import TinyDbStore
from benchmarks.flow import workflow_document

NODES = 8
REPEATS = 100


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=1_000)
    parser.add_argument("--executions", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="batchwright-history-") as folder:
        asyncio.run(_fill(Path(folder), given.batches, given.executions))
        asyncio.run(_measure(Path(folder)))


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
            if number >= batches - 2:
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


async def _measure(folder: Path) -> None:
    began = time.perf_counter()
    store = TinyDbStore(folder)
    await store.open()
    try:
        _say("open, with two batches to recover", [time.perf_counter() - began])
        assert len(store.recovered) == 2  # noqa: S101 - the numbers mean nothing otherwise
        await _look(store)
        rows = await store.rows()
        began = time.perf_counter()
        await store.delete([row.batch_id for row in rows[: len(rows) // 10]])
        _say("delete a tenth", [time.perf_counter() - began])
    finally:
        await store.close()
    print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


async def _look(store: TinyDbStore) -> None:
    rows = await store.rows()
    chosen = random.choices(rows, k=REPEATS)  # noqa: S311 - no secret

    async def measure(what: str, ask: Callable[[str], Awaitable[object]]) -> None:
        times = []
        for row in chosen:
            began = time.perf_counter()
            await ask(row.batch_id)
            times.append(time.perf_counter() - began)
        _say(what, times)

    def name(batch_id: str) -> str:
        return f"exec-{batch_id.removeprefix('batch-')}-1"

    await measure("list page", lambda _: store.page(HistoryQuery(text="flow", offset=20)))
    await measure("batch or execution, not seen before", store.load)
    await measure("events of an execution", lambda batch: store.events(batch, execution_id=name(batch)))
    await measure("workflow of an execution", lambda batch: store.workflows(batch, [name(batch)]))


def _say(what: str, seconds: list[float]) -> None:
    ordered = sorted(1000 * value for value in seconds)
    middle, high = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    print(f"{what:40} {middle:9.1f} ms   p95 {high:9.1f} ms")


if __name__ == "__main__":
    main()
