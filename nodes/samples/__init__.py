"""Examples of every built-in node type: what documentation shows and what a test runs.

There is one JSON file for each category of node types; in it, each type has one example or several. An example is a
node, or a small workflow where one node alone says nothing. The hosts in them (``shop.example.com``,
``api.example.com`` and so on) stand for servers of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Sample", "SampleStep", "samples_of"]

_SETS: Final = ConfigDict(extra="forbid", frozen=True)


class SampleStep(BaseModel):
    """A node of an example: its type and properties."""

    model_config = _SETS

    type: str
    """``type`` in workflow files."""
    data: Mapping[str, Any] = Field(default_factory=dict)
    """``data`` in workflow files."""


class Sample(BaseModel):
    """An example of a node type."""

    model_config = _SETS

    title: str
    """What it does, as a sentence."""
    node: SampleStep | None = None
    """The node; None where ``workflow`` shows more than one."""
    workflow: Mapping[str, Any] | None = None
    """A whole workflow document, where edges matter."""
    page: str | None = None
    """HTML of the page on which the node works."""
    before: tuple[SampleStep, ...] = ()
    """What has to run before the node."""
    after: tuple[SampleStep, ...] = ()
    """What runs after the node and shows what it did."""
    files: Mapping[str, Any] = Field(default_factory=dict)
    """Files next to the workflow, by name; texts, or content that is written as JSON."""
    variables: Mapping[str, Any] = Field(default_factory=dict)
    """Variables that the run is given."""
    reply: Mapping[str, Any] | None = None
    """What somebody replies to the question of the node."""
    leaves: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """What it leaves in ``data`` and ``variables``, and in ``files`` (their texts)."""
    needs: str | None = None
    """The server that it needs: tests have none, so that the example is only validated."""

    @property
    def shown(self) -> Mapping[str, Any]:
        """The part that documentation prints: the node, or the workflow."""
        if self.node is None:
            return self.workflow or {}
        return self.node.model_dump()

    @property
    def document(self) -> dict[str, Any]:
        """The whole example as a workflow document that can be run."""
        if self.workflow is not None:
            return dict(self.workflow)
        steps = [SampleStep(type="start"), *self._page_steps(), *self.before]
        steps += [self.node] if self.node is not None else []
        steps += self.after
        names = ["start", *(f"step-{number}" for number in range(1, len(steps)))]
        nodes = [{"id": name, **step.model_dump()} for name, step in zip(names, steps, strict=True)]
        return {
            "nodes": nodes,
            "edges": [{"source": left, "target": right} for left, right in pairwise(names)],
        }

    def _page_steps(self) -> list[SampleStep]:
        if self.page is None:
            return []
        show = {"method": "setContent", "arguments": [self.page]}
        return [SampleStep(type="openBrowser"), SampleStep(type="playwright", data=show)]


def samples_of(node_type: str) -> tuple[Sample, ...]:
    """The examples of a built-in node type; none for others."""
    return _all().get(node_type, ())


@cache
def _all() -> Mapping[str, tuple[Sample, ...]]:
    found: dict[str, tuple[Sample, ...]] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda item: item.name):
        if file.name.endswith(".json"):
            for name, samples in orjson.loads(file.read_bytes()).items():
                found[name] = tuple(Sample.model_validate(item) for item in samples)
    return found
