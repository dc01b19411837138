"""The node for form controls other than text fields (nodes.md, ``formInput``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from playwright.async_api import Locator

from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import FileAccessError, NodeDataError
from nodes.matching import js_text, parse_int_prefix
from nodes.model import INTERPOLATED, INTERPOLATED_DEEP, REQUIRED, Flag, OneOf, Text, Texts
from nodes.operation import perform
from nodes.registry import NodeType
from nodes.selectors import target

__all__ = ["FormInput", "FormInputData"]


class FormInputData(SelectorBlock, WaitBlock, RetryBlock, TimeoutBlock):
    """What to choose, tick or upload in which control."""

    action: Annotated[Text, REQUIRED, OneOf("select", "check", "uncheck", "upload", "selectOption")] = None
    """What to do; `selectOption` is `select`."""
    selector: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """The control."""
    values: Annotated[Texts, INTERPOLATED_DEEP] = ()
    """The option or options for `select`."""
    value: Annotated[Any, INTERPOLATED_DEEP] = None
    """Stands in for `values` with `selectOption`; other actions ignore it."""
    select_by: Annotated[str, OneOf("value", "label", "index")] = "value"
    """How `values` name options: by value (or label), by label alone, or by number from 0."""
    force: Flag = False
    """Tick or untick without checking first whether the control can be used."""
    file_paths: Annotated[Texts, INTERPOLATED_DEEP] = ()
    """The file or files for `upload`; relative ones lie below the root."""


class FormInput(NodeType[FormInputData]):
    """Choose options of a drop-down list, tick or untick a box, or upload files."""

    name = "formInput"
    title = "Form Input"
    category = "interaction"

    async def run(self, data: FormInputData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            FileAccessError: A file to upload is not there.
        """
        action = choose(_ACTIONS, data.action, "action")
        await perform(run, data, lambda: action(data, run))


async def _select(data: FormInputData, run: NodeRun) -> None:
    values = data.values
    if not values and data.action == "selectOption" and data.value is not None:
        values = tuple(
            js_text(item) for item in (data.value if isinstance(data.value, list) else [data.value])
        )
    if not values:
        raise NodeDataError("Property 'values' is required for the action 'select'", field="values")
    choice = choose(_SELECT_BY, data.select_by, "selectBy")
    await choice(await target(run, data, data.timeout), values, data.timeout)


async def _by_value(control: Locator, values: Sequence[str], timeout_ms: float) -> None:
    await control.select_option(value=values, timeout=timeout_ms)


async def _by_label(control: Locator, values: Sequence[str], timeout_ms: float) -> None:
    await control.select_option(label=values, timeout=timeout_ms)


async def _by_index(control: Locator, values: Sequence[str], timeout_ms: float) -> None:
    numbers = []
    for value in values:
        number = parse_int_prefix(value)
        if number is None:
            raise NodeDataError(
                f"Property 'values' with selectBy 'index' takes numbers from 0, not '{value}'", field="values"
            )
        numbers.append(number)
    await control.select_option(index=numbers, timeout=timeout_ms)


_SELECT_BY: Final[Mapping[str, Callable[[Locator, Sequence[str], float], Awaitable[None]]]] = {
    "value": _by_value,
    "label": _by_label,
    "index": _by_index,
}


async def _check(data: FormInputData, run: NodeRun) -> None:
    await (await target(run, data, data.timeout)).check(force=data.force, timeout=data.timeout)


async def _uncheck(data: FormInputData, run: NodeRun) -> None:
    await (await target(run, data, data.timeout)).uncheck(force=data.force, timeout=data.timeout)


async def _upload(data: FormInputData, run: NodeRun) -> None:
    paths = [run.path(text) for text in data.file_paths if text.strip()]
    if not paths:
        raise NodeDataError("Property 'filePaths' is required for the action 'upload'", field="filePaths")
    missing = await asyncio.to_thread(_first_missing, paths)
    if missing is not None:
        raise FileAccessError(f"The file to upload is not there: {missing}. Check 'filePaths'")
    control = await target(run, data, data.timeout)
    await control.set_input_files(paths, timeout=data.timeout)


def _first_missing(paths: Sequence[Path]) -> Path | None:
    return next((path for path in paths if not path.exists()), None)


_ACTIONS: Final[Mapping[str, Callable[[FormInputData, NodeRun], Awaitable[None]]]] = {
    "select": _select,
    "selectOption": _select,
    "check": _check,
    "uncheck": _uncheck,
    "upload": _upload,
}
