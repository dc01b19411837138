"""Old node types and action names, converted before anything else looks at a workflow.

Source: workflow-format.md, section 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from nodes.document import Node, Workflow

__all__ = ["migrate"]


@dataclass(frozen=True, slots=True)
class _Conversion:
    new_type: str
    action: str
    defaults: Mapping[str, object]


_CONVERSIONS: Final[Mapping[str, _Conversion]] = {
    "click": _Conversion("action", "click", {}),
    "getText": _Conversion("elementQuery", "getText", {"outputVariable": "text"}),
    "navigate": _Conversion("navigation", "navigate", {}),
}


def migrate(workflow: Workflow) -> tuple[Workflow, list[str]]:
    """Convert legacy node types.

    Returns:
        The workflow to run and one warning for each converted node; the input is not changed.
    """
    warnings: list[str] = []
    nodes = []
    for node in workflow.nodes:
        conversion = _CONVERSIONS.get(node.type)
        if conversion is None:
            nodes.append(node)
            continue
        missing = {key: value for key, value in conversion.defaults.items() if not node.data.get(key)}
        nodes.append(
            Node(node.id, conversion.new_type, {**node.data, **missing, "action": conversion.action})
        )
        warnings.append(
            f"Node {node.title}: legacy type '{node.type}' runs as '{conversion.new_type}' "
            f"with action '{conversion.action}'"
        )
    return (replace(workflow, nodes=tuple(nodes)), warnings) if warnings else (workflow, [])
