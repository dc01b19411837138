"""Where an execution pauses: breakpoints as a request gives them, and the decision at each node.

Source: workflow-format.md, section 18, for `BreakpointConfig`; the list `breakpoints`, `breakOn` and `PauseRules`
go beyond it. Everything here is plain JSON, and the decision is pure: what pauses, waits and resumes is
`batches.gate`. Times are ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, field_validator

from batches.events import PauseAt, PauseReason, Record
from batches.expressions import Expression, ExpressionError
from nodes.document import Node

__all__ = [
    "DEFAULT_PAUSE_MS",
    "BreakOn",
    "BreakWhen",
    "Breakpoint",
    "BreakpointConfig",
    "BreakpointSet",
    "DebugOptions",
    "Hit",
    "PauseRules",
    "Stops",
    "merged",
]

DEFAULT_PAUSE_MS: Final = 2 * 60 * 60 * 1000
"""How long a pause lasts when nobody ends it, ms."""

MAX_BREAKPOINTS: Final = 1_000
"""Longest list of breakpoints that a request may carry."""

SLOW_FACTOR: Final = 2.0
"""A node is slow when it took longer than this many times its known p95."""

Timing = Literal["pre", "post", "both"]

Values = Callable[[], Mapping[str, object]]


class BreakOn(StrEnum):
    """What makes any node pause."""

    ERROR = "error"
    SLOW = "slow"


def _listed(value: object) -> object:
    """A single word stands for a list of one; null for none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


BreakWhen = Annotated[tuple[BreakOn, ...], BeforeValidator(_listed)]
"""`error`, `slow` or a list of them."""


class BreakpointConfig(Record):
    """The reference's breakpoints: all nodes, or those marked with ``breakpoint: true``."""

    enabled: bool = False
    """Whether they count at all."""
    breakpoint_at: Timing = "pre"
    """Before the node, after it, or both."""
    breakpoint_for: Literal["all", "marked"] = "marked"
    """Every node, or only those whose `data.breakpoint` is true."""


class Breakpoint(Record):
    """One breakpoint of the list."""

    id: str | None = None
    """Name in pauses and answers; `<nodeId>:<at>` if not given."""
    node_id: str = Field(min_length=1, max_length=500)
    """The node, in the main flow, a loop or a reusable flow."""
    at: Timing = "pre"
    """Before the node, after it, or both."""
    condition: str | None = None
    """Pauses only when this expression over `data`, `variables` and `index` is true."""
    hit_count: int = Field(default=1, ge=1)
    """Pauses from this visit on; visits count when the condition holds."""
    once: bool = False
    """Pauses at most one time in each execution."""
    enabled: bool = True

    @field_validator("condition")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        try:
            Expression(value)
        except ExpressionError as error:
            raise ValueError(error.message) from None
        return value

    @property
    def name(self) -> str:
        """How pauses and answers name it."""
        return self.id or f"{self.node_id}:{self.at}"


class BreakpointSet(Record):
    """All that makes an execution pause; read and replaced as a whole while it runs."""

    breakpoint_config: BreakpointConfig | None = None
    """All or marked nodes."""
    breakpoints: tuple[Breakpoint, ...] = Field(default=(), max_length=MAX_BREAKPOINTS)
    """Single nodes."""
    break_on: BreakWhen = ()
    """Pause where a node fails, or was slow."""
    first: bool = False
    """In a batch, only the first member that would pause does; the others go on."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing in it can ever pause."""
        config = self.breakpoint_config
        listed = any(item.enabled for item in self.breakpoints)
        return not (listed or self.break_on or (config is not None and config.enabled))


class PauseRules(Record):
    """What holds for every pause of an execution, whatever caused it."""

    timeout_ms: int = Field(default=DEFAULT_PAUSE_MS, ge=1)
    """How long a pause lasts at most, ms."""
    on_timeout: Literal["stop", "continue"] = "stop"
    """What happens then."""
    keep_slot: bool = False
    """Keep the worker slot while paused; without, the batch goes on with it."""
    max_paused: int | None = Field(default=None, ge=1)
    """So many executions of the batch pause at once; breakpoints hit beyond that do not pause."""
    at_start: bool = False
    """Pause before the first node."""
    wait_nodes: bool = True
    """Whether wait nodes with `pause` pause; off where nobody can continue them."""
    owner: str | None = Field(default=None, max_length=200)
    """Who is debugging, for those who wonder about a paused execution."""


class DebugOptions(BreakpointSet):
    """What a request says about debugging; the default pauses only where a wait node asks for it."""

    pause: PauseRules = Field(default_factory=PauseRules)
    """Limits and slots."""
    use_saved: bool = False
    """Add the breakpoints that were saved for the workflow's file."""
    known_p95: Mapping[str, float] = Field(default_factory=dict)
    """How long nodes take, ms by node id, for `breakOn: slow`; filled in from history."""

    @property
    def breakpoint_set(self) -> BreakpointSet:
        """The part that can be replaced while the execution runs."""
        return BreakpointSet.model_validate(
            {name: getattr(self, name) for name in BreakpointSet.model_fields}
        )

    def with_set(self, new: BreakpointSet) -> Self:
        """The same with other breakpoints."""
        return self.model_copy(update={name: getattr(new, name) for name in BreakpointSet.model_fields})


@dataclass(frozen=True, slots=True)
class Hit:
    """Why a node pauses.

    Attributes:
        reason: What caused it.
        message: The same for people.
        breakpoint_id: The breakpoint of the list, if it was one.
    """

    reason: PauseReason
    message: str
    breakpoint_id: str | None = None


@dataclass(slots=True)
class Stops:
    """The breakpoints of one execution and what they have counted so far.

    Attributes:
        wanted: The breakpoints.
        known_p95: How long nodes take, ms by node id.
        log: Called with a level and a message for a condition that cannot be evaluated, once for each.
    """

    wanted: BreakpointSet
    known_p95: Mapping[str, float] = field(default_factory=dict)
    log: Callable[[str, str], None] = lambda _level, _message: None
    _faulty: set[str] = field(default_factory=set)
    _visits: dict[str, int] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _conditions: dict[str, Expression] = field(default_factory=dict)
    _muted: bool = False

    @property
    def active(self) -> bool:
        """Whether any node may pause."""
        return not self._muted and not self.wanted.is_empty

    @property
    def breaks_on_error(self) -> bool:
        """Whether a failing node pauses."""
        return not self._muted and BreakOn.ERROR in self.wanted.break_on

    def mute(self) -> None:
        """Let nothing pause any more, until the set is replaced."""
        self._muted = True

    def replace(self, wanted: BreakpointSet) -> None:
        """Take another set; breakpoints that are in both keep their counts."""
        kept = {item.name for item in wanted.breakpoints if item in self.wanted.breakpoints}
        self._visits = {name: count for name, count in self._visits.items() if name.partition(" ")[0] in kept}
        self._used &= kept
        self._conditions.clear()
        self._faulty.clear()
        self._muted, self.wanted = False, wanted

    def at_node(self, node: Node, at: PauseAt, values: Values) -> Hit | None:
        """Whether a node pauses before or after it runs; counts the visit.

        Args:
            node: The node.
            at: `pre` or `post`.
            values: Gives what conditions see: ``data``, ``variables`` and ``index``.
        """
        if self._muted:
            return None
        return self._listed_hit(node, at, values) or self._configured_hit(node, at)

    def slow(self, node: Node, duration_ms: float) -> Hit | None:
        """Whether a node pauses because it took so long."""
        known = self.known_p95.get(node.id)
        if self._muted or BreakOn.SLOW not in self.wanted.break_on or known is None:
            return None
        if duration_ms <= known * SLOW_FACTOR:
            return None
        return Hit(
            PauseReason.SLOW,
            f"Node {node.title} took {duration_ms:.0f} ms; 95 % of its runs took at most {known:.0f} ms",
        )

    def _configured_hit(self, node: Node, at: PauseAt) -> Hit | None:
        config = self.wanted.breakpoint_config
        if config is None or not config.enabled or config.breakpoint_at not in (at.value, "both"):
            return None
        if config.breakpoint_for == "marked" and node.data.get("breakpoint") is not True:
            return None
        return Hit(PauseReason.BREAKPOINT, f"Breakpoint {_where(at)} node {node.title}")

    def _listed_hit(self, node: Node, at: PauseAt, values: Values) -> Hit | None:
        hit = None
        for item in self.wanted.breakpoints:
            if item.node_id == node.id and item.at in (at.value, "both") and self._applies(item, at, values):
                hit = hit or Hit(
                    PauseReason.BREAKPOINT,
                    f"Breakpoint {item.name} {_where(at)} node {node.title}",
                    item.name,
                )
        return hit

    def _applies(self, item: Breakpoint, at: PauseAt, values: Values) -> bool:
        if not item.enabled or item.name in self._used or not self._holds(item, values):
            return False
        key = f"{item.name} {at.value}"
        self._visits[key] = self._visits.get(key, 0) + 1
        if self._visits[key] < item.hit_count:
            return False
        if item.once:
            self._used.add(item.name)
        return True

    def _holds(self, item: Breakpoint, values: Values) -> bool:
        if item.condition is None:
            return True
        condition = self._conditions.get(item.name)
        if condition is None:
            condition = self._conditions[item.name] = Expression(item.condition)
        try:
            return bool(condition.value(values()))
        except ExpressionError as error:
            if item.name not in self._faulty:
                self._faulty.add(item.name)
                self.log("warning", f"Breakpoint {item.name} does not pause: {error.message}")
            return False


def _where(at: PauseAt) -> str:
    return "before" if at is PauseAt.PRE else "after"


def merged(sets: Iterable[BreakpointSet]) -> BreakpointSet:
    """Breakpoints of several sets in one; of two with the same name the later one counts."""
    result = BreakpointSet()
    for item in sets:
        named = {each.name: each for each in (*result.breakpoints, *item.breakpoints)}
        result = BreakpointSet(
            breakpoint_config=item.breakpoint_config or result.breakpoint_config,
            breakpoints=tuple(named.values()),
            break_on=tuple(dict.fromkeys((*result.break_on, *item.break_on))),
            first=item.first or result.first,
        )
    return result
