"""Files that are either the old or the new content, never half of each; and TinyDB on top of that.

TinyDB's own storage rewrites its file in place, so a crash in the middle loses it. This one writes a temporary
file in the same folder, makes it durable and renames it.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json
from tinydb import TinyDB
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import Storage

from batches.encoding import to_bytes
from batches.errors import StoreError

__all__ = [
    "FORMAT_VERSION",
    "AtomicStorage",
    "CorruptFileError",
    "check_version",
    "database",
    "set_aside",
    "storage_errors",
    "sync_folder",
    "write_atomically",
]

FORMAT_VERSION: Final = 1
"""Version of the layout of index.json and batch.json."""

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

logger = logging.getLogger("batchwright.store")


class CorruptFileError(StoreError):
    """Raised when a file of the store cannot be understood; it is set aside and rebuilt from the others."""

    code = "STORE_FILE_CORRUPT"


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn errors of the operating system in the body into `StoreError`, naming path and reason."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise StoreError(
                f"Disk full: cannot write {where}: {reason}; free some space", code="DISK_FULL"
            ) from error
        raise StoreError(f"Cannot read or write {where}: {reason}") from error


def write_atomically(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Replace a file so that a crash at any moment leaves the old or the new content.

    The caller holds the lock that makes it the only writer of this file.

    Args:
        path: The file.
        content: All of it.
        mode: Who may do what with it, before the process's mask.
    """
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, _CREATE, mode), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable, where the system can do that."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path, reason: object) -> Path:
    """Rename a file that cannot be used to ``<name>.corrupt-<epoch ms>``, with a warning in the log."""
    number = time.time_ns() // 1_000_000
    while (target := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.replace(target)
    logger.warning("%s cannot be used and is kept as %s: %s", path, target.name, reason)
    return target


def check_version(path: Path, holder: Mapping[str, object] | None) -> None:
    """Refuse a file of a version that this program does not know.

    Raises:
        StoreError: It was written by a newer version (code ``STORE_VERSION``).
        CorruptFileError: It has no version at all.
    """
    version = (holder or {}).get("formatVersion")
    if not isinstance(version, int) or isinstance(version, bool):
        raise CorruptFileError(f"{path} has no format version")
    if version > FORMAT_VERSION:
        raise StoreError(
            f"{path} was written by a newer version (format {version}, this one knows up to {FORMAT_VERSION}); "
            "update Batchwright or choose another output folder",
            code="STORE_VERSION",
        )


class AtomicStorage(Storage):
    """TinyDB's storage of one JSON file, written atomically.

    Args:
        path: The file; it need not exist, its folder must.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def read(self) -> dict[str, dict[str, Any]] | None:
        """All tables, or None if there is no file.

        Raises:
            CorruptFileError: The file holds no tables.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            tables = from_json(content)
        except ValueError as error:
            raise CorruptFileError(f"{self._path} is not valid JSON: {error}") from error
        if not isinstance(tables, dict) or not all(_is_table(table) for table in tables.values()):
            raise CorruptFileError(f"{self._path} holds no tables")
        return tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace all tables."""
        write_atomically(self._path, to_bytes(data))

    def close(self) -> None:
        """Nothing stays open."""


def database(path: Path) -> TinyDB:
    """A database in one file; all its changes are written at once by ``close()``, or not at all."""
    storage = CachingMiddleware(AtomicStorage)  # type: ignore[no-untyped-call]  # tinydb has no types here
    return TinyDB(path, storage=storage)


def _is_table(table: object) -> bool:
    return isinstance(table, dict) and all(
        key.isascii() and key.isdigit() and isinstance(document, dict) for key, document in table.items()
    )
