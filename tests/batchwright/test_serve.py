"""``batchwright serve`` as a process: how it starts, ends, logs, and what is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import pytest
from filelock import FileLock

from batchwright.client import AsyncClient
from batchwright.client_models import ClientError
from batchwright.exit_codes import ExitCode
from batchwright.remote import show_status, stop, stop_all
from batchwright.serve import serve
from tests.batchwright.command import (
    PATIENCE_S,
    START,
    batchwright,
    browser_pausing,
    many,
    passing,
    pausing,
    reading,
    started,
    write,
)
from tests.batchwright.served import Served, served
from tests.running import chain, node
from tests.server.serving import serving


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_it_serves_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    async with served(tmp_path) as server:
        assert await server.get("/healthz") == (200, {"status": "ok", "reasons": []})
        assert await server.get("/readyz") == (200, {"status": "ready", "reasons": []})
        server.running.signal(number)
        ended = await server.running.end()
    assert ended.code == 0
    first, *_, last = ended.lines
    assert first.startswith(f"Batchwright serves on {server.url} with ")
    assert last == "Stopped."
    assert not (tmp_path / "port.txt").exists()


async def test_a_port_in_use_is_an_error_and_touches_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = await batchwright("serve", "--port", str(port), cwd=tmp_path)
    assert ended.code == 3
    assert f"Error: Cannot listen on 127.0.0.1 port {port}: another program uses it" in ended.err
    assert "--port" in ended.err
    assert not (tmp_path / "output").exists()


async def test_a_token_guards_all_but_the_probes(tmp_path: Path) -> None:
    env = {"BATCHWRIGHT_TOKEN": "s3cret"}
    async with served(tmp_path, "--host", "0.0.0.0", env=env, token="s3cret") as server:
        assert [(await server.get(path))[0] for path in ("/healthz", "/readyz")] == [200, 200]
        assert [(await server.get(path))[0] for path in ("/metrics", "/api/system-info")] == [401, 401]
        assert (await server.get("/metrics", Authorization="Bearer s3cret"))[0] == 200
        assert (await server.client.active()).total_active == 0
        async with AsyncClient(server.url, token="wrong") as stranger:
            with pytest.raises(ClientError) as caught:
                await stranger.active()
        assert caught.value.status == 401
        server.running.signal(signal.SIGTERM)
        ended = await server.running.end()
    assert "s3cret" not in ended.out + ended.err


@pytest.mark.parametrize(
    "case",
    [
        ({"host": "0.0.0.0"}, None, ExitCode.USAGE, "host (--host): host 0.0.0.0 can be reached from other"),
        ({"workers": "none"}, None, ExitCode.USAGE, "workers (--workers): "),
        ({}, Path("gone.toml"), ExitCode.USAGE, "gone.toml: there is no such settings file"),
        ({"output": Path("file")}, None, ExitCode.RUNNER, "file"),
        ({"port_file": Path("gone/port")}, None, ExitCode.USAGE, "gone/port cannot be written"),
    ],
)
async def test_what_cannot_be_used_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[dict[str, object], Path | None, ExitCode, str],
) -> None:
    options, config, code, expected = case
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert await serve({"port": 0, **options}, config) is code
    told = capsys.readouterr().err
    assert told.startswith("Error: ")
    assert expected in told


@pytest.mark.browser
async def test_a_signal_stops_what_runs_and_leaves_no_browser(tmp_path: Path) -> None:
    flows = many(tmp_path / "flows", "browser", 2, browser_pausing())
    many(flows, "plain", 3, pausing())
    async with served(tmp_path, "--workers", "3") as server:
        started = await server.client.execute(folder="flows", workers=3)
        single = await server.client.execute(pausing())
        await server.at_node("pause", 3)
        assert server.browsers
        server.running.signal(signal.SIGTERM, group=False)
        ended = await server.running.end()
        assert ended.code == 0
        assert await server.running.left() == []
    history = await batchwright("history", "--json", cwd=tmp_path)
    rows = {row["batchId"]: row for row in json.loads(history.out)}
    assert len(rows) == 2
    assert {row["status"] for row in rows.values()} == {"stopped"}
    row = rows[str(started.batch_id)]
    assert (row["stopped"], row["notRun"], row["running"], row["queued"]) == (5, 2, 0, 0)
    assert single.execution_id is not None
    assert history.err == ""


async def test_until_history_is_read_it_is_not_ready_and_can_be_ended(tmp_path: Path) -> None:
    """The store waits for another process, which has its index locked."""
    (tmp_path / "output").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    lock = FileLock(tmp_path / "output" / "index.lock")
    async with AsyncClient(f"http://127.0.0.1:{port}") as client:
        with lock:
            async with started("serve", "--port", str(port), cwd=tmp_path) as running:
                server = Served(running, client.url, client)
                await server.until_it_listens()
                assert await server.get("/readyz") == (503, {"status": "not ready", "reasons": ["starting"]})
                assert (await server.get("/healthz"))[0] == 200
                with pytest.raises(ClientError) as caught:
                    await client.execute(passing())
                assert (caught.value.status, caught.value.code) == (503, "STARTING")
                running.signal(signal.SIGTERM)
                lock.release()
                assert (await running.end()).code == 0


async def test_draining_lets_what_runs_finish(tmp_path: Path) -> None:
    pipe = tmp_path / "data.json"
    os.mkfifo(pipe)
    async with served(tmp_path, "--drain", str(PATIENCE_S)) as server:
        started = await server.client.execute(reading(pipe))
        await server.at_node("read", 1)
        server.running.signal(signal.SIGTERM)
        await server.unready()
        assert (await server.get("/readyz"))[1]["reasons"] == ["draining"]
        assert (await server.get("/healthz"))[0] == 200
        with pytest.raises(ClientError) as caught:
            await server.client.execute(passing())
        assert (caught.value.status, caught.value.code) == (503, "SHUTTING_DOWN")
        assert (await server.client.status(started.execution_id)).status == "running"
        await asyncio.to_thread(pipe.write_text, "{}")
        ended = await server.running.end()
    assert ended.code == 0
    assert f"what runs gets {PATIENCE_S // 60} min {PATIENCE_S % 60} s" in ended.out
    (row,) = json.loads((await batchwright("history", "--json", cwd=tmp_path)).out)
    assert (row["status"], row["completed"]) == ("completed", 1)


async def test_a_second_signal_kills(tmp_path: Path) -> None:
    async with served(tmp_path, "--drain", str(PATIENCE_S)) as server:
        await server.client.execute(pausing())
        await server.at_node("pause", 1)
        server.running.signal(signal.SIGINT)
        await server.unready()
        server.running.signal(signal.SIGINT)
        assert (await server.running.end()).code == 130
    (row,) = json.loads((await batchwright("history", "--json", cwd=tmp_path)).out)
    assert (row["status"], row["interrupted"]) == ("stopped", 1)
    assert not (tmp_path / "port.txt").exists()


async def test_log_lines_are_json_and_name_the_execution(tmp_path: Path) -> None:
    bad = chain(START, node("bad", "loadConfigFile"))
    async with served(tmp_path, "--log-format", "json") as server:
        started = await server.client.execute(bad)
        assert started.execution_id is not None
        assert (await server.client.wait_execution(started.execution_id)).status == "error"
        await server.get("/api/workflows/executions/active")
        server.running.signal(signal.SIGTERM)
        ended = await server.running.end()
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert [line["timestamp"] for line in lines]
    (end,) = [line for line in lines if line.get("executionId") and line["logger"] == "batchwright.runs"]
    assert (end["executionId"], end["status"], end["level"]) == (started.execution_id, "failed", "WARNING")
    changes = [line for line in lines if line["logger"] == "batchwright.access"]
    assert [(line["method"], line["path"], line["status"]) for line in changes] == [
        ("POST", "/api/workflows/execute", 200)
    ]


async def test_resume_runs_what_a_killed_server_left_waiting(tmp_path: Path) -> None:
    flows = write(tmp_path / "flows", a=pausing())
    many(flows, "b", 3, passing())
    async with served(tmp_path, "--workers", "1") as server:
        started = await server.client.execute(folder="flows", workers=1)
        await server.at_node("pause", 1)
        # The answer comes once the journal has what happened so far.
        await server.get(f"/api/workflows/execution/batch/{started.batch_id}/events")
        server.running.signal(signal.SIGKILL)
        await server.running.end()
    async with served(tmp_path, "--resume") as server:
        before = await server.client.batch(str(started.batch_id))
        assert (before.status, before.running, before.queued, before.not_run) == ("stopped", 0, 0, 3)
        page = await server.client.batches()
        (resumed,) = [row for row in page.batches if row.batch_id != started.batch_id]
        batch = await server.client.wait(resumed.batch_id, timeout_s=PATIENCE_S)
        assert (batch.status, batch.completed, batch.total_workflows) == ("completed", 3, 3)


async def test_status_and_stop_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> str:
        return capsys.readouterr().out

    async with serving(tmp_path, workers=2) as stage:
        url, client = stage.server.url, stage.client
        assert await show_status(url, None, None, as_json=False) is ExitCode.OK
        assert told() == "Nothing runs.\n"
        started = await client.execute(workflows=[pausing()] * 3, workers=2)
        batch_id = str(started.batch_id)
        first, second, third = [item.execution_id for item in started.executions]

        await show_status(url, None, None, as_json=False)
        assert [line.split()[0] for line in told().splitlines()] == ["execution", first, second, third]
        await show_status(url, None, batch_id, as_json=False)
        assert told().startswith(f"{batch_id}  running  2 running, 1 waiting of 3 workflows\n")
        await show_status(url, None, first, as_json=False)
        assert told().startswith(f"{first}  running")

        await stop(url, None, first, as_json=True)
        assert json.loads(told())["wasRunning"] is True
        ended = await batchwright("stop-all", "--server", url, "--json", cwd=tmp_path)
        counts = json.loads(ended.out)
        assert (ended.code, counts["totalStopped"], counts["batches"]) == (0, 2, [batch_id])
        await stop(url, None, batch_id, as_json=False)
        assert told() == "The batch is over already: 0 running stopped, 0 waiting cancelled\n"
        assert await stop(url, None, "batch-1", as_json=False) is ExitCode.USAGE
        assert "batch-1" in capsys.readouterr().err
    assert await stop_all(url, None, as_json=False) is ExitCode.RUNNER
    assert "batchwright serve" in capsys.readouterr().err


async def test_settings_with_their_origins(tmp_path: Path) -> None:
    (tmp_path / "batchwright.toml").write_text('workers = 5\ntoken = "s3cret"\n')
    env = {"BATCHWRIGHT_PORT": "4000"}
    told = await batchwright("settings", cwd=tmp_path, env=env)
    rows = {line.split()[0]: line.split()[1:] for line in told.lines}
    assert rows["workers"] == ["5", "batchwright.toml"]
    assert rows["port"] == ["4000", "BATCHWRIGHT_PORT"]
    assert rows["token"] == ["********", "batchwright.toml"]
    assert rows["host"] == ["127.0.0.1", "default"]
    as_json = json.loads((await batchwright("settings", "--json", cwd=tmp_path, env=env)).out)
    assert as_json["port"] == {"value": 4000, "origin": "environment", "from": "BATCHWRIGHT_PORT"}
    (tmp_path / "batchwright.toml").write_text("workers = 0\n")
    faulty = await batchwright("settings", cwd=tmp_path)
    assert (faulty.code, "workers (batchwright.toml)" in faulty.err) == (2, True)
