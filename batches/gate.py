"""The gate of one execution: it is passed before and after each node, and holds the execution there to pause it.

The gate is the only place that decides between resuming controls: the first one that fits the pause is taken, every
later one is refused with the state. Cancelling the execution wins over all of them. While the gate holds, the
execution's clock stands still.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from batches.breakpoints import BreakpointSet, Hit, PauseRules, Stops
from batches.controls import (
    Continue,
    ContinueWithoutBreakpoint,
    ControlOutcome,
    PauseRequest,
    RepeatFrom,
    Resuming,
    Retry,
    RunTo,
    Skip,
    Step,
    StepOver,
)
from batches.events import ErrorInfo, ExecutionContinued, ExecutionPaused, PauseAt, PauseReason
from nodes.clock import Clock
from nodes.document import Node

__all__ = ["Gate", "Jump", "Spot", "Standing", "Verdict", "conflict", "invalid"]

Emit = Callable[[type[ExecutionPaused | ExecutionContinued], dict[str, Any]], None]

_AT_ACTION: Final = (Continue, ContinueWithoutBreakpoint, Step)
"""What can be done inside a node; everything else needs its end."""


class Jump(Exception):  # noqa: N818 - control flow of the walk, never shown
    """Raised to go on at another node of the walk."""

    def __init__(self, node_id: str) -> None:
        super().__init__(node_id)
        self.node_id = node_id


class Verdict(Enum):
    """What happens with a node that failed."""

    FAIL = auto()
    SKIP = auto()
    RETRY = auto()


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of the walk.

    Attributes:
        node: The node.
        place: The fields that events of the node carry.
        depth: How many loops and flows are around it.
        reaches: Whether the walk can go back to a node: one that ran before, or is running, in a sequence around.
    """

    node: Node
    place: Mapping[str, Any]
    depth: int
    reaches: Callable[[str], bool]


@dataclass(slots=True)
class Standing:
    """A pause that lasts.

    Attributes:
        number: Its number within the attempt.
        spot: Where the walk stands.
        at: Before, after, at the failure of, or inside the node.
        hit: Why.
        command: The resuming control that was accepted, if one was.
        wake: Resolved when the walk may go on.
        over: Set when the pause is over.
    """

    number: int
    spot: Spot
    at: PauseAt
    hit: Hit
    wake: asyncio.Future[None]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    command: Resuming | None = None


@dataclass(slots=True)
class _Mode:
    """Where to pause next, beyond breakpoints."""

    step: bool = False
    over: int | None = None
    run_to: str | None = None
    request: PauseRequest | None = None

    @property
    def active(self) -> bool:
        return self.step or self.over is not None or self.run_to is not None or self.request is not None


@dataclass(slots=True)
class Gate:
    """Holds one attempt of an execution where it shall pause.

    Attributes:
        stops: Its breakpoints.
        rules: Limits of its pauses.
        clock: Stands still while it holds.
        emit: Called with events of pauses and their fields.
        values: What conditions see.
        knows: Whether the workflow has a node with this id.
        armed: Whether it has anything to decide; while False the walker passes without asking.
    """

    stops: Stops
    rules: PauseRules
    clock: Clock
    emit: Emit
    values: Callable[[], Mapping[str, object]]
    knows: Callable[[str], bool] = lambda _node_id: True
    armed: bool = False
    standing: Standing | None = None
    _mode: _Mode = field(default_factory=_Mode)
    _passing: str | None = None
    _count: int = 0

    def __post_init__(self) -> None:
        self._mode.step = self.rules.at_start
        self._arm()

    @property
    def breaks_on_error(self) -> bool:
        """Whether a failing node pauses."""
        return self.stops.breaks_on_error

    async def before(self, spot: Spot) -> bool:
        """Pass before a node; False if the node shall be left out.

        Raises:
            Jump: The walk shall go on at an earlier node.
        """
        hit = self._arrival(spot)
        if hit is None:
            return True
        return not isinstance(await self.hold(spot, PauseAt.PRE, hit), Skip)

    async def after(self, spot: Spot, duration_ms: float) -> None:
        """Pass after a node.

        Args:
            spot: The node.
            duration_ms: How long it took.

        Raises:
            Jump: The walk shall go on at this node or an earlier one.
        """
        hit = self.stops.at_node(spot.node, PauseAt.POST, self.values)
        hit = hit or self.stops.slow(spot.node, duration_ms)
        if hit is not None:
            await self.hold(spot, PauseAt.POST, hit)

    async def failed(self, spot: Spot, error: ErrorInfo) -> Verdict:
        """Pass at the failure of a node.

        Raises:
            Jump: The walk shall go on at an earlier node.
        """
        hit = Hit(PauseReason.ERROR, f"Node {spot.node.title} failed: {error.message}")
        command = await self.hold(spot, PauseAt.ERROR, hit, error)
        if isinstance(command, Skip):
            return Verdict.SKIP
        return Verdict.RETRY if isinstance(command, Retry) else Verdict.FAIL

    async def wait(self, spot: Spot) -> bool:
        """Pause because a wait node says so; False if its wait shall be left out.

        Raises:
            Jump: The walk shall go on at an earlier node.
        """
        hit = Hit(PauseReason.WAIT_PAUSE, f"Paused by the wait node {spot.node.title}")
        return not isinstance(await self.hold(spot, PauseAt.PRE, hit), Skip)

    async def hold(self, spot: Spot, at: PauseAt, hit: Hit, error: ErrorInfo | None = None) -> Resuming:
        """Stand still until a resuming control comes; returns it.

        Raises:
            Jump: The walk shall go on at another node.
        """
        self._count += 1
        wake = asyncio.get_running_loop().create_future()
        standing = self.standing = Standing(self._count, spot, at, hit, wake)
        request, self._mode = self._mode.request, _Mode()
        began = time.monotonic()
        self.clock.stop()
        self.emit(ExecutionPaused, self._facts(standing, request, error))
        try:
            await wake
        finally:
            self.standing = None
            standing.over.set()
            self.clock.start()
        command = standing.command or Continue()
        fields = {
            "pause": standing.number,
            "node_id": spot.node.id,
            "action": command.action,
            "paused_ms": round((time.monotonic() - began) * 1000),
            "owner": command.owner,
        }
        self.emit(ExecutionContinued, fields)
        self._obey(command, standing)
        return command

    async def released(self) -> None:
        """Wait for the end of a pause inside the node, which may have failed while it was paused."""
        while self.standing is not None:
            await self.standing.over.wait()

    def accept(self, command: Resuming) -> ControlOutcome:
        """Take a resuming control, unless the pause is over, another one was taken, or it does not fit here."""
        standing = self.standing
        if standing is None:
            return conflict("The execution is not paused: it is running", "running")
        if standing.command is not None:
            return conflict(f"The execution is going on already, by '{standing.command.action}'", "running")
        refusal = self._unfit(standing, command)
        if refusal is not None:
            return refusal
        standing.command = command
        if not command.wait:
            self.proceed()
        return ControlOutcome(message=_answer(standing, command))

    def proceed(self) -> ControlOutcome:
        """Let the walk go on that a resuming control was accepted for."""
        standing = self.standing
        if standing is None or standing.command is None:
            return conflict("Nothing was accepted that could be carried out now", "paused")
        if not standing.wake.done():
            standing.wake.set_result(None)
        return ControlOutcome(message=_answer(standing, standing.command))

    def request(self, request: PauseRequest) -> ControlOutcome:
        """Pause before the next node."""
        if self.standing is not None:
            return conflict("The execution is paused already", "paused")
        self._mode.request = request
        self._arm()
        return ControlOutcome(message="The execution pauses before its next node")

    def replace(self, wanted: BreakpointSet) -> ControlOutcome:
        """Take other breakpoints."""
        self.stops.replace(wanted)
        self._arm()
        unknown = [item.node_id for item in wanted.breakpoints if not self.knows(item.node_id)]
        answer = {"unknownNodes": unknown} if unknown else {}
        return ControlOutcome(message="Breakpoints replaced", answer=answer)

    def _arrival(self, spot: Spot) -> Hit | None:
        passing, self._passing = self._passing, None
        if passing == spot.node.id:
            return None
        hit = self.stops.at_node(spot.node, PauseAt.PRE, self.values)
        mode, title = self._mode, spot.node.title
        if hit is not None:
            return hit
        if mode.request is not None:
            return Hit(PauseReason.REQUESTED, f"Paused before node {title}, as requested")
        if mode.step or (mode.over is not None and spot.depth <= mode.over) or mode.run_to == spot.node.id:
            return Hit(PauseReason.REQUESTED, f"Stepped to node {title}")
        return None

    def _facts(
        self, standing: Standing, request: PauseRequest | None, error: ErrorInfo | None
    ) -> dict[str, Any]:
        wanted = request if standing.hit.reason is PauseReason.REQUESTED else None
        return {
            **standing.spot.place,
            "pause": standing.number,
            "reason": standing.hit.reason,
            "at": standing.at,
            "message": standing.hit.message,
            "breakpoint_id": standing.hit.breakpoint_id,
            "error": error,
            "owner": (wanted.owner if wanted else None) or self.rules.owner,
            "note": wanted.reason if wanted else None,
            "timeout_ms": self.rules.timeout_ms,
            "on_timeout": self.rules.on_timeout,
        }

    def _unfit(self, standing: Standing, command: Resuming) -> ControlOutcome | None:
        """Why a control cannot end this pause, or None."""
        title = standing.spot.node.title
        if standing.at is PauseAt.ACTION and not isinstance(command, _AT_ACTION):
            return conflict(
                f"'{command.action}' cannot be done inside node {title}; continue, step or stop", "paused"
            )
        match command:
            case Retry() if standing.at is PauseAt.PRE:
                return conflict(f"Node {title} has not run yet, so it cannot be run again", "paused")
            case RunTo(node_id=target) if not self.knows(target):
                return invalid(f"The workflow has no node '{target}'", "nodeId")
            case RepeatFrom(node_id=target) if not self.knows(target):
                return invalid(f"The workflow has no node '{target}'", "nodeId")
            case RepeatFrom(node_id=target) if not standing.spot.reaches(target):
                return conflict(
                    f"Node '{target}' has not run in the sequence of node {title} or one around it", "paused"
                )
        return None

    def _obey(self, command: Resuming, standing: Standing) -> None:
        """Set what a control says about the walk after it."""
        match command:
            case Step() if standing.at is not PauseAt.ACTION:
                self._mode.step = True
            case StepOver():
                self._mode.over = standing.spot.depth
            case RunTo(node_id=target):
                self._mode.run_to = target
            case ContinueWithoutBreakpoint():
                self.stops.mute()
            case Retry():
                self._passing = standing.spot.node.id
        self._arm()
        if isinstance(command, RepeatFrom):
            raise Jump(command.node_id)
        if isinstance(command, Retry) and standing.at is PauseAt.POST:
            raise Jump(standing.spot.node.id)

    def _arm(self) -> None:
        self.armed = self._mode.active or self.stops.active


def conflict(message: str, state: str) -> ControlOutcome:
    """The outcome of a control that the execution's state forbids."""
    return ControlOutcome(result="conflict", message=message, code="CONTROL_NOT_APPLICABLE", state=state)


def invalid(message: str, field_name: str, code: str = "CONTROL_INVALID") -> ControlOutcome:
    """The outcome of a control that asks for something that cannot be."""
    return ControlOutcome(result="invalid", message=message, code=code, field=field_name)


def _answer(standing: Standing, command: Resuming) -> str:
    """What to tell whoever sent a control that was accepted."""
    title = standing.spot.node.title
    if isinstance(command, RunTo):
        return f"Execution runs to node {command.node_id}"
    if isinstance(command, RepeatFrom):
        return f"Execution repeats from node {command.node_id}"
    passed = standing.at is PauseAt.POST
    skips = (
        f"Nothing to skip: node {title} has run already. Execution continued"
        if passed
        else f"Node {title} skipped"
    )
    texts = {
        "skip": skips,
        "continueWithoutBreakpoint": "Execution continued without breakpoints",
        "step": "Execution stepped on",
        "stepOver": "Execution stepped on",
        "retry": f"Node {title} runs again",
    }
    return texts.get(command.action, "Execution continued")
