from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from batches import managed, processes
from batches.driver import Driver

_CACHE = "NODE_COMPILE_CACHE"


@pytest.fixture(autouse=True)
def no_cache_folder_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_CACHE, "")  # so that what a start sets is undone
    monkeypatch.delenv(_CACHE)


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _descriptors_of(pid: int) -> int:
    count = 0
    for path in Path("/proc/self/fdinfo").iterdir():
        with suppress(OSError):  # closed meanwhile
            count += f"\nPid:\t{pid}\n" in path.read_text()
    return count


async def _start_and_stop() -> None:
    driver = await Driver.start()
    await driver.stop(10)


async def test_what_node_compiled_is_kept_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")

    await _start_and_stop()

    assert _files_in(tmp_path / "batchwright" / "node")


async def test_a_cache_folder_that_the_user_chose_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_CACHE, str(tmp_path))

    await _start_and_stop()

    assert os.environ[_CACHE] == str(tmp_path)
    assert _files_in(tmp_path)


async def test_a_driver_starts_for_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert managed.cache_folder() is None

    await _start_and_stop()

    assert _CACHE not in os.environ


async def test_a_driver_starts_though_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(_CACHE, str(tmp_path / "file" / "node"))

    await _start_and_stop()

    assert (tmp_path / "file").read_text() == "no folder"


async def test_drivers_one_after_the_other_know_their_processes() -> None:
    drivers = [await Driver.start() for _ in range(2)]
    try:
        first, second = (driver.process for driver in drivers)
        assert first is not None
        assert first.pid != (second.pid if second is not None else None)
        assert all(driver.alive for driver in drivers)
    finally:
        await asyncio.gather(*(driver.stop(10) for driver in drivers))

    assert not any(driver.alive for driver in drivers)
    assert not processes.is_alive(first)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system has no descriptors of processes")
async def test_a_stopped_driver_leaves_no_descriptor() -> None:
    driver = await Driver.start()
    process = driver.process
    assert process is not None
    assert _descriptors_of(process.pid) == 1

    await driver.stop(10)

    assert _descriptors_of(process.pid) == 0
