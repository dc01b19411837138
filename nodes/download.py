"""``download``: files that the preceding or the next interaction downloads.

Source: nodes.md, download, as intended there: the session keeps downloads until a download node asks for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from playwright.async_api import Download as PageDownload

from nodes.blocks import RetryBlock, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import NodeDataError, NodeError
from nodes.limits import time_limit
from nodes.model import INTERPOLATED, REQUIRED, OneOf, Text
from nodes.operation import perform
from nodes.patterns import read_pattern
from nodes.registry import NodeType

__all__ = ["Download", "DownloadData"]

_OBJECT_VARIABLE: Final = "download"
_PATH_VARIABLE: Final = "downloadPath"
_SAVED_VARIABLE: Final = "downloadSavedPath"


class DownloadData(WaitBlock, RetryBlock, TimeoutBlock):
    """Properties of ``download``."""

    action: Annotated[Text, REQUIRED, OneOf("waitForDownload", "saveDownload", "getDownloadPath")] = None
    """What to do."""
    url_pattern: Annotated[Text, INTERPOLATED] = None
    """Regular expression that the download's URL must match (`waitForDownload`)."""
    output_variable: Text = None
    """Data key for the result: `download` (`waitForDownload`) or `downloadPath` if absent."""
    download_object: Text = None
    """Data key that holds the download (`saveDownload`, `getDownloadPath`)."""
    save_path: Annotated[Text, INTERPOLATED] = None
    """File to write (`saveDownload`); folders are created."""


class Download(NodeType[DownloadData]):
    """Wait for a download, save it, or get the path of its file."""

    name = "download"
    title = "Download"
    category = "browser"
    reads = ("<downloadObject>",)
    writes = (_OBJECT_VARIABLE, _SAVED_VARIABLE, _PATH_VARIABLE)

    async def run(self, data: DownloadData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing or unusable.
            NodeTimeoutError: No download was started, or it was not finished in time.
            NodeError: The download has another URL.
        """
        action = choose(_ACTIONS, data.action, "action")
        run.page  # noqa: B018 - raises the right error when nothing is open
        await perform(run, data, lambda: action(data, run))


async def _wait_for_download(data: DownloadData, run: NodeRun) -> None:
    pattern = read_pattern(data.url_pattern, "urlPattern") if data.url_pattern else None
    download = await run.session.next_download(data.timeout)
    if pattern is not None and pattern.search(download.url) is None:
        raise NodeError(
            f"The download has another URL: expected '{data.url_pattern}', got '{download.url}'",
            code="DOWNLOAD_UNEXPECTED",
        )
    run.data[data.output_variable or _OBJECT_VARIABLE] = download
    run.result = download.suggested_filename


async def _save_download(data: DownloadData, run: NodeRun) -> None:
    download = _stored(data, run)
    path = run.path(run.require(data.save_path, "savePath"))
    async with time_limit(data.timeout, "The download"):
        await download.save_as(path)
    run.data[_SAVED_VARIABLE] = run.result = str(path)


async def _get_download_path(data: DownloadData, run: NodeRun) -> None:
    download = _stored(data, run)
    async with time_limit(data.timeout, "The download"):
        path = await download.path()
    run.data[data.output_variable or _PATH_VARIABLE] = run.result = str(path)


def _stored(data: DownloadData, run: NodeRun) -> PageDownload:
    key = run.require(data.download_object, "downloadObject")
    download = run.data.get(key)
    if not isinstance(download, PageDownload):
        raise NodeDataError(
            f"Property 'downloadObject': data key '{key}' holds no download; "
            "put a Download node with the action 'waitForDownload' before this one",
            field="downloadObject",
        )
    return download


_ACTIONS: Final[Mapping[str, Callable[[DownloadData, NodeRun], Awaitable[None]]]] = {
    "waitForDownload": _wait_for_download,
    "saveDownload": _save_download,
    "getDownloadPath": _get_download_path,
}
