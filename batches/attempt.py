"""One attempt of an execution: from its specification to its final event.

The final event is emitted after the browser contexts are closed and the files are written, so that whoever
sees it finds everything in place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from batches.capture import Capture, CapturePlan
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
from batches.invoke import Invoker
from batches.spec import ExecutionSpec
from batches.walk import Walker, WorkflowFailed
from nodes.context import ExecutionContext, ExecutionSettings, public_view
from nodes.errors import BatchwrightError, BrowserLostError, ExecutionTimeoutError, WorkflowInvalidError
from nodes.plan import Plan
from nodes.provider import BrowserProvider
from nodes.registry import Registry
from nodes.session import BrowserSession
from nodes.validation import prepare

__all__ = ["Attempt"]

MAX_STORE_BYTES: Final = 64 * 1024
"""Largest data or variables store kept at the end, as JSON bytes; a larger one keeps what fits."""

logger = logging.getLogger("batchwright.executions")

_OFF: Final = "none"


class Attempt:
    """Runs one attempt in this process.

    Args:
        spec: What to run.
        registry: The node types.
        provider: Where browsers come from.
        emit: Called with each event, in order; the last is `ExecutionEnded`.
    """

    def __init__(
        self,
        spec: ExecutionSpec,
        registry: Registry,
        provider: BrowserProvider,
        emit: Callable[[Event], None],
    ) -> None:
        self._spec = spec
        self._registry = registry
        self._provider = provider
        self._sink = emit
        self._number = 0
        self._node_id: str | None = None
        self._node_label: str | None = None

    async def run(self) -> None:
        """Run to the end; cancelling it stops the execution in the middle of a node.

        Raises:
            ExecutionLost: The browser died and no final event was emitted.
        """
        try:
            plan, warnings = prepare(
                self._spec.workflow, self._registry, self._spec.options.start_overrides
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
        walker = self._walker(plan, context, invoker)
        status, error = ExecutionStatus.COMPLETED, None
        try:
            async with asyncio.timeout(self._spec.options.timeout_s):
                await walker.run()
        except WorkflowFailed as failure:
            status, error = ExecutionStatus.FAILED, failure.info
        except BrowserLostError as lost:
            raise ExecutionLost(lost.message) from lost
        except TimeoutError:
            status, error = ExecutionStatus.FAILED, await self._timed_out(context, plan)
        except asyncio.CancelledError:
            status = ExecutionStatus.STOPPED
            error = ErrorInfo(code="STOPPED", message="Execution stopped by user", node_id=self._node_id)
        finally:
            await self._close(invoker, context.session)
        self._end(status, error, context)

    async def _close(self, invoker: Invoker, session: BrowserSession) -> None:
        """Close what the attempt has open, even while it is being cancelled."""

        async def close() -> None:
            await invoker.close()
            await session.close()

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
        keeps_dialogs = any(
            (kind := self._registry.find(node.type)) is not None and kind.answers_dialogs
            for node in plan.workflow.nodes
        )
        settings = ExecutionSettings(
            output=Path(self._spec.output),
            root=Path(self._spec.root),
            headless=options.headless,
            browser=options.browser,
            browser_args=options.browser_args,
            ignore_https_errors=options.ignore_https_errors,
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
        data: dict[str, object] = {
            "scrollThenAction": settings.scroll_then_action,
            "isParallelExecution": True,
            "executionId": self._spec.execution_id,
            "batchId": self._spec.batch_id,
            "traceLogs": options.trace_logs,
            "outputDirectory": str(settings.output),
            "screenshotsDirectory": str(settings.screenshots),
        }
        context = ExecutionContext(session, settings, data, dict(options.variables), self._log)
        return context, keeps_dialogs

    def _walker(self, plan: Plan, context: ExecutionContext, invoker: Invoker) -> Walker:
        start = plan.graph.start
        values = start.data if start is not None else {}
        capture = Capture(
            context.session,
            context.settings,
            self._spec.artifacts,
            self._captures(values),
            self._log,
        )
        slow_mo = values.get("slowMo")
        return Walker(
            plan,
            context,
            invoker,
            capture,
            self._emit_node,
            slow_mo_ms=float(slow_mo) if isinstance(slow_mo, int | float) else 0,
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
        capture = Capture(
            context.session, context.settings, self._spec.artifacts, CapturePlan(), self._log
        )
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
        if level == "debug" and not self._spec.options.trace_logs:
            return
        self._emit(LogLine, {"level": level, "message": message, "node_id": self._node_id})

    def _emit_node(self, kind: type[NodeStarted] | type[NodeEnded], fields: dict[str, Any]) -> None:
        if kind is NodeStarted:
            self._node_id = fields["node_id"]
        self._emit(kind, fields)

    def _emit(self, kind: type[ExecutionEvent], fields: dict[str, Any]) -> None:
        self._number += 1
        self._sink(
            kind(
                batch_id=self._spec.batch_id,
                execution_id=self._spec.execution_id,
                attempt=self._spec.attempt,
                number=self._number,
                **fields,
            )
        )


def _limited(store: dict[str, object]) -> dict[str, object]:
    """What of a store fits into the limit; larger values are replaced by a note of their size."""
    if len(_encoded(store)) <= MAX_STORE_BYTES:
        return store
    kept: dict[str, object] = {}
    left = MAX_STORE_BYTES
    for key, value in store.items():
        size = len(_encoded(value))
        kept[key] = value if size <= left else f"<{size} bytes, left out>"
        left -= min(size, left)
    return kept


def _encoded(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
