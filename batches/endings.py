"""What is written about an execution at its end: reports and log files, where they were asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path

from batches.events import ExecutionEnded
from batches.jobs import Job
from batches.reports.config import ReportConfig
from batches.reports.reporter import Reporter, ReportJob
from batches.reports.shelf import Shelf
from batches.spec import ExecutionSpec
from batches.trace_files import TraceFiles

__all__ = ["Endings"]

logger = logging.getLogger("batchwright.runner")


class Endings:
    """Writes what requests ask for; nothing that goes wrong here changes how an execution ends.

    Args:
        output: The output folder, absolute.
        root: What relative output paths resolve against.
        shelf: Knows where reports are.
        is_running: Whether a batch still runs; what was written about it is not deleted to make room.
    """

    def __init__(self, output: Path, root: Path, shelf: Shelf, is_running: Callable[[str], bool]) -> None:
        self._output = output
        self._root = root
        self._reporter = Reporter(shelf, is_running)
        self._traces = TraceFiles(output / "logs", is_running)

    def wanted(self, job: Job) -> bool:
        """Whether anything is to be written about an execution."""
        request = job.batch.request
        return request.options.trace_logs or (request.report is not None and request.report.enabled)

    async def write(self, job: Job, end: ExecutionEnded, spec: ExecutionSpec) -> list[str]:
        """Write about an execution; returns what went wrong, for people."""
        problems = []
        if spec.options.trace_logs:
            problems += await self._traces.write(job.state, end, spec.workflow)
        config = job.batch.request.report
        if config is not None and config.enabled:
            problems += await self._reporter.write(self._report(job, end, spec, config))
        return problems

    async def delete_logs(self, batch_ids: Collection[str] | None) -> None:
        """Delete the log files of batches (`TraceFiles.delete`); what cannot be deleted stays, with a warning."""
        try:
            await self._traces.delete(batch_ids)
        except OSError as error:
            logger.warning("log files cannot be deleted: %s", error)

    def _report(self, job: Job, end: ExecutionEnded, spec: ExecutionSpec, config: ReportConfig) -> ReportJob:
        path = config.output_path or job.batch.request.output_path
        return ReportJob(
            config=config,
            output_path=(self._root / path).resolve() if path else self._output,
            execution=job.state,
            end=end,
            workflow=spec.workflow,
            artifacts=Path(spec.output),
            prefix=spec.artifacts,
        )
