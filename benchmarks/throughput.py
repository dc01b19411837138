"""Throughput of a folder of browser workflows against what else one would run them with.

Runs N copies of a 7-node flow by Batchwright, by a plain Playwright asyncio script (one shared browser, a fresh
context each), and by ``@playwright/test`` from npm with the same steps as spec files. All use the same browser
binary, take turns, and run in a fresh process each. A ratio of 1.00 means that we cost nothing.

    python -m benchmarks.throughput [--copies 100] [--rounds 3] [--workers 1 2 4 8] [--json FILE]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from batchwright.demo_site import serve_site
from benchmarks import npm_side
from benchmarks.figures import Figure, Report, arguments
from benchmarks.meter import KINDS, Meter

__all__ = ["main", "measure"]

ROOT: Final = Path(__file__).resolve().parents[1]
OURS: Final = "batchwright"
PLAIN: Final = "plain"
NPM: Final = "playwright-test"

JUDGED_WORKERS: Final = 4
JUDGED_TIMES: Final = 3
"""So many times the rounds are made where we are judged: one round differs from the next by more than the margin."""

MOST_RATIO: Final = 1.0
MOST_MEMORY_MB: Final = 60.0
"""More than the plain script at the same number of workers."""

Runs = Sequence[dict[str, Any]]


async def measure(
    side: str, base_url: str, copies: int, workers: int, *, memory: bool = False
) -> dict[str, Any]:
    """One run in a fresh process: wall and processor time in seconds, memory in MB.

    Args:
        side: Who runs the flow.
        base_url: The site that it visits.
        copies: How often it runs.
        workers: How many at a time.
        memory: Whether to read memory, which disturbs the times.

    Raises:
        SystemExit: Not every copy passed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.worker",
        side,
        base_url,
        str(copies),
        str(workers),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    meter = Meter(process.pid, memory=memory)
    watching = asyncio.create_task(meter.watch(), name="meter")
    output, errors = await process.communicate()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    if process.returncode != 0:
        raise SystemExit(f"{side} with {workers} workers failed:\n{errors.decode()}")
    said: dict[str, float] = json.loads(output.splitlines()[-1])
    cpu = meter.cpu(said["cpu_s"])
    return {
        "side": side,
        "workers": workers,
        "copies": copies,
        "wall_s": said["wall_s"],
        "cpu_s": sum(cpu.values()),
        "cpu_by_kind_s": cpu,
        "memory_mb": meter.memory_mb,
    }


async def collect(
    sides: Sequence[str], copies: int, rounds: int, worker_counts: Sequence[int]
) -> list[dict[str, Any]]:
    """Every measurement; the sides take turns, so that a change of the machine's mood hits all."""
    runs = []
    async with serve_site(ROOT / "examples" / "site") as base_url:
        for side in sides:
            await measure(side, base_url, 4, 2)
        for workers in worker_counts:
            times = JUDGED_TIMES if workers == JUDGED_WORKERS else 1
            for number in range(rounds * times):
                # The third side is far off its target, so it takes part in the first rounds only.
                some = sides if number < rounds else sides[:2]
                first = number % len(some)
                for side in (*some[first:], *some[:first]):
                    run = await measure(side, base_url, copies, workers)
                    runs.append({"round": number, **run})
                    print(f"  {side}, {workers} workers: {run['wall_s']:.2f} s", file=sys.stderr)
            runs += [
                {"round": None, **await measure(side, base_url, copies, workers, memory=True)}
                for side in sides
            ]
    return runs


def figures_of(runs: Runs, sides: Sequence[str]) -> list[Figure]:
    """The ratios to each other side at each number of workers, and the difference in memory."""
    figures = []
    for workers in sorted({run["workers"] for run in runs}):
        judged = workers == JUDGED_WORKERS
        for other in sides[1:]:
            for key, what in (("wall_s", "wall"), ("cpu_s", "CPU")):
                mine, theirs = (_timed(runs, side, workers) for side in (OURS, other))
                # A side that did not take part in the last rounds has fewer of them.
                ratios = [a[key] / b[key] for a, b in zip(mine, theirs, strict=False)]
                target = MOST_RATIO if judged and key == "wall_s" else None
                figures.append(Figure.of(f"{workers} workers: {what} against {other}", ratios, target=target))
        more = _memory(runs, OURS, workers) - _memory(runs, PLAIN, workers)
        target = MOST_MEMORY_MB if judged else None
        figures.append(
            Figure(f"{workers} workers: memory beyond {PLAIN}", round(more, 1), "MB", target=target)
        )
    return figures


def show(runs: Runs, sides: Sequence[str]) -> None:
    """Print what each side took, per workflow."""
    table = Table(
        title="ms per workflow, medians; memory is the largest of the whole tree", title_justify="left"
    )
    for column in ("workers", "side", "wall", "CPU", *KINDS, "memory"):
        table.add_column(column, justify="left" if column == "side" else "right")
    for workers in sorted({run["workers"] for run in runs}):
        for side in sides:
            timed = _timed(runs, side, workers)
            each = 1000 / timed[0]["copies"]
            kinds = [statistics.median(run["cpu_by_kind_s"][kind] for run in timed) * each for kind in KINDS]
            table.add_row(
                str(workers),
                side,
                f"{statistics.median(run['wall_s'] for run in timed) * each:.0f}",
                f"{statistics.median(run['cpu_s'] for run in timed) * each:.0f}",
                *(f"{value:.0f}" for value in kinds),
                f"{_memory(runs, side, workers):.0f} MB",
            )
    Console(width=110).print(table)


def _timed(runs: Runs, side: str, workers: int) -> list[dict[str, Any]]:
    found = [run for run in runs if (run["side"], run["workers"]) == (side, workers)]
    return sorted((run for run in found if run["round"] is not None), key=lambda run: int(run["round"]))


def _memory(runs: Runs, side: str, workers: int) -> float:
    return max(float(run["memory_mb"]) for run in runs if (run["side"], run["workers"]) == (side, workers))


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON if asked."""
    parser = arguments(__doc__, copies=100, rounds=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--without-npm", action="store_true", help="leave @playwright/test out")
    given = parser.parse_args(arguments_given)
    missing = "@playwright/test was left out" if given.without_npm else npm_side.why_not()
    sides = [OURS, PLAIN] if missing else [OURS, PLAIN, NPM]
    if not missing:
        npm_side.install()
    runs = asyncio.run(collect(sides, given.copies, given.rounds, given.workers))
    show(runs, sides)
    notes = [missing] if missing else []
    if JUDGED_WORKERS in given.workers:
        notes.append(f"At {JUDGED_WORKERS} workers {given.rounds * JUDGED_TIMES} rounds against {PLAIN}.")
    report = Report(
        "throughput",
        f"{given.copies} copies of a 7-node flow, ratios of {given.rounds} rounds",
        figures_of(runs, sides),
        notes,
        list(runs),
    )
    report.finish(given.json)


if __name__ == "__main__":
    main()
