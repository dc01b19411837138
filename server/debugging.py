"""The debugger over HTTP: pausing, going on, looking and changing (api.md, sections 2 and 2.1 to 2.3).

An execution that is not paused is the 400 of the reference. For pause controls it is 409 with the state where it was
paused before, or is over: that is what a race between two clients looks like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import web

from batches.breakpoints import BreakpointSet
from batches.controls import (
    CaptureAccessibility,
    CaptureDom,
    Continue,
    Control,
    ControlOutcome,
    Evaluate,
    Inspect,
    PauseRequest,
    SetValues,
    UpdateWorkflow,
)
from batches.errors import ControlError, NotFoundError
from batches.service import Found, Service
from batches.state import ExecutionState
from server.batch_routes import find_batch
from server.debug_models import (
    Accessibility,
    Breakpoints,
    BreakpointsRequest,
    Captured,
    ContinueRequest,
    Controlled,
    DebugInfoView,
    Evaluated,
    EvaluateRequest,
    ExecutionRequest,
    Inspection,
    InspectQuery,
    PauseAsked,
    PauseControlRequest,
    UpdateWorkflowRequest,
    ValuesChanged,
    VariablesRequest,
    WorkflowUpdated,
)
from server.endpoints import Routes
from server.executions import find_execution
from server.keys import SERVICE
from server.problems import Family, Problem

__all__ = ["add_routes", "asked_to_pause", "continued", "controlled"]

_BASE: Final = "/api/workflows/execution"
_ONE: Final = _BASE + "/{executionId}"
_BATCH: Final = _BASE + "/batch/{batchId}"


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    controls = Routes(app, tag="Control", family=Family.CONTROL)
    refusals = (400, 404, 409)
    controls.post(f"{_BASE}/continue", continue_execution, errors=refusals, examples={"last": {}})
    controls.post(
        f"{_BASE}/pause-control",
        pause_control,
        errors=refusals,
        examples={"skip": {"action": "skip"}, "run to": {"action": "runTo", "nodeId": "checkout"}},
    )
    controls.post(f"{_ONE}/pause", pause_execution, errors=refusals, examples={"now": {"level": "action"}})
    looking = Routes(app, tag="Debugging", family=Family.CONTROL)
    looking.post(f"{_BASE}/update-workflow", update_workflow, errors=refusals)
    looking.post(f"{_BASE}/capture-dom", capture_dom, errors=refusals, examples={"last": {}})
    looking.post(
        f"{_BASE}/capture-accessibility-snapshot",
        capture_accessibility,
        errors=refusals,
        examples={"last": {}},
    )
    looking.get(f"{_BASE}/captured-dom", recent_captured_dom, errors=(404,))
    looking.get(f"{_ONE}/captured-dom", captured_dom, errors=(404,))
    looking.get(f"{_ONE}/inspect", inspect_execution, errors=refusals)
    looking.patch(
        f"{_ONE}/variables",
        change_variables,
        errors=refusals,
        examples={"set": {"variables": {"who": "Ada"}}},
    )
    looking.post(
        f"{_ONE}/evaluate",
        evaluate,
        errors=refusals,
        examples={"elements": {"selector": "button", "highlight": True}, "stores": {"expression": "data"}},
    )
    for path, read, replace in (
        (_ONE, get_breakpoints, put_breakpoints),
        (_BATCH, get_batch_breakpoints, put_batch_breakpoints),
    ):
        looking.get(f"{path}/breakpoints", read, errors=(404, 409))
        looking.put(
            f"{path}/breakpoints",
            replace,
            errors=refusals,
            examples={"one node": {"breakpoints": [{"nodeId": "pay", "condition": "variables.index > 1"}]}},
        )


async def continued(service: Service, body: ContinueRequest) -> Controlled:
    """Let a paused execution go on.

    Raises:
        Problem: There is none (400, 404), or it never was paused (400).
        ControlError: It is not paused any more.
    """
    return await _go_on(service, body.execution_id, Continue(owner=body.owner))


async def controlled(service: Service, body: PauseControlRequest) -> Controlled:
    """Carry a pause control out.

    Raises:
        Problem: There is no such execution (400, 404), or it never was paused (400).
        ControlError: It is not paused any more, or the control does not fit where it stands.
    """
    return await _go_on(service, body.execution_id, body.control())


async def asked_to_pause(service: Service, execution_id: str, body: PauseAsked) -> Controlled:
    """Ask a running execution to pause.

    Raises:
        Problem: There is no such execution (404).
        ControlError: It does not run.
    """
    wish = PauseRequest(level=body.level, reason=body.reason, owner=body.owner)
    return _done(await _control(service, execution_id, wish))


async def continue_execution(request: web.Request, body: ContinueRequest) -> Controlled:
    """Let a paused execution go on, by default the one that paused last.

    Of two clients that do this at the same time one is answered with 409; an execution that never was paused is 400.
    """
    return await continued(request.app[SERVICE], body)


async def pause_control(request: web.Request, body: PauseControlRequest) -> Controlled:
    """Say how a paused execution goes on, by default the one that paused last.

    `skip` leaves out the node that is about to run or has failed, `retry` runs the node again that has run or failed,
    `step` and `stepOver` pause again at the next node, `runTo` at a certain one, `repeatFrom` goes back to one.
    """
    return await controlled(request.app[SERVICE], body)


async def pause_execution(request: web.Request, execution_id: str, body: PauseAsked) -> Controlled:
    """Pause a running execution before its next node, or on its next browser action."""
    return await asked_to_pause(request.app[SERVICE], execution_id, body)


async def update_workflow(request: web.Request, body: UpdateWorkflowRequest) -> WorkflowUpdated:
    """Replace the workflow of an execution that is paused at a node.

    What has run is not run again, and the paused node runs as the new workflow defines it. A workflow that is not
    valid, or lacks the paused node, changes nothing.
    """
    for name in ("nodes", "edges"):
        if not isinstance(body.workflow.get(name), list):
            message = f"workflow must have an array '{name}'"
            raise Problem(400, message, code="WORKFLOW_INVALID", field=f"workflow.{name}")
    sent = _control(request.app[SERVICE], body.execution_id, UpdateWorkflow(workflow=body.workflow))
    outcome = await _or_400(sent)
    return WorkflowUpdated.model_validate({"message": outcome.message, **outcome.answer})


async def capture_dom(request: web.Request, body: ExecutionRequest) -> Captured:
    """Capture the open page of a paused execution, by default the one that paused last."""
    service = request.app[SERVICE]
    outcome = await _or_400(_control(service, body.execution_id, CaptureDom()))
    name = body.execution_id
    found = await find_execution(service, name) if name is not None else service.last_paused()
    return Captured(debug_info=_view(service, found, outcome.answer["debugInfo"]))


async def capture_accessibility(request: web.Request, body: ExecutionRequest) -> Accessibility:
    """The accessibility tree of the open page of a paused execution, by default the one that paused last."""
    outcome = await _or_400(_control(request.app[SERVICE], body.execution_id, CaptureAccessibility()))
    return Accessibility.model_validate(outcome.answer)


async def recent_captured_dom(request: web.Request) -> Captured:
    """What the page of the most recent execution is like while it is paused, or was like when a node failed."""
    service = request.app[SERVICE]
    found = service.last_paused() or service.recent()
    if found is None:
        raise Problem(404, "No execution found", code="NOT_FOUND")
    return await _captured(service, found)


async def captured_dom(request: web.Request, execution_id: str) -> Captured:
    """What the page of an execution is like while it is paused, or was like when a node failed."""
    service = request.app[SERVICE]
    return await _captured(service, await find_execution(service, execution_id))


async def inspect_execution(request: web.Request, execution_id: str, query: InspectQuery) -> Inspection:
    """Where a paused execution stands, its stores, its page, console and failed requests.

    Values whose names sound like secrets are masked.
    """
    service = request.app[SERVICE]
    found = await find_execution(service, execution_id)
    outcome = await _control(service, execution_id, Inspect(include=query.include))
    return Inspection.model_validate({"executionId": found.execution.execution_id, **outcome.answer})


async def change_variables(request: web.Request, execution_id: str, body: VariablesRequest) -> ValuesChanged:
    """Change the data and variables of a paused execution."""
    wish = SetValues(**{name: getattr(body, name) for name in VariablesRequest.model_fields})
    outcome = await _control(request.app[SERVICE], execution_id, wish)
    return ValuesChanged.model_validate({"message": outcome.message, **outcome.answer})


async def evaluate(request: web.Request, execution_id: str, body: EvaluateRequest) -> Evaluated:
    """Ask a paused execution about elements of its page, or evaluate an expression over its stores."""
    wish = Evaluate(**{name: getattr(body, name) for name in EvaluateRequest.model_fields})
    outcome = await _control(request.app[SERVICE], execution_id, wish)
    return Evaluated.model_validate(outcome.answer)


async def get_breakpoints(request: web.Request, execution_id: str) -> Breakpoints:
    """What makes an execution pause that is not over."""
    service = request.app[SERVICE]
    await find_execution(service, execution_id)
    return _shown(await service.breakpoints(execution_id))


async def put_breakpoints(request: web.Request, execution_id: str, body: BreakpointsRequest) -> Breakpoints:
    """Replace the breakpoints of an execution while it runs; with `save` also for the next runs of its file."""
    service = request.app[SERVICE]
    await find_execution(service, execution_id)
    return await _replaced(service, execution_id, body)


async def get_batch_breakpoints(request: web.Request, batch_id: str) -> Breakpoints:
    """What makes the members of a batch pause."""
    service = request.app[SERVICE]
    await find_batch(service, batch_id)
    return _shown(await service.breakpoints(batch_id))


async def put_batch_breakpoints(request: web.Request, batch_id: str, body: BreakpointsRequest) -> Breakpoints:
    """Replace the breakpoints of all members of a batch; with `save` also for the next runs of their files."""
    service = request.app[SERVICE]
    await find_batch(service, batch_id)
    return await _replaced(service, batch_id, body)


async def _replaced(service: Service, name: str, body: BreakpointsRequest) -> Breakpoints:
    wanted = BreakpointSet(**{field: getattr(body, field) for field in BreakpointSet.model_fields})
    await service.set_breakpoints(name, wanted, save=body.save)
    return _shown(wanted)


def _shown(wanted: BreakpointSet) -> Breakpoints:
    return Breakpoints(**{field: getattr(wanted, field) for field in BreakpointSet.model_fields})


async def _control(service: Service, execution_id: str | None, control: Control) -> ControlOutcome:
    if execution_id is not None:
        await find_execution(service, execution_id)
    elif service.recent() is None:
        raise Problem(400, "No execution is paused: there is none", code="NOTHING_PAUSED")
    return await service.control(execution_id, control)


async def _go_on(service: Service, execution_id: str | None, control: Control) -> Controlled:
    """Let an execution go on; one that never was paused cannot be part of a race."""
    try:
        return _done(await _control(service, execution_id, control))
    except ControlError as error:
        found = service.recent() if execution_id is None else await find_execution(service, execution_id)
        if found is None or _may_be_late(found.execution, named=execution_id is not None):
            raise
        raise _refused(error) from error


def _may_be_late(execution: ExecutionState, *, named: bool) -> bool:
    """Whether a control may have come after the pause, or the execution, that it was meant for."""
    was_paused = execution.pause is not None or execution.paused_ms > 0
    return was_paused or (named and execution.status.is_final)


def _refused(error: ControlError) -> Problem:
    return Problem(400, error.message, code=error.code, more={"status": error.current})


def _done(outcome: ControlOutcome) -> Controlled:
    waits = outcome.answer.get("waitsForWorker") is True
    return Controlled(message=outcome.message, waits_for_worker=waits or None)


async def _or_400(work: Awaitable[ControlOutcome]) -> ControlOutcome:
    """The outcome; a state that forbids it is the 400 of api.md, section 2."""
    try:
        return await work
    except ControlError as error:
        raise _refused(error) from error


async def _captured(service: Service, found: Found) -> Captured:
    execution = found.execution
    if execution.pause is not None:
        try:
            outcome = await service.control(execution.execution_id, CaptureDom())
            return Captured(debug_info=_view(service, found, outcome.answer["debugInfo"]))
        except ControlError:
            pass  # it went on meanwhile, or has no page: what was kept is the next best
    kept = next((node.debug for node in reversed(execution.nodes) if node.debug is not None), None)
    try:
        file = await service.artifact(kept) if kept is not None else None
    except NotFoundError:
        file = None
    if file is None:
        raise Problem(404, "Nothing was captured for this execution", code="NOTHING_CAPTURED")
    return Captured(debug_info=_view(service, found, await asyncio.to_thread(_read, file)))


def _read(file: Path) -> Any:
    return orjson.loads(file.read_bytes())


def _view(service: Service, found: Found | None, info: Any) -> DebugInfoView:
    """Debug information with the paths and names that a client can use."""
    folder = service.shelf.folder_of(found.execution.execution_id) if found is not None else None
    view = DebugInfoView.model_validate(info)
    pictures = {timing: str(service.output / path) for timing, path in view.screenshot_paths.items()}
    name = folder.name if folder is not None else None
    return view.model_copy(update={"screenshot_paths": pictures, "execution_folder_name": name})
