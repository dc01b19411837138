"""Writing the reports of an execution at its end, and deleting the oldest ones.

Nothing here ever changes how an execution ends: what goes wrong is a warning in its log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batches.errors import StoreError
from batches.events import ExecutionEnded, now_ms
from batches.reports.config import ReportConfig
from batches.reports.marker import Marker, write_marker
from batches.reports.model import Report, report_name, report_of
from batches.reports.renderers import RENDERERS
from batches.reports.shelf import Shelf
from batches.state import ExecutionState

__all__ = ["ReportJob", "Reporter"]

LIMIT_S: Final = 8.0
"""How long writing may hold up the end of an execution, seconds; it goes on behind its back."""

_MEDIA: Final = ("screenshots", "snapshots", "videos")

logger = logging.getLogger("batchwright.reports")


@dataclass(frozen=True, slots=True)
class ReportJob:
    """What to report.

    Attributes:
        config: Which reports, and how many folders to keep.
        output_path: Where report folders go, absolute.
        execution: The execution just before its end.
        end: How it ends.
        workflow: Its document.
        artifacts: The execution's own folder, absolute.
        prefix: How paths below that folder begin in events.
    """

    config: ReportConfig
    output_path: Path
    execution: ExecutionState
    end: ExecutionEnded
    workflow: Mapping[str, object]
    artifacts: Path
    prefix: str


class Reporter:
    """Writes reports.

    Args:
        shelf: Knows where reports are.
        is_running: Whether a batch still runs; its reports are not deleted by retention.
    """

    def __init__(self, shelf: Shelf, is_running: Callable[[str], bool]) -> None:
        self._shelf = shelf
        self._is_running = is_running
        self._retaining = asyncio.Lock()

    async def write(self, job: ReportJob) -> list[str]:
        """Write the reports of an execution; returns what went wrong, for people."""
        writing = asyncio.create_task(self._write(job), name=f"report {job.execution.execution_id}")
        try:
            async with asyncio.timeout(LIMIT_S):
                return await asyncio.shield(writing)
        except TimeoutError:
            return [f"The reports were not written within {LIMIT_S:g} s"]

    async def _write(self, job: ReportJob) -> list[str]:
        try:
            folder, problems = await asyncio.to_thread(self._write_folder, job)
            self._shelf.remember(job.execution.execution_id, folder)
            await self._retain(job)
        except (OSError, StoreError) as error:
            return [f"No reports: {error}"]
        except Exception as error:  # a fault of ours must not change the result
            logger.exception("%s: the reports cannot be written", job.execution.execution_id)
            return [f"No reports: {type(error).__name__}: {error}"]
        return problems

    def _write_folder(self, job: ReportJob) -> tuple[Path, list[str]]:
        self._shelf.add_path(job.output_path)
        name = report_name(job.execution.member.workflow_file_name, job.workflow)
        folder = self._new_folder(job.output_path, name, job.execution.started_at or now_ms())
        ids = {"execution_id": job.execution.execution_id, "batch_id": job.end.batch_id}
        write_marker(folder, Marker(**ids, created_at=now_ms()))
        for media in _MEDIA:
            _share(job.artifacts / media, folder / media)
        report = report_of(
            job.execution,
            job.workflow,
            status=job.end.status,
            error=job.end.error,
            ended_at=job.end.timestamp,
            locate=lambda path: _located(path, job.prefix, folder),
            videos=job.end.videos,
        )
        return folder, _render(report, job.config, folder)

    def _new_folder(self, output_path: Path, name: str, number: int) -> Path:
        """A folder of a name that no report has, wherever it is: clients know reports by their names."""
        paths = self._shelf.paths()
        output_path.mkdir(parents=True, exist_ok=True)
        while True:
            folder = output_path / f"{name[:_LONGEST_NAME]}-{number}"
            if not any((path / folder.name).exists() for path in paths):
                try:
                    folder.mkdir()
                except FileExistsError:
                    logger.debug("%s was taken in the same moment", folder)
                else:
                    return folder
            number += 1

    async def _retain(self, job: ReportJob) -> None:
        """Delete the oldest reports that we made in this output path, beyond how many are kept."""
        async with self._retaining:
            places = await asyncio.to_thread(lambda: list(self._shelf.places(job.output_path)))
            ours = [(place.marker, place.path) for place in places if place.marker is not None]
            ours.sort(key=lambda item: item[0].created_at, reverse=True)
            for marker, path in ours[job.config.report_retention :]:
                if not self._is_running(marker.batch_id):
                    await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)


_LONGEST_NAME: Final = 100


def _render(report: Report, config: ReportConfig, folder: Path) -> list[str]:
    problems = []
    for kind in config.report_types:
        renderer = RENDERERS.get(kind)
        if renderer is None:
            problems.append(f"No {kind} report: this version does not write that type yet")
            continue
        try:
            (folder / kind).mkdir()
            renderer(report, folder / kind)
        except Exception as error:  # one type that fails must not prevent the others
            logger.exception("%s: no %s report", report.execution_id, kind)
            problems.append(f"No {kind} report: {error}")
    return problems


def _share(source: Path, target: Path) -> None:
    """The files of a folder in another one: as second names where the file system can, else as copies."""
    target.mkdir()
    if not source.is_dir():
        return
    for file in source.iterdir():
        if file.is_file() and not file.is_symlink():
            try:
                os.link(file, target / file.name)
            except OSError:
                shutil.copy2(file, target / file.name)


def _located(path: str, prefix: str, folder: Path) -> str:
    """Where the report's own copy of an artifact is; what lies elsewhere stays as it is."""
    below = path.removeprefix(f"{prefix}/")
    return str(folder / below) if below != path and below.split("/")[0] in _MEDIA else path
