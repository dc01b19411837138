"""Pictures, snapshots, videos and delays around nodes (workflow-format.md, section 15)."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from batches.events import NodeEnded
from batches.managed import ffmpeg_file
from batches.spec import ScreenshotConfig
from tests.conftest import RunWorkflow
from tests.running import Outcome, chain, node, workflow

pytestmark = pytest.mark.browser

PAGE = "data:text/html,<title>Shop</title><h1>Shop</h1><button>Buy</button>"
OPEN = node("open", "openBrowser", viewportWidth=200, viewportHeight=100)
GO = node("go", "navigation", action="navigate", url=PAGE)
CLICK = node("click", "action", action="click", selector="button")
MISS = node("miss", "action", action="click", selector="#none", timeout=200)


def document(*nodes: dict[str, Any], **start: Any) -> dict[str, Any]:
    return chain(node("start", "start", **start), *nodes)


def real(outcome: Outcome, path: str) -> Path:
    """The file behind the path in an event; the executions of these tests have the output folder alone."""
    return outcome.output / path.removeprefix("batches/batch-1/exec-1-1/")


def pictures(outcome: Outcome) -> dict[str, list[str]]:
    """The timings of the pictures of each node, all of which must be there under the promised name."""
    return {
        item.node_id: _files(outcome, item, item.screenshots, "screenshots", "png") for item in outcome.nodes
    }


def snapshots(outcome: Outcome) -> dict[str, list[str]]:
    return {
        item.node_id: _files(outcome, item, item.snapshots, "snapshots", "json") for item in outcome.nodes
    }


def _files(outcome: Outcome, ended: NodeEnded, files: Any, folder: str, suffix: str) -> list[str]:
    for timing, path in files.items():
        name = rf"batches/batch-1/exec-1-1/{folder}/{ended.node_id}-{timing}-\d{{13}}\.{suffix}"
        assert re.fullmatch(name, path)
        content = real(outcome, path).read_bytes()
        assert content.startswith(b"\x89PNG") if suffix == "png" else json.loads(content)["role"] == "WebArea"
    return sorted(files)


async def test_nothing_is_taken_unless_asked_for(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(document(OPEN, GO, CLICK))
    assert outcome.status == "completed", outcome.error
    assert set(map(tuple, [*pictures(outcome).values(), *snapshots(outcome).values()])) == {()}
    assert not real(outcome, "screenshots").exists()


@pytest.mark.parametrize(
    ("timing", "taken"),
    [
        (None, {"start": [], "open": ["post"], "go": ["post"]}),
        ("pre", {"start": [], "open": [], "go": ["pre"]}),
        ("both", {"start": [], "open": ["post"], "go": ["post", "pre"]}),
    ],
)
async def test_pictures_around_all_nodes(
    run_workflow: RunWorkflow, timing: str | None, taken: dict[str, list[str]]
) -> None:
    options = {"screenshotTiming": timing} if timing else {}
    outcome = await run_workflow(document(OPEN, GO, screenshotAllNodes=True, **options))
    assert pictures(outcome) == taken
    assert set(map(tuple, snapshots(outcome).values())) == {()}


async def test_snapshots_have_a_timing_of_their_own(run_workflow: RunWorkflow) -> None:
    start = {"snapshotAllNodes": True, "snapshotTiming": "pre", "screenshotAllNodes": True}
    outcome = await run_workflow(document(OPEN, GO, CLICK, **start))
    assert snapshots(outcome) == {"start": [], "open": [], "go": ["pre"], "click": ["pre"]}
    assert pictures(outcome)["click"] == ["post"]
    tree = json.loads(real(outcome, outcome.node("click").snapshots["pre"]).read_bytes())
    assert tree["name"] == "Shop"
    assert {"heading", "button"} <= {child["role"] for child in tree["children"]}


async def test_loop_children_and_reusable_flows_are_pictured_too(run_workflow: RunWorkflow) -> None:
    nodes = [
        node("start", "start", screenshotAllNodes=True),
        OPEN,
        GO,
        node("given", "setConfig.setConfig", config={"list": [1, 2]}),
        node("each", "loop", mode="forEach", arrayVariable="list"),
        CLICK,
        node("flow", "reusable.reusable", contextName="f"),
        node("inner", "action", action="hover", selector="h1"),
        node("end", "reusable.end"),
        node("call", "reusable.runReusable", contextName="f"),
    ]
    edges = [
        ("start", "open"),
        ("open", "go"),
        ("go", "given"),
        ("given", "each"),
        ("each", "click"),
        ("each", "call", "loopComplete"),
        ("flow", "inner"),
        ("inner", "end"),
    ]
    outcome = await run_workflow(workflow(nodes, edges))
    assert outcome.status == "completed", outcome.error
    clicks = [item.screenshots["post"] for item in outcome.nodes if item.node_id == "click"]
    assert len(set(clicks)) == 2
    assert pictures(outcome)["inner"] == ["post"]


async def test_the_request_decides_where_the_start_node_says_nothing(run_workflow: RunWorkflow) -> None:
    wish = ScreenshotConfig(enabled=True, timing="pre")
    outcome = await run_workflow(document(OPEN, GO), screenshot_config=wish)
    assert pictures(outcome)["go"] == ["pre"]
    outcome = await run_workflow(document(OPEN, GO, screenshotAllNodes=True), screenshot_config=wish)
    assert pictures(outcome)["go"] == ["post"]
    off = ScreenshotConfig(enabled=False, timing="both")
    assert pictures(await run_workflow(document(OPEN, GO), screenshot_config=off))["go"] == []
    overrides = {"screenshotAllNodes": False}
    outcome = await run_workflow(document(OPEN, GO, screenshotAllNodes=True), start_overrides=overrides)
    assert pictures(outcome)["go"] == []


async def test_a_failure_is_always_pictured(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(document(OPEN, GO, MISS))
    assert pictures(outcome)["miss"] == ["failure"]
    assert snapshots(outcome)["miss"] == []
    assert outcome.error is not None
    assert outcome.error.screenshot == outcome.node("miss").screenshots["failure"]
    assert outcome.error.page_url is not None
    assert outcome.error.page_url.startswith("data:text/html")


async def test_failures_have_a_snapshot_if_snapshots_are_on_at_all(run_workflow: RunWorkflow) -> None:
    silent = node("miss", "action", action="click", selector="#none", timeout=200, failSilently=True)
    start = {"snapshotAllNodes": True, "snapshotTiming": "pre"}
    outcome = await run_workflow(document(OPEN, GO, silent, **start))
    assert outcome.status == "completed"
    assert snapshots(outcome)["miss"] == ["failure", "pre"]
    assert pictures(outcome)["miss"] == ["failure"]


async def test_a_failure_without_a_page_has_no_picture(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(document(node("bad", "loadConfigFile"), screenshotAllNodes=True))
    assert pictures(outcome) == {"start": [], "bad": []}
    assert outcome.error is not None
    assert (outcome.error.screenshot, outcome.error.page_url) == (None, None)
    assert outcome.log == []


async def test_an_execution_that_runs_out_of_time_is_pictured(run_workflow: RunWorkflow) -> None:
    hang = node("hang", "wait", waitType="timeout", value=60_000)
    outcome = await run_workflow(document(OPEN, GO, hang), timeout_s=3)
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.node_id) == ("EXECUTION_TIMEOUT", "hang")
    assert outcome.error.screenshot is not None
    assert real(outcome, outcome.error.screenshot).read_bytes().startswith(b"\x89PNG")


async def test_any_node_id_makes_a_file_name(run_workflow: RunWorkflow) -> None:
    odd = node("../a b/ü:*", "action", action="hover", selector="h1")
    outcome = await run_workflow(document(OPEN, GO, odd, screenshotAllNodes=True))
    picture = real(outcome, outcome.node("../a b/ü:*").screenshots["post"])
    assert re.fullmatch(r"\.\.-a-b--?-post-\d{13}\.png", picture.name)
    assert picture.is_file()


@pytest.mark.parametrize("delay", [120, "120"])
async def test_slow_mo_waits_after_each_node_but_the_last(run_workflow: RunWorkflow, delay: object) -> None:
    outcome = await run_workflow(document(node("a", "stringValue"), node("b", "stringValue"), slowMo=delay))
    assert outcome.status == "completed"
    assert all(outcome.node(name).duration_ms >= 115 for name in ("start", "a"))
    assert (await run_workflow(document(slowMo=3_600_000))).status == "completed"


@pytest.mark.parametrize("place", ["start", "override", "request"])
async def test_a_session_is_recorded(run_workflow: RunWorkflow, place: str) -> None:
    ffmpeg = ffmpeg_file()
    if ffmpeg is None or not ffmpeg.exists() or shutil.which(str(ffmpeg)) is None:
        pytest.skip("no ffmpeg where Playwright looks for it")
    start: dict[str, Any] = {"recordSession": True} if place == "start" else {}
    by_place: dict[str, dict[str, Any]] = {
        "start": {},
        "override": {"start_overrides": {"recordSession": True}},
        "request": {"record_session": True},
    }
    outcome = await run_workflow(document(OPEN, GO, CLICK, **start), **by_place[place])
    assert outcome.status == "completed", outcome.error
    (video,) = outcome.end.videos
    assert re.fullmatch(r"batches/batch-1/exec-1-1/videos/[^/]+\.webm", video)
    assert real(outcome, video).read_bytes().startswith(b"\x1a\x45\xdf\xa3")


async def test_without_the_wish_nothing_is_recorded(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(document(OPEN, GO))
    assert outcome.end.videos == ()
