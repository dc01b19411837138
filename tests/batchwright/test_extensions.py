"""Secrets and plugins from the command line: everything that it prints and writes, and where plugins count."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from typer.testing import CliRunner

from batchwright.cli import app
from tests.batchwright.command import batchwright, passing, summary, write
from tests.batchwright.served import served
from tests.nodes.test_plugins import entry
from tests.nodes.test_plugins import write as write_plugin
from tests.running import chain, node

Cli = Callable[..., tuple[int, str]]
SECRET = "hunter2/&q+Zx9"
START = node("start", "start")
GREET = chain(START, node("greet", "shop.greet", who="${secrets.WHO}"))


def telling() -> dict[str, Any]:
    """A workflow that says a secret and then fails over it."""
    return chain(
        START,
        node("say", "stringValue", value="Bearer ${secrets.TOKEN}", variableName="said"),
        node(
            "code",
            "javascriptCode",
            code="console.log(context.variables.said); throw new Error(context.variables.said)",
        ),
    )


def everything(folder: Path) -> str:
    return "\n".join(file.read_text("latin-1") for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("options", [("--verbose",), ("--events", "-")])
async def test_a_run_neither_prints_nor_writes_secrets(tmp_path: Path, options: tuple[str, ...]) -> None:
    flows = write(tmp_path / "flows", telling=telling(), fine=passing())
    (tmp_path / "my.env").write_text(f"TOKEN={SECRET}\n", "utf-8")
    command = ("run", flows, "--secrets-file", "my.env", "--var", f"given={SECRET}")
    ended = await batchwright(*command, "--summary-json", "sum.json", *options, cwd=tmp_path)
    assert ended.code == 1, ended.err
    (tmp_path / "my.env").unlink()
    told = ended.out + ended.err + everything(tmp_path)
    assert "Bearer ***" in told
    assert SECRET not in told
    assert quote_plus(SECRET) not in told
    assert json.dumps(SECRET)[1:-1] not in told


async def test_declared_secrets_come_from_variables(tmp_path: Path) -> None:
    code = "if (context.variables.said !== 'A B') throw new Error('differs')"
    said = node("say", "stringValue", value="${secrets.ONE} ${secrets.TWO}", variableName="said")
    flows = write(tmp_path / "flows", flow=chain(START, said, node("same", "javascriptCode", code=code)))
    bad = {"nodes": [START, {"id": "n", "type": {"x": SECRET}}], "edges": []}
    write(flows, bad=bad)
    env = {"BATCHWRIGHT_SECRET_ONE": "A", "TWO": "B", "BATCHWRIGHT_SECRET_THREE": SECRET}
    ended = await batchwright(
        "run", flows, "--secret", "TWO", "--summary-json", "sum.json", cwd=tmp_path, env=env
    )
    assert ended.code == 1
    view = summary(tmp_path / "sum.json")
    assert (view["completed"], view["invalidWorkflows"]) == (1, 1), ended.out
    assert SECRET not in ended.out + ended.err + everything(tmp_path / "output") + json.dumps(view)


async def test_a_run_with_plugins(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    write_plugin(plugins)
    write_plugin(plugins, "broken", nodes=[entry(handlerPath="gone.py")])
    env = {"BATCHWRIGHT_SECRET_WHO": "Ada", "BATCHWRIGHT_PLUGINS": str(plugins)}
    command = ("run", write(tmp_path / "flows", greet=GREET), "--summary-json", "sum.json")
    ended = await batchwright(*command, cwd=tmp_path, env=env)
    assert ended.code == 0, ended.out
    assert summary(tmp_path / "sum.json")["completed"] == 1
    assert "Plugin 'broken' is left out: there is no handler gone.py" in ended.err


@pytest.fixture
def cli() -> Iterator[Cli]:
    """The command line in this process; its logging is taken back."""
    loggers = [logging.getLogger(name) for name in ("batchwright", "asyncio")]
    before = [(item, item.handlers, item.level, item.propagate) for item in loggers]

    def run(*args: str | Path) -> tuple[int, str]:
        result = CliRunner().invoke(app, [*map(str, args)], env={"COLUMNS": "300"})
        return result.exit_code, result.output

    yield run
    for item, handlers, level, propagate in before:
        item.handlers, item.propagate = handlers, propagate
        item.setLevel(level)


def test_plugins_count_in_the_other_commands(tmp_path: Path, cli: Cli) -> None:
    plugins = tmp_path / "plugins"
    folder = write_plugin(plugins)
    write_plugin(plugins, "broken", nodes=[entry(handlerPath="gone.py")])
    flows = write(tmp_path / "flows", greet=GREET)

    code, said = cli("validate", flows)
    assert (code, "shop.greet" in said) == (1, True)
    code, said = cli("validate", flows, "--plugins", plugins)
    assert code == 0
    assert "Plugin 'broken' is left out: there is no handler gone.py" in said

    code, said = cli("nodes", "--plugins", plugins)
    assert "Greetings 1.2.0: shop.greet" in said
    assert str(folder) in said
    assert "broken" in said
    code, said = cli("nodes", "--json", "--plugins", folder)
    owners = {item["name"]: item["plugin"] for item in json.loads(said)}
    assert (owners["shop.greet"], owners["wait"]) == ("greetings", None)
    code, said = cli("nodes", "shop.greet", "--plugins", folder)
    assert "Store a greeting." in said
    assert "Plugin  greetings" in said


def test_errors_name_the_option(tmp_path: Path, cli: Cli) -> None:
    flows = write(tmp_path / "flows", fine=passing())
    for option, value in (("--secrets-file", "none.env"), ("--secret", "a-b"), ("--plugins", "gone")):
        code, said = cli("run", flows, option, value)
        assert (code, option in said, value in said) == (2, True, True), said


async def test_a_server_has_plugins_and_secrets(tmp_path: Path) -> None:
    folder = write_plugin(tmp_path / "plugins")
    write_plugin(tmp_path / "plugins", "broken", nodes=[entry(handlerPath="gone.py")])
    (tmp_path / "batchwright.toml").write_text('plugins = ["plugins"]\nsecrets = ["WHO"]\n', "utf-8")
    env = {"WHO": SECRET, "BATCHWRIGHT_SECRET_OTHER": "something else"}
    async with served(tmp_path, "--log-level", "debug", env=env) as server:
        status, plugins = await server.get("/api/plugins")
        assert status == 200
        assert [(item["id"], item["path"], item["loaded"]) for item in plugins] == [
            ("greetings", str(folder), True)
        ]
        assert plugins[0]["manifest"] == json.loads((folder / "plugin.json").read_text())
        assert (await server.get("/api/plugins/greetings"))[1] == plugins[0]
        assert (await server.get("/api/plugins/broken"))[0] == 404
        accepted = await server.client.execute(workflow=GREET)
        result = await server.client.wait_execution(accepted.execution_id or "")
        assert result.status == "completed"
        _, told = await server.get(f"/api/workflows/execution/{accepted.execution_id}/result")
        assert told["data"]["greeting"] == "Hello ***"
        server.running.signal(signal.SIGTERM)
        ended = await server.running.end()
    assert "Plugin 'broken' is left out" in ended.err
    assert SECRET not in ended.out + ended.err + everything(tmp_path / "output")
