"""Finding workflow files, and sorting out what cannot be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batches.errors import SourceError
from batches.scan import scan
from nodes.document import MAX_DOCUMENT_BYTES
from tests.running import chain, node

GOOD = chain(node("start", "start"))


def write(folder: Path, **documents: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def paths(*sources: Path, **options: Any) -> list[str]:
    found = scan(sources, **options)
    assert found.invalid == ()
    assert found.total == len(found.items)
    return [item.path for item in found.items]


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    folder = write(tmp_path / "flows", b10=GOOD, b2=GOOD, a=GOOD)
    write(folder / "deep" / "er", c=GOOD)
    write(folder / ".hidden", d=GOOD)
    (folder / "folder.json").mkdir()
    (folder / "notes.txt").write_text("{}", encoding="utf-8")
    (folder / "UPPER.JSON").write_text(json.dumps(GOOD), encoding="utf-8")
    return folder


def test_a_folder_gives_its_own_files_in_natural_order(flows: Path) -> None:
    assert paths(flows) == ["a.json", "b2.json", "b10.json", "UPPER.JSON"]


def test_subfolders_when_asked_for_but_hidden_ones_never(flows: Path) -> None:
    assert paths(flows, recursive=True) == ["a.json", "b2.json", "b10.json", "deep/er/c.json", "UPPER.JSON"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("b?.json", ["b2.json"]),
        ("*.txt", []),
        ("UP*", ["UPPER.JSON"]),
        ("A.JSON", ["a.json"]),
        ("b*", ["b2.json", "b10.json"]),
    ],
)
def test_patterns_look_at_the_file_name_whatever_its_case(
    flows: Path, pattern: str, found: list[str]
) -> None:
    if pattern == "*.txt":
        assert [item.file_name for item in scan([flows], pattern=pattern).invalid] == ["notes.txt"]
    else:
        assert paths(flows, pattern=pattern) == found


def test_a_named_file_counts_whatever_it_is_called(flows: Path) -> None:
    (flows / "notes.txt").write_text(json.dumps(GOOD), encoding="utf-8")
    assert paths(flows / "notes.txt", pattern="b*") == ["notes.txt"]


def test_no_file_is_found_twice(flows: Path) -> None:
    (flows / "link.json").symlink_to(flows / "a.json")
    assert paths(flows / "b2.json", flows, flows / "a.json") == [
        "b2.json",
        "flows/a.json",
        "flows/b10.json",
        "flows/UPPER.JSON",
    ]


def test_several_folders_show_where_files_come_from(tmp_path: Path) -> None:
    write(tmp_path / "one", a=GOOD)
    write(tmp_path / "two", a=GOOD)
    assert paths(tmp_path / "one", tmp_path / "two") == ["one/a.json", "two/a.json"]


def test_files_of_the_same_name_are_shown_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one/flows", "two/flows"):
        write(tmp_path / name, a=GOOD)
    write(tmp_path / "three", b=GOOD)
    monkeypatch.chdir(tmp_path)
    sources = (Path("one/flows"), Path("two/flows"), Path("three/b.json"))
    assert paths(*sources) == ["one/flows/a.json", "two/flows/a.json", "b.json"]


def test_what_is_excluded_is_left_out_unless_named(tmp_path: Path) -> None:
    write(tmp_path, a=GOOD, result=GOOD)
    write(tmp_path / "output" / "batches", b=GOOD)
    left_out = (tmp_path / "output", tmp_path / "result.json")
    assert paths(tmp_path, recursive=True, exclude=left_out) == ["a.json"]
    assert paths(tmp_path / "output", recursive=True, exclude=left_out) == ["batches/b.json"]


def test_symlinked_folders_that_go_round_are_no_trap(tmp_path: Path) -> None:
    flows = write(tmp_path / "flows", a=GOOD)
    (flows / "again").symlink_to(flows)
    (flows / "gone.json").symlink_to(flows / "nothing")
    assert paths(flows, recursive=True) == ["a.json"]


@pytest.mark.parametrize(
    ("regex", "found"),
    [("^Check", ["x.json"]), ("^shop$", ["x.json"]), ("(?i)check", ["checkout.json", "x.json"]), ("zzz", [])],
)
def test_grep_looks_at_paths_names_and_tags(tmp_path: Path, regex: str, found: list[str]) -> None:
    named = {**GOOD, "metadata": {"name": "Check out", "tags": ["slow", "shop"]}}
    write(
        tmp_path,
        x=named,
        checkout=GOOD,
        y={**GOOD, "metadata": {"tags": 5, "name": None}},
        z={**GOOD, "metadata": []},
    )
    assert paths(tmp_path, grep=regex) == found


def test_grep_finds_invalid_files_by_path(tmp_path: Path) -> None:
    write(tmp_path, broken=[], other={})
    assert [item.file_name for item in scan([tmp_path], grep="bro").invalid] == ["broken.json"]


def test_a_bad_expression_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--grep is not a regular expression: unterminated") as caught:
        scan([tmp_path], grep="[")
    assert caught.value.field == "grep"


def test_missing_and_odd_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere: no such file or folder"):
        scan([tmp_path / "nowhere"])
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        scan([Path("/dev/null")])


def test_invalid_files_are_listed_with_all_their_faults(tmp_path: Path) -> None:
    twins = {
        "nodes": [node("start", "start"), node("n", "wait"), node("n", "wait")],
        "edges": [{"id": "e", "source": "n", "target": "m"}],
    }
    write(tmp_path, a=None, b=5, c={"nodes": {}, "edges": 1}, d=twins, good=GOOD)
    found = scan([tmp_path])
    assert {item.file_name: list(item.errors) for item in found.invalid} == {
        "a.json": ["Workflow is null or undefined"],
        "b.json": ["Workflow must be a JSON object, not a number"],
        "c.json": ["'nodes' must be an array, not an object", "'edges' must be an array, not a number"],
        "d.json": ["Duplicate node id: 'n' (2 times)", "Edge 'e': target node 'm' does not exist"],
    }
    assert [item.source for item in found.invalid] == [str(tmp_path / f"{name}.json") for name in "abcd"]
    assert [item.path for item in found.items] == ["good.json"]


def test_unreadable_contents_are_one_clear_fault(tmp_path: Path) -> None:
    contents = {
        "empty": b"  ",
        "torn": b'{"nodes": [',
        "latin": b'{"x": "\xe4"}',
        "deep": b"[" * 300 + b"]" * 300,
        "abyss": b"[" * 100_000,
        "huge": b" " * (MAX_DOCUMENT_BYTES + 1),
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_bytes(content)
    errors = {item.file_name: item.errors for item in scan([tmp_path]).invalid}
    assert all(len(messages) == 1 for messages in errors.values())
    assert errors["empty.json"] == ("is not valid JSON: the file is empty",)
    assert errors["torn.json"][0].startswith("is not valid JSON: line 1, column 1")
    assert errors["latin.json"] == ("is not utf-8 text: byte 7 cannot be decoded",)
    assert errors["deep.json"] == ("is nested more than 200 levels deep",)
    assert errors["abyss.json"] == ("is nested more than 200 levels deep",)
    assert errors["huge.json"] == ("is larger than 10 MiB",)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    (tmp_path / "wide.json").write_bytes(json.dumps(GOOD).encode("utf-16"))
    assert paths(tmp_path) == ["bom.json", "wide.json"]
