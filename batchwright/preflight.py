"""What is looked at before a batch begins, so that a run which cannot work says so at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batches.browsers import KINDS, find_browser
from batches.request import WorkItem
from batches.spec import ExecutionOptions
from nodes.errors import BrowserMissingError

__all__ = ["require_browser"]


def require_browser(items: Sequence[WorkItem], options: ExecutionOptions) -> None:
    """Fail early when no workflow at all could run for want of a browser.

    One that can run, because it needs none or another kind, is reason enough to begin: the others then fail
    one by one.

    Raises:
        BrowserMissingError: Each of the workflows needs a browser that is not on this machine.
    """
    missing: BrowserMissingError | None = None
    known: dict[str, BrowserMissingError | None] = {}
    for item in items:
        lacking = None
        for kind in _browsers_of(item, options):
            if kind not in known:
                known[kind] = _missing(kind, options)
            lacking = lacking or known[kind]
        if lacking is None:
            return
        missing = missing or lacking
    if missing is not None:
        raise missing


def _missing(kind: str, options: ExecutionOptions) -> BrowserMissingError | None:
    try:
        find_browser(kind, headless=options.headless is not False)
    except BrowserMissingError as error:
        return error
    return None


def _browsers_of(item: WorkItem, options: ExecutionOptions) -> list[str]:
    """The kinds of browser that a workflow opens and that have to be found."""
    kinds = set()
    for data in item.opened_browsers():
        launch = data.get("launchOptions")
        if isinstance(launch, Mapping) and (launch.get("executablePath") or launch.get("channel")):
            continue
        kinds.add(options.browser or str(data.get("browser") or "chromium"))
    return sorted(kinds.intersection(KINDS))
