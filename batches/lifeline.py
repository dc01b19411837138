"""Asking whether a process still runs, many times a second."""

from __future__ import annotations

import os
import select
from contextlib import suppress

from batches.processes import ProcessId, is_alive

__all__ = ["Lifeline"]


class Lifeline:
    """Tells whether one process still runs.

    The system's file about a browser takes it a tenth of a millisecond to write while its dozens of threads are
    busy. Where the system has descriptors of processes, asking one of them takes a microsecond.

    Args:
        process: Its identity. A zombie has ended.
    """

    def __init__(self, process: ProcessId) -> None:
        self._process = process
        self._descriptor: int | None = None
        self._poll: select.poll | None = None
        if hasattr(os, "pidfd_open"):  # not in a Python that was built for older systems
            with suppress(OSError):  # gone already, an old kernel, or not allowed here
                self._descriptor = os.pidfd_open(process.pid)
        if self._descriptor is not None and not is_alive(process):
            self.close()  # the number may be somebody else's by now
        if self._descriptor is not None:
            self._poll = select.poll()
            self._poll.register(self._descriptor, select.POLLIN)

    @property
    def process(self) -> ProcessId:
        """Whom it tells about."""
        return self._process

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return is_alive(self._process) if self._poll is None else not self._poll.poll(0)

    def close(self) -> None:
        """Give the descriptor back; idempotent. It can still be asked, more slowly."""
        descriptor, self._descriptor, self._poll = self._descriptor, None, None
        if descriptor is not None:
            os.close(descriptor)
