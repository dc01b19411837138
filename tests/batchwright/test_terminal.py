"""What a terminal shows, and what goes elsewhere: quiet, verbose, NO_COLOR, live."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.batchwright.command import PATIENCE_S, batchwright, failing, passing, pausing, started, write

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[78=>])")
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal of 100 columns: the one to look at, the one for programs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


async def seen_on_a_terminal(
    tmp_path: Path, *options: str, env: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run ``flows`` on a terminal; returns exit code and everything written to it."""
    with terminal() as (ours, theirs):
        reading = asyncio.create_task(asyncio.to_thread(read_all, ours), name="read the terminal")
        settings = {"TERM": "xterm-256color", **(env or {})}
        async with started("run", "flows", *options, cwd=tmp_path, out=theirs, env=settings) as running:
            os.close(theirs)
            ended = await running.end()
        return ended.code, await asyncio.wait_for(reading, PATIENCE_S)


def read_all(terminal: int) -> str:
    content = b""
    while True:
        try:
            block = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody has the other end open any more
            return content.decode()
        if not block:
            return content.decode()
        content += block


async def test_a_terminal_shows_live_progress_and_keeps_the_results(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing(), b=failing(), c=pausing(1500))
    code, seen = await seen_on_a_terminal(tmp_path)
    assert code == 1
    assert HIDE_CURSOR in seen
    assert seen.rindex(SHOW_CURSOR) > seen.rindex(HIDE_CURSOR)
    text = ESCAPES.sub("", seen)
    assert re.search(r"▸ c\.json +pause +\d\.\d s", text)
    assert re.search(r"━.* 2/3 +1 passed +1 failed +1 running", text)
    final = text[text.rindex("━") :]
    for line in (
        "✗ b.json",
        "node       Load it (bad), loadConfigFile",
        "2 passed, 1 failed of 3 workflows in ",
    ):
        assert line in final
    for line in ("Running 3 workflows", "✓ a.json  passed", "✗ b.json  FAILED", "✓ c.json  passed"):
        assert line in text


async def test_long_messages_are_cut_on_a_terminal_until_the_end(tmp_path: Path) -> None:
    write(tmp_path / "flows", **{"a-long-name-" * 8: failing()})
    _, seen = await seen_on_a_terminal(tmp_path)
    lines = ESCAPES.sub("", seen).replace("\r", "\n").splitlines()
    assert all(len(line) <= 100 for line in lines if "FAILED" in line)
    assert any("…" in line for line in lines)
    assert "Property 'filePath' is required for node type loadConfigFile  [NODE_PROPERTY_INVALID]" in "".join(
        lines
    )


async def test_no_color_on_a_terminal_is_plain(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing(), b=failing())
    code, seen = await seen_on_a_terminal(tmp_path, env={"NO_COLOR": "1"})
    assert code == 1
    assert "\x1b" not in seen
    assert "✓ a.json  passed" in seen
    assert "1 passed, 1 failed of 2 workflows" in seen


async def test_quiet_tells_failures_and_totals_only(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing(), b=failing())
    ended = await batchwright("run", "flows", "--quiet", cwd=tmp_path)
    assert ended.code == 1
    assert [line.split(" in ")[0] for line in ended.lines] == [
        "",
        "✗ b.json",
        "    node       Load it (bad), loadConfigFile",
        "    error      Property 'filePath' is required for node type loadConfigFile  [NODE_PROPERTY_INVALID]",
        "",
        "1 passed, 1 failed of 2 workflows",
        ended.lines[-1],
    ]


async def test_verbose_tells_each_node_and_more_of_the_log(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=passing(), b=failing())
    ended = await batchwright("run", "flows", "--verbose", cwd=tmp_path)
    assert ended.code == 1
    for line in (
        r"  · a\.json: start  \d+ ms",
        r"  · a\.json: say  \d+ ms",
        r"  ✗ b\.json: Load it  \d+ ms  Property",
    ):
        assert re.search(line, ended.out)
    assert "\x1b" not in ended.out + ended.err


async def test_force_of_color_settings_does_not_reach_a_pipe(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=failing())
    ended = await batchwright(
        "run", "flows", cwd=tmp_path, env={"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    )
    assert "\x1b" not in ended.out
