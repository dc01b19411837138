"""Executions that wait for a person, answered from the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.running import chain, node
from tests.server.dashboard.test_execution_view import run
from tests.server.dashboard.viewer import START, Viewer
from tests.server.serving import Serving


def asking(**data: Any) -> dict[str, Any]:
    return chain(START, node("ask", "askHuman", label="Ask", **data))


def gate(**data: Any) -> dict[str, Any]:
    return chain(
        START, node("gate", "approvalGate", message="Shall the order\nbe sent?", label="Gate", **data)
    )


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Question")


async def ended(page: Page, status: str) -> None:
    await expect(page.locator(f".view-head .badge[data-status={status}]")).to_be_visible()


async def data_of(board: Serving, name: str) -> Any:
    await board.client.wait_execution(name)
    return (await board.server.service.execution(name)).execution.data


async def test_a_gate_is_approved_with_a_reason(board: Serving, viewer: Viewer) -> None:
    name = await run(board, gate(timeout=3_600_000))
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(bar(page)).to_contain_text("It needs an approval: Gate")
    await expect(bar(page)).to_contain_text("Shall the order be sent?")
    await expect(bar(page)).to_contain_text(re.compile(r"counts as unanswered in (59 min|1 h)"))
    await expect(page.locator("[data-node=gate]")).to_have_attribute("data-status", "suspended")
    await bar(page).get_by_label("Reason").fill("The customer called")
    await bar(page).get_by_role("button", name="Approve").click()
    await ended(page, "completed")
    await expect(bar(page)).to_be_hidden()
    said = (await data_of(board, name))["approval"]
    assert (said["approved"], said["reason"], said["by"]) == (True, "The customer called", "dashboard")


@pytest.mark.parametrize(("key", "status"), [("y", "completed"), ("x", "failed")])
async def test_a_gate_takes_keys(board: Serving, viewer: Viewer, key: str, status: str) -> None:
    name = await run(board, gate())
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(bar(page)).to_be_visible()
    await page.keyboard.press(key)
    await ended(page, status)


async def test_a_choice_is_a_button(board: Serving, viewer: Viewer) -> None:
    name = await run(board, asking(question="Which delivery?", choices=["Standard", "Express"]))
    page = await viewer.open(board.server.url, f"executions/{name}")
    await bar(page).get_by_role("button", name="Express").click()
    await ended(page, "completed")
    assert (await data_of(board, name))["answer"] == "Express"


async def test_a_secret_answer_is_seen_nowhere(board: Serving, viewer: Viewer) -> None:
    name = await run(board, asking(question="Which code?", secret=True))
    page = await viewer.open(board.server.url, f"executions/{name}")
    await expect(bar(page)).to_be_visible()
    await page.keyboard.press("a")
    field = bar(page).get_by_label("Answer", exact=True)
    await expect(field).to_be_focused()
    await field.fill("c0de-482913")
    await expect(field).to_have_attribute("type", "password")
    await field.press("Enter")
    await ended(page, "completed")
    await page.get_by_role("link", name="Log").click()
    assert "c0de-482913" not in await page.content()


async def test_a_question_is_refused(board: Serving, viewer: Viewer) -> None:
    name = await run(board, asking(question="Which code?"))
    page = await viewer.open(board.server.url, f"executions/{name}")
    await bar(page).get_by_role("button", name="Refuse").click()
    await ended(page, "failed")
    await expect(page.get_by_role("region", name="Error")).to_contain_text("NOT_APPROVED")


async def test_whoever_answers_too_late_is_told(board: Serving, viewer: Viewer) -> None:
    viewer.allowed.append("409")
    name = await run(board, asking(question="Which code?"))
    page = await viewer.open(board.server.url, f"executions/{name}")
    await bar(page).get_by_label("Answer", exact=True).fill("mine")

    async def late(route: Any) -> None:
        answer = {"answer": "theirs"}
        async with board.http.post(f"/api/workflows/execution/{name}/respond", json=answer) as said:
            assert said.status == 200
        await route.continue_()

    await page.route("**/respond", late)
    await bar(page).get_by_role("button", name="Answer").click()
    await expect(page.locator(".toast[data-status=failed]")).to_be_visible()
    assert (await data_of(board, name))["answer"] == "theirs"
