"""One batch as lists show it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Final, Self

from pydantic import ConfigDict

from batches.events import BatchStatus, Record
from batches.state import BatchState

__all__ = ["MAX_NAMES", "BatchRow"]

MAX_NAMES: Final = 10
"""So many workflow names a row carries."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch as lists show it; the counters are those of `batches.state.Counts`."""

    __pydantic_config__: ClassVar[ConfigDict] = Record.model_config

    batch_id: str
    status: BatchStatus
    source_type: str
    folder_path: str | None
    workers: int
    single: bool
    started_at: int
    ended_at: int | None
    total_workflows: int
    """Members and invalid files."""
    invalid: int
    queued: int
    running: int
    paused: int
    suspended: int
    completed: int
    failed: int
    stopped: int
    interrupted: int
    flaky: int
    not_run: int
    last_seq: int
    first_alias: int = 0
    """Alias of the first member; the others' follow without a gap. 0 if there are no members."""
    names: tuple[str, ...] = ()
    """File names of the first workflows, `MAX_NAMES` at most."""
    tags: tuple[str, ...] = ()
    rerun_of: str | None = None
    """The batch that this one runs again, wholly or in part."""

    @property
    def members(self) -> int:
        """How many executions the batch has."""
        return self.total_workflows - self.invalid

    @classmethod
    def of(cls, state: BatchState) -> Self:
        """The row of a batch in this state."""
        counts = state.counts
        members = [execution.member for execution in islice(state.executions.values(), MAX_NAMES)]
        tags, rerun_of = state.options.get("tags"), state.options.get("rerunOf")
        return cls(
            batch_id=state.batch_id,
            status=state.status,
            source_type=state.source_type,
            folder_path=state.folder_path,
            workers=state.workers,
            single=state.single,
            started_at=state.started_at,
            ended_at=state.ended_at,
            total_workflows=counts.total + len(state.invalid),
            invalid=len(state.invalid),
            queued=counts.queued,
            running=counts.running,
            paused=counts.paused,
            suspended=counts.suspended,
            completed=counts.completed,
            failed=counts.failed,
            stopped=counts.stopped,
            interrupted=counts.interrupted,
            flaky=counts.flaky,
            not_run=counts.not_run,
            last_seq=state.last_seq,
            first_alias=members[0].alias if members else 0,
            names=tuple(member.workflow_file_name for member in members),
            tags=tuple(map(str, tags)) if isinstance(tags, list | tuple) else (),
            rerun_of=str(rerun_of) if rerun_of is not None else None,
        )
