"""Real database servers for tests: found on this machine, started on a free port in a folder of their own."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL, SIGQUIT, Signals
from typing import Any

import pytest

READY_WITHIN_S = 60
SUPERUSER = "batchwright"
DEBIAN_POSTGRES = "/usr/lib/postgresql"

Settings = dict[str, object]


@asynccontextmanager
async def postgres_server() -> AsyncIterator[Settings]:
    """A PostgreSQL server; yields the properties that a dbConnect node needs."""
    initdb, postgres = _program("initdb"), _program("postgres")
    with tempfile.TemporaryDirectory(prefix="bw-pg-", ignore_cleanup_errors=True) as name:
        user, folder = _unprivileged("postgres"), Path(name)
        _give(folder, user)
        await _finish(
            [initdb, "-D", f"{folder}/data", "-U", SUPERUSER, "-A", "trust", "-N", "-E", "UTF8"], user
        )
        port = free_port()
        command = [postgres, "-D", f"{folder}/data", "-p", str(port), "-k", name, "-h", "127.0.0.1", "-F"]
        async with _running(command, user, "ready to accept connections", SIGQUIT):
            yield {
                "dbType": "postgres",
                "host": "127.0.0.1",
                "port": port,
                "user": SUPERUSER,
                "database": "postgres",
            }


@asynccontextmanager
async def mysql_server() -> AsyncIterator[Settings]:
    """A MariaDB server with a database ``test``; yields the properties that a dbConnect node needs."""
    install, server = _program("mariadb-install-db"), _program("mariadbd")
    with tempfile.TemporaryDirectory(prefix="bw-my-", ignore_cleanup_errors=True) as name:
        user, data = _unprivileged("mysql"), f"{name}/data"
        _give(Path(name), user)
        options = [f"--datadir={data}", "--auth-root-authentication-method=normal"]
        await _finish([install, "--no-defaults", *options], user)
        port = free_port()
        command = [server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1"]
        command += [f"--socket={name}/s", f"--pid-file={name}/pid", "--innodb-buffer-pool-size=16M"]
        async with _running(command, user, "ready for connections", SIGKILL):
            yield {"dbType": "mysql", "host": "127.0.0.1", "port": port, "user": "root", "database": "test"}


@asynccontextmanager
async def redis_server() -> AsyncIterator[Settings]:
    """A Redis server with a password; yields the properties that a dbConnect node needs."""
    server = _program("redis-server")
    with tempfile.TemporaryDirectory(prefix="bw-rd-", ignore_cleanup_errors=True) as name:
        port = free_port()
        command = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", name, "--save", ""]
        async with _running([*command, "--requirepass", "p@ss word"], None, "Ready to accept", SIGKILL):
            yield {"dbType": "redis", "host": "127.0.0.1", "port": port, "password": "p@ss word"}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _program(name: str) -> str:
    """The path of a server's program; skips the test where it is not installed."""
    folders = sorted(str(path) for path in Path(DEBIAN_POSTGRES).glob("*/bin"))
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *folders[::-1]])
    found = shutil.which(name, path=places)
    if found is None:
        pytest.skip(f"'{name}' is not installed")
    return os.path.realpath(found) if name in {"initdb", "postgres"} else found


def _unprivileged(name: str) -> str | None:
    """Whom to run a server as that refuses root; None keeps the present user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return name if name in names else "nobody"


def _give(folder: Path, user: str | None) -> None:
    if user is not None:
        shutil.chown(folder, user)


def _identity(user: str | None) -> Mapping[str, Any]:
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


async def _finish(command: Sequence[str], user: str | None) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
        **_identity(user),
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")


@asynccontextmanager
async def _running(command: Sequence[str], user: str | None, ready: str, end: Signals) -> AsyncIterator[None]:
    """Run a server, wait for the line with which it says that it is ready, and end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
        **_identity(user),
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while not said or ready not in said[-1]:
                line = await process.stdout.readline()
                assert line, f"{command[0]} ended: {''.join(said)}"
                said.append(line.decode(errors="replace"))
        draining = asyncio.create_task(_drain(process.stdout), name=f"output of {command[0]}")
        yield
    finally:
        if process.returncode is None:
            process.send_signal(end)
        await process.wait()
    await draining


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass
