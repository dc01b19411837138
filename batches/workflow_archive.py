"""What a batch was asked to run, in one compressed file: the request, and the workflow of each execution.

A zip file, because any tool opens it and one workflow is read without the others.
"""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic_core import from_json

from batches.atomic_storage import set_aside, storage_errors, write_atomically
from batches.encoding import to_bytes
from batches.errors import NotFoundError, StoreError

__all__ = ["read_request", "read_workflows", "write_archive"]

_REQUEST: Final = "request.json"
_PRIVATE: Final = 0o600
"""Workflows and variables may hold passwords."""

logger = logging.getLogger("batchwright.store")


def write_archive(
    path: Path, request: Mapping[str, object], documents: Mapping[str, Mapping[str, object]]
) -> None:
    """Write the file; a crash leaves a whole one or none.

    Args:
        path: The file.
        request: How to run the batch.
        documents: The workflows by execution id.

    Raises:
        StoreError: It cannot be written.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_REQUEST, to_bytes(request))
        for execution_id, document in documents.items():
            archive.writestr(_name(execution_id), to_bytes(document))
    with storage_errors(path):
        write_atomically(path, content.getvalue(), mode=_PRIVATE)


def read_request(path: Path) -> Mapping[str, object]:
    """How the batch was asked to run.

    Raises:
        NotFoundError: There is no such file, or it is damaged.
        StoreError: It cannot be read.
    """
    return _read(path, [_REQUEST])[_REQUEST]


def read_workflows(path: Path, execution_ids: Sequence[str]) -> Mapping[str, Mapping[str, object]]:
    """The workflows of some executions, by id.

    Raises:
        NotFoundError: There is no such file, it has not all of them, or one is damaged.
        StoreError: It cannot be read.
    """
    found = _read(path, [_name(execution_id) for execution_id in execution_ids])
    return {execution_id: found[_name(execution_id)] for execution_id in execution_ids}


def _name(execution_id: str) -> str:
    return f"workflows/{execution_id}.json"


def _read(path: Path, names: Sequence[str]) -> dict[str, dict[str, object]]:
    lost = NotFoundError(f"What {path.parent.name} was asked to run cannot be read any more")
    try:
        with storage_errors(path), _opened(path, lost) as archive:
            return {name: from_json(archive.read(name)) for name in names}
    except KeyError as error:
        raise NotFoundError(f"{path.name} of {path.parent.name} has no {error.args[0]}") from error
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise NotFoundError(f"What {path.parent.name} was asked to run was not kept") from error
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        logger.warning("%s is damaged: %s", path, error)
        raise lost from error


def _opened(path: Path, lost: NotFoundError) -> zipfile.ZipFile:
    """The archive; one that is none at all is set aside."""
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        set_aside(path, error)
        raise lost from error
