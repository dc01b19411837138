"""Logging in where the server has a token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from server.security import TOKEN_COOKIE
from tests.server.dashboard.viewer import Viewer
from tests.server.serving import Serving, serving

TOKEN = "open-sesame;42"
REFUSED = "status of 401"


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path, alone=False, token=SecretStr(TOKEN)) as board:
        yield board


async def test_the_token_opens_and_logging_out_closes(locked: Serving, viewer: Viewer) -> None:
    viewer.allowed.append(REFUSED)
    page = await viewer.open(locked.server.url)
    await expect(page).to_have_url(re.compile("/login"))
    field = page.get_by_label("Token")
    await expect(field).to_be_focused()
    await field.fill("open-barley")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_have_text("That is not the token of this server.")
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Nothing runs at the moment")).to_be_visible()
    (cookie,) = await page.context.cookies()
    assert (cookie.get("name"), cookie.get("httpOnly"), cookie.get("sameSite")) == (
        TOKEN_COOKIE,
        True,
        "Strict",
    )
    await page.goto(f"{locked.server.url}/#/history")
    await expect(page.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    await page.get_by_role("button", name="Log out").click()
    await expect(page).to_have_url(re.compile("/login"))
    assert await page.context.cookies() == []


async def test_a_page_whose_login_ended_goes_to_the_login(locked: Serving, viewer: Viewer) -> None:
    viewer.allowed += [REFUSED, "WebSocket connection to"]
    page = await viewer.open(locked.server.url)
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Nothing runs at the moment")).to_be_visible()
    await page.context.clear_cookies()
    await page.goto(f"{locked.server.url}/#/history")
    await expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 303),
        ("GET", "/login", 200),
        ("GET", "/dashboard/styles/tokens.css", 200),
        ("GET", "/dashboard/%2e%2e/api/workflows/executions/active", 401),
        ("GET", "/dashboard/../api/workflows/executions/active", 401),
        ("GET", "/api/dashboard/session", 401),
        ("GET", "/api/dashboard/feed", 401),
        ("GET", "/api/dashboard/history", 401),
        ("POST", "/api/dashboard/executions/stop", 401),
        ("POST", "/logout", 401),
    ],
)
async def test_what_is_open_without_a_token(locked: Serving, method: str, path: str, status: int) -> None:
    async with locked.http.request(method, path, allow_redirects=False) as answer:
        assert answer.status == status


async def test_other_pages_cannot_log_in_or_out(locked: Serving) -> None:
    headers = {"Origin": "https://evil.example"}
    async with locked.http.post("/login", data={"token": TOKEN}, headers=headers) as answer:
        assert answer.status == 403
    for path in ("/logout", "/api/dashboard/executions/stop"):
        async with locked.http.post(
            path, headers={**headers, "Cookie": f'{TOKEN_COOKIE}="{TOKEN}"'}
        ) as answer:
            assert answer.status == 403


async def test_the_cookie_is_for_encrypted_connections_where_the_browser_has_one(locked: Serving) -> None:
    for headers, is_secure in (({}, False), ({"X-Forwarded-Proto": "https"}, True)):
        async with locked.http.post(
            "/login", data={"token": TOKEN}, headers=headers, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            assert bool(answer.cookies[TOKEN_COOKIE]["secure"]) is is_secure


async def test_without_a_token_there_is_no_login(board: Serving) -> None:
    for method in ("GET", "POST"):
        async with board.http.request(method, "/login", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert await board.json("/api/dashboard/session") == (200, {"token": False})
