"""What the debugger's prompt works on, and the executions of this process as that."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batches.breakpoints import BreakpointSet
from batches.controls import parse_control
from batches.errors import ControlError, ControlInvalidError
from batches.events import Event, ExecutionEnded, ExecutionPaused, ExecutionSuspended
from batches.runner import Runner
from batches.state import BatchState, ExecutionState

__all__ = ["LocalTarget", "Point", "Target", "TargetError"]


class TargetError(Exception):
    """Raised when a control was refused; the message says why."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where an execution stands.

    Attributes:
        execution_id: The execution.
        name: Its workflow file.
        node_id: The node.
        reason: Why it is paused.
        message: The same for people.
        question: What kind of reply a suspended execution waits for; None while it is paused.
    """

    execution_id: str
    name: str
    node_id: str
    reason: str
    message: str
    question: str | None = None


class Target(ABC):
    """Executions that can be debugged."""

    @abstractmethod
    async def next_pause(self) -> Point | None:
        """Wait for the next pause that was not told yet; None when nothing runs any more."""

    @abstractmethod
    async def control(self, point: Point, action: str, **fields: Any) -> str:
        """Send a control to a paused execution; returns what it says.

        Raises:
            TargetError: It was refused.
        """

    @abstractmethod
    async def inspect(self, point: Point, *include: str) -> Mapping[str, Any]:
        """Everything about the pause; see ``GET execution/{id}/inspect``."""

    @abstractmethod
    async def evaluate(self, point: Point, **question: str) -> Mapping[str, Any]:
        """Ask about a ``selector`` or an ``expression``."""

    @abstractmethod
    async def set_variable(self, point: Point, name: str, value: object) -> None:
        """Change a variable."""

    @abstractmethod
    async def breakpoints(self, point: Point) -> BreakpointSet:
        """What makes the execution pause."""

    @abstractmethod
    async def set_breakpoints(self, point: Point, wanted: BreakpointSet) -> None:
        """Replace that."""

    @abstractmethod
    async def workflow(self, point: Point) -> Mapping[str, Any]:
        """The execution's workflow document."""


class LocalTarget(Target):
    """The executions of one batch of this process.

    Args:
        runner: Their runner.
        documents: Their workflows, in the order of the batch.
    """

    def __init__(self, runner: Runner, documents: tuple[Mapping[str, Any], ...]) -> None:
        self._runner = runner
        self._documents = documents
        self._state: BatchState | None = None
        self._changed = asyncio.Event()
        self._told: set[tuple[str, int, int]] = set()
        runner.log.listen(self._listen)

    def _listen(self, event: Event, state: BatchState) -> None:
        self._state = state
        if isinstance(event, ExecutionPaused | ExecutionSuspended | ExecutionEnded):
            self._changed.set()

    async def next_pause(self) -> Point | None:
        """Wait for the next pause of any member."""
        while self._state is None or not self._state.is_over:
            for execution in self._state.executions.values() if self._state is not None else ():
                point = self._new_point(execution)
                if point is not None:
                    return point
            self._changed.clear()
            await self._changed.wait()
        return None

    def _new_point(self, execution: ExecutionState) -> Point | None:
        """Where an execution stands still, if that was not told yet."""
        pause, asked = execution.pause, execution.question
        name, path = execution.execution_id, execution.member.workflow_path
        if pause is not None:
            point = Point(name, path, pause.node_id, pause.reason, pause.message)
            key = (name, execution.attempts, pause.number)
        elif asked is not None:
            choices = f" ({', '.join(asked.choices)})" if asked.choices else ""
            point = Point(name, path, asked.node_id, "question", asked.text + choices, asked.kind)
            key = (name, execution.attempts, -asked.number)
        else:
            return None
        if key in self._told:
            return None
        self._told.add(key)
        return point

    async def control(self, point: Point, action: str, **fields: Any) -> str:
        """Send a control."""
        return (await self._send(point, action, **fields))[0]

    async def inspect(self, point: Point, *include: str) -> Mapping[str, Any]:
        """Look at the pause."""
        return (await self._send(point, "inspect", include=include))[1]

    async def evaluate(self, point: Point, **question: str) -> Mapping[str, Any]:
        """Ask the pause."""
        return (await self._send(point, "evaluate", **question))[1]

    async def set_variable(self, point: Point, name: str, value: object) -> None:
        """Change a variable."""
        await self._send(point, "setValues", variables={name: value})

    async def breakpoints(self, point: Point) -> BreakpointSet:
        """What makes it pause."""
        return self._runner.pauses.breakpoints(point.execution_id) or BreakpointSet()

    async def set_breakpoints(self, point: Point, wanted: BreakpointSet) -> None:
        """Replace that."""
        await self._runner.pauses.replace(point.execution_id, wanted)

    async def workflow(self, point: Point) -> Mapping[str, Any]:
        """Its document."""
        names = list(self._state.executions) if self._state is not None else []
        return self._documents[names.index(point.execution_id)]

    async def _send(self, point: Point, action: str, **fields: Any) -> tuple[str, Mapping[str, Any]]:
        try:
            control = parse_control({"action": action, **fields})
            outcome = await self._runner.pauses.control(point.execution_id, control)
        except (ControlError, ControlInvalidError) as error:
            raise TargetError(error.message) from error
        return outcome.message, outcome.answer
