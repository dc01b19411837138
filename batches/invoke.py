"""Running one node's handler: inputs, references, types, dialogs, and errors in our own words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from pydantic import ValidationError

from batches.encoding import to_bytes
from batches.gate import Jump
from batches.secret_names import masked
from nodes.context import ExecutionContext, NodeRun
from nodes.document import Node
from nodes.errors import (
    BatchwrightError,
    BrowserLostError,
    NodeDataError,
    NodeError,
    NodeTimeoutError,
    NodeTypeUnknownError,
    NotSupportedError,
    PageCrashedError,
    ReusableFlowError,
    SelectorError,
)
from nodes.model import NodeData, describe
from nodes.plan import Plan
from nodes.registry import NodeType, Registry
from nodes.validation import input_properties

__all__ = ["Invoker", "answers_dialogs"]

LOST_GRACE_S: Final = 0.5
"""How long to wait for the news that a browser died, after a call failed because its target was closed."""

_POLL_S: Final = 0.02

_OWN_FAULTS: Final = (
    NodeDataError,
    NodeTypeUnknownError,
    NotSupportedError,
    ReusableFlowError,
    SelectorError,
)
"""Errors that have nothing to do with a browser; one that died meanwhile is no excuse for them."""

MAX_TRACED: Final = 2_000
"""Characters of a node's properties in the log."""

_NOT_TOLD: Final = {"type", "label"}

PENDING_TIMEOUT_S: Final = 35.0
"""How long an action that opened a dialog may take to end once the dialog was answered, seconds."""


class Invoker:
    """Runs handlers for one execution.

    Args:
        plan: The workflow.
        registry: The node types.
        context: The execution's state.
        keeps_dialogs: Whether the workflow has nodes that answer dialogs.
    """

    def __init__(
        self, plan: Plan, registry: Registry, context: ExecutionContext, *, keeps_dialogs: bool
    ) -> None:
        self._plan = plan
        self._registry = registry
        self._context = context
        self._keeps_dialogs = keeps_dialogs
        self._pending: asyncio.Task[None] | None = None

    def replace(self, plan: Plan, *, keeps_dialogs: bool | None = None) -> None:
        """Go on with another workflow.

        Args:
            plan: The workflow.
            keeps_dialogs: Whether it has nodes that answer dialogs; None leaves it as it is.
        """
        self._plan = plan
        if keeps_dialogs is not None:
            self._keeps_dialogs = keeps_dialogs

    def inside(self, plan: Plan, context: ExecutionContext) -> Invoker:
        """Runs the handlers of a workflow that is called from this one.

        Args:
            plan: The called workflow.
            context: What its nodes work with.
        """
        dialogs = answers_dialogs(plan, self._registry)
        if dialogs:
            context.session.hold_dialogs()
        return Invoker(plan, self._registry, context, keeps_dialogs=dialogs or self._keeps_dialogs)

    @property
    def registry(self) -> Registry:
        """The node types."""
        return self._registry

    def type_of(self, node: Node) -> NodeType[Any]:
        """The node's type; raises `NodeTypeUnknownError`."""
        return self._registry.get(node.type)

    def read(self, node: Node, node_type: NodeType[Any]) -> NodeData:
        """The node's properties with inputs resolved, references replaced and types checked.

        Raises:
            NodeDataError: A value that came from outside has the wrong type.
        """
        values = self.with_inputs(node)
        resolved = node_type.model.resolve(
            values, self._context.data, self._context.variables, self._context.secrets
        )
        models = self._plan.models if resolved is node.data else {}
        if node.id in models:
            return models[node.id]
        try:
            model = node_type.model.read(resolved)
        except ValidationError as error:
            # Masked before a part of it is cut off, which would no longer be known as a secret.
            first: dict[str, Any] = dict(self._context.masker.value(error.errors()[0]))
            field = ".".join(str(part) for part in first["loc"])
            raise NodeDataError(f"Node {node.title}: {describe(first)}", field=field) from None
        models[node.id] = model
        return model

    async def run(self, node: Node) -> tuple[NodeRun, NodeData, NodeType[Any]]:
        """Run a node's handler.

        Raises:
            NodeError: The node failed.
            BrowserLostError: The browser died under it.
        """
        run = NodeRun(node, self._context)
        if self._context.tracing():
            self._context.log("debug", f"Node {node.title}: begins, type {node.type}")
        node_type = self.type_of(node)
        try:
            data = self.read(node, node_type)
            if self._context.tracing():
                self._context.log("debug", f"Node {node.title}: runs with {self._shown(data)}")
            if self._keeps_dialogs:
                await self._run_among_dialogs(node_type, data, run)
            else:
                await node_type.run(data, run)
        except Jump:
            raise
        except Exception as error:
            raise await self._translated(error, node) from error
        return run, data, node_type

    def _shown(self, data: NodeData) -> str:
        """The properties that a node was given, for the log; what sounds like a secret is masked."""
        given = data.model_dump(by_alias=True, exclude_unset=True, exclude=_NOT_TOLD)
        # Masked first: a part of a secret that is cut off would no longer be known as one.
        return self._context.masker.text(to_bytes(masked(given)).decode())[:MAX_TRACED]

    async def close(self) -> None:
        """Give up an action that still waits behind a dialog."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)

    def with_inputs(self, node: Node) -> Mapping[str, object]:
        """The node's properties, those with values that other nodes give included (section 8)."""
        names = input_properties(node)
        if not names:
            return node.data
        values = dict(node.data)
        for name in names:
            source = self._plan.graph.input_source(node.id, name)
            if source is not None and source in self._context.variables:
                values[name] = self._context.variables[source]
            else:
                self._context.log(
                    "debug", f"Node {node.title}: input '{name}' has no value; the stored one is used"
                )
        return values

    async def _run_among_dialogs(self, node_type: NodeType[Any], data: NodeData, run: NodeRun) -> None:
        """Run a handler while dialogs may open.

        An action that opens a dialog does not end before the dialog is answered. It is left pending, so that
        the dialog node after it can answer; any other node that needs the page dismisses the dialog first.
        """
        session = self._context.session
        dismisses = node_type.touches_page(data) and not node_type.answers_dialogs
        while dismisses and session.dialog_opened.is_set():
            count = await session.dismiss_dialogs()
            run.log("warning", f"{count} dialog(s) dismissed: the next node is no dialog node")
            await self._finish_pending()
        if not node_type.touches_page(data) or node_type.answers_dialogs:
            await node_type.run(data, run)
            if not session.dialog_opened.is_set():
                await self._finish_pending()
            return
        task = asyncio.create_task(node_type.run(data, run), name=f"node {run.node.id}")
        try:
            await self._until_dialog(task, None)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        if task.done():
            await task
        else:
            self._pending = task

    async def _finish_pending(self) -> None:
        """Wait for the end of the action that opened a dialog, unless it opens another one first."""
        pending = self._pending
        if pending is None:
            return
        opened = await self._until_dialog(pending, PENDING_TIMEOUT_S)
        if pending.done():
            self._pending = None
            await pending
        elif not opened:
            await self.close()
            raise NodeTimeoutError("The action that opened the dialog did not end after the answer")

    async def _until_dialog(self, task: asyncio.Task[None], limit_s: float | None) -> bool:
        """Wait until a task is over or a dialog opens; whether one did."""
        waiting = self._context.session.dialog_opened.wait()
        opened = asyncio.create_task(waiting, name=f"dialog during {task.get_name()}")
        try:
            await asyncio.wait({task, opened}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            return opened.done()
        finally:
            opened.cancel()
            await asyncio.gather(opened, return_exceptions=True)

    async def _translated(self, error: Exception, node: Node) -> BatchwrightError:
        if isinstance(error, PlaywrightError):
            return await self._of_playwright(error, node)
        if isinstance(error, BatchwrightError):
            if self._context.session.lost and not isinstance(error, _OWN_FAULTS):
                return BrowserLostError(f"The browser died before or while node {node.title} used it")
            return error
        self._context.log("error", f"Node {node.title}: {type(error).__name__}: {error}")
        return NodeError(f"{type(error).__name__}: {error}", code="NODE_INTERNAL_ERROR")

    async def _of_playwright(self, error: PlaywrightError, node: Node) -> BatchwrightError:
        message = error.message.strip()
        session = self._context.session
        if "crashed" in message and ("Page" in message or "Target" in message):
            return _crashed(node, message)
        # The news that the page crashed comes after that of the navigation which it ended.
        if "ERR_ABORTED" in message and await _soon(lambda: session.page_crashed):
            return _crashed(node, message)
        if isinstance(error, PlaywrightTimeoutError) and not session.lost:
            return NodeTimeoutError(message)
        closed = "closed" in message or "Connection" in message or "disconnected" in message
        if session.lost or (closed and await self._browser_died()):
            return BrowserLostError(f"The browser died while node {node.title} used it")
        return NodeError(message, code="PAGE_CLOSED" if closed else "BROWSER_CALL_FAILED")

    async def _browser_died(self) -> bool:
        session = self._context.session
        if not session.is_open:
            return False
        lease = session.lease
        return await _soon(lambda: lease.lost or not lease.browser.is_connected())


def _crashed(node: Node, message: str) -> PageCrashedError:
    return PageCrashedError(f"The page crashed while node {node.title} used it: {message}")


def answers_dialogs(plan: Plan, registry: Registry) -> bool:
    """Whether a workflow has nodes that answer dialogs."""
    types = (registry.find(node.type) for node in plan.workflow.nodes)
    return any(kind is not None and kind.answers_dialogs for kind in types)


async def _soon(condition: Callable[[], bool]) -> bool:
    """Whether something holds within a moment, for news that comes after its consequences."""
    try:
        async with asyncio.timeout(LOST_GRACE_S):
            while not condition():  # noqa: ASYNC110 - part of it is the state of a process
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return False
    return True
