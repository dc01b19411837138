"""Selectors like one that found nothing: what the author may have meant (api.md, section 2.2).

Ids, classes and attributes of the failed selector are compared with those on the page by edit distance; how alike
they must be, and how many of each kind are kept, is the format's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import orjson
from playwright.async_api import Frame, Page
from rapidfuzz.distance import Levenshtein

__all__ = ["SelectorParts", "similar_selectors"]

MAX_SIMILAR: Final = 10
"""Most suggestions for one selector."""

MAX_ELEMENTS: Final = 3_000
"""Elements of the page that are compared."""

_ID_LIKENESS: Final = 0.3
_CLASS_LIKENESS: Final = 0.3
_ATTRIBUTE_LIKENESS: Final = 0.5

_ELEMENTS: Final = """limit => [...document.querySelectorAll('body *')].slice(0, limit).map(e => ({
  tag: e.localName, id: e.id || '', classes: [...e.classList].slice(0, 20),
  attributes: Object.fromEntries([...e.attributes].filter(a => !['id', 'class', 'style'].includes(a.name))
    .slice(0, 20).map(a => [a.name, a.value.slice(0, 200)])),
  text: e.children.length ? '' : (e.textContent || '').trim().slice(0, 60) }))"""

_SIMPLE: Final = re.compile(r"^[A-Za-z_][\w-]*$")


@dataclass(frozen=True, slots=True)
class SelectorParts:
    """What a selector asks for in its last step.

    Attributes:
        tag: Name of the element.
        ids: Ids.
        classes: Classes.
        attributes: Other attributes with their values.
    """

    tag: str | None = None
    ids: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, selector: str) -> SelectorParts:
        """Read a CSS selector or an XPath, as far as its text tells."""
        text = selector.strip().removeprefix("css=")
        if text.startswith(("xpath=", "/", "(/", ".//")):
            return _of_xpath(text.removeprefix("xpath="))
        return _of_css(text)


def _of_css(text: str) -> SelectorParts:
    attributes = {
        name: value for name, _, value in re.findall(r"\[([\w-]+)[*^$~|]?=(['\"]?)([^'\"\]]*)\2\]", text)
    }
    last = re.split(r"[\s>+~]+", re.sub(r"\[[^\]]*\]|:[\w-]+(?:\([^)]*\))?", "", text).strip())[-1]
    tag = re.match(r"[A-Za-z][\w-]*", last)
    ids = (*re.findall(r"#([\w-]+)", last), *filter(None, [attributes.pop("id", None)]))
    classes = (*re.findall(r"\.([\w-]+)", last), *attributes.pop("class", "").split())
    return SelectorParts(tag[0].lower() if tag else None, tuple(ids), tuple(classes), attributes)


def _of_xpath(text: str) -> SelectorParts:
    last = re.split(r"/(?![^\[]*\])", text)[-1]
    tag = re.match(r"(?:[\w-]+::)?([A-Za-z][\w-]*)", last)
    found = dict(re.findall(r"@([\w-]+)\s*(?:=|,)\s*['\"]([^'\"]*)['\"]", last))
    ids = tuple(filter(None, [found.pop("id", None)]))
    classes = tuple(found.pop("class", "").split())
    return SelectorParts(tag[1].lower() if tag else None, ids, classes, found)


async def similar_selectors(scope: Page | Frame, selector: str) -> list[dict[str, object]]:
    """Up to 10 of ``{selector, selectorType, reason, elementInfo}``, most alike first.

    Args:
        scope: Where the selector found nothing.
        selector: The selector.
    """
    parts = SelectorParts.of(selector)
    elements: Sequence[Mapping[str, Any]] = await scope.evaluate(_ELEMENTS, MAX_ELEMENTS)
    found: dict[str, dict[str, object]] = {}
    for item in (
        *_by_id(parts, elements),
        *_by_class(parts, elements),
        *_by_attribute(parts, elements),
        *_by_tag(parts, elements),
    ):
        if item["selector"] != selector:
            found.setdefault(str(item["selector"]), item)
    css = list(found.values())[: MAX_SIMILAR - 3]
    return [*css, *(_as_xpath(item) for item in css[:3])]


def _by_id(parts: SelectorParts, elements: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, object]]:
    for wanted in parts.ids:
        ranked = _ranked(wanted, (item["id"] for item in elements if item["id"]), _ID_LIKENESS)
        for likeness, value in islice(ranked, 3):
            element = next(item for item in elements if item["id"] == value)
            selector = f"#{value}" if _SIMPLE.match(value) else f"[id={_quoted(value)}]"
            yield _found(selector, f"id is {likeness:.0%} like '{wanted}'", element)


def _by_class(parts: SelectorParts, elements: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, object]]:
    for wanted in parts.classes:
        names = (name for item in elements for name in item["classes"])
        for likeness, value in islice(_ranked(wanted, names, _CLASS_LIKENESS), 2):
            element = next(item for item in elements if value in item["classes"])
            selector = f".{value}" if _SIMPLE.match(value) else f"[class~={_quoted(value)}]"
            yield _found(selector, f"class is {likeness:.0%} like '{wanted}'", element)


def _by_attribute(parts: SelectorParts, elements: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, object]]:
    for name, wanted in parts.attributes.items():
        values = (item["attributes"][name] for item in elements if name in item["attributes"])
        for likeness, value in islice(_ranked(wanted, values, _ATTRIBUTE_LIKENESS), 3):
            element = next(item for item in elements if item["attributes"].get(name) == value)
            yield _found(f"[{name}={_quoted(value)}]", f"{name} is {likeness:.0%} like '{wanted}'", element)


def _by_tag(parts: SelectorParts, elements: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, object]]:
    same = (item for item in elements if item["tag"] == parts.tag)
    for element in islice(same, 2):
        if element["id"] and _SIMPLE.match(element["id"]):
            selector = f"#{element['id']}"
        elif element["classes"]:
            selector = f"{element['tag']}." + ".".join(filter(_SIMPLE.match, element["classes"]))
        else:
            selector = str(element["tag"])
        yield _found(selector.rstrip("."), f"same tag '{parts.tag}'", element)


def _ranked(wanted: str, values: Iterable[str], least: float) -> Iterator[tuple[float, str]]:
    scored = ((Levenshtein.normalized_similarity(wanted, value), value) for value in dict.fromkeys(values))
    yield from sorted((item for item in scored if item[0] > least), key=lambda item: -item[0])


def _found(selector: str, reason: str, element: Mapping[str, Any]) -> dict[str, object]:
    info = {
        "tag": element["tag"],
        "id": element["id"],
        "classes": element["classes"],
        "text": element["text"],
    }
    return {
        "selector": selector,
        "selectorType": "css",
        "reason": reason,
        "elementInfo": {key: value for key, value in info.items() if value},
    }


def _as_xpath(item: Mapping[str, Any]) -> dict[str, object]:
    parts = SelectorParts.of(str(item["selector"]))
    tests = [f"@id={_quoted(value)}" for value in parts.ids]
    tests += [f"contains(concat(' ', @class, ' '), {_quoted(f' {value} ')})" for value in parts.classes]
    tests += [f"@{name}={_quoted(value)}" for name, value in parts.attributes.items()]
    condition = f"[{' and '.join(tests)}]" if tests else ""
    return {**item, "selector": f"//{parts.tag or '*'}{condition}", "selectorType": "xpath"}


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text and "'" not in text else orjson.dumps(text).decode()
