"""Workflow files in the page: browsing, what is wrong with them, their graphs, running a selection."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from batches.breakpoints import BreakpointSet
from tests.batches.debugging import trail
from tests.running import chain, node
from tests.server.dashboard.test_debugger_view import ended, paused_at
from tests.server.dashboard.viewer import START, Viewer, passing, row, rows
from tests.server.serving import Serving, serving


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def named(document: dict[str, Any], name: str, *tags: str) -> dict[str, Any]:
    return {**document, "metadata": {"name": name, "tags": list(tags)}}


@pytest.fixture
async def flows(board: Serving) -> AsyncIterator[Path]:
    """A folder below the server's root."""
    folder = board.server.service.roots[0] / "flows"
    write(folder / "buy.json", named(passing(), "Buy a compass", "shop", "smoke"))
    write(folder / "steps.json", trail("a", "b", "c"))
    write(folder / "edge.json", {**passing(), "edges": [{"id": "e", "source": "start", "target": "nowhere"}]})
    write(folder / "shaky.json", chain(START, node("go", "navigation", label="No address")))
    write(folder / "broken.json", "{")
    write(folder / "notes.txt", "no workflow")
    write(folder / "more" / "deep.json", passing())
    yield folder
    await board.server.service.runner.saved_breakpoints.save({str(folder / "steps.json"): BreakpointSet()})
    shutil.rmtree(folder)


def place(path: Path) -> str:
    return f"workflows{path}"


def form(page: Page) -> Locator:
    return page.get_by_role("dialog")


async def test_folders_are_browsed_and_files_checked(board: Serving, viewer: Viewer, flows: Path) -> None:
    page = await viewer.open(board.server.url, "workflows")
    await row(page, "flows").get_by_role("link").click()
    await expect(page.get_by_role("heading", name="flows")).to_be_visible()
    await expect(rows(page)).to_have_count(6)
    await expect(row(page, "buy.json")).to_contain_text("Valid")
    await expect(row(page, "buy.json")).to_contain_text("Buy a compass")
    await expect(row(page, "edge.json")).to_contain_text("Invalid")
    await expect(row(page, "shaky.json")).to_contain_text("1 problem")
    await expect(row(page, "broken.json")).to_contain_text("Invalid")
    await expect(page.get_by_text("5 workflows · 1 folder · 2 invalid · 1 with problems")).to_be_visible()

    await page.keyboard.press("/")
    await page.keyboard.type("@smoke")
    await expect(rows(page)).to_have_count(1)
    await expect(page).to_have_url(re.compile("q=%40smoke"))
    await page.reload()
    await expect(rows(page)).to_have_count(1)
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_role("button", name=re.compile("^State")).click()
    await expect(page).to_have_url(re.compile("sort=-?state"))
    await row(page, "more").get_by_role("link").click()
    await row(page, "deep.json").get_by_role("link").click()
    await expect(page.get_by_role("heading", name="deep.json")).to_be_visible()
    await (
        page.get_by_role("navigation", name="Where this is")
        .get_by_role("link", name="flows", exact=True)
        .click()
    )
    await expect(rows(page)).to_have_count(6)
    write(flows / "new.json", passing())
    await page.get_by_role("button", name="Read the folder again").click()
    await expect(rows(page)).to_have_count(7)


async def test_what_is_wrong_with_a_file_is_said(board: Serving, viewer: Viewer, flows: Path) -> None:
    page = await viewer.open(board.server.url, place(flows / "edge.json"))
    problems = page.get_by_role("region", name="Problems")
    await expect(problems).to_contain_text("It cannot be run")
    await expect(problems).to_contain_text("nowhere")
    await expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    await expect(page.locator("[data-node=say]")).to_be_visible()
    await page.goto(f"{board.server.url}/#/{place(flows / 'broken.json')}")
    await expect(problems).to_contain_text("JSON")
    await page.goto(f"{board.server.url}/#/{place(flows / 'shaky.json')}")
    await expect(problems).to_contain_text("It runs, but not to its end")


async def test_breakpoints_are_kept_for_a_file_and_count_in_its_runs(
    board: Serving, viewer: Viewer, flows: Path
) -> None:
    page = await viewer.open(board.server.url, place(flows / "steps.json"))
    await page.locator("[data-node=b]").click()
    facts = page.get_by_role("region", name="Node String Value")
    await expect(facts).to_contain_text("variableName")
    await facts.get_by_role("button", name="Set a breakpoint").click()
    await page.get_by_role("button", name="Close the node").click()
    await page.locator("[data-node=c] .gnode-gutter").click()
    await expect(page.get_by_text("2 breakpoints")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("2 breakpoints")).to_be_visible()
    await expect(page.locator("[data-node=b]")).to_have_attribute(
        "aria-label", re.compile("breakpoint before")
    )

    await page.keyboard.press("R")
    await form(page).get_by_role("button", name="Run", exact=True).click()
    await expect(page).to_have_url(re.compile("#/executions/exec-"))
    await paused_at(page, "before b")
    await page.keyboard.press("c")
    await paused_at(page, "before c")
    await page.keyboard.press("c")
    await ended(page)
    await page.get_by_role("link", name="Workflow file").click()
    await page.get_by_role("button", name="Remove all").click()
    await expect(page.get_by_text("No breakpoints")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("No breakpoints")).to_be_visible()
    kept = (await board.server.service.runner.saved_breakpoints.all()).get(str(flows / "steps.json"))
    assert kept in {None, BreakpointSet()}


async def test_a_selection_is_run_with_options(board: Serving, viewer: Viewer, flows: Path) -> None:
    page = await viewer.open(board.server.url, place(flows))
    for name in ("buy.json", "steps.json", "more"):
        await row(page, name).get_by_role("checkbox").check()
    await page.get_by_role("button", name="Run 3 selected").click()
    await expect(form(page).get_by_label("Workers")).to_have_value("2")
    await form(page).get_by_label("Workers").fill("1")
    await form(page).get_by_label("Retries").fill("2")
    await form(page).get_by_label("Time limit, seconds").fill("90")
    await form(page).get_by_label("Tags").fill("nightly, eu")
    await form(page).get_by_label("Variables").fill("who=Ada L\nlimit=3\nlist=[1, 2]")
    await form(page).get_by_label("Pictures").select_option("both")
    await form(page).get_by_role("button", name="Run", exact=True).click()
    await expect(page).to_have_url(re.compile("#/batches/batch-"))
    batch_id = page.url.rsplit("/", 1)[-1]
    await board.client.wait(batch_id)
    state = await board.server.service.batch(batch_id)
    assert sorted(item.member.workflow_file_name for item in state.executions.values()) == [
        "buy.json",
        "deep.json",
        "steps.json",
    ]
    assert (state.workers, state.counts.completed) == (1, 3)
    assert state.options["retries"] == 2
    assert sorted(state.options["tags"]) == ["eu", "nightly"]  # type: ignore[call-overload]
    stored = (await board.server.service.store.request(batch_id))["options"]
    assert isinstance(stored, dict)
    assert stored["variables"] == {"who": "Ada L", "limit": 3, "list": [1, 2]}


async def test_a_mistake_in_the_options_is_explained(board: Serving, viewer: Viewer, flows: Path) -> None:
    viewer.allowed.append("400")
    page = await viewer.open(board.server.url, place(flows / "buy.json"))
    await page.get_by_role("button", name="Run", exact=True).click()
    alert = form(page).get_by_role("alert")
    await form(page).get_by_label("Variables").fill("no value")
    await form(page).get_by_role("button", name="Run", exact=True).click()
    await expect(alert).to_contain_text('"no value" is no name=value')
    await form(page).get_by_label("Variables").fill("")
    await form(page).get_by_label("Workers").fill("many")
    await form(page).get_by_role("button", name="Run", exact=True).click()
    await expect(alert).to_contain_text('Workers: "many" is no whole number')
    await form(page).get_by_label("Workers").fill("2")
    await form(page).get_by_label("Retries").fill("-1")
    await form(page).get_by_role("button", name="Run", exact=True).click()
    await expect(alert).to_contain_text("retries:")
    await page.keyboard.press("Escape")
    await expect(form(page)).to_be_hidden()


async def test_a_whole_folder_is_run_and_what_is_invalid_is_listed(
    board: Serving, viewer: Viewer, flows: Path
) -> None:
    page = await viewer.open(board.server.url, place(flows))
    await page.get_by_role("button", name="Run all").click()
    await form(page).get_by_role("button", name="Run", exact=True).click()
    await expect(page).to_have_url(re.compile("#/batches/batch-"))
    state = await board.server.service.batch(page.url.rsplit("/", 1)[-1])
    assert (len(state.executions), len(state.invalid)) == (4, 2)


async def test_places_outside_of_the_roots_are_refused(board: Serving, viewer: Viewer) -> None:
    viewer.allowed += ["403", "404"]
    page = await viewer.open(board.server.url, "workflows/etc")
    await expect(page.get_by_role("heading", name="This folder cannot be shown")).to_be_visible()
    await page.goto(f"{board.server.url}/#/workflows/etc/secret.json")
    await expect(page.get_by_role("heading", name="This file cannot be shown")).to_be_visible()
    await page.get_by_role("link", name="Go to the roots").click()
    await expect(page).to_have_url(re.compile("#/workflows$"))


async def test_it_fits_a_telephone(board: Serving, viewer: Viewer, flows: Path) -> None:
    small = {"width": 360, "height": 740}
    page = await viewer.open(board.server.url, place(flows), viewport=small)
    await expect(rows(page)).to_have_count(6)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await page.get_by_role("button", name="Run all").click()
    await form(page).get_by_role("button", name="Run", exact=True).scroll_into_view_if_needed()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await page.keyboard.press("Escape")
    await page.goto(f"{board.server.url}/#/{place(flows / 'buy.json')}")
    await expect(page.locator("[data-node=say]")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_what_is_hidden_or_leads_out_is_not_listed(tmp_path: Path) -> None:
    one, two, away = (tmp_path / name for name in ("one", "two", "away"))
    write(one / "a.json", passing())
    write(one / ".hidden.json", passing())
    write(two / "b.json", passing())
    write(away / "secret.json", passing())
    (one / "link.json").symlink_to(away / "secret.json")
    (one / "out").symlink_to(away)
    async with serving(one, roots=(one, two), output=one / "output") as server:
        _, roots = await server.json("/api/dashboard/workflows")
        assert [item["name"] for item in roots["folders"]] == ["one", "two"]
        _, folder = await server.json(f"/api/dashboard/workflows?path={one}")
        assert [item["name"] for item in folder["files"]] == ["a.json"]
        assert folder["folders"] == []
        for path in (one / "link.json", away / "secret.json", "../away/secret.json"):
            status, problem = await server.json(f"/api/dashboard/workflows/file?path={path}")
            assert (status, problem["code"], problem["field"]) == (403, "PATH_NOT_ALLOWED", "path")
        status, problem = await server.json("/api/dashboard/workflows/file?path=none.json")
        assert (status, problem["field"]) == (404, "path")
        body = {"paths": [str(away / "secret.json")]}
        async with server.http.post("/api/dashboard/workflows/run", json=body) as answer:
            assert answer.status == 403
        async with server.http.post("/api/dashboard/workflows/run", json={"paths": []}) as answer:
            assert answer.status == 400
            assert (await answer.json())["field"] == "paths"
