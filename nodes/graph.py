"""How the nodes of a workflow hang together: edges by class, and what is reachable from where.

Source: workflow-format.md, sections 4, 6, 11, 12.1 and 13. Knows node types only as far as their handles
and their place in the graph matter; it runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from nodes.document import Edge, Node, Workflow

__all__ = [
    "ANNOTATION_TYPES",
    "LOOP",
    "REUSABLE",
    "REUSABLE_CALL",
    "REUSABLE_END",
    "SWITCH",
    "Graph",
]

LOOP: Final = "loop"
SWITCH: Final = "switch.switch"
REUSABLE: Final = "reusable.reusable"
REUSABLE_END: Final = "reusable.end"
REUSABLE_CALL: Final = "reusable.runReusable"
ANNOTATION_TYPES: Final = frozenset({"comment-box.comment", "shortcut.shortcut"})
"""Types that are traversed through and never executed."""

_FOLLOWED_SOURCES: Final = frozenset({None, "output"})
_FOLLOWED_TARGETS: Final = frozenset({None, "driver", "input"})


class Graph:
    """Read-only view of a workflow's nodes and edges.

    Edges whose source or target does not exist are ignored (workflow-format.md, section 4).
    """

    def __init__(self, workflow: Workflow) -> None:
        self.nodes: Mapping[str, Node] = {node.id: node for node in workflow.nodes}
        self.start = workflow.start
        self._out: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        self._in: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        self._dependencies: dict[str, dict[str, None]] = {name: {} for name in self.nodes}
        self._successors: dict[str, dict[str, None]] = {name: {} for name in self.nodes}
        self._inputs: dict[tuple[str, str], str] = {}
        for edge in workflow.edges:
            if edge.source in self.nodes and edge.target in self.nodes:
                self._add(edge)

    def _add(self, edge: Edge) -> None:
        self._out[edge.source].append(edge)
        self._in[edge.target].append(edge)
        self._dependencies[edge.target][edge.source] = None
        handle = edge.target_handle
        if is_control_flow(handle):
            self._successors[edge.source][edge.target] = None
        elif _is_property_input(edge):
            self._inputs.setdefault((edge.target, handle or ""), edge.source)

    def dependencies(self, node_id: str) -> Iterable[str]:
        """Nodes that must come before ``node_id``, in edge order."""
        return self._dependencies[node_id].keys()

    def successors(self, node_id: str) -> Iterable[str]:
        """Nodes that ``node_id`` hands control to, in edge order."""
        return self._successors[node_id].keys()

    def edges_from(self, node_id: str) -> Iterable[Edge]:
        """Edges that leave ``node_id``, in document order."""
        return self._out[node_id]

    def input_source(self, node_id: str, property_name: str) -> str | None:
        """The node that feeds a property: the first edge into ``<property>-input``."""
        return self._inputs.get((node_id, f"{property_name}-input"))

    def source_handles(self, node_id: str) -> set[str]:
        """The distinct, named source handles in use on a node."""
        return {edge.source_handle for edge in self._out[node_id] if edge.source_handle is not None}

    def reachable(self, node_id: str, handle: str) -> set[str]:
        """Everything behind one source handle of a node.

        The first hop follows every edge with exactly that source handle; further hops follow control flow,
        including the case handles of nested switches and ``loopComplete`` of nested loops, so that an
        unselected branch or a loop body is complete (workflow-format.md, sections 11 and 12).
        """
        found: set[str] = set()
        pending = [edge.target for edge in self._out[node_id] if edge.source_handle == handle]
        while pending:
            name = pending.pop()
            if name in found or name == node_id:
                continue
            found.add(name)
            pending += self._followed[name]
        return found

    @cached_property
    def _followed(self) -> Mapping[str, tuple[str, ...]]:
        """Where control flow leads from each node, nested branches included."""
        return {
            name: tuple(edge.target for edge in edges if self._follows(edge))
            for name, edges in self._out.items()
        }

    def scope(self, definition_id: str) -> tuple[set[str], bool]:
        """The nodes of a reusable flow and whether an end node closes it (workflow-format.md, section 13).

        The definition itself is included. A nested definition raises the depth, so that its end node does
        not close the outer flow.
        """
        found = {definition_id}
        seen: set[tuple[str, int]] = set()
        closed = False
        pending = [(edge.target, 0) for edge in self._out[definition_id] if self._follows(edge, scope=True)]
        while pending:
            name, depth = pending.pop()
            if (name, depth) in seen or name == definition_id:
                continue
            seen.add((name, depth))
            found.add(name)
            kind = self.nodes[name].type
            if kind == REUSABLE_END:
                if depth == 0:
                    closed = True
                    continue
                depth -= 1
            elif kind == REUSABLE:
                depth += 1
            pending += [(edge.target, depth) for edge in self._out[name] if self._follows(edge, scope=True)]
        return found, closed

    def feeders(self, region: set[str], outside: set[str]) -> set[str]:
        """Value sources that exist only to feed properties of ``region``.

        They have no control flow into them, and all their edges lead into properties of the region, so they
        run with it: in each iteration or call, just before the node they feed. ``outside`` lists nodes that
        may not be taken.
        """
        found: set[str] = set()
        grown = True
        while grown:
            grown = False
            inside = region | found
            candidates = {source for name in inside for source in self._dependencies[name]} - inside - outside
            for name in sorted(candidates):
                if self._feeds_only(name, inside):
                    found.add(name)
                    grown = True
        return found

    def _feeds_only(self, node_id: str, targets: set[str]) -> bool:
        edges = self._out[node_id]
        return all(map(_is_property_input, (*edges, *self._in[node_id]))) and all(
            edge.target in targets for edge in edges
        )

    def _follows(self, edge: Edge, *, scope: bool = False) -> bool:
        if edge.target_handle not in _FOLLOWED_TARGETS:
            return False
        if edge.source_handle in _FOLLOWED_SOURCES:
            return True
        source = self.nodes[edge.source]
        if source.type == SWITCH:
            return edge.source_handle in switch_handles(source)
        if source.type == LOOP:
            return edge.source_handle == "loopComplete"
        return scope and edge.source_handle == "driver"


def is_control_flow(target_handle: str | None) -> bool:
    """Whether an edge into this handle hands control over (workflow-format.md, section 4.1)."""
    return (
        target_handle is None
        or target_handle in {"driver", "input", "default"}
        or target_handle.startswith("case-")
    )


def _is_property_input(edge: Edge) -> bool:
    return edge.target_handle is not None and edge.target_handle.endswith("-input")


def switch_handles(node: Node) -> set[str]:
    """The source handles of a switch: its case ids and ``default``."""
    cases = node.data.get("cases")
    ids = (case.get("id") for case in cases if isinstance(case, Mapping)) if isinstance(cases, list) else ()
    # Some generators number their cases; edges name these as texts.
    return {"default", *(str(name) for name in ids if isinstance(name, str | int))}
