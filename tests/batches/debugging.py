"""Debugging executions in tests: documents that leave a trail, and waiting for pauses."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from batches.breakpoints import DebugOptions
from batches.controls import ControlOutcome, parse_control
from batches.events import ExecutionContinued, ExecutionPaused, NodeEnded, NodeStarted
from batches.state import BatchState, ExecutionState
from tests.batches.runs import Stage, request, stage
from tests.running import chain, node, workflow

START = node("start", "start")


def say(name: str, **data: Any) -> dict[str, Any]:
    """A node that leaves its own id in `variables`."""
    return node(name, "stringValue", value=name, variableName=name, **data)


def trail(*names: str) -> dict[str, Any]:
    """A workflow of such nodes, one after the other."""
    return chain(START, *map(say, names))


def looping(items: list[Any], *names: str, after: str = "after") -> dict[str, Any]:
    """A loop over items with these nodes in its body, and one node after it."""
    edges: list[tuple[str, ...]] = [("start", "given"), ("given", "loop"), ("loop", names[0], "output")]
    edges += [(left, right) for left, right in itertools.pairwise(names)]
    edges.append(("loop", after, "loopComplete"))
    given = node("given", "setConfig.setConfig", config={"items": items})
    loop = node("loop", "loop", mode="forEach", arrayVariable="items")
    return workflow([START, given, loop, *map(say, names), say(after)], edges)


def calling(*names: str, times: int = 1) -> dict[str, Any]:
    """Calls of a reusable flow with these nodes in it, and one node after them."""
    calls = [f"call{number}" for number in range(1, times + 1)]
    line = ["start", *calls, "after"]
    flow = ["define", *names, "end"]
    edges: list[tuple[str, ...]] = [*itertools.pairwise(line), *itertools.pairwise(flow)]
    nodes = [START, node("define", "reusable.reusable", contextName="flow"), *map(say, names)]
    nodes += [node("end", "reusable.end"), say("after")]
    nodes += [node(call, "reusable.runReusable", contextName="flow") for call in calls]
    return workflow(nodes, edges)


def debug(**options: Any) -> DebugOptions:
    return DebugOptions.model_validate(options)


def at(*nodes: str, where: str = "pre", **more: Any) -> DebugOptions:
    """Breakpoints at these nodes."""
    return debug(breakpoints=[{"nodeId": name, "at": where} for name in nodes], **more)


class Debugging:
    """A stage with one batch on it, and the controls of a debugger."""

    def __init__(self, run: Stage, state: BatchState) -> None:
        self.run = run
        self.state = state

    @property
    def only(self) -> ExecutionState:
        (execution,) = self.state.executions.values()
        return execution

    def member(self, number: int) -> ExecutionState:
        return list(self.state.executions.values())[number]

    @property
    def pauses(self) -> list[ExecutionPaused]:
        return [item for item in self.run.events if isinstance(item, ExecutionPaused)]

    @property
    def continued(self) -> list[ExecutionContinued]:
        return [item for item in self.run.events if isinstance(item, ExecutionContinued)]

    async def paused(self, count: int) -> ExecutionPaused:
        """Wait for the pause with this number, counted over the whole batch from 1."""
        await self.run.until(lambda: len(self.pauses) >= count)
        return self.pauses[count - 1]

    async def send(
        self, action: str, execution: ExecutionState | None = None, **fields: Any
    ) -> ControlOutcome:
        control = parse_control({"action": action, **fields})
        return await self.run.runner.pauses.control((execution or self.only).execution_id, control)

    async def over(self) -> BatchState:
        return await self.run.over(self.state.batch_id)

    def ran(self) -> list[str]:
        """Ids of the nodes that ran to an end, in order."""
        ended = (item for item in self.run.events if isinstance(item, NodeEnded))
        return [item.node_id for item in ended if item.status in ("completed", "failed")]

    def begun(self) -> list[str]:
        return [item.node_id for item in self.run.events if isinstance(item, NodeStarted)]


@asynccontextmanager
async def debugging(
    tmp_path: Path, *documents: Mapping[str, Any], slots: int = 4, **options: Any
) -> AsyncIterator[Debugging]:
    """Run a batch of these documents."""
    async with stage(tmp_path, slots=slots) as run:
        yield Debugging(run, await run.runner.submit(request(*documents, **options)))


async def settled() -> None:
    """Let everything that is ready to run have its turn."""
    for _ in range(20):
        await asyncio.sleep(0)
