"""One attempt of an execution: from its specification to its final event.

The final event is emitted after the browser contexts are closed and the files are written, so that whoever
sees it finds everything in place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from playwright.async_api import ConsoleMessage

from batches.asking import Asking
from batches.breakpoints import DebugOptions, Stops
from batches.capture import Capture, CapturePlan
from batches.controls import Control, ControlOutcome
from batches.debugger import Debugger
from batches.encoding import to_bytes
from batches.errors import ExecutionLost
from batches.events import (
    ErrorInfo,
    Event,
    ExecutionEnded,
    ExecutionEvent,
    ExecutionStarted,
    ExecutionStatus,
    LogLine,
    NodeEnded,
    NodeStarted,
)
from batches.gate import Gate, conflict
from batches.invoke import Invoker, answers_dialogs
from batches.screen import Screen
from batches.spec import ExecutionSpec
from batches.trace_files import CONSOLE
from batches.walk import Walker, WorkflowFailed
from nodes.clock import CLOCK, Clock
from nodes.context import ExecutionContext, ExecutionSettings, public_view
from nodes.errors import BrowserLostError, ExecutionTimeoutError, WorkflowInvalidError
from nodes.network import NetworkPolicy
from nodes.plan import Plan
from nodes.provider import BrowserProvider
from nodes.registry import Registry
from nodes.script.pool import WorkerPool
from nodes.secrets import Secrets
from nodes.session import BrowserSession
from nodes.start import StartData
from nodes.validation import prepare

__all__ = ["Attempt"]

MAX_STORE_BYTES: Final = 64 * 1024
"""Largest data or variables store kept at the end, as JSON bytes; a larger one keeps what fits."""

MAX_CONSOLE_MESSAGES: Final = 500
"""So many messages of pages' consoles are kept of an attempt, where they are kept at all."""

MAX_CONSOLE_TEXT: Final = 2_000
"""Characters kept of one of them."""

logger = logging.getLogger("batchwright.executions")

_OFF: Final = "none"

_NEVER_MASKED: Final = frozenset({"node_id", "node_type", "parent_loop_node_id"})
"""Fields of events that refer to the workflow and must not change."""


_PICTURE: Final = "screenshot"
"""Part of an answer that is base64 of a picture: what looks like a secret in it is chance."""


class Attempt:
    """Runs one attempt in this process.

    Args:
        spec: What to run.
        registry: The node types.
        provider: Where browsers come from.
        emit: Called with each event, in order; the last is `ExecutionEnded`.
        scripts: Processes for user JavaScript; without, the attempt has its own.
        screen: Shows its pages to whoever watches.
        secrets: What ``${secrets.NAME}`` stands for; their values leave with no event, file or answer.
    """

    def __init__(
        self,
        spec: ExecutionSpec,
        registry: Registry,
        provider: BrowserProvider,
        emit: Callable[[Event], None],
        scripts: WorkerPool | None = None,
        *,
        screen: Screen | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        self._spec = spec
        self._secrets = secrets or Secrets()
        self._masker = self._secrets.masker()
        self._screen = screen or Screen()
        self._scripts = scripts
        self._registry = registry
        self._provider = provider
        self._sink = emit
        self._number = 0
        self._node_id: str | None = None
        self._node_label: str | None = None
        self._messages = 0
        self._trace = spec.options.trace_logs
        self._debugger: Debugger | None = None

    async def control(self, control: Control) -> ControlOutcome:
        """Carry a control out; before the first node and after the last one none can apply."""
        if self._debugger is None:
            return conflict("The execution has no node to pause at: it is starting or ending", "running")
        outcome = await self._debugger.apply(control)
        shown = self._masker.value(outcome)
        if _PICTURE in outcome.answer:
            answer = {**shown.answer, _PICTURE: outcome.answer[_PICTURE]}
            shown = shown.model_copy(update={"answer": answer})
        return shown

    async def run(self) -> None:
        """Run to the end; cancelling it stops the execution in the middle of a node.

        Raises:
            ExecutionLost: The browser died and no final event was emitted.
        """
        try:
            plan, warnings = prepare(
                self._spec.workflow,
                self._registry,
                self._spec.options.start_overrides,
                forgiving=self._spec.single,
            )
        except WorkflowInvalidError as error:
            self._end(ExecutionStatus.FAILED, ErrorInfo(code=error.code, message=error.message))
            return
        self._emit(ExecutionStarted, {})
        for warning in warnings:
            self._log("warning", warning)
        await self._run_plan(plan)

    async def _run_plan(self, plan: Plan) -> None:
        context, keeps_dialogs = self._context(plan)
        invoker = Invoker(plan, self._registry, context, keeps_dialogs=keeps_dialogs)
        gate = self._gate(lambda: walker.innermost.context)
        asking = Asking(gate.clock, self._emit, self._masker)
        walker = self._walker(plan, context, invoker, (gate, asking))
        if gate.rules.wait_nodes:
            context.pause, context.ask = walker.pause, walker.ask
        gate.knows = walker.knows
        self._debugger = self._debug(gate, walker, invoker, context, asking)
        status, error = ExecutionStatus.COMPLETED, None
        token = CLOCK.set(gate.clock)
        try:
            async with asyncio.timeout(self._spec.options.timeout_s) as limit:
                with gate.clock.watches(limit):
                    await walker.run()
        except WorkflowFailed as failure:
            status, error = ExecutionStatus.FAILED, failure.info
        except BrowserLostError as lost:
            raise ExecutionLost(self._masker.text(lost.message)) from lost
        except TimeoutError:
            status, error = ExecutionStatus.FAILED, await self._timed_out(context, walker.plan)
        except asyncio.CancelledError:
            status = ExecutionStatus.STOPPED
            error = ErrorInfo(code="STOPPED", message="Execution stopped by user", node_id=self._node_id)
        finally:
            CLOCK.reset(token)
            await self._close(invoker, context)
        self._end(status, error, context)

    async def _close(self, invoker: Invoker, context: ExecutionContext) -> None:
        """Close what the attempt has open, even while it is being cancelled."""
        debugger, self._debugger = self._debugger, None

        async def close() -> None:
            await self._screen.close()
            if debugger is not None:
                await debugger.close()
            await invoker.close()
            await context.resources.close()
            if self._scripts is None:
                await context.scripts.close()
            await context.session.close()

        closing = asyncio.create_task(close(), name=f"close {self._spec.execution_id}")
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing
        except Exception:  # a browser that cannot be closed must not change the result
            logger.exception("%s: closing the browser failed", self._spec.execution_id)

    def _context(self, plan: Plan) -> tuple[ExecutionContext, bool]:
        options, start = self._spec.options, plan.graph.start
        values = start.data if start is not None else {}
        keeps_dialogs = answers_dialogs(plan, self._registry)
        settings = ExecutionSettings(
            output=Path(self._spec.output),
            root=Path(self._spec.root),
            headless=options.headless,
            browser=options.browser,
            browser_args=options.browser_args,
            ignore_https_errors=options.ignore_https_errors,
            network=NetworkPolicy(options.reachable_hosts),
            script_timeout_s=options.script_timeout_s,
            script_memory_mb=options.script_memory_mb,
            settle=options.settle,
            record_session=options.record_session or values.get("recordSession") is True,
            scroll_then_action=values.get("scrollThenAction") is True,
        )
        session = BrowserSession(
            self._provider,
            keep_dialogs=keeps_dialogs,
            exclusive=self._spec.exclusive_browser,
            log=self._log,
        )
        self._screen.follow(session)
        if options.trace_logs:
            session.watch_console(self._console)
        data: dict[str, object] = {
            "scrollThenAction": settings.scroll_then_action,
            "isParallelExecution": not self._spec.single,
            "executionId": self._spec.execution_id,
            **({} if self._spec.single else {"batchId": self._spec.batch_id}),
            "traceLogs": options.trace_logs,
            "outputDirectory": str(settings.output),
            "screenshotsDirectory": str(settings.screenshots),
        }
        # Scripts may change what is inside a variable; another attempt starts from what was given.
        variables = deepcopy(dict(options.variables))
        context = ExecutionContext(
            session,
            settings,
            data,
            variables,
            self._log,
            secrets=self._secrets,
            masker=self._masker,
            source=Path(self._spec.source) if self._spec.source is not None else None,
            tracing=lambda: self._trace,
        )
        if self._scripts is not None:
            context.scripts = self._scripts
        return context, keeps_dialogs

    def _gate(self, context: Callable[[], ExecutionContext]) -> Gate:
        debug = self._spec.debug or DebugOptions()
        return Gate(
            stops=Stops(debug.breakpoint_set, debug.known_p95, self._log),
            rules=debug.pause,
            clock=Clock(),
            emit=self._emit,
            values=lambda: {
                "data": public_view(context().data),
                "variables": public_view(context().variables),
                "index": context().variables.get("index"),
            },
        )

    def _debug(
        self, gate: Gate, walker: Walker, invoker: Invoker, context: ExecutionContext, asking: Asking
    ) -> Debugger:
        def set_trace(enabled: bool) -> None:  # noqa: FBT001 - the one argument of a switch
            self._trace = enabled

        return Debugger(
            gate,
            walker,
            invoker,
            context,
            registry=self._registry,
            asking=asking,
            start_overrides=self._spec.options.start_overrides,
            set_trace=set_trace,
        )

    def _walker(
        self, plan: Plan, context: ExecutionContext, invoker: Invoker, holds: tuple[Gate, Asking]
    ) -> Walker:
        start = plan.graph.start
        values = start.data if start is not None else {}
        capture = Capture(
            context.session,
            context.settings,
            self._spec.artifacts,
            self._captures(values),
            self._log,
            masker=self._masker,
        )
        return Walker(
            plan,
            context,
            invoker,
            capture,
            self._emit_node,
            holds=holds,
            slow_mo_ms=StartData.read(values).slow_mo or 0,
        )

    def _captures(self, start: Mapping[str, object]) -> CapturePlan:
        """The Start node's wishes, else the request's (workflow-format.md, section 15)."""
        screenshots = snapshots = _OFF
        wish = self._spec.options.screenshot_config
        if start.get("screenshotAllNodes") is True:
            screenshots = str(start.get("screenshotTiming") or "post")
        elif wish is not None and wish.enabled:
            screenshots = wish.timing
        if start.get("snapshotAllNodes") is True:
            snapshots = str(start.get("snapshotTiming") or "post")
        return CapturePlan(screenshots, snapshots)

    async def _timed_out(self, context: ExecutionContext, plan: Plan) -> ErrorInfo:
        error = ExecutionTimeoutError(self._spec.options.timeout_s or 0)
        pictures: dict[str, str] = {}
        capture = Capture(context.session, context.settings, self._spec.artifacts, CapturePlan(), self._log)
        await capture.around(self._node_id or "execution", "failure", (pictures, {}))
        page = context.session.page_or_none
        node = plan.nodes.get(self._node_id or "")
        where = f" (at node {node.title})" if node is not None else ""
        return ErrorInfo(
            code=error.code,
            message=f"{error.message}{where}",
            node_id=self._node_id,
            node_label=node.label if node is not None else None,
            node_type=node.type if node is not None else None,
            page_url=page.url if page is not None else None,
            screenshot=pictures.get("failure"),
        )

    def _end(
        self, status: ExecutionStatus, error: ErrorInfo | None, context: ExecutionContext | None = None
    ) -> None:
        fields: dict[str, Any] = {"status": status, "error": error}
        if context is not None:
            fields["data"] = _limited(public_view(context.data))
            fields["variables"] = _limited(public_view(context.variables))
            videos = sorted(context.settings.videos.glob("*.webm")) if context.settings.record_session else ()
            fields["videos"] = tuple(f"{self._spec.artifacts}/videos/{video.name}" for video in videos)
        self._emit(ExecutionEnded, fields)

    def _log(self, level: str, message: str) -> None:
        if level == "debug" and not self._trace:
            return
        self._emit(LogLine, {"level": level, "message": message, "node_id": self._node_id})

    def _console(self, message: ConsoleMessage) -> None:
        """Keep what a page writes to its console, up to a number of messages."""
        self._messages += 1
        if self._messages > MAX_CONSOLE_MESSAGES:
            return
        where = message.location.get("url") or "-"
        # Masked first: a part of a secret that is cut off would no longer be known as one.
        text = self._masker.text(message.text)[:MAX_CONSOLE_TEXT]
        self._emit(
            LogLine,
            {"level": CONSOLE, "message": f"[{message.type}] {where} {text}", "node_id": self._node_id},
        )

    def _emit_node(self, kind: type[NodeStarted | NodeEnded], fields: dict[str, Any]) -> None:
        if kind is NodeStarted:
            self._node_id = fields["node_id"]
        self._emit(kind, fields)

    def _emit(self, kind: type[ExecutionEvent], fields: dict[str, Any]) -> None:
        self._number += 1
        shown = fields
        if self._masker:
            shown = {
                name: item if name in _NEVER_MASKED else self._masker.value(item)
                for name, item in fields.items()
            }
        self._sink(
            kind(
                batch_id=self._spec.batch_id,
                execution_id=self._spec.execution_id,
                attempt=self._spec.attempt,
                number=self._number,
                **shown,
            )
        )


def _limited(store: dict[str, object]) -> dict[str, object]:
    """What of a store fits into the limit; larger values are replaced by a note of their size."""
    if len(to_bytes(store)) <= MAX_STORE_BYTES:
        return store
    kept: dict[str, object] = {}
    left = MAX_STORE_BYTES
    for key, value in store.items():
        size = len(to_bytes(value))
        if size <= left:
            kept[key] = value
            left -= size
        else:
            kept[key] = f"<{size} bytes, left out>"
    return kept
