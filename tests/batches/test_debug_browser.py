"""Debugging with a real page: looking, changing, pausing inside a node, trying again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json

from batches.controls import ControlOutcome
from batches.errors import ControlError, ControlInvalidError
from batches.spec import ExecutionOptions
from tests.batches.debugging import START, Debugging, at, debug, debugging, say, settled
from tests.batches.runs import words
from tests.running import chain, node, workflow

PAGE = """<!doctype html><title>Shop</title>
<h1>Shop</h1><button id="checkout-button" class="primary" data-testid="buy">Buy</button>
<button hidden>Hidden</button><input name="amount" placeholder="How many">
<script>console.log('ready'); fetch('/status/404').catch(() => {}); let n = 0;
document.getElementById('checkout-button').onclick = () => { document.title = 'Bought ' + (++n); };</script>"""


@pytest.fixture
def shop(site_url: str) -> str:
    """Address of a page that is written into the browser."""
    return f"{site_url}/slow?ms=0&text=shop"


def shopping(url: str, *steps: dict[str, Any]) -> dict[str, Any]:
    """Open the page, fill it, and go on."""
    fill = f"""document.open(); document.write({PAGE!r}); document.close(); true"""
    go = node("go", "navigation", action="navigate", url=url)
    filled = node("fill", "wait", waitType="condition", value=f"() => {{ {fill}; return true; }}")
    return chain(START, node("open", "openBrowser"), go, filled, *steps)


def click(selector: str = "#checkout-button", **data: Any) -> dict[str, Any]:
    return node("click", "action", action="click", selector=selector, timeout=2_000, **data)


@asynccontextmanager
async def at_the_shop(
    tmp_path: Path, shop: str, *steps: dict[str, Any], **options: Any
) -> AsyncIterator[Debugging]:
    async with debugging(tmp_path, shopping(shop, *steps), **options) as run:
        yield run


async def test_inspecting_and_asking_about_the_page(tmp_path: Path, shop: str) -> None:
    async with at_the_shop(tmp_path, shop, click(), debug=at("click")) as run:
        await run.paused(1)
        seen: Any = (await run.send("inspect", include=["screenshot", "aria", "dom"])).answer
        assert seen["node"]["properties"]["selector"] == "#checkout-button"
        assert seen["page"]["title"] == "Shop"
        assert [(tab["current"], tab["context"]) for tab in seen["tabs"]] == [(True, "default")]
        assert "ready" in [item["text"] for item in seen["console"]]
        assert seen["screenshot"].startswith("data:image/png;base64,")
        assert seen["aria"]["role"] == "WebArea"
        assert "checkout-button" in seen["dom"]
        answer: Any = (await run.send("evaluate", selector="button", highlight=True)).answer
        assert answer["count"] == 2
        assert answer["highlighted"] is True
        assert answer["elements"] == [{"visible": True, "text": "Buy"}, {"visible": False, "text": "Hidden"}]
        with pytest.raises(ControlInvalidError) as caught:
            await run.send("evaluate", selector="div[")
        assert (caught.value.field, caught.value.code) == ("selector", "SELECTOR_NOT_USABLE")
        captured: Any = (await run.send("captureDom")).answer
        assert "checkout-button" in captured["debugInfo"]["pageSource"]
        assert "similarSelectors" not in captured["debugInfo"]
        await run.send("continue")
        assert words(await run.over()) == ["completed"]


async def test_looking_at_what_is_being_closed(tmp_path: Path, shop: str) -> None:
    """The execution is stopped while its tabs are listed."""
    others = [
        node(name, "contextManipulate", action="createContext", contextKey=name) for name in ("a", "b", "c")
    ]
    async with at_the_shop(tmp_path, shop, *others, say("x"), debug=at("x")) as run:
        await run.paused(1)
        looks = [asyncio.create_task(run.send("inspect"), name=f"look {number}") for number in range(20)]
        await settled()
        await run.run.runner.stop_all()
        for look in await asyncio.gather(*looks, return_exceptions=True):
            assert isinstance(look, ControlOutcome | ControlError)
        assert words(await run.over()) == ["stopped"]


async def test_failed_requests_are_told(tmp_path: Path, shop: str) -> None:
    wait = node("late", "wait", waitType="timeout", value=300)
    async with at_the_shop(tmp_path, shop, wait, say("x"), debug=at("x")) as run:
        await run.paused(1)
        seen: Any = (await run.send("inspect")).answer
        assert [(item["status"], item["method"]) for item in seen["networkFailures"]] == [(404, "GET")]
        await run.send("continue")
        await run.over()


async def test_a_failed_node_is_mended_and_the_page_is_still_there(tmp_path: Path, shop: str) -> None:
    wrong = click("#checkout-buton")
    title = node("title", "wait", waitType="condition", value="document.title === 'Bought 1'", timeout=15_000)
    async with at_the_shop(tmp_path, shop, wrong, title, debug=debug(breakOn="error")) as run:
        event = await run.paused(1)
        assert (event.node_id, event.reason) == ("click", "error")
        info: Any = (await run.send("captureDom")).answer["debugInfo"]
        best = info["similarSelectors"][0]
        assert (best["selector"], best["selectorType"]) == ("#checkout-button", "css")
        assert any(item["selectorType"] == "xpath" for item in info["similarSelectors"])
        assert (await run.send("evaluate", selector=best["selector"])).answer["count"] == 1
        await run.send("updateWorkflow", workflow=shopping(shop, click(best["selector"]), title))
        await run.send("retry")
        assert words(await run.over()) == ["completed"]


async def test_a_failure_leaves_its_debug_information(tmp_path: Path, shop: str) -> None:
    async with at_the_shop(tmp_path, shop, click("[data-testid=bux]")) as run:
        await run.over()
        (failed,) = [item for item in run.only.nodes if item.status == "failed"]
        assert failed.debug is not None
        info = from_json((tmp_path / failed.debug).read_bytes())
        assert info["similarSelectors"][0]["selector"] == '[data-testid="buy"]'
        assert info["screenshotPaths"]["failure"] == failed.screenshots["failure"]
        assert info["pageUrl"] == shop


async def test_pausing_inside_a_node_before_a_browser_action(tmp_path: Path, shop: str) -> None:
    wait = node("late", "wait", waitType="timeout", value=400)
    options = ExecutionOptions(timeout_s=8)
    async with at_the_shop(tmp_path, shop, wait, click(), options=options) as run:
        await run.run.at_node("late")
        assert "next browser action" in (await run.send("pause", level="action", owner="Ada")).message
        event = await run.paused(1)
        assert (event.node_id, event.at, event.reason) == ("click", "action", "requested")
        assert "Click" in event.message
        with pytest.raises(ControlError, match="inside node"):
            await run.send("skip")
        await asyncio.sleep(2.2)
        assert (await run.send("evaluate", expression="1 + 1")).answer == {"value": 2}
        seen: Any = (await run.send("inspect")).answer
        assert seen["page"]["title"] == "Shop"
        await run.send("continue")
        assert words(await run.over()) == ["completed"]


async def test_stepping_from_action_to_action(tmp_path: Path, shop: str) -> None:
    wait = node("late", "wait", waitType="timeout", value=400)
    typing = node("type", "type", selector="input", text="3", timeout=15_000)
    async with at_the_shop(tmp_path, shop, wait, click(), typing) as run:
        await run.run.at_node("late")
        await run.send("pause", level="action")
        await run.paused(1)
        await run.send("step")
        second = await run.paused(2)
        assert second.at == "action"
        await run.send("continueWithoutBreakpoint")
        assert words(await run.over()) == ["completed"]


async def test_stopping_inside_a_node(tmp_path: Path, shop: str) -> None:
    wait = node("late", "wait", waitType="timeout", value=400)
    async with at_the_shop(tmp_path, shop, wait, click()) as run:
        await run.run.at_node("late")
        await run.send("pause", level="action")
        await run.paused(1)
        await run.send("stop")
        assert words(await run.over()) == ["stopped"]


async def test_an_action_pause_needs_a_page(tmp_path: Path) -> None:
    document = chain(START, node("late", "wait", waitType="timeout", value=60_000))
    async with debugging(tmp_path, document) as run:
        await run.run.at_node("late")
        with pytest.raises(ControlError, match="No active page") as caught:
            await run.send("pause", level="action")
        assert caught.value.code == "NO_PAGE"
        await run.send("stop")
        await run.over()


@pytest.mark.parametrize("how", ["stop", "batch", "all"])
async def test_a_stopped_pause_closes_its_context(tmp_path: Path, shop: str, how: str) -> None:
    async with at_the_shop(tmp_path, shop, click(), debug=at("click")) as run:
        await run.paused(1)
        runner = run.run.runner
        if how == "stop":
            await run.send("stop")
        else:
            await (runner.stop_batch(run.state.batch_id) if how == "batch" else runner.stop_all())
        assert words(run.state) == ["stopped"]
        (browser,) = run.run.pool._browsers
        assert browser.launched.browser.contexts == []
        await run.over()


async def test_one_of_six_pauses_in_a_loop_that_calls_a_flow(tmp_path: Path, shop: str) -> None:
    flow = node("define", "reusable.reusable", contextName="buy")
    document = shopping(shop)
    document["nodes"] += [
        node("given", "setConfig.setConfig", config={"items": [1, 2]}),
        node("loop", "loop", mode="forEach", arrayVariable="items"),
        node("call", "reusable.runReusable", contextName="buy"),
        flow,
        click(),
        node("end", "reusable.end"),
    ]
    line = workflow(
        [],
        [
            ("fill", "given"),
            ("given", "loop"),
            ("loop", "call", "output"),
            ("define", "click"),
            ("click", "end"),
        ],
    )
    document["edges"] += [{**edge, "id": f"more-{edge['id']}"} for edge in line["edges"]]
    options = debug(breakpoints=[{"nodeId": "click", "condition": "index == 1"}], first=True)
    async with debugging(tmp_path, *[document] * 6, workers=2, slots=2, debug=options) as run:
        event = await run.paused(1)
        assert event.iteration == 1
        await run.run.until(lambda: run.state.counts.completed == 5)
        paused = run.state.executions[event.execution_id]
        titles: Any = (await run.send("inspect", paused)).answer
        assert titles["page"]["title"] == "Bought 1"
        await run.send("step", paused)
        assert set(words(await run.over())) == {"completed"}
