"""Pauses as the runner sees them: which are let happen, what becomes of the slot, and when they end by themselves.

An execution that pauses says so with an event. Its runner decides whether the pause stands (`first`, a cap on paused
members), parks the slot, and starts the pause's time limit. A resuming control is accepted by the execution's gate
at once, which decides races, and carried out when the execution has a slot again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, get_args

from batches.breakpoints import BreakpointSet, DebugOptions, PauseRules
from batches.controls import (
    Continue,
    Control,
    ControlOutcome,
    Proceed,
    Respond,
    Resuming,
    SetBreakpoints,
    Stop,
)
from batches.engine import Handle
from batches.errors import ControlError, ControlInvalidError
from batches.events import (
    Event,
    ExecutionContinued,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionStatus,
    ExecutionSuspended,
    LogLine,
    PauseReason,
)
from batches.queue import Queue
from batches.state import ExecutionState

__all__ = ["HELD", "Pauses", "RunnerHooks"]

HELD: Final = (ExecutionPaused, ExecutionContinued, ExecutionSuspended, ExecutionResumed)
"""Events of an execution that stands still or goes on; `Pauses.record` records them."""

Held = ExecutionPaused | ExecutionContinued | ExecutionSuspended | ExecutionResumed

_RESUMING: Final = (*get_args(Resuming), Respond)

_LIMITED: Final = frozenset({PauseReason.BREAKPOINT, PauseReason.ERROR, PauseReason.SLOW})
"""Reasons that `first` and the cap hold for; what somebody or the workflow asked for always pauses."""


@dataclass(frozen=True, slots=True)
class RunnerHooks:
    """What pauses need from their runner.

    Attributes:
        append: Records an event.
        state: The state of an execution that is not over, or was lately.
        pump: Gives free slots to whoever waits.
        stop: Stops an execution.
        spawn: Starts a task that the runner owns.
    """

    append: Callable[[Event], object]
    state: Callable[[str], ExecutionState]
    pump: Callable[[], None]
    stop: Callable[[str], Awaitable[object]]
    spawn: Callable[[Coroutine[object, object, None], str], object]


@dataclass(slots=True)
class _Member:
    """One execution of a batch that is not over."""

    batch: _Batch
    options: DebugOptions | None
    handle: Handle | None = None
    timer: asyncio.TimerHandle | None = None
    refused: int | None = None
    returning: bool = False
    granted: asyncio.Event = field(default_factory=asyncio.Event)

    def end_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True)
class _Batch:
    options: DebugOptions | None
    members: dict[str, _Member] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    first: dict[str, str] = field(default_factory=dict)
    """Who paused first, by breakpoint."""


class Pauses:
    """The pauses of one runner's executions.

    Args:
        queue: The runner's slots.
        hooks: What pauses do through the runner.
    """

    def __init__(self, queue: Queue, hooks: RunnerHooks) -> None:
        self._queue = queue
        self._hooks = hooks
        self._batches: dict[str, _Batch] = {}
        self._members: dict[str, _Member] = {}

    def add(
        self,
        batch_id: str,
        options: DebugOptions | None,
        execution_ids: Iterable[str],
        own: Mapping[str, DebugOptions] = MappingProxyType({}),
    ) -> None:
        """Take a batch in.

        Args:
            batch_id: The batch.
            options: What its request says.
            execution_ids: Its executions.
            own: What differs for some of them.
        """
        batch = _Batch(options)
        for execution_id in execution_ids:
            member = _Member(batch, own.get(execution_id, options))
            batch.members[execution_id] = self._members[execution_id] = member
        if batch.members:
            self._batches[batch_id] = batch

    def options(self, execution_id: str) -> DebugOptions | None:
        """Where an execution pauses; None means only where its wait nodes say so."""
        member = self._members.get(execution_id)
        return member.options if member is not None else None

    def attach(self, execution_id: str, handle: Handle) -> None:
        """An attempt of an execution began."""
        if member := self._members.get(execution_id):
            member.handle = handle

    def detach(self, execution_id: str) -> None:
        """The attempt is over, perhaps in the middle of a pause."""
        if member := self._members.get(execution_id):
            member.handle = None
            member.end_timer()
            member.batch.paused.discard(execution_id)

    def forget(self, batch_id: str, execution_id: str) -> None:
        """An execution is over."""
        self.detach(execution_id)
        self._members.pop(execution_id, None)
        batch = self._batches.get(batch_id)
        if batch is not None:
            batch.members.pop(execution_id, None)
            if not batch.members:
                del self._batches[batch_id]

    async def record(self, event: Held) -> None:
        """Record that an execution stands still or went on, unless the pause is not let happen."""
        member = self._members.get(event.execution_id)
        if member is None or member.handle is None:
            self._hooks.append(event)
        elif isinstance(event, ExecutionPaused):
            await self._begin(member, member.handle, event)
        elif isinstance(event, ExecutionSuspended):
            self._hold(member, member.handle, event)
        elif isinstance(event, ExecutionResumed):
            member.end_timer()
            self._hooks.append(event)
        elif member.refused == event.pause:
            member.refused = None
        else:
            member.end_timer()
            member.batch.paused.discard(event.execution_id)
            self._hooks.append(event)

    async def regain(self, execution_id: str) -> None:
        """Wait for a slot, for an execution whose attempt was lost while it was parked."""
        member = self._members.get(execution_id)
        if member is None:
            return
        self._unpark(execution_id, member)
        if member.returning:
            member.granted.clear()
            self._hooks.pump()
            await member.granted.wait()

    def wake(self, execution_id: str) -> None:
        """End the wait of `regain` without a slot, because the execution is stopped."""
        if member := self._members.get(execution_id):
            member.granted.set()

    def granted(self, execution_id: str) -> bool:
        """Hear that an execution got a slot; False if it does not return from a pause."""
        member = self._members.get(execution_id)
        if member is None or not member.returning:
            return False
        member.returning = False
        if member.handle is None:
            member.granted.set()
        else:
            self._hooks.spawn(_go_on(member.handle), f"continue {execution_id}")
        return True

    async def control(self, execution_id: str, control: Control) -> ControlOutcome:
        """Carry a control out.

        Raises:
            ControlError: The execution's state forbids it; ``current`` names the state.
            ControlInvalidError: It asks for something that cannot be; ``field`` names it.
        """
        member, state = self._members.get(execution_id), self._hooks.state(execution_id)
        if member is None or state.status.is_final:
            raise ControlError(
                f"Execution {execution_id} is over: it is {state.status}", current=state.status
            )
        if isinstance(control, Stop):
            await self._hooks.stop(execution_id)
            return ControlOutcome(message="Execution stopped")
        if isinstance(control, SetBreakpoints):
            return await self._replace(member, control)
        handle = member.handle
        resumes = isinstance(control, _RESUMING)
        needed, what = ExecutionStatus.PAUSED, "is not paused"
        if isinstance(control, Respond):
            needed, what = ExecutionStatus.SUSPENDED, "waits for no answer"
        if handle is None or (resumes and state.status is not needed):
            raise ControlError(f"Execution {execution_id} {what}: it is {state.status}", current=state.status)
        parked = self._queue.is_parked(execution_id)
        sent = control.model_copy(update={"wait": True}) if resumes and parked else control
        outcome = _checked(execution_id, await handle.send(sent))
        if not resumes:
            return outcome
        member.end_timer()
        self._unpark(execution_id, member)
        self._hooks.pump()
        if member.returning:
            return outcome.model_copy(update={"answer": {"waitsForWorker": True}})
        return outcome

    async def replace(self, execution_id: str, wanted: BreakpointSet) -> bool:
        """Give an execution other breakpoints; False if it is over."""
        member = self._members.get(execution_id)
        if member is None:
            return False
        await self._replace(member, SetBreakpoints(breakpoints=wanted))
        return True

    async def replace_all(self, batch_id: str, wanted: BreakpointSet) -> bool:
        """Give all members of a batch other breakpoints; False if the batch is over."""
        batch = self._batches.get(batch_id)
        if batch is None:
            return False
        batch.options = (batch.options or DebugOptions()).with_set(wanted)
        batch.first.clear()
        for member in list(batch.members.values()):
            await self._replace(member, SetBreakpoints(breakpoints=wanted))
        return True

    def breakpoints_of(self, batch_id: str) -> BreakpointSet | None:
        """The breakpoints that hold for a batch; None if it is over."""
        batch = self._batches.get(batch_id)
        return None if batch is None else (batch.options or DebugOptions()).breakpoint_set

    def breakpoints(self, execution_id: str) -> BreakpointSet | None:
        """The breakpoints of an execution; None if it is over."""
        member = self._members.get(execution_id)
        return None if member is None else (member.options or DebugOptions()).breakpoint_set

    def _unpark(self, execution_id: str, member: _Member) -> None:
        if self._queue.unpark(execution_id):
            member.returning = True

    async def _replace(self, member: _Member, control: SetBreakpoints) -> ControlOutcome:
        member.options = (member.options or DebugOptions()).with_set(control.breakpoints)
        outcome = ControlOutcome(message="Breakpoints replaced")
        if member.handle is not None:
            sent = await member.handle.send(control)
            # An attempt that just begins or ends takes none; the next one is given the new ones.
            outcome = sent if sent.result == "applied" else outcome
        return outcome

    async def _begin(self, member: _Member, handle: Handle, event: ExecutionPaused) -> None:
        refusal = self._refusal(member, event)
        if refusal is not None:
            member.refused = event.pause
            facts = event.model_dump(
                by_alias=False, include={"batch_id", "execution_id", "attempt", "number"}
            )
            self._hooks.append(LogLine(level="info", message=refusal, node_id=event.node_id, **facts))
            await handle.send(Continue(owner="batch"))
            return
        member.batch.paused.add(event.execution_id)
        self._hold(member, handle, event)

    def _hold(self, member: _Member, handle: Handle, event: ExecutionPaused | ExecutionSuspended) -> None:
        """Record that an execution stands still, start its time limit, and give its slot to others."""
        self._hooks.append(event)
        if event.timeout_ms is not None:
            timer = asyncio.get_running_loop().call_later
            member.timer = timer(event.timeout_ms / 1000, self._expire, member, event)
        rules = member.options.pause if member.options is not None else PauseRules()
        if not rules.keep_slot and self._queue.park(event.execution_id):
            handle.park()
            self._hooks.pump()

    def _refusal(self, member: _Member, event: ExecutionPaused) -> str | None:
        """Why a pause is not let happen, or None."""
        options, batch = member.options, member.batch
        if options is None or event.reason not in _LIMITED:
            return None
        if options.first:
            first = batch.first.setdefault(event.breakpoint_id or event.reason.value, event.execution_id)
            if first != event.execution_id:
                return f"Not paused at node {event.node_id}: {first} paused there first"
        limit = options.pause.max_paused
        if limit is not None and len(batch.paused) >= limit:
            return f"Not paused at node {event.node_id}: {limit} execution(s) of the batch are paused already"
        return None

    def _expire(self, member: _Member, event: ExecutionPaused | ExecutionSuspended) -> None:
        member.timer = None
        if isinstance(event, ExecutionPaused):
            self._hooks.spawn(self._end_pause(event), f"end the pause of {event.execution_id}")
        else:
            self._hooks.spawn(self._end_question(event), f"end the question of {event.execution_id}")

    async def _end_question(self, event: ExecutionSuspended) -> None:
        """Go on without a reply that did not come in time."""
        asked = self._hooks.state(event.execution_id).question
        if asked is None or asked.number != event.question:
            return
        with suppress(ControlError):  # somebody replied at the last moment
            await self.control(event.execution_id, Respond(expired=True, owner="timeout"))

    async def _end_pause(self, event: ExecutionPaused) -> None:
        """End a pause that nobody ended in time."""
        pause = self._hooks.state(event.execution_id).pause
        if pause is None or pause.number != event.pause:
            return
        facts = event.model_dump(by_alias=False, include={"batch_id", "execution_id", "attempt", "number"})
        ends = "continued" if event.on_timeout == "continue" else "stopped"
        message = f"The pause at node {event.node_id} lasted {event.timeout_ms} ms; {ends}"
        self._hooks.append(LogLine(level="warning", message=message, node_id=event.node_id, **facts))
        if event.on_timeout == "continue":
            try:
                await self.control(event.execution_id, Continue(owner="timeout"))
            except ControlError:
                return  # somebody else ended it at the last moment
        else:
            await self._hooks.stop(event.execution_id)


async def _go_on(handle: Handle) -> None:
    await handle.unpark()
    await handle.send(Proceed())


def _checked(execution_id: str, outcome: ControlOutcome) -> ControlOutcome:
    """The outcome, if the control applied."""
    if outcome.result == "conflict":
        message = f"Execution {execution_id}: {outcome.message}"
        raise ControlError(message, current=outcome.state or "unknown", code=outcome.code)
    if outcome.result == "invalid":
        code: dict[str, Any] = {"code": outcome.code} if outcome.code else {}
        raise ControlInvalidError(outcome.message, field=outcome.field or "action", **code)
    return outcome
