from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from batches.events import Event, now_ms, parse_event
from batchwright.docs_pages import BLOCKS, SCHEMA_FILE, event_schema, fill, outdated, render
from batchwright.docs_pages.markdown import anchor, table
from batchwright.docs_pages.terminal import Screen
from nodes import dynamic
from nodes.catalogue import built_in_types, default_registry
from nodes.validation import check
from tests.batches.event_samples import begin

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "examples" / "README.md",
    *sorted(DOCS.glob("*.md")),
]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
MARKER = re.compile(r"^<!-- generated: (.+) -->$", re.MULTILINE)


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(page: Path) -> set[str]:
    return {
        anchor(line.lstrip("#"))
        for line in FENCE.sub("", page.read_text("utf-8")).splitlines()
        if line.startswith("#")
    }


def workflows_in(page: Path) -> list[dict[str, Any]]:
    blocks = re.findall(r"^```json\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    documents = [json.loads(block) for block in blocks]
    return [item for item in documents if any(node["type"] == "start" for node in item["nodes"])]


def write_pages(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchwright.docs_pages", str(folder), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_committed_pages_are_current() -> None:
    assert outdated(DOCS) == []


def test_every_generated_block_is_on_a_page() -> None:
    used = {name for page in DOCS.glob("*.md") for name in MARKER.findall(page.read_text("utf-8"))}
    assert used == set(BLOCKS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(without_code(page.read_text("utf-8"))):
        if target.startswith(("https://", "http://")):
            continue
        name, _, fragment = target.partition("#")
        file = page.parent / name if name else page
        if not file.is_file() or (fragment and fragment not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) < 500


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *(DOCS / f"{name}.md" for name in ("workflow-file", "human-steps", "secrets"))],
    ids=lambda page: page.name,
)
def test_printed_workflows_have_no_faults(page: Path) -> None:
    documents = workflows_in(page)
    assert documents
    assert [check(document, default_registry()) for document in documents] == [[] for _ in documents]


def test_the_page_of_the_file_format_lists_every_generator() -> None:
    text = (DOCS / "workflow-file.md").read_text("utf-8")
    section = text[text.index("## Generated values") : text.index("## Switch")]
    listed = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
    assert sorted(listed) == sorted(dynamic.names())


def test_every_node_type_is_on_its_page() -> None:
    text = (DOCS / "nodes.md").read_text("utf-8")
    for node_type in built_in_types():
        assert (f"\n### `{node_type.name}`\n" in text) == node_type.supported
        assert f"`{node_type.name}`" in text


def test_check_names_what_is_out_of_date(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n<!-- generated: common properties -->\nold\n<!-- /generated -->\n\nEnd\n", "utf-8"
    )
    checked = write_pages(tmp_path, "--check")
    assert (checked.returncode, "page.md is out of date" in checked.stdout) == (1, True)
    assert write_pages(tmp_path).returncode == 0
    written = page.read_text("utf-8")
    assert "`failSilently`" in written
    assert written.endswith("<!-- /generated -->\n\nEnd\n")
    assert outdated(tmp_path) == []
    assert write_pages(tmp_path, "--check").returncode == 0


def test_filling_a_page_twice_changes_nothing() -> None:
    page = "<!-- generated: conditions -->\n<!-- /generated -->\n"
    assert fill(fill(page)) == fill(page) != page


def test_an_unknown_block_is_an_error() -> None:
    with pytest.raises(KeyError, match="no such thing"):
        fill("<!-- generated: no such thing -->\n<!-- /generated -->\n")


def test_the_schema_knows_every_key_that_an_event_writes() -> None:
    event: Event = begin("batch-1", 2)
    schema = event_schema()
    names = {item["$ref"].rsplit("/", 1)[1] for item in schema["oneOf"]}
    assert len(names) == len(schema["discriminator"]["mapping"])
    line = orjson.loads(event.model_dump_json())
    described = schema["$defs"][type(event).__name__]["properties"]
    assert set(line) == set(described)
    assert parse_event(orjson.dumps({**line, "timestamp": now_ms()})).batch_id == event.batch_id
    assert orjson.loads(render(DOCS)[DOCS / SCHEMA_FILE]) == schema


def test_cells_may_hold_bars() -> None:
    assert table(("a", "b"), [("`x|y`", "z")]).splitlines()[-1] == "| `x\\|y` | z |"


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("`switch.switch`", "switchswitch"),
        ("What is checked before a run", "what-is-checked-before-a-run"),
        (" [run](#run) it", "run-it"),
    ],
)
def test_anchors(heading: str, expected: str) -> None:
    assert anchor(heading) == expected


def test_a_screen_shows_what_was_written_last() -> None:
    screen = Screen()
    screen.feed("one\r\n\x1b[31mtwo\x1b[0m\r\nbar 1/3")
    screen.feed("\r\x1b[2K\x1b[1A\x1b[2Kthree\r\nbar 2/3\r\n\x1b[?25")
    screen.feed("h")
    assert [line.plain for line in screen.lines()] == ["one", "three", "bar 2/3"]
