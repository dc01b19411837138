"""The node that reads and writes CSV files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.csv_text import line, read_objects, row_lines
from tests.conftest import RunSteps
from tests.running import Outcome, Step

ROWS = [{"name": "Ada", "age": 36}, {"age": 45, "name": "Grace", "rank": "RADM"}]


def write(**more: Any) -> Step:
    return ("csvHandle", {"action": "write", "filePath": "out.csv", "dataSource": "rows", **more})


def append(**more: Any) -> Step:
    return write(action="append", **more)


def read(**more: Any) -> Step:
    return ("csvHandle", {"action": "read", "filePath": "out.csv", **more})


async def handle(run_steps: RunSteps, *steps: Step, **data: Any) -> Outcome:
    return await run_steps(*steps, data=data or None, open_browser=False)


# --- write ------------------------------------------------------------------------------------------------

WRITTEN: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "objects": (ROWS, {}, "name,age\nAda,36\nGrace,45\n"),
    "headers": (ROWS, {"headers": ["rank", "name"]}, "rank,name\n,Ada\nRADM,Grace\n"),
    "arrays": ([[1, 2], [3]], {}, "column_0,column_1\n1,2\n3,\n"),
    "arrays with headers": ([[1, 2, 3]], {"headers": ["a", "b"]}, "a,b\n1,2\n"),
    "scalars": (["a", 2, True, None], {}, "value\na\n2\ntrue\n\n"),
    "values as text": (
        [{"a": None, "b": 1.0, "c": {"x": 1}, "d": [1, 2], "e": False}],
        {},
        'a,b,c,d,e\n,1,[object Object],"1,2",false\n',
    ),
    "quoting": (
        [{"a": 'say "hi"', "b": "x,y", "c": "1\n2", "d": "1\r2", "e": " plain "}],
        {},
        'a,b,c,d,e\n"say ""hi""","x,y","1\n2","1\r2", plain \n',
    ),
    "semicolon": (ROWS[:1], {"delimiter": ";"}, "name;age\nAda;36\n"),
    "quoted delimiter": (ROWS[:1], {"delimiter": "';'"}, "name;age\nAda;36\n"),
    "tab": ([{"a": "1\t2", "b": "x,y"}], {"delimiter": "\t"}, 'a\tb\n"1\t2"\tx,y\n'),
    "tab as text": (ROWS[:1], {"delimiter": '"\\t"'}, "name\tage\nAda\t36\n"),
    "headers that are no array": (ROWS[:1], {"headers": "name"}, "name,age\nAda,36\n"),
    "nothing, with headers": ([], {"headers": ["a", "b"]}, "a,b\n"),
    "nothing, without headers": ([], {}, "\n"),
}


@pytest.mark.parametrize(("rows", "more", "text"), WRITTEN.values(), ids=WRITTEN)
async def test_write(
    run_steps: RunSteps, tmp_path: Path, rows: list[Any], more: dict[str, Any], text: str
) -> None:
    outcome = await run_steps(write(**more), data={"rows": rows}, open_browser=False)

    assert outcome.error is None
    assert (tmp_path / "out.csv").read_bytes().decode() == text


async def test_write_replaces_and_makes_folders(run_steps: RunSteps) -> None:
    path = "${data.outputDirectory}/a/b.csv"
    outcome = await handle(run_steps, write(filePath=path), write(filePath=path), rows=ROWS)

    assert (outcome.output / "a" / "b.csv").read_text() == "name,age\nAda,36\nGrace,45\n"


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("latin1", b"a\n\xe9\n"),
        ("UTF-8", b"a\n\xc3\xa9\n"),
        ("utf16le", b"a\0\n\0\xe9\0\n\0"),
        ("utf-8-sig", b"\xef\xbb\xbfa\n\xc3\xa9\n"),
    ],
)
async def test_encodings(run_steps: RunSteps, tmp_path: Path, encoding: str, content: bytes) -> None:
    outcome = await handle(run_steps, write(encoding=encoding), read(encoding=encoding), rows=[{"a": "é"}])

    assert (tmp_path / "out.csv").read_bytes() == content
    assert outcome.data["csvData"] == [{"a": "é"}]


# --- append -----------------------------------------------------------------------------------------------

APPENDED: dict[str, tuple[str | None, dict[str, Any], str]] = {
    "no file": (None, {}, "name,age\nAda,36\nGrace,45\n"),
    "empty file": ("", {}, "name,age\nAda,36\nGrace,45\n"),
    "columns of the file": ("age,name,note\n1,x,y\n", {}, "age,name,note\n1,x,y\n36,Ada,\n45,Grace,\n"),
    "no line end": ("name,age\nx,1", {}, "name,age\nx,1\nAda,36\nGrace,45\n"),
    "columns of the node": ("a,b\n", {"headers": ["age"]}, "a,b\n36\n45\n"),
    "byte-order mark": ("\ufeffage,name\n", {}, "\ufeffage,name\n36,Ada\n45,Grace\n"),
    "quoted columns": ('"ag""e",name\n', {}, '"ag""e",name\n,Ada\n,Grace\n'),
}


@pytest.mark.parametrize(("before", "more", "after"), APPENDED.values(), ids=APPENDED)
async def test_append(
    run_steps: RunSteps, tmp_path: Path, before: str | None, more: dict[str, Any], after: str
) -> None:
    file = tmp_path / "out.csv"
    if before is not None:
        file.write_bytes(before.encode())
    outcome = await handle(run_steps, append(**more), rows=ROWS)

    assert outcome.error is None
    assert file.read_bytes().decode() == after


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "utf-8-sig"])
async def test_append_in_other_encodings(run_steps: RunSteps, tmp_path: Path, encoding: str) -> None:
    steps = [append(encoding=encoding), append(encoding=encoding)]
    await handle(run_steps, *steps, rows=[{"a": "é"}])

    assert (tmp_path / "out.csv").read_bytes().decode(encoding) == "a\né\né\n"


# --- read -------------------------------------------------------------------------------------------------

READ: dict[str, tuple[str, dict[str, Any], list[dict[str, str]]]] = {
    "texts": ("a,b\n1,x y\n", {}, [{"a": "1", "b": "x y"}]),
    "byte-order mark": ("\ufeffa,b\n1,2\n", {}, [{"a": "1", "b": "2"}]),
    "windows line ends": ("a,b\r\n1,2\r\n", {}, [{"a": "1", "b": "2"}]),
    "no line end": ("a\n1", {}, [{"a": "1"}]),
    "blank lines": ("\na\n\n1\n  \n2\n", {}, [{"a": "1"}, {"a": "2"}]),
    "short and long rows": ("a,b\n1\n1,2,3\n", {}, [{"a": "1"}, {"a": "1", "b": "2"}]),
    "quotes": ('a,b\n"x, ""y""\nz",\n', {}, [{"a": 'x, "y"\nz', "b": ""}]),
    "delimiter": ("a;b\n1,5;2\n", {"delimiter": ";"}, [{"a": "1,5", "b": "2"}]),
    "headers are not used": ("a\n1\n", {"headers": ["z"]}, [{"a": "1"}]),
    "only columns": ("a,b\n", {}, []),
    "empty file": ("", {}, []),
}


@pytest.mark.parametrize(("text", "more", "rows"), READ.values(), ids=READ)
async def test_read(
    run_steps: RunSteps, tmp_path: Path, text: str, more: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    (tmp_path / "out.csv").write_bytes(text.encode())
    outcome = await handle(run_steps, read(**more))

    assert outcome.data["csvData"] == rows


def test_a_cell_may_be_long() -> None:
    assert read_objects(["a\n", "x" * 200_000], ",") == [{"a": "x" * 200_000}]


async def test_read_into_a_key(run_steps: RunSteps, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n")
    outcome = await handle(run_steps, read(filePath="${data.name}.csv", contextKey="people"), name="in")

    assert outcome.data["people"] == [{"a": "1"}]


async def test_what_cannot_be_decoded_is_replaced_with_a_warning(run_steps: RunSteps, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_bytes(b"a\n\xe9\n")
    outcome = await handle(run_steps, read())

    assert outcome.data["csvData"] == [{"a": "\ufffd"}]
    assert any("is not utf-8" in message for message in outcome.log)


async def test_rows_feed_a_loop(run_steps: RunSteps, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("name\nAda\nGrace\n")
    outcome = await handle(
        run_steps,
        read(contextKey="people"),
        ("loop", {"mode": "forEach", "arrayVariable": "people"}),
        ("stringValue", {"value": "${variables.item.name}", "variableName": "last"}),
    )

    assert outcome.variables["last"] == "Grace"


# --- failures ---------------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown action": ({"action": "update"}, "NODE_PROPERTY_INVALID", "it can be: write, append, read"),
    "no action": ({"action": None}, "NODE_PROPERTY_INVALID", "Property 'action' is required"),
    "no path": ({"filePath": " "}, "NODE_PROPERTY_INVALID", "Property 'filePath' is required"),
    "no source": ({"dataSource": None}, "NODE_PROPERTY_INVALID", "Property 'dataSource' is required"),
    "missing source": ({"dataSource": "nope"}, "NODE_PROPERTY_INVALID", "nothing is stored under data key 'nope'"),
    "no array": ({"dataSource": "text"}, "NODE_PROPERTY_INVALID", "no array is stored under data key 'text'"),
    "long delimiter": ({"delimiter": "||"}, "NODE_PROPERTY_INVALID", "must be one character"),
    "unknown encoding": ({"encoding": "moon"}, "NODE_PROPERTY_INVALID", "'moon' is no known encoding"),
    "missing file": ({"action": "read", "filePath": "no.csv"}, "FILE_NOT_USABLE", "no.csv: No such file"),
    "a folder": ({"filePath": "."}, "FILE_NOT_USABLE", "Is a directory"),
}  # fmt: skip


@pytest.mark.parametrize(("more", "code", "message"), FAILURES.values(), ids=FAILURES)
async def test_failures(run_steps: RunSteps, more: dict[str, Any], code: str, message: str) -> None:
    outcome = await handle(run_steps, write(**more), rows=ROWS, text="x")

    assert outcome.error is not None
    assert (outcome.error.code, message in outcome.error.message) == (code, True), outcome.error.message


# --- any content ------------------------------------------------------------------------------------------

CELLS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=5), st.sampled_from(",;\t|x"))
def test_what_is_written_is_read_again(rows: list[list[str]], delimiter: str) -> None:
    headers = [f"c{index}" for index in range(4)]
    text = line(headers, delimiter) + row_lines(rows, headers, delimiter)
    expected = [dict(zip(headers, [*row, *[""] * (4 - len(row))], strict=True)) for row in rows]

    assert read_objects(io.StringIO(text, newline=""), delimiter) == expected


@given(st.lists(CELLS, min_size=1))
def test_nothing_is_quoted_without_need(cells: list[str]) -> None:
    text = line(cells, ",")
    needed = [cell for cell in cells if any(sign in cell for sign in ',"\r\n')]

    assert text.count('"') == 2 * len(needed) + 2 * sum(cell.count('"') for cell in cells)
    assert next(csv.reader(io.StringIO(text, newline="")), []) == (cells if cells != [""] else [])
