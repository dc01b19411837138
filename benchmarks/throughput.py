"""Throughput of a folder of browser workflows against a plain Playwright script.

Runs N copies of a 7-node flow at 1, 2 and 4 workers, by Batchwright and by an asyncio script with one shared
browser and one context per run, with the same browser binary, in alternation, each in a fresh process.
Prints medians per workflow and the ratio of the two; a ratio of 1.00 means that we cost nothing.

    python benchmarks/throughput.py [--copies 40] [--rounds 5] [--workers 1 2 4] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from batchwright.demo_site import serve_site  # noqa: E402 - the checkout comes first on the path

SIDES = ("plain", "batchwright")


async def measure(side: str, base_url: str, copies: int, workers: int) -> dict[str, float]:
    """One run in a fresh process; seconds."""
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
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"{side} with {workers} workers failed")
    measured: dict[str, float] = json.loads(output.splitlines()[-1])
    return measured


async def collect(copies: int, rounds: int, worker_counts: list[int]) -> list[dict[str, Any]]:
    """Every measurement; the sides take turns, so that a change of the machine's mood hits both."""
    rows = []
    async with serve_site(ROOT / "examples" / "site") as base_url:
        for side in SIDES:
            await measure(side, base_url, 4, 2)
        for workers in worker_counts:
            for number in range(rounds):
                for side in SIDES if number % 2 == 0 else SIDES[::-1]:
                    result = await measure(side, base_url, copies, workers)
                    rows.append(
                        {"side": side, "workers": workers, "round": number, "copies": copies, **result}
                    )
                    print(f"  {side}, {workers} workers: {result['wall_s']:.2f} s", file=sys.stderr)
    return rows


def summarise(rows: list[dict[str, Any]], copies: int) -> list[dict[str, Any]]:
    """Medians per workflow in ms, the median of the per-round ratios, and their spread."""
    table = []
    for workers in sorted({row["workers"] for row in rows}):
        mine = {
            row["round"]: row for row in rows if row["workers"] == workers and row["side"] == "batchwright"
        }
        plain = {row["round"]: row for row in rows if row["workers"] == workers and row["side"] == "plain"}
        ratios = [mine[number]["wall_s"] / plain[number]["wall_s"] for number in mine]
        entry: dict[str, Any] = {"workers": workers, "ratio": statistics.median(ratios)}
        entry["ratio_low"], entry["ratio_high"] = min(ratios), max(ratios)
        for side, chosen in (("plain", plain), ("batchwright", mine)):
            values = list(chosen.values())
            entry[f"{side}_wall_ms"] = statistics.median(v["wall_s"] for v in values) * 1000 / copies
            entry[f"{side}_cpu_ms"] = (
                statistics.median(v["cpu_self_s"] + v["cpu_children_s"] for v in values) * 1000 / copies
            )
            entry[f"{side}_python_ms"] = statistics.median(v["cpu_self_s"] for v in values) * 1000 / copies
        table.append(entry)
    return table


def show(summary: list[dict[str, Any]], copies: int, rounds: int) -> None:
    """Print the table."""
    table = Table(title=f"{copies} copies of a 7-node flow, medians of {rounds} rounds, ms per workflow")
    for column in (
        "workers",
        "plain wall",
        "ours wall",
        "ratio",
        "spread",
        "plain CPU",
        "ours CPU",
        "Python plain",
        "ours",
    ):
        table.add_column(column, justify="right")
    for entry in summary:
        table.add_row(
            str(entry["workers"]),
            f"{entry['plain_wall_ms']:.0f}",
            f"{entry['batchwright_wall_ms']:.0f}",
            f"{entry['ratio']:.2f}",
            f"{entry['ratio_low']:.2f}-{entry['ratio_high']:.2f}",
            f"{entry['plain_cpu_ms']:.0f}",
            f"{entry['batchwright_cpu_ms']:.0f}",
            f"{entry['plain_python_ms']:.0f}",
            f"{entry['batchwright_python_ms']:.0f}",
        )
    Console(width=120).print(table)


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = asyncio.run(collect(arguments.copies, arguments.rounds, arguments.workers))
    summary = summarise(rows, arguments.copies)
    show(summary, arguments.copies, arguments.rounds)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"runs": rows, "summary": summary}, indent=2) + "\n")


if __name__ == "__main__":
    main()
