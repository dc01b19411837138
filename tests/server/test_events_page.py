"""The examples of the page on events work as they stand there."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from server.event_messages import MESSAGES
from server.socket_calls import CONTROLS
from server.subscriptions import SUBSCRIPTIONS
from tests.batches.runs import PATIENCE_S, failing, passing
from tests.server.api import Api
from tests.server.js_client import installed

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def example(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return str(block)


async def output_of(api: Api, *command: str) -> str:
    """Run an example on a server with two workflows; returns what it printed."""
    api.write("flows/good.json", passing())
    api.write("flows/bad.json", failing())
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "SERVER": api.server.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_python_example(api: Api) -> None:
    script = api.write("example.py", example("python"))
    printed = await output_of(api, sys.executable, str(script))
    assert "bad failed: Property 'filePath' is required" in printed
    assert re.search(r"^batch-\d+: 2 of 2 done$", printed, re.MULTILINE)
    assert re.search(r"^batch-\d+ error$", printed, re.MULTILINE)


async def test_the_javascript_example(api: Api, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = installed(tmp_path_factory)
    script = folder / "example.cjs"
    script.write_text(example("js"), "utf-8")
    printed = await output_of(api, "node", str(script))
    assert re.search(r"^started batch-\d+$", printed, re.MULTILINE)
    assert re.search(r"^batch-\d+ error$", printed, re.MULTILINE)


def test_the_page_names_every_message_and_request() -> None:
    named = set(re.findall(r"^\| `([\w-]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert named >= {*MESSAGES, *SUBSCRIPTIONS, *CONTROLS}
