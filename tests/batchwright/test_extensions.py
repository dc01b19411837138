"""Secrets and plugins from the command line: everything that it prints and writes, and where plugins count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.batchwright.command import batchwright, passing, summary, write
from tests.batchwright.served import served
from tests.nodes.test_plugins import entry
from tests.nodes.test_plugins import write as write_plugin
from tests.running import chain, node

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


@pytest.mark.parametrize("options", [("--verbose",), ("--events", "-", "--verbose"), ("--debug",)])
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


async def test_secrets_from_variables_and_errors_that_name_the_option(tmp_path: Path) -> None:
    code = "if (context.variables.said !== 'A B') throw new Error('differs')"
    same = node("same", "javascriptCode", code=code)
    said = node("say", "stringValue", value="${secrets.ONE} ${secrets.TWO}", variableName="said")
    flows = write(tmp_path / "flows", flow=chain(START, said, same))
    env = {"BATCHWRIGHT_SECRET_ONE": "A", "TWO": "B"}
    ended = await batchwright("run", flows, "--secret", "TWO", cwd=tmp_path, env=env)
    assert ended.code == 0, ended.out
    ended = await batchwright("run", flows, "--secrets-file", "none.env", cwd=tmp_path)
    assert (ended.code, "--secrets-file" in ended.err, "none.env" in ended.err) == (2, True, True)
    ended = await batchwright("run", flows, cwd=tmp_path, env={"BATCHWRIGHT_SECRET_ONE": "A"})
    assert ended.code == 1
    assert "Secret 'TWO' is not set" in ended.out


async def test_an_invalid_workflow_with_a_secret_in_it(tmp_path: Path) -> None:
    flows = write(tmp_path / "flows", bad={"nodes": [START, {"id": "n", "type": {"x": SECRET}}], "edges": []})
    env = {"BATCHWRIGHT_SECRET_TOKEN": SECRET}
    ended = await batchwright("run", write(flows, good=passing()), cwd=tmp_path, env=env)
    assert ended.code == 1
    assert SECRET not in ended.out + ended.err + everything(tmp_path / "output")


async def test_plugins_count_in_every_command(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    write_plugin(plugins)
    write_plugin(plugins, "broken", nodes=[entry(handlerPath="gone.py")])
    flows = write(tmp_path / "flows", greet=GREET)
    env = {"BATCHWRIGHT_SECRET_WHO": "Ada"}

    ended = await batchwright("validate", flows, cwd=tmp_path)
    assert (ended.code, "shop.greet" in ended.out) == (1, True)
    ended = await batchwright("validate", flows, "--plugins", plugins, cwd=tmp_path)
    assert ended.code == 0, ended.out
    assert "Plugin 'broken' is left out: there is no handler gone.py" in ended.err
    command = ("run", flows, "--plugins", plugins, "--summary-json", "sum.json")
    ended = await batchwright(*command, cwd=tmp_path, env=env)
    assert ended.code == 0, ended.out
    assert summary(tmp_path / "sum.json")["completed"] == 1
    ended = await batchwright("run", flows, cwd=tmp_path, env={**env, "BATCHWRIGHT_PLUGINS": str(plugins)})
    assert ended.code == 0, ended.out
    ended = await batchwright("run", flows, "--plugins", "gone", cwd=tmp_path)
    assert (ended.code, "--plugins" in ended.err) == (2, True)


async def test_listings_show_plugins(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    folder = write_plugin(plugins)
    write_plugin(plugins, "broken", nodes=[entry(handlerPath="gone.py")])

    ended = await batchwright("nodes", "--plugins", plugins, cwd=tmp_path, env={"COLUMNS": "200"})
    assert ended.code == 0
    assert "Greetings 1.2.0: shop.greet" in ended.out
    assert str(folder) in ended.out
    assert "broken" in ended.err
    ended = await batchwright("nodes", "--json", "--plugins", plugins, cwd=tmp_path)
    owners = {item["name"]: item["plugin"] for item in json.loads(ended.out)}
    assert (owners["shop.greet"], owners["wait"]) == ("greetings", None)
    ended = await batchwright("nodes", "shop.greet", "--plugins", plugins, cwd=tmp_path)
    assert "Store a greeting." in ended.out
    assert "greetings" in ended.out
    ended = await batchwright("doctor", "--plugins", plugins, cwd=tmp_path, env={"COLUMNS": "300"})
    assert "greetings: shop.greet" in ended.out
    assert "broken is left out: there is no handler gone.py" in ended.out


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
        server.running.signal(2)
        ended = await server.running.end()
    assert "Plugin 'broken' is left out" in ended.err
    assert SECRET not in ended.out + ended.err + everything(tmp_path / "output")
