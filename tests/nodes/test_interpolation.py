from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.interpolation import interpolate, interpolate_deep, lookup
from nodes.matching import MISSING

DATA: Mapping[str, object] = {
    "name": "Ada",
    "count": 3,
    "whole": 2.0,
    "part": 3.5,
    "yes": True,
    "no": False,
    "nothing": None,
    "empty": "",
    "zero": 0,
    "user": {"first": "Ada", "tags": ["a", "b"], "dotted.key": "dot", "0": "zero key", "gone": None},
    "list": [{"name": "one"}, {"name": "two"}],
    "grid": [[1, 2], [3, 4]],
    "headers": {"content-type": "text/html", "x": {"y-z": 1}},
    "it's": "quoted",
    "hyphen-id": "unreachable by name",
}
VARIABLES: Mapping[str, object] = {"index": 4, "item": {"id": 7, "label": "seven"}, "name": "Grace"}

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
KEYS = st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def fill(text: str) -> str:
    return interpolate(text, DATA, VARIABLES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello ${data.name}!", "Hello Ada!"),
        ("${variables.name} and ${data.name}", "Grace and Ada"),
        ("${data.name}${data.name}", "AdaAda"),
        ("row ${variables.index} of ${data.count}", "row 4 of 3"),
        ("", ""),
        ("plain", "plain"),
    ],
)
def test_both_stores_are_read(text: str, expected: str) -> None:
    assert fill(text) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("user.first", "Ada"),
        ("user.tags.1", "b"),
        ("user.tags[1]", "b"),
        ("user.tags.length", "2"),
        ("user.tags['length']", "2"),
        ("name.length", "3"),
        ("list.0.name", "one"),
        ("list[1].name", "two"),
        ("list[1]['name']", "two"),
        ('list[1]["name"]', "two"),
        ("list[1][name]", "two"),
        ("grid[1][0]", "3"),
        ("grid.1.0", "3"),
        ("user['dotted.key']", "dot"),
        ('user["dotted.key"]', "dot"),
        ("user.0", "zero key"),
        ("['name']", "Ada"),
        ("[name]", "Ada"),
        ("user.['first']", "Ada"),
        ("name.", "Ada"),
        ("list[0].name.", "one"),
        ("it's", "quoted"),
        ("headers['content-type']", "text/html"),
        ('headers["x"]["y-z"]', "1"),
        ("['hyphen-id']", "unreachable by name"),
    ],
)
def test_paths_that_lead_somewhere(path: str, expected: str) -> None:
    assert fill(f"<${{data.{path}}}>") == f"<{expected}>"


@pytest.mark.parametrize(
    "text",
    [
        "${data.unknown}",
        "${variables.unknown}",
        "${data.name.unknown}",
        "${data.nothing.deeper}",
        "${data.user.gone.deeper}",
        "${data.unknown.deeper}",
        "${data.list.2}",
        "${data.list.-1}",
        "${data.list[-1]}",
        "${data.list.00}",
        "${data.list.name}",
        "${data.count.length}",
        "${data.user.length}",
        "${data.list.99999999999999999999999999}",
        "${data.constructor}",
        "${data.__class__}",
        "${data.user.__class__}",
    ],
)
def test_a_reference_that_leads_nowhere_stays(text: str) -> None:
    assert fill(f"a {text} b") == f"a {text} b"


@pytest.mark.parametrize(
    "text",
    [
        "${data}",
        "${data.}",
        "${data..name}",
        "${data.user..first}",
        "${data.name..}",
        "${data.hyphen-id}",
        "${data[name]}",
        "${data.user[first}",
        "${data.user['first]}",
        "${data.user['first\"]}",
        "${data.user[]}",
        "${data.user['']}",
        "${data.user[first.x]}",
        "${data.user]first}",
        "${data.headers[content-type]}",
        "${data.naïve}",
        "${ data.name }",
        "${data.name }",
        "${data.name || 'x'}",
        "${data.name",
        "$ {data.name}",
        "$data.name",
        "{data.name}",
        "{{data.name}}",
        "${Data.name}",
        "${item}",
        "${index}",
        "${item.id}",
        "${new Date().toISOString()}",
        "${env.HOME}",
        "${dynamic}",
        "${dynamic.}",
        "${dynamic.no-such}",
        "${dynamic.noSuchGenerator}",
    ],
)
def test_text_outside_the_grammar_stays(text: str) -> None:
    assert fill(text) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ("", ""),
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (3.5, "3.5"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        ([], "[]"),
        ({}, "{}"),
        ({"a": 1.0, "b": [None, True, "é\n"]}, '{"a":1,"b":[null,true,"é\\n"]}'),
        ((1, 2), "[1,2]"),
        (MappingProxyType({"a": 1}), '{"a":1}'),
        ([math.nan], "[null]"),
    ],
)
def test_values_become_text_as_in_javascript(value: object, expected: str) -> None:
    assert interpolate("<${data.v}>", {"v": value}, {}) == f"<{expected}>"


def test_results_are_not_scanned_again() -> None:
    data = {"a": "${data.b}", "b": "B", "c": "${variables.d}", "e": "${dynamic.guid}"}
    text = interpolate("${data.a} ${data.c} ${data.e} ${variables.f}", data, {"d": "D", "f": "${data.b}"})
    assert text == "${data.b} ${variables.d} ${dynamic.guid} ${data.b}"


def test_pieces_of_results_do_not_form_a_reference() -> None:
    assert interpolate("${data.open}data.b}", {"open": "${", "b": "B"}, {}) == "${data.b}"


def test_a_backslash_is_kept_and_does_not_escape() -> None:
    assert fill(r"\${data.name}") == r"\Ada"
    assert interpolate("${data.v}", {"v": r"\1 \g<0>"}, {}) == r"\1 \g<0>"


def test_a_reference_inside_an_unfinished_one_is_replaced() -> None:
    assert fill("${data.${data.name}}") == "${data.Ada}"


def test_every_dynamic_occurrence_gets_a_value_of_its_own() -> None:
    first, second = fill("${dynamic.guid} ${DYNAMIC.guid} ${dynamic.GUID}").split(" ${DYNAMIC.guid} ")
    assert re.fullmatch(UUID, first)
    assert re.fullmatch(UUID, second)
    assert first != second


def test_dynamic_references_are_replaced_beside_the_others() -> None:
    assert re.fullmatch(rf"Ada-{UUID}-4", fill("${data.name}-${dynamic.randomUUID}-${variables.index}"))


def test_dynamic_references_are_replaced_before_the_others() -> None:
    assert fill("${data.${dynamic.randomAbbreviation}}").startswith("${data.")
    assert "dynamic" not in fill("${data.${dynamic.randomAbbreviation}}")


def test_an_object_that_contains_itself_is_a_clear_error() -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    with pytest.raises(ValueError, match="contains itself"):
        interpolate("${data.loop}", {"loop": loop}, {})
    assert interpolate("${data.loop.self.self.x}", {"loop": loop}, {}) == "${data.loop.self.self.x}"


def test_deep_interpolation_reaches_strings_and_nothing_else() -> None:
    value = {"${data.name}": ["${data.name}", {"x": "n=${data.count}"}, 5, None, True], "y": 1.5}
    before = json.dumps(value)
    assert interpolate_deep(value, DATA, VARIABLES) == {
        "${data.name}": ["Ada", {"x": "n=3"}, 5, None, True],
        "y": 1.5,
    }
    assert json.dumps(value) == before


@pytest.mark.parametrize("value", [5, 1.5, None, True, object()])
def test_deep_interpolation_returns_other_values_unchanged(value: object) -> None:
    assert interpolate_deep(value, DATA, VARIABLES) is value


def test_deep_interpolation_of_a_string() -> None:
    assert interpolate_deep("${data.list[0].name}", DATA, VARIABLES) == "one"


def test_deep_interpolation_of_a_value_that_contains_itself_is_a_clear_error() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        interpolate_deep(loop, {}, {})


def test_lookup_tells_null_from_missing() -> None:
    assert lookup("nothing", DATA) is None
    assert lookup("user.gone", DATA) is None
    assert lookup("unknown", DATA) is MISSING
    assert lookup("nothing.x", DATA) is MISSING
    assert lookup("", DATA) is MISSING
    assert lookup(".", DATA) is MISSING


def test_lookup_returns_the_stored_object_itself() -> None:
    assert lookup("user", DATA) is DATA["user"]


def test_lookup_never_touches_python_attributes() -> None:
    assert lookup("page.title", {"page": re}) is MISSING


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("${data." * 50_000, id="starts"),
        pytest.param("${data." + "['a']" * 50_000, id="open brackets"),
        pytest.param("${data." + "['a']" * 50_000 + "}", id="brackets"),
        pytest.param("${data." + "a." * 50_000 + "}", id="segments"),
        pytest.param("${data." + "[" * 50_000 + "}", id="bracket starts"),
        pytest.param("${dynamic." + "x" * 50_000, id="dynamic name"),
        pytest.param("${" * 50_000 + "}" * 50_000, id="nested"),
    ],
)
def test_hostile_texts_are_left_alone(text: str) -> None:
    assert fill(text) == text


@settings(deadline=None)
@given(st.text())
def test_a_text_without_references_is_unchanged(text: str) -> None:
    kept = text.replace("${", "$")
    assert interpolate(kept, DATA, VARIABLES) == kept


@settings(deadline=None)
@given(st.text(), st.text(), KEYS, st.text(), st.sampled_from(["data", "variables"]))
def test_a_known_key_yields_its_text_wherever_it_stands(
    before: str, after: str, key: str, value: str, store: str
) -> None:
    before, after = before.replace("$", ""), after.replace("$", "")
    stores: dict[str, dict[str, object]] = {"data": {}, "variables": {}, store: {key: value}}
    text = interpolate(f"{before}${{{store}.{key}}}{after}", stores["data"], stores["variables"])
    assert text == before + value + after


@settings(deadline=None)
@given(KEYS, JSON_VALUES)
def test_objects_become_json_that_reads_back(key: str, value: object) -> None:
    text = interpolate(f"${{data.{key}}}", {key: [value]}, {})
    assert json.loads(text, parse_int=float) == [value]


@settings(deadline=None)
@given(st.text(alphabet="abl0.[]'\"-_$\\ é") | st.text(), JSON_VALUES)
def test_lookup_never_raises(path: str, store: object) -> None:
    lookup(path, store)


@settings(deadline=None)
@given(st.text(alphabet="${}[]data.vribles'\"-_0 "))
def test_any_text_can_be_interpolated(text: str) -> None:
    assert isinstance(fill(text), str)


@settings(deadline=None)
@given(JSON_VALUES)
def test_deep_interpolation_without_references_is_a_copy(value: Any) -> None:
    without = json.loads(json.dumps(value).replace("${", "$"))
    assert interpolate_deep(without, DATA, VARIABLES) == without
