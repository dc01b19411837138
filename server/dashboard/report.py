"""A batch as one HTML file: the dashboard's own pages with all they show in it, and nothing to load.

Screenshots are put in up to a limit, failures first; videos and other files stay where they are.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from batches.encoding import to_bytes
from batches.errors import NotFoundError
from batches.events import ExecutionStatus, now_ms
from batches.state import BatchState, ExecutionState
from batches.store import Store
from server.dashboard.bundle import bundle, styles
from server.dashboard.feed_views import batch_snapshot, execution_snapshot

__all__ = ["DEFAULT_MAX_BYTES", "ReportPage", "report_page"]

DEFAULT_MAX_BYTES: Final = 25 * 1024 * 1024
"""So much of pictures a report holds unless told otherwise."""

_PAGES: Final = Path(__file__).parent / "static"
_PICTURES: Final = {".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_TIMINGS: Final = ("failure", "post", "pre")
_TROUBLE: Final = frozenset({ExecutionStatus.FAILED, ExecutionStatus.INTERRUPTED, ExecutionStatus.STOPPED})


@dataclass(frozen=True, slots=True)
class ReportPage:
    """The file.

    Attributes:
        content: Its bytes.
        pictures: How many it holds.
        left_out: How many it does not, for its size or because they are gone.
    """

    content: bytes
    pictures: int
    left_out: int


async def report_page(
    store: Store, state: BatchState, output: Path, *, max_bytes: int = DEFAULT_MAX_BYTES
) -> ReportPage:
    """The report of a batch as it is now.

    Args:
        store: Where its workflows are kept.
        state: The batch.
        output: The output folder, below which its pictures lie.
        max_bytes: How much of pictures to put in.

    Raises:
        StoreError: Its workflows cannot be read.
    """
    workflows = await _workflows(store, state)
    snapshots = _snapshots(state)
    paths = list(dict.fromkeys(_pictures(state.executions.values())))

    def build() -> ReportPage:
        artifacts = _inlined(output.resolve(), paths, max_bytes)
        data = {
            "batchId": state.batch_id,
            "version": version("batchwright"),
            "madeAt": now_ms(),
            "snapshots": snapshots,
            "workflows": workflows,
            "artifacts": artifacts,
        }
        return ReportPage(_page(state.batch_id, data), len(artifacts), len(paths) - len(artifacts))

    return await asyncio.to_thread(build)


async def _workflows(store: Store, state: BatchState) -> dict[str, Any]:
    """The documents by execution; those that are kept no longer are missing, and so is their graph."""
    names = list(state.executions)
    try:
        return dict(await store.workflows(state.batch_id, names))
    except NotFoundError:
        found: dict[str, Any] = {}
    for name in names:
        try:
            found |= await store.workflows(state.batch_id, [name])
        except NotFoundError:
            continue
    return found


def _snapshots(state: BatchState) -> list[dict[str, Any]]:
    """What the feed would send."""
    seq = state.last_seq
    snapshots = [{"topic": f"batch:{state.batch_id}", "seq": seq, "state": batch_snapshot(state)}]
    for name, execution in state.executions.items():
        whole = execution_snapshot(state, execution)
        # A batch that runs goes on changing while this is written.
        whole |= {"nodes": list(execution.nodes), "log": list(execution.log)}
        snapshots.append({"topic": f"execution:{name}", "seq": seq, "state": whole})
    return snapshots


def _pictures(executions: Iterable[ExecutionState]) -> Iterator[str]:
    """Paths of pictures, the most telling first."""
    ordered = sorted(executions, key=lambda item: item.status not in _TROUBLE)
    for execution in ordered:
        if execution.error and execution.error.screenshot:
            yield execution.error.screenshot
    for timing in _TIMINGS:
        for execution in ordered:
            for node in execution.nodes:
                if timing in node.screenshots:
                    yield node.screenshots[timing]


def _inlined(output: Path, paths: Iterable[str], max_bytes: int) -> dict[str, str]:
    """Pictures as data addresses, by path, until the limit; a smaller one may still fit after a larger one."""
    inlined: dict[str, str] = {}
    left = max_bytes
    for path in paths:
        file = (output / path).resolve()
        kind = _PICTURES.get(file.suffix.lower())
        if kind is None or not file.is_relative_to(output):
            continue
        try:
            if file.stat().st_size > left:
                continue
            content = file.read_bytes()
        except OSError:  # deleted since
            continue
        left -= len(content)
        inlined[path] = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return inlined


def _page(title: str, data: dict[str, Any]) -> bytes:
    script = "\n" + bundle(_PAGES).replace("</script", "<\\/script").replace("<!--", "<\\!--") + "\n"
    style = "\n" + styles(_PAGES) + "\n"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    icon = base64.b64encode((_PAGES / "icon.svg").read_bytes()).decode()
    # Only "<" could end the element, or begin a comment in it.
    content = to_bytes(data).replace(b"<", b"\\u003c")
    head = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Batchwright</title>
<link rel="icon" href="data:image/svg+xml;base64,{icon}">
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This report needs JavaScript.</noscript>
<script type="application/json" id="report-data">"""
    foot = f'</script>\n<script type="module">{script}</script>\n</body>\n</html>\n'
    return head.encode() + content + foot.encode()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
