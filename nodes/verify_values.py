"""Expected values and comparisons of verify nodes (nodes.md, sections F.3 and G.1)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

import orjson

from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.matching import compare, js_text, json_text, matches
from nodes.verify_model import COMPARISONS, MATCH_TYPES, Finding, VerifyData, shown

__all__ = [
    "as_text",
    "compare_numbers",
    "compare_texts",
    "expected_value",
    "number_of",
    "required_value",
    "resolve_value",
]

_WHOLE_REFERENCE: Final = re.compile(
    r"\$\{(?P<store>data|variables)\.(?P<key>[^{}]+)\}|\{\{(?P<store2>data|variables)\.(?P<key2>[^{}]+)\}\}"
)

_EXPECTATIONS: Final = {
    "equals": "equal",
    "contains": "contain",
    "startsWith": "start with",
    "endsWith": "end with",
    "regex": "match the pattern",
    "greaterThan": "be greater than",
    "lessThan": "be less than",
    "greaterThanOrEqual": "be at least",
    "lessThanOrEqual": "be at most",
}


_REFERENCES: Final = ("${data.", "${variables.", "${secrets.")


def resolve_value(run: NodeRun, value: object, name: str) -> object:
    """Replace references in an expected value, keeping the type of what they stand for (section G.1).

    A text that reads as a number but is written otherwise than a number (``1.10``, ``007``) stays a text,
    because as a number it would no longer equal what the page shows.

    Raises:
        NodeDataError: The whole value is a reference to something that is not there.
    """
    if not isinstance(value, str):
        return value
    if any(mark in value for mark in _REFERENCES):
        text = run.interpolate(value)
        if text != value:
            return _typed(text)
    reference = _WHOLE_REFERENCE.fullmatch(value)
    if reference is None:
        return value
    store_name = reference["store"] or reference["store2"]
    key = reference["key"] or reference["key2"]
    store = run.data if store_name == "data" else run.variables
    if key not in store:
        raise NodeDataError(
            f"Property '{name}' refers to {store_name}.{key}, which is not set; "
            "put a node that sets it before this one",
            field=name,
        )
    return store[key]


def _typed(text: str) -> object:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return text if is_number and js_text(value) != text.strip() else value


def required_value(run: NodeRun, value: object, name: str) -> object:
    """A resolved value that must be given; an empty text counts, since a field may be expected empty.

    Raises:
        NodeDataError: It is missing, or refers to something that is not there.
    """
    if value is None:
        raise NodeDataError(
            f"Verification configuration invalid: property '{name}' is required for this check", field=name
        )
    return resolve_value(run, value, name)


def expected_value(run: NodeRun, data: VerifyData) -> object:
    """The optional ``expectedValue``, resolved; None and an empty text ask for mere existence."""
    if data.expected_value in (None, ""):
        return None
    return resolve_value(run, data.expected_value, "expectedValue")


def number_of(value: object) -> float | None:
    """A finite number, also from its text; None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def as_text(value: object) -> str:
    """A value as text, objects and arrays as compact JSON (``bodyValue``, ``queryResult``)."""
    return json_text(value) if isinstance(value, Mapping | list | tuple) else js_text(value)


def compare_texts(
    subject: str, actual: str, expected: object, *, match_type: str | None, case_sensitive: bool
) -> Finding:
    """Compare a text found with the one wanted; an unknown match type means ``equals``.

    Raises:
        NodeDataError: The expected value is not a valid regular expression.
    """
    match_type = match_type if match_type in MATCH_TYPES else "equals"
    wanted = as_text(expected)
    try:
        passed = matches(actual, wanted, match_type, case_sensitive=case_sensitive)
    except re.error as error:
        raise NodeDataError(
            f"Verification configuration invalid: '{wanted}' is not a regular expression: {error}",
            field="expectedValue",
        ) from error
    return Finding(passed, subject, f"{_EXPECTATIONS[match_type]} {shown(wanted)}", actual, expected)


def compare_numbers(subject: str, actual: object, expected: object, operator: str | None) -> Finding:
    """Compare two numbers, also given as their texts; an unknown operator means ``equals``.

    Raises:
        NodeDataError: The expected value is not a number.
    """
    operator = operator if operator in COMPARISONS else "equals"
    wanted, found = number_of(expected), number_of(actual)
    if wanted is None:
        raise NodeDataError(
            f"Verification configuration invalid: {shown(expected)} is not a number", field="expectedValue"
        )
    passed = found is not None and compare(found, operator, wanted)
    return Finding(passed, subject, f"{_EXPECTATIONS[operator]} {js_text(wanted)}", actual, expected)
