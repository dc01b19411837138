"""The size of the page that ``openBrowser`` gives: the viewport rules and the reading of mobile scripts.

Source: nodes.md, openBrowser. A "mobile script" is a `jsScript` that makes pages believe they are on a phone.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["choose_viewport", "is_mobile_script", "script_dimensions"]

Dimensions = tuple[int, int]
"""Width and height in CSS pixels."""

_PHONE: Final = (412, 915)
_FULL_HD: Final = (1920, 1080)
_WIDEST_PHONE: Final = 800
"""A configured viewport narrower than this (CSS pixels) is taken for a phone's."""

_COMMENT: Final = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?(?:\*/|\Z)""",
    re.DOTALL,
)
"""Texts are matched too, so that a ``//`` inside one (a URL) starts no comment."""

_MOBILE: Final = re.compile(r"(?i:mobile)|iPhone|Android")

# What stands between a property's name and its number: an assignment, or a descriptor or getter that follows.
_ASSIGNED: Final = r"\s*=(?![=>])\s*(\d+)\b"
_RETURNED: Final = (
    r"\s*[,:(]\s*\{?[^{};]*?(?:\bvalue\s*:|=>\s*\(?\{?\s*(?:return\b)?|\)\s*\{\s*return\b)\s*(\d+)\b"
)


def choose_viewport(
    script: str, configured: Dimensions | None, *, maximised: bool, headed: bool
) -> Dimensions | None:
    """The first of the seven viewport rules that applies (nodes.md, openBrowser).

    Args:
        script: The node's `jsScript`, empty if it has none.
        configured: The node's `viewportWidth` and `viewportHeight`, if both count.
        maximised: The node's `maxWindow`.
        headed: Whether the workflow is meant for a visible window.

    Returns:
        Width and height in CSS pixels; None for Playwright's default.
    """
    code = _COMMENT.sub(lambda match: match["text"] or " ", script)
    mobile = is_mobile_script(code)
    found = script_dimensions(code) if mobile else None
    if found:
        return found
    if mobile and configured and configured[0] < _WIDEST_PHONE:
        return configured
    if mobile and not configured:
        return _PHONE
    if maximised and headed and not mobile:
        return _FULL_HD
    if not maximised and configured:
        return configured
    return _PHONE if mobile else None


def is_mobile_script(code: str) -> bool:
    """Whether a script without its comments speaks of a phone."""
    return _MOBILE.search(code) is not None


def script_dimensions(code: str) -> Dimensions | None:
    """Width and height that a script gives ``window`` or else ``screen``, if it states both as numbers."""
    window = _size(code, *(rf"\b{name}\b['\"]?" for name in ("innerWidth", "innerHeight")))
    return window or _size(
        code,
        *(rf"\b[sS]creen(?:\.prototype)?(?:\.|\s*,\s*['\"]){name}\b['\"]?" for name in ("width", "height")),
    )


def _size(code: str, width_name: str, height_name: str) -> Dimensions | None:
    width, height = _literal(code, width_name), _literal(code, height_name)
    return (width, height) if width and height else None


def _literal(code: str, name: str) -> int | None:
    match = re.search(f"{name}(?:{_ASSIGNED}|{_RETURNED})", code)
    return int(match[1] or match[2]) if match else None
