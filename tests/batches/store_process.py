"""A process of its own that uses a store; tests start, watch and kill it.

Usage: ``python -m tests.batches.store_process JOB OUTPUT``. It says on its standard output, line by line, what
it has done; what waits, waits for its standard input to close.
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from batches.errors import StoreError
from batches.events import LogLine
from batches.store import Store
from batches.tinydb_store import TinyDbStore
from tests.batches.event_samples import begin, execution_id, numbered, run, state_of

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = 3


def say(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


async def endless(store: Store) -> None:
    """Append events one by one and save now and then, until killed."""
    place = await store.reserve(MEMBERS)
    say("batch", place.batch_id)
    events = numbered(
        [begin(place.batch_id, MEMBERS), *run(place.batch_id, 1), *list(run(place.batch_id, 2))[:2]]
    )
    await store.append(place.batch_id, events, sync=False)
    state = state_of(events)
    for seq in itertools.count(len(events) + 1):
        line = LogLine(
            batch_id=place.batch_id,
            execution_id=execution_id(place.batch_id, 2),
            seq=seq,
            level="info",
            message="x" * (seq % 3000),
        )
        await store.append(place.batch_id, [line], sync=False)
        say("wrote", seq)
        if seq % 5 == 0:
            await store.save(state)


async def running(store: Store) -> None:
    """Begin a batch and leave it running until killed."""
    place = await store.reserve(MEMBERS)
    events = numbered([begin(place.batch_id, MEMBERS), *list(run(place.batch_id, 1))[:3]])
    await store.append(place.batch_id, events, sync=True)
    await store.save(state_of(events))
    say("batch", place.batch_id)
    await asyncio.to_thread(sys.stdin.read)


async def reserving(store: Store) -> None:
    """Reserve many batches."""
    for _ in range(15):
        place = await store.reserve(MEMBERS)
        say(place.batch_id, place.first_alias)


async def limited(store: Store) -> None:
    """Append until a file may not grow any more, then until it may again."""
    place = await store.reserve(1)
    say("batch", place.batch_id)
    await store.append(place.batch_id, [begin(place.batch_id, 1)], sync=False)
    line = LogLine(
        batch_id=place.batch_id, execution_id=execution_id(place.batch_id, 1), level="info", message="x" * 900
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    written = 0
    try:
        while True:
            await store.append(place.batch_id, [line, line], sync=True)
            written += 2
    except StoreError as error:
        say("refused", error.code, error.message)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.append(place.batch_id, [line], sync=True)
    say("wrote", written + 1)


JOBS: dict[str, Callable[[Store], Awaitable[None]]] = {
    "endless": endless,
    "running": running,
    "reserving": reserving,
    "limited": limited,
}


class Child:
    """A started process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> list[str]:
        """The words of the next line that it says; empty at its end."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        return line.decode().split()

    async def rest(self) -> list[list[str]]:
        """The words of all lines until its end, which must be a good one."""
        lines = []
        while words := await self.line():
            lines.append(words)
        assert await asyncio.wait_for(self._process.wait(), 30) == 0
        return lines

    async def kill(self) -> None:
        """Kill it with a signal that it cannot see."""
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.wait_for(self._process.communicate(), 30)


@asynccontextmanager
async def child(job: str, output: Path) -> AsyncIterator[Child]:
    """Start a process; it is dead at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.batches.store_process",
        job,
        str(output),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    started = Child(process)
    try:
        yield started
    finally:
        await started.kill()


async def main(job: str, output: Path) -> None:
    async with TinyDbStore(output) as store:
        await JOBS[job](store)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
