"""The plugin that docs/writing-a-node.md shows is loaded, tested and run as it stands there."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nodes import blocks, model
from nodes.context import NodeRun
from nodes.errors import NodeError
from nodes.plugins import ENTRY_POINTS, Plugins, load_plugins
from nodes.testing import NodeBench
from nodes.validation import check
from tests.conftest import RunWorkflow

PAGE = (Path(__file__).parents[2] / "docs" / "writing-a-node.md").read_text("utf-8")
BLOCK = re.compile(r"`([\w.]+)`[^`\n]*:\n\n```(?:python|json)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page."""
    folder = tmp_path_factory.mktemp("plugins") / "shop"
    folder.mkdir()
    for name, text in BLOCK.findall(PAGE):
        (folder / name).write_text(text, "utf-8")
    assert {file.name for file in folder.iterdir()} == {"plugin.json", "greet.py", "shout.py", "test_shop.py"}
    return folder


@pytest.fixture(scope="module")
def plugins(folder: Path) -> Plugins:
    plugins = load_plugins([folder], packages=False)
    assert plugins.failures == ()
    return plugins


def module_of(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"page_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_its_tests_pass(folder: Path) -> None:
    module = module_of(folder / "test_shop.py")
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        await test()


async def test_its_workflow_runs(plugins: Plugins, run_workflow: RunWorkflow) -> None:
    (document,) = (
        json.loads(block)
        for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
        if '"start"' in block
    )
    assert check(document, plugins.registry) == []
    outcome = await run_workflow(document, variables={"name": "Ada"}, registry=plugins.registry)
    assert outcome.data["greeting"] == "Hello Ada"


async def test_its_errors_are_the_nodes(plugins: Plugins) -> None:
    async with NodeBench(registry=plugins.registry) as bench:
        with pytest.raises(NodeError, match="Property 'who' is required"):
            await bench.run("shop.greet")


def test_what_the_tables_name_is_there() -> None:
    def listed(heading: str) -> set[str]:
        section = PAGE[PAGE.index(f"\n## {heading}") :].split("\n## ")[1]
        cells = [row.split("|")[1] for row in re.findall(r"^\| `.*$", section, re.MULTILINE)]
        return {name for cell in cells for name in re.findall(r"`([\w.]+)", cell)}

    assert all(hasattr(model, name) for name in listed("Properties"))
    members = {name.split(".")[1] for name in listed("The handler")}
    assert members <= {*dir(NodeRun), *NodeRun.__dataclass_fields__}
    named = re.findall(r"`(\w+Block)`", PAGE)
    assert named
    assert all(hasattr(blocks, name) for name in named)


def test_the_entry_points_are_those_that_are_loaded() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    points: dict[str, Any] = tomllib.loads(text)["project"]["entry-points"]
    assert set(points) == {ENTRY_POINTS}
