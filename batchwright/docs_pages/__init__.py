"""The generated parts of the documentation, so that it cannot differ from what runs.

Pages are written by hand. Where a page has the lines ``<!-- generated: NAME -->`` and ``<!-- /generated -->``,
what stands between them comes from the code. ``docs/events.schema.json`` is generated as a whole.

``python -m batchwright.docs_pages docs`` writes the pages; with ``--check`` it only tells which are out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
from pydantic import Field, TypeAdapter

from batches.events import Event
from batchwright.docs_pages.command_tables import command_blocks
from batchwright.docs_pages.node_tables import (
    block_tables,
    common_table,
    condition_table,
    retry_condition_table,
    type_sections,
    type_table,
)
from batchwright.docs_pages.setting_table import setting_table
from nodes.field_docs import DocumentedJsonSchema

__all__ = ["BLOCKS", "SCHEMA_FILE", "event_schema", "fill", "outdated", "render"]

SCHEMA_FILE: Final = "events.schema.json"
"""JSON Schema of the events, in the folder of the pages."""

BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    "node types": type_table,
    "node sections": type_sections,
    "shared blocks": block_tables,
    "common properties": common_table,
    "conditions": condition_table,
    "retry condition": retry_condition_table,
    "settings": setting_table,
    **command_blocks(),
}
"""What can be generated into a page, by the name in its marker."""

_BLOCK: Final = re.compile(
    r"^<!-- generated: (?P<name>[a-z]+(?:[ -][a-z]+)*) -->\n(?P<body>.*?)^<!-- /generated -->$",
    re.DOTALL | re.MULTILINE,
)


def render(folder: Path) -> dict[Path, str]:
    """What the files of the folder should hold.

    Args:
        folder: Where the pages are.

    Returns:
        The text of every page and of the schema, by path.

    Raises:
        KeyError: A page asks for a block that is not in `BLOCKS`.
    """
    pages = {path: fill(path.read_text("utf-8")) for path in sorted(folder.glob("*.md"))}
    schema = orjson.dumps(event_schema(), option=orjson.OPT_INDENT_2).decode() + "\n"
    return {**pages, folder / SCHEMA_FILE: schema}


def outdated(folder: Path) -> list[Path]:
    """The files of the folder that do not hold what they should.

    Args:
        folder: Where the pages are.
    """
    return [
        path for path, text in render(folder).items() if not path.is_file() or path.read_text("utf-8") != text
    ]


def fill(page: str) -> str:
    """A page with its generated blocks filled in.

    Args:
        page: The page as it stands.

    Raises:
        KeyError: It asks for a block that is not in `BLOCKS`.
    """

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- generated: {name} -->\n\n{BLOCKS[name]().strip()}\n\n<!-- /generated -->"

    return _BLOCK.sub(block, page)


def event_schema() -> dict[str, Any]:
    """JSON Schema of one event as it is written: a line of a journal or of ``--events``."""
    adapter: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Batchwright event",
        **adapter.json_schema(mode="serialization", schema_generator=DocumentedJsonSchema),
    }
