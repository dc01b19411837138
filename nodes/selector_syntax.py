"""What a selector's text means: types, prefixes and modifiers (nodes.md, sections A and B).

All of it is decided without a browser, so that faults are found before a run. Only the type ``text`` has to
look at the page (`nodes.text_search`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from playwright.async_api import Frame, Locator, Page

from nodes.blocks import Modifiers
from nodes.errors import SelectorError
from nodes.matching import compile_js_regex

__all__ = [
    "TEXT",
    "Scope",
    "build_locator",
    "narrow",
    "narrows",
    "not_blank",
    "selector_problem",
    "selector_problems",
]

Scope = Page | Frame
"""Where a selector is looked up."""

Build = Callable[[Scope], Locator]
"""A selector that has been understood; it waits for the page to be looked up in."""

TEXT: Final = "text"
"""The selector type that needs the page to be understood."""

_EXAMPLES: Final = {
    "css": "#login button",
    "xpath": "//button[@id='login']",
    "getByRole": "role:button,name:Sign in",
    "getByText": "text:Welcome",
    "getByLabel": "label:E-mail",
    "getByPlaceholder": "placeholder:Search",
    "getByTestId": "testid:submit",
    "getByTitle": "title:Close",
    "getByAltText": "alt:Logo",
    TEXT: "Sign in",
}
_ROLE_FLAGS: Final = {
    "exact": "exact",
    "checked": "checked",
    "disabled": "disabled",
    "expanded": "expanded",
    "includeHidden": "include_hidden",
    "pressed": "pressed",
    "selected": "selected",
}


def build_locator(
    scope: Scope,
    selector: str,
    selector_type: str = "css",
    modifiers: Modifiers | None = None,
    *,
    name: str = "selector",
) -> Locator:
    """A locator for every selector type but ``text``, without asking the browser.

    Raises:
        SelectorError: The selector or a modifier cannot be understood, or the type is ``text``.
    """
    build = _understand(
        selector, selector_type, name, light=modifiers is not None and not modifiers.pierce_shadow
    )
    return narrow(scope, build(scope), modifiers, name)


def selector_problem(selector: str | None, selector_type: str | None, name: str = "selector") -> str | None:
    """What is wrong with a selector as it stands in a file, if that can be told from its text.

    An absent or blank selector is not judged (it may be unused), and neither is one with references.
    """
    if selector is None or not selector.strip() or "${" in selector or selector_type == TEXT:
        return None
    try:
        _understand(selector, selector_type or "css", name)
    except SelectorError as error:
        return error.message
    return None


def selector_problems(values: Mapping[str, object]) -> list[str]:
    """The problems of all selectors among a node's properties: ``selector``, ``waitForSelector``, ..."""
    problems = []
    for key, value in values.items():
        kind = values.get(f"{key}Type")
        if key.lower().endswith("selector") and isinstance(value, str) and isinstance(kind, str):
            problem = selector_problem(value, kind, key)
            problems += [problem] if problem else []
    return problems


def _understand(selector: str, kind: str, name: str, *, light: bool = False) -> Build:
    """Read a selector's text by its type."""
    text = not_blank(selector, kind, name)
    if kind == TEXT:
        raise SelectorError(
            f"'{name}' cannot have the selector type 'text' here; use 'getByText' with 'text:{text}', or 'css'"
        )
    if kind in _READERS:
        prefix, _, value = text.partition(":")
        expected = _EXAMPLES[kind].partition(":")[0]
        if kind != "getByRole" and (prefix != expected or not value.strip()):
            raise _malformed(name, kind, text)
        return _READERS[kind](text if kind == "getByRole" else value.strip(), name)
    raw = f"xpath={text}" if kind == "xpath" else text
    if light and kind == "css":
        raw = f"css:light={text}"
    return lambda scope: scope.locator(raw)


def not_blank(selector: str, kind: str, name: str) -> str:
    """The selector's text without surrounding blanks.

    Raises:
        SelectorError: There is none.
    """
    if not selector.strip():
        example = _EXAMPLES.get(kind, _EXAMPLES["css"])
        raise SelectorError(f"'{name}' is empty; give it a selector such as '{example}'")
    return selector.strip()


def _malformed(name: str, kind: str, text: str, why: str = "") -> SelectorError:
    reason = f"{why}; " if why else ""
    return SelectorError(
        f"'{name}' of type {kind} cannot be '{text}': {reason}write it as '{_EXAMPLES[kind]}'"
    )


def _text(value: str, name: str) -> Build:
    regex = _regex(value, name)
    if regex is None:
        return lambda scope: scope.get_by_text(value)
    return lambda scope: scope.locator(f"internal:text={regex}")


def _alt_text(value: str, name: str) -> Build:
    regex = _regex(value, name)
    if regex is None:
        return lambda scope: scope.get_by_alt_text(value)
    return lambda scope: scope.locator(f"internal:attr=[alt={regex}]")


def _role(text: str, name: str) -> Build:
    """Read ``role:button,name:Sign in,exact:true``.

    The role's own text goes to the engine as it is, so ``role:heading[name="Results"]`` works, too.
    """
    options: dict[str, Any] = {}
    for part in text.split(","):
        key, colon, value = (piece.strip() for piece in part.partition(":"))
        if not colon:
            raise _malformed(name, "getByRole", text, f"the part '{key}' has no colon")
        if key in {"role", "name"}:
            options[key] = value
        elif key == "level" and value.isdecimal():
            options[key] = int(value)
        elif key in _ROLE_FLAGS and value in {"true", "false"}:
            options[_ROLE_FLAGS[key]] = value == "true"
        else:
            known = ", ".join(("role", "name", "level", *_ROLE_FLAGS))
            raise _malformed(name, "getByRole", text, f"'{key}:{value}' is no role option (known: {known})")
    role = options.pop("role", "")
    if not role:
        raise _malformed(name, "getByRole", text, "it names no role")
    return lambda scope: scope.get_by_role(role, **options)


_READERS: Final[Mapping[str, Callable[[str, str], Build]]] = {
    "getByRole": _role,
    "getByText": _text,
    "getByAltText": _alt_text,
    "getByLabel": lambda value, _name: lambda scope: scope.get_by_label(value),
    "getByPlaceholder": lambda value, _name: lambda scope: scope.get_by_placeholder(value),
    "getByTestId": lambda value, _name: lambda scope: scope.get_by_test_id(value),
    "getByTitle": lambda value, _name: lambda scope: scope.get_by_title(value),
}


def _regex(value: str, name: str) -> str | None:
    """A value in slashes as a regular expression of the engine; None for plain text."""
    if len(value) < 3 or not (value.startswith("/") and value.endswith("/")):
        return None
    return _engine_regex(value[1:-1], name)


def _engine_regex(source: str, name: str) -> str:
    """JavaScript source as the browser's selector engine reads it.

    Python's `re.Pattern`, which the library would take, knows another dialect, so the engine's own notation
    is written here, escaped as the library escapes it.
    """
    try:
        compile_js_regex(source)
    except re.error as error:
        # The one thing that JavaScript allows and our check, which runs on Python's engine, does not.
        if "look-behind" not in str(error):
            raise SelectorError(
                f"'{name}' holds the invalid regular expression '/{source}/': {error}; write it as '/total: \\d+/'"
            ) from error
    return "/" + re.sub(r"(\\.)|(>>)|([/\"'`])", _escape, source) + "/"


def _escape(match: re.Match[str]) -> str:
    kept, arrows, char = match.groups()
    return kept or ("\\>\\>" if arrows else f"\\{char}")


def narrows(modifiers: Modifiers | None) -> bool:
    """Whether the modifiers choose among several matches."""
    return modifiers is not None and bool(
        modifiers.nth is not None or modifiers.filter_text or modifiers.filter_selector
    )


def narrow(scope: Scope, locator: Locator, modifiers: Modifiers | None, name: str) -> Locator:
    """Apply the modifiers in their order (nodes.md, section B)."""
    if modifiers is None:
        return locator
    where = f"{name}Modifiers"
    if modifiers.filter_text and modifiers.filter_text_regex:
        regex = _engine_regex(modifiers.filter_text, f"{where}.filterText")
        locator = locator.locator(f"internal:has-text={regex}")
    elif modifiers.filter_text:
        locator = locator.filter(has_text=modifiers.filter_text)
    if modifiers.filter_selector:
        inner = _understand(
            modifiers.filter_selector, modifiers.filter_selector_type or "css", f"{where}.filterSelector"
        )
        locator = locator.filter(has=inner(scope))
    if modifiers.chain_selector:
        prefix = "xpath=" if modifiers.chain_selector_type == "xpath" else ""
        locator = locator.locator(prefix + modifiers.chain_selector)
    return locator if modifiers.nth is None else locator.nth(modifiers.nth)
