"""The nodes ``dataExtractor`` and ``smartExtractor`` in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome

NAME = {"name": "name", "selector": "h2"}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="

FIELDS: dict[str, tuple[dict[str, Any], list[object]]] = {
    "text": ({"selector": "h2"}, [" Lamp ", "Tent", "Sold", "Stone"]),
    "text of all inside": ({"selector": ".price"}, [" 19.50 ", "8.00", None, None]),
    "attribute": (
        {"selector": "a", "extract": "attribute", "attribute": "href"},
        ["/lamp", "/tent", "/sold", "/stone"],
    ),
    "missing attribute": (
        {"selector": "img", "extract": "attribute", "attribute": "alt"},
        ["A lamp", None, None, None],
    ),
    "attribute without a name": ({"selector": "a", "extract": "attribute"}, [None, None, None, None]),
    "markup": ({"selector": ".price", "extract": "innerHTML"}, [" 19.50 ", "<b>8</b>.00", None, None]),
    "first match": ({"selector": "h2, span"}, [" Lamp ", "Tent", "Sold", "Stone"]),
    "xpath": ({"selector": "//span[2 - 1]", "selectorType": "xpath"}, [" 19.50 ", "8.00", "0", "0.10"]),
    "xpath out of the container": (
        {"selector": "../h1", "selectorType": "xpath"},
        ["Offers", "Offers", "Offers", "Offers"],
    ),
    "text engine": ({"selector": "Sold out", "selectorType": "text"}, [None, None, "Sold out", None]),
    "Playwright's own css": ({"selector": "a:has-text('stone')"}, [None, None, None, "To the stone"]),
    "relative css": ({"selector": "> h2"}, [" Lamp ", "Tent", "Sold", "Stone"]),
    "reference": ({"selector": "${data.tag}"}, [" Lamp ", "Tent", "Sold", "Stone"]),
}

LINKS = [
    {"text": "Home", "href": "/home"},
    {"text": "Contact us", "href": "contact.html"},
    {"text": "Hidden", "href": "#hidden"},
    {"text": "", "href": "/lamp"},
    {"text": "", "href": "/tent"},
    {"text": "Sold out", "href": "/sold"},
    {"text": "To the stone", "href": "/stone"},
]


async def extract(
    run_steps: RunSteps, site_url: str, kind: str, page: str = "extract", **values: Any
) -> Outcome:
    return await run_steps(
        ("navigation", {"action": "navigate", "url": f"{site_url}/{page}.html", "waitUntil": "load"}),
        (kind, {"timeout": 5000, **values}),
        data={"tag": "h2", "item": ".item"},
    )


@pytest.mark.parametrize(("field", "expected"), FIELDS.values(), ids=FIELDS)
async def test_a_field_is_read_from_each_container(
    field: dict[str, Any], expected: list[object], run_steps: RunSteps, site_url: str
) -> None:
    outcome = await extract(
        run_steps,
        site_url,
        "dataExtractor",
        containerSelector="${data.item}",
        fields=[{"name": "value", **field}],
    )

    assert outcome.data["extractedData"] == [{"value": value} for value in expected]


async def test_rows_have_all_fields_in_their_order(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps,
        site_url,
        "dataExtractor",
        containerSelector="//article",
        containerSelectorType="xpath",
        fields=json.dumps([NAME, {"name": "link", "selector": "text=Sold out"}]),
        outputVariable="offers",
        limit=3,
    )

    assert outcome.data["offers"] == [
        {"name": " Lamp ", "link": None},
        {"name": "Tent", "link": None},
        {"name": "Sold", "link": "Sold out"},
    ]


async def test_what_is_in_a_shadow_root_is_found(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps,
        site_url,
        "dataExtractor",
        containerSelector="shadow-list",
        fields=[{"name": "word", "selector": ".word"}],
    )

    assert outcome.data["extractedData"] == [{"word": "in the shadow"}]


async def test_the_first_container_is_waited_for(run_steps: RunSteps, site_url: str) -> None:
    fields = [{"name": "word", "selector": "xpath=."}]

    waited = await extract(run_steps, site_url, "dataExtractor", containerSelector=".late", fields=fields)

    assert waited.data["extractedData"] == [{"word": "Here"}]


async def test_without_waiting_there_may_be_no_rows(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps,
        site_url,
        "dataExtractor",
        containerSelector=".nowhere",
        fields=[NAME],
        waitForSelector=False,
    )

    assert outcome.data["extractedData"] == []


async def test_no_container_in_time_fails(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps, site_url, "dataExtractor", containerSelector=".nowhere", fields=[NAME], timeout=100
    )

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_rows_are_saved_as_csv(run_steps: RunSteps, site_url: str, tmp_path: Path) -> None:
    outcome = await extract(
        run_steps,
        site_url,
        "dataExtractor",
        containerSelector=".item",
        fields=[NAME, {"name": "price", "selector": ".price"}],
        limit=3,
        saveToCSV=True,
        csvFilePath="found/${data.tag}.csv",
        csvDelimiter=";",
    )

    assert outcome.status == "completed"
    assert (tmp_path / "found" / "h2.csv").read_text() == "name;price\n Lamp ; 19.50 \nTent;8.00\nSold;\n"


async def test_the_csv_path_is_required(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps, site_url, "dataExtractor", containerSelector=".item", fields=[NAME], saveToCSV=True
    )

    assert outcome.error is not None
    assert "Property 'csvFilePath' is required" in outcome.error.message


async def test_a_csv_file_that_cannot_be_written_fails(
    run_steps: RunSteps, site_url: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()

    outcome = await extract(
        run_steps,
        site_url,
        "dataExtractor",
        containerSelector=".item",
        fields=[NAME],
        saveToCSV=True,
        csvFilePath="taken",
    )

    assert outcome.error is not None
    assert outcome.error.code == "FILE_NOT_USABLE"


@pytest.mark.parametrize("silent", [False, True])
async def test_a_field_that_cannot_be_understood_fails_or_is_null(
    silent: bool, run_steps: RunSteps, site_url: str
) -> None:
    outcome = await extract(
        run_steps,
        site_url,
        "dataExtractor",
        containerSelector=".item",
        fields=[NAME, {"name": "bad", "selector": "h2:::"}],
        limit=1,
        failSilently=silent,
    )

    if silent:
        assert outcome.data["extractedData"] == [{"name": " Lamp ", "bad": None}]
    else:
        assert outcome.error is not None
        assert "h2:::" in outcome.error.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "needs at least one field"),
        ("", "needs at least one field"),
        ([{"name": "a"}], "'fields.0.selector' is required"),
        ([NAME, {"selector": "a"}], "'fields.1.name' is required"),
        ([{**NAME, "extract": "outerHTML"}], "unknown value 'outerHTML'"),
        ([{**NAME, "selectorType": "getByRole"}], "unknown value 'getByRole'"),
    ],
)
async def test_fields_are_checked_first(
    fields: object, message: str, run_steps: RunSteps, site_url: str
) -> None:
    outcome = await extract(run_steps, site_url, "dataExtractor", containerSelector=".item", fields=fields)

    assert outcome.error is not None
    assert message in outcome.error.message


async def test_all_links_come_with_text_and_address(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(run_steps, site_url, "smartExtractor")

    assert outcome.data["extractedData"] == LINKS


async def test_links_tell_more_on_request(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps,
        site_url,
        "smartExtractor",
        mode="allLinks",
        includeMetadata=True,
        limit=3,
        outputVariable="l",
    )

    assert outcome.data["l"] == [
        {**link, "visible": visible, "tagName": "A"}
        for link, visible in zip(LINKS, (True, True, False), strict=False)
    ]


@pytest.mark.parametrize("more", [False, True])
async def test_all_images_come_with_source_and_text(more: bool, run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(run_steps, site_url, "smartExtractor", mode="allImages", includeMetadata=more)

    metadata: list[dict[str, object]] = [
        {"width": "20", "height": None, "naturalWidth": 1, "naturalHeight": 1},
        {"width": None, "height": None, "naturalWidth": 0, "naturalHeight": 0},
    ]
    images: list[dict[str, object]] = [{"src": PIXEL, "alt": "A lamp"}, {"src": "tent.gif", "alt": None}]
    expected = [{**image, **(extra if more else {})} for image, extra in zip(images, metadata, strict=True)]
    assert outcome.data["extractedData"] == expected


TABLES: dict[str, tuple[dict[str, Any], list[dict[str, str]]]] = {
    "head": (
        {},
        [
            {"Name": "Lamp", "Price": "19.50", "column_2": "x", "Price_2": "23"},
            {"Name": "Tent", "Price": "inner", "Price_2": "9"},
        ],
    ),
    "limit": ({"limit": 1}, [{"Name": "Lamp", "Price": "19.50", "column_2": "x", "Price_2": "23"}]),
    "table in a table": ({"tableIndex": 1}, [{"column_0": "inner"}]),
    "head in the first row": ({"tableIndex": 2}, [{"A": "1", "B": "2", "column_2": "3"}]),
    "no head": ({"tableIndex": "3"}, [{"column_0": "1", "column_1": "2"}, {"column_0": "3"}]),
}


@pytest.mark.parametrize(("values", "expected"), TABLES.values(), ids=TABLES)
async def test_a_table_becomes_rows(
    values: dict[str, Any], expected: list[dict[str, str]], run_steps: RunSteps, site_url: str
) -> None:
    outcome = await extract(run_steps, site_url, "smartExtractor", mode="tables", **values)

    assert outcome.data["extractedData"] == expected


@pytest.mark.parametrize("index", [4, -1])
async def test_a_table_that_is_not_there_fails(index: int, run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(run_steps, site_url, "smartExtractor", mode="tables", tableIndex=index)

    assert outcome.error is not None
    assert f"no table with the index {index}: the page has 4" in outcome.error.message


async def test_no_table_in_time_fails(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps, site_url, "smartExtractor", "extract-repeated", mode="tables", timeout=100
    )

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_defect_16_repeated_items_are_those_that_look_alike(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(run_steps, site_url, "smartExtractor", mode="repeatedItems")

    assert outcome.data["extractedData"] == [
        {"linkText": "", "linkHref": "/lamp", "imageSrc": PIXEL, "imageAlt": "A lamp", "heading": "Lamp"},
        {"linkText": "", "linkHref": "/tent", "imageSrc": "tent.gif", "imageAlt": None, "heading": "Tent"},
        {
            "linkText": "To the stone",
            "linkHref": "/stone",
            "imageSrc": None,
            "imageAlt": None,
            "heading": "Stone",
        },
    ]


async def test_items_without_parts_are_texts(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps, site_url, "smartExtractor", "extract-repeated", mode="repeatedItems", limit=2
    )

    assert outcome.data["extractedData"] == [{"text": "First"}, {"text": "Second"}]


async def test_without_a_group_there_are_no_items(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(run_steps, site_url, "smartExtractor", "action-keys", mode="repeatedItems")

    assert outcome.data["extractedData"] == []


async def test_an_unknown_mode_fails(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(run_steps, site_url, "smartExtractor", mode="everything")

    assert outcome.error is not None
    assert "unknown value 'everything'" in outcome.error.message


async def test_a_silent_failure_stores_an_empty_array(run_steps: RunSteps, site_url: str) -> None:
    outcome = await extract(
        run_steps, site_url, "smartExtractor", mode="tables", tableIndex=9, failSilently=True
    )

    assert (outcome.status, outcome.node("n2").status) == ("completed", "failed")
    assert outcome.data["extractedData"] == []
