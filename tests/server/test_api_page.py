"""The examples of docs/api.md, run as they stand against a real server."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.batches.runs import PATIENCE_S
from tests.server.serving import serving

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
FENCE = re.compile(r"^```(sh|json|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [(match[1], match[2]) for match in FENCE.finditer(PAGE)]
ADDRESS = "http://127.0.0.1:3003"
MARK = "=== the next example ==="

PRELUDE = f"""
set -euo pipefail
curl() {{
  command curl --max-time {PATIENCE_S} "$@"
  while command curl -s "$SERVER/api/workflows/executions/active" | jq -e '.totalActive > 0' > /dev/null
  do sleep 0.05; done
}}
"""
"""What an example starts is over before the next one looks at it."""


async def run(*command: str, cwd: Path, text: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(text.encode()), PATIENCE_S)
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode()


def differences(documented: Any, real: Any, where: str = "answer") -> list[str]:
    """Where an answer lacks something that the page shows, or has another type there."""
    if isinstance(documented, dict) and isinstance(real, dict):
        missing = [f"{where}.{key} is missing" for key in documented if key not in real]
        common = [key for key in documented if key in real]
        return missing + [
            text for key in common for text in differences(documented[key], real[key], f"{where}.{key}")
        ]
    if isinstance(documented, list) and isinstance(real, list):
        if bool(documented) != bool(real):
            return [f"{where} is {real}"]
        return differences(documented[0], real[0], f"{where}[0]") if documented else []
    if type(documented) is not type(real):
        return [f"{where} is {real!r}, not like {documented!r}"]
    volatile = isinstance(documented, int) or re.search(r"\d{13}", str(documented)) or documented == "files"
    return [] if volatile or documented == real else [f"{where} is {real!r}, not {documented!r}"]


def shell_examples() -> list[tuple[str, Any]]:
    """Each shell example with the answer that the page shows after it, if any."""
    examples = []
    for (kind, text), (next_kind, next_text) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if kind == "sh":
            examples.append((text, json.loads(next_text) if next_kind == "json" else None))
    return examples


def flows(root: Path) -> None:
    (root / "flows").mkdir()
    (root / "flows" / "hello.json").write_text(next(text for kind, text in BLOCKS if kind == "json"))


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are not installed")
async def test_every_curl_example_gives_the_answer_shown(tmp_path: Path) -> None:
    flows(tmp_path)
    examples = shell_examples()
    script = f"\necho '{MARK}'\n".join(text for text, _ in examples)
    async with serving(tmp_path) as stage:
        given = PRELUDE + script.replace(ADDRESS, stage.server.url)
        printed = (await run("bash", cwd=tmp_path, text=given)).split(MARK)
    assert len(printed) == len(examples) > 10
    for (text, documented), out in zip(examples, printed, strict=True):
        if documented is not None:
            assert differences(documented, json.loads(out)) == [], text
    assert printed[[text.startswith("for TRY") for text, _ in examples].index(True)].strip() == "1"


async def test_the_python_example(tmp_path: Path) -> None:
    flows(tmp_path)
    (text,) = [text for kind, text in BLOCKS if kind == "python"]
    async with serving(tmp_path) as stage:
        printed = await run(sys.executable, "-", cwd=tmp_path, text=text.replace(ADDRESS, stage.server.url))
    *nodes, last = printed.splitlines()
    assert [line.split()[1:] for line in nodes] == [
        ["start", "running"],
        ["start", "completed"],
        ["greet", "running"],
        ["greet", "completed"],
    ]
    assert last == "completed 1 of 1"


def test_a_difference_is_seen() -> None:
    assert differences({"a": 1, "b": [{"c": "x"}]}, {"b": [{"c": "y"}]}) == [
        "answer.a is missing",
        "answer.b[0].c is 'y', not 'x'",
    ]
    assert differences({"a": None}, {"a": 1}) == ["answer.a is 1, not like None"]
