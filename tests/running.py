"""Running workflows in tests through the real runner, and looking at what came out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batches.attempt import Attempt
from batches.breakpoints import DebugOptions
from batches.events import ErrorInfo, Event, ExecutionEnded, LogLine, NodeEnded
from batches.spec import ExecutionOptions, ExecutionSpec
from nodes.catalogue import default_registry
from nodes.provider import BrowserProvider
from nodes.registry import Registry
from nodes.script.pool import WorkerPool

Step = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What an execution left."""

    end: ExecutionEnded
    events: list[Event] = field(repr=False)
    output: Path

    @property
    def status(self) -> str:
        return self.end.status.value

    @property
    def error(self) -> ErrorInfo | None:
        return self.end.error

    @property
    def data(self) -> Mapping[str, Any]:
        return self.end.data

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.end.variables

    @property
    def nodes(self) -> list[NodeEnded]:
        return [event for event in self.events if isinstance(event, NodeEnded)]

    @property
    def log(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, LogLine)]

    def node(self, node_id: str) -> NodeEnded:
        return next(node for node in self.nodes if node.node_id == node_id)

    def ran(self) -> list[str]:
        """Ids of the nodes that really ran, in order."""
        return [node.node_id for node in self.nodes if node.status in ("completed", "failed")]


def workflow(nodes: list[dict[str, Any]], edges: list[tuple[str, ...]]) -> dict[str, Any]:
    """A document from short notation: edges are (source, target[, source handle[, target handle]])."""
    built = []
    for index, edge in enumerate(edges):
        source, target, *handles = edge
        handle = handles[0] if handles else "output"
        built.append(
            {
                "id": f"e{index}",
                "source": source,
                "target": target,
                "sourceHandle": handle,
                "targetHandle": handles[1] if len(handles) > 1 else "driver",
            }
        )
    return {"nodes": nodes, "edges": built}


def node(node_id: str, node_type: str, **data: Any) -> dict[str, Any]:
    return {
        "id": node_id,
        "type": node_type,
        "position": {"x": 0, "y": 0},
        "data": {"type": node_type, **data},
    }


def chain(*nodes: dict[str, Any]) -> dict[str, Any]:
    """A linear workflow."""
    ids = [item["id"] for item in nodes]
    return workflow(list(nodes), list(itertools.pairwise(ids)))


def steps_document(
    steps: tuple[Step, ...], data: Mapping[str, Any] | None, open_browser: bool | dict[str, Any]
) -> dict[str, Any]:
    nodes = [node("start", "start")]
    if data:
        nodes.append(node("given", "setConfig.setConfig", config=dict(data)))
    if open_browser is not False:
        nodes.append(
            node("browser", "openBrowser", **(open_browser if isinstance(open_browser, dict) else {}))
        )
    nodes += [node(f"n{index + 1}", kind, **values) for index, (kind, values) in enumerate(steps)]
    return chain(*nodes)


async def run_document(
    document: Mapping[str, Any],
    provider: BrowserProvider,
    output: Path,
    root: Path,
    scripts: WorkerPool | None = None,
    *,
    debug: DebugOptions | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> Outcome:
    events: list[Event] = []
    spec = ExecutionSpec(
        execution_id="exec-1-1",
        batch_id="batch-1",
        workflow_file_name="test.json",
        workflow=document,
        output=str(output),
        artifacts="batches/batch-1/exec-1-1",
        root=str(root),
        options=ExecutionOptions(**options),
        debug=debug,
    )
    await Attempt(spec, registry or default_registry(), provider, events.append, scripts).run()
    end = events[-1]
    assert isinstance(end, ExecutionEnded)
    return Outcome(end, events, output)
