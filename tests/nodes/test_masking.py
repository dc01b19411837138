"""Taking secret values out of what leaves an execution."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batches.events import ErrorInfo, ExecutionStatus
from nodes.masking import MASK, SHORTEST, Masker

SECRET = 'pa&ss "word"/+é<1>'
LETTERS = "aZ0_ -\"'\\/&<>+%\n\té漢😀"
values = st.text(st.characters(codec="utf-8"), min_size=SHORTEST, max_size=40).filter(
    lambda text: len(text.strip()) >= SHORTEST
)
QUOTINGS: list[Callable[[str], str]] = [
    str,
    lambda letter: quote(letter, safe=""),
    lambda letter: quote(quote(letter, safe="")),
    lambda letter: json.dumps(letter)[1:-1],
    lambda letter: json.dumps(json.dumps(letter))[3:-3],
    lambda letter: repr(letter)[1:-1],
    html.escape,
    lambda letter: f"&#{ord(letter)};",
]


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        html.escape(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(json.dumps({"text": SECRET}))[1:-1],
        repr(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        SECRET.encode().hex(),
        quote(SECRET, safe="!'()*"),
        quote(SECRET, safe=";,/?:@&=+$!*'()#"),
        quote(quote(SECRET, safe=""), safe=""),
        quote(base64.b64encode(SECRET.encode()).decode(), safe=""),
        SECRET.replace("&", "&amp;").replace('"', "&quot;"),
        html.escape(html.escape(SECRET)),
        SECRET.replace("<", r"\u003c").replace("&", r"\u0026").replace("é", r"\u00E9"),
        SECRET.replace("/", r"\/").replace('"', r"\""),
        SECRET.replace("<", "&#60;").replace("é", "&#xE9;"),
        SECRET.replace("é", r"\xe9"),
    ],
)
def test_a_value_is_found_in_every_form_inside_a_longer_text(form: str) -> None:
    masked = Masker([SECRET]).text(f"before {form} after")

    assert MASK in masked
    assert form not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


@given(st.binary(max_size=7), st.text("abcdefgh01", min_size=9, max_size=30), st.binary(max_size=7))
def test_a_value_is_found_in_base64_of_a_longer_text(before: bytes, secret: str, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()

    masked = Masker([secret]).text(encoded)

    # What is left of it at its ends is less than one character on each side.
    assert MASK in masked
    assert len(encoded) - (len(masked) - len(MASK)) >= len(secret) * 8 // 6 - 1


@given(values, st.text(max_size=20), st.text(max_size=20))
def test_nothing_of_a_value_is_left_in_any_text(secret: str, before: str, after: str) -> None:
    masked = Masker([secret]).text(before + secret + after)

    assert secret not in masked.replace(MASK, "") or secret in MASK


@settings(max_examples=40)
@given(st.text(LETTERS, min_size=SHORTEST, max_size=30), st.lists(st.sampled_from(QUOTINGS), min_size=20))
def test_each_character_may_be_quoted_in_its_own_way(
    secret: str, quotings: list[Callable[[str], str]]
) -> None:
    assume(len(secret.strip()) >= SHORTEST)
    quoting = dict(zip(LETTERS, quotings, strict=False))
    written = "".join(
        letter if letter.isalnum() and letter.isascii() else quoting[letter](letter) for letter in secret
    )

    assert MASK in Masker([secret]).text(f"x {written} y"), written


def test_a_long_text_is_searched_as_well_as_a_short_one() -> None:
    masker = Masker([SECRET, "hunter2", "!!!"])
    for form in ("hunter2", quote(SECRET), "!!!", b"hunter2".hex()):
        text = "-" * 5_000 + form + "-" * 5_000
        assert masker.text(text) == text.replace(form, MASK)


def test_a_text_full_of_what_secrets_begin_with_is_searched_quickly() -> None:
    masker = Masker(["\\" * 8 + "x", '"\\"\\"', "&&&&x", "%%%%x", "aaaaaaaaab"])
    for letter in ("\\", "&amp;", "%25", "a", '\\"'):
        text = letter * 20_000 + "."
        assert len(masker.text(text)) <= len(text)


def test_values_that_begin_alike_are_all_found() -> None:
    masker = Masker(["token-1", "token-12", "token-2", "tok"])

    assert masker.text("token-1 token-12 token-2 token-3 tok") == "*** *** *** ***en-3 ***"


def test_everything_inside_is_masked_and_keeps_its_shape() -> None:
    masker = Masker(["hunter2", "4711"])
    value = {
        "text": "hunter2!",
        "hunter2": 1,
        "list": ["x", ("hunter2",), 4711, 47111, True, None],
        "error": ErrorInfo(code="X", message="typed hunter2"),
        "status": ExecutionStatus.FAILED,
    }

    masked: Any = masker.value(value)

    assert masked["text"] == "***!"
    assert masked["***"] == 1
    assert masked["list"] == ["x", ("***",), "***", 47111, True, None]
    assert masked["error"].message == "typed ***"
    assert masked["status"] is ExecutionStatus.FAILED


def test_without_secrets_values_stay_the_same_objects() -> None:
    value = {"a": ["b"]}

    assert Masker().value(value) is value
    assert not Masker()


def test_a_masker_learns_more_values() -> None:
    masker = Masker()
    masker.add("482913")

    assert masker.text("code 482913") == "code ***"


def test_the_longer_of_two_values_goes_first() -> None:
    assert Masker(["abc", "abcdef"]).text("abcdef abc") == "*** ***"


def test_each_line_of_a_long_value_is_masked() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n"

    assert Masker([key]).text("read MIIEvQIBADANBgkq here") == "read *** here"


def test_one_or_two_characters_are_not_masked() -> None:
    assert Masker(["a", "xy"]).text("a xy") == "a xy"


@pytest.mark.parametrize("end", ["", "…", "...", "…' but it is", "... (12 characters)", "'", '"}'])
def test_the_beginning_of_a_value_that_was_cut_off_is_masked(end: str) -> None:
    masker = Masker(["abcdefghijklmnop"])

    assert masker.text(f"got 'abcdefghijk{end}") == f"got '***{end}"


def test_the_beginning_of_a_value_inside_a_text_stays() -> None:
    text = "abcdefgh is the alphabet, abcdefghi too"

    assert Masker(["abcdefghijklmnop"]).text(text) == text
