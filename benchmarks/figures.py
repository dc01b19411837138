"""Figures that a benchmark prints and writes: each with its unit, its spread and its target."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Figure", "Report", "arguments", "percentile"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured.
        value: The number; the median where there were rounds.
        unit: Its unit; empty for a ratio.
        low: Smallest of the rounds.
        high: Largest of the rounds.
        target: What it should reach; None for a number that only informs.
        at_least: Whether it should be at least the target; otherwise at most.
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    target: float | None = None
    at_least: bool = False

    @classmethod
    def of(cls, name: str, rounds: Sequence[float], unit: str = "", **more: Any) -> Figure:
        """Median and spread of some rounds."""
        return cls(name, statistics.median(rounds), unit, min(rounds), max(rounds), **more)

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its target; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, value, spread, target and verdict as text."""
        spread = "" if self.low is None or self.high is None else f"{_text(self.low)} to {_text(self.high)}"
        sign = "at least" if self.at_least else "at most"
        target = "" if self.target is None else f"{sign} {_text(self.target)}"
        verdict = {True: "yes", False: "no", None: ""}[self.reached]
        return self.name, f"{_text(self.value)} {self.unit}".strip(), spread, target, verdict


@dataclass(slots=True)
class Report:
    """The figures of one benchmark.

    Attributes:
        benchmark: Its name, that of its module.
        title: What the table shows.
        figures: In the order in which they are shown.
        notes: What was left out, and other remarks.
        runs: Raw measurements, for the JSON only.
    """

    benchmark: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: list[Mapping[str, Any]] = field(default_factory=list)

    def finish(self, file: Path | None) -> None:
        """Print the table, and write the JSON if a file is given."""
        table = Table(title=self.title, title_justify="left")
        for column in ("", "value", "spread", "target", "reached"):
            table.add_column(column, justify="left" if not column else "right")
        for figure in self.figures:
            table.add_row(*figure.cells)
        console = Console(width=110)
        console.print(table)
        for note in self.notes:
            console.print(note)
        if file is not None:
            file.write_text(json.dumps(self.document(), indent=2) + "\n", encoding="utf-8")

    def document(self) -> dict[str, Any]:
        """As JSON: the figures, the raw measurements, and the machine they were taken on."""
        return {
            "benchmark": self.benchmark,
            "title": self.title,
            "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()},
            "figures": [{**asdict(figure), "reached": figure.reached} for figure in self.figures],
            "notes": self.notes,
            "runs": self.runs,
        }


def arguments(documentation: str | None, **numbers: int) -> argparse.ArgumentParser:
    """A parser with ``--json`` and an option for each of some numbers, with its default."""
    parser = argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of all lies; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def _text(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
