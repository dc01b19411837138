"""The list of built-in node types."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.catalogue import built_in_types, default_registry
from nodes.registry import NodeType

BUILT_IN = [
    "start",
    "openBrowser",
    "navigation",
    "contextManipulate",
    "type",
    "action",
    "elementQuery",
    "formInput",
    "keyboard",
    "scroll",
    "screenshot",
    "storage",
    "dialog",
    "download",
    "iframe",
    "wait",
    "javascriptCode",
    "loop",
    "intValue",
    "stringValue",
    "booleanValue",
    "inputValue",
    "verify",
    "apiRequest",
    "apiCurl",
    "loadConfigFile",
    "selectConfigFile",
    "dbConnect",
    "dbDisconnect",
    "dbQuery",
    "dbTransactionBegin",
    "dbTransactionCommit",
    "dbTransactionRollback",
    "csvHandle",
    "email",
    "slack",
    "webhook",
    "dataExtractor",
    "smartExtractor",
]

PLUGINS = [
    "setConfig.setConfig",
    "switch.switch",
    "reusable.reusable",
    "reusable.end",
    "reusable.runReusable",
    "comment-box.comment",
    "shortcut.shortcut",
    "example.fillForm",
    "example.scrollTo",
]

OWN = ["approvalGate", "askHuman", "playwright", "subWorkflow"]
"""Types that the format does not have."""


def test_every_type_of_the_format_is_there_once() -> None:
    assert sorted(node_type.name for node_type in built_in_types()) == sorted([*BUILT_IN, *PLUGINS, *OWN])


def test_types_come_by_category_and_name() -> None:
    keys = [(node_type.category, node_type.name.lower()) for node_type in built_in_types()]

    assert keys == sorted(keys)


def test_every_type_is_documented() -> None:
    assert [item.name for item in built_in_types() if not item.__doc__ or not item.title] == []


def test_the_registry_is_made_once() -> None:
    registry = default_registry()

    assert registry is default_registry()
    assert len(registry) == len(BUILT_IN) + len(PLUGINS) + len(OWN)


@pytest.mark.parametrize("node_type", built_in_types(), ids=lambda item: item.name)
def test_an_empty_text_selects_the_default_of_a_text(node_type: type[NodeType[Any]]) -> None:
    fields = node_type.model.model_fields
    defaulted = {name: info for name, info in fields.items() if isinstance(info.default, str)}

    data = node_type.model.read({info.alias or name: "" for name, info in defaulted.items()})

    assert {name: getattr(data, name) for name in defaulted} == {
        name: info.default for name, info in defaulted.items()
    }
