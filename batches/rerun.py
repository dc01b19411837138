"""Running a batch again, wholly or in part, with the workflows and options of that time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter, ValidationError

from batches.errors import ControlError, NothingToRunError, StoreError
from batches.events import BatchStatus, ExecutionStatus
from batches.request import BatchRequest, WorkItem
from batches.state import BatchState, ExecutionState
from batches.store import Store
from nodes.secrets import Secrets

__all__ = ["Rerun", "chosen", "rerun_request", "stored_request"]

_REQUEST: Final = TypeAdapter(BatchRequest)


class Rerun(StrEnum):
    """Which executions of a batch to run again."""

    FAILED = "failed"
    """Those that failed, and those whose runner died under them."""
    NOT_RUN = "notRun"
    """Those that were never started."""
    FAILED_AND_NOT_RUN = "failedAndNotRun"
    """All that did not complete; also those that were stopped in the middle."""
    ALL = "all"
    """Every one."""


def stored_request(request: BatchRequest) -> Mapping[str, object]:
    """How a batch was asked to run, without its workflows, as plain JSON."""
    plain: dict[str, object] = _REQUEST.dump_python(
        request, mode="json", exclude={"items", "invalid"}, fallback=str
    )
    return {**plain, "items": []}


async def rerun_request(
    store: Store,
    state: BatchState,
    only: Rerun,
    *,
    execution_ids: Collection[str] | None = None,
    secrets: Secrets | None = None,
) -> BatchRequest:
    """The request that runs a part of a batch again.

    Args:
        store: Where its workflows are kept.
        state: The batch.
        only: Which part.
        execution_ids: Of that part only these; None means all.
        secrets: What was hidden of them is shown again.

    Raises:
        NothingToRunError: No execution belongs to that part.
        ControlError: All of it, while it still runs.
        NotFoundError: Its workflows were not kept.
        StoreError: They cannot be read.
    """
    if only is Rerun.ALL and execution_ids is None and state.status is BatchStatus.RUNNING:
        raise ControlError(
            f"{state.batch_id} still runs; stop it or wait for its end before running all of it again",
            current=state.status,
        )
    executions = [
        execution
        for execution in state.executions.values()
        if chosen(execution, only) and (execution_ids is None or execution.execution_id in execution_ids)
    ]
    if not executions:
        why = _SAID[only] if execution_ids is None else "none of those that were asked for"
        raise NothingToRunError(f"{state.batch_id} has no execution to run again ({why})")
    shown = (secrets or Secrets()).show
    request = _parsed(state.batch_id, shown(await store.request(state.batch_id)))
    documents = await store.workflows(state.batch_id, [item.execution_id for item in executions])
    items = tuple(
        WorkItem(
            item.member.workflow_file_name,
            item.member.workflow_path,
            shown(documents[item.execution_id]),
            item.member.source,
        )
        for item in executions
    )
    return replace(request, items=items, rerun_of=state.batch_id)


def chosen(execution: ExecutionState, only: Rerun) -> bool:
    """Whether an execution belongs to that part of its batch; what still runs belongs to none but all."""
    status = execution.status
    match only:
        case Rerun.ALL:
            return True
        case Rerun.NOT_RUN:
            return execution.not_run
        case Rerun.FAILED_AND_NOT_RUN:
            return status.is_final and status is not ExecutionStatus.COMPLETED
        case Rerun.FAILED:
            died = status is ExecutionStatus.INTERRUPTED and not execution.not_run
            return status is ExecutionStatus.FAILED or died


_SAID: Final[Mapping[Rerun, str]] = {
    Rerun.FAILED: "none failed",
    Rerun.NOT_RUN: "all were started",
    Rerun.FAILED_AND_NOT_RUN: "all that ended completed",
    Rerun.ALL: "it is empty",
}


def _parsed(batch_id: str, plain: Mapping[str, object]) -> BatchRequest:
    try:
        return _REQUEST.validate_python(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise StoreError(
            f"How {batch_id} was asked to run cannot be understood: {first['loc']}: {first['msg']}",
            code="STORE_FILE_CORRUPT",
        ) from error
