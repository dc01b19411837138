"""Running the real command line in a process of its own, on folders of real workflow files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from batches.events import Event, ExecutionEnded, parse_event
from tests.running import chain, node

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90
"""How long anything may take on a busy machine; no test asserts a time."""
HOUR_MS = 3_600_000

START = node("start", "start")


@dataclass(frozen=True)
class Ended:
    """What a finished command left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def passing(value: str = "x") -> dict[str, Any]:
    return chain(START, node("say", "stringValue", value=value))


def failing(label: str = "Load it") -> dict[str, Any]:
    return chain(START, node("bad", "loadConfigFile", label=label))


def reading(path: Path) -> dict[str, Any]:
    """Passes or fails with the content of a file, which may be a pipe that a test writes to."""
    return chain(START, node("read", "loadConfigFile", filePath=str(path)))


def pausing(milliseconds: int = HOUR_MS) -> dict[str, Any]:
    return chain(START, node("pause", "wait", waitType="timeout", value=milliseconds))


def browsing(*steps: dict[str, Any]) -> dict[str, Any]:
    return chain(START, node("open", "openBrowser"), *steps)


def browser_pausing() -> dict[str, Any]:
    return browsing(node("pause", "wait", waitType="timeout", value=HOUR_MS))


def write(folder: Path, **documents: Any) -> Path:
    """Write documents to ``<name>.json`` in a folder; texts go in as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        text = document if isinstance(document, str) else json.dumps(document)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def many(folder: Path, prefix: str, count: int, document: Mapping[str, Any]) -> Path:
    """Write a document so many times."""
    return write(folder, **{f"{prefix}{number:02}": document for number in range(count)})


def read_events(path: Path) -> list[Event]:
    """The events of a stream, each of which can be read and none of which is missing."""
    events = [
        parse_event(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")
    ]
    first = events[0].seq if events else 0
    assert [event.seq for event in events] == list(range(first, first + len(events)))
    return events


def ends(events: Sequence[Event]) -> list[ExecutionEnded]:
    return [event for event in events if isinstance(event, ExecutionEnded)]


class Running:
    """A started command, at the head of a process group of its own, as a terminal would start it."""

    def __init__(self, process: asyncio.subprocess.Process, cwd: Path) -> None:
        self._process = process
        self.cwd = cwd
        self.family: set[psutil.Process] = set()
        """Everything seen below it."""

    def look(self) -> None:
        """Remember the processes below it."""
        try:
            self.family |= set(psutil.Process(self._process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that it does."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                assert self._process.returncode is None, "it ended before"
                await asyncio.sleep(0.02)
        self.look()

    def signal(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to it, and to all of its group as a terminal does."""
        if group:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)

    @property
    def is_over(self) -> bool:
        return self._process.returncode is not None

    async def end(self) -> Ended:
        """Wait for its end; one that does not come is told with what it does instead."""
        ending = asyncio.create_task(self._process.communicate(), name="end of a command")
        in_time, _ = await asyncio.wait({ending}, timeout=PATIENCE_S)
        if not in_time:
            self.look()
            left = [str(process) for process in self.family if process.is_running()]
            if not self.is_over:
                self._process.send_signal(signal.SIGABRT)  # Python writes where each thread stands
            for process in self.family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        out, err = await ending
        assert in_time, f"no end in {PATIENCE_S} s; code {self._process.returncode}, {left}\n{out!r}\n{err!r}"
        assert self._process.returncode is not None
        ended = Ended(
            self._process.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace")
        )
        assert "Traceback" not in ended.out + ended.err, ended.out + ended.err
        return ended

    async def left(self) -> list[str]:
        """What still runs of everything that was seen below it."""
        _, alive = await asyncio.to_thread(psutil.wait_procs, self.family, PATIENCE_S)
        return [str(process) for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@asynccontextmanager
async def started(
    *args: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    under: Sequence[str] = (),
    before: Callable[[], None] | None = None,
    out: int = asyncio.subprocess.PIPE,
) -> AsyncIterator[Running]:
    """Start ``batchwright ARGS`` in a folder; whatever is left of it is killed at the end of the block.

    Args:
        args: Its arguments.
        cwd: Its working directory.
        env: Variables beyond ours.
        under: A program that runs it.
        before: Called in the new process before it runs.
        out: Its standard output.
    """

    def prepare() -> None:
        # Test runs in the background of a script ignore the first, those under nohup the second; children inherit it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if before is not None:
            before()

    inherited = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "BATCHWRIGHT_OUTPUT")
    }
    process = await asyncio.create_subprocess_exec(
        *under,
        sys.executable,
        "-m",
        "batchwright",
        *map(str, args),
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=prepare,
        limit=2**24,
    )
    running = Running(process, cwd)
    try:
        yield running
    finally:
        running.look()
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait_for(process.communicate(), PATIENCE_S)
        for member in running.family:
            if member.is_running():
                member.kill()


async def batchwright(*args: str | Path, cwd: Path, **options: Any) -> Ended:
    """Run a command to its end; the options are those of `started`."""
    async with started(*args, cwd=cwd, **options) as running:
        return await running.end()


def summary(path: Path) -> dict[str, Any]:
    """A summary file, whose counters add up."""
    view: dict[str, Any] = json.loads(path.read_bytes())
    states = ("completed", "running", "queued", "failed", "stopped")
    assert sum(view[name] for name in states) == view["validWorkflows"] == len(view["executions"])
    assert view["validWorkflows"] + view["invalidWorkflows"] == view["totalWorkflows"]
    assert len(view["validationErrors"]) == view["invalidWorkflows"]
    return view


def by_path(view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The members of a summary by the names of their workflows."""
    return {item["workflowPath"]: item for item in view["executions"]}
