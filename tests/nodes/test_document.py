from __future__ import annotations

from typing import Any

import pytest

from nodes.document import decode_document, forgive, structural_problems
from nodes.errors import WorkflowUnreadableError


@pytest.mark.parametrize("text", ['{"nodes": [', '{"a": "abc', '{"a"', "[1,", '{"nodes": [\n  {"id": "a"\n'])
def test_a_file_cut_off_is_said_to_end_too_early(text: str) -> None:
    with pytest.raises(WorkflowUnreadableError, match="the file ends too early"):
        decode_document(text.encode())


def test_a_fault_in_the_middle_is_named_with_its_place() -> None:
    with pytest.raises(WorkflowUnreadableError, match=r"line 2, column 3: .*control character"):
        decode_document(b'{"a":\n"x\ny\n"}')


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_is_no_fault(mark: bytes) -> None:
    assert decode_document(mark + b'{"nodes": []}') == {"nodes": []}


def test_a_single_run_leaves_out_edges_to_nowhere_and_doubled_nodes() -> None:
    first, double = {"id": "a", "type": "wait"}, {"id": "a", "type": "stringValue"}
    start, kept = {"id": "s", "type": "start"}, {"id": "e", "source": "s", "target": "a"}
    edges = [{"id": "x", "source": "s", "target": "ghost"}, kept, {"target": "a"}]
    document: dict[str, Any] = {"nodes": [start, first, double], "edges": edges, "groups": []}

    forgiven, warnings = forgive(document)

    assert forgiven == {"nodes": [start, double], "edges": [kept], "groups": []}
    assert structural_problems(forgiven) == []
    assert warnings == [
        "Of the nodes with the id 'a' only the last counts",
        "Edge 'x' is ignored: its source or target does not exist",
        "Edge 'edges[2]' is ignored: its source or target does not exist",
    ]
    assert document["nodes"] == [start, first, double]


@pytest.mark.parametrize("document", [None, [], {}, {"nodes": 1, "edges": []}, {"nodes": [1], "edges": [2]}])
def test_other_faults_are_not_forgiven(document: object) -> None:
    forgiven, warnings = forgive(document)

    assert structural_problems(forgiven) == structural_problems(document) != []
    assert warnings == []
