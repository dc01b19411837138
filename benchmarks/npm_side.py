"""The flow in ``@playwright/test`` from npm: spec files with the same steps, run by its own runner.

It is installed into a folder of the user's cache when it is first asked for. Without Node or npm this side is
left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from batches.browsers import find_browser
from benchmarks.flow import FIRST_NAME, RESULT_COUNT, SEARCH_BOX

__all__ = ["VERSION", "install", "run", "why_not"]

VERSION: Final = "1.65.1"
"""Of ``@playwright/test``: the one whose protocol our own Playwright speaks."""

_INSTALL_S: Final = 300

_SPEC: Final = f"""import {{ test, expect }} from '@playwright/test';
test('search', async ({{ page }}) => {{
  await page.goto(process.env.BASE_URL + '/', {{ waitUntil: 'load' }});
  await page.locator({json.dumps(SEARCH_BOX)}).fill('compass');
  await page.locator({json.dumps(SEARCH_BOX)}).press('Enter');
  await expect(page.locator({json.dumps(RESULT_COUNT)})).toHaveText('1 result');
  expect(await page.locator({json.dumps(FIRST_NAME)}).textContent()).toBeTruthy();
}});
"""


def why_not() -> str | None:
    """Why this side cannot be measured here, or None."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    return f"@playwright/test is left out: {' and '.join(missing)} not found" if missing else None


def install() -> Path:
    """Its folder, with the package in it.

    Raises:
        subprocess.CalledProcessError: npm could not install it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "batchwright-benchmarks" / VERSION
    if not (folder / "node_modules" / "@playwright" / "test").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n', encoding="utf-8")
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", f"@playwright/test@{VERSION}"],  # noqa: S607 - the user's npm
            cwd=folder,
            check=True,
            timeout=_INSTALL_S,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"},
        )
    return folder


def run(base_url: str, copies: int, workers: int) -> None:
    """Write the spec files and run them; one test in each, as one workflow in each file.

    Raises:
        AssertionError: Not all passed.
    """
    folder = install()
    specs = folder / f"specs-{os.getpid()}"
    config = folder / f"config-{os.getpid()}.mjs"
    specs.mkdir()
    try:
        for number in range(copies):
            (specs / f"flow-{number}.spec.mjs").write_text(_SPEC, encoding="utf-8")
        config.write_text(_config(specs, workers), encoding="utf-8")
        program = folder / "node_modules" / "@playwright" / "test" / "cli.js"
        done = subprocess.run(
            ["node", str(program), "test", "--config", str(config)],  # noqa: S607 - the user's node
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "BASE_URL": base_url},
        )
        if done.returncode != 0:
            raise AssertionError(f"not all passed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    finally:
        shutil.rmtree(specs)
        config.unlink(missing_ok=True)


def _config(specs: Path, workers: int) -> str:
    launch = {"executablePath": str(find_browser("chromium").path), "chromiumSandbox": os.geteuid() != 0}
    settings = {
        "testDir": str(specs),
        "outputDir": str(specs / "results"),
        "workers": workers,
        "fullyParallel": True,
        "reporter": "dot",
        "use": {"launchOptions": launch},
    }
    return f"export default {json.dumps(settings)};\n"
