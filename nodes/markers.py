"""Node types that mark something: reusable flows, notes and the editor's keys.

Source: workflow-format.md, section 13, and nodes.md. They are never executed; the classes hold the properties.
"""

from __future__ import annotations

from typing import ClassVar

from nodes.context import NodeRun
from nodes.flow import ReusableData
from nodes.model import LooseText, NodeData
from nodes.registry import NodeType

__all__ = [
    "Comment",
    "CommentData",
    "Reusable",
    "ReusableEnd",
    "Shortcut",
    "ShortcutData",
]


class Reusable(NodeType[ReusableData]):
    """Begin the definition of a flow that can be called from anywhere."""

    name: ClassVar = "reusable.reusable"
    title: ClassVar = "Reusable Flow"
    category: ClassVar = "flow"
    uses_page: ClassVar = False

    async def run(self, data: ReusableData, run: NodeRun) -> None:
        """Do nothing: definitions are not part of the flow."""


class ReusableEnd(NodeType[NodeData]):
    """End the definition of a reusable flow."""

    name: ClassVar = "reusable.end"
    title: ClassVar = "Reusable Flow End"
    category: ClassVar = "flow"
    uses_page: ClassVar = False

    async def run(self, data: NodeData, run: NodeRun) -> None:
        """Do nothing: the marker is not part of the flow."""


class CommentData(NodeData):
    """A note for people."""

    content: LooseText = None
    """The note, Markdown."""


class Comment(NodeType[CommentData]):
    """A note in the editor; never executed."""

    name: ClassVar = "comment-box.comment"
    title: ClassVar = "Comment"
    category: ClassVar = "annotation"
    uses_page: ClassVar = False

    async def run(self, data: CommentData, run: NodeRun) -> None:
        """Do nothing."""


class ShortcutData(NodeData):
    """A key of the editor."""

    shortcut: LooseText = None
    """The key: one of a-z, A-Z, 0-9."""
    target_node_id: LooseText = None
    """Id of the node that the editor jumps to."""


class Shortcut(NodeType[ShortcutData]):
    """A key that jumps to a node in the editor; never executed."""

    name: ClassVar = "shortcut.shortcut"
    title: ClassVar = "Shortcut"
    category: ClassVar = "annotation"
    uses_page: ClassVar = False

    async def run(self, data: ShortcutData, run: NodeRun) -> None:
        """Do nothing."""
