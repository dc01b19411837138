"""Fan-out: how late events reach Socket.IO clients, and what that costs the server.

1, 10, 100 and 1,000 clients in processes of their own watch 500 events a second, which is about 1,000 messages a
second for each. The age of a message counts from its event to its arrival in the client, its process included.
One more client never reads: it must slow nobody.

    python -m benchmarks.fanout [--seconds 10] [--rate 500] [--clients 1 10 100 1000] [--json FILE]
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

from benchmarks.event_source import ROOT, SourceProcess
from benchmarks.figures import Figure, Report, arguments

__all__ = ["main"]

JUDGED_CLIENTS: Final = 1_000
MOST_P99_MS: Final = 100.0

_PER_PROCESS: Final = 500
_EXECUTIONS: Final = 20
_WARM_UP_S: Final = 2.0
_LAST_S: Final = 1.0


class _Clients:
    """Client processes."""

    def __init__(self) -> None:
        self._processes: list[asyncio.subprocess.Process] = []

    async def connect(self, url: str, count: int) -> None:
        """Connect so many that read, and one that does not."""
        sizes = [min(_PER_PROCESS, count - first) for first in range(0, count, _PER_PROCESS)]
        for number, size in enumerate(sizes):
            mute = 1 if number == 0 else 0
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "benchmarks.watchers",
                url,
                str(size + mute),
                f"--mute={mute}",
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=2**22,
            )
            self._processes.append(process)
        for process in self._processes:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            if (await process.stdout.readline()).strip() != b"ready":
                raise SystemExit("clients could not connect")

    async def end(self) -> list[dict[str, Any]]:
        """What each process saw."""
        found = [await process.communicate(b"\n") for process in self._processes]
        return [json.loads(output) for output, _ in found]


async def measure(count: int, rate: int, seconds: int) -> dict[str, Any]:
    """Latency, processor time and memory with so many clients."""
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(SourceProcess.started(rate=rate, executions=_EXECUTIONS))
        await source.go(_WARM_UP_S)
        before_mb = source.memory_mb
        clients = _Clients()
        await clients.connect(source.url, count)
        made = await source.go(seconds)
        memory_mb = source.memory_mb
        await asyncio.sleep(_LAST_S)
        seen = await clients.end()
    ages: Counter[int] = Counter()
    for part in seen:
        ages.update({int(age): number for age, number in part["ages_ms"].items()})
    sizes = [size for part in seen for size in part["bytes"]]
    return {
        "clients": count,
        "events": made["events"],
        "p50_ms": _share(ages, 0.5),
        "p99_ms": _share(ages, 0.99),
        "most_ms": max(ages, default=0),
        "cpu_share": made["cpu_s"] / made["seconds"],
        "memory_mb": memory_mb - before_mb,
        "bytes_least": min(sizes),
        "bytes_most": max(sizes),
    }


def _share(ages: Counter[int], share: float) -> int:
    left = share * ages.total()
    for age in sorted(ages):
        left -= ages[age]
        if left <= 0:
            return age
    return 0


def figures_of(runs: Sequence[dict[str, Any]]) -> list[Figure]:
    """Latencies, processor time and memory for each number of clients."""
    figures = []
    for run in runs:
        name = f"{run['clients']} clients and one that never reads"
        target = MOST_P99_MS if run["clients"] == JUDGED_CLIENTS else None
        figures += [
            Figure(f"{name}: p50", run["p50_ms"], "ms"),
            Figure(f"{name}: p99", run["p99_ms"], "ms", target=target),
            Figure(f"{name}: server CPU", round(100 * run["cpu_share"]), "% of a core"),
            Figure(f"{name}: server memory for it", round(run["memory_mb"], 1), "MB"),
            Figure(f"{name}: least of what one got", 100 * run["bytes_least"] / run["bytes_most"], "%"),
        ]
    return figures


async def _collect(counts: Sequence[int], rate: int, seconds: int) -> list[dict[str, Any]]:
    runs = []
    for count in counts:
        run = await measure(count, rate, seconds)
        print(f"  {count} clients: p99 {run['p99_ms']} ms", file=sys.stderr)
        runs.append(run)
    return runs


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON if asked."""
    parser = arguments(__doc__, seconds=10, rate=500)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 10, 100, 1000])
    given = parser.parse_args(arguments_given)
    runs = asyncio.run(_collect(given.clients, given.rate, given.seconds))
    title = f"{given.rate} events a second for {given.seconds} s"
    Report("fanout", title, figures_of(runs), runs=list(runs)).finish(given.json)


if __name__ == "__main__":
    main()
