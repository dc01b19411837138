"""The debugger of one attempt: carries out the controls that are sent to it.

Resuming controls go to the gate; the others look at the execution or change what it will do. A control that
cannot apply is answered with the reason, never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from playwright.async_api import Error

from batches.action_pause import ActionPause
from batches.asking import Asking
from batches.controls import (
    CaptureAccessibility,
    CaptureDom,
    Control,
    ControlOutcome,
    Evaluate,
    Inspect,
    PauseRequest,
    Proceed,
    Respond,
    SetBreakpoints,
    SetValues,
    Stop,
    TraceLogs,
    UpdateWorkflow,
)
from batches.debug_info import collect, failed_selector
from batches.events import PauseAt, PauseReason
from batches.gate import Gate, Standing, conflict, invalid
from batches.invoke import Invoker, answers_dialogs
from batches.looking import Looking, no_page
from batches.walk import Walker
from nodes.accessibility import accessibility_snapshot
from nodes.context import ExecutionContext
from nodes.errors import NodeError, WorkflowInvalidError
from nodes.limits import time_limit
from nodes.registry import Registry
from nodes.validation import prepare

__all__ = ["Debugger"]

_CAPTURE_MS = 10_000.0


class Debugger:
    """Carries out controls for one attempt.

    Args:
        gate: Where the attempt is held.
        walker: Walks its workflow.
        invoker: Runs its nodes.
        context: Its stores and browser.
        registry: The node types.
        asking: What it asks people.
        start_overrides: Merged over the Start node of a workflow that replaces this one.
        set_trace: Switches debug lines of its log on or off.
    """

    def __init__(
        self,
        gate: Gate,
        walker: Walker,
        invoker: Invoker,
        context: ExecutionContext,
        *,
        registry: Registry,
        asking: Asking,
        start_overrides: Mapping[str, object],
        set_trace: Callable[[bool], None],
    ) -> None:
        self._gate = gate
        self._walker = walker
        self._invoker = invoker
        self._context = context
        self._registry = registry
        self._asking = asking
        self._start_overrides = start_overrides
        self._set_trace = set_trace
        self._looking = Looking(lambda: walker.innermost, registry)
        self._actions = ActionPause(context.session, walker, gate)

    async def apply(self, control: Control) -> ControlOutcome:
        """Carry a control out and say what became of it."""
        match control:
            case PauseRequest():
                outcome = await self._pause(control)
            case Respond():
                outcome = self._asking.accept(control)
            case Proceed():
                outcome = self._asking.proceed() if self._asking.waits else self._gate.proceed()
            case SetBreakpoints():
                outcome = self._gate.replace(control.breakpoints)
            case TraceLogs():
                outcome = self._trace(enabled=control.enabled)
            case Stop():
                outcome = conflict("An attempt is stopped by cancelling it", "running")
            case (
                Inspect()
                | Evaluate()
                | CaptureDom()
                | CaptureAccessibility()
                | SetValues()
                | UpdateWorkflow()
            ):
                outcome = await self._while_paused(control)
            case _:
                outcome = self._gate.accept(control)
                if outcome.result == "applied":
                    await self._looking.unmark()
        return outcome

    async def close(self) -> None:
        """End what still waits."""
        await self._actions.close()

    async def _while_paused(
        self, control: Inspect | Evaluate | CaptureDom | CaptureAccessibility | SetValues | UpdateWorkflow
    ) -> ControlOutcome:
        standing = self._gate.standing
        if standing is None:
            return conflict("The execution is not paused: it is running", "running")
        match control:
            case Inspect():
                return await self._looking.inspect(standing, control)
            case Evaluate():
                return await self._looking.evaluate(standing, control)
            case SetValues():
                return self._set_values(control)
            case UpdateWorkflow():
                return self._update(control, standing)
            case CaptureDom() | CaptureAccessibility():
                return await self._capture(control, standing)

    async def _pause(self, request: PauseRequest) -> ControlOutcome:
        if self._gate.standing is not None or request.level == "node":
            return self._gate.request(request)
        if self._context.session.page_or_none is None:
            return no_page()
        try:
            await self._actions.request()
        except (Error, TimeoutError) as error:
            return conflict(f"The browser cannot be paused now: {error}", "running")
        return ControlOutcome(message="The execution pauses on its next browser action")

    def _trace(self, *, enabled: bool) -> ControlOutcome:
        self._set_trace(enabled)
        self._context.data["traceLogs"] = enabled
        return ControlOutcome(message=f"Trace logs {'enabled' if enabled else 'disabled'}")

    def _set_values(self, wanted: SetValues) -> ControlOutcome:
        context = self._walker.innermost.context
        for store, values, gone in (
            (context.data, wanted.data, wanted.remove_data),
            (context.variables, wanted.variables, wanted.remove_variables),
        ):
            store.update(values)
            for key in gone:
                store.pop(key, None)
        changed = {
            "data": [*wanted.data, *wanted.remove_data],
            "variables": [*wanted.variables, *wanted.remove_variables],
        }
        return ControlOutcome(message="Values changed", answer={"changed": changed})

    def _update(self, wanted: UpdateWorkflow, standing: Standing) -> ControlOutcome:
        """Replace the workflow (api.md, section 2.3); a rejected one changes nothing."""
        if standing.hit.reason is PauseReason.WAIT_PAUSE:
            return invalid(
                "The workflow cannot be replaced while a wait node pauses; use a breakpoint",
                "workflow",
                "WAIT_PAUSE_NOT_ALLOWED",
            )
        if standing.at is PauseAt.ACTION or standing.command is not None:
            return conflict(
                "The workflow can be replaced only while the execution is paused at a node", "paused"
            )
        if self._walker.innermost is not self._walker:
            return conflict("The workflow cannot be replaced while a sub-workflow runs in it", "paused")
        try:
            plan, warnings = prepare(wanted.workflow, self._registry, self._start_overrides, forgiving=True)
            self._walker.replace(plan)
        except WorkflowInvalidError as error:
            return invalid(error.message, "workflow", error.code)
        dialogs = answers_dialogs(plan, self._registry)
        if dialogs:
            self._context.session.hold_dialogs()
        self._invoker.replace(plan, keeps_dialogs=dialogs)
        for warning in warnings:
            self._context.log("warning", warning)
        ahead, executed = self._walker.progress(passed=standing.at is PauseAt.POST)
        return ControlOutcome(
            message="Workflow updated", answer={"executionOrder": ahead, "executedNodes": executed}
        )

    async def _capture(
        self, control: CaptureDom | CaptureAccessibility, standing: Standing
    ) -> ControlOutcome:
        session = self._context.session
        page = session.page_or_none
        if page is None:
            return no_page()
        try:
            async with time_limit(2 * _CAPTURE_MS, "Looking at the page"):
                if isinstance(control, CaptureAccessibility):
                    tree = await accessibility_snapshot(page)
                    return ControlOutcome(message="Snapshot taken", answer={"accessibilityTree": tree})
                selector = failed_selector(standing.spot.node) if standing.at is PauseAt.ERROR else None
                info = await collect(session, self._context.masker, selector=selector)
        except (Error, NodeError) as error:
            return invalid(f"The page cannot be captured: {error.message}", "page", "CAPTURE_FAILED")
        return ControlOutcome(
            message="Page captured", answer={"debugInfo": info.model_dump(mode="json", exclude_none=True)}
        )
