"""Merging JSON objects into data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunSteps

SOURCES = ["loadConfigFile", "selectConfigFile"]


def entry(content: str, **more: Any) -> dict[str, Any]:
    return {"id": "1", "fileName": "a.json", "fileContent": content, "enabled": True, **more}


async def test_set_config_keeps_types_and_references(run_steps: RunSteps) -> None:
    config = {"count": 5, "on": False, "text": "${data.count}", "deep": {"a": [1, None]}}

    outcome = await run_steps(("setConfig.setConfig", {"config": config}), open_browser=False)

    assert {key: outcome.data[key] for key in config} == config


async def test_set_config_under_a_key(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        ("setConfig.setConfig", {"config": {"a": 1}, "contextKey": "settings"}), open_browser=False
    )

    assert outcome.data["settings"] == {"a": 1}
    assert "a" not in outcome.data


async def test_set_config_without_anything_does_nothing(run_steps: RunSteps) -> None:
    outcome = await run_steps(("setConfig.setConfig", {}), open_browser=False)

    assert outcome.status == "completed"


@pytest.mark.parametrize("config", [[1], 5, "text"])
async def test_set_config_takes_objects_only(run_steps: RunSteps, config: object) -> None:
    outcome = await run_steps(("setConfig.setConfig", {"config": config}), open_browser=False)

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "config" in outcome.error.message


@pytest.mark.parametrize("node_type", SOURCES)
async def test_configurations_are_merged_in_order_and_shallowly(run_steps: RunSteps, node_type: str) -> None:
    configs = [
        entry(' {"a": {"x": 1, "y": 2}, "b": 1} '),
        entry('{"a": {"x": 3}}'),
        entry('{"b": 9}', enabled=False),
        entry('{"c": 1}', contextKey="named"),
    ]

    outcome = await run_steps((node_type, {"configs": configs}), open_browser=False)

    assert outcome.error is None
    assert outcome.data["a"] == {"x": 3}
    assert outcome.data["b"] == 1
    assert outcome.data["named"] == {"c": 1}


@pytest.mark.parametrize("node_type", SOURCES)
@pytest.mark.parametrize(
    ("content", "message"),
    [("[1]", "must be a JSON object, not an array"), ("5", "not a single value"), ("{", "is not valid JSON")],
)
async def test_bad_content_fails_and_leaves_data_alone(
    run_steps: RunSteps, node_type: str, content: str, message: str
) -> None:
    configs = [entry('{"first": 1}'), entry(content)]

    outcome = await run_steps((node_type, {"configs": configs}), open_browser=False)

    assert outcome.error is not None
    assert outcome.error.message.startswith("Configuration 'a.json'")
    assert message in outcome.error.message
    assert "first" not in outcome.data


@pytest.mark.parametrize("node_type", SOURCES)
async def test_all_entries_disabled_is_fine(run_steps: RunSteps, node_type: str) -> None:
    outcome = await run_steps(
        (node_type, {"configs": [entry("nonsense", enabled=False)]}), open_browser=False
    )

    assert outcome.status == "completed"


@pytest.mark.parametrize(
    ("node_type", "field"), [("loadConfigFile", "filePath"), ("selectConfigFile", "configs")]
)
async def test_nothing_to_load_fails(run_steps: RunSteps, node_type: str, field: str) -> None:
    outcome = await run_steps((node_type, {"configs": []}), open_browser=False)

    assert outcome.error is not None
    assert f"'{field}' is required" in outcome.error.message


async def test_an_old_workflow_reads_its_file(run_steps: RunSteps, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.json").write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')

    outcome = await run_steps(("loadConfigFile", {"filePath": "conf\\a.json"}), open_browser=False)

    assert outcome.error is None
    assert outcome.data["a"] == "é"


async def test_a_missing_file_fails(run_steps: RunSteps) -> None:
    outcome = await run_steps(("loadConfigFile", {"filePath": "none.json"}), open_browser=False)

    assert outcome.error is not None
    assert outcome.error.code == "FILE_NOT_USABLE"
    assert "none.json cannot be read" in outcome.error.message


async def test_an_old_workflow_brings_its_content(run_steps: RunSteps) -> None:
    data = {"fileContent": '{"a": 1}', "fileName": "old.json", "contextKey": "old"}

    outcome = await run_steps(("selectConfigFile", data), open_browser=False)

    assert outcome.data["old"] == {"a": 1}
