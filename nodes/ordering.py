"""Putting nodes into execution order.

Source: workflow-format.md, section 6. The order is the depth-first one described there; the cycle test is
separate and looks at the dependency relation alone, so that it does not depend on the order of edges.
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Generator, Iterable, Mapping
from typing import cast

from nodes.graph import Graph

__all__ = ["find_cycle", "order_nodes", "visited_nodes"]

_NO_EXTRA: Mapping[str, Collection[str]] = {}


def visited_nodes(graph: Graph, roots: Iterable[str], allowed: Collection[str]) -> set[str]:
    """Nodes that an order starting at ``roots`` contains.

    From each visited node all its dependencies and control-flow successors are visited; then every node with
    a visited dependency, until nothing changes.
    """
    found: set[str] = set()
    pending = [name for name in roots if name in allowed]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        neighbours = (
            *graph.dependencies(name),
            *graph.successors(name),
            *(edge.target for edge in graph.edges_from(name)),
        )
        pending += [other for other in neighbours if other in allowed and other not in found]
    return found


def find_cycle(graph: Graph, nodes: Collection[str]) -> list[str] | None:
    """A circular dependency among ``nodes``, as the list of ids along it, or None."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for name in nodes:
        sorter.add(name, *(other for other in graph.dependencies(name) if other in nodes))
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return cast("list[str]", error.args[1])[::-1]
    return None


def order_nodes(
    graph: Graph,
    roots: Iterable[str],
    allowed: Collection[str],
    extra: Mapping[str, Collection[str]] = _NO_EXTRA,
) -> list[str]:
    """The execution order of an acyclic set of nodes.

    Args:
        graph: The workflow's graph.
        roots: Where to begin, in this order.
        allowed: Nodes that may be part of the order.
        extra: Further dependencies of some nodes (what a loop body or a called flow needs from outside).

    Returns:
        A topological order that runs one branch to its end before the next sibling branch.
    """
    return _Ordering(graph, allowed, extra).run(roots)


class _Ordering:
    """Depth-first placement with an explicit stack, so that long workflows do not exhaust Python's."""

    def __init__(self, graph: Graph, allowed: Collection[str], extra: Mapping[str, Collection[str]]) -> None:
        self._graph = graph
        self._allowed = set(allowed)
        self._extra = extra
        self._placed: dict[str, None] = {}
        self._entered: set[str] = set()
        self._deferred: dict[str, None] = {}

    def run(self, roots: Iterable[str]) -> list[str]:
        for root in roots:
            self._drive(root)
        document_order = [name for name in self._graph.nodes if name in self._allowed]
        changed = True
        while changed:
            changed = False
            for name in document_order:
                if name not in self._placed and any(
                    d in self._placed for d in self._graph.dependencies(name)
                ):
                    self._drive(name)
                    changed = True
        return list(self._placed)

    def _drive(self, root: str) -> None:
        stack = [self._visit(root)]
        while stack:
            following = next(stack[-1], None)
            if following is None:
                stack.pop()
            else:
                stack.append(self._visit(following))

    def _visit(self, name: str) -> Generator[str, None, None]:
        if name in self._entered or name not in self._allowed:
            return
        self._entered.add(name)
        for dependency in self._needs(name):
            if dependency not in self._entered:
                yield dependency
        self._placed[name] = None
        yield from self._resumable()
        for successor in self._graph.successors(name):
            if successor in self._entered:
                continue
            if self._blocked(successor):
                self._deferred[successor] = None
            else:
                yield successor

    def _resumable(self) -> Generator[str, None, None]:
        """Successors put off earlier whose dependencies are no longer being visited."""
        for name in list(self._deferred):
            # A node that was yielded before may have resumed this one meanwhile.
            if name in self._entered:
                self._deferred.pop(name, None)
            elif not self._blocked(name):
                self._deferred.pop(name, None)
                yield name

    def _needs(self, name: str) -> Iterable[str]:
        wanted = dict.fromkeys(self._graph.dependencies(name))
        wanted.update(dict.fromkeys(self._extra.get(name, ())))
        return [other for other in wanted if other in self._allowed]

    def _blocked(self, name: str) -> bool:
        """Whether something ``name`` depends on is being visited right now."""
        pending, seen = [name], {name}
        while pending:
            for other in self._needs(pending.pop()):
                if other in self._placed or other in seen:
                    continue
                if other in self._entered:
                    return True
                seen.add(other)
                pending.append(other)
        return False
