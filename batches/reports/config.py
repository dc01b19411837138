"""What someone asks for when they want reports (api.md, section 1.1; reports.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import Field, field_validator

from batches.events import Record

__all__ = ["DEFAULT_RETENTION", "ReportConfig", "ReportType"]

DEFAULT_RETENTION: Final = 10
"""How many report folders are kept unless the request says otherwise."""


class ReportType(StrEnum):
    """The kinds of reports that the format knows."""

    HTML = "html"
    ALLURE = "allure"
    JSON = "json"
    JUNIT = "junit"
    CSV = "csv"
    MARKDOWN = "markdown"


class ReportConfig(Record):
    """Which reports to write at the end of each execution."""

    enabled: bool = False
    """Without it nothing is written."""
    report_types: tuple[ReportType, ...] = (ReportType.JSON,)
    """Written in this order; none given means ``json``."""
    output_path: str | None = None
    """The folder that the report folders go to, relative to the root; None means the request's or the
    runner's output folder."""
    report_retention: int = Field(default=DEFAULT_RETENTION, ge=1)
    """How many report folders of finished executions are kept in that folder."""

    @field_validator("report_types", mode="before")
    @classmethod
    def _never_empty(cls, value: object) -> object:
        return value or (ReportType.JSON,)

    @field_validator("report_types")
    @classmethod
    def _each_once(cls, value: tuple[ReportType, ...]) -> tuple[ReportType, ...]:
        return tuple(dict.fromkeys(value))
