"""Walking a workflow: the main flow, branches, loops and reusable flows, node by node.

Source: workflow-format.md, sections 7 and 11 to 13. Main flow, loop bodies and reusable flows are all
regions of the plan and are walked by the same code, so that bypass, branching, captures, ``slowMo`` and
failures work the same in each of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from batches.capture import Capture
from batches.events import ErrorInfo, NodeEnded, NodeStarted, NodeStatus
from batches.invoke import Invoker
from nodes.context import ExecutionContext, NodeRun
from nodes.document import Node
from nodes.errors import BatchwrightError, BrowserLostError, ReusableFlowError
from nodes.flow import Loop, LoopData, RunReusable, Switch
from nodes.graph import LOOP, SWITCH
from nodes.model import NodeData
from nodes.plan import Plan, Region
from nodes.registry import NodeType

__all__ = ["Walker", "WorkflowFailed"]

Emit = Callable[[type[NodeStarted] | type[NodeEnded], dict[str, Any]], None]

BYPASSED: Final = "Node bypassed"
UNREACHABLE: Final = "Node skipped (unreachable branch)"


class WorkflowFailed(Exception):  # noqa: N818 - control flow of the walk, never shown
    """Raised to leave the walk when a node failed; carries what is reported."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info.message)
        self.info = info


@dataclass(slots=True)
class _Frame:
    """One pass over a region: what is skipped in it, and where it stands."""

    region: Region
    skipped: set[str] = field(default_factory=set)
    iteration: int | None = None
    loop_id: str | None = None
    flows: tuple[str, ...] = ()

    def inner(self, region: Region, *, iteration: int | None, loop_id: str | None) -> _Frame:
        """The frame of a loop iteration inside this one."""
        return _Frame(region, set(self.skipped), iteration, loop_id, self.flows)


@dataclass(slots=True)
class _Pictures:
    screenshots: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, str] = field(default_factory=dict)


class Walker:
    """Walks one workflow once.

    Args:
        plan: What to walk.
        context: The execution's state.
        invoker: Runs handlers.
        capture: Takes pictures.
        emit: Called with an event class and its fields.
        slow_mo_ms: Delay after each node (Start option ``slowMo``).
    """

    def __init__(
        self,
        plan: Plan,
        context: ExecutionContext,
        invoker: Invoker,
        capture: Capture,
        emit: Emit,
        *,
        slow_mo_ms: float = 0,
    ) -> None:
        self._plan = plan
        self._context = context
        self._invoker = invoker
        self._capture = capture
        self._emit = emit
        self._slow_mo_ms = slow_mo_ms
        self._last = plan.main.order[-1] if plan.main.order else None

    async def run(self) -> None:
        """Walk the main flow to its end.

        Raises:
            WorkflowFailed: A node failed without ``failSilently``.
            BrowserLostError: The browser died.
        """
        await self._sequence(_Frame(self._plan.main))

    async def _sequence(self, frame: _Frame) -> None:
        for node_id in frame.region.order:
            await self._step(self._plan.nodes[node_id], frame)

    async def _step(self, node: Node, frame: _Frame) -> None:
        if node.id in frame.skipped:
            self._leave_out(node, frame, NodeStatus.SKIPPED, UNREACHABLE)
        elif node.bypass:
            self._leave_out(node, frame, NodeStatus.BYPASSED, BYPASSED)
            self._take_default(node, frame)
        else:
            await self._execute(node, frame)

    async def _execute(self, node: Node, frame: _Frame) -> None:
        place = self._place(node, frame)
        pictures = _Pictures()
        self._emit(NodeStarted, place)
        began = time.perf_counter()
        try:
            await self._work(node, frame, pictures)
        except (BatchwrightError, WorkflowFailed) as error:
            if isinstance(error, BrowserLostError):
                raise
            info = await self._failure(node, error, pictures)
            self._end(place, node, NodeStatus.FAILED, began, pictures, error=info)
            self._take_default(node, frame)
            if not node.fail_silently:
                raise WorkflowFailed(info) from error
        else:
            self._end(place, node, NodeStatus.COMPLETED, began, pictures)

    async def _work(self, node: Node, frame: _Frame, pictures: _Pictures) -> None:
        into = (pictures.screenshots, pictures.snapshots)
        await self._capture.around(node.id, "pre", into)
        run, data, node_type = await self._invoker.run(node)
        if run.screenshot is not None:
            pictures.screenshots["post"] = self._capture.relative(run.screenshot)
        if self._slow_mo_ms > 0 and (node.id != self._last or frame.loop_id is not None):
            await asyncio.sleep(self._slow_mo_ms / 1000)
        await self._follow(run, node_type, data, frame)
        if "post" not in pictures.screenshots:
            await self._capture.around(node.id, "post", into)

    async def _follow(self, run: NodeRun, node_type: NodeType[Any], data: NodeData, frame: _Frame) -> None:
        """What control-flow nodes do beyond their handler."""
        node = run.node
        if isinstance(node_type, Switch):
            frame.skipped |= self._plan.unselected(node.id, str(self._context.data["switchOutput"]))
        elif isinstance(node_type, Loop):
            await self._iterate(run, node_type, cast("LoopData", data), frame)
        elif isinstance(node_type, RunReusable):
            await self._call(node, frame)

    async def _iterate(self, run: NodeRun, loop: Loop, data: LoopData, frame: _Frame) -> None:
        body = self._plan.body(run.node.id, frame.region)
        if not body.order:
            return
        async for index in loop.iterations(data, run):
            await self._sequence(frame.inner(body, iteration=index, loop_id=run.node.id))

    async def _call(self, node: Node, frame: _Frame) -> None:
        name = str(node.data["contextName"])
        if name in frame.flows:
            path = " -> ".join((*frame.flows, name))
            raise ReusableFlowError(
                f"Reusable flow '{name}' calls itself ({path}); a flow may not run inside itself"
            )
        region = self._plan.flow(name)
        if region is None:
            raise ReusableFlowError(f"No reusable flow is named '{name}'")
        await self._sequence(
            _Frame(region, iteration=frame.iteration, loop_id=frame.loop_id, flows=(*frame.flows, name))
        )

    def _take_default(self, node: Node, frame: _Frame) -> None:
        """A switch that was bypassed or failed silently takes its default branch (section 11)."""
        if node.type == SWITCH:
            frame.skipped |= self._plan.unselected(node.id, "default")

    def _leave_out(self, node: Node, frame: _Frame, status: NodeStatus, message: str) -> None:
        place = self._place(node, frame)
        self._emit(NodeEnded, {**place, "status": status, "message": message, "is_test": node.is_test})
        self._skip_body(node, frame)

    def _skip_body(self, node: Node, frame: _Frame) -> None:
        """The body of a loop that is left out is left out with it."""
        if node.type != LOOP:
            return
        body = self._plan.body(node.id, frame.region)
        inner = frame.inner(body, iteration=None, loop_id=node.id)
        for name in body.order:
            self._leave_out(self._plan.nodes[name], inner, NodeStatus.SKIPPED, UNREACHABLE)

    async def _failure(
        self, node: Node, error: BatchwrightError | WorkflowFailed, pictures: _Pictures
    ) -> ErrorInfo:
        if isinstance(error, WorkflowFailed):
            return error.info
        await self._capture.around(node.id, "failure", (pictures.screenshots, pictures.snapshots))
        page = self._context.session.page_or_none
        return ErrorInfo(
            code=error.code,
            message=error.message,
            node_id=node.id,
            node_label=node.label,
            node_type=node.type,
            page_url=page.url if page is not None else None,
            screenshot=pictures.screenshots.get("failure"),
            retryable=error.retryable,
        )

    def _place(self, node: Node, frame: _Frame) -> dict[str, Any]:
        return {
            "node_id": node.id,
            "node_type": node.type,
            "node_label": node.label,
            "iteration": frame.iteration,
            "parent_loop_node_id": frame.loop_id,
        }

    def _end(
        self,
        place: dict[str, Any],
        node: Node,
        status: NodeStatus,
        began: float,
        pictures: _Pictures,
        *,
        error: ErrorInfo | None = None,
    ) -> None:
        fields = {
            **place,
            "status": status,
            "duration_ms": round((time.perf_counter() - began) * 1000, 2),
            "screenshots": pictures.screenshots,
            "snapshots": pictures.snapshots,
            "is_test": node.is_test,
        }
        if error is not None:
            fields |= {"error": error, "fail_silently": node.fail_silently, "message": error.message}
        self._emit(NodeEnded, fields)
