"""A long time in one server: whether memory, open files, processes and browsers grow.

One server runs 2,000 executions of a 7-node flow in a browser, in batches one after the other. It is looked at
between batches, when nothing runs: after the first ones, which fill the caches, and after the last.

    python -m benchmarks.soak [--executions 2000] [--batch 80] [--workers 4] [--json FILE]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Final

from batchwright.demo_site import serve_site
from benchmarks.figures import Figure, Report, arguments
from benchmarks.flow import workflow_document
from benchmarks.served import ROOT, Served, Size, served

__all__ = ["main"]

MOST_GROWTH: Final = 5.0
"""Percent."""

WARM_UP: Final = 0.25
"""Share of the executions after which the first look counts."""

_LOOKS: Final = 5
"""The median of so many looks counts, at the beginning and at the end."""

_POLL_S: Final = 0.25


async def run_batch(server: Served, base_url: str, size: int, workers: int) -> None:
    """Run one batch to its end.

    Raises:
        AssertionError: Not all passed.
    """
    accepted = await server.post(
        "/execute",
        {
            "workflows": [workflow_document()] * size,
            "executionMode": "parallel",
            "workers": workers,
            "variables": {"baseUrl": base_url},
        },
    )
    batch = await server.get(f"/execution/batch/{accepted['batchId']}")
    while batch["status"] == "running":
        await asyncio.sleep(_POLL_S)
        batch = await server.get(f"/execution/batch/{accepted['batchId']}")
    if batch["completed"] != size:
        raise AssertionError(f"not all passed: {batch['status']}")


async def _collect(executions: int, batch: int, workers: int) -> list[Size]:
    sizes = []
    with tempfile.TemporaryDirectory(prefix="batchwright-soak-") as name:
        async with (
            serve_site(ROOT / "examples" / "site") as base_url,
            served(Path(name), f"--workers={workers}") as server,
        ):
            for number in range(executions // batch):
                await run_batch(server, base_url, batch, workers)
                sizes.append(server.size())
                print(f"  {(number + 1) * batch}: {sizes[-1].memory_mb:.1f} MB", file=sys.stderr)
            await server.browsers_closed()
            sizes.append(server.size())
    return sizes


def figures_of(sizes: Sequence[Size]) -> list[Figure]:
    """Growth of each number between the end of the warm-up and the end; what is left once nothing ran for long."""
    *working, idle = sizes
    warm = min(int(len(working) * WARM_UP), max(0, len(working) - 2 * _LOOKS))
    figures = []
    for what, unit in (("memory_mb", "MB"), ("files", ""), ("processes", ""), ("browsers", "")):
        values = [float(asdict(size)[what]) for size in working]
        before, after = median(values[warm : warm + _LOOKS]), median(values[-_LOOKS:])
        name = what.removesuffix("_mb")
        figures += [
            Figure(f"{name} after the warm-up", before, unit),
            Figure(f"{name} at the end", after, unit),
            Figure(f"{name}: growth", 100 * (after - before) / max(before, 1), "%", target=MOST_GROWTH),
        ]
    return [*figures, Figure("browsers once nothing ran for a while", idle.browsers, target=0)]


def _opened(sizes: Sequence[Size]) -> str:
    """What was open at some looks of the second half and not at others."""
    looks = [size.kinds for size in sizes[len(sizes) // 2 : -1]]
    names = sorted({name for look in looks for name in look})
    spread = {name: [look.get(name, 0) for look in looks] for name in names}
    moved = [f"{name} {min(seen)} to {max(seen)}" for name, seen in spread.items() if min(seen) != max(seen)]
    return f"Open files that changed between looks in the second half: {', '.join(moved) or 'none'}."


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Run, print, and write JSON if asked."""
    given = arguments(__doc__, executions=2_000, batch=80, workers=4).parse_args(arguments_given)
    sizes = asyncio.run(_collect(given.executions, given.batch, given.workers))
    title = f"{given.executions:,} executions in one server, {given.workers} at a time"
    report = Report("soak", title, figures_of(sizes), runs=[asdict(size) for size in sizes])
    report.notes.append(_opened(sizes))
    report.finish(given.json)


if __name__ == "__main__":
    main()
