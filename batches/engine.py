"""The seam between deciding what runs and running it.

An engine runs executions somewhere: in this process (`batches.local`) or on other machines. Queue, priority,
limits, history and the decision to try again stay outside of it, and nothing outside reaches into a running
execution: facts come out as events, wishes go in as controls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from batches.controls import Control, ControlOutcome
from batches.events import Event
from batches.screen import PictureSize, ShowPicture
from batches.spec import ExecutionSpec

__all__ = ["Engine", "Handle"]


class Handle(ABC):
    """One attempt that an engine is running."""

    @abstractmethod
    def events(self) -> AsyncIterator[Event]:
        """The attempt's events in order, ending with `ExecutionEnded`. To be read once.

        Raises:
            ExecutionLost: The attempt died under its engine; no final event comes.
        """

    @abstractmethod
    async def cancel(self, grace_s: float) -> None:
        """Stop the attempt in the middle of whatever it does; its final event says stopped.

        Returns once the browser context is closed; after ``grace_s`` seconds the worker is killed instead.
        """

    async def send(self, control: Control) -> ControlOutcome:
        """Hand a control to the attempt; the outcome says whether it applied.

        An engine that takes no controls refuses them all.
        """
        return ControlOutcome(
            result="conflict",
            message=f"This engine does not take the control '{control.action}'",
            code="CONTROL_NOT_APPLICABLE",
        )

    def watch(self, size: PictureSize | None, show: ShowPicture | None = None) -> None:  # noqa: B027 - optional
        """Show live pictures of the attempt's page in this size, or none any more.

        An engine that has no pictures shows none.
        """

    def park(self) -> None:  # noqa: B027 - an engine may have no slots to give back
        """Give the engine's slot back while the attempt is paused; does nothing if that has no sense here."""

    async def unpark(self) -> None:  # noqa: B027 - as above
        """Take a slot again, before a paused attempt goes on; waits for a free one."""


class Engine(ABC):
    """Where executions run."""

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many attempts run at the same time."""

    @abstractmethod
    async def start(self) -> None:
        """Get ready; called once before the first run."""

    def expect(self, waiting: int) -> None:  # noqa: B027 - an engine need not look ahead
        """Learn how many executions wait for their turn, so that something may be prepared for them.

        Args:
            waiting: Their number now.
        """

    def warm_up(self) -> None:  # noqa: B027 - an engine need not look ahead
        """Learn that an execution that opens a browser comes in a moment."""

    @abstractmethod
    async def run(self, spec: ExecutionSpec) -> Handle:
        """Begin an attempt, waiting for a free slot first."""

    @abstractmethod
    async def close(self, grace_s: float) -> None:
        """Stop what runs, close the browsers and leave no process behind; idempotent."""
