"""The nodes that turn a page into rows (nodes.md, ``dataExtractor`` and ``smartExtractor``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from nodes.arrays import ARRAY_OR_TEXT
from nodes.blocks import SelectorType, TimeoutBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.csv_handle import CsvFile, read_delimiter
from nodes.errors import ElementError, FileAccessError
from nodes.extraction import ExtractedField, extract_rows, usable_fields
from nodes.extraction_scripts import IMAGES, LINKS, REPEATED_ITEMS, REPEATING, TABLE
from nodes.limits import time_limit
from nodes.model import INTERPOLATED, REQUIRED, Flag, Integer, OneOf, Text
from nodes.registry import NodeType
from nodes.selectors import locate

__all__ = ["DataExtractor", "DataExtractorData", "SmartExtractor", "SmartExtractorData"]

_DEFAULT_VARIABLE: Final = "extractedData"

Rows = list[dict[str, object]]


class DataExtractorData(TimeoutBlock):
    """Which elements make rows, and which parts of them make columns."""

    container_selector: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """The containers: each one makes a row."""
    container_selector_type: SelectorType = "css"
    """How `containerSelector` is read."""
    fields: Annotated[tuple[ExtractedField, ...], ARRAY_OR_TEXT, REQUIRED] = ()
    """The columns; also as JSON text."""
    output_variable: Text = _DEFAULT_VARIABLE
    """Data key for the rows."""
    limit: Integer = 0
    """How many rows at most; 0 means all."""
    wait_for_selector: Flag = True
    """Wait first until the first container is visible, for as long as `timeout` says."""
    save_to_csv: Annotated[Flag, Field(alias="saveToCSV")] = False
    """Write the rows into a CSV file too."""
    csv_file_path: Annotated[Text, INTERPOLATED] = None
    """The CSV file, for `saveToCSV`: it is replaced, missing folders are made."""
    csv_delimiter: Text = ","
    """One character between the cells of the CSV file."""


class DataExtractor(NodeType[DataExtractorData]):
    """Extract one row for each container element.

    Each field is looked up within its container. What is not there becomes null.
    """

    name: ClassVar = "dataExtractor"
    title: ClassVar = "Data Extractor"
    category: ClassVar = "data"
    writes: ClassVar = (_DEFAULT_VARIABLE,)

    async def run(self, data: DataExtractorData, run: NodeRun) -> None:
        """Extract, store, and write the file.

        Raises:
            NodeDataError: A property is missing or cannot be used.
            FileAccessError: The CSV file cannot be written.
        """
        fields = usable_fields(data.fields, run)
        file = None
        if data.save_to_csv:
            path = run.path(run.require(data.csv_file_path, "csvFilePath"))
            file = CsvFile(path, read_delimiter(data.csv_delimiter, "csvDelimiter"), "utf-8")
        containers = await locate(
            run,
            data.container_selector,
            data.container_selector_type,
            timeout_ms=data.timeout,
            name="containerSelector",
            many=True,
        )
        if data.wait_for_selector:
            await containers.first.wait_for(state="visible", timeout=data.timeout)
        async with time_limit(data.timeout, f"Extracting from '{data.container_selector}'"):
            rows = await extract_rows(
                run, containers, fields, limit=data.limit or 0, tolerant=data.fail_silently
            )
        run.data[data.output_variable or _DEFAULT_VARIABLE] = rows
        if file is not None:
            await _save(file, rows, [str(field.name) for field in fields])
        run.result = f"{len(rows)} rows"


async def _save(file: CsvFile, rows: Rows, columns: Sequence[str]) -> None:
    try:
        await asyncio.to_thread(file.write, rows, columns)
    except OSError as error:
        raise FileAccessError(f"CSV file {file.path}: {error.strerror or error}") from error


class SmartExtractorData(TimeoutBlock):
    """What to look for on the page."""

    mode: Annotated[str, OneOf("allLinks", "allImages", "tables", "repeatedItems")] = "allLinks"
    """What to extract."""
    table_index: Integer = 0
    """Which table, counted from 0, for `tables`."""
    output_variable: Text = _DEFAULT_VARIABLE
    """Data key for the rows."""
    include_metadata: Flag = False
    """Add `visible` and `tagName` to links, and `width`, `height`, `naturalWidth`, `naturalHeight` to images."""
    limit: Integer = 0
    """How many rows at most; 0 means all."""


class SmartExtractor(NodeType[SmartExtractorData]):
    """Extract links, images, tables or repeated items without selectors.

    `allLinks` gives `{text, href}`, `allImages` gives `{src, alt}`, `tables` an object for each row with the
    headers as keys (`column_0` on where there are none). `repeatedItems` takes the largest group of at least
    three visible children with the same structure, and gives of each `linkText` and `linkHref`, `imageSrc` and
    `imageAlt`, `heading`, or else `text`, depending on what the first of them has.
    """

    name: ClassVar = "smartExtractor"
    title: ClassVar = "Smart Extractor"
    category: ClassVar = "data"
    writes: ClassVar = (_DEFAULT_VARIABLE,)

    async def run(self, data: SmartExtractorData, run: NodeRun) -> None:
        """Extract and store; with ``failSilently`` an empty array is stored before the node fails.

        Raises:
            NodeDataError: The mode is unknown.
            ElementError: There is no such table.
        """
        key = data.output_variable or _DEFAULT_VARIABLE
        if data.fail_silently:
            run.data[key] = []
        extract = choose(_MODES, data.mode, "mode")
        async with time_limit(data.timeout, f"Extracting {data.mode}"):
            rows = await extract(data, run)
        run.data[key] = rows
        run.result = f"{len(rows)} rows"


def _simple(selector: str, script: str) -> Callable[[SmartExtractorData, NodeRun], Awaitable[Rows]]:
    """A mode that takes the page as it is."""

    async def extract(data: SmartExtractorData, run: NodeRun) -> Rows:
        options = {"limit": data.limit or 0, "metadata": data.include_metadata}
        rows: Rows = await run.scope.locator(selector).evaluate_all(script, options)
        return rows

    return extract


async def _table(data: SmartExtractorData, run: NodeRun) -> Rows:
    tables = run.scope.locator("table")
    await tables.first.wait_for(state="attached", timeout=data.timeout)
    index = data.table_index or 0
    found: Mapping[str, Any] = await tables.evaluate_all(TABLE, {"index": index, "limit": data.limit or 0})
    rows: Rows | None = found["rows"]
    if rows is None:
        raise ElementError(
            f"There is no table with the index {index}: the page has {found['count']}, counted from 0"
        )
    return rows


_MODES: Final[Mapping[str, Callable[[SmartExtractorData, NodeRun], Awaitable[Rows]]]] = {
    "allLinks": _simple("a[href]", LINKS),
    "allImages": _simple("img[src]", IMAGES),
    "tables": _table,
    "repeatedItems": _simple(REPEATING, REPEATED_ITEMS),
}
