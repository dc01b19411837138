"""Which folders are report folders, and whose: a small file in each of those that we made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from batches.encoding import to_bytes
from batches.events import Record
from batches.reports.config import ReportType

__all__ = ["REPORT_FILES", "Marker", "ReportPlace", "created_at", "place_of", "write_marker"]

_MARKER: Final = ".batchwright-report.json"

_STAMP: Final = re.compile(r"-(\d{10,16})$", re.ASCII)

REPORT_FILES: Final = {
    ReportType.HTML: "report.html",
    ReportType.ALLURE: "index.html",
    ReportType.JSON: "report.json",
    ReportType.JUNIT: "junit.xml",
    ReportType.CSV: "report.csv",
    ReportType.MARKDOWN: "report.md",
}
"""The main file of each type, in the sub-folder named like the type (reports.md, section 2)."""


class Marker(Record):
    """Whose report a folder holds; ``created_at``, when it was written, is epoch ms."""

    execution_id: str
    batch_id: str
    created_at: int


@dataclass(frozen=True, slots=True)
class ReportPlace:
    """A report folder; ``marker`` is None if another program made it."""

    path: Path
    marker: Marker | None

    @property
    def created_at(self) -> int:
        """When it was made, epoch ms, as its name tells (api.md, section 5)."""
        return created_at(self.path)


def write_marker(folder: Path, marker: Marker) -> None:
    """Mark a folder as made by us.

    Raises:
        OSError: It cannot be written.
    """
    (folder / _MARKER).write_bytes(to_bytes(marker))


def place_of(folder: Path) -> ReportPlace | None:
    """What is known of a folder; None if it is no report folder.

    One without our mark must have the name and the contents of a report: people keep other things beside them.
    """
    try:
        return ReportPlace(folder, Marker.model_validate_json((folder / _MARKER).read_bytes()))
    except (OSError, ValidationError):
        pass  # not ours: its contents tell
    if _STAMP.search(folder.name) is None or folder.is_symlink():
        return None
    if any((folder / kind / name).is_file() for kind, name in REPORT_FILES.items()):
        return ReportPlace(folder, None)
    return None


def created_at(folder: Path) -> int:
    """When a folder was made, epoch ms: by the digits at the end of its name, else by the file system."""
    match = _STAMP.search(folder.name)
    if match is not None:
        return int(match[1])
    try:
        return folder.stat().st_ctime_ns // 1_000_000
    except OSError:
        return 0
