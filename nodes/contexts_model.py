"""The properties of ``contextManipulate`` (nodes.md, contextManipulate)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from nodes.model import REQUIRED, Integer, LooseText, NodeData, Number, OneOf, Text

__all__ = ["ACTIONS", "COLOR_SCHEMES", "ContextManipulateData", "Position"]

ACTIONS: Final = (
    *("setGeolocation", "setPermissions", "clearPermissions", "setViewportSize", "setUserAgent"),
    *("setExtraHTTPHeaders", "setLocale", "setTimezone", "setColorScheme", "createContext", "switchContext"),
    *("saveState", "loadState", "emulateDevice", "addInitScript"),
)
"""What a ``contextManipulate`` node can do."""

COLOR_SCHEMES: Final = ("light", "dark", "no-preference")
"""What a page can be told about the colours that the user prefers."""


class Position(BaseModel):
    """A place on earth."""

    model_config = ConfigDict(extra="allow", frozen=True)

    latitude: Number = None
    """Degrees north, -90 to 90."""
    longitude: Number = None
    """Degrees east, -180 to 180."""
    accuracy: Number = None
    """Radius of uncertainty, metres."""


class ContextManipulateData(NodeData):
    """Properties of ``contextManipulate``; each action reads its own."""

    action: Annotated[Text, REQUIRED, OneOf(*ACTIONS)] = None
    """What to do."""
    geolocation: Position | None = None
    """Where the browser is (`setGeolocation`): `latitude`, `longitude`, optional `accuracy`."""
    permissions: tuple[str, ...] = ()
    """Permissions to grant (`setPermissions`), by Playwright's names."""
    viewport_width: Integer = None
    """Width of the page (`setViewportSize`), CSS pixels."""
    viewport_height: Integer = None
    """Height of the page (`setViewportSize`), CSS pixels."""
    user_agent: Text = None
    """Value of the `User-Agent` request header (`setUserAgent`)."""
    extra_http_headers: Mapping[str, object] = Field(alias="extraHTTPHeaders", default_factory=dict)
    """Headers sent with every request (`setExtraHTTPHeaders`)."""
    locale: Text = None
    """Language tag such as `de-DE` (`setLocale`)."""
    timezone_id: Text = None
    """Time zone such as `Europe/Berlin` (`setTimezone`)."""
    color_scheme: Annotated[Text, OneOf(*COLOR_SCHEMES)] = None
    """What the page is told to prefer (`setColorScheme`)."""
    context_key: LooseText = None
    """Name of the context; `default`, or a new name for actions that create one."""
    context_options: Mapping[str, object] = Field(default_factory=dict)
    """Playwright's browser-context options (`createContext`)."""
    state_file_path: Text = None
    """JSON file with cookies and local storage (`saveState`, `loadState`)."""
    device: Text = None
    """Playwright's name of a device, such as `iPhone 13` (`emulateDevice`)."""
    init_script: Text = None
    """JavaScript that runs in later pages before their own scripts (`addInitScript`)."""
