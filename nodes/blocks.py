"""Properties that many node types share: selector, wait and retry blocks (nodes.md, sections A to D)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from nodes.model import (
    INTERPOLATED,
    Flag,
    Integer,
    Milliseconds,
    NodeData,
    Number,
    OneOf,
    Part,
    Text,
    Unparsable,
)

__all__ = [
    "SELECTOR_TYPES",
    "Modifiers",
    "RetryBlock",
    "SelectorBlock",
    "SelectorType",
    "TimeoutBlock",
    "WaitBlock",
]

SELECTOR_TYPES: Final = (
    "css",
    "xpath",
    "getByRole",
    "getByText",
    "getByLabel",
    "getByPlaceholder",
    "getByTestId",
    "getByTitle",
    "getByAltText",
    "text",
)
"""The selector types of nodes.md, section A."""

SelectorType = Annotated[str, OneOf(*SELECTOR_TYPES)]


class Modifiers(Part):
    """What narrows a selector down, applied in the order of the fields (nodes.md, section B)."""

    filter_text: Text = None
    """Keep elements that contain this text."""
    filter_text_regex: Flag = False
    """Read `filterText` as a regular expression."""
    filter_selector: Text = None
    """Keep elements that contain a match of this selector."""
    filter_selector_type: Text = "css"
    """Type of `filterSelector`; `text` is not allowed."""
    chain_selector: Text = None
    """Go down to this selector within the current matches."""
    chain_selector_type: Text = "css"
    """Type of `chainSelector`; only `xpath` changes anything."""
    nth: Integer = None
    """Pick one match, counted from 0; -1 is the last."""
    pierce_shadow: Flag = True
    """`false` keeps a `css` selector to the light DOM."""


class TimeoutBlock(NodeData):
    """A time limit for the node's operation."""

    timeout: Milliseconds = 30_000
    """How long the operation may take, ms."""


class SelectorBlock(NodeData):
    """Which element the node works on (nodes.md, sections A and B)."""

    selector: Annotated[Text, INTERPOLATED] = None
    """The element."""
    selector_type: SelectorType = "css"
    """How `selector` is read."""
    selector_modifiers: Modifiers | None = None
    """What narrows the selector down."""


class WaitBlock(NodeData):
    """Up to three conditions to wait for, around the operation (nodes.md, section C)."""

    wait_for_selector: Annotated[Text, INTERPOLATED] = None
    """Wait until this element is visible."""
    wait_for_selector_type: SelectorType = "css"
    """How `waitForSelector` is read."""
    wait_for_selector_modifiers: Modifiers | None = None
    """What narrows `waitForSelector` down."""
    wait_for_selector_timeout: Number = None
    """Limit of this wait, ms; the node's timeout if absent."""
    wait_for_url: Annotated[Text, INTERPOLATED] = None
    """Wait until the URL contains this text or matches `/regex/`."""
    wait_for_url_timeout: Number = None
    """Limit of this wait, ms; the node's timeout if absent."""
    wait_for_condition: Annotated[Text, INTERPOLATED] = None
    """Wait until this JavaScript expression is truthy in the page."""
    wait_for_condition_timeout: Number = None
    """Limit of this wait, ms; the node's timeout if absent."""
    wait_strategy: Annotated[str, OneOf("parallel", "sequential")] = "parallel"
    """Whether the waits run at once or one after the other."""
    wait_after_operation: Flag = False
    """Wait after the operation instead of before it."""


class RetryBlock(NodeData):
    """Whether and how the operation is tried again (nodes.md, section D)."""

    retry_enabled: Flag = False
    """Try again when the operation fails."""
    retry_strategy: Annotated[str, OneOf("count", "untilCondition")] = "count"
    """A number of retries, or until a condition holds."""
    retry_count: Annotated[float, Unparsable(3), INTERPOLATED] = 3
    """Number of retries after the first attempt."""
    retry_until_condition: Mapping[str, object] | None = None
    """The condition of `untilCondition`: `type`, `value`, `timeout` and others."""
    retry_delay: Annotated[float, Unparsable(1000), INTERPOLATED] = 1000
    """Delay before a retry, ms."""
    retry_delay_strategy: Annotated[str, OneOf("fixed", "exponential")] = "fixed"
    """Whether the delay stays or doubles with each retry."""
    retry_max_delay: Annotated[float | None, Unparsable(None), INTERPOLATED] = None
    """Upper limit of the exponential delay, ms."""
