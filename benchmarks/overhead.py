"""What we cost without a browser: nodes a second, events a second.

Workflows of value nodes, of a switch, and of a loop of 10,000 iterations around both run twice: by the engine
alone, which only makes events, and through runner, event log, state and journal, as the command line runs them.
Then made-up events go through log, state and journal alone.

    python -m benchmarks.overhead [--iterations 10000] [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from batches.attempt import Attempt
from batches.eventlog import EventLog
from batches.events import BatchStarted, Event, ExecutionStarted, Member, NodeEnded, NodeStarted, NodeStatus
from batches.local import LocalEngine
from batches.pool import BrowserPool
from batches.request import BatchRequest, WorkItem
from batches.runner import Runner
from batches.spec import ExecutionSpec
from batches.tinydb_store import TinyDbStore
from batchwright.loading import keep_loaded
from benchmarks.figures import Figure, Report, arguments
from nodes.catalogue import default_registry

__all__ = ["main"]

LEAST_NODES: Final = 5_000
"""Nodes a second, through everything."""

_STEP_S: Final = 0.005
"""How often the event loop's delay is looked at."""

_PAIRS: Final = 5_000

Document = dict[str, Any]


def value_nodes(count: int) -> Document:
    """A chain of value nodes."""
    return _document([(f"v{number}", "intValue", {"value": number}) for number in range(count)])


def switches(count: int) -> Document:
    """A chain of switches that take their default branch."""
    data = {
        "cases": [{"id": "one", "label": "One", "condition": _smaller("missing", 1)}],
        "defaultCase": {"label": "Else"},
    }
    return _document([(f"s{number}", "switch.switch", data) for number in range(count)], handle="default")


def loop(iterations: int) -> Document:
    """A loop around a value node, a text with references and a switch: three nodes in each iteration."""
    branch = {
        "cases": [{"id": "low", "label": "Low", "condition": _smaller("index", 100)}],
        "defaultCase": {"label": "High"},
    }
    return _document(
        [
            (
                "loop",
                "loop",
                {
                    "mode": "doWhile",
                    "condition": _smaller("index", iterations - 1),
                    "maxIterations": iterations + 1,
                },
            ),
            ("number", "intValue", {"value": "${variables.index}"}),
            ("text", "stringValue", {"value": "Row ${variables.index} of ${data.executionId}"}),
            ("branch", "switch.switch", branch),
        ]
    )


def _smaller(variable: str, limit: int) -> Document:
    return {
        "type": "variable",
        "variableName": variable,
        "comparisonOperator": "lessThan",
        "comparisonValue": limit,
    }


def _document(steps: Sequence[tuple[str, str, Mapping[str, Any]]], handle: str = "output") -> Document:
    nodes = [("start", "start", {}), *steps]
    return {
        "nodes": [
            {"id": name, "type": kind, "position": {"x": 0, "y": 0}, "data": dict(data)}
            for name, kind, data in nodes
        ],
        "edges": [
            {
                "id": f"e{number}",
                "source": a[0],
                "target": b[0],
                "sourceHandle": handle if a[1] == "switch.switch" else "output",
                "targetHandle": "driver",
            }
            for number, (a, b) in enumerate(itertools.pairwise(nodes))
        ],
    }


async def _engine_alone(document: Document, folder: Path) -> int:
    """Nodes that ran, by one attempt whose events go nowhere."""
    done = 0

    def take(event: Event) -> None:
        nonlocal done
        done += isinstance(event, NodeEnded)

    spec = ExecutionSpec(
        execution_id="exec-1-1",
        batch_id="batch-1",
        workflow_file_name="flow.json",
        workflow=document,
        output=str(folder / "exec-1-1"),
        artifacts="batches/batch-1/exec-1-1",
        root=str(folder),
    )
    pool = BrowserPool()
    await Attempt(spec, default_registry(), pool, take).run()
    await pool.close()
    return done


async def _through_everything(document: Document, folder: Path) -> int:
    """Nodes that ran, as the command line runs them, until their results are on the disk."""
    async with TinyDbStore(folder) as store:
        engine = LocalEngine(default_registry(), BrowserPool(), slots=1)
        runner = Runner(store=store, engine=engine, output=folder, root=folder)
        await runner.start()
        try:
            request = BatchRequest(items=(WorkItem("flow.json", "flow.json", document),))
            state = await runner.wait((await runner.submit(request)).batch_id)
        finally:
            await runner.close()
    if state.counts.completed != 1:
        raise AssertionError(f"it did not pass: {next(iter(state.executions.values())).error}")
    return sum(execution.nodes_seen for execution in state.executions.values())


Work = Callable[[Document, Path], Coroutine[Any, Any, int]]


async def _measured(work: Work, document: Document) -> tuple[float, float]:
    """Nodes a second of processor time, and the longest that the event loop was busy at a stretch, ms.

    That counts as processor time, too: what other processes take says nothing about us.
    """
    with tempfile.TemporaryDirectory(prefix="batchwright-overhead-") as folder:
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            while True:
                before = time.thread_time()
                await asyncio.sleep(_STEP_S)
                longest = max(longest, time.thread_time() - before)

        watching = asyncio.create_task(watch(), name="watch the loop")
        await asyncio.sleep(0)
        used = time.process_time()
        count = await work(document, Path(folder))
        taken = time.process_time() - used
        await asyncio.sleep(0)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        return count / taken, 1000 * longest


async def _events_alone() -> float:
    """Events a second of processor time through log, state and journal."""
    with tempfile.TemporaryDirectory(prefix="batchwright-overhead-") as folder:
        async with TinyDbStore(Path(folder)) as store:
            log = EventLog(store)
            await log.start()
            place = await store.reserve(1)
            name = f"exec-{place.batch_id.removeprefix('batch-')}-1"
            ids: dict[str, Any] = {"batch_id": place.batch_id, "execution_id": name}
            member = Member(execution_id=name, alias=1, workflow_file_name="f.json", workflow_path="f.json")
            log.append(BatchStarted(batch_id=place.batch_id, members=(member,)))
            log.append(ExecutionStarted(**ids))
            used = time.process_time()
            for number in range(_PAIRS):
                node: dict[str, Any] = {"node_id": f"n{number}", "node_type": "action", "node_label": "Click"}
                log.append(NodeStarted(**ids, **node))
                log.append(NodeEnded(**ids, **node, status=NodeStatus.COMPLETED, duration_ms=12.5))
                await asyncio.sleep(0)
            await log.flush()
            taken = time.process_time() - used
            await log.close()
    return 2 * _PAIRS / taken


async def _collect(iterations: int, rounds: int) -> list[Figure]:
    documents = {
        "chain of 1,000 value nodes": value_nodes(1_000),
        "chain of 1,000 switches": switches(1_000),
        f"loop of {iterations:,} iterations, 3 nodes each": loop(iterations),
    }
    figures = []
    for name, document in documents.items():
        engine, whole, stalls = [], [], []
        for _ in range(rounds):
            engine.append((await _measured(_engine_alone, document))[0])
            speed, stall = await _measured(_through_everything, document)
            whole.append(speed)
            stalls.append(stall)
        figures += [
            Figure.of(f"{name}: engine alone", engine, "nodes/s"),
            Figure.of(
                f"{name}: with log, state and journal", whole, "nodes/s", target=LEAST_NODES, at_least=True
            ),
            Figure.of(f"{name}: longest the event loop was busy", stalls, "ms"),
        ]
    speeds = [await _events_alone() for _ in range(rounds)]
    return [*figures, Figure.of("events through log, state and journal", speeds, "events/s")]


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON if asked."""
    given = arguments(__doc__, iterations=10_000, rounds=5).parse_args(arguments_given)
    keep_loaded()  # as the command line does
    figures = asyncio.run(_collect(given.iterations, given.rounds))
    title = "Without a browser, per second of processor time of the whole process"
    Report("overhead", title, figures).finish(given.json)


if __name__ == "__main__":
    main()
