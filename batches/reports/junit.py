"""The JUnit report (reports.md, section 6): ``junit/junit.xml``, one test case for each node entry."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from batches.reports.config import ReportType
from batches.reports.marker import REPORT_FILES
from batches.reports.model import EntryStatus, Report, ReportEntry

__all__ = ["render_junit"]

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold, however they are written."""


def render_junit(report: Report, folder: Path) -> None:
    """Write the report.

    Raises:
        OSError: It cannot be written.
    """
    suite = TestSuite(_legal(report.workflow_name))
    for entry in report.entries:
        suite.add_testcase(_case(entry))
    # The library adds up the cases; the format wants the time of the whole run.
    suite.time = report.duration / 1000
    suite.timestamp = datetime.fromtimestamp(report.started_at / 1000, UTC).isoformat(timespec="milliseconds")
    document = JUnitXml()
    document.add_testsuite(suite)
    document.write(str(folder / REPORT_FILES[ReportType.JUNIT]))


def _case(entry: ReportEntry) -> TestCase:
    case = TestCase(_legal(entry.name), _legal(entry.node_type), (entry.duration or 0) / 1000)
    match entry.status:
        case EntryStatus.ERROR:
            message = _legal(entry.error or "Unknown error")
            failure = Failure(message)
            failure.text = message
            case.result = [failure]
        case EntryStatus.BYPASSED:
            case.result = [Skipped()]
        case EntryStatus.RUNNING:
            case.result = [Error("The execution ended in the middle of this node")]
        case EntryStatus.COMPLETED:
            pass  # a case without a result passed
    return case


def _legal(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
