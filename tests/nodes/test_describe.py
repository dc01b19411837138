"""Descriptions of node types, made from their classes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from nodes.catalogue import built_in_types
from nodes.context import NodeRun
from nodes.describe import common_properties, condition_properties, describe_type
from nodes.flow import Loop, Switch
from nodes.javascript import JavaScriptCode
from nodes.model import NodeData
from nodes.registry import NodeType
from nodes.verify import Verify
from nodes.wait import Wait


def properties(node_type: type[NodeType[Any]]) -> dict[str, Any]:
    described: Any = describe_type(node_type)["properties"]
    return {item["name"]: item for item in described}


def test_a_type_is_described() -> None:
    described = describe_type(Wait)

    assert described["name"] == "wait"
    assert described["title"] == "Wait"
    assert described["supported"] is True
    assert described["summary"] == (
        "Wait for a time, an element, a URL or a condition, or check a stored API response."
    )


def test_a_property_is_described() -> None:
    assert properties(Wait)["timeout"] == {
        "name": "timeout",
        "type": "number",
        "default": 30_000,
        "unit": "ms",
        "required": False,
        "interpolated": False,
        "choices": [],
        "block": "timeout",
        "description": "How long the operation may take, ms.",
    }


def test_marks_show() -> None:
    verify = properties(Verify)

    assert verify["domain"]["required"] is True
    assert verify["domain"]["choices"] == ["browser", "api", "database"]
    assert verify["selector"]["interpolated"] == "text"
    assert verify["expectedValue"]["interpolated"] == "value"
    assert verify["cookieName"]["interpolated"] is False


def test_places_in_the_stores_are_named() -> None:
    described = describe_type(Wait)
    assert described["reads"] == ["data.<contextKey of apiWaitConfig>"]
    assert describe_type(Switch)["reads"] == ["data.<apiContextKey>", "variables.<variableName>"]
    assert describe_type(Switch)["writes"] == ["data.switchOutput", "data.switchOutputLabel"]
    assert describe_type(Loop)["writes"] == ["variables.index", "variables.item"]
    assert describe_type(JavaScriptCode)["reads"] == ["data", "variables"]


def test_examples_show_the_node_and_a_workflow_that_runs() -> None:
    described: Any = describe_type(Loop)
    first = described["examples"][0]

    assert set(first) == {"title", "shown", "document", "files", "variables", "leaves", "needs"}
    assert first["shown"] == first["document"]
    verify: Any = describe_type(Verify)
    shown = verify["examples"][0]["shown"]
    assert shown["type"] == "verify"
    assert shown["data"] in [node["data"] for node in verify["examples"][0]["document"]["nodes"]]
    later: Any = describe_type(Later)
    assert later["examples"] == []


def test_objects_show_their_own_properties() -> None:
    cases = properties(Switch)["cases"]

    assert cases["type"] == "array of object"
    assert [item["name"] for item in cases["properties"]] == ["id", "label", "condition"]


def test_common_properties_stand_apart() -> None:
    names = {item["name"] for item in common_properties()}

    assert names == {"label", "bypass", "breakpoint", "failSilently", "isTest"}
    assert names.isdisjoint(properties(Verify))
    assert names.isdisjoint(str(item["name"]) for item in condition_properties())


class Later(NodeType[NodeData]):
    """Comes with a later version."""

    name = "later"
    title = "Later"
    supported = False

    async def run(self, data: NodeData, run: NodeRun) -> None:  # noqa: ARG002 - it is never run
        raise AssertionError


def test_an_unsupported_type_is_described_as_such() -> None:
    assert describe_type(Later)["supported"] is False


@pytest.mark.parametrize("node_type", built_in_types(), ids=lambda node_type: str(node_type.name))
def test_every_type_has_a_complete_description(node_type: type[NodeType[Any]]) -> None:
    described = describe_type(node_type)

    assert orjson.loads(orjson.dumps(described)) == described
    assert described["summary"]
    undocumented = [item["name"] for item in properties(node_type).values() if not item["description"]]
    assert undocumented == []
