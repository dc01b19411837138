"""The wait node (nodes.md, ``wait``)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, ClassVar, Final

from nodes.blocks import Modifiers, RetryBlock, SelectorType, TimeoutBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import NodeDataError, VerificationError
from nodes.matching import MISSING, dot_path, js_text, matches, parse_int_prefix
from nodes.model import INTERPOLATED, REQUIRED, Flag, LooseText, OneOf, Part, Text
from nodes.operation import perform
from nodes.registry import NodeType
from nodes.stored import header_of, stored_object
from nodes.verify_model import MATCH_TYPES, shown
from nodes.waits import wait_for_condition, wait_for_url, wait_until_visible

__all__ = ["ApiWaitConfig", "Wait", "WaitData"]

_PAGE_WAITS: Final = frozenset({"selector", "url", "condition"})


class ApiWaitConfig(Part):
    """A check of a stored API response."""

    context_key: Text = None
    """Key of `data` with the response; `value` if absent."""
    check_type: Annotated[Text, OneOf("status", "header", "body-path", "body-value")] = None
    """What to look at."""
    path: Text = None
    """Name of the header, or dot path in the body."""
    expected_value: LooseText = None
    """The value to expect."""
    match_type: Annotated[Text, OneOf(*MATCH_TYPES)] = "equals"
    """How texts are compared; upper and lower case differ."""


class WaitData(RetryBlock, TimeoutBlock):
    """What to wait for."""

    wait_type: Annotated[Text, REQUIRED, OneOf("timeout", "selector", "url", "condition", "api-response")] = (
        None
    )
    """A time, an element, a URL, a script, or a look at a stored API response."""
    value: Annotated[LooseText, INTERPOLATED] = None
    """Milliseconds; selector; part of the URL or `/regex/`; JavaScript expression; key of the response."""
    selector_type: SelectorType = "css"
    """How a selector is read."""
    selector_modifiers: Modifiers | None = None
    """What narrows a selector down."""
    pause: Flag = False
    """Pause the execution before waiting, until somebody continues it."""
    api_wait_config: ApiWaitConfig | None = None
    """What to check, for `api-response`."""


class Wait(NodeType[WaitData]):
    """Wait for a time, an element, a URL or a condition, or check a stored API response.

    The check of a stored response looks once: nothing sends the request again.
    """

    name: ClassVar = "wait"
    title: ClassVar = "Wait"
    category: ClassVar = "flow"
    reads: ClassVar = ("<contextKey of apiWaitConfig>",)

    def touches_page(self, data: WaitData) -> bool:
        """A wait for a time leaves an open dialog to the node that answers it."""
        return data.wait_type in _PAGE_WAITS

    async def run(self, data: WaitData, run: NodeRun) -> None:
        """Wait, with retries as configured."""
        wait = choose(_WAITS, data.wait_type, "waitType")
        if data.pause and not await run.pause():
            run.result = "Wait skipped"
            return
        await perform(run, data, partial(wait, data, run))


async def _time(data: WaitData, run: NodeRun) -> None:
    text = run.require(data.value, "value")
    milliseconds = parse_int_prefix(text)
    if milliseconds is None:
        raise NodeDataError(f"Property 'value' must be a time in ms, not {shown(text)}", field="value")
    await asyncio.sleep(milliseconds / 1000)


async def _element(data: WaitData, run: NodeRun) -> None:
    selector = run.require(data.value, "value")
    await wait_until_visible(
        run, selector, data.selector_type, data.selector_modifiers, timeout_ms=data.timeout, name="value"
    )


async def _url(data: WaitData, run: NodeRun) -> None:
    await wait_for_url(run, run.require(data.value, "value"), data.timeout, name="value")


async def _condition(data: WaitData, run: NodeRun) -> None:
    await wait_for_condition(run, run.require(data.value, "value"), data.timeout)


async def _api_response(data: WaitData, run: NodeRun) -> None:
    config = data.api_wait_config
    if config is None:
        raise NodeDataError(
            "Property 'apiWaitConfig' is required for waitType 'api-response'", field="apiWaitConfig"
        )
    key = run.require(config.context_key or data.value, "apiWaitConfig.contextKey")
    response = stored_object(run, key, "apiWaitConfig.contextKey")
    look = choose(_LOOKS, config.check_type, "apiWaitConfig.checkType")
    subject, actual = look(run, config, response)
    if config.expected_value is None:
        raise NodeDataError(
            "Property 'apiWaitConfig.expectedValue' is required", field="apiWaitConfig.expectedValue"
        )
    if actual is MISSING:
        raise VerificationError(f"The response under '{key}' has no {subject}")
    if not _matches(js_text(actual), config):
        raise VerificationError(
            f"The {subject} of the response under '{key}' should match {shown(config.expected_value)} "
            f"({config.match_type}), but is {shown(actual)}"
        )


def _matches(actual: str, config: ApiWaitConfig) -> bool:
    """An invalid regular expression matches nothing here (nodes.md, section F.3)."""
    try:
        return matches(
            actual, config.expected_value or "", config.match_type or "equals", case_sensitive=True
        )
    except re.error:
        return False


_Look = Callable[[NodeRun, ApiWaitConfig, Mapping[str, object]], tuple[str, object]]


def _status_of(_run: NodeRun, _config: ApiWaitConfig, response: Mapping[str, object]) -> tuple[str, object]:
    return "status", response.get("status", MISSING)


def _header_of(run: NodeRun, config: ApiWaitConfig, response: Mapping[str, object]) -> tuple[str, object]:
    name = run.require(config.path, "apiWaitConfig.path")
    return f"header '{name}'", header_of(response, name)


def _body_path(run: NodeRun, config: ApiWaitConfig, response: Mapping[str, object]) -> tuple[str, object]:
    path = run.require(config.path, "apiWaitConfig.path")
    return f"body value '{path}'", dot_path(response.get("body"), path)


def _body_value(_run: NodeRun, _config: ApiWaitConfig, response: Mapping[str, object]) -> tuple[str, object]:
    return "body", response.get("body", MISSING)


_LOOKS: Final[Mapping[str, _Look]] = {
    "status": _status_of,
    "header": _header_of,
    "body-path": _body_path,
    "body-value": _body_value,
}

_WAITS: Final[Mapping[str, Callable[[WaitData, NodeRun], Awaitable[None]]]] = {
    "timeout": _time,
    "selector": _element,
    "url": _url,
    "condition": _condition,
    "api-response": _api_response,
}
