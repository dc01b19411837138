from __future__ import annotations

import asyncio
import importlib.metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batches import processes
from batches.chromium_args import chromium_args
from batches.pool import BrowserPool, PoolSettings
from nodes.provider import LaunchRequest

OFF, ON = "--disable-features=", "--enable-features="
FEATURE = st.from_regex(r"[A-Z][a-z]{1,8}", fullmatch=True)
LISTS = st.builds(
    lambda switch, names: switch + ",".join(names), st.sampled_from([OFF, ON]), st.lists(FEATURE)
)


def lists(args: list[str], switch: str) -> list[list[str]]:
    return [arg.removeprefix(switch).split(",") for arg in args if arg.startswith(switch)]


@given(st.lists(st.one_of(LISTS, st.from_regex(r"--[a-z]{3,9}(=[a-z]+)?", fullmatch=True))))
def test_nothing_that_is_asked_for_gets_lost(asked: list[str]) -> None:
    made = chromium_args(asked)
    others = [arg for arg in asked if not arg.startswith((OFF, ON))]
    assert made[: len(others)] == others
    for switch in (OFF, ON):
        wanted = {name for names in lists(asked, switch) for name in names if name}
        found = lists(made, switch)
        assert len(found) <= 1
        assert wanted <= {name for names in found for name in names}


def test_a_feature_that_is_asked_for_is_not_switched_off() -> None:
    assert "RenderDocument" in lists(chromium_args([]), OFF)[0]
    for asked in ("RenderDocument", "Other,RenderDocument:level/all-frames", "RenderDocument<Trial"):
        assert not lists(chromium_args([ON + asked]), OFF)
        assert asked in ",".join(lists(chromium_args([ON + asked]), ON)[0])


def test_our_own_flags_can_be_left_out() -> None:
    assert "--disable-quic" in chromium_args([])
    assert "--disable-quic" not in chromium_args([], ["--disable-quic"])


def test_playwrights_list_can_be_left_out() -> None:
    [names] = lists(chromium_args([OFF + "Mine"], [OFF + "As,Playwright,writes,it"]), OFF)
    assert names == ["Mine", "RenderDocument"]


def test_with_another_playwright_lists_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "1.65.99")
    assert chromium_args(["--one", OFF + "Mine", ON + "This"]) == [
        "--one",
        OFF + "Mine",
        ON + "This",
        "--disable-quic",
    ]


@pytest.mark.browser
@pytest.mark.parametrize("legacy", [False, True])
async def test_what_playwright_switches_on_and_off_stays_so(
    legacy: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lists that are repeated are those of the release of Playwright in use."""
    monkeypatch.delenv("PLAYWRIGHT_LEGACY_SCREENSHOT", raising=False)
    if legacy:
        monkeypatch.setenv("PLAYWRIGHT_LEGACY_SCREENSHOT", "1")
    pool = BrowserPool(PoolSettings())
    try:
        lease = await pool.lease(LaunchRequest(args=(f"{OFF}Mine", f"{ON}This")))
        root, *_ = await asyncio.to_thread(processes.find_marked, pool._launcher._id, prefix=True)
        text = await asyncio.to_thread(Path(f"/proc/{root.pid}/cmdline").read_text)
        await lease.release()
    finally:
        await pool.close()
    args = text.split("\0")
    for switch, added in ((OFF, ["Mine", "RenderDocument"]), (ON, ["This"])):
        theirs, effective = lists(args, switch)
        assert effective == theirs + added
