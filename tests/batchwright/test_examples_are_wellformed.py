"""The example workflows are documents that the runner accepts, and ``broken`` holds the ones meant to fail."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
WORKING_FOLDERS = ["smoke", "shop", "forms"]
WORKING = sorted(path for folder in WORKING_FOLDERS for path in (EXAMPLES / folder).glob("*.json"))
BROKEN = sorted(path.name for path in (EXAMPLES / "broken").glob("*.json"))

MIN_WORKFLOWS = 18
EDITOR_ONLY = {"comment-box.comment"}


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_there_are_enough_examples_in_every_folder() -> None:
    folders = Counter(path.parent.name for path in WORKING)
    assert set(folders) == set(WORKING_FOLDERS)
    assert folders.total() >= MIN_WORKFLOWS


@pytest.mark.parametrize("path", WORKING, ids=named)
def test_example_is_wellformed(path: Path) -> None:
    document = load(path)
    ids = [node["id"] for node in document["nodes"]]
    assert [node["type"] for node in document["nodes"]].count("start") == 1
    assert len(set(ids)) == len(ids)
    edge_ids = [edge["id"] for edge in document["edges"]]
    assert len(set(edge_ids)) == len(edge_ids)
    for edge in document["edges"]:
        assert edge["source"] in ids
        assert edge["target"] in ids


@pytest.mark.parametrize("path", WORKING, ids=named)
def test_example_has_at_most_one_driver_edge_into_a_node(path: Path) -> None:
    drivers = Counter(edge["target"] for edge in load(path)["edges"] if edge["targetHandle"] == "driver")
    assert [node for node, count in drivers.items() if count > 1] == []


@pytest.mark.parametrize("path", WORKING, ids=named)
def test_example_connects_every_declared_input(path: Path) -> None:
    document = load(path)
    connected = {(edge["target"], edge["targetHandle"]) for edge in document["edges"]}
    for node in document["nodes"]:
        for connection in node["data"].get("_inputConnections", {}).values():
            assert (node["id"], connection["handleId"]) in connected


@pytest.mark.parametrize("path", WORKING, ids=named)
def test_example_explains_itself(path: Path) -> None:
    document = load(path)
    assert document["metadata"]["name"]
    assert document["metadata"]["description"]
    for node in document["nodes"]:
        assert node["type"] in EDITOR_ONLY or node["data"]["label"]
        assert {"x", "y"} <= node["position"].keys()


@pytest.mark.parametrize("path", WORKING, ids=named)
def test_example_stays_on_the_demo_site(path: Path) -> None:
    for node in load(path)["nodes"]:
        url = node["data"].get("url")
        assert url is None or url.startswith("${variables.baseUrl}/")


def test_broken_folder_holds_every_kind_of_failure() -> None:
    assert BROKEN == [
        "dangling-edge.json",
        "fail-silently.json",
        "failed-verify.json",
        "missing-element.json",
        "not-json.json",
        "wrong-password.json",
    ]


def test_broken_documents_are_broken_as_described() -> None:
    with pytest.raises(json.JSONDecodeError):
        load(EXAMPLES / "broken" / "not-json.json")
    document = load(EXAMPLES / "broken" / "dangling-edge.json")
    ids = {node["id"] for node in document["nodes"]}
    assert [edge["id"] for edge in document["edges"] if edge["target"] not in ids] == [
        document["edges"][-1]["id"]
    ]
