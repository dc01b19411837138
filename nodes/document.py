"""The workflow document: reading a file, its shape, and the structural checks.

Source: workflow-format.md, sections 1, 2, 4 and 5.1. A document is kept as it came (unknown keys included);
the typed view over it is what the runner walks.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import orjson

from nodes.errors import WorkflowInvalidError, WorkflowUnreadableError

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_NESTING",
    "START",
    "Edge",
    "Node",
    "Workflow",
    "decode_document",
    "forgive",
    "parse_workflow",
    "read_document",
    "structural_problems",
]

MAX_DOCUMENT_BYTES: Final = 10 * 1024 * 1024
"""Largest document accepted, in bytes (workflow-format.md, section 5.1)."""

MAX_NESTING: Final = 200
"""Deepest nesting of objects and arrays accepted; real files stay below 20."""

START: Final = "start"

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a workflow; ``data`` holds its properties as they stand in the file."""

    id: str
    type: str
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str | None:
        """The display name, if the author gave one."""
        value = self.data.get("label")
        return value if isinstance(value, str) and value.strip() else None

    @property
    def title(self) -> str:
        """How messages name the node: its label with the id, else the id alone."""
        return f"{self.label} ({self.id})" if self.label and self.label != self.id else self.id

    @property
    def bypass(self) -> bool:
        """Whether the node is left out of the run (exactly ``true`` counts)."""
        return self.data.get("bypass") is True

    @property
    def fail_silently(self) -> bool:
        """Whether a failure of the node lets the execution go on (exactly ``true`` counts)."""
        return self.data.get("failSilently") is True

    @property
    def is_test(self) -> bool:
        """Whether reports show the node (all but exactly ``false``)."""
        return self.data.get("isTest") is not False


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed edge; an empty or absent handle is None."""

    id: str
    source: str
    target: str
    source_handle: str | None = None
    target_handle: str | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A parsed document. ``nodes`` and ``edges`` keep the order of the file."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def start(self) -> Node | None:
        """The first Start node in document order."""
        return next((node for node in self.nodes if node.type == START), None)


def read_document(path: Path) -> object:
    """Read a workflow file as JSON.

    Accepts UTF-8 with or without a byte-order mark, and UTF-16 with one.

    Raises:
        WorkflowUnreadableError: The file is missing, not readable, too large, not text or not JSON.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkflowUnreadableError(f"cannot be read: {reason}") from error
    return decode_document(content)


def decode_document(content: bytes, *, limit: int | None = MAX_DOCUMENT_BYTES) -> object:
    """Decode the bytes of a workflow file.

    Args:
        content: The bytes.
        limit: Most bytes accepted; None where the caller has limited them already.

    Raises:
        WorkflowUnreadableError: Too large, not text, not JSON, or nested too deeply.
    """
    if limit is not None and len(content) > limit:
        raise WorkflowUnreadableError(f"is larger than {limit // (1024 * 1024)} MiB")
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise WorkflowUnreadableError(
            f"is not {encoding} text: byte {error.start} cannot be decoded"
        ) from error
    if not text.strip():
        raise WorkflowUnreadableError("is not valid JSON: the file is empty")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "depth limit" in error.msg or "recursion" in error.msg:
            raise WorkflowUnreadableError(f"is nested more than {MAX_NESTING} levels deep") from error
        what = "the file ends too early" if error.pos >= len(text.rstrip()) else error.msg
        raise WorkflowUnreadableError(
            f"is not valid JSON: line {error.lineno}, column {error.colno}: {what}"
        ) from error
    if _nested_deeper_than(document, MAX_NESTING):
        raise WorkflowUnreadableError(f"is nested more than {MAX_NESTING} levels deep")
    return cast("object", document)


def structural_problems(document: object) -> list[str]:
    """All structural faults of a document, in the order of workflow-format.md, section 5.1.

    An empty list means that `parse_workflow` succeeds.
    """
    if document is None:
        return ["Workflow is null or undefined"]
    if not isinstance(document, Mapping):
        return [f"Workflow must be a JSON object, not {_kind(document)}"]
    raw_nodes, raw_edges = document.get("nodes"), document.get("edges")
    problems = []
    if not isinstance(raw_nodes, list):
        problems.append(f"'nodes' must be an array, not {_kind(raw_nodes, 'nodes' in document)}")
    if not isinstance(raw_edges, list):
        problems.append(f"'edges' must be an array, not {_kind(raw_edges, 'edges' in document)}")
    if isinstance(raw_nodes, list):
        problems += _node_problems(raw_nodes)
        if isinstance(raw_edges, list):
            problems += _edge_problems(raw_edges, _known_ids(raw_nodes))
    return problems


def forgive(document: object) -> tuple[object, list[str]]:
    """The document as a single run takes it (workflow-format.md, sections 2, 4 and 5.1).

    Edges that lead nowhere are left out, and of several nodes with one id the last counts, at the place of the
    first. Every other fault stays, for `structural_problems`.

    Returns:
        The document to parse, and one warning for each thing left out; the input is not changed.
    """
    if not isinstance(document, Mapping):
        return document, []
    raw_nodes, raw_edges = document.get("nodes"), document.get("edges")
    if not isinstance(raw_nodes, list) or not isinstance(raw_edges, list):
        return document, []
    ids = [_identifier(raw.get("id")) if isinstance(raw, Mapping) else None for raw in raw_nodes]
    # A dict keeps the place of a key's first value and its last value; nodes without an id are all kept.
    last = {
        index if name is None else name: raw
        for index, (name, raw) in enumerate(zip(ids, raw_nodes, strict=True))
    }
    nodes = list(last.values())
    edges = [raw for raw in raw_edges if not isinstance(raw, Mapping) or not _dangling(raw, last)]
    doubles = [name for name, count in Counter(ids).items() if name is not None and count > 1]
    warnings = [f"Of the nodes with the id '{name}' only the last counts" for name in doubles]
    warnings += [
        f"Edge '{_identifier(raw.get('id')) or f'edges[{index}]'}' is ignored: its source or target does not exist"
        for index, raw in enumerate(raw_edges)
        if isinstance(raw, Mapping) and _dangling(raw, last)
    ]
    return {**document, "nodes": nodes, "edges": edges}, warnings


def _dangling(raw: Mapping[str, object], known: Container[object]) -> bool:
    return any(_identifier(raw.get(end)) not in known for end in ("source", "target"))


def parse_workflow(document: object) -> Workflow:
    """The typed view of a document.

    Raises:
        WorkflowInvalidError: The document has structural faults; all of them are listed.
    """
    problems = structural_problems(document)
    if problems:
        raise WorkflowInvalidError(problems)
    raw = cast("Mapping[str, object]", document)
    metadata = raw.get("metadata")
    return Workflow(
        nodes=tuple(
            _parse_node(index, item)
            for index, item in enumerate(cast("Sequence[Mapping[str, object]]", raw["nodes"]))
        ),
        edges=tuple(
            _parse_edge(index, item)
            for index, item in enumerate(cast("Sequence[Mapping[str, object]]", raw["edges"]))
        ),
        metadata=metadata if isinstance(metadata, Mapping) else {},
    )


def _parse_node(index: int, raw: Mapping[str, object]) -> Node:
    data = raw.get("data")
    return Node(
        id=_identifier(raw.get("id")) or f"node-{index}",
        type=str(raw["type"]),
        data=cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {},
    )


def _parse_edge(index: int, raw: Mapping[str, object]) -> Edge:
    return Edge(
        id=_identifier(raw.get("id")) or f"edge-{index}",
        source=_identifier(raw.get("source")) or "",
        target=_identifier(raw.get("target")) or "",
        source_handle=_identifier(raw.get("sourceHandle")),
        target_handle=_identifier(raw.get("targetHandle")),
    )


def _node_problems(raw_nodes: Sequence[object]) -> list[str]:
    if not raw_nodes:
        return ["Workflow must contain at least one node", "Workflow must have a node of type 'start'"]
    problems = []
    for index, raw in enumerate(raw_nodes):
        if not isinstance(raw, Mapping):
            problems.append(f"nodes[{index}] must be an object, not {_kind(raw)}")
            continue
        name = _identifier(raw.get("id")) or f"nodes[{index}]"
        if "id" in raw and raw["id"] is not None and _identifier(raw["id"]) is None:
            problems.append(f"nodes[{index}]: 'id' must be a string, not {_kind(raw['id'])}")
        if not isinstance(raw.get("type"), str) or not raw["type"]:
            problems.append(
                f"Node '{name}': 'type' must be a string, not {_kind(raw.get('type'), 'type' in raw)}"
            )
        if raw.get("data") is not None and not isinstance(raw["data"], Mapping):
            problems.append(f"Node '{name}': 'data' must be an object, not {_kind(raw['data'])}")
    if not any(isinstance(raw, Mapping) and raw.get("type") == START for raw in raw_nodes):
        problems.append("Workflow must have a node of type 'start'")
    counts = Counter(_known_ids(raw_nodes))
    problems += [
        f"Duplicate node id: '{name}' ({count} times)" for name, count in counts.items() if count > 1
    ]
    return problems


def _edge_problems(raw_edges: Sequence[object], node_ids: Sequence[str]) -> list[str]:
    known = set(node_ids)
    problems = []
    for index, raw in enumerate(raw_edges):
        if not isinstance(raw, Mapping):
            problems.append(f"edges[{index}] must be an object, not {_kind(raw)}")
            continue
        name = _identifier(raw.get("id")) or f"edges[{index}]"
        for end in ("source", "target"):
            value = _identifier(raw.get(end))
            if value is None:
                problems.append(
                    f"Edge '{name}': '{end}' must be a node id, not {_kind(raw.get(end), end in raw)}"
                )
            elif value not in known:
                problems.append(f"Edge '{name}': {end} node '{value}' does not exist")
        problems.extend(
            f"Edge '{name}': '{handle}' must be a string, not {_kind(raw[handle])}"
            for handle in ("sourceHandle", "targetHandle")
            if raw.get(handle) not in (None, "") and _identifier(raw[handle]) is None
        )
    return problems


def _known_ids(raw_nodes: Sequence[object]) -> list[str]:
    ids = (_identifier(raw.get("id")) for raw in raw_nodes if isinstance(raw, Mapping))
    return [name for name in ids if name is not None]


def _identifier(value: object) -> str | None:
    """A usable id or handle: a non-empty string, or a number that some generators write."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _kind(value: object, present: bool = True) -> str:  # noqa: FBT001, FBT002 - reads as "kind of value, if present"
    if not present:
        return "missing"
    names: dict[type, str] = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)


def _nested_deeper_than(document: object, limit: int) -> bool:
    level: list[object] = [document]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)
