"""``storage``: cookies, local storage and session storage (nodes.md, storage)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from nodes.blocks import RetryBlock, WaitBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.limits import time_limit
from nodes.matching import js_text, json_text
from nodes.model import (
    DEFAULT_TIMEOUT_MS,
    INTERPOLATED,
    INTERPOLATED_DEEP,
    REQUIRED,
    Flag,
    LooseText,
    Number,
    OneOf,
    Text,
)
from nodes.operation import perform
from nodes.registry import NodeType

__all__ = ["Cookie", "Storage", "StorageData"]

_DEFAULT_VARIABLE: Final = "storageResult"
_LOCAL: Final = "localStorage"
_SESSION: Final = "sessionStorage"

_READ_ALL: Final = """area => {
  const storage = window[area];
  return Object.fromEntries(Array.from({ length: storage.length }, (_, index) => {
    const key = storage.key(index);
    return [key, storage.getItem(key)];
  }));
}"""
_READ: Final = "([area, key]) => window[area].getItem(key)"
_WRITE: Final = "([area, key, value]) => window[area].setItem(key, value)"
_CLEAR: Final = "area => window[area].clear()"


class Cookie(BaseModel):
    """A cookie to set."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
    )

    name: LooseText = None
    """Its name."""
    value: LooseText = None
    """Its value."""
    domain: Text = None
    """The host it belongs to; with a leading dot also hosts below."""
    path: Text = None
    """The paths it is sent for, `/` if absent."""
    expires: Number = None
    """When it expires, seconds since 1970; absent or -1 for a session cookie."""
    http_only: Flag | None = None
    """Hide it from the page's scripts."""
    secure: Flag | None = None
    """Send it over HTTPS only."""
    same_site: Annotated[Text, OneOf("Strict", "Lax", "None")] = None
    """Whether it is sent with requests from other sites."""


class StorageData(WaitBlock, RetryBlock):
    """Properties of ``storage``."""

    action: Annotated[
        Text,
        REQUIRED,
        OneOf(
            *("getCookie", "setCookie", "clearCookies"),
            *("getLocalStorage", "setLocalStorage", "clearLocalStorage"),
            *("getSessionStorage", "setSessionStorage", "clearSessionStorage"),
        ),
    ] = None
    """What to do."""
    context_key: Text = None
    """Data key for the result, `storageResult` if absent."""
    name: Annotated[Text, INTERPOLATED] = None
    """Cookie to read (`getCookie`); all if absent."""
    url: Annotated[Text, INTERPOLATED] = None
    """URL whose cookies are read (`getCookie`) or set (`setCookie`; the page's URL if absent)."""
    cookies: Annotated[Sequence[Cookie], INTERPOLATED_DEEP] = ()
    """Cookies to set (`setCookie`)."""
    domain: Annotated[Text, INTERPOLATED] = None
    """Clear only the cookies of this domain and those below it (`clearCookies`)."""
    key: Annotated[LooseText, INTERPOLATED] = None
    """Key in the storage; without one, reading gives all entries."""
    value: Annotated[Any, INTERPOLATED] = None
    """What to store; objects and arrays are stored as JSON."""


class Storage(NodeType[StorageData]):
    """Read, set or clear cookies, local storage or session storage."""

    name = "storage"
    title = "Storage"
    category = "browser"
    writes = (_DEFAULT_VARIABLE,)

    async def run(self, data: StorageData, run: NodeRun) -> None:
        """Do the action and store its result.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            NodeTimeoutError: The page did not answer.
        """
        action = choose(_ACTIONS, data.action, "action")
        run.page  # noqa: B018 - raises the right error when nothing is open
        limit = data.wait_for_selector_timeout or DEFAULT_TIMEOUT_MS

        async def attempt() -> None:
            async with time_limit(DEFAULT_TIMEOUT_MS, f"The storage action '{data.action}'"):
                run.data[data.context_key or _DEFAULT_VARIABLE] = await action(data, run)

        await perform(run, data, attempt, timeout_ms=limit)


async def _get_cookie(data: StorageData, run: NodeRun) -> object:
    cookies = await run.session.context.cookies(data.url or None)
    if not data.name:
        return [dict(cookie) for cookie in cookies]
    return next((cookie.get("value") for cookie in cookies if cookie.get("name") == data.name), None)


async def _set_cookie(data: StorageData, run: NodeRun) -> object:
    if not data.cookies:
        raise NodeDataError("Property 'cookies' needs at least one cookie", field="cookies")
    base = data.url or run.page.url
    cookies = [_cookie(cookie, base) for cookie in data.cookies]
    await run.session.context.add_cookies(cast("Any", cookies))
    return [{key: value for key, value in cookie.items() if key != "url"} for cookie in cookies]


def _cookie(cookie: Cookie, base: str) -> dict[str, Any]:
    """A cookie as Playwright takes it: with a URL, or else with both domain and path."""
    if not cookie.name or cookie.value is None:
        raise NodeDataError("Property 'cookies': each cookie needs 'name' and 'value'", field="cookies")
    param = cookie.model_dump(by_alias=True, exclude_none=True)
    if not cookie.domain and not cookie.path:
        return {**param, "url": base}
    return {**param, "domain": cookie.domain or urlsplit(base).hostname or "", "path": cookie.path or "/"}


async def _clear_cookies(data: StorageData, run: NodeRun) -> object:
    context = run.session.context
    if not data.domain:
        await context.clear_cookies()
        return {"deleted": "all"}
    wanted = data.domain.strip().lower().lstrip(".")
    cookies = await context.cookies()
    domains = [cookie.get("domain", "") for cookie in cookies]
    doomed = [domain for domain in domains if f".{domain.lower().lstrip('.')}".endswith(f".{wanted}")]
    for domain in dict.fromkeys(doomed):
        await context.clear_cookies(domain=domain)
    return {"deleted": len(doomed), "kept": len(cookies) - len(doomed)}


async def _get(area: str, data: StorageData, run: NodeRun) -> object:
    if data.key:
        return await run.page.evaluate(_READ, [area, data.key])
    return await run.page.evaluate(_READ_ALL, area)


async def _set(area: str, data: StorageData, run: NodeRun) -> object:
    key = run.require(data.key, "key")
    if data.value is None:
        raise NodeDataError(f"Property 'value' is required for the action '{data.action}'", field="value")
    value = json_text(data.value) if isinstance(data.value, Mapping | list) else js_text(data.value)
    await run.page.evaluate(_WRITE, [area, key, value])
    return {"key": key, "value": value}


async def _clear(area: str, _data: StorageData, run: NodeRun) -> object:
    await run.page.evaluate(_CLEAR, area)
    return {"cleared": True}


_ACTIONS: Final[Mapping[str, Callable[[StorageData, NodeRun], Awaitable[object]]]] = {
    "getCookie": _get_cookie,
    "setCookie": _set_cookie,
    "clearCookies": _clear_cookies,
    "getLocalStorage": partial(_get, _LOCAL),
    "setLocalStorage": partial(_set, _LOCAL),
    "clearLocalStorage": partial(_clear, _LOCAL),
    "getSessionStorage": partial(_get, _SESSION),
    "setSessionStorage": partial(_set, _SESSION),
    "clearSessionStorage": partial(_clear, _SESSION),
}
