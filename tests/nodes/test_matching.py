from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime, timedelta, timezone
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.matching import (
    MISSING,
    compare,
    compile_js_regex,
    dot_path,
    iso_text,
    js_number_text,
    js_text,
    json_text,
    matches,
    member,
    parse_float_prefix,
    parse_int_prefix,
    url_matches,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


# --- numbers ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1"),
        (1.0, "1"),
        (-1.0, "-1"),
        (3.5, "3.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (100.0, "100"),
        (1e16, "10000000000000000"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (10**21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (0.001, "0.001"),
        (0.00001, "0.00001"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (-1.25e-7, "-1.25e-7"),
        (2**53 + 1, "9007199254740993"),
        (-(10**20) - 1, "-100000000000000000001"),
        (10**400, "Infinity"),
        (-(10**400), "-Infinity"),
        pytest.param(10**5000, "Infinity", id="huge"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_numbers_are_written_as_in_javascript(value: float, expected: str) -> None:
    assert js_number_text(value) == expected


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_reads_back(value: float) -> None:
    text = js_number_text(value)
    assert float(text) == value
    assert not text.endswith(".0")


# --- String() and JSON.stringify() ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("as is", "as is"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (MISSING, "undefined"),
        (1.0, "1"),
        (12, "12"),
        ([], ""),
        ([1, "b", True], "1,b,true"),
        ([1, None, [2, [3, MISSING]], {"a": 1}], "1,,2,3,,[object Object]"),
        ((1, 2), "1,2"),
        ({}, "[object Object]"),
        (MappingProxyType({"a": 1}), "[object Object]"),
        (datetime(2024, 2, 3, 4, 5, 6, 7000, UTC), "2024-02-03T04:05:06.007Z"),
        (date(2024, 2, 3), "2024-02-03"),
    ],
)
def test_values_become_text_as_in_javascript(value: object, expected: str) -> None:
    assert js_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (MISSING, "null"),
        (True, "true"),
        (1.0, "1"),
        (1e21, "1e+21"),
        (math.nan, "null"),
        (math.inf, "null"),
        ("", '""'),
        ('a"b\\c/', '"a\\"b\\\\c/"'),
        ("\b\f\n\r\t\x01", '"\\b\\f\\n\\r\\t\\u0001"'),
        ("é😀\u2028\x7f", '"é😀\u2028\x7f"'),
        ("\ud800", '"\\ud800"'),
        ([], "[]"),
        ({}, "{}"),
        ([1, [2.5, None]], "[1,[2.5,null]]"),
        ({"b": 1, "a": {"c": []}}, '{"b":1,"a":{"c":[]}}'),
        ({1: "x", None: "y"}, '{"1":"x","null":"y"}'),
        ((1, 2), "[1,2]"),
        (datetime(2024, 1, 1, tzinfo=UTC), '"2024-01-01T00:00:00.000Z"'),
    ],
)
def test_json_is_written_as_in_javascript(value: object, expected: str) -> None:
    assert json_text(value) == expected


@settings(deadline=None)
@given(JSON_VALUES)
def test_written_json_reads_back(value: object) -> None:
    assert json.loads(json_text(value), parse_int=float) == value


def test_a_value_that_contains_itself_is_a_clear_error() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        js_text(loop)
    with pytest.raises(ValueError, match="contains itself"):
        json_text({"loop": loop})


def test_points_in_time_are_written_in_utc() -> None:
    assert (
        iso_text(datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == "2024-01-01T00:00:00.000Z"
    )
    assert iso_text(datetime(2024, 1, 1, 2)) == "2024-01-01T02:00:00.000Z"  # noqa: DTZ001


# --- number prefixes ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        (" \n\ufeff\u00a012px", 12),
        ("-7.9", -7),
        ("+3", 3),
        ("007", 7),
        ("-0", 0),
        ("0x1f", 0),
        ("1e3", 1),
        ("12_000", 12),
        ("9007199254740993", 9007199254740993),
        ("", None),
        ("-", None),
        ("- 1", None),
        ("px12", None),
        (".5", None),
        ("Infinity", None),
        ("NaN", None),
        ("true", None),
        ("٣", None),
        ("\x1c1", None),
        pytest.param("9" * 309, None, id="infinite"),
        pytest.param("9" * 100_000, None, id="huge"),
        pytest.param("0" * 100_000 + "5", 5, id="many zeros"),
    ],
)
def test_integer_prefixes(text: str, expected: int | None) -> None:
    assert parse_int_prefix(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.5kg", 3.5),
        ("  -2", -2.0),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("1.2.3", 1.2),
        ("1e3x", 1000.0),
        ("1e", 1.0),
        ("1e+", 1.0),
        ("1E-2", 0.01),
        ("0x10", 0.0),
        ("1,000", 1.0),
        ("1_0", 1.0),
        ("\u20033", 3.0),
        ("", None),
        (".", None),
        ("-.e1", None),
        ("e5", None),
        ("abc", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("NaN", None),
        ("1e999", None),
        pytest.param("9" * 100_000, None, id="huge"),
    ],
)
def test_float_prefixes(text: str, expected: float | None) -> None:
    assert parse_float_prefix(text) == expected


@settings(deadline=None)
@given(st.text(alphabet=" +-.0123456789eExInfinityNa_\ufeff٣") | st.text())
def test_prefixes_never_raise_and_are_finite(text: str) -> None:
    whole, number = parse_int_prefix(text), parse_float_prefix(text)
    assert number is None or math.isfinite(number)
    # Where an integer starts a number starts too; only an exponent can make it infinite.
    assert whole is None or number is not None or "e" in text.lower()


@settings(deadline=None)
@given(st.integers(-(10**300), 10**300), st.text(alphabet="abc .,"))
def test_an_integer_before_other_text_is_read(number: int, rest: str) -> None:
    assert parse_int_prefix(f"{number}{rest}") == number


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.text(alphabet="abc ,_"))
def test_a_number_before_other_text_is_read(number: float, rest: str) -> None:
    assert parse_float_prefix(f"{js_number_text(number)}{rest}") == number


# --- paths ---

BODY = {
    "user": {"name": "Ada", "tags": ["x", "y"], "none": None, "a-b": 1, "ключ": 2},
    "items": [{"id": 1}, {"id": 2}],
    "": "empty key",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("user.name", "Ada"),
        ("user.tags.0", "x"),
        ("user.tags.length", 2),
        ("items.1.id", 2),
        ("user.none", None),
        ("user.a-b", 1),
        ("user.ключ", 2),
        ("user.name.length", 3),
        ("user.name.0", "A"),
        ("", "empty key"),
    ],
)
def test_dot_paths_that_lead_somewhere(path: str, expected: object) -> None:
    assert dot_path(BODY, path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "nope",
        "user.none.x",
        "user.nope.x",
        "items.2",
        "items.-1",
        "items.01",
        "items.id",
        "items[0]",
        "items[0].id",
        "$.user",
        "user.",
        "user..name",
        "user.name.9",
        "user.keys",
        pytest.param("items." + "9" * 10_000, id="huge index"),
    ],
)
def test_dot_paths_that_lead_nowhere(path: str) -> None:
    assert dot_path(BODY, path) is MISSING


def test_a_dot_path_may_start_at_an_array() -> None:
    assert dot_path([{"n": 1}], "0.n") == 1


@pytest.mark.parametrize("value", [None, True, 5, object()])
def test_values_without_members_find_nothing(value: object) -> None:
    assert dot_path(value, "length") is MISSING
    assert member(value, "0") is MISSING


def test_texts_are_counted_in_utf_16_units() -> None:
    assert member("😀a", "length") == 3
    assert member("😀a", "2") == "a"
    assert member("😀a", "3") is MISSING
    assert member("abc", "upper") is MISSING


@settings(deadline=None)
@given(JSON_VALUES, st.text(alphabet="ab.01[]$-") | st.text())
def test_a_dot_path_never_raises(value: object, path: str) -> None:
    dot_path(value, path)


@settings(deadline=None)
@given(st.dictionaries(st.text(alphabet="abc-é "), JSON_VALUES, min_size=1))
def test_every_key_without_a_dot_is_found(value: dict[str, object]) -> None:
    assert all(dot_path({"at": value}, f"at.{key}") == item for key, item in value.items())


# --- comparisons ---


@pytest.mark.parametrize(
    ("actual", "expected", "match_type", "exact", "ignoring_case"),
    [
        ("Hello", "Hello", "equals", True, True),
        ("Hello", "hello", "equals", False, True),
        ("Hello", "Hell", "equals", False, False),
        ("Hello", "ELL", "contains", False, True),
        ("Hello", "ell", "contains", True, True),
        ("Hello", "he", "startsWith", False, True),
        ("Hello", "ello", "startsWith", False, False),
        ("Hello", "LO", "endsWith", False, True),
        ("Hello", "Hell", "endsWith", False, False),
        ("Hello", "h.l+", "regex", False, True),
        ("say Hello you", r"H\w+o", "regex", True, True),
        ("Hello", "^ello", "regex", False, False),
        ("Hello", "Hello", "noSuchType", True, True),
        ("Hello", "hello", "noSuchType", False, True),
        ("Hello", "Hell", "", False, False),
        ("anything", "", "contains", True, True),
        ("a.c", "a.c", "equals", True, True),
        ("abc", "a.c", "contains", False, False),
    ],
)
def test_match_types(
    actual: str, expected: str, match_type: str, *, exact: bool, ignoring_case: bool
) -> None:
    assert matches(actual, expected, match_type, case_sensitive=True) is exact
    assert matches(actual, expected, match_type, case_sensitive=False) is ignoring_case


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "a**", "\\", "(?<n", "[b-a]", "(?P<n>a)"])
def test_an_invalid_regex_is_an_error(pattern: str) -> None:
    with pytest.raises(re.error):
        matches("x", pattern, "regex", case_sensitive=True)


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.booleans())
def test_a_part_is_found_in_the_whole(before: str, part: str, after: str, case_sensitive: bool) -> None:
    assert matches(before + part, part, "endsWith", case_sensitive=True)
    assert matches(part + after, part, "startsWith", case_sensitive=True)
    assert matches(before + part + after, part, "contains", case_sensitive=True)
    assert matches(part, part, "equals", case_sensitive=case_sensitive)


@pytest.mark.parametrize(
    ("operator", "below", "same", "above"),
    [
        ("equals", False, True, False),
        ("greaterThan", False, False, True),
        ("lessThan", True, False, False),
        ("greaterThanOrEqual", False, True, True),
        ("lessThanOrEqual", True, True, False),
        ("noSuchOperator", False, True, False),
    ],
)
def test_operators(operator: str, *, below: bool, same: bool, above: bool) -> None:
    assert [compare(1, operator, 2), compare(2, operator, 2.0), compare(3, operator, 2)] == [
        below,
        same,
        above,
    ]
    assert not compare(math.nan, operator, 1)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("example.com", True),
        ("Example.com", False),
        ("exampleXcom", False),
        ("", True),
        ("/", True),
        ("//", True),
        (r"/example\.com\/shop\/\d+$/", True),
        ("/shop/", True),
        ("/^shop/", False),
        ("/SHOP/", False),
        ("/shop/42", True),
        ("shop/", True),
        ("?q=1", False),
    ],
)
def test_url_patterns(pattern: str, *, expected: bool) -> None:
    assert url_matches("https://example.com/shop/42", pattern) is expected


def test_an_invalid_url_regex_is_an_error() -> None:
    with pytest.raises(re.error):
        url_matches("https://example.com", "/(/")


# --- regular expressions: every expectation was checked against a JavaScript engine ---


@pytest.mark.parametrize(
    ("source", "flags", "text", "expected"),
    [
        (r"(?<y>\d{4})-\k<y>", "", "2024-2024", "2024-2024"),
        (r"(a)|b\1", "", "b", "b"),
        (r"(a)\1", "", "aa", "aa"),
        (r"(?<=\$)\d+", "", "$42", "42"),
        (r"(?<!\$)\b\d+", "", "$4 7", "7"),
        (r"(?:a|b)(?=c)(?!d)", "", "bc", "b"),
        (r"a\/b", "", "a/b", "a/b"),
        (r"\-\_\#\@", "", "-_#@", "-_#@"),
        (r"\u0041\x42\u{43}\u{1F600}", "u", "ABC😀", "ABC😀"),
        (r"\ud83d\ude00", "", "😀", "😀"),
        (r"[\ud83d\ude00]", "u", "😀", "😀"),
        (r"\cJ\0\f\v\t\r", "", "\n\0\f\v\t\r", "\n\0\f\v\t\r"),
        (r"\a\Z\A", "", "aZA", "aZA"),
        (r"\u", "", "u", "u"),
        (r"\d", "", "٣", None),
        (r"\D", "", "٣", "٣"),
        (r"\w", "", "é", None),
        (r"\W", "", "é", "é"),
        (r"[\W]+", "", "é-", "é-"),
        (r"[\W_]", "i", "k", None),
        (r"[^\W]", "", "é", None),
        (r"\s\s\s", "", "\u00a0\ufeff\u2003", "\u00a0\ufeff\u2003"),
        (r"\s", "", "\x1c", None),
        (r"\S", "", "\u00a0", None),
        (r"[\s\S]", "", "\n", "\n"),
        (r"[\D]", "", "1", None),
        (r"\bé", "", "aé", "é"),
        (r"\B", "", "", ""),
        (r"[\b]", "", "\b", "\b"),
        (r"a$", "", "a\n", None),
        (r"a$", "m", "a\r\nb", "a"),
        (r"^b", "m", "a\u2028b", "b"),
        (r"^b", "", "a\nb", None),
        (r"a.b", "", "a\rb", None),
        (r"a.b", "s", "a\nb", "a\nb"),
        (r"a[^]b", "", "a\nb", "a\nb"),
        (r"a[]|c", "", "ac", "c"),
        (r"[[a]", "", "[", "["),
        (r"[a&&b]", "", "&", "&"),
        (r"[a||b~~]", "", "~", "~"),
        (r"[+--]+", "", "+,-", "+,-"),
        (r"[\w-.]+@", "", "a-b.c@", "a-b.c@"),
        (r"[.-\w]+", "", ".-x", ".-x"),
        (r"[a-]+", "", "-a", "-a"),
        (r"[\]\\]+", "", "]\\", "]\\"),
        (r"a{,2}", "", "a{,2}", "a{,2}"),
        (r"{x}", "", "{x}", "{x}"),
        (r"a{2}b{1,}c{0,1}?", "", "aabb", "aabb"),
        (r"]}", "", "]}", "]}"),
        (r"É", "i", "é", "é"),
        (r"a#b c", "", "a#b c", "a#b c"),
        (r"HELLO", "giu", "say hello", "hello"),
        ("", "", "x", ""),
    ],
)
def test_javascript_syntax(source: str, flags: str, text: str, expected: str | None) -> None:
    match = compile_js_regex(source, flags).search(text)
    assert (match and match[0]) == expected


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        ("(?P<n>a)", ""),
        ("(?i)a", ""),
        ("(?#note)", ""),
        ("(?>a)", ""),
        ("a++", ""),
        ("a{1,2}+", ""),
        ("(a", ""),
        ("a)", ""),
        ("[a", ""),
        ("[a-", ""),
        ("a\\", ""),
        ("[\\", ""),
        ("[z-a]", ""),
        ("?", ""),
        (r"\k<none>", ""),
        (r"\u{110000}", "u"),
        ("(?<a>x)(?<a>y)", ""),
        ("(?<=a+)b", ""),
        ("a{99999999999999999999}", ""),
        pytest.param("a{" + "9" * 5000 + "}", "", id="huge count"),
        pytest.param("(" * 20_000 + ")" * 20_000, "", id="deep groups"),
        ("a", "x"),
        ("a", "I"),
    ],
)
def test_what_cannot_be_translated_is_an_error(source: str, flags: str) -> None:
    with pytest.raises(re.error):
        compile_js_regex(source, flags)


def test_named_groups_keep_their_names() -> None:
    match = compile_js_regex(r"(?<year>\d+)-(?<month>\d+)").search("on 2024-05")
    assert match is not None
    assert match.groupdict() == {"year": "2024", "month": "05"}


@settings(deadline=None)
@given(
    st.text(alphabet="ab\\[]()^$.*+?{}|-/&~<>=!:,01dwsDWSbBkuxc é\n", max_size=12),
    st.sampled_from(["", "i", "ms"]),
)
def test_any_source_compiles_or_is_an_error(source: str, flags: str) -> None:
    try:
        pattern = compile_js_regex(source, flags)
    except re.error:
        return
    pattern.search("ab-01")


@settings(deadline=None)
@given(st.text(min_size=1), st.text(), st.text())
def test_an_escaped_text_matches_itself(text: str, before: str, after: str) -> None:
    source = re.sub(r"[\\^$.*+?()[\]{}|/-]", r"\\\g<0>", text)
    match = compile_js_regex(source).search(before + text + after)
    assert match is not None
    assert match[0] == text
