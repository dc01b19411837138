"""What a tree of processes uses: processor time by kind of process, and its largest memory.

Processes are looked at fifty times a second. What the system adds up for ended children cannot be used instead:
a browser that ends does not wait for its own. Renderers come and go with their contexts; the process that they
are forked from (the zygote) knows what those that are gone have used.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Final

import psutil

__all__ = ["KINDS", "Meter", "memory_of"]

KINDS: Final = ("runner", "driver", "browser", "helpers", "renderers")
"""The measured process itself, Playwright's driver, the browser's main process, its GPU and network processes."""

_LOOK_EVERY_S: Final = 0.02
_SEARCH_EVERY: Final = 25
"""New processes are searched for at every so-manieth look; that takes longer than a look."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Meter:
    """Watches a process and all below it, from outside.

    Args:
        root: The process.
        memory: Whether to read memory too, which takes time itself: not in rounds whose time counts.
    """

    def __init__(self, root: int, *, memory: bool = False) -> None:
        self._root = root
        self._memory = memory
        self._kinds: dict[int, str] = {}
        self._cpu_s: dict[int, float] = {}
        self._renderers_s = 0.0
        self.memory_mb = 0.0
        """Largest memory of all together (proportional set size)."""

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        number = 0
        while True:
            if number % _SEARCH_EVERY == 0:
                self._search()
            self._look()
            number += 1
            await asyncio.sleep(_LOOK_EVERY_S)

    def cpu(self, own_s: float) -> dict[str, float]:
        """Processor time by kind, seconds.

        Args:
            own_s: Of the process itself, as it says.
        """
        used = dict.fromkeys(KINDS, 0.0)
        for pid, seconds in self._cpu_s.items():
            if self._kinds[pid] in used:
                used[self._kinds[pid]] += seconds
        return {**used, "runner": own_s, "renderers": self._renderers_s}

    def _search(self) -> None:
        try:
            found = psutil.Process(self._root).children(recursive=True)
        except psutil.Error:
            return
        for process in found:
            if process.pid not in self._kinds:
                try:
                    self._kinds[process.pid] = _kind(process.cmdline())
                except psutil.Error:
                    continue
        if self._memory:
            self.memory_mb = max(self.memory_mb, memory_of([self._root, *(process.pid for process in found)]))

    def _look(self) -> None:
        zygotes = renderers = 0.0
        for pid, kind in list(self._kinds.items()):
            if kind == "renderer":
                continue
            times = _times(pid)
            if times is None:
                zygotes += self._cpu_s.get(pid, 0.0) if kind == "zygote" else 0.0
            elif kind == "zygote":
                self._cpu_s[pid] = sum(times)
                zygotes += sum(times)
                renderers += sum(sum((_times(child) or (0.0,))[:2]) for child in _forked(pid))
            else:
                self._cpu_s[pid] = sum(times[:2])
        self._renderers_s = max(self._renderers_s, zygotes + renderers)


def memory_of(pids: Iterable[int]) -> float:
    """Memory of some processes together, shared pages counted once, MB."""
    total = 0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_full_info().pss
        except psutil.Error:
            continue
    return total / 1024**2


def _times(pid: int) -> tuple[float, ...] | None:
    """User and system time of a process, then of those it waited for, seconds; None once it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stream:  # noqa: PTH123 - it is quick
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return None
    return tuple(int(field) / _TICKS for field in fields[11:15])


def _forked(pid: int) -> list[int]:
    """The children of a process with one thread."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:  # noqa: PTH123 - it is quick
            return [int(word) for word in stream.read().split()]
    except OSError:
        return []


def _kind(command: list[str]) -> str:
    kind = next((word.removeprefix("--type=") for word in command if word.startswith("--type=")), None)
    if kind == "renderer":
        return kind
    if kind == "zygote" and "--no-zygote-sandbox" not in command:
        return kind
    if kind is not None:
        return "helpers"
    return "browser" if "--headless" in command else "driver"
