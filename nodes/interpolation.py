"""Replacing ``${data...}``, ``${variables...}`` and ``${dynamic...}`` in texts (workflow-format.md, section 9).

``${secrets.NAME}`` is replaced where secrets are given; `nodes.secrets` has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from nodes import dynamic
from nodes.matching import MISSING, js_text, json_text, member

__all__ = ["interpolate", "interpolate_deep", "lookup"]

_DYNAMIC = re.compile(r"\$\{dynamic\.([A-Za-z0-9_]+)\}")
# The characters are matched here and their order in _keys, so that no text can make the search backtrack.
_REFERENCE = re.compile(r"""\$\{(data|variables|secrets)\.([A-Za-z0-9_.\[\]'"-]+)\}""")
_SEGMENT = re.compile(
    r"""\.?(?:
        (?P<name>[A-Za-z0-9_'"]+)
        | \[(?P<unquoted>[A-Za-z0-9_]+)\]
        | \['(?P<single>[A-Za-z0-9_.\[\]"-]+)'\]
        | \["(?P<double>[A-Za-z0-9_.\[\]'-]+)"\]
    )""",
    re.VERBOSE,
)


def interpolate(
    text: str,
    data: Mapping[str, object],
    variables: Mapping[str, object],
    secrets: Mapping[str, str] | None = None,
) -> str:
    """Replace the references in a text (workflow-format.md, section 9).

    Dynamic references first, each occurrence with a value of its own; then data and variables in one pass
    whose results are not scanned again. A reference that leads nowhere stays as it is written; one to a secret
    does so only without ``secrets``.

    Raises:
        ValueError: A referenced object contains itself or is nested too deeply to become JSON.
        SecretMissingError: A secret is not there.
    """
    if "${" not in text:
        return text
    text = _DYNAMIC.sub(_generated, text)
    stores = {"data": data, "variables": variables}

    def stored(match: re.Match[str]) -> str:
        if match[1] == "secrets":
            return match[0] if secrets is None else secrets[match[2]]
        value = lookup(match[2], stores[match[1]])
        return match[0] if value is MISSING else _value_text(value)

    return _REFERENCE.sub(stored, text)


def interpolate_deep(
    value: object,
    data: Mapping[str, object],
    variables: Mapping[str, object],
    secrets: Mapping[str, str] | None = None,
) -> object:
    """Interpolate every string inside objects and arrays, "(I, deep)" in nodes.md.

    Keys stay as they are, and so does every value that is not a string. The value given is not changed.

    Raises:
        ValueError: The value contains itself or is nested too deeply, or a referenced object does.
        SecretMissingError: A secret is not there.
    """
    try:
        return _deep(value, lambda text: interpolate(text, data, variables, secrets))
    except RecursionError:
        raise ValueError("the value contains itself or is nested too deeply to be interpolated") from None


def _deep(value: object, replaced: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return replaced(value)
    if isinstance(value, Mapping):
        return {key: _deep(item, replaced) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_deep(item, replaced) for item in value]
    return value


def lookup(path: str, store: object) -> object:
    """Find the value at a reference's path, the part after ``data.`` (workflow-format.md, section 9.2).

    Hyphens are accepted in quoted brackets: ``headers['content-type']``.

    Returns:
        The value, which may be None, or ``MISSING``: no such key, a step through null, or not a path.
    """
    keys = _keys(path)
    if not keys:
        return MISSING
    for key in keys:
        store = member(store, key)
        if store is MISSING:
            break
    return store


@lru_cache(maxsize=1024)
def _keys(path: str) -> tuple[str, ...]:
    """Split a path into its keys; none when the path breaks the grammar."""
    keys: list[str] = []
    position = 0
    body = path.removesuffix(".")
    if body.startswith("."):
        return ()
    while position < len(body):
        match = _SEGMENT.match(body, position)
        if match is None:
            return ()
        keys.append(match[match.lastgroup or 0])
        position = match.end()
    return tuple(keys)


def _generated(match: re.Match[str]) -> str:
    text = dynamic.generate(match[1])
    return match[0] if text is None else text


def _value_text(value: object) -> str:
    """Write a stored value as text (workflow-format.md, section 9.3)."""
    if value is None:
        return ""
    return json_text(value) if isinstance(value, Mapping | list | tuple) else js_text(value)
