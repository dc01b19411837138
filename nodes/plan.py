"""The plan of an execution: which nodes run, in which order, in the main flow, in loops and in flows.

Source: workflow-format.md, sections 5.2, 6, 8 and 11 to 13. A `Region` is a piece of the workflow that runs
as one sequence: the main flow, one iteration of a loop, one call of a reusable flow. All three follow the
same rules, so that branching, nesting and property inputs work the same everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from nodes.document import START, Node, Workflow
from nodes.graph import ANNOTATION_TYPES, LOOP, REUSABLE, REUSABLE_CALL, REUSABLE_END, Graph
from nodes.model import NodeData
from nodes.ordering import find_cycle, order_nodes, visited_nodes

__all__ = ["Plan", "Region", "context_name_of"]


@dataclass(frozen=True)
class Region:
    """A sequence of nodes that run after one another.

    Attributes:
        order: Ids to run, in order; the bodies of loops inside are not among them.
        members: All ids that belong to the region, loop bodies included.
    """

    order: tuple[str, ...]
    members: frozenset[str]


@dataclass(frozen=True)
class _Flow:
    scope: frozenset[str]
    members: frozenset[str]
    closed: bool


class Plan:
    """Everything about a workflow that can be known before it runs.

    Args:
        workflow: A migrated workflow (see `nodes.legacy`).

    Attributes:
        models: The properties, by node, of nodes where all of them are known and right; whoever looks fills it.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.graph = Graph(workflow)
        self.models: dict[str, NodeData] = {}
        self._bodies: dict[tuple[str, frozenset[str]], Region] = {}
        self._calls: dict[str, Region] = {}
        self._unselected: dict[tuple[str, str], frozenset[str]] = {}

    @property
    def nodes(self) -> Mapping[str, Node]:
        """All nodes by id."""
        return self.graph.nodes

    @cached_property
    def main(self) -> Region:
        """The main flow."""
        start = self.graph.start
        roots = [start.id] if start else []
        return self._region(roots, self._visited)

    def body(self, loop_id: str, region: Region) -> Region:
        """The body of a loop that stands in ``region`` (section 12.1)."""
        key = (loop_id, region.members)
        if key not in self._bodies:
            members = self._body_members(loop_id, region.members)
            edges = self.graph.edges_from(loop_id)
            roots = [edge.target for edge in edges if edge.source_handle == "output"]
            self._bodies[key] = self._region(roots, members)
        return self._bodies[key]

    def flow(self, context_name: str) -> Region | None:
        """The nodes of a reusable flow, or None if no flow has this name."""
        flow = self._flows.get(context_name)
        if flow is None:
            return None
        if context_name not in self._calls:
            entered = {target for name in flow.members for target in self.graph.successors(name)}
            roots = [name for name in self.nodes if name in flow.scope and name not in entered]
            self._calls[context_name] = self._region(roots, flow.members)
        return self._calls[context_name]

    def unselected(self, switch_id: str, selected: str) -> frozenset[str]:
        """Nodes to skip when a switch selects one handle.

        Those behind other handles and not behind the selected one, so that a join after the branches runs
        (section 11).
        """
        key = (switch_id, selected)
        if key not in self._unselected:
            skipped: set[str] = set()
            for handle in self.graph.source_handles(switch_id) - {selected}:
                skipped |= self.graph.reachable(switch_id, handle)
            joined = self.graph.reachable(switch_id, selected) if skipped else set()
            self._unselected[key] = frozenset(skipped - joined)
        return self._unselected[key]

    def problems(self) -> tuple[list[str], list[str]]:
        """Graph validation (section 5.2): errors that abort a run, and warnings."""
        errors = []
        if self.graph.start is None:
            errors.append("Workflow must have a Start node")
        errors += self._cycle_problems()
        errors += self._flow_problems()
        errors += self._driver_problems()
        warnings = [
            f"Reusable flow '{name}' has no end node" for name, flow in self._flows.items() if not flow.closed
        ]
        return errors, warnings

    @cached_property
    def _flows(self) -> Mapping[str, _Flow]:
        flows: dict[str, _Flow] = {}
        for node in self.workflow.nodes:
            name = context_name_of(node)
            if node.type != REUSABLE or not name or name in flows:
                continue
            scope, closed = self.graph.scope(node.id)
            scope = {item for item in scope if self.nodes[item].type not in (REUSABLE, REUSABLE_END)}
            members = scope | self.graph.feeders(scope, self._reserved)
            flows[name] = _Flow(frozenset(scope), frozenset(members), closed)
        return flows

    @cached_property
    def _reserved(self) -> set[str]:
        """Nodes that never run by themselves in any region: markers and everything in a reusable scope."""
        reserved: set[str] = set()
        for node in self.workflow.nodes:
            if node.type == START:
                reserved.add(node.id)
            elif node.type == REUSABLE:
                reserved |= self.graph.scope(node.id)[0]
            elif node.type == REUSABLE_END:
                reserved.add(node.id)
        return reserved

    @cached_property
    def _allowed(self) -> set[str]:
        """Nodes that the main flow may contain."""
        inside_flows: set[str] = {name for flow in self._flows.values() for name in flow.members}
        starts = {node.id for node in self.workflow.nodes if node.type == START}
        return (set(self.nodes) - self._reserved - inside_flows) | starts

    @cached_property
    def _visited(self) -> frozenset[str]:
        """The main flow's nodes, with what its loops and calls need from elsewhere."""
        start = self.graph.start
        if start is None:
            return frozenset()
        roots, found = [start.id], set[str]()
        while not set(roots) <= found:
            found = visited_nodes(self.graph, roots, self._allowed)
            roots += [name for host in self._hosts(found) for name in self._requirements(host, found)]
        return frozenset(found)

    def _hosts(self, members: Collection[str]) -> list[str]:
        return [
            node.id
            for node in self.workflow.nodes
            if node.type in (LOOP, REUSABLE_CALL) and node.id in members
        ]

    def _region(self, roots: Collection[str], members: frozenset[str]) -> Region:
        hosts = self._hosts(members)
        extra = {host: self._requirements(host, members) for host in hosts}
        owned = {
            name
            for host in hosts
            if self.nodes[host].type == LOOP
            for name in self._body_members(host, members)
        }
        order = order_nodes(self.graph, roots, members, extra)
        executed = (name for name in order if self.nodes[name].type not in ANNOTATION_TYPES)
        return Region(order=tuple(name for name in executed if name not in owned), members=members)

    def _body_members(self, loop_id: str, region: Collection[str]) -> frozenset[str]:
        reached = self.graph.reachable(loop_id, "output").intersection(region)
        return frozenset(reached | self.graph.feeders(reached, self._reserved | {loop_id}))

    def _requirements(
        self, host: str, region: Collection[str], above: frozenset[str] = frozenset()
    ) -> list[str]:
        """What the inside of a loop or a called flow needs from outside, to be run before it.

        Nodes that themselves come after the host are left out: asking for them would be a cycle.
        """
        inner = self._inside(host, region)
        wanted: dict[str, None] = {}
        for name in (item for item in self.nodes if item in inner):
            wanted.update(dict.fromkeys(self.graph.dependencies(name)))
            if self.nodes[name].type in (LOOP, REUSABLE_CALL) and name not in above:
                nested = self._requirements(name, inner.union(region), above | {host})
                wanted.update(dict.fromkeys(nested))
        unusable = self._dependents(host) | inner | {host}
        return [name for name in wanted if name not in unusable and name in self._allowed]

    def _inside(self, host: str, region: Collection[str]) -> frozenset[str]:
        if self.nodes[host].type == LOOP:
            return self._body_members(host, region)
        flow = self._flows.get(context_name_of(self.nodes[host]) or "")
        return flow.members if flow else frozenset()

    def _dependents(self, node_id: str) -> set[str]:
        found: set[str] = set()
        pending = [node_id]
        while pending:
            for edge in self.graph.edges_from(pending.pop()):
                if edge.target not in found:
                    found.add(edge.target)
                    pending.append(edge.target)
        return found

    def _cycle_problems(self) -> list[str]:
        regions = [self._visited, *(self._flows[name].members for name in self._called_flows())]
        problems = []
        for members in regions:
            cycle = find_cycle(self.graph, members)
            if cycle:
                path = " -> ".join(self.nodes[name].title for name in cycle)
                problems.append(f"Circular dependency detected: {path}")
        return problems

    def _called_flows(self) -> list[str]:
        called: dict[str, None] = {}
        pending: list[Collection[str]] = [self._visited]
        while pending:
            for name in pending.pop():
                node = self.nodes[name]
                target = context_name_of(node) if node.type == REUSABLE_CALL else None
                if target and target in self._flows and target not in called:
                    called[target] = None
                    pending.append(self._flows[target].members)
        return list(called)

    def _flow_problems(self) -> list[str]:
        problems = []
        seen: dict[str, str] = {}
        defined = {context_name_of(node) for node in self.workflow.nodes if node.type == REUSABLE}
        for node in self.workflow.nodes:
            if node.type not in (REUSABLE, REUSABLE_CALL):
                continue
            name = context_name_of(node)
            if not name:
                kind = "Reusable flow" if node.type == REUSABLE else "Run Reusable node"
                problems.append(f"{kind} {node.title} needs a contextName")
            elif node.type == REUSABLE and name in seen:
                problems.append(f"Reusable flow name '{name}' is used by {seen[name]} and {node.title}")
            elif node.type == REUSABLE:
                seen[name] = node.title
            elif name not in defined:
                problems.append(f"Run Reusable node {node.title}: no reusable flow is named '{name}'")
        return problems

    def _driver_problems(self) -> list[str]:
        counts: dict[str, int] = {}
        for edge in self.workflow.edges:
            if edge.target_handle in (None, "driver") and edge.target in self.nodes:
                counts[edge.target] = counts.get(edge.target, 0) + 1
        return [
            f"Node {self.nodes[name].title} has {count} driver connections; only one is allowed"
            for name, count in counts.items()
            if count > 1 and self.nodes[name].type != START
        ]


def context_name_of(node: Node) -> str | None:
    """The ``contextName`` of a reusable flow or a call, or None when it is blank."""
    value = node.data.get("contextName")
    return value if isinstance(value, str) and value.strip() else None
