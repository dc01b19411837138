"""Walking a workflow: the main flow, branches, loops and reusable flows, node by node.

Source: workflow-format.md, sections 7 and 11 to 13. Main flow, loop bodies and reusable flows are all
regions of the plan and are walked by the same code, so that bypass, branching, captures, ``slowMo`` and
failures work the same in each of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from batches.asking import Asking
from batches.capture import Capture, KeptDebugInfo
from batches.events import ErrorInfo, NodeEnded, NodeStarted, NodeStatus
from batches.frames import Frame, Stack
from batches.gate import Gate, Jump, Spot, Verdict
from batches.invoke import Invoker
from batches.nesting import SEPARATOR, Host
from nodes.context import ExecutionContext, NodeRun
from nodes.document import Node
from nodes.errors import BatchwrightError, BrowserLostError, ReusableFlowError
from nodes.flow import Loop, LoopData, RunReusable, Switch
from nodes.graph import LOOP, SWITCH
from nodes.model import NodeData
from nodes.plan import Plan
from nodes.questions import Question, Reply
from nodes.registry import NodeType
from nodes.sub_workflow import SubWorkflow, SubWorkflowData

__all__ = ["Walker", "WorkflowFailed"]

Emit = Callable[[type[NodeStarted] | type[NodeEnded], dict[str, Any]], None]

BYPASSED: Final = "Node bypassed"
UNREACHABLE: Final = "Node skipped (unreachable branch)"
TURN_S: Final = 0.005
"""So long a walk may go on before others get their turn, seconds."""

LEFT: Final = "Left, to repeat from an earlier node"


class WorkflowFailed(Exception):  # noqa: N818 - control flow of the walk, never shown
    """Raised to leave the walk when a node failed; carries what is reported."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info.message)
        self.info = info


@dataclass(slots=True)
class _Try:
    """One run of a node: its place in the walk, when it began by the execution's clock, and its pictures."""

    place: dict[str, Any]
    began: float
    screenshots: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, str] = field(default_factory=dict)
    debug: KeptDebugInfo | None = None


class Walker:
    """Walks one workflow once.

    Args:
        plan: What to walk.
        context: The execution's state.
        invoker: Runs handlers.
        capture: Takes pictures.
        emit: Called with an event class and its fields.
        holds: The gate, passed before and after each node, and what asks people.
        slow_mo_ms: Delay after each node (Start option ``slowMo``).
        host: The node of another walk that calls this one.
    """

    def __init__(
        self,
        plan: Plan,
        context: ExecutionContext,
        invoker: Invoker,
        capture: Capture,
        emit: Emit,
        *,
        holds: tuple[Gate, Asking],
        slow_mo_ms: float = 0,
        host: Host | None = None,
    ) -> None:
        self._plan = plan
        self._context = context
        self._invoker = invoker
        self._capture = capture
        self._emit = emit
        self._holds = holds
        self._gate, self._asking = holds
        self._clock = self._gate.clock
        self._host = host or Host()
        self._inner: dict[str, Walker] = {}
        self._stack = Stack()
        self._executed: dict[str, None] = {}
        self._turn_began = time.perf_counter()
        self._slow_mo_ms = slow_mo_ms
        self._last = plan.main.order[-1] if plan.main.order else None

    async def run(self) -> None:
        """Walk the main flow to its end.

        Raises:
            WorkflowFailed: A node failed without ``failSilently``.
            BrowserLostError: The browser died.
        """
        await self._sequence(Frame(self._plan.main))

    async def pause(self, node: Node) -> bool:
        """Pause inside a wait node; False if its wait shall be left out.

        Raises:
            Jump: The walk shall go on at an earlier node.
        """
        return await self._gate.wait(self._spot(node, self._stack.top))

    async def ask(self, node: Node, question: Question) -> Reply:
        """Suspend inside a node until somebody replies."""
        return await self._asking.ask(self._spot(node, self._stack.top), question)

    @property
    def plan(self) -> Plan:
        """What is walked."""
        return self._plan

    @property
    def innermost(self) -> Walker:
        """The walk that is going on: this one, or that of a sub-workflow inside it."""
        return next((inner.innermost for inner in self._inner.values()), self)

    @property
    def context(self) -> ExecutionContext:
        """What the nodes of this walk work with."""
        return self._context

    def knows(self, node_id: str) -> bool:
        """Whether there is a node with this id; nodes of sub-workflows are known while these run."""
        if node_id in self._plan.nodes:
            return True
        head, separator, rest = node_id.partition(SEPARATOR)
        node = self._plan.nodes.get(head)
        if not separator or node is None or node.type != SubWorkflow.name:
            return False
        inner = self._inner.get(head)
        return inner is None or inner.knows(rest)

    @property
    def spot(self) -> Spot | None:
        """Where the walk stands, or None before and after it."""
        if not self._stack:
            return None
        frame = self._stack.top
        return self._spot(self._plan.nodes[frame.current], frame)

    def properties(self, name: str) -> Mapping[str, object]:
        """The properties of a node, values from other nodes included; nothing for a node of another walk.

        Args:
            name: Its id as it is known outside.
        """
        node = self._plan.nodes.get(self._host.own(name) or "")
        return self._invoker.with_inputs(node) if node is not None else {}

    def replace(self, plan: Plan) -> None:
        """Walk on with another workflow; what was executed is not run again.

        Raises:
            WorkflowInvalidError: The node where the walk stands, or a loop or flow around it, is not at its place
                in the new workflow. The walk goes on with the old one.
        """
        self._stack.move_to(plan)
        self._plan = plan
        self._last = plan.main.order[-1]
        self._invoker.replace(plan)

    def progress(self, *, passed: bool) -> tuple[list[str], list[str]]:
        """What the walk still has before it, innermost sequence first, and what it has executed.

        Args:
            passed: Whether the node where it stands has run already.
        """
        return self._stack.ahead(passed=passed), list(self._executed)

    def _spot(self, node: Node, frame: Frame) -> Spot:
        depth = self._host.depth + len(self._stack)
        return Spot(self._host.shown(node), self._place(node, frame), depth, self._reaches)

    def _reaches(self, node_id: str) -> bool:
        own = self._host.own(node_id)
        return (own is not None and self._stack.reaches(own)) or self._host.reaches(node_id)

    async def _sequence(self, frame: Frame) -> None:
        with self._stack.within(frame):
            while frame.at < len(frame.order):
                try:
                    await self._step(self._plan.nodes[frame.current], frame)
                    frame.at += 1
                    await self._take_turns()
                except Jump as jump:
                    target = self._host.own(jump.node_id)
                    if target is None or not frame.reaches(target):
                        raise
                    frame.go_back(target, self._plan)

    async def _take_turns(self) -> None:
        """Let others run: a walk whose nodes wait for nothing would hold the event loop to its end."""
        if time.perf_counter() - self._turn_began > TURN_S:
            await asyncio.sleep(0)
            self._turn_began = time.perf_counter()

    async def _step(self, node: Node, frame: Frame) -> None:
        if node.id in frame.skipped:
            self._leave_out(node, frame, NodeStatus.SKIPPED, UNREACHABLE)
            return
        if frame.loop_id is not None and self._invoker.registry.find(node.type) is None:
            self._ignore(node, frame)
            return
        if not node.bypass and self._gate.armed:
            if not await self._gate.before(self._spot(node, frame)):
                self._take_default(node, frame)
                return
            node = self._plan.nodes[node.id]
        if node.bypass:
            self._leave_out(node, frame, NodeStatus.BYPASSED, BYPASSED)
            self._take_default(node, frame)
        else:
            await self._execute(node, frame)

    async def _execute(self, node: Node, frame: Frame) -> None:
        while not await self._try(node, frame):
            node = self._plan.nodes[node.id]

    async def _try(self, node: Node, frame: Frame) -> bool:
        """Run a node; False if it failed and shall be run again."""
        tried = _Try(self._place(node, frame), self._clock.time())
        self._emit(NodeStarted, tried.place)
        try:
            await self._work(node, frame, tried)
        except Jump:
            self._end(tried, node, NodeStatus.SKIPPED, message=LEFT)
            raise
        except (BatchwrightError, WorkflowFailed) as error:
            if isinstance(error, BrowserLostError):
                raise
            await self._gate.released()
            return await self._fail(node, frame, error, tried)
        await self._gate.released()
        duration_ms = self._end(tried, node, NodeStatus.COMPLETED)
        if self._gate.armed:
            await self._gate.after(self._spot(node, frame), duration_ms)
        return True

    async def _fail(
        self, node: Node, frame: Frame, error: BatchwrightError | WorkflowFailed, tried: _Try
    ) -> bool:
        """End a node that failed; False if it shall be run again."""
        info = await self._failure(node, error, tried)
        verdict = Verdict.FAIL
        if self._gate.breaks_on_error and not node.fail_silently and isinstance(error, BatchwrightError):
            try:
                verdict = await self._gate.failed(self._spot(node, frame), info)
            except Jump:
                self._end(tried, node, NodeStatus.SKIPPED, message=LEFT)
                raise
        if verdict is Verdict.RETRY:
            self._context.log("info", f"Node {node.title} runs again after its failure: {info.message}")
            return False
        if verdict is Verdict.SKIP:
            self._end(tried, node, NodeStatus.SKIPPED, message=f"Skipped after its failure: {info.message}")
        else:
            self._end(tried, node, NodeStatus.FAILED, error=info)
        self._take_default(node, frame)
        if verdict is Verdict.FAIL and not node.fail_silently:
            raise WorkflowFailed(info) from error
        return True

    async def _work(self, node: Node, frame: Frame, tried: _Try) -> None:
        into = (tried.screenshots, tried.snapshots)
        await self._capture.around(self._host.name(node.id), "pre", into)
        run, data, node_type = await self._invoker.run(node)
        if run.screenshot is not None:
            tried.screenshots["post"] = self._capture.relative(run.screenshot)
        if self._slow_mo_ms > 0 and (node.id != self._last or frame.loop_id is not None):
            await asyncio.sleep(self._slow_mo_ms / 1000)
        await self._follow(run, node_type, data, frame)
        if "post" not in tried.screenshots:
            await self._capture.around(self._host.name(node.id), "post", into)

    async def _follow(self, run: NodeRun, node_type: NodeType[Any], data: NodeData, frame: Frame) -> None:
        """What control-flow nodes do beyond their handler."""
        node = run.node
        if isinstance(node_type, Switch):
            frame.choose(node.id, str(self._context.data["switchOutput"]), self._plan)
        elif isinstance(node_type, Loop):
            await self._iterate(run, node_type, cast("LoopData", data), frame)
        elif isinstance(node_type, RunReusable):
            await self._call(node, frame)
        elif isinstance(node_type, SubWorkflow):
            await self._enter(run, node_type, cast("SubWorkflowData", data), frame)

    async def _enter(self, run: NodeRun, node_type: SubWorkflow, data: SubWorkflowData, frame: Frame) -> None:
        """Walk another workflow file inside a node."""
        plan, context = await node_type.open(data, run, self._invoker.registry)
        invoker = self._invoker.inside(plan, context)
        host = self._host.inside(run.node, frame, depth=len(self._stack), reaches=self._reaches)
        inner = self._inner[run.node.id] = Walker(
            plan,
            context,
            invoker,
            self._capture,
            self._emit,
            holds=self._holds,
            slow_mo_ms=self._slow_mo_ms,
            host=host,
        )
        if self._context.pause is not None:
            context.pause, context.ask = inner.pause, inner.ask
        try:
            await inner.run()
        finally:
            del self._inner[run.node.id]
            await invoker.close()
        node_type.close(data, run, context)

    async def _iterate(self, run: NodeRun, loop: Loop, data: LoopData, frame: Frame) -> None:
        if not self._plan.body(run.node.id, frame.region).order:
            return
        async for index in loop.iterations(data, run):
            # Asked anew each time: the workflow may have been replaced during a pause.
            body = self._plan.body(run.node.id, frame.region)
            await self._sequence(frame.inner(body, iteration=index, loop_id=run.node.id))

    async def _call(self, node: Node, frame: Frame) -> None:
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
            Frame(region, iteration=frame.iteration, loop_id=frame.loop_id, flows=(*frame.flows, name))
        )

    def _take_default(self, node: Node, frame: Frame) -> None:
        """A switch that was bypassed or failed silently takes its default branch (section 11)."""
        if node.type == SWITCH:
            frame.choose(node.id, "default", self._plan)

    def _ignore(self, node: Node, frame: Frame) -> None:
        """Pass by a child of a loop whose type nobody knows (section 12.3); in the main flow it fails."""
        message = f"Node ignored: no handler found for node type: {node.type}"
        if not frame.iteration:
            self._context.log(
                "warning", f"Node {node.title} in a loop is ignored: unknown type '{node.type}'"
            )
        self._leave_out(node, frame, NodeStatus.SKIPPED, message)

    def _leave_out(self, node: Node, frame: Frame, status: NodeStatus, message: str) -> None:
        place = self._place(node, frame)
        self._emit(NodeEnded, {**place, "status": status, "message": message, "is_test": node.is_test})
        self._executed[node.id] = None
        self._skip_body(node, frame)

    def _skip_body(self, node: Node, frame: Frame) -> None:
        """The body of a loop that is left out is left out with it."""
        if node.type != LOOP:
            return
        body = self._plan.body(node.id, frame.region)
        inner = frame.inner(body, iteration=None, loop_id=node.id)
        for name in body.order:
            self._leave_out(self._plan.nodes[name], inner, NodeStatus.SKIPPED, UNREACHABLE)

    async def _failure(self, node: Node, error: BatchwrightError | WorkflowFailed, tried: _Try) -> ErrorInfo:
        if isinstance(error, WorkflowFailed):
            return error.info
        await self._capture.around(self._host.name(node.id), "failure", (tried.screenshots, tried.snapshots))
        tried.debug = await self._capture.debug_info(node, tried.screenshots)
        page = self._context.session.page_or_none
        return ErrorInfo(
            code=error.code,
            message=error.message,
            node_id=self._host.name(node.id),
            node_label=node.label,
            node_type=node.type,
            page_url=page.url if page is not None else None,
            screenshot=tried.screenshots.get("failure"),
            retryable=error.retryable,
        )

    def _place(self, node: Node, frame: Frame) -> dict[str, Any]:
        iteration, loop_id = self._host.loop_around(frame)
        return {
            "node_id": self._host.name(node.id),
            "node_type": node.type,
            "node_label": node.label,
            "iteration": iteration,
            "parent_loop_node_id": loop_id,
        }

    def _end(
        self,
        tried: _Try,
        node: Node,
        status: NodeStatus,
        *,
        error: ErrorInfo | None = None,
        message: str | None = None,
    ) -> float:
        """Report the end of a node; returns how long it took without pauses, ms."""
        duration_ms = round((self._clock.time() - tried.began) * 1000, 2)
        fields = {
            **tried.place,
            "status": status,
            "duration_ms": duration_ms,
            "message": message,
            "screenshots": tried.screenshots,
            "snapshots": tried.snapshots,
            "debug": tried.debug.file if tried.debug is not None else None,
            "similar_selectors": tried.debug.similar_selectors if tried.debug is not None else None,
            "is_test": node.is_test,
        }
        if error is not None:
            fields |= {"error": error, "fail_silently": node.fail_silently, "message": error.message}
        self._emit(NodeEnded, fields)
        self._executed[node.id] = None
        return duration_ms
