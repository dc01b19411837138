"""``contextManipulate``: settings of browser contexts, and working with several of them.

Source: nodes.md, contextManipulate. What an action changes on the open context is remembered in the session, so
that an action which has to replace the context (`nodes.contexts_setup`) keeps it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from playwright.async_api import Geolocation

from nodes.choices import choose
from nodes.context import NodeRun
from nodes.contexts_model import COLOR_SCHEMES, ContextManipulateData
from nodes.contexts_setup import (
    create_context,
    emulate_device,
    load_state,
    replace_context,
    save_state,
    switch_context,
)
from nodes.errors import NodeDataError
from nodes.limits import time_limit
from nodes.matching import js_text
from nodes.model import DEFAULT_TIMEOUT_MS
from nodes.registry import NodeType

__all__ = ["ContextManipulate"]

_USER_AGENT: Final = "User-Agent"

_LIMIT_MS: Final = 2 * DEFAULT_TIMEOUT_MS
"""Limit of an action as a whole, ms; opening the page again inside it has the default timeout for itself."""

Action = Callable[[ContextManipulateData, NodeRun], Awaitable[None]]


class ContextManipulate(NodeType[ContextManipulateData]):
    """Change settings of the browser context, or create and switch contexts."""

    name = "contextManipulate"
    title = "Context Manipulate"
    category = "browser"

    async def run(self, data: ContextManipulateData, run: NodeRun) -> None:
        """Do the action.

        Raises:
            NodeDataError: The action is unknown, or a property that it needs is missing.
            PageMissingError: No browser is open.
            BrowserStateError: A context is missing, or exists when it must not.
            FileAccessError: The state file cannot be read or written.
        """
        action = choose(_ACTIONS, data.action, "action")
        async with time_limit(_LIMIT_MS, f"The context action '{data.action}'"):
            await action(data, run)


async def _set_geolocation(data: ContextManipulateData, run: NodeRun) -> None:
    place = data.geolocation
    if place is None or place.latitude is None or place.longitude is None:
        raise NodeDataError(
            "Property 'geolocation' needs the numbers 'latitude' and 'longitude'", field="geolocation"
        )
    position = Geolocation(latitude=place.latitude, longitude=place.longitude, accuracy=place.accuracy or 0)
    await _grant(run, ["geolocation"])
    await run.session.context.set_geolocation(position)
    run.session.remember_options(geolocation=position)


async def _set_permissions(data: ContextManipulateData, run: NodeRun) -> None:
    if not data.permissions:
        raise NodeDataError(
            "Property 'permissions' needs at least one name, such as 'clipboard-read'", field="permissions"
        )
    await _grant(run, data.permissions)


async def _grant(run: NodeRun, permissions: Sequence[str]) -> None:
    await run.session.context.grant_permissions(permissions)
    granted = run.session.context_options().get("permissions")
    known = granted if isinstance(granted, list | tuple) else ()
    run.session.remember_options(permissions=list(dict.fromkeys((*known, *permissions))))


async def _clear_permissions(_data: ContextManipulateData, run: NodeRun) -> None:
    await run.session.context.clear_permissions()
    run.session.remember_options(permissions=[])


async def _set_viewport_size(data: ContextManipulateData, run: NodeRun) -> None:
    width, height = data.viewport_width or 0, data.viewport_height or 0
    for name, value in (("viewportWidth", width), ("viewportHeight", height)):
        if value <= 0:
            raise NodeDataError(f"Property '{name}' is required and must be above 0", field=name)
    await run.page.set_viewport_size({"width": width, "height": height})
    run.session.remember_options(viewport={"width": width, "height": height}, no_viewport=None)


async def _set_user_agent(data: ContextManipulateData, run: NodeRun) -> None:
    user_agent = run.require(data.user_agent, "userAgent")
    kept = {name: value for name, value in _headers(run).items() if name.lower() != _USER_AGENT.lower()}
    await _set_headers(run, {**kept, _USER_AGENT: user_agent})


async def _set_extra_http_headers(data: ContextManipulateData, run: NodeRun) -> None:
    """Replace the extra headers, except for what ``setUserAgent`` set."""
    if not data.extra_http_headers:
        raise NodeDataError("Property 'extraHTTPHeaders' needs at least one header", field="extraHTTPHeaders")
    headers = {name: js_text(value) for name, value in data.extra_http_headers.items()}
    user_agent = _headers(run).get(_USER_AGENT)
    if user_agent is not None and _USER_AGENT.lower() not in map(str.lower, headers):
        headers[_USER_AGENT] = user_agent
    await _set_headers(run, headers)


def _headers(run: NodeRun) -> dict[str, str]:
    run.session.context  # noqa: B018 - raises the right error when nothing is open
    headers = run.session.context_options().get("extra_http_headers")
    return {str(key): str(value) for key, value in headers.items()} if isinstance(headers, Mapping) else {}


async def _set_headers(run: NodeRun, headers: dict[str, str]) -> None:
    await run.session.context.set_extra_http_headers(headers)
    run.session.remember_options(extra_http_headers=headers)


async def _set_locale(data: ContextManipulateData, run: NodeRun) -> None:
    await replace_context(data, run, locale=run.require(data.locale, "locale"))


async def _set_timezone(data: ContextManipulateData, run: NodeRun) -> None:
    await replace_context(data, run, timezone_id=run.require(data.timezone_id, "timezoneId"))


async def _set_color_scheme(data: ContextManipulateData, run: NodeRun) -> None:
    scheme = choose({name: name for name in COLOR_SCHEMES}, data.color_scheme, "colorScheme")
    await replace_context(data, run, color_scheme=scheme)


async def _add_init_script(data: ContextManipulateData, run: NodeRun) -> None:
    await run.session.add_init_script(run.require(data.init_script, "initScript"))


_ACTIONS: Final[Mapping[str, Action]] = {
    "setGeolocation": _set_geolocation,
    "setPermissions": _set_permissions,
    "clearPermissions": _clear_permissions,
    "setViewportSize": _set_viewport_size,
    "setUserAgent": _set_user_agent,
    "setExtraHTTPHeaders": _set_extra_http_headers,
    "setLocale": _set_locale,
    "setTimezone": _set_timezone,
    "setColorScheme": _set_color_scheme,
    "createContext": create_context,
    "switchContext": switch_context,
    "saveState": save_state,
    "loadState": load_state,
    "emulateDevice": emulate_device,
    "addInitScript": _add_init_script,
}
