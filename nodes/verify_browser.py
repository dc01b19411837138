"""Checks of a verify node on the page (nodes.md, ``verify``, domain ``browser``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from playwright.async_api import Locator
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from nodes.choices import choose
from nodes.context import NodeRun
from nodes.matching import js_text
from nodes.polling import poll
from nodes.selectors import locate
from nodes.verify_element import check_element
from nodes.verify_model import Finding, VerifyData
from nodes.verify_values import compare_texts, expected_value, required_value

__all__ = ["BROWSER_CHECKS", "BrowserCheck"]

BrowserCheck = Callable[[NodeRun, VerifyData], Awaitable[Finding]]
"""A check on the page; it waits until it holds or its time is over."""

_Read = Callable[[float], Awaitable[str | None]]
"""Reads the text to check, within a time in ms; None if there is nothing to read."""

_STYLE: Final = """(element, name) => {
  const style = getComputedStyle(element);
  return style.getPropertyValue(name) || style[name] || "";
}"""

_STORED: Final = "([store, key]) => window[store].getItem(key)"

_STORAGES: Final = {"local": "localStorage", "session": "sessionStorage"}


async def check_url(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the page's URL matches; case never counts."""
    expected = required_value(run, data.url_pattern or None, "urlPattern")
    page = run.page

    async def read(_limit_ms: float) -> str:
        return page.url

    return await _poll_text(data, "URL", read, expected, default_match="contains")


async def check_text(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the text content of an element, or of the whole page, matches."""
    expected = required_value(run, data.expected_text if data.expected_text != "" else None, "expectedText")
    if data.selector:
        locator, subject = await _located(run, data), f"text of '{data.selector}'"
    else:
        locator, subject = run.scope.locator("body"), "text of the page"

    async def read(limit_ms: float) -> str:
        return await locator.text_content(timeout=limit_ms) or ""

    return await _poll_text(
        data, subject, read, expected, default_match="contains", case_sensitive=data.case_sensitive
    )


async def check_attribute(run: NodeRun, data: VerifyData) -> Finding:
    """Whether an attribute exists and, if a value is expected, matches it."""
    name = run.require(data.attribute_name, "attributeName")
    locator = await _located(run, data)

    async def read(limit_ms: float) -> str | None:
        return await locator.get_attribute(name, timeout=limit_ms)

    return await _poll_text(data, f"attribute '{name}' of '{data.selector}'", read, expected_value(run, data))


async def check_form_field(run: NodeRun, data: VerifyData) -> Finding:
    """Whether the value of an input, text area or select matches."""
    expected = required_value(run, data.expected_value, "expectedValue")
    locator = await _located(run, data)

    async def read(limit_ms: float) -> str:
        return await locator.input_value(timeout=limit_ms)

    return await _poll_text(data, f"value of '{data.selector}'", read, expected)


async def check_css(run: NodeRun, data: VerifyData) -> Finding:
    """Whether a computed style is set and, if a value is expected, matches it."""
    name = run.require(data.css_property, "cssProperty").strip()
    locator = await _located(run, data)

    async def read(limit_ms: float) -> str | None:
        style: object = await locator.evaluate(_STYLE, name, timeout=limit_ms)
        return js_text(style).strip() or None

    return await _poll_text(data, f"style '{name}' of '{data.selector}'", read, expected_value(run, data))


async def check_cookie(run: NodeRun, data: VerifyData) -> Finding:
    """Whether a cookie exists and, if a value is expected, matches it.

    Of several cookies with the name, on different domains or paths, one that matches is enough.
    """
    name = run.require(data.cookie_name, "cookieName")
    expected = expected_value(run, data)
    context = run.page.context
    subject = f"cookie '{name}'"

    async def check(_limit_ms: float) -> Finding:
        values = [cookie.get("value", "") for cookie in await context.cookies() if cookie.get("name") == name]
        findings = [_finding(data, subject, value, expected) for value in values]
        missing = _finding(data, subject, None, expected)
        return next((finding for finding in findings if finding.passed), findings[0] if findings else missing)

    return await poll(check, data.timeout, content=True)


async def check_storage(run: NodeRun, data: VerifyData) -> Finding:
    """Whether a key of the local or session storage exists and, if a value is expected, matches it."""
    key = run.require(data.storage_key, "storageKey")
    store = choose(_STORAGES, data.storage_type or "local", "storageType")
    scope = run.scope

    async def read(_limit_ms: float) -> str | None:
        value: object = await scope.evaluate(_STORED, [store, key])
        return None if value is None else js_text(value)

    return await _poll_text(data, f"{store} '{key}'", read, expected_value(run, data))


BROWSER_CHECKS: Final[Mapping[str, BrowserCheck]] = {
    "url": check_url,
    "text": check_text,
    "element": check_element,
    "attribute": check_attribute,
    "formField": check_form_field,
    "cookie": check_cookie,
    "storage": check_storage,
    "css": check_css,
}


async def _located(run: NodeRun, data: VerifyData) -> Locator:
    selector = run.require(data.selector, "selector")
    return await locate(run, selector, data.selector_type, data.selector_modifiers, timeout_ms=data.timeout)


async def _poll_text(
    data: VerifyData,
    subject: str,
    read: _Read,
    expected: object,
    *,
    default_match: str = "equals",
    case_sensitive: bool = False,
) -> Finding:
    finding = partial(_finding, data, subject, default_match=default_match, case_sensitive=case_sensitive)

    async def check(limit_ms: float) -> Finding:
        try:
            value = await read(limit_ms)
        except PlaywrightTimeoutError:
            reason = f"but no such element appeared within {data.timeout:g} ms"
            return Finding(False, subject, "match", expected=expected, reason=reason, final=True)
        return finding(value, expected)

    return await poll(check, data.timeout, content=True)


def _finding(
    data: VerifyData,
    subject: str,
    value: str | None,
    expected: object,
    *,
    default_match: str = "equals",
    case_sensitive: bool = False,
) -> Finding:
    if value is None:
        return Finding(False, subject, "exist", expected=expected, reason="but does not")
    if expected is None:
        return Finding(True, subject, "exist", value)
    match_type = data.match_type or default_match
    return compare_texts(subject, value, expected, match_type=match_type, case_sensitive=case_sensitive)
