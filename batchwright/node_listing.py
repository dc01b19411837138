"""``batchwright nodes``: the node types, and one of them explained."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import groupby
from typing import Any, cast

import orjson
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from batchwright.console import make_console
from batchwright.exit_codes import ExitCode
from batchwright.json_text import json_text
from nodes.describe import describe_type
from nodes.plugins import Plugins

__all__ = ["show_nodes"]


def show_nodes(name: str | None, plugins: Plugins, *, as_json: bool) -> ExitCode:
    """List all node types, or explain one.

    Args:
        name: One to explain; None lists all.
        plugins: Node types beyond the built-in ones.
        as_json: Print JSON.

    Returns:
        OK, or USAGE for a name that no type has.
    """
    found = [type(item) for item in plugins.registry]
    types = sorted(found, key=lambda item: (item.category, item.name.lower()))
    owners = {type_name: plugin.id for plugin in plugins.plugins for type_name in plugin.types}
    described = [{**describe_type(node_type), "plugin": owners.get(node_type.name)} for node_type in types]
    if name is not None:
        chosen = [item for item in described if str(item["name"]).lower() == name.lower()]
        if not chosen:
            return _unknown(name, [str(item["name"]) for item in described])
        if not as_json:
            _explain(make_console(), chosen[0])
            return ExitCode.OK
        described = chosen
    if as_json:
        value = described[0] if name is not None else described
        sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        console = make_console()
        _list(console, described)
        _list_plugins(console, plugins)
        console.print("One in detail: batchwright nodes NAME", style="dim")
    return ExitCode.OK


def _unknown(name: str, known: Sequence[str]) -> ExitCode:
    lowered = {item.lower(): item for item in known}
    close = [lowered[item] for item in get_close_matches(name.lower(), list(lowered), n=3)]
    hint = f" Did you mean {', '.join(close)}?" if close else " See: batchwright nodes"
    make_console(stderr=True).print(f"Error: no node type is called '{name}'.{hint}", markup=False)
    return ExitCode.USAGE


def _list(console: Console, described: Sequence[Mapping[str, Any]]) -> None:
    for category, items in groupby(described, key=lambda item: str(item["category"])):
        console.print(Text(category.capitalize(), style="bold"))
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, min_width=26)
        table.add_column()
        for item in items:
            summary = str(item["summary"])
            if not item["supported"]:
                summary = "not supported yet"
            table.add_row(
                Text(str(item["name"]), "cyan" if item["supported"] else "dim"),
                Text(summary, "" if item["supported"] else "dim"),
            )
        console.print(Padding(table, (0, 0, 1, 2)))


def _list_plugins(console: Console, plugins: Plugins) -> None:
    if not plugins.plugins:
        return
    console.print(Text("Plugins", style="bold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, min_width=26)
    table.add_column()
    for plugin in plugins.loaded():
        name, version = plugin.manifest.get("name"), plugin.manifest.get("version")
        table.add_row(Text(plugin.id, "cyan"), Text(f"{name} {version}: {', '.join(plugin.types)}"))
        table.add_row("", Text(str(plugin.path), "dim"))
    console.print(Padding(table, (0, 0, 1, 2)))


def _explain(console: Console, item: Mapping[str, Any]) -> None:
    console.print(
        Text.assemble((str(item["name"]), "bold cyan"), f"  {item['title']}  ", (item["category"], "dim"))
    )
    console.print(Padding(Text(str(item["description"])), (0, 0, 1, 2)))
    if not item["supported"]:
        console.print(Padding(Text("Not supported yet by this version.", "yellow"), (0, 0, 1, 2)))
    _properties(console, "Properties", item["properties"])
    _properties(console, "Common to all nodes", item["common"])
    if item["plugin"] is not None:
        console.print(Text.assemble(("Plugin  ", "bold"), str(item["plugin"])))
    for heading in ("Reads", "Writes"):
        if item[heading.lower()]:
            places = ", ".join(cast("list[str]", item[heading.lower()]))
            console.print(Text.assemble((f"{heading}  ", "bold"), places))
    for example in item["examples"]:
        console.print(Text.assemble(("\nExample  ", "bold"), str(example["title"])))
        console.print(Padding(Text(json_text(example["shown"])), (0, 0, 0, 2)))


def _properties(console: Console, heading: str, properties: Sequence[Mapping[str, Any]]) -> None:
    if not properties:
        return
    console.print(Text(heading, style="bold"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("property", no_wrap=True, style="cyan")
    table.add_column("type", no_wrap=True)
    table.add_column("default", no_wrap=True)
    table.add_column("meaning")
    for entry in properties:
        table.add_row(str(entry["name"]), _type_text(entry), _default_text(entry), Text(_meaning(entry)))
    console.print(Padding(table, (0, 0, 1, 2)))


def _type_text(entry: Mapping[str, Any]) -> str:
    return f"{entry['type']} ({entry['unit']})" if entry["unit"] else str(entry["type"])


def _default_text(entry: Mapping[str, Any]) -> str:
    if entry["required"]:
        return "required"
    default = entry["default"]
    if default is None:
        return "-"
    return (
        str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )


def _meaning(entry: Mapping[str, Any]) -> str:
    parts = [str(entry["description"] or "")]
    if entry["choices"]:
        parts.append(f"One of: {', '.join(map(str, entry['choices']))}.")
    if entry["interpolated"]:
        parts.append("References are replaced.")
    return " ".join(part for part in parts if part)
