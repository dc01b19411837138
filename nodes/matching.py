"""JavaScript's conversions, comparisons and regular expressions, as workflow files expect them.

Workflow values were written for a JavaScript runner, so a check such as "equals 1" has to see ``1`` where
Python would print ``1.0``. Verify, wait, retry and conditions share these functions (nodes.md, section F).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Final

__all__ = [
    "MISSING",
    "Missing",
    "compare",
    "compile_js_regex",
    "dot_path",
    "iso_text",
    "js_number_text",
    "js_text",
    "json_text",
    "matches",
    "member",
    "parse_float_prefix",
    "parse_int_prefix",
    "url_matches",
]


class Missing(Enum):
    """The type of ``MISSING``, so that a type checker can tell "not found" from a stored null."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""What a lookup answers when there is nothing there; JavaScript's ``undefined``."""


# --- values to text ---------------------------------------------------------------------------------------

_LARGEST_PLAIN = 10**21
"""From here on JavaScript writes numbers with an exponent."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def js_number_text(value: float) -> str:
    """Write a number as JavaScript's ``String(number)`` does (workflow-format.md, section 9.3).

    Whole numbers given as ``int`` keep all their digits below 1e21, even beyond 2^53, where JavaScript
    would round: a database id must survive.
    """
    if isinstance(value, int) and abs(value) < _LARGEST_PLAIN:
        return str(int(value))
    number = _as_float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    return sign + _positive_number_text(abs(number))


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _positive_number_text(number: float) -> str:
    """Place the point and the exponent by the rules of ECMAScript's Number::toString."""
    parts = Decimal(repr(number)).normalize().as_tuple()
    digits = "".join(map(str, parts.digits))
    point = len(digits) + int(parts.exponent)
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"


def iso_text(moment: datetime) -> str:
    """Write a point in time as ``Date.toISOString()`` does; one without a zone counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def js_text(value: object) -> str:
    """Convert a value as JavaScript's ``String(value)`` does (nodes.md, section F.3).

    Arrays are joined with commas, objects become ``[object Object]``. A point in time, which only a database
    driver yields, becomes its ISO text.

    Raises:
        ValueError: The value contains itself or is nested too deeply.
    """
    try:
        return _text(value)
    except RecursionError:
        raise ValueError("the value contains itself or is nested too deeply to become text") from None


def _text(value: object) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(map(_item_text, value))
    if isinstance(value, Mapping):
        return "[object Object]"
    return _scalar_text(value)


def _item_text(value: object) -> str:
    return "" if value is None or value is MISSING else _text(value)


def _scalar_text(value: object) -> str:
    if value is None:
        return "null"
    if value is MISSING:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return js_number_text(value)
    if isinstance(value, datetime):
        return iso_text(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def json_text(value: object) -> str:
    """Write compact JSON exactly as ``JSON.stringify(value)`` does (workflow-format.md, section 9.3).

    No spaces, non-ASCII characters as they are, numbers in JavaScript's form, ``NaN`` and infinities as null.

    Raises:
        ValueError: The value contains itself or is nested too deeply.
    """
    try:
        return _json(value)
    except RecursionError:
        raise ValueError("the value contains itself or is nested too deeply to become JSON") from None


def _json(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_quoted(_text(key))}:{_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_json, value)) + "]"
    if value is None or value is MISSING or (isinstance(value, float) and not math.isfinite(value)):
        return "null"
    text = _text(value)
    return text if isinstance(value, int | float) else _quoted(text)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


# --- text to numbers --------------------------------------------------------------------------------------

_JS_SPACE = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_INT_PREFIX = re.compile(rf"[{_JS_SPACE}]*([+-]?)0*([0-9]*)")
_FLOAT_PREFIX = re.compile(rf"[{_JS_SPACE}]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_MOST_INT_DIGITS = 309
"""A longer integer is infinite as a JavaScript number (and slow to read for Python)."""


def parse_int_prefix(text: str) -> int | None:
    """Read the decimal integer that a text starts with, as ``parseInt(text, 10)`` does.

    Leading white space and a sign are allowed and anything may follow. The digits are kept exactly.

    Returns:
        The integer, or None when the text starts otherwise or the number is too large for JavaScript.
    """
    match = _INT_PREFIX.match(text)
    if match is None or match.end() == match.end(1):
        return None
    sign, digits = match.groups()
    if len(digits) > _MOST_INT_DIGITS:
        return None
    number = int(digits or "0")
    if math.isinf(_as_float(number)):
        return None
    return -number if sign == "-" else number


def parse_float_prefix(text: str) -> float | None:
    """Read the number that a text starts with, as ``parseFloat(text)`` does (nodes.md, sections D and F.1).

    Returns:
        The number, or None when the text starts otherwise or the number is not finite.
    """
    match = _FLOAT_PREFIX.match(text)
    if match is None:
        return None
    number = float(match[1])
    return number if math.isfinite(number) else None


# --- paths ------------------------------------------------------------------------------------------------

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,14}")


def member(value: object, key: str) -> object:
    """Take one step into a value as JavaScript's ``value[key]`` does, own properties only.

    Objects answer their keys; arrays and texts answer indexes and ``length``; all else has no members.

    Returns:
        What is stored there, or ``MISSING``.
    """
    if isinstance(value, Mapping):
        return value.get(key, MISSING)
    if isinstance(value, str):
        return _text_member(value, key)
    if not isinstance(value, list | tuple):
        return MISSING
    if key == "length":
        return len(value)
    if not _ARRAY_INDEX.fullmatch(key) or int(key) >= len(value):
        return MISSING
    found: object = value[int(key)]
    return found


def _text_member(text: str, key: str) -> object:
    """Count and index in UTF-16 units, JavaScript's unit of text."""
    if key != "length" and not _ARRAY_INDEX.fullmatch(key):
        return MISSING
    units = text.encode("utf-16-le", "surrogatepass")
    if key == "length":
        return len(units) // 2
    start = 2 * int(key)
    unit = units[start : start + 2].decode("utf-16-le", "surrogatepass")
    return unit or MISSING


def dot_path(value: object, path: str) -> object:
    """Follow a "JSON path" of verify, wait, retry and conditions (nodes.md, section F.2).

    The path is split on dots and nothing else; numeric segments index arrays.

    Returns:
        The value found, which may be None, or ``MISSING``; a step through null finds nothing.
    """
    for key in path.split("."):
        value = member(value, key)
        if value is MISSING:
            break
    return value


# --- comparisons ------------------------------------------------------------------------------------------


def matches(actual: str, expected: str, match_type: str, *, case_sensitive: bool) -> bool:
    """Compare two texts by a match type (nodes.md, section F.3); an unknown type means ``equals``.

    Raises:
        re.error: The match type is ``regex`` and ``expected`` is not a valid pattern.
    """
    if match_type == "regex":
        pattern = compile_js_regex(expected, "" if case_sensitive else "i")
        return pattern.search(actual) is not None
    if not case_sensitive:
        actual, expected = actual.lower(), expected.lower()
    if match_type == "contains":
        return expected in actual
    if match_type == "startsWith":
        return actual.startswith(expected)
    if match_type == "endsWith":
        return actual.endswith(expected)
    return actual == expected


def compare(actual: float, operator: str, expected: float) -> bool:
    """Compare two numbers by a ``comparisonOperator`` (nodes.md, section F.1); an unknown one is ``equals``."""
    match operator:
        case "greaterThan":
            return actual > expected
        case "lessThan":
            return actual < expected
        case "greaterThanOrEqual":
            return actual >= expected
        case "lessThanOrEqual":
            return actual <= expected
        case _:
            return actual == expected


def url_matches(url: str, pattern: str) -> bool:
    """Tell whether a URL matches ``/regex/`` or contains the literal text (nodes.md, sections C and D).

    Raises:
        re.error: The pattern is a regular expression that is not valid.
    """
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        return compile_js_regex(pattern[1:-1]).search(url) is not None
    return pattern in url


# --- regular expressions ----------------------------------------------------------------------------------

_Ranges = tuple[tuple[int, int], ...]

_DIGITS: _Ranges = ((0x30, 0x39),)
_WORD: _Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: _Ranges = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
# Python folds these four onto the letters i, k and s when case is ignored; in a class of non-word
# characters they would let the letters in.
_FOLDED_TO_ASCII: _Ranges = ((0x130, 0x131), (0x17F, 0x17F), (0x212A, 0x212A))


def _complement(ranges: _Ranges) -> _Ranges:
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    return (*gaps, (start, 0x10FFFF))


def _set_text(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


_CLASS_ESCAPES: Final = {
    "d": _set_text(_DIGITS),
    "w": _set_text(_WORD),
    "s": _set_text(_SPACE),
    "D": _set_text(_complement(_DIGITS)),
    "W": _set_text(_complement((*_WORD, *_FOLDED_TO_ASCII))),
    "S": _set_text(_complement(_SPACE)),
}
"""What a class escape stands for between square brackets."""

_CLASS_SETS: Final = frozenset(_CLASS_ESCAPES.values())

_SHORT_ESCAPES: Final = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": r"(?a:\w)",
    # Not (?a:\W): Python's search for a first character forgets the scoped flag there.
    "W": f"[^{_CLASS_ESCAPES['w']}]",
    "s": f"[{_CLASS_ESCAPES['s']}]",
    "S": f"[^{_CLASS_ESCAPES['s']}]",
    "b": r"(?a:\b)",
    # Python's own \B does not match in an empty text.
    "B": r"(?!(?a:\b))",
}
"""What class escapes and word boundaries stand for outside of square brackets."""

_CONTROL_ESCAPES: Final = {"0": "\0", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NOT_A_LINE_END: Final = r"[^\n\r\u2028\u2029]"
_FLAGS: Final = frozenset("dgimsuvy")

_TOKEN = re.compile(
    r"""(?P<name>\(\?<(?![=!]))
    | (?P<group>\(\?(?:[:=!]|<[=!]))
    | (?P<foreign>\(\?)
    | (?P<repeat>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""u\{(?P<point>[0-9A-Fa-f]{1,6})\}
    | u(?P<high>[Dd][89ABab][0-9A-Fa-f]{2})\\u(?P<low>[Dd][C-Fc-f][0-9A-Fa-f]{2})
    | u(?P<unit>[0-9A-Fa-f]{4})
    | x(?P<byte>[0-9A-Fa-f]{2})
    | c(?P<control>[A-Za-z])
    | (?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)
_ANY = re.compile(".", re.DOTALL)
_REFERENCE = re.compile(r"k<([^>]*)>|([1-9][0-9]?)")


def compile_js_regex(source: str, flags: str = "") -> re.Pattern[str]:
    """Compile a JavaScript regular expression (nodes.md, section F.3).

    Translated are named groups and references, class escapes (ASCII digits and word characters), line ends,
    ``[^]``, literal braces and brackets, hyphens in classes and every character escape. Syntax that only
    Python knows is refused. Flags: ``i``, ``m``, ``s``; the rest of JavaScript's flags changes nothing here.

    Raises:
        re.error: The source or a flag is not valid, or needs what Python's engine lacks, such as a
            look-behind of variable width.
    """
    return _compile(source, flags)


@lru_cache(maxsize=256)
def _compile(source: str, flags: str) -> re.Pattern[str]:
    if not _FLAGS.issuperset(flags):
        raise re.error(f"unknown flags {flags!r}; JavaScript knows {''.join(sorted(_FLAGS))}", source)
    translated = _Translation(source, many_lines="m" in flags, dot_all="s" in flags).run()
    try:
        return re.compile(translated, re.IGNORECASE if "i" in flags else re.NOFLAG)
    except (OverflowError, RecursionError, ValueError) as error:
        raise re.error(f"too large a regular expression: {error}", source) from error


def _literal(char: str) -> str:
    """Write a character so that it means itself both inside and outside a class."""
    if char.isascii() and not char.isalnum():
        return f"\\x{ord(char):02x}"
    return char


class _Translation:
    """One pass over a JavaScript pattern that writes the Python pattern with the same meaning."""

    def __init__(self, source: str, *, many_lines: bool, dot_all: bool) -> None:
        self._source = source
        self._position = 0
        self._symbols = {
            ".": "(?s:.)" if dot_all else r"[^\n\r\u2028\u2029]",
            "^": f"(?<!{_NOT_A_LINE_END})" if many_lines else "^",
            "$": f"(?!{_NOT_A_LINE_END})" if many_lines else r"\Z",
            # A brace that starts no quantifier is a plain character.
            "{": _literal("{"),
        }

    def run(self) -> str:
        """Translate the whole pattern."""
        pieces = []
        while self._position < len(self._source):
            if self._accept("["):
                pieces.append(self._class())
            elif self._accept("\\"):
                pieces.append(self._escape())
            else:
                pieces.append(self._token())
        return "".join(pieces)

    def _accept(self, text: str) -> bool:
        found = self._source.startswith(text, self._position)
        if found:
            self._position += len(text)
        return found

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self._source, self._position)
        if match is None:
            raise re.error("the regular expression ends too early", self._source, self._position)
        self._position = match.end()
        return match

    def _token(self) -> str:
        match = self._take(_TOKEN)
        text = match[0]
        if match.lastgroup == "name":
            return "(?P<"
        if match.lastgroup == "foreign":
            raise re.error("invalid group", self._source, match.start())
        if match.lastgroup == "repeat" and self._source.startswith("+", self._position):
            # Python would read a possessive quantifier.
            raise re.error("nothing to repeat", self._source, self._position)
        return self._symbols.get(text, text)

    def _escape(self) -> str:
        """Translate an escape outside of a class; the backslash is already taken."""
        reference = _REFERENCE.match(self._source, self._position)
        if reference:
            self._position = reference.end()
            name, number = reference.groups()
            # A group that took no part matches the empty text in JavaScript and fails in Python.
            return f"(?({name})(?P={name}))" if name else f"(?({number})\\{number})"
        char = self._source[self._position : self._position + 1]
        if char in _SHORT_ESCAPES:
            self._position += 1
            return _SHORT_ESCAPES[char]
        return _literal(self._character())

    def _character(self) -> str:
        """Read the character that an escape names; the backslash is already taken."""
        match = self._take(_ESCAPE)
        kind, text = match.lastgroup, match[match.lastgroup or 0]
        if kind == "low":
            return chr(0x10000 + ((int(match["high"], 16) - 0xD800) << 10) + int(text, 16) - 0xDC00)
        if kind == "control":
            return chr(ord(text) % 32)
        if kind == "plain":
            return _CONTROL_ESCAPES.get(text, text)
        code = int(text, 16)
        if code > 0x10FFFF:
            raise re.error("no such character", self._source, match.start())
        return chr(code)

    def _class(self) -> str:
        """Translate a character class; its opening bracket is already taken."""
        negated = self._accept("^")
        pieces = []
        while not self._accept("]"):
            low = self._class_atom()
            if self._source.startswith("-]", self._position) or not self._accept("-"):
                pieces.append(low)
                continue
            high = self._class_atom()
            # Next to a class escape the hyphen is a plain character: [\w-.]
            is_range = not {low, high} & _CLASS_SETS
            pieces.append(f"{low}-{high}" if is_range else f"{low}{_literal('-')}{high}")
        if not pieces:
            return "(?s:.)" if negated else "(?!)"
        return f"[{'^' if negated else ''}{''.join(pieces)}]"

    def _class_atom(self) -> str:
        if not self._accept("\\"):
            return _literal(self._take(_ANY)[0])
        char = self._source[self._position : self._position + 1]
        if char in _CLASS_ESCAPES:
            self._position += 1
            return _CLASS_ESCAPES[char]
        if self._accept("b"):
            return _literal("\b")
        return _literal(self._character())
