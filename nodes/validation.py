"""Both validations of a workflow, and what a closer look finds before it is run.

Source: workflow-format.md, sections 5.1 and 5.2. `prepare` is what every execution does before its first
node; `check` collects everything at once, for ``batchwright validate`` and for editors.
"""

from __future__ import annotations

from collections.abc import Mapping

from nodes.document import START, Node, Workflow, forgive, parse_workflow, structural_problems
from nodes.errors import WorkflowInvalidError
from nodes.graph import ANNOTATION_TYPES
from nodes.legacy import migrate
from nodes.model import REQUIRED, NodeData
from nodes.plan import Plan
from nodes.registry import Registry

__all__ = ["check", "input_properties", "prepare", "with_start_options"]


def prepare(
    document: object,
    registry: Registry,
    start_overrides: Mapping[str, object] | None = None,
    *,
    forgiving: bool = False,
) -> tuple[Plan, list[str]]:
    """Turn a document into a plan that can be run.

    Args:
        document: A workflow document.
        registry: The node types.
        start_overrides: Merged over the Start node's data.
        forgiving: Leave out edges that lead nowhere and doubled nodes, as single runs do.

    Returns:
        The plan, and warnings for the log.

    Raises:
        WorkflowInvalidError: Structure, graph or property types are wrong; all faults are listed.
    """
    document, ignored = forgive(document) if forgiving else (document, [])
    workflow, warnings = migrate(with_start_options(parse_workflow(document), start_overrides or {}))
    plan = Plan(workflow)
    errors, more = plan.problems()
    errors += _type_problems(plan, registry)
    if errors:
        raise WorkflowInvalidError(errors, more)
    return plan, ignored + warnings + more


def check(document: object, registry: Registry) -> list[str]:
    """Everything wrong with a document, including what would fail only when a node is reached."""
    problems = structural_problems(document)
    workflow = parse_workflow(document) if not problems else _salvage(document)
    if workflow is None:
        return problems
    migrated, _ = migrate(workflow)
    plan = Plan(migrated)
    if migrated.start is not None:
        problems += plan.problems()[0]
    problems += _type_problems(plan, registry)
    problems += _reached_problems(migrated, registry)
    return list(dict.fromkeys(problems))


def with_start_options(workflow: Workflow, overrides: Mapping[str, object]) -> Workflow:
    """The workflow with options merged over its Start node's data (workflow-format.md, section 15)."""
    if not overrides:
        return workflow
    nodes = tuple(
        Node(node.id, node.type, {**node.data, **overrides}) if node.type == START else node
        for node in workflow.nodes
    )
    return Workflow(nodes, workflow.edges, workflow.metadata)


def input_properties(node: Node) -> frozenset[str]:
    """Properties whose value comes from another node (workflow-format.md, section 8)."""
    connections = node.data.get("_inputConnections")
    if not isinstance(connections, Mapping):
        return frozenset()
    return frozenset(
        str(name)
        for name, entry in connections.items()
        if isinstance(entry, Mapping) and entry.get("isInput") is True
    )


def _type_problems(plan: Plan, registry: Registry) -> list[str]:
    """Wrong types; the models that come out of looking for them are kept in the plan."""
    problems = []
    for node in plan.workflow.nodes:
        node_type = registry.find(node.type)
        model, found = (node_type.model if node_type is not None else NodeData).checked(
            node.data, input_properties(node)
        )
        if model is not None and node_type is not None:
            plan.models[node.id] = model
        problems += [f"Node {node.title}: {problem}" for problem in found]
    return problems


def _reached_problems(workflow: Workflow, registry: Registry) -> list[str]:
    """Faults that stop a run only at their node: unknown types and missing required properties."""
    problems = []
    for node in workflow.nodes:
        node_type = registry.find(node.type)
        if node_type is None:
            if node.type not in ANNOTATION_TYPES:
                problems.append(f"Node {node.title}: unknown node type '{node.type}'")
            continue
        if not node_type.supported:
            problems.append(f"Node {node.title}: node type '{node.type}' is not supported yet")
        given = {key for key, value in node.data.items() if value not in (None, "")} | input_properties(node)
        for name, info in node_type.model.model_fields.items():
            alias = info.alias or name
            if REQUIRED in info.metadata and alias not in given:
                problems.append(f"Node {node.title}: property '{alias}' is required")
        if not node.bypass:
            problems += [f"Node {node.title}: {problem}" for problem in node_type.advise(node.data)]
    return problems


def _salvage(document: object) -> Workflow | None:
    """The well-formed part of a broken document, so that its other faults can be named as well."""
    if not isinstance(document, Mapping):
        return None
    raw_nodes, raw_edges = document.get("nodes"), document.get("edges")
    seen: set[str] = set()
    nodes = []
    for raw in raw_nodes if isinstance(raw_nodes, list) else ():
        if not isinstance(raw, Mapping):
            continue
        name, kind, data = raw.get("id"), raw.get("type"), raw.get("data")
        if isinstance(name, str) and isinstance(kind, str) and name not in seen:
            seen.add(name)
            nodes.append({"id": name, "type": kind, "data": data if isinstance(data, Mapping) else {}})
    if not nodes:
        return None
    edges = [
        raw
        for raw in (raw_edges if isinstance(raw_edges, list) else ())
        if isinstance(raw, Mapping)
        and all(isinstance(raw.get(end), str) and raw[end] in seen for end in ("source", "target"))
    ]
    if not any(node["type"] == START for node in nodes):
        return None
    repaired = {"nodes": nodes, "edges": edges}
    return parse_workflow(repaired) if not structural_problems(repaired) else None
