"""A walk inside a node of another walk: how its nodes are named and placed outside of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batches.frames import Frame
from nodes.document import Node

__all__ = ["SEPARATOR", "Host"]

SEPARATOR = "/"
"""Stands between the id of a calling node and that of a node of the workflow that it calls."""


@dataclass(frozen=True, slots=True)
class Host:
    """The node of another walk that a walk runs in; without one, the walk is the outermost.

    Attributes:
        prefix: What ids of the inner walk's nodes begin with outside of it: ``<calling node>/``.
        depth: How many loops, flows and calls are around it.
        reaches: Whether the walks around it can go back to a node.
        iteration: Number of the iteration that the calling node runs in.
        loop_id: The loop that it runs in, as it is known outside.
    """

    prefix: str = ""
    depth: int = 0
    reaches: Callable[[str], bool] = lambda _node_id: False
    iteration: int | None = None
    loop_id: str | None = None

    def name(self, node_id: str) -> str:
        """A node's id as it is known outside."""
        return self.prefix + node_id

    def own(self, name: str) -> str | None:
        """The id of a node of the inner walk; None for nodes of others."""
        return name.removeprefix(self.prefix) if name.startswith(self.prefix) else None

    def shown(self, node: Node) -> Node:
        """A node as it is known outside."""
        return Node(self.name(node.id), node.type, node.data) if self.prefix else node

    def loop_around(self, frame: Frame) -> tuple[int | None, str | None]:
        """The innermost iteration and loop around a node of the inner walk."""
        if frame.loop_id is None:
            return self.iteration, self.loop_id
        return frame.iteration, self.name(frame.loop_id)

    def inside(self, node: Node, frame: Frame, *, depth: int, reaches: Callable[[str], bool]) -> Host:
        """The host of a walk inside a node of the inner walk.

        Args:
            node: The node.
            frame: Where it stands.
            depth: How many frames the inner walk has.
            reaches: Whether the inner walk, or one around it, can go back to a node.
        """
        iteration, loop_id = self.loop_around(frame)
        return Host(self.name(node.id) + SEPARATOR, self.depth + depth, reaches, iteration, loop_id)
