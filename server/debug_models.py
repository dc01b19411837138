"""What the routes of the debugger take and answer (api.md, section 2; issue list of the debugger beyond it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from batches.breakpoints import BreakpointSet
from batches.controls import (
    Continue,
    ContinueWithoutBreakpoint,
    RepeatFrom,
    Resuming,
    Retry,
    RunTo,
    Skip,
    Step,
    StepOver,
    Stop,
)
from batches.debug_info import DebugInfo
from batches.events import PauseAt, Record
from server.reading import IdText, Input, Maybe

__all__ = [
    "Accessibility",
    "Breakpoints",
    "BreakpointsRequest",
    "Captured",
    "ContinueRequest",
    "Controlled",
    "DebugInfoView",
    "EvaluateRequest",
    "Evaluated",
    "ExecutionRequest",
    "InspectQuery",
    "Inspection",
    "PauseAsked",
    "PauseControlRequest",
    "UpdateWorkflowRequest",
    "ValuesChanged",
    "VariablesRequest",
    "WorkflowUpdated",
]

Owner = Annotated[str, StringConstraints(max_length=200)]


class ExecutionRequest(Input):
    """Which execution."""

    execution_id: IdText | None = None
    """Without it, the one that paused last."""


class ContinueRequest(ExecutionRequest):
    """Which execution goes on."""

    owner: Owner | None = None
    """Who continues it."""


class PauseControlRequest(ContinueRequest):
    """How a paused execution goes on."""

    action: Literal[
        "continue",
        "stop",
        "skip",
        "continueWithoutBreakpoint",
        "step",
        "stepOver",
        "runTo",
        "retry",
        "repeatFrom",
    ]
    node_id: str | None = None
    """Where `runTo` pauses, or `repeatFrom` begins."""

    @model_validator(mode="after")
    def _has_node(self) -> Self:
        if self.action in {"runTo", "repeatFrom"} and self.node_id is None:
            raise PydanticCustomError(
                "node_missing", "action '{action}' needs it", {"action": self.action, "field": "nodeId"}
            )
        return self

    def control(self) -> Resuming | Stop:
        """The same as a control."""
        match self.action:
            case "runTo":
                return RunTo(node_id=self.node_id or "", owner=self.owner)
            case "repeatFrom":
                return RepeatFrom(node_id=self.node_id or "", owner=self.owner)
            case plain:
                return _PLAIN[plain](owner=self.owner)


_PLAIN: Mapping[str, type[Continue | Stop | Skip | ContinueWithoutBreakpoint | Step | StepOver | Retry]] = {
    "continue": Continue,
    "stop": Stop,
    "skip": Skip,
    "continueWithoutBreakpoint": ContinueWithoutBreakpoint,
    "step": Step,
    "stepOver": StepOver,
    "retry": Retry,
}


class PauseAsked(Input):
    """How to pause a running execution."""

    level: Literal["node", "action"] = "node"
    """Before the next node, or on the next browser action."""
    reason: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    """What for; shown with the pause."""
    owner: Owner | None = None
    """Who wants it."""


class UpdateWorkflowRequest(ExecutionRequest):
    """The workflow to go on with."""

    workflow: dict[str, Any]


class VariablesRequest(Input):
    """What to change in the stores of a paused execution."""

    data: dict[str, Any] = Field(default_factory=dict)
    variables: dict[str, Any] = Field(default_factory=dict)
    remove_data: tuple[str, ...] = ()
    remove_variables: tuple[str, ...] = ()


class EvaluateRequest(Input):
    """What to ask a paused execution."""

    selector: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] | None = None
    """Count, visibility and texts of these elements on the current page."""
    selector_type: str = "css"
    highlight: bool = False
    """Mark them on the page until the execution goes on."""
    expression: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] | None = None
    """An expression over `data`, `variables` and `index`."""


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class InspectQuery(Input):
    """What to add to an inspection."""

    include: Annotated[
        tuple[Literal["screenshot", "aria", "dom"], ...], BeforeValidator(_comma_separated)
    ] = ()
    """`screenshot`, `aria`, `dom`, with commas between them."""


class BreakpointsRequest(Input, BreakpointSet):
    """Breakpoints that replace all others."""

    save: bool = False
    """Keep them for the workflow's file, too."""


class Controlled(Record):
    """The control was applied."""

    success: Literal[True] = True
    message: str
    waits_for_worker: Maybe[bool] = None
    """True if the execution goes on only when a worker is free."""


class WorkflowUpdated(Controlled):
    """The workflow was replaced."""

    execution_order: tuple[str, ...]
    """What is still to be run, innermost sequence first."""
    executed_nodes: tuple[str, ...]


class ValuesChanged(Controlled):
    """Values were changed."""

    changed: Mapping[str, tuple[str, ...]]
    """Keys in `data` and `variables`."""


class DebugInfoView(DebugInfo):
    """What a page was like (api.md, section 2.2)."""

    page_source: Maybe[str] = None
    """HTML, cut at 1 MiB."""
    similar_selectors: Maybe[tuple[Mapping[str, Any], ...]] = None
    """Only when a selector failed: ``{selector, selectorType, reason, elementInfo?}``."""
    accessibility_tree: Maybe[Mapping[str, Any]] = None
    """Nested ``{role?, name?, value?, level?, children?}``."""
    screenshot_paths: Mapping[str, str] = Field(default_factory=dict)
    """By timing: `pre`, `post`, `failure`; absolute paths on the runner's machine."""
    execution_folder_name: Maybe[str] = None
    """The execution's report folder, if it has one."""


class Captured(Record):
    """A page was captured."""

    success: Literal[True] = True
    debug_info: DebugInfoView


class Accessibility(Record):
    """The accessibility tree of a page."""

    success: Literal[True] = True
    accessibility_tree: Mapping[str, Any]


class Inspection(Record):
    """A paused execution; secrets are masked."""

    execution_id: str
    node: Mapping[str, Any]
    """Where it stands, with the node's `properties` as they resolve now."""
    pause: int
    """Number of the pause within its attempt."""
    reason: str
    at: PauseAt
    message: str
    data: Mapping[str, Any]
    variables: Mapping[str, Any]
    page: Mapping[str, Any] | None
    """`url` and `title`; null without a browser."""
    tabs: Maybe[tuple[Mapping[str, Any], ...]] = None
    console: Maybe[tuple[Mapping[str, Any], ...]] = None
    page_errors: Maybe[tuple[str, ...]] = None
    network_failures: Maybe[tuple[Mapping[str, Any], ...]] = None
    """Requests that failed or were answered with 4xx or 5xx, last ones last."""
    screenshot: Maybe[str] = None
    """`data:` URL of a PNG."""
    aria: Maybe[Mapping[str, Any]] = None
    dom: Maybe[str] = None
    fault: Maybe[str] = None
    """Why the page could not be looked at."""


class Evaluated(Record):
    """Answers about elements, or about an expression."""

    success: Literal[True] = True
    value: Any = Field(default=None)
    """Of the expression."""
    count: Maybe[int] = None
    elements: Maybe[tuple[Mapping[str, Any], ...]] = None
    """`visible` and `text` of the first 20."""
    highlighted: Maybe[bool] = None


class Breakpoints(BreakpointSet):
    """What makes an execution or the members of a batch pause."""
