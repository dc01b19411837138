"""What can be set about the browser pool, and what it counts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PoolCounters", "PoolSettings", "PoolStats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """Settings of the browser pool.

    Attributes:
        contexts_per_browser: A browser takes no new leases after so many contexts and closes with its last one.
        max_leases_per_browser: So many executions share one browser at a time.
        max_idle_browsers: So many unused browsers stay open for reuse; the longest unused are closed first.
        idle_timeout_s: An unused browser closes after so long, in seconds.
        launch_timeout_s: Longest time a browser may take to start, in seconds.
        context_timeout_s: Longest time a browser may take to open a context before it counts as hung, in seconds.
        close_timeout_s: Longest time for closing contexts or a browser before it is killed, in seconds.
        prepare_contexts: Whether browsers open a context with a page ahead while executions wait for their turn.
        prepare_up_to: A browser that serves more executions than this opens nothing ahead, because processors that
            are busy gain nothing from it.
        reuse_contexts: Whether an execution may get a context that another one has left: its pages are closed and
            its cookies cleared, but what sites stored in other ways, caches and service workers are still there.
            Faster, and no longer isolated.
        executable: Paths of executables by kind, before everything else that could be found.
        no_sandbox: Start Chromium without its sandbox; None does so only for root, where it cannot work.
    """

    contexts_per_browser: int = 200
    max_leases_per_browser: int = 8
    max_idle_browsers: int = 8
    idle_timeout_s: float = 10.0
    launch_timeout_s: float = 30.0
    context_timeout_s: float = 15.0
    close_timeout_s: float = 5.0
    prepare_contexts: bool = True
    prepare_up_to: int = field(default_factory=lambda: os.cpu_count() or 1)
    reuse_contexts: bool = False
    executable: Mapping[str, str] = field(default_factory=dict)
    no_sandbox: bool | None = None


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What a pool has done and holds at one moment.

    Attributes:
        launched: Browsers started.
        crashed: Browsers that died or were killed because they did not answer.
        recycled: Browsers retired after `PoolSettings.contexts_per_browser` contexts.
        contexts: Contexts that executions opened.
        prepared: Those of them that had been opened ahead.
        browsers: Browsers open now, those being started included.
        leases: Leases held now.
    """

    launched: int
    crashed: int
    recycled: int
    contexts: int
    prepared: int
    browsers: int
    leases: int


@dataclass(slots=True)
class PoolCounters:
    """The running totals behind `PoolStats`, written by the pool's browsers."""

    launched: int = 0
    crashed: int = 0
    recycled: int = 0
    contexts: int = 0
    prepared: int = 0
