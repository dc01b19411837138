"""Regular expressions that a property holds with or without slashes around them (nodes.md, dialog and others)."""

from __future__ import annotations

import re

from nodes.errors import NodeDataError
from nodes.matching import compile_js_regex

__all__ = ["read_pattern"]


def read_pattern(text: str, name: str) -> re.Pattern[str]:
    r"""A regular expression written as ``order-\d+`` or ``/order-\d+/``.

    Args:
        text: The property's value, in JavaScript's dialect.
        name: The property's name, for the message.

    Raises:
        NodeDataError: It is not a valid regular expression.
    """
    source = text[1:-1] if len(text) > 1 and text.startswith("/") and text.endswith("/") else text
    try:
        return compile_js_regex(source)
    except re.error as error:
        raise NodeDataError(
            f"Property '{name}' holds the invalid regular expression '{text}': {error}", field=name
        ) from error
