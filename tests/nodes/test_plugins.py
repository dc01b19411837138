"""Loading plugins from folders and installed packages; whatever is broken is reported and left out."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from nodes.catalogue import built_in_types
from nodes.errors import ConfigurationError
from nodes.plugins import Plugins, load_plugins
from nodes.testing import NodeBench
from tests.conftest import RunWorkflow
from tests.running import chain, node

HANDLER = '''
from __future__ import annotations

from typing import Annotated

from nodes.context import NodeRun
from nodes.model import INTERPOLATED, REQUIRED, NodeData, Text
from nodes.registry import NodeType


class GreetData(NodeData):
    """Whom to greet."""

    who: Annotated[Text, REQUIRED, INTERPOLATED] = None
    """Name of the person."""


class Greet(NodeType[GreetData]):
    """Store a greeting."""

    uses_page = False

    async def run(self, data: GreetData, run: NodeRun) -> None:
        run.data["greeting"] = f"Hello {run.require(data.who, 'who')}"
'''


def manifest(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Greetings",
        "version": "1.2.0",
        "description": "Says hello",
        "author": "Ada",
        "nodes": [
            {"type": "shop.greet", "label": "Greet", "category": "shop", "handlerPath": "./handlers/greet.py"}
        ],
        **changes,
    }


def entry(**changes: Any) -> dict[str, Any]:
    return {**manifest()["nodes"][0], **changes}


def write(folder: Path, name: str = "greetings", handler: str = HANDLER, **changes: Any) -> Path:
    """A plugin folder."""
    plugin = folder / name
    (plugin / "handlers").mkdir(parents=True)
    (plugin / "handlers" / "greet.py").write_text(dedent(handler), "utf-8")
    (plugin / "plugin.json").write_text(json.dumps(manifest(**changes)), "utf-8")
    return plugin


def load(*folders: Path) -> Plugins:
    return load_plugins(folders, packages=False)


def names(plugins: Plugins) -> set[str]:
    """The node types beyond the built-in ones."""
    return {item.name for item in plugins.registry} - {item.name for item in built_in_types()}


async def test_a_plugin_of_a_folder_works(tmp_path: Path) -> None:
    folder = write(tmp_path)

    plugins = load(folder)

    (plugin,) = plugins.loaded()
    assert (plugin.id, plugin.path, plugin.types) == ("greetings", folder.resolve(), ("shop.greet",))
    assert plugin.manifest == manifest()
    assert plugins.failures == ()
    greet = plugins.registry.get("shop.greet")
    assert (greet.title, greet.category, greet.summary) == ("Greet", "shop", "Store a greeting.")
    async with NodeBench(registry=plugins.registry) as bench:
        await bench.run("shop.greet", {"who": "Ada"})
        assert bench.data["greeting"] == "Hello Ada"


def test_a_folder_may_hold_several_plugins_and_other_things(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two", nodes=[entry(type="shop.wave")])
    (tmp_path / "node_modules").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "readme.txt").write_text("x")

    plugins = load(tmp_path)

    assert [plugin.id for plugin in plugins.loaded()] == ["one", "two"]
    assert names(plugins) == {"shop.greet", "shop.wave"}
    assert plugins.failures == ()


def test_a_module_may_have_several_types_and_import_its_neighbours(tmp_path: Path) -> None:
    handler = HANDLER.replace("class Greet(", "from .words import BYE\n\n\nclass Greet(") + dedent('''

        class Leave(NodeType[GreetData]):
            """Say good-bye."""

            name = "shop.leave"
            title = "Leave"

            async def run(self, data: GreetData, run: NodeRun) -> None:
                run.data["greeting"] = BYE
        ''')
    handler = handler.replace("    uses_page = False", '    name = "shop.greet"')
    folder = write(tmp_path, handler=handler, nodes=[entry(), entry(type="shop.leave", label="X")])
    (folder / "handlers" / "words.py").write_text('BYE = "Good-bye"\n', "utf-8")

    plugins = load(folder)

    assert plugins.failures == ()
    assert {plugins.registry.get(name).title for name in names(plugins)} == {"Greet", "Leave"}


@pytest.mark.parametrize("path", ["handlers/greet", "handlers\\greet.py", "handlers/greet.py:Greet"])
def test_ways_to_name_a_handler(tmp_path: Path, path: str) -> None:
    assert names(load(write(tmp_path, nodes=[entry(handlerPath=path)]))) == {"shop.greet"}


async def test_a_class_without_a_name_may_serve_several_types(tmp_path: Path) -> None:
    plugins = load(write(tmp_path, nodes=[entry(), entry(type="shop.hail", label="Hail")]))

    assert names(plugins) == {"shop.greet", "shop.hail"}
    assert [plugins.registry.get(f"shop.{name}").title for name in ("greet", "hail")] == ["Greet", "Hail"]
    async with NodeBench(registry=plugins.registry) as bench:
        await bench.run("shop.hail", {"who": "Ada"})
        assert bench.data["greeting"] == "Hello Ada"


def test_a_manifest_may_have_a_byte_order_mark_and_more_than_is_known(tmp_path: Path) -> None:
    folder = write(tmp_path)
    text = json.dumps(manifest(dependencies={"lodash": "^4"}, homepage="x"))
    (folder / "plugin.json").write_text(f"\ufeff{text}", "utf-8")

    (plugin,) = load(folder).loaded()

    assert plugin.manifest["homepage"] == "x"


def test_another_version_is_only_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = write(tmp_path, "one", requirements={"minVersion": "99.0.0", "maxVersion": "100"})
    two = write(tmp_path, "two", requirements={"minVersion": "soon"})

    with caplog.at_level(logging.WARNING, "batchwright.plugins"):
        plugins = load(one, two)

    assert len(plugins.loaded()) == 2
    assert ">= 99.0.0 and <= 100" in caplog.text
    assert "soon" in caplog.text


def test_of_two_plugins_with_the_same_type_the_later_one_wins(tmp_path: Path) -> None:
    one = write(tmp_path, "one")
    two = write(tmp_path, "two", nodes=[entry(label="Wave")])

    plugins = load(one, two)

    assert plugins.registry.get("shop.greet").title == "Wave"
    assert len(plugins.loaded()) == 2


def no_manifest(folder: Path) -> None:
    (folder / "plugin.json").unlink()


def handler(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "handlers" / "greet.py").write_text(dedent(text), "utf-8")


def says(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "plugin.json").write_text(text, "utf-8")


def with_manifest(**changes: Any) -> Callable[[Path], object]:
    return says(json.dumps(manifest(**changes)))


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (no_manifest, r"there is no plugin\.json"),
        (says("{"), r"plugin\.json is no JSON"),
        (says("[]"), r"plugin\.json: the whole"),
        (says(" " * 2**20 + "{}"), "larger than"),
        (with_manifest(name=None), r"plugin\.json: name"),
        (with_manifest(description=3), r"plugin\.json: description"),
        (with_manifest(nodes=[]), r"plugin\.json: nodes"),
        (with_manifest(nodes=[entry(label=" ")]), r"plugin\.json: nodes\.0\.label"),
        (with_manifest(nodes=[entry(handlerPath=None)]), r"nodes\.0\.handlerPath"),
        (with_manifest(nodes=[entry(handlerPath="no.py")]), r"there is no handler no\.py"),
        (with_manifest(nodes=[entry(handlerPath="handlers/greet.js")]), "no Python module"),
        (with_manifest(nodes=[entry(handlerPath="../../greet.py")]), "outside of the plugin's folder"),
        (with_manifest(nodes=[entry(handlerPath="handlers/greet.py:Wave")]), "one class for the node type"),
        (with_manifest(nodes=[entry(), entry(type="wait")]), "'wait' is built in and cannot be replaced"),
        (handler("def greet(:\n"), "SyntaxError"),
        (handler("import not_there_at_all\n"), "ModuleNotFoundError.*not_there_at_all"),
        (handler("raise SystemExit(3)\n"), "SystemExit: 3"),
        (handler("1 / 0\n"), "ZeroDivisionError"),
        (handler("class Greet: ...\n"), "one class for the node type"),
        (handler(HANDLER.replace("NodeType[GreetData]", "NodeType")), "Greet names no data model"),
        (handler(HANDLER.replace("async def run", "async def go")), "one class for the node type"),
        (handler(HANDLER.replace("uses_page = False", 'name = "shop.other"')), "one class for the node"),
        (handler(HANDLER.replace("    uses", "    def __init__(self):\n        1 / 0\n    uses")), "Zero"),
    ],
)
def test_a_broken_plugin_is_reported_and_left_out(
    tmp_path: Path, breaks: Callable[[Path], object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = write(tmp_path, "broken")
    breaks(broken)
    good = write(tmp_path, "good", nodes=[entry(type="shop.good")])
    modules = set(sys.modules)

    with caplog.at_level(logging.WARNING, "batchwright.plugins"):
        plugins = load(tmp_path)

    (failure,) = plugins.failures
    assert failure.plugin_id == "broken"
    assert failure.code == "PLUGIN_NOT_USABLE"
    assert failure.message in caplog.text
    with pytest.raises(type(failure), match=f"'broken' is left out: .*{reason}"):
        raise failure
    assert [plugin.path for plugin in plugins.loaded()] == [good.resolve()]
    assert names(plugins) == {"shop.good"}
    left = {name.partition(".")[0] for name in set(sys.modules) - modules}
    assert len({name for name in left if name.startswith("batchwright_plugin_")}) <= 2


def test_a_folder_without_any_plugin_is_reported(tmp_path: Path) -> None:
    (failure,) = load(tmp_path).failures

    assert failure.plugin_id == tmp_path.name
    assert "there is no plugin.json" in failure.reason


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no plugin folder") as caught:
        load(tmp_path / "none")
    assert caught.value.field == "plugins"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a package with entry points, as pip lays it out."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(package: str, source: str, points: dict[str, str]) -> None:
        (site / package).mkdir()
        (site / package / "__init__.py").write_text(dedent(source), "utf-8")
        info = site / f"{package}-2.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.1\nSummary: Of a package\n"
        )
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[batchwright.nodes]", *lines, ""]))

    return install


NAMED = HANDLER.replace("    uses_page = False", '    name = "shop.greet"\n    category = "shop"')


def test_installed_packages_name_types_and_modules(install: Callable[..., None], tmp_path: Path) -> None:
    install("plugin_of_a_package", NAMED, {"a-type": "plugin_of_a_package:Greet"})
    install("plugin_module", NAMED.replace("shop.greet", "shop.wave"), {"b-module": "plugin_module"})

    plugins = load_plugins()

    first, second = (plugin for plugin in plugins.loaded() if plugin.id in ("a-type", "b-module"))
    assert (first.types, second.types) == (("shop.greet",), ("shop.wave",))
    assert first.path == tmp_path / "site" / "plugin_of_a_package"
    assert first.manifest == {
        "name": "plugin_of_a_package",
        "version": "2.1",
        "description": "Of a package",
        "nodes": [
            {
                "type": "shop.greet",
                "label": "shop.greet",
                "category": "shop",
                "handlerPath": "plugin_of_a_package",
            }
        ],
    }
    assert {"shop.greet", "shop.wave"} <= names(plugins)
    assert names(load_plugins(packages=False)) == set()


def test_folders_come_after_packages(install: Callable[..., None], tmp_path: Path) -> None:
    install("plugin_below", NAMED, {"below": "plugin_below:Greet"})

    plugins = load_plugins([write(tmp_path)])

    assert plugins.registry.get("shop.greet").title == "Greet"


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("x = 1", ":x", "neither a NodeType nor a module with some"),
        ("x = 1", "", "neither a NodeType nor a module with some"),
        ("import not_there_at_all", "", "ModuleNotFoundError"),
        ("", ":gone", "AttributeError"),
        (HANDLER, ":Greet", "the node type Greet has no name"),
        (NAMED.replace("shop.greet", "click"), ":Greet", None),
        (NAMED.replace("shop.greet", "wait"), ":Greet", "built in"),
    ],
)
def test_a_broken_package_is_left_out(
    install: Callable[..., None], source: str, value: str, reason: str | None, request: pytest.FixtureRequest
) -> None:
    package = f"plugin_broken_{abs(hash(request.node.name))}"
    install(package, source, {"broken": f"{package}{value}"})

    failures = [item.reason for item in load_plugins().failures if item.plugin_id == "broken"]

    assert [reason in item for item in failures if reason] == ([True] if reason else [])
    assert len(failures) == (reason is not None)


async def test_a_workflow_with_a_plugins_type_runs(tmp_path: Path, run_workflow: RunWorkflow) -> None:
    plugins = load(write(tmp_path))
    greet = node("greet", "shop.greet", who="Ada")

    outcome = await run_workflow(chain(node("start", "start"), greet), registry=plugins.registry)

    assert (outcome.status, outcome.data["greeting"]) == ("completed", "Hello Ada")
    assert (await run_workflow(chain(node("start", "start"), greet))).status == "failed"
