"""What people install: everything is in the wheel, and all that it imports comes along."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import aiohttp
import pytest

from tests.batches.runs import PATIENCE_S

ROOT = Path(__file__).parents[2]
ROOMS = ("batchwright", "server", "batches", "nodes")
STATIC = ROOT / "server" / "dashboard" / "static"

COMES_ALONG = {"pydantic-core"}
"""Belongs to a declared one, which names its only fitting version."""


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Names of all distributions that the project asks for, those of databases included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for key in optional if key != "dev" for one in optional[key])]
    return {normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in wanted}


def imported() -> dict[str, Path]:
    """Names of the modules that the rooms import from elsewhere, each with a file that does."""
    found: dict[str, Path] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for item in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(item, ast.Import):
                    found.update((name.name.partition(".")[0], path) for name in item.names)
                elif isinstance(item, ast.ImportFrom) and item.module and not item.level:
                    found[item.module.partition(".")[0]] = path
    return {name: path for name, path in found.items() if name not in {*ROOMS, *sys.stdlib_module_names}}


def test_everything_that_is_imported_is_declared() -> None:
    distributions = packages_distributions()
    missing = {
        f"{name} in {path.relative_to(ROOT)}"
        for name, path in imported().items()
        if not {normal(item) for item in distributions.get(name, [name])} & (declared() | COMES_ALONG)
    }
    assert missing == set()


async def _output_of(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(PATIENCE_S):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.fixture(scope="module")
async def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, as an installation lays them out."""
    place = tmp_path_factory.mktemp("wheel")
    await _output_of(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place / "out"))
    (wheel,) = (place / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site")
    return place / "site"


def test_the_wheel_holds_every_file_of_the_pages(unpacked: Path) -> None:
    there = {path.relative_to(STATIC) for path in STATIC.rglob("*") if path.is_file()}
    inside = unpacked / "server" / "dashboard"
    assert {
        path.relative_to(inside / "static") for path in (inside / "static").rglob("*") if path.is_file()
    } == there
    assert not (inside / "vendoring").exists()
    assert (unpacked / "batchwright" / "_examples" / "site" / "layout.html").is_file()


@pytest.mark.timeout(240)
async def test_it_serves_the_dashboard_without_node(unpacked: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    await _output_of(sys.executable, "-m", "venv", "--without-pip", str(environment))
    folder = next((environment / "lib").glob("python*")) / "site-packages"
    # The wheel first, then what it depends on; a folder named here brings no editable installations along.
    (folder / "wheel.pth").write_text(f"{unpacked}\n{sysconfig.get_path('purelib')}\n")
    port_file = tmp_path / "port"
    process = await asyncio.create_subprocess_exec(
        str(environment / "bin" / "python"),
        *("-m", "batchwright", "serve", "--port", "0", "--port-file", str(port_file)),
        cwd=tmp_path,
        env={"PATH": str(environment / "bin"), "HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = (await process.stdout.readline()).decode()
        url = re.findall(r"http://[\d.:]+", line)[0]
        async with aiohttp.ClientSession(url) as http, http.get("/") as page:
            names = re.findall(r'(?:src|href)="(/dashboard/[^"]+)"', await page.text())
            assert "/dashboard/app/main.js" in names
            for name in names:
                async with http.get(name) as answer:
                    assert answer.status == 200
                    assert (
                        await answer.read() == (unpacked / "server/dashboard/static" / name[11:]).read_bytes()
                    )
    finally:
        process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
