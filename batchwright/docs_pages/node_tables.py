"""The node types as tables, from the same descriptions that ``batchwright nodes`` shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, Final, cast

import orjson

from batchwright.docs_pages.markdown import anchor, code, json_block, one_line, table
from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock, WaitBlock
from nodes.catalogue import built_in_types
from nodes.describe import common_properties, condition_properties, describe_type
from nodes.model import Part
from nodes.registry import NodeType
from nodes.retries import RetryCondition

__all__ = [
    "block_tables",
    "common_table",
    "condition_table",
    "retry_condition_table",
    "type_sections",
    "type_table",
]

Property = Mapping[str, Any]

_HEADER: Final = ("Property", "Type", "Default", "`${}`", "Meaning")
_CATEGORIES: Final = ("flow", "browser", "interaction", "verification", "values", "data", "annotation")
"""The order of the categories on the page; others follow by name."""
_BLOCK_MODELS: Final[Mapping[str, type[Part]]] = {
    "selector": SelectorBlock,
    "wait": WaitBlock,
    "retry": RetryBlock,
    "timeout": TimeoutBlock,
}
_SOURCE: Final = re.compile(r" \((?:nodes|workflow-format)\.md[^)]*\)")
"""What docstrings say about where they come from; it tells users nothing."""
_REPLACED: Final[Mapping[object, str]] = {False: "", "text": "yes", "deep": "deep", "value": "yes"}
_MODIFIERS: Final = "selectorModifiers"


def type_table() -> str:
    """All node types; those that are not supported yet are marked."""
    rows = []
    for item in _types():
        name, summary = code(item["name"]), _prose(item["summary"])
        if item["supported"]:
            rows.append((f"[{name}](#{anchor(item['name'])})", item["category"], summary))
        else:
            rows.append((name, item["category"], f"*Not supported yet.* {summary}"))
    return table(("Type", "Category", "Purpose"), rows)


def type_sections() -> str:
    """A section for each supported node type, by category."""
    parts = []
    for category, items in groupby((item for item in _types() if item["supported"]), key=_category):
        parts += [f"## {category.capitalize()}", *map(_section, items)]
    return "\n\n".join(parts)


def block_tables() -> str:
    """The shared groups of properties: selector, wait, retry, timeout."""
    parts = []
    for name, model in _BLOCK_MODELS.items():
        parts += [f"### {_block_heading(name)}", _prose(model.__doc__), _table(_block(name))]
    return "\n\n".join(parts)


def retry_condition_table() -> str:
    """The properties of ``retryUntilCondition``."""
    return _table(_properties_of(RetryCondition))


def common_table() -> str:
    """The properties of every node type."""
    return _table(common_properties())


def condition_table() -> str:
    """The properties of a condition object, for another page than that of the node types."""
    own = [item for item in condition_properties() if not _is_of_block(item)]
    return f"{_table(own)}\n\n{_blocks_line(condition_properties(), 'nodes.md')}"


@cache
def _types() -> tuple[dict[str, Any], ...]:
    described = [describe_type(node_type) for node_type in built_in_types()]
    return tuple(
        sorted(described, key=lambda item: (not item["supported"], _rank(_category(item)), _category(item)))
    )


def _category(item: Mapping[str, Any]) -> str:
    return str(item["category"])


def _rank(category: str) -> int:
    return _CATEGORIES.index(category) if category in _CATEGORIES else len(_CATEGORIES)


def _section(item: Mapping[str, Any]) -> str:
    parts = [f"### {code(item['name'])}", _SOURCE.sub("", item["description"])]
    own = [entry for entry in item["properties"] if not _is_of_block(entry)]
    if own:
        parts.append(_table(own))
    line = _blocks_line(item["properties"])
    if line:
        parts.append(line)
    stores = [
        f"{what} {', '.join(map(code, item[what.lower()]))}."
        for what in ("Reads", "Writes")
        if item[what.lower()]
    ]
    if stores:
        parts.append(" ".join(stores))
    parts += map(_example, item["examples"])
    return "\n\n".join(parts)


def _example(example: Mapping[str, Any]) -> str:
    """What an example does, its node or workflow, and what it leaves."""
    shown, last = example["shown"], example["document"]["nodes"][-1]
    lines = [f"**Example.** {example['title']}", json_block(shown)]
    # What nodes behind it leave says nothing about this one.
    left = example["leaves"] if "nodes" in shown or last["data"] == shown["data"] else {}
    texts = [
        code(f"{store}.{name}") + " = " + code(orjson.dumps(value).decode())
        for store in ("data", "variables")
        for name, value in left.get(store, {}).items()
    ]
    if texts:
        lines.append(f"Leaves {', '.join(texts)}.")
    if example["needs"]:
        lines.append(f"Checked by the tests but not run: it needs {example['needs']}.")
    return "\n\n".join(lines)


@cache
def _block(name: str) -> tuple[Property, ...]:
    """The properties of a shared block."""
    return tuple(_properties_of(_BLOCK_MODELS[name]))


def _properties_of(model: type[Part]) -> list[Property]:
    """The properties of a model, described as those of a node type that has nothing else."""
    values = {"name": "", "title": "", "model": model}
    described = describe_type(cast("type[NodeType[Any]]", type("Shared", (NodeType,), values)))
    return cast("list[Property]", described["properties"])


def _is_of_block(entry: Property) -> bool:
    """Whether a property is one of a shared block, unchanged."""
    return entry["block"] is not None and entry in _block(entry["block"])


def _blocks_line(properties: Iterable[Property], page: str = "") -> str:
    """Links to the shared blocks among the properties; ``page`` is where these are, if elsewhere."""
    names = {entry["block"] for entry in properties}
    links = [
        f"[{_block_heading(name).lower()}]({page}#{anchor(_block_heading(name))})"
        for name in _BLOCK_MODELS
        if name in names
    ]
    return f"Also: {', '.join(links)}." if links else ""


def _block_heading(name: str) -> str:
    return f"{name.capitalize()} properties"


def _table(properties: Sequence[Property]) -> str:
    return table(_HEADER, (row for entry in properties for row in _rows(entry, "")))


def _rows(entry: Property, prefix: str) -> Iterator[tuple[str, ...]]:
    """A property, and below it those of the object that it holds."""
    name = f"{prefix}{entry['name']}"
    meaning = [_prose(entry["description"])]
    if entry["choices"]:
        meaning.append(f"One of {', '.join(map(code, entry['choices']))}.")
    nested = entry.get("properties") or ()
    if nested and entry["block"] != "selector" and _is_modifiers(nested):
        meaning.append(f"Keys as in [{code(_MODIFIERS)}](#{anchor(_block_heading('selector'))}).")
        nested = ()
    unit = f" ({entry['unit']})" if entry["unit"] else ""
    replaced = _REPLACED[entry["interpolated"]]
    yield code(name), f"{entry['type']}{unit}", _default(entry), replaced, " ".join(filter(None, meaning))
    for inner in nested:
        yield from _rows(inner, f"{name}[]." if entry["type"].startswith("array") else f"{name}.")


def _prose(docstring: str | None) -> str:
    return _SOURCE.sub("", one_line(docstring or ""))


def _is_modifiers(nested: Sequence[Property]) -> bool:
    own = next(entry for entry in _block("selector") if entry["name"] == _MODIFIERS)
    return bool(nested == own["properties"])


def _default(entry: Property) -> str:
    if entry["required"]:
        return "**required**"
    default = entry["default"]
    if default is None:
        return ""
    if isinstance(default, bool):
        return code(str(default).lower())
    return code(f"{default:g}" if isinstance(default, float) else default)
