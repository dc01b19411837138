from __future__ import annotations

import pytest

from nodes.document import decode_document
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
