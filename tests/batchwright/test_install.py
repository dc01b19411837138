from __future__ import annotations

import asyncio
import io
import os
import shutil
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from batches import managed
from batches.browsers import KINDS, find_browser
from batchwright.install import install
from batchwright.video import ensure_video

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="package managers are only used by root")


class Machine:
    """A machine on which nothing is installed; downloads go to a port nobody listens on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real_browser = find_browser("chromium").path
        self.real_path = os.environ["PATH"]
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.browsers = folder / "ms-playwright"
        self.said: list[str] = []
        monkeypatch.setenv("PATH", str(self.programs))
        monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(self.browsers))
        monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")
        for kind in KINDS:
            monkeypatch.delenv(f"BATCHWRIGHT_{kind.upper()}", raising=False)

    def add(self, name: str, target: Path) -> None:
        """Put a link to a real program on the PATH."""
        (self.programs / name).symlink_to(target)

    def add_apt(self, packages: dict[str, tuple[str, Path]]) -> Path:
        """An apt-get that knows some packages (name -> program and what it links to); returns its log."""
        log = self.programs / "apt.log"
        links = "\n".join(
            f'  {package}) ln -s "{target}" "{self.programs / name}"; exit 0 ;;'
            for package, (name, target) in packages.items()
        )
        script = self.programs / "apt-get"
        script.write_text(
            f'#!/bin/sh\nPATH="{self.real_path}"\necho "$@" >> "{log}"\n[ "$1" = update ] && exit 0\n'
            f'for package; do :; done\ncase "$package" in\n{links}\nesac\n'
            'echo "E: Unable to locate package $package"; exit 100\n',
            encoding="utf-8",
        )
        script.chmod(0o755)
        return log

    async def install(self, *, ffmpeg: bool = False) -> int:
        self.said = []
        return await asyncio.to_thread(
            install, "chromium", ffmpeg=ffmpeg, download_timeout_s=60, say=self.said.append
        )

    async def ensure_video(self) -> bool:
        """As after a download that failed."""
        return await asyncio.to_thread(ensure_video, "chromium", download=None, say=self.said.append)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
async def downloads(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """A server of browser downloads; yields what was asked for. Its programs call this machine's own."""
    asked: list[str] = []
    ffmpeg = shutil.which("ffmpeg", path=machine.real_path)
    found = {
        "chrome-headless-shell-linux64.zip": (
            "chrome-headless-shell-linux64/chrome-headless-shell",
            machine.real_browser,
        ),
        "ffmpeg-linux.zip": ("ffmpeg-linux", ffmpeg),
    }

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.path.rpartition("/")[2])
        name, target = found[asked[-1]]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, f'#!/bin/sh\nPATH="{machine.real_path}" exec {target} "$@"\n')
        return web.Response(body=buffer.getvalue(), content_type="application/zip")

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield asked
    await runner.cleanup()


async def test_a_browser_that_is_there_is_left_alone(machine: Machine) -> None:
    machine.add("chromium-headless-shell", machine.real_browser)

    assert await machine.install() == 0

    assert len(machine.said) == 1
    assert "ready" in machine.text
    assert not machine.browsers.exists()


async def test_nothing_to_be_had_says_exactly_what_to_run(machine: Machine) -> None:
    machine.add_apt({})

    assert await machine.install() == 3

    assert "ECONNREFUSED" in machine.text
    assert "is not installed" in machine.said[-1]
    assert "python -m playwright install chromium" in machine.said[-1]
    assert "sudo apt-get install -y --no-install-recommends chromium" in machine.said[-1]
    assert "BATCHWRIGHT_CHROMIUM" in machine.said[-1]


async def test_a_wrong_setting_is_named_and_nothing_is_downloaded(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHWRIGHT_CHROMIUM", "/no/such/browser")

    assert await machine.install() == 3

    assert "BATCHWRIGHT_CHROMIUM" in machine.text
    assert "Downloading" not in machine.text


async def test_playwrights_download_is_used_first(machine: Machine, downloads: list[str]) -> None:
    assert await machine.install() == 0

    assert "chrome-headless-shell-linux64.zip" in downloads
    assert find_browser("chromium").origin == "playwright"
    asked = len(downloads)
    assert await machine.install(ffmpeg=True) == 0
    assert len(downloads) == asked
    assert [line.split(":")[0] for line in machine.said] == ["Browser chromium", "Videos"]


@as_root
async def test_the_systems_packages_are_tried_in_order(machine: Machine) -> None:
    log = machine.add_apt({"chromium": ("chromium", machine.real_browser)})

    assert await machine.install() == 0

    assert [line.split()[-1] for line in log.read_text().splitlines()] == [
        "update",
        "chromium-headless-shell",
        "chromium",
    ]
    assert "Unable to locate package chromium-headless-shell" in machine.text
    assert find_browser("chromium").origin == "system"


@as_root
@pytest.mark.browser
async def test_the_systems_ffmpeg_takes_the_place_of_playwrights(machine: Machine) -> None:
    ffmpeg = shutil.which("ffmpeg", path=machine.real_path)
    if ffmpeg is None:
        pytest.skip("no ffmpeg on this machine")
    machine.add("chromium-headless-shell", machine.real_browser)
    log = machine.add_apt({"ffmpeg": ("ffmpeg", Path(ffmpeg))})

    assert await machine.ensure_video()

    assert "a recording worked" in machine.said[-1]
    assert log.read_text().splitlines()[-1].endswith("ffmpeg")
    place = managed.ffmpeg_file()
    assert place is not None
    assert place.is_symlink()
    assert (place.parent / "INSTALLATION_COMPLETE").exists()

    assert await machine.install(ffmpeg=True) == 0
    assert len(machine.said) == 2
    assert "a recording worked" not in machine.text


@pytest.mark.browser
async def test_an_ffmpeg_that_records_nothing_is_not_kept(machine: Machine) -> None:
    machine.add("chromium-headless-shell", machine.real_browser)
    machine.add("ffmpeg", Path("/bin/false"))

    assert not await machine.ensure_video()

    assert "not possible with" in machine.said[-1]
    place = managed.ffmpeg_file()
    assert place is not None
    assert list(place.parent.iterdir()) == []


async def test_without_any_ffmpeg_the_browser_still_counts(machine: Machine) -> None:
    machine.add("chromium-headless-shell", machine.real_browser)

    assert await machine.install(ffmpeg=True) == 0

    assert "no ffmpeg on this machine" in machine.said[-1]
