"""The log files of executions with trace logs (api.md, section 8).

::

    <output>/logs/<name>-<dd>-<mm>-<yy>-<HH>-<MM>-<SS>-terminal.log   log lines and node results
    <output>/logs/<name>-<dd>-<mm>-<yy>-<HH>-<MM>-<SS>-console.txt    what pages wrote to their console

Times are the machine's local ones.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Final

from batches.events import ExecutionEnded, LogLine, NodeEnded
from batches.reports.model import report_name
from batches.state import ExecutionState

__all__ = ["CONSOLE", "KEPT", "TraceFiles"]

CONSOLE: Final = "console"
"""Level of the log lines that hold a message of a page's console."""

KEPT: Final = 10
"""So many executions' log files are kept."""

LIMIT_S: Final = 5.0
"""How long writing may hold up the end of an execution, seconds."""

_LONGEST_NAME: Final = 100
_OURS: Final = re.compile(r"(.+-\d\d-\d\d-\d\d-\d\d-\d\d-\d\d(?:-\d+)?)-(?:terminal\.log|console\.txt)")


class TraceFiles:
    """Writes log files.

    Args:
        folder: Where they go; it need not exist.
        is_running: Whether a batch still runs; its files are not deleted to make room.
    """

    def __init__(self, folder: Path, is_running: Callable[[str], bool]) -> None:
        self._folder = folder
        self._is_running = is_running
        self._batch_of: dict[str, str] = {}
        self._alone = asyncio.Lock()

    async def write(
        self, execution: ExecutionState, end: ExecutionEnded, workflow: Mapping[str, object]
    ) -> list[str]:
        """Write the files of an execution that ends, and delete the oldest ones.

        Returns:
            What went wrong, for people.
        """
        try:
            async with asyncio.timeout(LIMIT_S), self._alone:
                await asyncio.to_thread(self._write, execution, end, workflow)
        except TimeoutError:
            return [f"The log files were not written within {LIMIT_S:g} s"]
        except OSError as error:
            return [f"No log files: {error}"]
        return []

    def _write(self, execution: ExecutionState, end: ExecutionEnded, workflow: Mapping[str, object]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = report_name(execution.member.workflow_file_name, workflow)[:_LONGEST_NAME]
        first = f"{name}-{_local(execution.started_at or end.timestamp):%d-%m-%y-%H-%M-%S}"
        stems = chain([first], (f"{first}-{number}" for number in count(2)))
        stem = next(stem for stem in stems if not (self._folder / f"{stem}-terminal.log").exists())
        (self._folder / f"{stem}-terminal.log").write_text(_text(_terminal(execution, end)), "utf-8")
        (self._folder / f"{stem}-console.txt").write_text(_text(_console(execution)), "utf-8")
        self._batch_of[stem] = end.batch_id
        self._retain()

    async def delete(self, batch_ids: Collection[str] | None) -> None:
        """Delete the files of these batches, as far as this process wrote them; None means of all but what runs.

        Raises:
            OSError: A file cannot be deleted.
        """
        async with self._alone:
            await asyncio.to_thread(self._delete, batch_ids)

    def _retain(self) -> None:
        written = self._written()
        newest = sorted(written, key=lambda stem: written[stem][0].stat().st_mtime_ns, reverse=True)
        for stem in newest[KEPT:]:
            self._drop(stem, written[stem])

    def _delete(self, batch_ids: Collection[str] | None) -> None:
        for stem, files in self._written().items():
            if batch_ids is None or self._batch_of.get(stem) in batch_ids:
                self._drop(stem, files)

    def _written(self) -> dict[str, list[Path]]:
        written: dict[str, list[Path]] = {}
        for file in self._folder.iterdir() if self._folder.is_dir() else ():
            match = _OURS.fullmatch(file.name)
            if match is not None:
                written.setdefault(match[1], []).append(file)
        return written

    def _drop(self, stem: str, files: list[Path]) -> None:
        if not self._is_running(self._batch_of.get(stem, "")):
            self._batch_of.pop(stem, None)
            for file in files:
                file.unlink(missing_ok=True)


def _terminal(execution: ExecutionState, end: ExecutionEnded) -> Iterator[str]:
    items: list[LogLine | NodeEnded] = [line for line in execution.log if line.level != CONSOLE]
    for item in sorted([*items, *execution.nodes], key=lambda item: (item.timestamp, item.seq)):
        yield f"{_clock(item.timestamp)} {_said(item)}"
    why = f": {end.error.message}" if end.error is not None else ""
    yield f"{_clock(end.timestamp)} [info] execution {end.execution_id} {end.status}{why}"


def _said(item: LogLine | NodeEnded) -> str:
    if isinstance(item, LogLine):
        return f"[{item.level}] {item.message}"
    why = item.error.message if item.error is not None else item.message
    level = "error" if item.error is not None else "info"
    title = f"{item.node_label or item.node_type} ({item.node_id})"
    return f"[{level}] {title} {item.status} in {item.duration_ms:.0f} ms" + (f": {why}" if why else "")


def _console(execution: ExecutionState) -> Iterator[str]:
    return (f"{_clock(line.timestamp)} {line.message}" for line in execution.log if line.level == CONSOLE)


def _text(lines: Iterator[str]) -> str:
    return "".join(f"{line.encode('utf-8', 'replace').decode('utf-8')}\n" for line in lines)


def _clock(timestamp: int) -> str:
    return _local(timestamp).isoformat(sep=" ", timespec="milliseconds")


def _local(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp / 1000).astimezone()
