"""Where the reports are: listing, reading and deleting report folders in all output paths that were ever used.

Names come from clients: each is one name, never a path, and what it leads to must lie in a report folder.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from batches.atomic_storage import set_aside, storage_errors, write_atomically
from batches.encoding import to_bytes
from batches.errors import NotFoundError, StoreError
from batches.reports.config import ReportType
from batches.reports.marker import ReportPlace, place_of

__all__ = ["ReportFile", "ReportFolder", "Shelf"]

LOCK_PATIENCE_S: Final = 10.0
"""How long to wait for another process that notes an output path, seconds."""

MAX_REMEMBERED: Final = 2_000
"""So many executions' report folders are known by the execution's id."""

_SCREENSHOTS: Final = "screenshots"
_PATHS: Final = TypeAdapter(tuple[str, ...])

logger = logging.getLogger("batchwright.reports")


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file of a report folder.

    Attributes:
        name: Its name.
        path: ``<type>/<name>``; the name alone for files of the folder itself.
        type: The sub-folder, or ``root``.
        full_path: Where it is.
    """

    name: str
    path: str
    type: str
    full_path: Path


@dataclass(frozen=True, slots=True)
class ReportFolder:
    """A report folder as lists show it; ``created_at`` is epoch ms.

    ``execution_id`` and ``batch_id`` are None if another program made it.
    """

    name: str
    path: Path
    created_at: int
    report_types: tuple[ReportType, ...]
    files: tuple[ReportFile, ...]
    execution_id: str | None = None
    batch_id: str | None = None


class Shelf:
    """All report folders.

    Args:
        output: The output folder, which remembers the other output paths in ``report-paths.json``.
    """

    def __init__(self, output: Path) -> None:
        self._output = output.resolve()
        self._paths_file = self._output / "report-paths.json"
        self._of_execution: OrderedDict[str, Path] = OrderedDict()

    async def list(self) -> tuple[ReportFolder, ...]:
        """All report folders, newest first.

        Raises:
            StoreError: The output paths that were used cannot be read.
        """
        return await asyncio.to_thread(self._list)

    async def files(self, folder: str) -> tuple[ReportFile, ...]:
        """The files of a report folder, those of its sub-folders too, one level deep.

        Raises:
            NotFoundError: There is no such report folder.
        """
        return await asyncio.to_thread(lambda: tuple(_files(self._existing(folder).path)))

    async def file(self, folder: str, kind: str, name: str) -> Path:
        """One file of a sub-folder (a report type, ``screenshots``, ...).

        Raises:
            NotFoundError: There is no such file.
        """
        if not (_is_name(kind) and _is_name(name)):
            raise NotFoundError(f"Report file {kind}/{name} not found")
        return await self.resource(folder, f"{kind}/{name}")

    async def resource(self, folder: str, relative: str) -> Path:
        """Any file below a report folder, such as a page of an Allure site.

        Raises:
            NotFoundError: There is no such file, or the path leads out of the folder.
        """
        return await asyncio.to_thread(self._resource, folder, relative)

    async def delete(self, folder: str) -> None:
        """Delete a report folder.

        Raises:
            NotFoundError: There is no such report folder.
            StoreError: It cannot be deleted.
        """

        def work() -> None:
            _remove(self._existing(folder))

        await asyncio.to_thread(work)

    async def delete_all(self) -> int:
        """Delete every report folder; returns how many.

        Raises:
            StoreError: One cannot be deleted.
        """

        def work() -> int:
            places = list(self.places())
            for place in places:
                _remove(place)
            return len(places)

        return await asyncio.to_thread(work)

    async def delete_of(self, batch_ids: Collection[str]) -> int:
        """Delete the reports that we made of these batches; returns how many.

        Raises:
            StoreError: One cannot be deleted.
        """
        wanted = frozenset(batch_ids)

        def work() -> int:
            places = [
                place
                for place in self.places()
                if place.marker is not None and place.marker.batch_id in wanted
            ]
            for place in places:
                _remove(place)
            return len(places)

        return await asyncio.to_thread(work) if wanted else 0

    def folder_of(self, execution_id: str) -> Path | None:
        """The report folder of an execution of this process, if it has one and was not long ago."""
        return self._of_execution.get(execution_id)

    def remember(self, execution_id: str, folder: Path) -> None:
        """Know the report folder of an execution from now on."""
        self._of_execution[execution_id] = folder
        while len(self._of_execution) > MAX_REMEMBERED:
            self._of_execution.popitem(last=False)

    def add_path(self, path: Path) -> None:
        """Look into this output path, too, now and in later processes; blocking.

        Raises:
            StoreError: That cannot be noted.
        """
        if path == self._output or str(path) in self._other_paths():
            return
        with storage_errors(self._paths_file):
            self._output.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(self._paths_file.with_suffix(".lock"), timeout=LOCK_PATIENCE_S):
                    paths = [*self._other_paths(), str(path)]
                    write_atomically(self._paths_file, to_bytes(list(dict.fromkeys(paths))))
            except Timeout as error:
                raise StoreError(
                    f"{self._paths_file} is locked by another process", code="STORE_LOCKED"
                ) from error

    def places(self, only: Path | None = None) -> Iterator[ReportPlace]:
        """The report folders of all output paths, or of one of them; blocking."""
        for path in (only,) if only is not None else self.paths():
            with storage_errors(path):
                folders = sorted(path.iterdir()) if path.is_dir() else []
            for folder in folders:
                if folder.is_dir() and (place := place_of(folder)) is not None:
                    yield place

    def paths(self) -> tuple[Path, ...]:
        """All output paths that were ever used; blocking."""
        return (self._output, *map(Path, self._other_paths()))

    def _other_paths(self) -> tuple[str, ...]:
        try:
            with storage_errors(self._paths_file):
                content = self._paths_file.read_bytes() if self._paths_file.exists() else b"[]"
            return _PATHS.validate_json(content)
        except ValidationError as error:
            with storage_errors(self._paths_file):
                set_aside(self._paths_file, error.errors()[0]["msg"])
            return ()

    def _list(self) -> tuple[ReportFolder, ...]:
        folders = [_described(place) for place in self.places()]
        return tuple(sorted(folders, key=lambda folder: (-folder.created_at, folder.name)))

    def _existing(self, name: str) -> ReportPlace:
        if _is_name(name):
            for path in self.paths():
                place = place_of(path / name)
                if place is not None:
                    return place
        raise NotFoundError(f"Report {name!r} not found")

    def _resource(self, folder: str, relative: str) -> Path:
        root = self._existing(folder).path.resolve()
        missing = NotFoundError(f"Report file {folder}/{relative} not found")
        try:
            path = (root / relative).resolve()
            if not path.is_relative_to(root) or not path.is_file():
                raise missing
        except (OSError, ValueError, RuntimeError):
            raise missing from None
        return path


def _is_name(text: str) -> bool:
    """Whether a text is one name in a folder: no separator of any system, nothing that leads upwards."""
    return text not in ("", ".", "..") and not any(mark in text for mark in ("/", "\\", "\0"))


def _described(place: ReportPlace) -> ReportFolder:
    types = tuple(kind for kind in ReportType if (place.path / kind).is_dir())
    files = [
        file for name in (*types, _SCREENSHOTS) for file in _files_in(place.path / name, name, f"{name}/")
    ]
    return ReportFolder(
        name=place.path.name,
        path=place.path,
        created_at=place.created_at,
        report_types=types,
        files=tuple(files),
        execution_id=place.marker.execution_id if place.marker is not None else None,
        batch_id=place.marker.batch_id if place.marker is not None else None,
    )


def _files(folder: Path) -> Iterator[ReportFile]:
    yield from _files_in(folder, "root", "")
    with storage_errors(folder):
        children = sorted(child for child in folder.iterdir() if child.is_dir())
    for child in children:
        yield from _files_in(child, child.name, f"{child.name}/")


def _files_in(folder: Path, kind: str, prefix: str) -> Iterator[ReportFile]:
    with storage_errors(folder):
        files = sorted(folder.iterdir()) if folder.is_dir() else []
    for file in files:
        if file.is_file() and not file.name.startswith("."):
            yield ReportFile(file.name, f"{prefix}{file.name}", kind, file)


def _remove(place: ReportPlace) -> None:
    with storage_errors(place.path):
        try:
            shutil.rmtree(place.path)
        except FileNotFoundError:
            logger.debug("%s is gone already", place.path)
