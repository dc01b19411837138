"""The start node: options of the whole run (workflow-format.md, section 15)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from nodes.context import NodeRun
from nodes.model import Flag, NodeData, Number, OneOf, Text
from nodes.registry import NodeType

__all__ = ["Start", "StartData"]

_TIMINGS: Final = ("pre", "post", "both")


class StartData(NodeData):
    """Options of the whole run."""

    screenshot_all_nodes: Flag = False
    """Take a screenshot around every node once a page exists."""
    screenshot_timing: Annotated[Text, OneOf(*_TIMINGS)] = "post"
    """Whether screenshots are taken before or after a node."""
    snapshot_all_nodes: Flag = False
    """Write the accessibility tree as JSON around every node."""
    snapshot_timing: Annotated[Text, OneOf(*_TIMINGS)] = "post"
    """Whether the accessibility tree is written before or after a node."""
    slow_mo: Number = None
    """Delay after each node, ms."""
    scroll_then_action: Flag = False
    """Scroll smoothly to an element before acting on it."""
    record_session: Flag = False
    """Record a video of every page."""


class Start(NodeType[StartData]):
    """Where the workflow begins; holds options of the whole run."""

    name: ClassVar = "start"
    title: ClassVar = "Start"
    category: ClassVar = "flow"
    uses_page: ClassVar = False

    async def run(self, data: StartData, run: NodeRun) -> None:
        """Do nothing: the runner reads the options."""
