"""What ``POST /api/workflows/execute`` takes and answers (api.md, section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from batches.breakpoints import DebugOptions
from batches.events import Record
from batches.reports.config import ReportConfig
from batches.scan import DEFAULT_PATTERN
from server.main_api import ValidationErrorView
from server.reading import Input, Maybe, PathText, Texts

__all__ = [
    "DEFAULT_WORKERS",
    "MAX_RETRIES",
    "Accepted",
    "BatchAccepted",
    "ExecuteRequest",
    "ExecutionMode",
    "MemberAccepted",
    "ScreenshotOptions",
    "SingleAccepted",
    "StartNodeOverrides",
]

DEFAULT_WORKERS = 4
"""How many executions of a batch run at once unless the request says otherwise."""

MAX_RETRIES = 100
"""Most attempts after the first that a request may ask for."""

MAX_WORKERS = 100_000
MAX_TAGS = 50
LONGEST_TIMEOUT_MS = 7 * 24 * 60 * 60 * 1000
"""Longest limit for one attempt, ms."""

Timing = Literal["pre", "post", "both"]
Name = Annotated[str, StringConstraints(max_length=500)]


class ExecutionMode(StrEnum):
    """What is asked for: one workflow, several, or whatever the input says."""

    SINGLE = "single"
    PARALLEL = "parallel"
    AUTO = "auto"


class ScreenshotOptions(Input):
    """Screenshots around every node, where the Start node says nothing."""

    enabled: bool = False
    timing: Timing = "post"


class StartNodeOverrides(Input):
    """Merged over the data of every workflow's Start node (workflow-format.md, section 15)."""

    record_session: bool | None = None
    screenshot_all_nodes: bool | None = None
    screenshot_timing: Timing | None = None
    snapshot_all_nodes: bool | None = None
    snapshot_timing: Timing | None = None
    slow_mo: Annotated[float, Field(ge=0, le=LONGEST_TIMEOUT_MS)] | None = None
    """Delay after each node, ms."""
    scroll_then_action: bool | None = None


class ExecuteRequest(Input, DebugOptions):
    """One workflow or many, and how to run them."""

    json_fields: ClassVar[frozenset[str]] = frozenset(
        {
            "workflow",
            "workflows",
            "workflowFileNames",
            "screenshotConfig",
            "reportConfig",
            "breakpointConfig",
            "breakpoints",
            "pause",
            "startNodeOverrides",
            "variables",
        }
    )

    workflow: Any = None
    """One workflow document: a single run."""
    workflows: tuple[Any, ...] | None = None
    """Workflow documents: a batch."""
    workflow_file_names: tuple[Name, ...] = ()
    """Names of `workflows`, in the same order; `workflow-<n>.json` where there is none."""
    folder_path: PathText | None = None
    """Folder with workflow files, relative to the server's first root or absolute: a batch."""
    execution_mode: str = ExecutionMode.AUTO.value
    """`single`, `parallel` or `auto`, which looks at the input; anything else counts as `parallel`."""
    workflow_file_name: Name | None = None
    """Name of a single run's workflow."""
    workers: Annotated[int, Field(ge=0, le=MAX_WORKERS)] = DEFAULT_WORKERS
    """How many executions of this batch run at once; 0 counts as absent. The server's limit counts too."""
    recursive: bool = False
    """Look into subfolders of `folderPath`."""
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500)] = DEFAULT_PATTERN
    """Names of files to take in `folderPath`: `*` and `?`, whatever the case."""
    output_path: PathText | None = None
    """Folder for report folders, unless `reportConfig.outputPath` names one."""
    trace_logs: bool = False
    """Keep debug lines in each execution's log."""
    screenshot_config: ScreenshotOptions | None = None
    report_config: ReportConfig | None = None
    record_session: bool = False
    """Record a video of every page."""
    start_node_overrides: StartNodeOverrides | None = None
    builder_mode_enabled: bool = False
    """Accepted for clients that send it; there is no builder here."""
    batch_priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Batches with a higher one go first."""
    source: Literal["frontend", "api", "mcp"] = "api"
    """Who asks; events echo it."""
    retries: Annotated[int, Field(ge=0, le=MAX_RETRIES)] = 0
    """How often a failed execution is tried again."""
    timeout: Annotated[float, Field(ge=0, le=LONGEST_TIMEOUT_MS, allow_inf_nan=False)] = 0
    """Limit for one attempt of an execution, ms; 0 means none."""
    variables: Mapping[str, Any] = Field(default_factory=dict)
    """Initial variables of every execution."""
    tags: Annotated[Texts, Field(max_length=MAX_TAGS)] = ()
    """Words to find the batch by."""

    @field_validator("report_config", "breakpoint_config", "pause", mode="before")
    @classmethod
    def _nulls_are_absent(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value

    @property
    def mode(self) -> ExecutionMode:
        """The mode asked for; unknown words are parallel (api.md, section 1.1)."""
        try:
            return ExecutionMode(self.execution_mode)
        except ValueError:
            return ExecutionMode.PARALLEL

    def debug(self) -> DebugOptions | None:
        """What the request says about pausing, or None if it says nothing."""
        given = self.model_fields_set & set(DebugOptions.model_fields)
        if not given:
            return None
        return DebugOptions(**{name: getattr(self, name) for name in given})


class SingleAccepted(Record):
    """A single run was taken in."""

    execution_id: str
    status: Literal["running"]
    execution_mode: Literal["single"]
    batch_id: str
    """The batch of one around it."""


class MemberAccepted(Record):
    """One execution of a batch that was taken in."""

    execution_id: str
    workflow_file_name: str
    workflow_path: str
    """Relative to the scanned folder, or the file name."""
    status: str
    """`running`, or `queued` until a worker is free."""
    validation_errors: tuple[str, ...] = ()


class BatchAccepted(Record):
    """A batch was taken in."""

    batch_id: str
    execution_mode: Literal["parallel"]
    source_type: str
    """`folder`, `workflows` or `files`."""
    folder_path: Maybe[str] = None
    """As it was given."""
    total_workflows: int
    """Valid and invalid ones."""
    valid_workflows: int
    invalid_workflows: int
    validation_errors: tuple[ValidationErrorView, ...]
    """The invalid ones, which are not run."""
    executions: tuple[MemberAccepted, ...]
    """In input order."""
    rerun_of: Maybe[str] = None
    """The batch whose executions these repeat."""


Accepted = SingleAccepted | BatchAccepted
"""What `execute` answers: for one workflow, or for a batch."""
