"""Checks of a verify node on stored API responses and query results (nodes.md, ``verify``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import orjson

from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.matching import MISSING, dot_path, js_text
from nodes.stored import header_of, rows_of, stored_object
from nodes.verify_model import Finding, VerifyData, shown
from nodes.verify_values import (
    as_text,
    compare_numbers,
    compare_texts,
    number_of,
    required_value,
    resolve_value,
)

__all__ = ["API_CHECKS", "DATABASE_CHECKS", "StoredCheck", "check_body_path", "check_status"]

StoredCheck = Callable[[NodeRun, VerifyData], Finding]
"""A check on stored data; it needs no waiting."""


def check_status(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the stored response has the expected status."""
    expected = required_value(run, data.status_code, "statusCode")
    actual = _response(run, data).get("status")
    wanted = number_of(expected)
    passed = wanted is not None and wanted == number_of(actual)
    return Finding(passed, "response status", f"be {js_text(expected)}", actual, expected)


def check_header(run: NodeRun, data: VerifyData) -> Finding:
    """Whether a header of the stored response matches."""
    name = run.require(data.header_name, "headerName")
    value = header_of(_response(run, data), name)
    return _compared(run, data, f"response header '{name}'", value)


def check_body_path(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the value at a dot path in the stored response's body matches."""
    path = run.require(data.json_path, "jsonPath")
    value = dot_path(_response(run, data).get("body"), path)
    return _compared(run, data, f"response body at '{path}'", value)


def check_body_value(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the stored response's whole body matches, as text or compact JSON."""
    return _compared(run, data, "response body", as_text(_response(run, data).get("body")))


def check_row_count(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the number of rows compares as expected."""
    expected = required_value(run, data.expected_value, "expectedValue")
    result = _result(run, data)
    count = number_of(result.get("rowCount"))
    actual = len(rows_of(result)) if count is None else count
    return compare_numbers("row count", actual, expected, data.comparison_operator)


def check_column_value(run: NodeRun, data: VerifyData) -> Finding:
    """Whether one cell matches; ``jsonPath`` goes into the cell, also when it holds JSON text."""
    column = js_text(required_value(run, data.column_name, "columnName"))
    index = _row_index(run, data)
    rows = rows_of(_result(run, data))
    row = rows[index] if 0 <= index < len(rows) else MISSING
    value = row.get(column, MISSING) if isinstance(row, Mapping) else MISSING
    if data.json_path and value is not MISSING:
        value = dot_path(_parsed(value), data.json_path)
    return _compared(run, data, f"column '{column}' of row {index}", value)


def check_row_exists(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the query result has at least one row."""
    count = len(rows_of(_result(run, data)))
    return Finding(count > 0, "query result", "have at least one row", count, reason="but has none")


def check_query_result(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the rows, or what is at ``jsonPath`` within them, match as compact JSON."""
    rows = rows_of(_result(run, data))
    if not data.json_path:
        return _compared(run, data, "query result", as_text(rows))
    value = dot_path(rows, data.json_path)
    text = MISSING if value is MISSING else as_text(value)
    return _compared(run, data, f"query result at '{data.json_path}'", text)


API_CHECKS: Final[Mapping[str, StoredCheck]] = {
    "status": check_status,
    "header": check_header,
    "bodyPath": check_body_path,
    "bodyValue": check_body_value,
}

DATABASE_CHECKS: Final[Mapping[str, StoredCheck]] = {
    "rowCount": check_row_count,
    "columnValue": check_column_value,
    "rowExists": check_row_exists,
    "queryResult": check_query_result,
}


def _response(run: NodeRun, data: VerifyData) -> Mapping[str, object]:
    return stored_object(run, data.api_context_key or "apiResponse", "apiContextKey")


def _result(run: NodeRun, data: VerifyData) -> Mapping[str, object]:
    return stored_object(run, data.db_context_key or "dbResult", "dbContextKey")


def _compared(run: NodeRun, data: VerifyData, subject: str, value: object) -> Finding:
    expected = required_value(run, data.expected_value, "expectedValue")
    if value is MISSING:
        return Finding(
            passed=False,
            subject=subject,
            expectation=f"exist and compare with {shown(expected)}",
            expected=expected,
            reason="but is not there",
        )
    # A list compares with a text as JavaScript joins it, with another list by content.
    joined = isinstance(value, list | tuple) and isinstance(expected, str)
    finding = compare_texts(
        subject,
        js_text(value) if joined else as_text(value),
        expected,
        match_type=data.match_type,
        case_sensitive=data.case_sensitive,
    )
    return replace(finding, actual=value)


def _row_index(run: NodeRun, data: VerifyData) -> int:
    value = 0 if data.row_index in (None, "") else resolve_value(run, data.row_index, "rowIndex")
    index = number_of(value)
    if index is None or index != int(index):
        raise NodeDataError(
            f"Verification configuration invalid: rowIndex {shown(value)} is not a whole number",
            field="rowIndex",
        )
    return int(index)


def _parsed(value: object) -> object:
    """A cell that holds JSON text as the value it stands for, since drivers differ in that."""
    if not isinstance(value, str):
        return value
    try:
        parsed: object = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return parsed
