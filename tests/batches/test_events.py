from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from batches.encoding import to_bytes
from batches.events import Event, ExecutionEnded, ExecutionStatus, LogLine, parse_event
from tests.batches.event_samples import begin, one_of_each_type

SAMPLES = one_of_each_type()


def test_there_is_a_sample_of_every_type() -> None:
    assert {type(event) for event in SAMPLES} == set(get_args(Event))


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_every_type_survives_json(event: Event) -> None:
    assert parse_event(event.model_dump_json()) == event
    assert parse_event(to_bytes(event)) == event


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_the_wire_is_one_line_in_camel_case_with_the_common_fields(event: Event) -> None:
    line = to_bytes(event)
    record = json.loads(line)
    assert b"\n" not in line
    assert {"type", "batchId", "executionId", "seq", "timestamp"} <= record.keys()
    assert not [key for key in record if "_" in key]


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_keys_of_a_newer_version_are_ignored(event: Event) -> None:
    record = json.loads(event.model_dump_json()) | {"fromTheFuture": [1, 2]}
    assert parse_event(json.dumps(record)) == event


@pytest.mark.parametrize(
    "line", ["", "{}", "null", '{"type": "from-the-future", "batchId": "batch-1"}', "\0\0"]
)
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValidationError):
        parse_event(line)


def test_events_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        setattr(begin("batch-1", 1), "seq", 7)  # noqa: B010 - mypy refuses the plain form, too


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(data=st.dictionaries(st.text(), JSON, max_size=4), message=st.text())
def test_any_json_of_a_workflow_survives(data: dict[str, Any], message: str) -> None:
    ids: dict[str, Any] = {"batch_id": "batch-1", "execution_id": "exec-1-1"}
    ended = ExecutionEnded(**ids, status=ExecutionStatus.COMPLETED, data=data)
    assert parse_event(to_bytes(ended)) == ended
    line = LogLine(**ids, level="info", message=message)
    assert parse_event(to_bytes(line)) == line


class Strange:
    def __str__(self) -> str:
        return "something \ud800 strange"


def endless() -> dict[str, object]:
    inner: dict[str, object] = {}
    inner["self"] = inner
    return inner


@pytest.mark.parametrize(
    ("value", "readable"),
    [
        ("half \ud83d a character", "half ? a character"),
        (b"\xff\xfe text", "\ufffd\ufffd text"),
        (Strange(), "something ? strange"),
        ({"\udc00": 1, 2: 3}, {"?": 1, "2": 3}),
        ((1, {2}), [1, [2]]),
        (math.inf, None),
        (2**80, 2**80),
    ],
)
def test_what_json_has_not_becomes_readable(value: object, readable: object) -> None:
    event = ExecutionEnded(
        batch_id="batch-1", execution_id="exec-1-1", status=ExecutionStatus.COMPLETED, data={"value": value}
    )
    again = parse_event(to_bytes(event))
    assert isinstance(again, ExecutionEnded)
    assert again.data == {"value": readable}


def test_a_value_inside_itself_ends_somewhere() -> None:
    event = ExecutionEnded(
        batch_id="batch-1", execution_id="exec-1-1", status=ExecutionStatus.COMPLETED, data=endless()
    )
    assert isinstance(parse_event(to_bytes(event)), ExecutionEnded)
