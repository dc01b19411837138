"""The kinds of reports that are written, by type. A new one is a function and a line in `RENDERERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from batches.reports.config import ReportType
from batches.reports.json_report import render_json
from batches.reports.junit import render_junit
from batches.reports.model import Report

__all__ = ["RENDERERS", "Renderer"]

Renderer = Callable[[Report, Path], None]
"""Writes a report into its type's own folder, which exists; may raise OSError."""

RENDERERS: Final[Mapping[ReportType, Renderer]] = {
    ReportType.JSON: render_json,
    ReportType.JUNIT: render_junit,
}
"""What can be written."""
