"""The node that reads and writes CSV files (nodes.md, ``csvHandle``)."""

from __future__ import annotations

import asyncio
import codecs
import csv
import io
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final
from weakref import WeakValueDictionary

from pydantic import BeforeValidator

from nodes.arrays import stored_array
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.csv_text import derived_headers, line, read_header, read_objects, row_lines
from nodes.errors import FileAccessError, NodeDataError
from nodes.matching import js_text
from nodes.model import INTERPOLATED, REQUIRED, NodeData, OneOf, Text
from nodes.registry import NodeType

__all__ = ["CsvFile", "CsvHandle", "CsvHandleData", "read_delimiter"]

_ENCODINGS: Final = {
    "binary": "latin-1",
    "ucs2": "utf-16-le",
    "ucs-2": "utf-16-le",
    "utf16le": "utf-16-le",
}
"""Names of encodings that JavaScript has and Python has not."""

_WITHOUT_MARK: Final = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}
"""Encodings that begin a file with a mark, and what to add to such a file with."""


def _columns(value: object) -> object:
    """Column names; what is no array is left aside."""
    return tuple(js_text(item) for item in value) if isinstance(value, list | tuple) and value else None


class CsvHandleData(NodeData):
    """What to do with which file."""

    action: Annotated[Text, REQUIRED, OneOf("write", "append", "read")] = None
    """Replace the file, add rows to it, or read it."""
    file_path: Annotated[Text, REQUIRED, INTERPOLATED] = None
    """The file; a relative path lies below the root, missing folders are made."""
    data_source: Text = None
    """Key of `data` with the array to write: objects, arrays or single values."""
    context_key: Text = "csvData"
    """Key of `data` for the rows that are read, an array of objects with texts."""
    headers: Annotated[tuple[str, ...] | None, BeforeValidator(_columns)] = None
    """Columns to write, in order; keys of the first row if absent. Not used for reading."""
    delimiter: Text = ","
    r"""One character between the cells; `\t` is a tab."""
    encoding: Text = "utf-8"
    """Encoding of the file."""


class CsvHandle(NodeType[CsvHandleData]):
    """Write an array to a CSV file, add rows to one, or read one into an array of objects."""

    name: ClassVar = "csvHandle"
    title: ClassVar = "CSV Handle"
    category: ClassVar = "data"
    reads: ClassVar = ("<dataSource>",)
    writes: ClassVar = ("csvData",)
    uses_page: ClassVar = False

    async def run(self, data: CsvHandleData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing or unusable.
            FileAccessError: The file cannot be read or written.
        """
        action = choose(_ACTIONS, data.action, "action")
        path = run.path(run.require(data.file_path, "filePath"))
        file = CsvFile(path, read_delimiter(data.delimiter), _encoding(data.encoding))
        try:
            await action(data, run, file)
        except (OSError, UnicodeError, csv.Error) as error:
            if isinstance(error, FileAccessError):
                raise
            reason = error.strerror if isinstance(error, OSError) else error
            raise FileAccessError(f"CSV file {path}: {reason or error}") from error


async def _write(data: CsvHandleData, run: NodeRun, file: CsvFile) -> None:
    rows = stored_array(run, data.data_source, "dataSource")
    await asyncio.to_thread(file.write, rows, data.headers)
    run.result = f"{len(rows)} rows"


async def _append(data: CsvHandleData, run: NodeRun, file: CsvFile) -> None:
    rows = stored_array(run, data.data_source, "dataSource")
    await asyncio.to_thread(file.append, rows, data.headers)
    run.result = f"{len(rows)} rows"


async def _read(data: CsvHandleData, run: NodeRun, file: CsvFile) -> None:
    rows, is_damaged = await asyncio.to_thread(file.read)
    if is_damaged:
        run.log("warning", f"CSV file {file.path} is not {file.encoding}: unreadable characters are replaced")
    run.data[data.context_key or "csvData"] = rows
    run.result = f"{len(rows)} rows"


def read_delimiter(text: str | None, name: str = "delimiter") -> str:
    """The character that separates cells, as a property gives it.

    Raises:
        NodeDataError: It is more than one character, or one that no cell could hold.
    """
    delimiter = text or ","
    if len(delimiter) > 1:
        delimiter = delimiter.removeprefix(delimiter[0]) if delimiter[0] in "\"'" else delimiter
        delimiter = delimiter[:-1] if len(delimiter) > 1 and delimiter[-1] in "\"'" else delimiter
    delimiter = {"\\t": "\t", "": ","}.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise NodeDataError(f"Property '{name}' must be one character, not '{text}'", field=name)
    return delimiter


def _encoding(name: str | None) -> str:
    wanted = (name or "utf-8").strip().lower()
    try:
        return codecs.lookup(_ENCODINGS.get(wanted, wanted)).name
    except LookupError:
        raise NodeDataError(f"Property 'encoding': '{name}' is no known encoding", field="encoding") from None


_LOCKS: WeakValueDictionary[Path, threading.Lock] = WeakValueDictionary()
"""A lock for each file in use: several executions may add rows to one file at the same time."""

_LOCKS_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class CsvFile:
    """One file; its methods block."""

    path: Path
    delimiter: str
    encoding: str

    def write(self, rows: Sequence[object], headers: Sequence[str] | None) -> None:
        """Replace the file by a header line and rows."""
        with self._locked():
            self._replace(rows, headers)

    def append(self, rows: Sequence[object], headers: Sequence[str] | None) -> None:
        """Add rows, in the columns given or else those of the file's first line."""
        with self._locked():
            if not self.path.exists() or self.path.stat().st_size == 0:
                self._replace(rows, headers)
                return
            columns = headers or self._header() or derived_headers(rows)
            encoding = _WITHOUT_MARK.get(self.encoding, self.encoding)
            with self.path.open("r+b") as stream:
                line_feed = "\n".encode(encoding)
                stream.seek(-min(len(line_feed), self.path.stat().st_size), os.SEEK_END)
                gap = "" if stream.read() == line_feed else "\n"
                text = gap + row_lines(rows, columns, self.delimiter)
                stream.write(text.encode(encoding, "replace"))

    def read(self) -> tuple[list[dict[str, str]], bool]:
        """The rows, and whether some of the text could not be read and was replaced."""
        content = self.path.read_bytes()
        try:
            text, is_damaged = content.decode(self.encoding), False
        except UnicodeDecodeError:
            text, is_damaged = content.decode(self.encoding, "replace"), True
        return read_objects(io.StringIO(text, newline=""), self.delimiter), is_damaged

    def _replace(self, rows: Sequence[object], headers: Sequence[str] | None) -> None:
        columns = headers or derived_headers(rows)
        text = line(columns, self.delimiter) + row_lines(rows, columns, self.delimiter)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(text.encode(self.encoding, "replace"))

    def _header(self) -> tuple[str, ...]:
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as lines:
            return read_header(lines, self.delimiter)

    def _locked(self) -> threading.Lock:
        with _LOCKS_LOCK:
            key = self.path.resolve()
            lock = _LOCKS.get(key)
            if lock is None:
                lock = _LOCKS[key] = threading.Lock()
            return lock


_ACTIONS: Final[Mapping[str, Callable[[CsvHandleData, NodeRun, CsvFile], Awaitable[None]]]] = {
    "write": _write,
    "append": _append,
    "read": _read,
}
