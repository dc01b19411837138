"""The view of one execution in a browser, against a server that really runs it."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.batches.debugging import looping
from tests.running import chain, node, workflow
from tests.server.dashboard.viewer import START, Viewer, failing, holding, submit
from tests.server.serving import Serving


async def run(board: Serving, document: dict[str, Any], **body: Any) -> str:
    """Start a batch of one; returns the execution's id."""
    batch_id = await submit(board, [document], ["shop.json"], **body)
    return next(iter((await board.server.service.batch(batch_id)).executions))


async def over(board: Serving, document: dict[str, Any], **body: Any) -> str:
    """Run a workflow to its end; returns the execution's id."""
    name = await run(board, document, **body)
    await board.client.wait_execution(name)
    return name


def card(page: Page, title: str) -> Locator:
    """A node of the graph."""
    return page.get_by_role("button", name=re.compile(f"^{re.escape(title)}, "))


def resting() -> dict[str, Any]:
    """A loop that goes on for longer than any test."""
    document = looping(list(range(5_000)), "in", after="out")
    document["nodes"][-2] = node("in", "wait", waitType="timeout", value=30, label="Rest")
    return document


def branching() -> dict[str, Any]:
    """A switch of which one branch is taken, and a node that is bypassed."""
    case = {
        "type": "variable",
        "variableName": "way",
        "comparisonOperator": "equals",
        "comparisonValue": "left",
    }
    cases = [{"id": "case-1", "label": "Left", "condition": case}]
    nodes = [
        START,
        node("way", "stringValue", value="left", variableName="way", label="The way"),
        node("fork", "switch.switch", cases=cases, defaultCase={"label": "Right"}, label="Fork"),
        node("left", "stringValue", value="l", label="Go left"),
        node("right", "stringValue", value="r", label="Go right"),
        node("off", "stringValue", value="o", label="Left out", bypass=True),
    ]
    edges = [
        ("start", "way"),
        ("way", "fork"),
        ("fork", "left", "case-1"),
        ("fork", "right", "default"),
        ("left", "off"),
    ]
    return workflow(nodes, edges)


async def test_the_graph_tells_how_each_node_stands(board: Serving, viewer: Viewer) -> None:
    name = await over(board, branching())
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(page.get_by_role("heading", name="shop.json")).to_be_visible()
    await expect(card(page, "Go left")).to_have_attribute("aria-label", re.compile("Passed"))
    await expect(card(page, "Go right")).to_have_attribute("aria-label", re.compile("Skipped"))
    await expect(card(page, "Left out")).to_have_attribute("aria-label", re.compile("Bypassed"))
    await expect(
        page.get_by_role("group", name="Workflow shop.json").get_by_text("Right", exact=True)
    ).to_be_visible()


async def test_the_graph_moves_while_the_execution_runs(board: Serving, viewer: Viewer) -> None:
    name = await run(board, holding("Wait for the parcel"))
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(card(page, "Wait for the parcel")).to_have_attribute("data-status", "running")
    await expect(page.locator("[data-status=running].badge")).to_be_visible()
    await page.get_by_role("button", name="Stop", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    await expect(page.locator("[data-status=stopped].badge")).to_be_visible()
    await page.get_by_role("button", name="Run again").click()
    await expect(page).not_to_have_url(re.compile(name))
    await expect(page).to_have_url(re.compile(r"#/executions/exec-\d+-1$"))
    await expect(card(page, "Wait for the parcel")).to_have_attribute("data-status", "running")


async def test_keys_move_through_the_graph(board: Serving, viewer: Viewer) -> None:
    name = await over(board, branching())
    page = await viewer.open(board.server.url, f"executions/{name}")
    await page.locator("[data-node=start]").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(card(page, "Fork")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("node=fork"))
    await expect(page.get_by_role("region", name="Node Fork")).to_contain_text("defaultCase")
    picture = page.locator(".graph-picture")
    before = await picture.get_attribute("viewBox")
    await page.keyboard.press("+")
    await expect(picture).not_to_have_attribute("viewBox", before or "")
    await page.get_by_role("button", name="Close the node").click()
    await expect(page.get_by_role("region", name="Node Fork")).to_be_hidden()


async def test_dragging_moves_the_graph_and_selects_nothing(board: Serving, viewer: Viewer) -> None:
    name = await over(board, branching())
    page = await viewer.open(board.server.url, f"executions/{name}")
    picture = page.locator(".graph-picture")
    before = await picture.get_attribute("viewBox")
    await card(page, "Fork").hover()
    await page.mouse.down()
    await page.mouse.move(300, 420, steps=4)
    await page.mouse.up()
    await expect(picture).not_to_have_attribute("viewBox", before or "")
    assert "node=" not in page.url
    await page.get_by_role("button", name="Show all of it").click()
    await card(page, "Fork").click()
    await expect(page).to_have_url(re.compile("node=fork"))


async def test_rounds_of_a_loop_lie_under_the_loop(board: Serving, viewer: Viewer) -> None:
    name = await over(board, looping([1, 2, 3, 4], "inner"))
    page = await viewer.open(board.server.url, f"executions/{name}")
    nodes = page.get_by_role("list", name="Nodes in the order they ran")
    await expect(nodes.get_by_role("button", name="4 rounds")).to_be_visible()
    await expect(nodes.get_by_role("button", name="Round 4")).to_have_attribute("aria-expanded", "true")
    first = nodes.get_by_role("button", name="Round 1")
    await expect(first).to_have_attribute("aria-expanded", "false")
    inner = nodes.get_by_role("button", name="String Value", exact=True)
    await expect(inner).to_have_count(3)
    await first.click()
    await expect(inner).to_have_count(4)
    await expect(page.locator("[data-node=inner]")).to_have_attribute("aria-label", re.compile("Passed ×4"))


async def test_a_failure_says_where_why_and_how_to_see_it_again(
    board: Serving, viewer: Viewer, site_url: str
) -> None:
    steps = [
        node("open", "openBrowser"),
        node("go", "navigation", action="navigate", url=f"{site_url}/logic.html"),
        node("press", "action", action="click", selector="#missing", timeout=300, label="Press it"),
    ]
    name = await over(
        board, chain(START, *steps), variables={"who": "Ada L", "apiToken": "s3cret"}, timeout=60_000
    )
    page = await viewer.open(board.server.url, f"executions/{name}")
    error = page.get_by_role("region", name="Error")
    await expect(error).to_contain_text("NODE_TIMEOUT")
    await expect(error.get_by_role("link", name=f"{site_url}/logic.html")).to_be_visible()
    await expect(error.locator(".command code")).to_have_text(
        "batchwright run shop.json --var 'who=Ada L' --var \"apiToken=$APITOKEN\" --timeout 60"
    )
    await expect(page.get_by_text("s3cret")).to_have_count(0)
    await error.get_by_role("button", name="at Press it (Action)").click()
    await expect(page.get_by_role("region", name="Node Press it")).to_contain_text("#missing")
    await error.get_by_role("button", name="Enlarge the picture of the failure").click()
    dialog = page.get_by_role("dialog", name="Press it: at the failure")
    await expect(dialog.get_by_role("img")).to_have_js_property("naturalWidth", 1280)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


async def test_pictures_before_and_after_every_node(board: Serving, viewer: Viewer, site_url: str) -> None:
    go = node("go", "navigation", action="navigate", url=f"{site_url}/logic.html", label="Go there")
    wish = {"enabled": True, "timing": "both"}
    name = await over(board, chain(START, node("open", "openBrowser"), go), screenshotConfig=wish)
    page = await viewer.open(board.server.url, f"executions/{name}?tab=pictures")
    await page.get_by_role("button", name="Go there: before").click()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("dialog", name="Go there: after")).to_be_visible()
    await page.get_by_role("button", name="The picture before").click()
    await expect(page.get_by_role("dialog", name="Go there: before")).to_be_visible()


async def test_the_log_is_searched_and_filtered_by_level(board: Serving, viewer: Viewer) -> None:
    code = "console.log(['one', 'apple'].join(' ')); console.warn(['two', 'pears'].join(' '));"
    script = node("js", "javascriptCode", code=code, label="Script")
    name = await over(board, chain(START, script, node("end", "stringValue", value="x")), traceLogs=True)
    page = await viewer.open(board.server.url, f"executions/{name}?tab=log")
    log = page.get_by_role("log", name="Log")
    await expect(log).to_contain_text("two pears")
    await page.get_by_label("Search the log").fill("TWO PEARS")
    await expect(log).not_to_contain_text("one apple")
    await expect(log.locator("mark")).to_have_text("two pears")
    await page.get_by_label("Search the log").fill("")
    await page.get_by_role("button", name="warning", exact=True).click()
    await expect(log).to_contain_text("one apple")
    await expect(log).not_to_contain_text("two pears")


async def test_the_log_follows_what_happens_until_somebody_scrolls(board: Serving, viewer: Viewer) -> None:
    name = await run(board, resting())
    page = await viewer.open(
        board.server.url, f"executions/{name}?tab=log", viewport={"width": 900, "height": 420}
    )
    log = page.get_by_role("log", name="Log")
    follow = page.get_by_role("button", name="Follow")
    await expect(log).to_contain_text("Rest, round 40 passed in")
    await expect(log).not_to_have_js_property("scrollTop", 0)
    await expect(follow).to_have_attribute("aria-pressed", "true")
    await log.hover()
    await page.mouse.wheel(0, -4_000)
    await expect(follow).to_have_attribute("aria-pressed", "false")
    await expect(log).to_contain_text("Rest, round 60 passed in")
    await expect(follow).to_have_attribute("aria-pressed", "false")
    await follow.click()
    await expect(log).not_to_have_js_property("scrollTop", 0)
    await page.get_by_label("Search the log").fill("round 3 passed")
    await expect(log.locator(".log-line")).to_have_count(1)
    await log.get_by_role("button", name="in").click()
    await expect(page.get_by_role("region", name="Node Rest")).to_be_visible()


async def test_the_video_of_a_run_is_shown(board: Serving, viewer: Viewer, site_url: str) -> None:
    go = node("go", "navigation", action="navigate", url=f"{site_url}/logic.html")
    name = await over(board, chain(START, node("open", "openBrowser"), go), recordSession=True)
    page = await viewer.open(board.server.url, f"executions/{name}")
    video = page.get_by_role("region", name="Video").locator("video")
    await expect(video).to_have_attribute("src", re.compile(r"/artifacts/.*\.webm$"))
    async with board.http.get(await video.get_attribute("src") or "") as answer:
        assert (answer.status, answer.content_type) == (200, "video/webm")


async def test_the_command_is_copied(board: Serving, viewer: Viewer) -> None:
    name = await over(board, failing(), variables={"who": "Ada"})
    page = await viewer.open(
        board.server.url, f"executions/{name}", permissions=["clipboard-read", "clipboard-write"]
    )
    error = page.get_by_role("region", name="Error")
    await expect(error).to_contain_text("who=Ada")
    await error.get_by_role("button", name="Copy the command").click()
    await expect(error.get_by_role("button", name="Copied")).to_be_visible()
    text = await page.evaluate("navigator.clipboard.readText()")
    assert text == "batchwright run shop.json --var who=Ada"


async def test_values_at_the_end(board: Serving, viewer: Viewer) -> None:
    name = await over(
        board,
        chain(START, node("say", "stringValue", value="hello", variableName="greeting")),
        variables={"n": 7},
    )
    page = await viewer.open(board.server.url, f"executions/{name}")
    values = page.get_by_role("region", name="Values at the end")
    await expect(values).to_contain_text(re.compile("n.*7"))
    await expect(values).to_contain_text(re.compile("greeting.*hello"))
    await expect(values.get_by_text("outputDirectory")).to_be_hidden()
    await values.get_by_text("7 set by the runner").click()
    await expect(values.get_by_text("outputDirectory")).to_be_visible()


async def test_attempts_are_told_apart(board: Serving, viewer: Viewer) -> None:
    broken = chain(START, node("bad", "loadConfigFile", label="Load the prices"))
    name = await over(board, broken, retries=2)
    page = await viewer.open(board.server.url, f"executions/{name}?tab=attempts")
    attempts = page.get_by_role("region", name="What it did").get_by_role("listitem")
    await expect(attempts).to_have_count(3)
    await expect(attempts.first).to_contain_text("Attempt 1")
    await expect(page.get_by_text("3 of 3")).to_be_visible()


async def test_what_waits_says_for_what(board: Serving, viewer: Viewer) -> None:
    await submit(board, [holding(), holding()])
    name = await run(board, holding())
    page = await viewer.open(board.server.url, f"executions/{name}")
    waiting = page.get_by_role("region", name="Why it waits")
    await expect(waiting).to_contain_text("All 2 slots of the server are taken")
    await board.server.service.stop_all()
    await expect(waiting).to_be_hidden()


async def test_a_number_leads_to_its_execution(board: Serving, viewer: Viewer) -> None:
    name = await over(board, branching())
    alias = (await board.server.service.execution(name)).execution.member.alias
    page = await viewer.open(board.server.url, f"executions/{alias}")
    await expect(page).to_have_url(re.compile(f"executions/{name}$"))
    await expect(card(page, "Go left")).to_be_visible()


async def test_what_does_not_exist_is_said_so(board: Serving, viewer: Viewer) -> None:
    page = await viewer.open(board.server.url, "executions/exec-1")
    await expect(page.get_by_role("heading", name="There is no such execution")).to_be_visible()


async def test_it_fits_a_telephone(board: Serving, viewer: Viewer) -> None:
    name = await over(board, branching())
    page = await viewer.open(
        board.server.url, f"executions/{name}?node=fork", viewport={"width": 360, "height": 740}
    )
    await expect(page.get_by_role("region", name="Node Fork")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_a_greeting_that_comes_before_the_first_effects_loses_nothing(
    board: Serving, viewer: Viewer
) -> None:
    name = await over(board, branching())
    page = await viewer.open(board.server.url, "history")
    # Effects wait for a frame that never comes, or a while; the server's greeting is there before.
    await page.add_init_script(
        """window.requestAnimationFrame = () => 0;
        const later = window.setTimeout;
        window.setTimeout = (run, ms, ...given) => later(run, ms > 20 && ms < 200 ? 1000 : ms, ...given);"""
    )
    await page.goto(f"{board.server.url}/?fresh#/executions/{name}")
    await expect(page.get_by_role("heading", name="shop.json")).to_be_visible(timeout=10_000)
