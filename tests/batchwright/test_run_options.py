"""Options of ``batchwright run`` that reach the browser."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from batches.managed import ffmpeg_file
from tests.batchwright.command import (
    batchwright,
    browsing,
    by_path,
    ends,
    passing,
    read_events,
    summary,
    write,
)
from tests.running import chain, node
from tests.site.app import build_site

pytestmark = pytest.mark.browser


@pytest.fixture
async def self_signed_site(tmp_path: Path) -> AsyncIterator[str]:
    """The test site behind a certificate that nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*make_certificate(tmp_path))
    runner = web.AppRunner(build_site(), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "site.crt", folder / "site.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


async def test_browser_arguments_certificates_settling_and_videos(
    tmp_path: Path, self_signed_site: str
) -> None:
    look = browsing(
        node("go", "navigation", action="navigate", url=f"{self_signed_site}/echo"),
        node("read", "elementQuery", action="getText", selector="body", outputVariable="echo"),
    )
    write(tmp_path / "flows", a=look)
    ffmpeg = ffmpeg_file()
    video = ["--record-session"] if ffmpeg is not None and ffmpeg.exists() else []
    arguments = ["--browser-arg=--user-agent=Tester/1", "--browser-arg", "--lang=fr", "--settle"]
    command = ("run", "flows", "--events", "e.jsonl", *arguments, *video)
    refused = await batchwright(*command, cwd=tmp_path)
    assert refused.code == 1
    assert "ERR_CERT" in refused.out
    accepted = await batchwright(*command, "--ignore-https-errors", cwd=tmp_path)
    assert accepted.code == 0, accepted.out
    (end,) = ends(read_events(tmp_path / "e.jsonl"))
    assert '"User-Agent": "Tester/1"' in str(end.data["echo"])
    assert len(end.videos) == len(video)
    for path in end.videos:
        assert (tmp_path / "output" / path).read_bytes().startswith(b"\x1a\x45\xdf\xa3")


async def test_a_window_without_a_display(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=browsing(), b=passing())
    env = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    ended = await batchwright("run", "flows", "--headed", "--summary-json", "s.json", cwd=tmp_path, env=env)
    assert ended.code == 1
    members = by_path(summary(tmp_path / "s.json"))
    assert members["a.json"]["errorCode"] in ("DISPLAY_MISSING", "BROWSER_MISSING")
    assert members["b.json"]["status"] == "completed"


async def test_another_browser_for_every_workflow(tmp_path: Path) -> None:
    write(tmp_path / "flows", a=browsing())
    env = {"BATCHWRIGHT_WEBKIT": "/no/webkit"}
    ended = await batchwright("run", "flows", "--browser", "webkit", cwd=tmp_path, env=env)
    assert ended.code == 3
    assert "Browser webkit is not installed at '/no/webkit'" in ended.out
    assert "batchwright install --browser webkit" in ended.out


async def test_only_reachable_hosts_are_called(tmp_path: Path, site_url: str) -> None:
    ask = chain(node("start", "start"), node("ask", "apiRequest", url=f"{site_url}/echo"))
    write(tmp_path / "flows", a=ask)
    command = ("run", "flows", "--reachable-host", "*.example.com")
    refused = await batchwright(*command, cwd=tmp_path)
    assert refused.code == 1
    assert "127.0.0.1" in refused.out
    allowed = await batchwright(*command, "--reachable-host", "127.0.0.1", cwd=tmp_path)
    assert allowed.code == 0, allowed.out
