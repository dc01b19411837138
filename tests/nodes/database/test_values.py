"""Values of databases as JSON has them, and settings as messages show them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.database.postgres import parameter_text
from nodes.database.settings import ConnectionSettings, TlsWish
from nodes.database.values import MAX_BINARY_BYTES, clock_text, plain
from nodes.errors import NodeDataError

SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.decimals()),
    *(st.dates(), st.times(), st.datetimes(timezones=st.none()), st.timedeltas(), st.uuids()),
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)

VALUES: dict[str, tuple[object, object]] = {
    "exact decimal": (Decimal("1E+3"), "1000"),
    "decimal that is no number": (Decimal("NaN"), "NaN"),
    "infinity": (float("inf"), None),
    "time": (time(8, 9, 10), "08:09:10"),
    "date": (date(2024, 2, 29), "2024-02-29"),
    "moment": (datetime(2024, 2, 29, 12, tzinfo=UTC), "2024-02-29T12:00:00.000Z"),
    "span": (timedelta(hours=30, seconds=1), "30:00:01"),
    "bytes": (b"\x00\xff", "AP8="),
    "many bytes": (bytes(MAX_BINARY_BYTES + 1), f"<{MAX_BINARY_BYTES + 1} bytes>"),
    "id": (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    "nested": ({"a": (Decimal(1), {2})}, {"a": ["1", [2]]}),
}

PLACES: dict[str, tuple[ConnectionSettings, str]] = {
    "defaults": (ConnectionSettings("mysql"), "mysql localhost"),
    "server": (ConnectionSettings("mysql", host="h", port=1, database="d", password="x"), "mysql h:1/d"),
    "url": (ConnectionSettings("redis", connection_string="redis://a:x@h:1/2"), "redis redis://h:1/2"),
    "words": (
        ConnectionSettings("postgres", connection_string="host=h password='x y' user=u"),
        "postgres host=h password=*** user=u",
    ),
    "semicolons": (
        ConnectionSettings("sqlserver", connection_string="Server=h;PWD={x;y};UID=u"),
        "sqlserver Server=h;PWD=***;UID=u",
    ),
    "memory": (ConnectionSettings("sqlite"), "sqlite in memory"),
}


@pytest.mark.parametrize(("value", "expected"), VALUES.values(), ids=VALUES)
def test_values_become_json(value: object, expected: object) -> None:
    assert plain(value) == expected


@given(ANYTHING)
def test_whatever_a_driver_returns_is_json_afterwards(value: object) -> None:
    converted = plain(value)

    assert json.loads(json.dumps(converted, allow_nan=False)) == converted


@given(st.timedeltas(min_value=timedelta(days=-900), max_value=timedelta(days=900)))
def test_a_duration_can_be_read_back(span: timedelta) -> None:
    hours, minutes, seconds = clock_text(abs(span)).split(":")

    assert timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)) == abs(span)
    assert clock_text(span).startswith("-") is (span < timedelta())


def test_decimals_may_become_numbers() -> None:
    values = plain([Decimal("1.50"), Decimal("2.00")], decimals_as_numbers=True)

    assert json.dumps(values) == "[1.5, 2]"


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner, min_size=1), max_leaves=5))
def test_postgres_arrays_are_balanced(value: object) -> None:
    text = parameter_text([value])

    assert text is not None
    assert text.startswith("{")
    assert text.endswith("}")


@pytest.mark.parametrize(("settings", "where"), PLACES.values(), ids=PLACES)
def test_a_place_is_named_without_its_password(settings: ConnectionSettings, where: str) -> None:
    assert settings.where == where
    assert "x" not in repr(settings).replace("postgres", "").replace("sqlite", "").split("connect")[0]


@pytest.mark.parametrize(
    ("ssl", "wish"),
    [
        (None, None),
        (False, TlsWish(enabled=False)),
        ("true", TlsWish(enabled=True)),
        ({"rejectUnauthorized": False}, TlsWish(enabled=True, verify=False)),
        ({"ca": "/ca.pem"}, TlsWish(enabled=True, ca="/ca.pem")),
    ],
)
def test_the_ssl_option_says_how_to_encrypt(ssl: object, wish: TlsWish | None) -> None:
    assert ConnectionSettings("postgres", options={"ssl": ssl}).tls() == wish


def test_a_certificate_as_text_is_refused() -> None:
    with pytest.raises(NodeDataError, match="should be the path of a PEM file"):
        ConnectionSettings("postgres", options={"ssl": {"ca": "-----BEGIN CERTIFICATE-----"}}).tls()


@pytest.mark.parametrize("timeout", ["abc", "", None, 0])
def test_without_a_connect_timeout_it_is_ten_seconds(timeout: object) -> None:
    assert ConnectionSettings("redis", options={"connectionTimeout": timeout}).connect_timeout_s == 10


def test_a_timeout_that_is_no_number_is_refused() -> None:
    with pytest.raises(NodeDataError, match="should be a number"):
        _ = ConnectionSettings("redis", options={"connectionTimeout": True}).connect_timeout_s
