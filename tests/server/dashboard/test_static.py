"""The files of the pages: what they are made of, and that nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import get_args

import orjson
import pytest

from batches.events import Event
from server.dashboard.bundle import BundleError, bundle
from server.dashboard.pages import PAGES
from tests.server.serving import Serving

VENDOR = PAGES / "vendor"
LICENCES = {"MIT", "Apache-2.0", "BSD-3-Clause", "ISC"}
MOST_MODULES = 30


def test_vendored_files_are_those_that_were_built() -> None:
    about = orjson.loads((VENDOR / "VENDOR.json").read_bytes())
    for name, digest in about["files"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
    assert {item.name for item in VENDOR.iterdir()} == {*about["files"], "VENDOR.json", "LICENSES.txt"}
    licences = (VENDOR / "LICENSES.txt").read_text()
    for library in about["libraries"]:
        assert library["licence"] in LICENCES
        assert f"{library['name']} {library['version']}" in licences


def own_files() -> list[str]:
    return [
        file.relative_to(PAGES).as_posix()
        for file in sorted(PAGES.rglob("*"))
        if file.is_file() and VENDOR not in file.parents
    ]


@pytest.mark.parametrize("name", own_files())
def test_nothing_is_loaded_from_elsewhere_or_minified(name: str) -> None:
    text = (PAGES / name).read_text("utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"'`)]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert max(map(len, text.splitlines())) < 400
    if name.endswith(".html"):
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)


def test_modules_are_few_and_form_no_circle() -> None:
    assert len(list(PAGES.rglob("*.js"))) <= MOST_MODULES + 1  # and the vendored one
    assert "LiveView" in bundle(PAGES)


def test_the_page_knows_every_event() -> None:
    reducers = (PAGES / "app" / "reducers.js").read_text() + (PAGES / "app" / "store.js").read_text()
    kinds = {
        kind.model_fields["type"].default
        for union in get_args(Event)
        for kind in (get_args(union) or (union,))
    }
    assert {kind for kind in kinds if f'"{kind}"' not in reducers} == set()


@pytest.mark.parametrize("name", ["index.html", "login.html"])
async def test_pages_are_served_with_a_strict_policy_and_answered_again_with_304(
    board: Serving, name: str
) -> None:
    async with board.http.get(f"/dashboard/{name}") as answer:
        policy = answer.headers["Content-Security-Policy"]
        tag = answer.headers["ETag"]
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    async with board.http.get(f"/dashboard/{name}", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize(
    "path", ["../feed.py", "%2e%2e/feed.py", "vendor/VENDOR.json", "app", "nothing.js", "app/%00.js"]
)
async def test_nothing_else_is_served(board: Serving, path: str) -> None:
    async with board.http.get(f"/dashboard/{path}") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "source",
    [
        'import x from "./y.js";',
        "export default 1;",
        'import * as all from "./y.js";',
        'import { a } from "./main.js";',
    ],
)
def test_what_the_bundle_does_not_understand_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "y.js").write_text("export const a = 1;")
    (tmp_path / "main.js").write_text(source)
    with pytest.raises(BundleError):
        bundle(tmp_path, "main.js")
