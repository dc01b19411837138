"""Runs the benchmarks one after the other, and writes their figures into the documentation.

The figures of each are kept in ``benchmarks/results.json``, so that one of them may be measured again alone.
On a quiet machine all of them take about an hour, most of it the history and the long run.

    python -m benchmarks.everything [--only NAME ...] [--table-only] [-- OPTIONS OF THE BENCHMARK]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure

__all__ = ["BENCHMARKS", "main", "table"]

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results.json"
PAGE: Final = ROOT / "docs" / "performance.md"

BENCHMARKS: Final = ("throughput", "overhead", "fanout", "history", "soak", "dashboard")
"""In the order in which they run and are shown."""

_BLOCK: Final = re.compile(r"<!-- measured -->\n.*?<!-- /measured -->", re.DOTALL)
_FIELDS: Final = ("name", "value", "unit", "low", "high", "target", "at_least")


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures of all benchmarks in Markdown, a table for each.

    Args:
        results: What each wrote with ``--json``, by its name.
    """
    parts = []
    for name in (name for name in BENCHMARKS if name in results):
        result = results[name]
        figures = [Figure(**{field: item[field] for field in _FIELDS}) for item in result["figures"]]
        rows = ["| " + " | ".join(figure.cells) + " |" for figure in figures]
        parts += [
            f"### {name}",
            "",
            _caption(result),
            "",
            "| | value | spread | target | reached |",
            "| --- | ---: | ---: | ---: | --- |",
            *rows,
            "",
            *(f"{note}\n" for note in result["notes"]),
        ]
    return "\n".join(parts).rstrip()


def _caption(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{result['title']}. {machine['cpus']} processors, Python {machine['python']}, "
        f"load {machine['load'][0]:.1f} at its end."
    )


def _measure(name: str, options: Sequence[str]) -> dict[str, Any]:
    """Run one benchmark in a process of its own; what it wrote, without the raw measurements."""
    with tempfile.TemporaryDirectory(prefix="batchwright-benchmarks-") as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", f"--json={file}", *options]
        subprocess.run(command, cwd=ROOT, check=True)
        result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    result.pop("runs", None)
    return result


def _write(results: Mapping[str, Mapping[str, Any]]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    if not _BLOCK.search(page):
        raise SystemExit(f"{PAGE} has no place for the tables")
    block = f"<!-- measured -->\n\n{table(results)}\n\n<!-- /measured -->"
    PAGE.write_text(_BLOCK.sub(lambda _found: block, page), encoding="utf-8")


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Measure, keep the figures, and renew the page after each benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, metavar="NAME")
    parser.add_argument("--table-only", action="store_true", help="write the page from the kept figures")
    parser.add_argument("options", nargs="*", help="passed on to the benchmark")
    given = parser.parse_args(arguments_given)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in () if given.table_only else given.only:
        print(f"{name}:", file=sys.stderr)
        results[name] = _measure(name, given.options)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        _write(results)
    _write(results)


if __name__ == "__main__":
    main()
