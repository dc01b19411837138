"""Controls: the only way into a running execution. Plain JSON both ways, so that an engine may be elsewhere.

A control is sent through `batches.engine.Handle.send` and answered with a `ControlOutcome`. Resuming controls end
a pause; the others look at or change a paused execution, or say where it shall pause. Times are ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from batches.breakpoints import BreakpointSet
from batches.events import Record

__all__ = [
    "CONTROLS",
    "MAX_ANSWER",
    "CaptureAccessibility",
    "CaptureDom",
    "Continue",
    "ContinueWithoutBreakpoint",
    "Control",
    "ControlOutcome",
    "Evaluate",
    "Inspect",
    "PauseRequest",
    "Proceed",
    "RepeatFrom",
    "Respond",
    "Resuming",
    "Retry",
    "RunTo",
    "SetBreakpoints",
    "SetValues",
    "Skip",
    "Step",
    "StepOver",
    "Stop",
    "TraceLogs",
    "UpdateWorkflow",
    "parse_control",
]

MAX_ANSWER: Final = 100_000
"""Longest answer to a question, characters."""

InspectPart = Literal["screenshot", "aria", "dom"]


class _Control(Record):
    owner: str | None = Field(default=None, max_length=200)
    """Who sends it, where given."""


class _Resuming(_Control):
    wait: bool = False
    """Accept it now and go on at `Proceed`, once the execution has a worker slot again."""


class Continue(_Resuming):
    """Go on; at an error the node fails."""

    action: Literal["continue"] = "continue"


class ContinueWithoutBreakpoint(_Resuming):
    """Go on, with all breakpoints off for the rest."""

    action: Literal["continueWithoutBreakpoint"] = "continueWithoutBreakpoint"


class Skip(_Resuming):
    """Leave out the node that is about to run, or the one that failed; after a node it leaves out nothing."""

    action: Literal["skip"] = "skip"


class Step(_Resuming):
    """Run one node and pause again; inside a node, run one browser action."""

    action: Literal["step"] = "step"


class StepOver(_Resuming):
    """The same, with a whole loop or reusable flow as one step."""

    action: Literal["stepOver"] = "stepOver"


class RunTo(_Resuming):
    """Go on to a node and pause before it."""

    action: Literal["runTo"] = "runTo"
    node_id: str


class Retry(_Resuming):
    """Run the node again that has just run or failed."""

    action: Literal["retry"] = "retry"


class RepeatFrom(_Resuming):
    """Go back to a node that ran before, in the same sequence or one around it, and run on from there."""

    action: Literal["repeatFrom"] = "repeatFrom"
    node_id: str


class Respond(_Resuming):
    """Reply to the question of a suspended execution."""

    action: Literal["respond"] = "respond"
    approved: bool | None = None
    """The decision; for a question, false refuses to answer."""
    answer: str | None = Field(default=None, max_length=MAX_ANSWER)
    reason: str | None = Field(default=None, max_length=1_000)
    expired: bool = False
    """Nobody replied in time."""


class Proceed(_Control):
    """Carry out the resuming control that was accepted with `wait`."""

    action: Literal["proceed"] = "proceed"


class Stop(_Control):
    """End the execution; wins over every other control."""

    action: Literal["stop"] = "stop"


class PauseRequest(_Control):
    """Pause before the next node, or on the next browser action."""

    action: Literal["pause"] = "pause"
    level: Literal["node", "action"] = "node"
    reason: str | None = Field(default=None, max_length=1_000)
    """What for, to be shown with the pause."""


class SetValues(_Control):
    """Set and remove entries of data and variables; only while paused."""

    action: Literal["setValues"] = "setValues"
    data: Mapping[str, object] = Field(default_factory=dict)
    variables: Mapping[str, object] = Field(default_factory=dict)
    remove_data: tuple[str, ...] = ()
    remove_variables: tuple[str, ...] = ()


class SetBreakpoints(_Control):
    """Replace the breakpoints; at any time."""

    action: Literal["setBreakpoints"] = "setBreakpoints"
    breakpoints: BreakpointSet


class UpdateWorkflow(_Control):
    """Replace the workflow while paused at a node (api.md, section 2.3)."""

    action: Literal["updateWorkflow"] = "updateWorkflow"
    workflow: Mapping[str, object]


class Inspect(_Control):
    """Look at a paused execution."""

    action: Literal["inspect"] = "inspect"
    include: tuple[InspectPart, ...] = ()
    """Costly parts to add."""


class Evaluate(_Control):
    """Ask a paused execution: about elements, or about its stores."""

    action: Literal["evaluate"] = "evaluate"
    selector: str | None = None
    selector_type: str = "css"
    highlight: bool = False
    """Mark the elements on the page, until the execution goes on."""
    expression: str | None = None


class CaptureDom(_Control):
    """The debug information of the open page (api.md, section 2.2)."""

    action: Literal["captureDom"] = "captureDom"


class CaptureAccessibility(_Control):
    """The accessibility tree of the open page."""

    action: Literal["captureAccessibility"] = "captureAccessibility"


class TraceLogs(_Control):
    """Switch debug lines in the execution's log on or off."""

    action: Literal["traceLogs"] = "traceLogs"
    enabled: bool


Resuming = Continue | ContinueWithoutBreakpoint | Skip | Step | StepOver | RunTo | Retry | RepeatFrom
"""Controls that end a pause."""

Control = (
    Resuming
    | Respond
    | Proceed
    | Stop
    | PauseRequest
    | SetValues
    | SetBreakpoints
    | UpdateWorkflow
    | Inspect
    | Evaluate
    | CaptureDom
    | CaptureAccessibility
    | TraceLogs
)
"""Any control."""

CONTROLS: Final[TypeAdapter[Control]] = TypeAdapter(
    Annotated[Control, Field(discriminator="action")], config=ConfigDict(defer_build=True)
)
"""Reads and writes any control."""


class ControlOutcome(Record):
    """What became of a control."""

    result: Literal["applied", "conflict", "invalid"] = "applied"
    """`conflict`: the execution's state forbids it; `invalid`: what it asks for cannot be."""
    message: str
    code: str | None = None
    field: str | None = None
    """The part of an invalid control that is wrong."""
    state: str | None = None
    """The state that forbids it."""
    answer: Mapping[str, object] = Field(default_factory=dict)
    """What was asked for."""


def parse_control(values: Mapping[str, object]) -> Control:
    """A control from its JSON.

    Raises:
        pydantic.ValidationError: It is no known control, or a field is missing or wrong.
    """
    return CONTROLS.validate_python(values)
