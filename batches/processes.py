"""Facts about process trees, and ending them for good.

A browser is a tree of processes. Playwright's driver starts each browser as the leader of a process group of
its own; renderers and helpers stay in that group even after their parent died. Every launch carries a unique
mark in its environment, by which its root is found below the driver and, should all else fail, anywhere.

Everything here blocks for a few milliseconds (`kill_tree` for longer): call it through ``asyncio.to_thread``.
A zombie counts as gone: it holds nothing, and where process 1 does not reap it stays for ever.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

__all__ = [
    "MARK",
    "ProcessId",
    "children",
    "descendants",
    "find_marked",
    "identify",
    "is_alive",
    "kill_tree",
    "now",
    "parent",
    "wait_gone",
]

MARK: Final = "BATCHWRIGHT_BROWSER"
"""Environment variable that every launched browser carries; its value is unique for each launch."""

_POLL_S: Final = 0.01

_CLOCK_S: Final = 0.1
"""By so much, in seconds, a start may be told too early where no file of the system tells it."""

_HAS_PROC: Final = Path("/proc/self/stat").exists()

_GONE: Final = (b"Z", b"X")
"""States of processes that have ended, in the system's file."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number.

    Attributes:
        pid: Its number.
        started: When it started, as the system counts it: the higher, the later.
    """

    pid: int
    started: float


def identify(pid: int) -> ProcessId | None:
    """The identity of a running process; None if there is none.

    Args:
        pid: Its number.
    """
    state = _state(pid)
    return None if state is None else ProcessId(pid, state[0])


def is_alive(process: ProcessId) -> bool:
    """Whether a process still runs. To ask often, use `Lifeline`.

    Args:
        process: Its identity.
    """
    return _state(process.pid) == (process.started, False)


def now() -> float:
    """What `ProcessId.started` of a process that starts at this moment is, or a bit less."""
    if _HAS_PROC:
        return math.floor(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
    return time.time() - _CLOCK_S


def children(running: str, *, since: float = 0) -> list[ProcessId]:
    """This process's direct children that run a certain program.

    Args:
        running: One of the words of their command line.
        since: Only those that started at this time or later, as `now` counts it.
    """
    found = _alive(_child_pids(os.getpid()))
    return [
        process for process in found if process.started >= since and running in _command_line(process.pid)
    ]


def parent(process: ProcessId) -> ProcessId | None:
    """The process that started another.

    Args:
        process: The other.
    """
    try:
        return identify(psutil.Process(process.pid).ppid())
    except psutil.Error:
        return None


def descendants(process: ProcessId) -> list[ProcessId]:
    """All running processes below a process and in the group it leads, itself not included.

    Args:
        process: The root, which may be dead already: its group outlives it.
    """
    found: dict[int, ProcessId] = {}
    if is_alive(process):
        try:
            below = psutil.Process(process.pid).children(recursive=True)
        except psutil.Error:
            below = []
        found = {member.pid: member for member in _alive(child.pid for child in below)}
    for member in _group_members(process):
        found.setdefault(member.pid, member)
    found.pop(process.pid, None)
    return list(found.values())


def find_marked(mark: str, *, under: ProcessId | None = None, prefix: bool = False) -> list[ProcessId]:
    """Processes that carry a launch mark; a browser's root first.

    Args:
        mark: The value of `MARK`.
        under: Look only among the direct children of this process, instead of everywhere.
        prefix: Accept marks that only begin so.
    """
    pids = psutil.pids() if under is None else _child_pids(under.pid)
    marks = ((found, _mark_of(found.pid)) for found in _alive(pids))
    return sorted(
        (found for found, value in marks if (value.startswith(mark) if prefix else value == mark)),
        key=lambda found: (found.started, found.pid),
    )


def kill_tree(process: ProcessId, timeout_s: float) -> list[ProcessId]:
    """Kill a process, everything below it and its whole group, and wait until they are gone.

    Args:
        process: The root; it may be dead or stopped.
        timeout_s: Longest time to wait, in seconds.

    Returns:
        What is still there after that time; empty in all but broken systems.
    """
    deadline = time.monotonic() + timeout_s
    victims = {process, *descendants(process)}
    while True:
        for victim in victims:
            _kill(victim)
        survivors = wait_gone(victims, min(0.25, max(0.0, deadline - time.monotonic())))
        # Whoever was being started during the first round is found in the next one.
        victims = {*survivors, *descendants(process)}
        if not victims or time.monotonic() >= deadline:
            return list(victims)


def wait_gone(processes: Iterable[ProcessId], timeout_s: float) -> list[ProcessId]:
    """Wait until processes have ended; returns those that have not.

    Args:
        processes: Whom to wait for.
        timeout_s: Longest time to wait, in seconds.
    """
    deadline = time.monotonic() + timeout_s
    remaining = [process for process in processes if is_alive(process)]
    while remaining and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        remaining = [process for process in remaining if is_alive(process)]
    return remaining


def _state(pid: int) -> tuple[float, bool] | None:
    """When a process started and whether it is a zombie; None if there is none.

    The system's file is read at once where there is one: psutil takes five times as long.
    """
    if _HAS_PROC:
        try:
            with open(f"/proc/{pid}/stat", "rb", buffering=0) as stream:  # noqa: PTH123 - half the time
                fields = stream.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return (float(fields[19]), fields[0] in _GONE) if fields else None
    try:
        found = psutil.Process(pid)
        return found.create_time(), found.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None


def _alive(pids: Iterable[int]) -> Iterator[ProcessId]:
    for pid in pids:
        state = _state(pid)
        if state is not None and not state[1]:
            yield ProcessId(pid, state[0])


def _child_pids(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def _command_line(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def _mark_of(pid: int) -> str:
    """The launch mark of a process; empty without one, or where its environment cannot be read.

    Looked for in all processes when a pool closes, so it is read at once where there is a file.
    """
    if _HAS_PROC:
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return ""
        _, _, rest = (b"\0" + variables).partition(f"\0{MARK}=".encode())
        return rest.partition(b"\0")[0].decode(errors="replace")
    try:
        return psutil.Process(pid).environ().get(MARK, "")
    except (psutil.Error, OSError):
        return ""


def _group_members(process: ProcessId) -> Iterator[ProcessId]:
    """Running members of the process group that a process leads or led."""
    if sys.platform == "win32" or process.pid == os.getpgrp():
        return
    holder = identify(process.pid)
    if holder is not None and holder != process:
        # The number was given to someone else, which happens only after the group had ended.
        return
    for pid in psutil.pids():
        try:
            if os.getpgid(pid) != process.pid:
                continue
        except OSError:
            continue
        member = identify(pid)
        if member is not None and is_alive(member):
            yield member


def _kill(process: ProcessId) -> None:
    state = _state(process.pid)
    if state is not None and state[0] == process.started:
        with suppress(psutil.Error):
            psutil.Process(process.pid).kill()
