"""What to run, as plain JSON: an execution's specification, and the options of a batch.

A specification carries everything an engine needs, so that it can be sent to another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from batches.breakpoints import DebugOptions
from batches.events import Record

__all__ = ["START_OPTIONS", "ExecutionOptions", "ExecutionSpec", "ScreenshotConfig"]

START_OPTIONS: Final = (
    "recordSession",
    "screenshotAllNodes",
    "screenshotTiming",
    "snapshotAllNodes",
    "snapshotTiming",
    "slowMo",
    "scrollThenAction",
)
"""Properties of the Start node that a request may override (workflow-format.md, section 15)."""


class ScreenshotConfig(Record):
    """The request's wish for screenshots around every node; the Start node's own options come first."""

    enabled: bool = False
    timing: str = "post"


class ExecutionOptions(Record):
    """How the executions of a batch run."""

    headless: bool | None = None
    """Overrides every openBrowser node; None leaves it to the node."""
    browser: str | None = None
    """Overrides the kind of browser: chromium, firefox or webkit."""
    browser_args: tuple[str, ...] = ()
    """Further arguments for every browser."""
    ignore_https_errors: bool = False
    """Accept invalid certificates."""
    reachable_hosts: tuple[str, ...] = ()
    """Hosts that nodes may call from the runner, as names or patterns; empty means all."""
    timeout_s: float | None = None
    """Limit for one attempt of an execution, seconds; None means no limit."""
    script_timeout_s: float | None = Field(default=None, gt=0)
    """Limit for each script (JavaScript in a workflow), seconds; None means 30 of computing, 300 with waiting."""
    script_memory_mb: int = Field(default=256, ge=16, le=4096)
    """Memory that a script may take, MB."""
    settle: bool = False
    """Wait for a page to come to rest after each navigate."""
    record_session: bool = False
    """Record a video of every page."""
    screenshot_config: ScreenshotConfig | None = None
    """Screenshots around every node, where the Start node says nothing."""
    variables: Mapping[str, object] = Field(default_factory=dict)
    """Initial variables."""
    start_overrides: Mapping[str, object] = Field(default_factory=dict)
    """Merged over the Start node's data."""
    trace_logs: bool = False
    """Keep debug lines in the execution's log."""


class ExecutionSpec(Record):
    """One attempt of one execution."""

    execution_id: str
    batch_id: str
    attempt: int = 1
    workflow_file_name: str
    workflow: Mapping[str, object]
    """The document, structurally valid."""
    output: str
    """The execution's own folder, absolute."""
    artifacts: str
    """The same folder relative to the output folder; artifact paths in events begin with it."""
    source: str | None = None
    """The workflow's file, absolute, if it has one."""
    root: str
    """What relative paths in the workflow resolve against."""
    options: ExecutionOptions = Field(default_factory=ExecutionOptions)
    debug: DebugOptions | None = None
    """Where it pauses; None means nowhere but at wait nodes with `pause`."""
    single: bool = False
    """A run of its own, not a member of a batch."""
    exclusive_browser: bool = False
    """Run in a browser that no other execution shares, because one was lost before."""
