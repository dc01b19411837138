"""Workflows as pictures: where nodes lie, and graphs that are large, odd or without places."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.running import chain, node, workflow
from tests.server.dashboard.test_execution_view import card, over
from tests.server.dashboard.viewer import START, Viewer
from tests.server.serving import Serving

WIDTH, HEIGHT = 228, 56
LAYOUT = """async ({document, box}) => {
  const {layoutOf, modelOf} = await import("/dashboard/app/graph_model.js");
  const model = modelOf(document);
  const layout = layoutOf(model, box);
  const again = layoutOf(modelOf(document), box);
  return {
    nodes: Object.fromEntries(layout.nodes.map(({id, x, y}) => [id, [x, y]])), width: layout.width,
    edges: layout.edges.map(({source, target}) => [source, target]), isKept: layout === again,
  };
}"""


async def layout(page: Page, document: Any, box: Mapping[str, int] | None = None) -> dict[str, Any]:
    found = await page.evaluate(LAYOUT, {"document": document, "box": box})
    assert isinstance(found, dict)
    return found


def overlaps(places: Mapping[str, tuple[float, float]]) -> list[tuple[str, str]]:
    return [
        (a, b)
        for (a, (ax, ay)), (b, (bx, by)) in itertools.combinations(places.items(), 2)
        if abs(ax - bx) < WIDTH and abs(ay - by) < HEIGHT
    ]


def placed(document: dict[str, Any], places: Mapping[str, Any]) -> dict[str, Any]:
    for item in document["nodes"]:
        if item["id"] in places:
            item["position"] = places[item["id"]]
        else:
            item.pop("position", None)
    return document


def line(count: int) -> dict[str, Any]:
    return chain(START, *(node(f"n{index}", "stringValue", value=index) for index in range(count)))


@pytest.mark.parametrize(
    "places",
    [
        pytest.param({}, id="no places"),
        pytest.param({name: {"x": 5, "y": 5} for name in ("start", "n0", "n1", "n2")}, id="all on one"),
        pytest.param({"start": {"x": 0, "y": 0}, "n0": {"x": 900, "y": 0}, "n1": {"x": "far"}}, id="some"),
        pytest.param(dict.fromkeys(("start", "n0", "n1", "n2")), id="null"),
    ],
)
async def test_nodes_without_usable_places_are_laid_out(
    board: Serving, viewer: Viewer, places: Mapping[str, Any]
) -> None:
    page = await viewer.open(board.server.url)
    found = await layout(page, placed(line(3), places))
    assert overlaps(found["nodes"]) == []
    xs = [found["nodes"][name][0] for name in ("start", "n0", "n1", "n2")]
    assert xs == sorted(xs)
    assert found["isKept"]


async def test_places_of_the_file_stay_what_they_are_to_each_other(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url)
    places = {"start": {"x": 0, "y": 0}, "n0": {"x": 240, "y": 300}, "n1": {"x": 480, "y": -60}}
    found = (await layout(page, placed(line(2), places)))["nodes"]
    assert overlaps(found) == []
    assert found["start"][0] < found["n0"][0] < found["n1"][0]
    assert found["n1"][1] < found["start"][1] < found["n0"][1]
    (x0, y0), (x1, y1), (x2, y2) = (found[name] for name in ("start", "n0", "n1"))
    assert (x2 - x0) / (x1 - x0) == pytest.approx(2)
    assert (y2 - y0) / (y1 - y0) == pytest.approx(-0.2)


async def test_a_long_flow_is_folded_into_lines_that_fit(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url)
    document = placed(line(24), {})
    flat = await layout(page, document)
    folded = await layout(page, document, {"width": 900, "height": 600})
    assert folded["width"] < flat["width"] / 3
    assert overlaps(folded["nodes"]) == []


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"nodes": "none"},
        {"nodes": [None, 5, {}, {"id": 7, "data": []}], "edges": [None, {"source": 7, "target": 8}]},
        {"nodes": [{"id": "a"}, {"id": "a"}], "edges": [{"source": "a", "target": "a"}]},
        {
            "nodes": [{"id": "a"}, {"id": "b"}],
            "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "a"}],
        },
    ],
)
async def test_whatever_a_file_holds_is_shown_as_far_as_it_goes(
    board: Serving, viewer: Viewer, document: Any
) -> None:
    page = await viewer.open(board.server.url)
    found = await layout(page, document)
    assert overlaps(found["nodes"]) == []
    assert all(source in found["nodes"] and target in found["nodes"] for source, target in found["edges"])


async def test_a_very_large_graph_is_shown_in_groups(board: Serving, viewer: Viewer) -> None:
    trunk = [f"n{index}" for index in range(60)]
    arms = [[f"{arm}{index}" for index in range(150)] for arm in "ab"]
    names = [*trunk, *itertools.chain(*arms)]
    edges: list[tuple[str, ...]] = [("start", "n0"), *itertools.pairwise(trunk)]
    for arm in arms:
        edges += [(trunk[-1], arm[0]), *itertools.pairwise(arm)]
    nodes = [START, *(node(name, "stringValue", value=name, label=f"Step {name}") for name in names)]
    name = await over(board, workflow(nodes, edges))
    page = await viewer.open(board.server.url, f"executions/{name}")
    cards = page.locator(".gnode")
    await expect(card(page, "150 nodes")).to_have_count(2)
    await expect(card(page, "150 nodes").first).to_have_attribute("aria-label", re.compile("Passed"))
    assert await cards.count() < 10
    await card(page, "60 nodes").click()
    await expect(card(page, "Step n3")).to_be_visible()
    await card(page, "Step n3").click()
    await expect(page.get_by_role("region", name="Node Step n3")).to_be_visible()
    await page.get_by_role("button", name="Close groups").click()
    await expect(card(page, "Step n3")).to_have_count(0)


async def test_two_fingers_scale_the_graph(board: Serving, viewer: Viewer) -> None:
    name = await over(board, line(3))
    page = await viewer.open(board.server.url, f"executions/{name}", has_touch=True)
    picture = page.locator(".graph-picture")
    await expect(picture).to_be_visible()
    box = await picture.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 40
    before = await picture.evaluate("(svg) => svg.viewBox.baseVal.width")
    session = await page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 30), ("touchMove", 60), ("touchEnd", None)):
        points = (
            [] if apart is None else [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        )
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    after = await picture.evaluate("(svg) => svg.viewBox.baseVal.width")
    assert after < before / 1.5
    assert "node=" not in page.url


async def test_a_node_moves_only_where_motion_is_wanted(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url)
    still = await page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert still
    durations = await page.evaluate(
        """() => {
          const part = Object.assign(document.createElement("span"), {className: "gnode", innerHTML: "<i class='gnode-card'></i>"});
          part.dataset.status = "running";
          document.body.append(part);
          return getComputedStyle(part.firstChild).animationDuration;
        }"""
    )
    assert float(durations.removesuffix("s")) < 0.001
