"""The node ``screenshot`` in a real browser: what is in the pictures and where they lie."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from nodes.screenshot import ScreenshotData
from tests.conftest import RunSteps
from tests.nodes.test_interaction import page
from tests.running import Outcome

VIEWPORT = (1280, 720)


def png_size(path: Path) -> tuple[int, int]:
    """Width and height from the header of a PNG file."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", header[16:24])
    return (width, height)


async def shoot(run_steps: RunSteps, site_url: str, name: str = "mouse", **data: Any) -> Outcome:
    outcome = await run_steps(page(site_url, name), ("screenshot", data), data={"name": "report"})
    assert outcome.error is None, outcome.error
    return outcome


def taken(outcome: Outcome) -> Path:
    return Path(outcome.data["screenshotPath"])


ACTIONS: dict[str, tuple[dict[str, Any], bool]] = {
    "by default": ({}, False),
    "viewport": ({"action": "viewport", "fullPage": True}, False),
    "full page": ({"action": "fullPage"}, True),
    "full page, legacy": ({"fullPage": True}, True),
    "unknown action": ({"action": "panorama"}, False),
    "unknown action with the flag": ({"action": "panorama", "fullPage": True}, True),
}


@pytest.mark.parametrize(("data", "whole"), ACTIONS.values(), ids=ACTIONS)
async def test_page_pictures(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], *, whole: bool
) -> None:
    path = taken(await shoot(run_steps, site_url, **data))
    width, height = png_size(path)
    assert width == VIEWPORT[0]
    assert (height > 3000) if whole else (height == VIEWPORT[1])
    assert path.parent.name == "screenshots"
    assert path.name.startswith("screenshot-")
    assert path.suffix == ".png"


@pytest.mark.parametrize(
    ("written", "below"),
    [
        ("shot.png", "shot.png"),
        ("a/b/shot.png", "a/b/shot.png"),
        (r"a\b\shot.png", "a/b/shot.png"),
        ("/abs/olute.png", "abs/olute.png"),
        ("../../outside.png", "outside.png"),
        ("${data.name}.png", "report.png"),
        ("no-suffix", "no-suffix"),
    ],
)
async def test_page_pictures_stay_in_the_screenshots_folder(
    run_steps: RunSteps, site_url: str, written: str, below: str
) -> None:
    outcome = await shoot(run_steps, site_url, path=written)
    path = taken(outcome)
    folder = next(parent for parent in path.parents if parent.name == "screenshots")
    assert path == folder / below
    assert folder.is_relative_to(outcome.output)
    assert png_size(path) == VIEWPORT


async def test_jpeg_by_its_suffix(run_steps: RunSteps, site_url: str) -> None:
    path = taken(await shoot(run_steps, site_url, path="shot.JPG"))
    assert path.read_bytes()[:2] == b"\xff\xd8"


async def test_an_element_without_path_goes_to_the_screenshots_folder(
    run_steps: RunSteps, site_url: str
) -> None:
    path = taken(await shoot(run_steps, site_url, action="element", selector="#target"))
    assert path.parent.name == "screenshots"
    assert png_size(path) == (100, 100)


async def test_an_element_with_a_path_lies_below_the_root(
    run_steps: RunSteps, site_url: str, tmp_path: Path
) -> None:
    outcome = await shoot(run_steps, site_url, action="element", selector="#target", path="shots/target.png")
    assert taken(outcome) == tmp_path / "shots" / "target.png"
    assert png_size(taken(outcome)) == (100, 100)


@pytest.mark.parametrize("action", ["viewport", "fullPage", "element"])
async def test_masks_paint_over(run_steps: RunSteps, site_url: str, action: str) -> None:
    shot = {"action": action, "selector": "#target"}
    plain = taken(await shoot(run_steps, site_url, **shot)).read_bytes()
    masked = taken(await shoot(run_steps, site_url, **shot, mask=["#target", "#nowhere", " "])).read_bytes()
    assert plain != masked


async def test_the_picture_is_the_image_of_the_node(run_steps: RunSteps, site_url: str) -> None:
    outcome = await shoot(run_steps, site_url, path="shot.png")
    assert outcome.node("n2").screenshots["post"].endswith("/screenshots/shot.png")


async def test_pdf(run_steps: RunSteps, site_url: str, tmp_path: Path) -> None:
    outcome = await shoot(
        run_steps,
        site_url,
        action="pdf",
        path="out/${data.name}.pdf",
        landscape=True,
        printBackground=False,
        margin={"top": "1cm", "left": 20},
    )
    assert taken(outcome) == tmp_path / "out" / "report.pdf"
    content = taken(outcome).read_bytes()
    assert content.startswith(b"%PDF-")
    assert not outcome.node("n2").screenshots


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "pdf without a path": ({"action": "pdf"}, "NODE_PROPERTY_INVALID", "'path' is required"),
    "element without a selector": ({"action": "element"}, "NODE_PROPERTY_INVALID", "'selector' is required"),
    "element that is not there": (
        {"action": "element", "selector": "#nowhere", "waitForSelectorTimeout": 200},
        "NODE_TIMEOUT",
        "#nowhere",
    ),
    "the wait before it": (
        {"waitForSelector": "#nowhere", "waitForSelectorTimeout": 200},
        "NODE_TIMEOUT",
        "Waited 200 ms in vain for '#nowhere'",
    ),
}


@pytest.mark.parametrize(("data", "code", "message"), WRONG.values(), ids=WRONG)
async def test_pictures_that_cannot_be_taken(
    run_steps: RunSteps, site_url: str, *, data: dict[str, Any], code: str, message: str
) -> None:
    outcome = await run_steps(page(site_url, "mouse"), ("screenshot", data))
    assert outcome.error is not None
    assert outcome.error.code == code
    assert message in outcome.error.message
    assert "screenshotPath" not in outcome.data


def test_a_single_mask_may_be_a_text() -> None:
    assert ScreenshotData.read({"mask": "#a"}).mask == ("#a",)
    assert ScreenshotData.read({"mask": ""}).mask == ()
