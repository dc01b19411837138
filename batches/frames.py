"""Where a walk stands: one frame for the main flow, each loop iteration and each call of a flow around the node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nodes.errors import WorkflowInvalidError
from nodes.graph import LOOP
from nodes.plan import Plan, Region, context_name_of

__all__ = ["Frame", "Stack"]


@dataclass(slots=True)
class Frame:
    """One pass over a region: what is skipped in it, and where it stands.

    Attributes:
        region: What is passed over.
        inherited: What was skipped before the pass began.
        iteration: Number of the loop's iteration.
        loop_id: The loop around it.
        flows: Names of the reusable flows around it, outermost first.
        order: Ids to run; begins with those that have run.
        at: The place of the current node in ``order``.
        skipped: What branches of switches leave out.
        choices: The branch that each switch took, by its id.
    """

    region: Region
    inherited: frozenset[str] = frozenset()
    iteration: int | None = None
    loop_id: str | None = None
    flows: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    at: int = 0
    skipped: set[str] = field(default_factory=set)
    choices: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order = self.region.order
        self.skipped |= self.inherited

    @property
    def current(self) -> str:
        """The node that is about to run, runs or has just run."""
        return self.order[self.at]

    def inner(self, region: Region, *, iteration: int | None, loop_id: str | None) -> Frame:
        """The frame of a loop iteration inside this one."""
        return Frame(region, frozenset(self.skipped), iteration, loop_id, self.flows)

    def reaches(self, node_id: str) -> bool:
        """Whether a node of this frame ran before or is running."""
        return node_id in self.order[: self.at + 1]

    def choose(self, switch_id: str, handle: str, plan: Plan) -> None:
        """Skip what a switch did not select."""
        self.choices[switch_id] = handle
        self.skipped |= plan.unselected(switch_id, handle)

    def go_back(self, node_id: str, plan: Plan) -> None:
        """Stand before a node that ran already, as if nothing from it on had run."""
        self.at = self.order.index(node_id)
        again = self.order[self.at :]
        self.choices = {name: handle for name, handle in self.choices.items() if name not in again}
        self.choose_again(plan)

    def choose_again(self, plan: Plan) -> None:
        """Find out anew what is skipped, by the branches that were taken."""
        self.skipped = set(self.inherited)
        for name, handle in self.choices.items():
            self.skipped |= plan.unselected(name, handle)

    def go_on_in(self, region: Region, plan: Plan) -> None:
        """Stand at the same node of a changed workflow; what has run stays behind it."""
        done = tuple(name for name in self.order[: self.at] if name in plan.nodes)
        rest = region.order[region.order.index(self.current) :]
        self.region, self.at = region, len(done)
        self.order = (*done, *(name for name in rest if name not in done))
        self.choices = {name: handle for name, handle in self.choices.items() if name in plan.nodes}


class Stack:
    """The frames of a walk, outermost first."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def top(self) -> Frame:
        """The innermost frame; raises IndexError when there is none."""
        return self._frames[-1]

    @contextmanager
    def within(self, frame: Frame) -> Iterator[None]:
        """Have a frame on top for the length of the block."""
        self._frames.append(frame)
        try:
            yield
        finally:
            self._frames.pop()

    def reaches(self, node_id: str) -> bool:
        """Whether the walk can go back to a node."""
        return any(frame.reaches(node_id) for frame in self._frames)

    def ahead(self, *, passed: bool) -> list[str]:
        """What is still to be run, innermost sequence first.

        Args:
            passed: Whether the current node of the innermost one has run already.
        """
        return [
            name
            for frame in reversed(self._frames)
            for name in frame.order[frame.at + (passed or frame is not self.top) :]
            if name not in frame.skipped
        ]

    def move_to(self, plan: Plan) -> None:
        """Stand at the same nodes in another workflow.

        Raises:
            WorkflowInvalidError: A node where the walk stands is not at its place there; nothing has changed.
        """
        outer: Frame | None = None
        for frame, region in zip(self._frames, self._regions_in(plan), strict=True):
            frame.go_on_in(region, plan)
            if outer is not None and frame.flows == outer.flows:
                frame.inherited = frozenset(outer.skipped)
            frame.choose_again(plan)
            outer = frame

    def _regions_in(self, plan: Plan) -> list[Region]:
        """The regions of another plan that the walk stands in, outermost first."""
        regions: list[Region] = []
        outer: Frame | None = None
        for frame in self._frames:
            region: Region | None = plan.main
            if outer is not None:
                host = plan.nodes[outer.current]
                name = context_name_of(host) or ""
                region = plan.body(host.id, regions[-1]) if host.type == LOOP else plan.flow(name)
            if region is None or frame.current not in region.order:
                raise WorkflowInvalidError(
                    [f"node '{frame.current}', where the execution stands, is not at its place any more"]
                )
            regions.append(region)
            outer = frame
        return regions
