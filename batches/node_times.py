"""How long nodes usually take, by what history knows; for ``breakOn: slow``."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from batches.errors import NotFoundError
from batches.events import NodeStatus
from batches.state import BatchState
from batches.store import Store

__all__ = ["known_p95"]

MAX_BATCHES: Final = 20
"""So many of the newest batches are looked at."""

LEAST_RUNS: Final = 3
"""With fewer runs nothing is known about a node."""

_TWENTIETHS: Final = 20


async def known_p95(store: Store, workflows: Collection[str]) -> Mapping[str, Mapping[str, float]]:
    """The 95th percentile of node durations, ms, by workflow (`WorkItem.key`) and node id.

    Args:
        store: History.
        workflows: The workflows that matter.

    Raises:
        StoreError: History cannot be read.
    """
    durations: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in await store.rows(limit=MAX_BATCHES, include_single=True):
        try:
            state = await store.load(row.batch_id)
        except NotFoundError:
            continue  # deleted meanwhile
        _collect(state, workflows, durations)
    result: dict[str, dict[str, float]] = defaultdict(dict)
    for (key, node_id), times in durations.items():
        if len(times) >= LEAST_RUNS:
            result[key][node_id] = statistics.quantiles(times, n=_TWENTIETHS, method="inclusive")[-1]
    return result


def _collect(state: BatchState, workflows: Collection[str], into: dict[tuple[str, str], list[float]]) -> None:
    for execution in state.executions.values():
        key = execution.member.source or execution.member.workflow_path
        if key in workflows:
            for node in execution.nodes:
                if node.status is NodeStatus.COMPLETED:
                    into[key, node.node_id].append(node.duration_ms)
