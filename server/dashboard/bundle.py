"""The dashboard's modules as one script, for a page that opens from disk without a server.

Each module becomes a function that returns its exports, in the order in which they need each other. This reads
the imports and exports that the modules really use, and refuses others.
"""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Final

from nodes.errors import BatchwrightError

__all__ = ["BundleError", "bundle", "styles"]

_IMPORT: Final = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"(\.[^"]+)";?[^\S\n]*$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:(?:async )?function\*?|const|class) ([\w$]+))", re.MULTILINE)
_EXPORT_LIST: Final = re.compile(r"\bexport\s*\{([^}]*)\};?\s*\Z")
_LEFT: Final = re.compile(r"^\s*(?:import\b(?!\()|export\b).*$", re.MULTILINE)
_STYLESHEET: Final = re.compile(r'<link rel="stylesheet" href="/dashboard/([^"]+)">')


class BundleError(BatchwrightError):
    """Raised for a module that is not written as the others are; a fault of this program."""

    code = "BUNDLE_FAILED"


def bundle(root: Path, entry: str = "app/main.js") -> str:
    """One script of a module and all that it needs.

    Args:
        root: The folder of the pages.
        entry: The module to run, relative to it.

    Raises:
        BundleError: A module imports or exports in another way, or in a circle.
    """
    sources: dict[str, str] = {}
    needs: dict[str, list[str]] = {}
    todo = [entry]
    while todo:
        name = todo.pop()
        if name in sources:
            continue
        sources[name] = (root / name).read_text("utf-8")
        needs[name] = [_target(name, found[2]) for found in _IMPORT.finditer(sources[name])]
        todo += needs[name]
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise BundleError(f"Modules import each other: {' -> '.join(error.args[1])}") from error
    places = {name: f"$module{index}" for index, name in enumerate(order)}
    return "\n".join(_wrapped(name, sources[name], places) for name in order)


def styles(root: Path) -> str:
    """All styles of the page, in their order."""
    names = _STYLESHEET.findall((root / "index.html").read_text("utf-8"))
    return "\n".join((root / name).read_text("utf-8") for name in names)


def _target(importer: str, path: str) -> str:
    return normpath(join(dirname(importer), path))


def _wrapped(name: str, source: str, places: dict[str, str]) -> str:
    """A module as a function that is called at once."""
    exported: dict[str, str] = {}

    def listed(found: re.Match[str]) -> str:
        exported.update((outside, inside) for inside, outside in _pairs(found[1]))
        return ""

    def named(found: re.Match[str]) -> str:
        exported[found[1]] = found[1]
        return ""

    def imported(found: re.Match[str]) -> str:
        names = ", ".join(
            outside if outside == inside else f"{outside}: {inside}" for outside, inside in _pairs(found[1])
        )
        return f"const {{ {names} }} = {places[_target(name, found[2])]};"

    body = _IMPORT.sub(imported, source)
    body = _EXPORT.sub(named, _EXPORT_LIST.sub(listed, body))
    if left := _LEFT.search(body):
        raise BundleError(f"{name} imports or exports in a way that is not understood: {left[0].strip()}")
    members = ", ".join(
        outside if outside == inside else f"{outside}: {inside}" for outside, inside in exported.items()
    )
    return f"const {places[name]} = (() => {{\n{body}\nreturn {{ {members} }};\n}})();"


def _pairs(text: str) -> list[tuple[str, str]]:
    """``a, b as c`` as pairs of the name there and the other name."""
    pairs = []
    for part in filter(None, map(str.strip, text.split(","))):
        first, _, second = part.partition(" as ")
        pairs.append((first.strip(), second.strip() or first.strip()))
    return pairs
