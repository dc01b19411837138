"""What nodes open for a whole execution is closed with it, however it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest

from batches.attempt import Attempt
from batches.events import Event, ExecutionEnded
from batches.pool import BrowserPool
from batches.spec import ExecutionSpec
from nodes.context import NodeRun
from nodes.errors import NodeError
from nodes.model import NodeData, Text
from nodes.registry import NodeType, Registry
from nodes.resources import Resources
from nodes.start import Start
from tests.running import chain, node


class Line:
    """A resource that notes when it is closed."""

    closed: ClassVar[list[str]] = []

    async def aclose(self) -> None:
        self.closed.append("line")


class Broken:
    """A resource that cannot be closed."""

    async def aclose(self) -> None:
        raise OSError("stuck")


class UseData(NodeData):
    """What happens after the line was opened."""

    then: Text = None
    """`fail` or `wait`."""


class Use(NodeType[UseData]):
    """Open the line, then end, fail or wait for ever."""

    name = "test.use"
    title = "Use"
    reached = asyncio.Event()

    async def run(self, data: UseData, run: NodeRun) -> None:
        run.context.resources.get(Broken, Broken)
        assert run.context.resources.get(Line, Line) is run.context.resources.find(Line)
        self.reached.set()
        if data.then == "fail":
            raise NodeError("on purpose")
        if data.then == "wait":
            await asyncio.Event().wait()


@pytest.mark.parametrize(("then", "status"), [(None, "completed"), ("fail", "failed"), ("wait", "stopped")])
async def test_resources_end_with_the_execution(
    pool: BrowserPool, tmp_path: Path, then: str | None, status: str
) -> None:
    Line.closed.clear()
    Use.reached.clear()
    events: list[Event] = []
    spec = ExecutionSpec(
        execution_id="exec-1-1",
        batch_id="batch-1",
        workflow_file_name="test.json",
        workflow=chain(node("start", "start"), node("a", "test.use"), node("b", "test.use", then=then)),
        output=str(tmp_path),
        artifacts="x",
        root=str(tmp_path),
    )
    attempt = asyncio.create_task(Attempt(spec, Registry([Start, Use]), pool, events.append).run())
    await Use.reached.wait()
    if then == "wait":
        attempt.cancel()
    await attempt

    assert isinstance(events[-1], ExecutionEnded)
    assert events[-1].status.value == status
    assert Line.closed == ["line"]


async def test_the_latest_is_closed_first() -> None:
    order: list[str] = []

    class First:
        async def aclose(self) -> None:
            order.append("first")

    class Second:
        async def aclose(self) -> None:
            order.append("second")

    resources = Resources()
    resources.get(First, First)
    resources.get(Second, Second)
    await resources.close()
    await resources.close()

    assert order == ["second", "first"]
    assert resources.find(First) is None
