"""What an execution's debugging needs beyond its request: saved breakpoints, and how long its nodes usually take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batches.breakpoints import BreakOn, DebugOptions, merged
from batches.node_times import known_p95
from batches.request import WorkItem
from batches.saved_breakpoints import SavedBreakpoints
from batches.store import Store

__all__ = ["own_options"]


async def own_options(
    options: DebugOptions | None, items: Sequence[WorkItem], store: Store, saved: SavedBreakpoints
) -> Mapping[int, DebugOptions]:
    """What differs from the request's options, by the place of the item.

    Args:
        options: The request's options.
        items: What it runs.
        store: History.
        saved: Saved breakpoints.

    Raises:
        StoreError: History or saved breakpoints cannot be read.
    """
    if options is None:
        return {}
    kept = await saved.all() if options.use_saved else {}
    slow = BreakOn.SLOW in options.break_on or any(BreakOn.SLOW in item.break_on for item in kept.values())
    times = await known_p95(store, {item.key for item in items}) if slow else {}
    own = {}
    for index, item in enumerate(items):
        if item.key in kept or item.key in times:
            wanted = options.with_set(merged((kept[item.key], options))) if item.key in kept else options
            known = {**times.get(item.key, {}), **options.known_p95}
            own[index] = wanted.model_copy(update={"known_p95": known})
    return own
