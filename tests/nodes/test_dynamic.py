from __future__ import annotations

import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.dynamic import GENERATORS, generate, names

DRAWS = 30
WORDS = r"\S.*\S"
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
IMAGE = r"https://\S+"

SHAPES = {
    "guid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "randomUUID": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "timestamp": r"\d{10}",
    "isoTimestamp": ISO,
    "randomAlphaNumeric": r"[A-Za-z0-9]{10,20}",
    "randomBoolean": r"true|false",
    "randomInt": r"\d{1,4}",
    "randomNumber": r"\d{1,16}",
    "randomFloat": r"[01]|0\.\d+|\d(\.\d+)?e-\d+",
    "randomAlpha": r"[A-Za-z]{5,10}",
    "randomNumeric": r"\d{5,10}",
    "randomColor": r"[A-Za-z ]+",
    "randomHexColor": r"#[0-9a-f]{6}",
    "randomAbbreviation": r"[A-Z]{3}",
    "randomFirstName": r"[A-Z][A-Za-z' -]+",
    "randomLastName": r"[A-Z][A-Za-z' -]+",
    "randomFullName": r"[A-Z]\S* [A-Z].*",
    "randomNamePrefix": r"[A-Z][A-Za-z]*\.?",
    "randomNameSuffix": r"[A-Z][A-Za-z]*\.?",
    "randomIP": r"[0-9a-f:.]+",
    "randomIPV6": r"[0-9a-f:]+",
    "randomMACAddress": r"[0-9a-f]{2}(:[0-9a-f]{2}){5}",
    "randomEmail": r"[^@\s]+@[^@\s]+\.[a-z]+",
    "randomPassword": r"[A-Za-z0-9]{12}",
    "randomUsername": r"[\w.-]+",
    "randomUserAgent": r"\w+/.+",
    "randomProtocol": r"https?",
    "randomUrl": r"https?://[\w.-]+/.*",
    "randomDomain": r"[\w-]+(\.[\w-]+)+",
    "randomCity": WORDS,
    "randomCountry": WORDS,
    "randomState": r"[A-Z][A-Za-z ]+",
    "randomStreetName": WORDS,
    "randomStreetAddress": r"\d+ .+",
    "randomCountryCode": r"[A-Z]{2}",
    "randomStateAbbr": r"[A-Z]{2}",
    "randomLatitude": r"-?\d{1,2}\.\d{4}",
    "randomLongitude": r"-?\d{1,3}\.\d{4}",
    "randomPhoneNumber": r"[\d+().x -]{7,}",
    "randomZipCode": r"\d{5}(-\d{4})?",
    "randomPostCode": r"\d{5}(-\d{4})?",
    "randomCompanyName": WORDS,
    "randomJobTitle": WORDS,
    "randomDepartment": WORDS,
    "randomProductName": r"[A-Z][a-z]+ [A-Z][a-z]+ [A-Z][a-z]+",
    "randomProduct": r"[A-Z][a-z]+",
    "randomProductAdjective": r"[A-Z][a-z]+",
    "randomProductMaterial": r"[A-Z][a-z]+",
    "randomCatchPhrase": WORDS,
    "randomBs": WORDS,
    "randomBankAccount": r"\d{8}",
    "randomBankAccountName": r"[A-Z].* Account",
    "randomCreditCardNumber": r"[\d-]{11,23}",
    "randomCurrency": WORDS,
    "randomCurrencyCode": r"[A-Z]{3}",
    "randomAmount": r"\d{1,4}\.\d{2}",
    "randomBitcoinAddress": r"[13][1-9A-HJ-NP-Za-km-z]{25,33}",
    "randomDatePast": ISO,
    "randomDateFuture": ISO,
    "randomDateRecent": ISO,
    "randomMonth": r"[A-Z][a-z]+",
    "randomWeekday": r"[A-Z][a-z]+day",
    "randomYear": r"\d{4}",
    "randomDatabaseColumn": r"\w+",
    "randomDatabaseType": r"[a-z]+",
    "randomDatabaseEngine": r"\w+",
    "randomDatabaseCollation": r"[a-z0-9]+_[a-z0-9_]+",
    "randomWord": r"\S+",
    "randomWords": r"\S+( \S+){2,6}",
    "randomSentence": r"[A-Z].+\.",
    "randomParagraph": r"[A-Z].+\.",
    "randomText": r"[A-Z].+\.",
    "randomImageUrl": IMAGE,
    "randomAvatar": IMAGE,
}


def draw(name: str) -> str:
    text = generate(name)
    assert text is not None
    return text


def moment(name: str) -> datetime:
    return datetime.fromisoformat(draw(name))


def test_the_names_are_those_of_the_format() -> None:
    assert set(names()) == set(SHAPES)
    assert tuple(GENERATORS) == names()


@pytest.mark.parametrize("name", SHAPES)
def test_every_value_has_its_shape(name: str) -> None:
    for _ in range(DRAWS):
        text = draw(name)
        assert re.fullmatch(SHAPES[name], text, re.ASCII if name != "randomPhoneNumber" else 0), text


@pytest.mark.parametrize("name", SHAPES)
def test_names_are_matched_in_any_case(name: str) -> None:
    assert generate(name.lower()) is not None
    assert generate(name.upper()) is not None


@pytest.mark.parametrize("name", ["", "unknown", "random", "randomInt ", "random_int", "__class__"])
def test_an_unknown_name_yields_nothing(name: str) -> None:
    assert generate(name) is None


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("randomInt", 0, 1000),
        ("randomNumber", 0, 2**53 - 1),
        ("randomFloat", 0, 1),
        ("randomLatitude", -90, 90),
        ("randomLongitude", -180, 180),
        ("randomAmount", 0, 1000),
    ],
)
def test_numbers_stay_in_their_range(name: str, lowest: int, highest: int) -> None:
    assert all(lowest <= float(draw(name)) <= highest for _ in range(DRAWS))


@pytest.mark.parametrize(
    ("name", "earliest", "latest"),
    [
        ("isoTimestamp", timedelta(seconds=-1), timedelta(seconds=5)),
        ("randomDatePast", timedelta(days=-365, seconds=-1), timedelta(seconds=5)),
        ("randomDateFuture", timedelta(0), timedelta(days=365, seconds=5)),
        ("randomDateRecent", timedelta(days=-1, seconds=-1), timedelta(seconds=5)),
    ],
)
def test_dates_stay_in_their_range(name: str, earliest: timedelta, latest: timedelta) -> None:
    for _ in range(DRAWS):
        now = datetime.now(UTC)
        assert now + earliest <= moment(name) <= now + latest


def test_the_timestamp_is_in_whole_seconds_of_now() -> None:
    before = int(time.time())
    assert before <= int(draw("timestamp")) <= time.time()


def test_the_year_is_within_the_last_ten() -> None:
    years = {int(draw("randomYear")) for _ in range(DRAWS)}
    this_year = datetime.now(UTC).year
    assert years <= set(range(this_year - 10, this_year + 1))


def test_addresses_are_real_ones() -> None:
    versions = {ip_address(draw("randomIP")).version for _ in range(100)}
    assert versions == {4, 6}
    assert ip_address(draw("randomIPV6")).version == 6


def test_unique_ids_are_version_4_and_differ() -> None:
    drawn = {uuid.UUID(draw("guid")) for _ in range(DRAWS)}
    assert len(drawn) == DRAWS
    assert {one.version for one in drawn} == {4}


@settings(deadline=None)
@given(st.text())
def test_any_name_is_answered(name: str) -> None:
    known = name.lower() in {one.lower() for one in names()}
    assert (generate(name) is not None) == known
