"""Debugging from the page: breakpoints, and every way out of a pause, by button and by key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from batches.events import ExecutionContinued, ExecutionPaused
from batches.state import ExecutionState
from tests.batches.debugging import trail
from tests.batches.runs import PATIENCE_S
from tests.running import chain, node
from tests.server.dashboard.test_execution_view import card, over, resting, run
from tests.server.dashboard.viewer import START, Viewer, holding, submit
from tests.server.serving import Serving

A_B_C = trail("a", "b", "c")
AT_B = {"breakpoints": [{"nodeId": "b"}]}


def actions(page: Page) -> Locator:
    return page.get_by_role("toolbar", name="How it goes on")


def ways(board: Serving) -> Callable[[], list[str]]:
    """Notes how pauses end."""
    seen: list[str] = []

    def listen(event: Any, _state: Any) -> None:
        if isinstance(event, ExecutionContinued):
            seen.append(event.action)

    board.server.service.log.listen(listen)
    return lambda: seen


def next_pause(board: Serving) -> asyncio.Event:
    """Is set when an execution pauses after this call."""
    paused = asyncio.Event()
    board.server.service.log.listen(
        lambda event, _: paused.set() if isinstance(event, ExecutionPaused) else None
    )
    return paused


async def state_of(board: Serving, name: str) -> ExecutionState:
    return (await board.server.service.execution(name)).execution


async def paused_at(page: Page, where: str) -> None:
    await expect(page.get_by_role("region", name="Paused").get_by_role("heading")).to_contain_text(where)


async def ended(page: Page, status: str = "completed") -> None:
    await expect(page.locator(f".view-head .badge[data-status={status}]")).to_be_visible()


async def test_a_paused_execution_is_driven_to_its_end_from_the_page(
    board: Serving, viewer: Viewer, site_url: str
) -> None:
    document = chain(
        START,
        node("open", "openBrowser", label="Open"),
        node("go", "navigation", action="navigate", url=f"{site_url}/logic.html", label="Go"),
        node("greet", "stringValue", value="${variables.who}", variableName="greeting", label="Greet"),
        node("press", "action", action="click", selector="#missing", timeout=300, label="Press"),
        node("bye", "stringValue", value="bye", variableName="last", label="Bye"),
    )
    name = await run(
        board,
        document,
        variables={"who": "nobody"},
        breakpoints=[{"nodeId": "greet"}],
        breakOn="error",
        pause={"owner": "Ada", "timeoutMs": 3_600_000},
    )
    page = await viewer.open(board.server.url, f"executions/{name}")
    await paused_at(page, "Breakpoint: before Greet")
    bar = page.get_by_role("region", name="Paused")
    await expect(bar).to_contain_text("by Ada")
    await expect(bar).to_contain_text(re.compile(r"is stopped by itself in (59 min|1 h)"))
    await expect(page.locator("canvas[data-pictures]")).to_be_visible()
    await expect(page.get_by_role("img", name="Page of shop.json")).to_be_visible()

    await page.get_by_label("Value of who").fill("Grace")
    await page.get_by_role("button", name="Save who").click()
    await expect(page.get_by_text("Variables changed")).to_be_visible()
    await page.get_by_label("Name of a new entry of Data").fill("limits")
    await page.get_by_label("Its value in Data").fill('{"most": 3}')
    await page.get_by_label("Its value in Data").press("Enter")
    await expect(page.get_by_label("Value of limits")).to_have_value('{"most":3}')
    await page.get_by_label("Value of limits").fill("{most")
    await expect(page.get_by_role("alert")).to_contain_text("This is no JSON")

    await page.get_by_label("Selector or expression").fill("body")
    await page.get_by_role("button", name="Try", exact=True).click()
    await expect(page.get_by_text("1 element, marked on the page")).to_be_visible()

    await actions(page).get_by_role("button", name="Step", exact=True).click()
    await paused_at(page, "Asked to pause: before Press")
    await actions(page).get_by_role("button", name="Continue").click()
    await paused_at(page, "The node failed: at the failure of Press")
    again = next_pause(board)
    await actions(page).get_by_role("button", name="Retry").click()
    await asyncio.wait_for(again.wait(), PATIENCE_S)
    await expect(page.locator("[data-node=press]")).to_have_attribute("data-status", "paused")
    await actions(page).get_by_role("button", name="Skip").click()
    await ended(page)
    values = page.get_by_role("region", name="Values at the end")
    await expect(values).to_contain_text(re.compile("greeting.*Grace"))
    await expect(values).to_contain_text(re.compile("last.*bye"))
    assert (await state_of(board, name)).variables["greeting"] == "Grace"


@pytest.mark.parametrize(
    ("key", "action"),
    [("c", "continue"), ("n", "step"), ("v", "stepOver"), ("s", "skip"), ("w", "continueWithoutBreakpoint")],
)
async def test_each_way_out_has_a_key(board: Serving, viewer: Viewer, key: str, action: str) -> None:
    taken = ways(board)
    name = await run(board, A_B_C, **AT_B)
    page = await viewer.open(board.server.url, f"executions/{name}")
    await paused_at(page, "before b")
    await expect(actions(page).locator(f"[data-action={action}]")).to_be_enabled()
    await page.keyboard.press(key)
    if action in {"step", "stepOver"}:
        await paused_at(page, "before c")
        await page.keyboard.press("c")
    await ended(page)
    assert taken()[0] == action


async def test_run_to_and_repeat_from_mean_the_selected_node(board: Serving, viewer: Viewer) -> None:
    taken = ways(board)
    name = await run(board, trail("a", "b", "c", "d"), **AT_B)
    page = await viewer.open(board.server.url, f"executions/{name}")
    await paused_at(page, "before b")
    await expect(actions(page).get_by_role("button", name="Run to")).to_be_disabled()
    await page.locator("[data-node=d]").click()
    await actions(page).get_by_role("button", name="Run to").click()
    await paused_at(page, "before d")
    await page.locator("[data-node=c]").click()
    await page.keyboard.press("e")
    await expect(page.locator("[data-node=c]")).to_have_attribute("aria-label", re.compile("Passed ×2"))
    await ended(page)
    assert taken() == ["runTo", "repeatFrom"]


async def test_after_a_node_it_can_run_again(board: Serving, viewer: Viewer) -> None:
    name = await run(board, A_B_C, breakpoints=[{"nodeId": "b", "at": "post"}])
    page = await viewer.open(board.server.url, f"executions/{name}")
    await paused_at(page, "after b")
    await expect(actions(page).get_by_role("button", name="Skip")).to_be_disabled()
    await page.keyboard.press("r")
    await expect(page.locator("[data-node=b]")).to_have_attribute("data-status", "paused")
    await expect(
        page.get_by_role("list", name="Nodes in the order they ran").get_by_role("listitem")
    ).to_have_count(4)
    await page.keyboard.press("w")
    await ended(page)


async def test_a_paused_execution_is_stopped(board: Serving, viewer: Viewer) -> None:
    name = await run(board, A_B_C, **AT_B)
    page = await viewer.open(board.server.url, f"executions/{name}")
    await paused_at(page, "before b")
    await page.keyboard.press("X")
    dialog = page.get_by_role("dialog", name="Stop this execution?")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await actions(page).get_by_role("button", name="Stop").click()
    await dialog.get_by_role("button", name="Stop").click()
    await ended(page, "stopped")


async def test_a_running_execution_is_paused(board: Serving, viewer: Viewer) -> None:
    viewer.allowed.append("409")
    name = await run(board, resting())
    page = await viewer.open(board.server.url, f"executions/{name}")
    await page.get_by_role("button", name="Pause", exact=True).click()
    await paused_at(page, "Asked to pause: before Rest")
    await expect(page.get_by_role("region", name="Paused")).to_contain_text("by dashboard")
    await page.keyboard.press("c")
    await expect(page.get_by_role("region", name="Paused")).to_be_hidden()
    await page.keyboard.press("P")
    await expect(page.locator(".toast[data-status=failed]")).to_contain_text("No active page")


async def test_breakpoints_are_set_before_it_runs(board: Serving, viewer: Viewer) -> None:
    await submit(board, [holding(), holding()])
    name = await run(board, A_B_C)
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(page.get_by_role("region", name="Why it waits")).to_be_visible()
    await page.locator("[data-node=b] .gnode-gutter").click()
    await expect(page.locator("[data-node=b]")).to_have_attribute(
        "aria-label", re.compile("breakpoint before")
    )
    await page.locator("[data-node=c]").focus()
    await page.keyboard.press("b")
    await expect(page.get_by_text("2 breakpoints")).to_be_visible()
    await page.keyboard.press("b")
    await expect(page.get_by_text("1 breakpoint", exact=True)).to_be_visible()
    await page.get_by_label("Pause where a node fails").check()
    wanted = await board.server.service.breakpoints(name)
    assert [item.node_id for item in wanted.breakpoints] == ["b"]
    held = next(found.execution for found in board.server.service.active())
    await board.server.service.stop_execution(held.execution_id)
    await paused_at(page, "before b")


async def test_a_breakpoint_is_set_while_it_runs(board: Serving, viewer: Viewer) -> None:
    name = await run(board, resting())
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(page.locator("[data-node=in]")).to_have_attribute("aria-label", re.compile("×"))
    await page.locator("[data-node=in] .gnode-gutter").click()
    await paused_at(page, "Breakpoint: before Rest")
    await expect(page.get_by_role("region", name="Paused")).to_contain_text(re.compile(r"round \d+"))
    await page.locator("[data-node=in] .gnode-gutter").click()
    await expect(page.get_by_text("No breakpoints")).to_be_visible()
    await page.locator("[data-node=out]").click()
    await page.keyboard.press("c")
    await expect(page.get_by_role("region", name="Paused")).to_be_hidden()
    await page.get_by_role("button", name="Pause", exact=True).click()
    await paused_at(page, "Asked to pause: before Rest")
    await expect(actions(page).get_by_role("button", name="Run to")).to_be_enabled()


async def test_a_breakpoint_is_narrowed_down(board: Serving, viewer: Viewer) -> None:
    viewer.allowed.append("400")
    name = await run(board, A_B_C, **AT_B)
    page = await viewer.open(board.server.url, f"executions/{name}?node=c")
    await paused_at(page, "before b")
    node_c = page.get_by_role("region", name="Node String Value")
    await node_c.get_by_role("button", name="Set a breakpoint").click()
    await node_c.get_by_label("Only if").fill("variables.b ==")
    await node_c.get_by_label("Only if").press("Enter")
    await expect(page.locator(".toast[data-status=failed]")).to_contain_text("breakpoints")
    await node_c.get_by_label("Only if").fill("variables.b == 'b'")
    await node_c.get_by_label("Only if").press("Enter")
    await node_c.get_by_label("Only once").check()
    await page.keyboard.press("Escape")
    await actions(page).get_by_role("button", name="Continue").click()
    await paused_at(page, "before c")
    (kept,) = [
        item for item in (await board.server.service.breakpoints(name)).breakpoints if item.node_id == "c"
    ]
    assert (kept.condition, kept.once) == ("variables.b == 'b'", True)


async def test_a_control_that_comes_too_late_is_explained(board: Serving, viewer: Viewer) -> None:
    viewer.allowed.append("409")
    name = await run(
        board, chain(START, node("b", "stringValue", value="b"), *holding()["nodes"][1:]), **AT_B
    )
    page = await viewer.open(board.server.url, f"executions/{name}")
    await paused_at(page, "before b")
    await page.route("**/execution/pause-control", lambda route: _late(board, name, route))
    await actions(page).get_by_role("button", name="Continue").click()
    await expect(page.locator(".toast[data-status=failed]")).to_contain_text("not paused")


async def _late(board: Serving, name: str, route: Any) -> None:
    """Let somebody else continue it first."""
    async with board.http.post("/api/workflows/execution/continue", json={"executionId": name}) as answer:
        assert answer.status == 200
    await route.continue_()


async def test_what_is_over_cannot_be_debugged(board: Serving, viewer: Viewer) -> None:
    name = await over(board, A_B_C)
    page = await viewer.open(board.server.url, f"executions/{name}?node=b")
    await expect(card(page, "String Value").first).to_be_visible()
    await expect(page.get_by_role("button", name="Set a breakpoint")).to_have_count(0)
    await expect(page.get_by_label("Pause where a node fails")).to_have_count(0)


async def test_the_page_follows_pauses_that_others_end(board: Serving, viewer: Viewer) -> None:
    paused = next_pause(board)
    name = await run(board, A_B_C, **AT_B)
    await asyncio.wait_for(paused.wait(), PATIENCE_S)
    page = await viewer.open(board.server.url, f"executions/{name}")
    await paused_at(page, "before b")
    async with board.http.post("/api/workflows/execution/continue", json={"executionId": name}) as answer:
        assert answer.status == 200
    await ended(page)
    await expect(page.get_by_role("region", name="Paused")).to_be_hidden()
