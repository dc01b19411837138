"""``dialog``: JavaScript dialogs (alert, confirm, prompt) raised by the preceding or the next interaction.

Source: nodes.md, dialog, as intended there: the session holds dialogs open until a dialog node asks for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from playwright.async_api import Dialog as PageDialog

from nodes.blocks import RetryBlock, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import NodeDataError, NodeError
from nodes.limits import time_limit
from nodes.model import INTERPOLATED, REQUIRED, LooseText, OneOf, Text
from nodes.operation import perform
from nodes.patterns import read_pattern
from nodes.registry import NodeType

__all__ = ["Dialog", "DialogData"]

_DEFAULT_VARIABLE: Final = "dialogMessage"


class DialogData(WaitBlock, RetryBlock, TimeoutBlock):
    """Properties of ``dialog``."""

    action: Annotated[Text, REQUIRED, OneOf("accept", "dismiss", "prompt", "waitForDialog")] = None
    """How to answer; `waitForDialog` leaves the dialog open for the next dialog node."""
    message: Annotated[LooseText, INTERPOLATED] = None
    """Text that the dialog must have; for `waitForDialog` a regular expression."""
    input_text: Annotated[LooseText, INTERPOLATED] = None
    """What to answer to a prompt (`prompt`); may be empty."""
    output_variable: Text = None
    """Data key for the dialog's text (`waitForDialog`), `dialogMessage` if absent."""


class Dialog(NodeType[DialogData]):
    """Wait for a JavaScript dialog and answer it."""

    name = "dialog"
    title = "Dialog"
    category = "browser"
    writes = (_DEFAULT_VARIABLE,)
    answers_dialogs = True

    async def run(self, data: DialogData, run: NodeRun) -> None:
        """Take the oldest dialog that waits for an answer, or wait for one.

        Raises:
            NodeDataError: The action is unknown, ``inputText`` is missing, or the pattern is not valid.
            NodeTimeoutError: No dialog was opened in time.
            NodeError: The dialog has another text; it is dismissed.
        """
        action = choose(_ACTIONS, data.action, "action")
        run.page  # noqa: B018 - raises the right error when nothing is open
        await perform(run, data, lambda: action(data, run))


async def _accept(data: DialogData, run: NodeRun) -> None:
    dialog = await _expected(data, run)
    async with time_limit(data.timeout, "Accepting the dialog"):
        await dialog.accept()


async def _dismiss(data: DialogData, run: NodeRun) -> None:
    dialog = await _expected(data, run)
    async with time_limit(data.timeout, "Dismissing the dialog"):
        await dialog.dismiss()


async def _prompt(data: DialogData, run: NodeRun) -> None:
    if data.input_text is None:
        raise NodeDataError("Property 'inputText' is required for the action 'prompt'", field="inputText")
    dialog = await _expected(data, run)
    async with time_limit(data.timeout, "Answering the prompt"):
        await dialog.accept(data.input_text)


async def _wait_for_dialog(data: DialogData, run: NodeRun) -> None:
    pattern = read_pattern(data.message, "message") if data.message else None
    dialog = await run.session.next_dialog(data.timeout)
    if pattern is not None and pattern.search(dialog.message) is None:
        await _refuse(dialog, f"a text matching '{data.message}'", data.timeout)
    run.data[data.output_variable or _DEFAULT_VARIABLE] = dialog.message
    run.result = dialog.message
    run.session.put_back(dialog)


async def _expected(data: DialogData, run: NodeRun) -> PageDialog:
    """The next dialog, if it has the text that the node expects."""
    dialog = await run.session.next_dialog(data.timeout)
    if data.message and dialog.message != data.message:
        await _refuse(dialog, f"the text '{data.message}'", data.timeout)
    run.result = dialog.message
    return dialog


async def _refuse(dialog: PageDialog, expected: str, timeout_ms: float) -> None:
    async with time_limit(timeout_ms, "Dismissing the dialog"):
        await dialog.dismiss()
    raise NodeError(
        f"The {dialog.type} dialog was dismissed: expected {expected}, got '{dialog.message}'",
        code="DIALOG_UNEXPECTED",
    )


_ACTIONS: Final[Mapping[str, Callable[[DialogData, NodeRun], Awaitable[None]]]] = {
    "accept": _accept,
    "dismiss": _dismiss,
    "prompt": _prompt,
    "waitForDialog": _wait_for_dialog,
}
