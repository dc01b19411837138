"""Live pictures of executions: real browsers, from the page to whoever watches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batches.local import _LocalHandle
from batches.screen import PictureSize, Screen
from nodes.provider import LaunchRequest
from nodes.session import BrowserSession
from tests.batches.runs import MINUTE_MS, PATIENCE_S, Stage, browsing, request, stage
from tests.running import node

JPEG = b"\xff\xd8\xff"
GATE = node("gate", "wait", waitType="timeout", value=MINUTE_MS)


@dataclass
class Viewer:
    """Keeps the pictures it is shown."""

    pictures: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, picture: bytes) -> None:
        assert picture.startswith(JPEG)
        self.pictures.append(picture)
        self.came.set()

    async def any(self) -> bytes:
        """The newest picture, as soon as there is one."""
        await asyncio.wait_for(self.came.wait(), PATIENCE_S)
        return self.pictures[-1]

    async def next(self) -> bytes:
        """A picture that comes after this call."""
        self.came.clear()
        await asyncio.wait_for(self.came.wait(), PATIENCE_S)
        return self.pictures[-1]


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height, from the JPEG's frame header."""
    at = 2
    while picture[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(picture[at + 2 : at + 4])
    return int.from_bytes(picture[at + 7 : at + 9]), int.from_bytes(picture[at + 5 : at + 7])


def screen_of(held: Stage) -> Screen:
    (handle,) = held.runner._engine._handles  # type: ignore[attr-defined]
    assert isinstance(handle, _LocalHandle)
    return handle.screen


async def begun(held: Stage, document: dict[str, Any]) -> str:
    """Start a workflow and wait until it stands at its gate."""
    state = await held.runner.submit(request(document))
    await held.at_node("gate")
    return next(iter(state.executions))


async def test_nothing_is_drawn_while_nobody_watches(tmp_path: Path, site_url: str) -> None:
    async with stage(tmp_path) as held:
        name = await begun(held, browsing(f"{site_url}/logic.html", GATE))
        screen = screen_of(held)
        assert (screen.page, screen._task) == (None, None)
        viewer = Viewer()
        held.runner.pictures.watch(name, PictureSize.SMALL, viewer.show)
        await viewer.next()
        assert screen.page is not None
        held.runner.pictures.unwatch(name)
        assert held.runner.pictures.watched == {}
        assert screen._task is not None
        await asyncio.wait_for(screen._task, PATIENCE_S)
        assert screen.page is None


async def test_pictures_are_small_until_somebody_looks_closely(tmp_path: Path, site_url: str) -> None:
    async with stage(tmp_path) as held:
        name = await begun(held, browsing(f"{site_url}/logic.html", GATE))
        viewer = Viewer()
        held.runner.pictures.watch(name, PictureSize.SMALL, viewer.show)
        width, height = size_of(await viewer.next())
        assert width <= 480
        assert height <= 300
        viewer = Viewer()
        held.runner.pictures.watch(name, PictureSize.LARGE, viewer.show)
        width, height = size_of(await viewer.next())
        assert 480 < width <= 1280


async def test_whoever_watches_from_the_beginning_sees_the_page_when_there_is_one(
    tmp_path: Path, site_url: str
) -> None:
    async with stage(tmp_path, slots=1) as held:
        await held.runner.submit(request(browsing(f"{site_url}/slow?ms=50&text=first", GATE)))
        state = await held.runner.submit(request(browsing(f"{site_url}/logic.html", GATE)))
        name = next(iter(state.executions))
        viewer = Viewer()
        held.runner.pictures.watch(name, PictureSize.SMALL, viewer.show)
        first = next(iter(next(iter(held.runner._batches.values())).state.executions))
        await held.at_node("gate")
        await held.runner.stop_execution(first)
        await viewer.any()


async def test_an_execution_that_is_watched_ends_as_any_other(tmp_path: Path, site_url: str) -> None:
    async with stage(tmp_path) as held:
        shot = node("shot", "screenshot", action="fullPage", fileName="a")
        state = await held.runner.submit(request(browsing(f"{site_url}/logic.html", shot)))
        viewer = Viewer()
        held.runner.pictures.watch(next(iter(state.executions)), PictureSize.LARGE, viewer.show)
        assert (await held.over(state.batch_id)).counts.completed == 1


async def test_a_stopped_execution_closes_its_page_while_it_is_watched(tmp_path: Path, site_url: str) -> None:
    async with stage(tmp_path) as held:
        name = await begun(held, browsing(f"{site_url}/logic.html", GATE))
        screen, viewer = screen_of(held), Viewer()
        held.runner.pictures.watch(name, PictureSize.SMALL, viewer.show)
        await viewer.next()
        await held.runner.stop_execution(name)
        assert (screen.page, screen._task) == (None, None)


async def test_pictures_follow_the_session_to_its_current_page(pool: Any, site_url: str) -> None:
    session, screen, viewer = BrowserSession(pool), Screen(), Viewer()
    screen.watch(PictureSize.SMALL, viewer.show)
    screen.follow(session)
    try:
        first = await session.open(LaunchRequest(), {})
        await viewer.next()
        second = await session.context.new_page()
        await second.goto(f"{site_url}/logic.html")
        assert screen.page is first, "a popup does not become the current page by itself"
        session.switch_page(second)
        await viewer.next()
        assert screen.page is second
        await second.close()
        await viewer.next()
        assert screen.page is first
    finally:
        await screen.close()
        await session.close()
    screen.watch(PictureSize.SMALL, viewer.show)
    assert screen._task is None
