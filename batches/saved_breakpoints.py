"""Breakpoints kept for workflow files, so that they are there again the next time the file is debugged.

They lie in ``breakpoints.json`` in the output folder, by the workflow's file (else its path) and the ids of its nodes.
They count only for requests that ask for them, so that no nightly run stops at what somebody forgot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from batches.atomic_storage import set_aside, storage_errors, write_atomically
from batches.breakpoints import BreakpointSet

__all__ = ["FILE_NAME", "SavedBreakpoints"]

FILE_NAME: Final = "breakpoints.json"

_CONTENT: Final = TypeAdapter(dict[str, BreakpointSet])


class SavedBreakpoints:
    """The saved breakpoints of one output folder.

    Args:
        output: The output folder.
    """

    def __init__(self, output: Path) -> None:
        self._path = output / FILE_NAME
        self._lock = asyncio.Lock()

    async def all(self) -> Mapping[str, BreakpointSet]:
        """All of them, by workflow.

        Raises:
            StoreError: The file cannot be read.
        """
        async with self._lock:
            return await asyncio.to_thread(self._read)

    async def save(self, changes: Mapping[str, BreakpointSet]) -> None:
        """Replace what is saved for some workflows; an empty set removes it.

        Raises:
            StoreError: The file cannot be written.
        """
        async with self._lock:
            await asyncio.to_thread(self._write, changes)

    def _read(self) -> dict[str, BreakpointSet]:
        try:
            with storage_errors(self._path):
                content = self._path.read_bytes() if self._path.exists() else b"{}"
            return _CONTENT.validate_json(content)
        except ValidationError as error:
            set_aside(self._path, error)
            return {}

    def _write(self, changes: Mapping[str, BreakpointSet]) -> None:
        merged = {**self._read(), **changes}
        kept = {key: item for key, item in merged.items() if not item.is_empty}
        with storage_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, _CONTENT.dump_json(kept, indent=2))
