"""The scripts of one execution: running them, and what they leave behind.

A script shares nothing with the next one but the stores (workflow-format.md, section 14.1). What it leaves behind
(listeners on the page, timers, calls that it did not wait for) lives on until the execution ends, as it would if the
script ran in this process.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from nodes.context import NodeRun
from nodes.script.bridge import Bridge
from nodes.script.errors import ScriptError
from nodes.script.fetching import fetch
from nodes.script.script import Limits, Script
from nodes.script.stores import Stores
from nodes.script.values import Wire, encode

__all__ = ["evaluate_condition", "run_script"]

_MEMBERS: Final = ("page", "data", "variables", "getData", "setData", "getVariable", "setVariable")
_CONDITION_MEMBERS: Final = ("data", "variables", "getData", "getVariable")

_TURN_S: Final = 30.0
_TOTAL_S: Final = 300.0
"""Limits unless the run sets one: computing at a stretch, and altogether, seconds."""

_MOST_LEFT_BEHIND: Final = 8


async def run_script(run: NodeRun, code: str) -> object:
    """Run code as the body of an async function with the parameter ``context`` (section 14.1).

    Args:
        run: The node's run.
        code: The code; not interpolated.

    Returns:
        What it returned, as the stores keep it; `nodes.script.values.UNDEFINED` for nothing.

    Raises:
        ScriptError: It failed or exceeded a limit.
        playwright.async_api.Error: The browser died under it.
    """
    return await _session(run).run(run, {"code": code, "condition": False, "members": _MEMBERS, "given": {}})


async def evaluate_condition(
    run: NodeRun, expression: str, given: Mapping[str, object] | None = None
) -> bool:
    """Whether a JavaScript expression over ``context`` is truthy (nodes.md, sections D and F.1).

    Args:
        run: The node's run.
        expression: The expression; it sees ``context`` with the stores to read, but no page.
        given: Further names that it sees.

    Raises:
        ScriptError: It failed or exceeded a limit.
    """
    values = dict(given or {})
    start = {"code": expression, "condition": True, "members": _CONDITION_MEMBERS, "given": values}
    return await _session(run).run(run, start) is True


def _session(run: NodeRun) -> _ScriptSession:
    return run.context.resources.get(_ScriptSession, _ScriptSession)


class _Host:
    """The log and the network of a script's execution."""

    def __init__(self, run: NodeRun) -> None:
        self._run = run

    def log(self, level: str, message: str) -> None:
        self._run.log(level, message)

    async def fetch(self, message: dict[str, Any]) -> Wire:
        return await fetch(self._run, message)


class _ScriptSession:
    """Runs the scripts of one execution; closed with it."""

    def __init__(self) -> None:
        self._left: dict[Script, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)

    async def run(self, run: NodeRun, start: dict[str, Any]) -> object:
        limits = _limits(run)
        worker = await run.context.scripts.take(limits.memory_mb)
        script = self._script(run, worker, limits)
        page = run.session.page_or_none if run.session.is_open else None
        given = {name: encode(value, script.bridge) for name, value in start["given"].items()}
        handle = script.bridge.handle_of(page) if page is not None else None
        value, failure = None, None
        try:
            value = await script.run({**start, "given": given, "page": handle})
        except ScriptError as error:
            failure = error
        except BaseException:
            await _abandon(script)
            raise
        await self._leave(run, script, usable=failure is None or type(failure) is ScriptError)
        if failure is not None:
            raise _blamed(run, script, failure) from failure
        return value

    async def aclose(self) -> None:
        """End what scripts left behind."""
        left, self._left = dict(self._left), {}
        for task in left.values():
            task.cancel()
        await asyncio.gather(*left.values(), return_exceptions=True)

    def _script(self, run: NodeRun, worker: Any, limits: Limits) -> Script:
        context = run.context

        def stores(bridge: Bridge) -> Stores:
            return Stores(context.data, context.variables, bridge, memory_mb=limits.memory_mb)

        bridge = partial(Bridge, path=run.path, log=run.log)
        return Script(worker, bridge, stores, _Host(run), limits)

    async def _leave(self, run: NodeRun, script: Script, *, usable: bool) -> None:
        """Give the process back, unless the script left something behind or spoilt it."""
        if not usable or script.stuck:
            await _abandon(script)
        elif script.quiet:
            run.context.scripts.give(script.worker)
        else:
            name = f"script left behind {next(self._numbers)}"
            task = asyncio.create_task(self._live_on(run, script), name=name)
            self._left[script] = task
            if len(self._left) > _MOST_LEFT_BEHIND:
                run.log("warning", "Too many scripts left timers or listeners behind; the oldest is ended")
                next(iter(self._left.values())).cancel()

    async def _live_on(self, run: NodeRun, script: Script) -> None:
        try:
            await script.live_on()
        except ScriptError as error:
            run.log("error", f"What a script left behind was ended: {error.message}")
            await _abandon(script)
        except BaseException:
            await _abandon(script)
            raise
        else:
            run.context.scripts.give(script.worker)
        finally:
            self._left.pop(script, None)


async def _abandon(script: Script) -> None:
    """End a script's process, even while being cancelled."""
    ending = asyncio.gather(script.stop(), script.worker.kill())
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise


def _limits(run: NodeRun) -> Limits:
    seconds = run.settings.script_timeout_s
    return Limits(
        turn_s=seconds or _TURN_S, total_s=seconds or _TOTAL_S, memory_mb=run.settings.script_memory_mb
    )


def _blamed(run: NodeRun, script: Script, failure: ScriptError) -> Exception:
    """The error to report: that of the browser, if its death is why the script failed."""
    if failure.stack:
        run.log("error", failure.stack)
    session = run.session
    lost = script.bridge.lost
    if lost is None or not session.is_open:
        return failure
    gone = session.lost or session.page_crashed or not session.lease.browser.is_connected()
    return lost if gone else failure
