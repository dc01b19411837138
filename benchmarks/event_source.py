"""A real server whose runs are made up: events of node after node at a fixed rate, for whoever listens.

Run as a process of its own by `benchmarks.fanout` and `benchmarks.dashboard`. It prints its address, then obeys
lines on its input: ``go <seconds>`` makes events for so long and prints a JSON object, an empty line ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from batches.events import BatchStarted, Event, ExecutionStarted, Member, NodeEnded, NodeStarted, NodeStatus
from batches.service import Service
from batchwright.loading import keep_loaded
from server.serving import running_server
from server.settings import ServerSettings

__all__ = ["SourceProcess"]

ROOT: Final = Path(__file__).resolve().parents[1]
_TICK_S: Final = 0.01
_START_S: Final = 60


class SourceProcess:
    """The server's process, as a benchmark sees it.

    Args:
        process: It.
        url: Its address.
    """

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url: Final = url
        self._process = process
        self._facts = psutil.Process(process.pid)

    @classmethod
    @asynccontextmanager
    async def started(cls, *, rate: int, executions: int) -> AsyncIterator[SourceProcess]:
        """Serve during the block.

        Args:
            rate: Events a second.
            executions: How many run at a time.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.event_source",
            f"--rate={rate}",
            f"--executions={executions}",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_START_S):
                line = await _line_of(process)
            yield cls(process, line)
        finally:
            with suppress(ConnectionError, ProcessLookupError):
                await _say(process, "")
            await process.wait()

    async def go(self, seconds: float) -> dict[str, float]:
        """Make events; returns how many, and the processor time that the server took meanwhile, seconds."""
        await _say(self._process, f"go {seconds}")
        answer: dict[str, float] = json.loads(await _line_of(self._process))
        return answer

    @property
    def memory_mb(self) -> float:
        """Memory of the server that it shares with nobody, MB."""
        return float(self._facts.memory_full_info().uss) / 1024**2


async def _line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    line = (await process.stdout.readline()).decode().strip()
    if not line:
        raise SystemExit("the server of the benchmark ended too early")
    return line


async def _say(process: asyncio.subprocess.Process, line: str) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    process.stdin.write(f"{line}\n".encode())
    await process.stdin.drain()


async def _serve(rate: int, executions: int) -> None:
    with tempfile.TemporaryDirectory(prefix="batchwright-events-") as folder:
        settings = ServerSettings(port=0, output=Path(folder), roots=(Path(folder),))
        async with running_server(settings) as server:
            service = server.service
            events = await _begin(service, executions)
            gc.collect()
            keep_loaded()  # as the command line does
            print(server.url, flush=True)
            while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
                print(json.dumps(await _make(service, events, rate, float(line.split()[1]))), flush=True)


async def _begin(service: Service, executions: int) -> Iterator[Event]:
    """Start a batch that never ends; returns what its nodes say."""
    place = await service.store.reserve(executions)
    stamp = place.batch_id.removeprefix("batch-")
    names = [f"exec-{stamp}-{number + 1}" for number in range(executions)]
    members = tuple(
        Member(
            execution_id=name,
            alias=place.first_alias + number,
            workflow_file_name=f"flow-{number}.json",
            workflow_path=f"flow-{number}.json",
        )
        for number, name in enumerate(names)
    )
    service.log.append(BatchStarted(batch_id=place.batch_id, workers=executions, members=members))
    for name in names:
        service.log.append(ExecutionStarted(batch_id=place.batch_id, execution_id=name))
    return _steps(place.batch_id, names)


def _steps(batch_id: str, names: list[str]) -> Iterator[Event]:
    """Node after node, in one execution after the other."""
    for number, name in enumerate(itertools.cycle(names)):  # one event of each, in turn
        ids: dict[str, Any] = {"batch_id": batch_id, "execution_id": name}
        step = number // len(names) // 2
        node: dict[str, Any] = {"node_id": f"node-{step % 40}", "node_type": "action", "node_label": "Click"}
        if number // len(names) % 2 == 0:
            yield NodeStarted(**ids, **node)
        else:
            yield NodeEnded(**ids, **node, status=NodeStatus.COMPLETED, duration_ms=12.5)


async def _make(service: Service, events: Iterator[Event], rate: int, seconds: float) -> dict[str, float]:
    began, used, made = time.perf_counter(), time.process_time(), 0
    while (passed := time.perf_counter() - began) < seconds:
        for event in itertools.islice(events, int(passed * rate) - made):
            service.log.append(event)
            made += 1
        await asyncio.sleep(_TICK_S)
    return {"events": made, "seconds": time.perf_counter() - began, "cpu_s": time.process_time() - used}


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--executions", type=int, required=True)
    given = parser.parse_args()
    asyncio.run(_serve(given.rate, given.executions))


if __name__ == "__main__":
    main()
