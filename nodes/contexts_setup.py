"""Creating, replacing and switching browser contexts, and their state in files (nodes.md, contextManipulate).

Locale, time zone and colour scheme can be given to a context only when it is created. These actions therefore
replace the context by one with the same options, cookies, local storage, init scripts and open page.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final, cast

import orjson
from playwright.async_api import StorageState

from nodes.browser_options import context_options, with_settings
from nodes.context import NodeRun
from nodes.contexts_model import ContextManipulateData
from nodes.errors import FileAccessError, NodeDataError
from nodes.model import DEFAULT_TIMEOUT_MS
from nodes.session import DEFAULT_CONTEXT

__all__ = [
    "create_context",
    "emulate_device",
    "load_state",
    "replace_context",
    "save_state",
    "switch_context",
]

_BLANK: Final = "about:blank"


async def create_context(data: ContextManipulateData, run: NodeRun) -> None:
    """Open a new context with a page and make it current.

    Raises:
        BrowserStateError: A context has this name already.
    """
    await _open(data, run, context_options(data.context_options, run, "contextOptions"))


async def switch_context(data: ContextManipulateData, run: NodeRun) -> None:
    """Make another context current.

    Raises:
        BrowserStateError: No context has this name.
    """
    run.session.lease  # noqa: B018 - raises the right error when nothing is open
    await run.session.switch_context(run.require(data.context_key, "contextKey"))


async def replace_context(data: ContextManipulateData, run: NodeRun, **change: object) -> None:
    """Replace a context by one with an option changed, and open its page again.

    The context is the one under ``contextKey``; if there is none, the current one is taken as the model and
    stays as it is.

    Args:
        data: The node's properties.
        run: The node's run.
        change: The options to change, with Playwright's Python names.
    """
    session = run.session
    key = data.context_key or DEFAULT_CONTEXT
    model = key if key in session.contexts else session.context_key
    if model == session.context_key:
        url = session.page.url
    else:
        url = next((page.url for page in session.contexts[model].pages), _BLANK)
    state = await session.contexts[model].storage_state()
    options = {**session.context_options(model), **change, "storage_state": state}
    page = await session.add_context(key, options, replace=True)
    if url != _BLANK:
        await page.goto(url, timeout=DEFAULT_TIMEOUT_MS)


async def emulate_device(data: ContextManipulateData, run: NodeRun) -> None:
    """Open a new context that looks like a device.

    Raises:
        NodeDataError: Playwright knows no device of this name.
    """
    name = run.require(data.device, "device")
    devices = run.session.lease.playwright.devices
    if name not in devices:
        alike = sorted(known for known in devices if known.lower().startswith(name.lower()[:6]))
        hint = f" (similar: {', '.join(alike[:8])})" if alike else ""
        raise NodeDataError(f"Property 'device': Playwright knows no device '{name}'{hint}", field="device")
    descriptor = {key: value for key, value in devices[name].items() if key != "default_browser_type"}
    await _open(data, run, descriptor)


async def save_state(data: ContextManipulateData, run: NodeRun) -> None:
    """Write cookies and local storage to a JSON file.

    Raises:
        FileAccessError: The file cannot be written.
    """
    path = run.path(run.require(data.state_file_path, "stateFilePath"))
    state = await run.session.context.storage_state()
    try:
        await asyncio.to_thread(_write, path, orjson.dumps(state, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise FileAccessError(f"State file '{path}' cannot be written: {error.strerror or error}") from error
    run.result = str(path)


async def load_state(data: ContextManipulateData, run: NodeRun) -> None:
    """Open a new context with the cookies and local storage of a file.

    Raises:
        FileAccessError: The file is missing or not a JSON object.
    """
    path = run.path(run.require(data.state_file_path, "stateFilePath"))
    try:
        state = orjson.loads(await asyncio.to_thread(path.read_bytes))
    except OSError as error:
        raise FileAccessError(f"State file '{path}' cannot be read: {error.strerror or error}") from error
    except orjson.JSONDecodeError as error:
        raise FileAccessError(f"State file '{path}' is not JSON: {error}") from error
    if not isinstance(state, dict):
        raise FileAccessError(f"State file '{path}' does not hold an object; write it with 'saveState'")
    await _open(data, run, {"storage_state": cast("StorageState", state)})


async def _open(data: ContextManipulateData, run: NodeRun, options: dict[str, object]) -> None:
    key = data.context_key or f"context-{time.time_ns() // 1_000_000}"
    await run.session.add_context(key, with_settings(options, run.settings))
    run.result = key


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
