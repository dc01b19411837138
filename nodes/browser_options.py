"""Options of browsers and contexts: from the JavaScript names in workflow files to Playwright's Python names.

Source: nodes.md, openBrowser (`capabilities`, `launchOptions`, `stealthMode`) and contextManipulate
(`contextOptions`). Which options exist is asked from the installed Playwright, so that a new one works
without a change here; what it does not know is left out with a warning.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, BrowserType

from nodes.context import ExecutionSettings, NodeRun
from nodes.errors import NodeDataError
from nodes.matching import js_text, parse_float_prefix

__all__ = [
    "DEFAULT_VIEWPORT",
    "STEALTH_SCRIPT",
    "LaunchChoice",
    "Size",
    "context_options",
    "launch_choice",
    "python_name",
    "with_settings",
]

Size = dict[str, int]
"""``width`` and ``height`` in CSS pixels, as Playwright takes them."""

DEFAULT_VIEWPORT: Final = (1280, 720)
"""Playwright's own viewport, width and height in CSS pixels."""

_CONTEXT_OPTIONS: Final = frozenset(inspect.signature(Browser.new_context).parameters) - {"self"}
_LAUNCH_OPTIONS: Final = frozenset(inspect.signature(BrowserType.launch).parameters) - {"self"}
_OWN_LAUNCH_OPTIONS: Final = frozenset({"args", "devtools", "headless", "ignore_default_args"})
"""Launch options that are not handed on as they are."""

_NESTED: Final = {
    "record_video": {"dir": "record_video_dir", "size": "record_video_size", "fps": "record_video_fps"},
    "record_har": {
        "path": "record_har_path",
        "content": "record_har_content",
        "mode": "record_har_mode",
        "omit_content": "record_har_omit_content",
        "url_filter": "record_har_url_filter",
    },
}
"""Objects of the JavaScript API whose members are options of their own in Python."""

_PATHS: Final = frozenset(
    {"artifacts_dir", "downloads_path", "record_har_path", "record_video_dir", "storage_state", "traces_dir"}
)
"""Options that name a file or folder when they are a text."""

_NULL_TEXTS: Final = frozenset({"color_scheme", "contrast", "forced_colors", "reduced_motion"})
"""Options whose null (leave the system's value) is the text ``null`` in Python."""

_NUMBERS: Final = frozenset({"device_scale_factor", "slow_mo", "timeout"})
"""Options that may also be written as the text of a number."""

_TEXT_MAPS: Final = frozenset({"env", "extra_http_headers"})
"""Options that are objects of texts."""

_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

STEALTH_SCRIPT: Final = """\
(() => {
  const answer = (target, name, value) =>
    Object.defineProperty(target, name, { get: () => value, configurable: true, enumerable: true });
  answer(Navigator.prototype, 'webdriver', undefined);
  answer(Navigator.prototype, 'languages', Object.freeze(['en-US', 'en']));
  const names = ['PDF Viewer', 'Chrome PDF Viewer', 'Chromium PDF Viewer',
                 'Microsoft Edge PDF Viewer', 'WebKit built-in PDF'];
  const plugins = Object.create(PluginArray.prototype);
  names.forEach((name, index) => {
    const plugin = Object.create(Plugin.prototype);
    answer(plugin, 'name', name);
    answer(plugin, 'filename', 'internal-pdf-viewer');
    answer(plugin, 'description', 'Portable Document Format');
    answer(plugins, index, plugin);
  });
  answer(plugins, 'length', names.length);
  const at = (index) => plugins[index] ?? null;
  answer(plugins, 'item', at);
  answer(plugins, 'namedItem', (name) => at(names.indexOf(name)));
  answer(plugins, Symbol.iterator, () => names.map((_, index) => plugins[index])[Symbol.iterator]());
  answer(Navigator.prototype, 'plugins', plugins);
  if (window.Permissions && window.Notification) {
    const query = Permissions.prototype.query;
    Permissions.prototype.query = function (descriptor) {
      if (descriptor?.name !== 'notifications') return query.call(this, descriptor);
      const state = Notification.permission === 'default' ? 'prompt' : Notification.permission;
      return Promise.resolve({ name: 'notifications', state, onchange: null });
    };
  }
})();
"""
"""Init script of `stealthMode` (nodes.md, openBrowser): hides what tells pages of automation."""


@dataclass(frozen=True, slots=True)
class LaunchChoice:
    """What a `launchOptions` object asks for.

    Attributes:
        headless: Whether the window is hidden; None leaves it to the node.
        devtools: Whether the developer tools are opened.
        args: Command line arguments for the browser.
        ignore_default_args: Playwright's default arguments to leave out.
        options: Everything else, with Playwright's Python names.
    """

    headless: bool | None = None
    devtools: bool = False
    args: tuple[str, ...] = ()
    ignore_default_args: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)


def python_name(name: str) -> str:
    """Playwright's Python name of a JavaScript option: ``ignoreHTTPSErrors`` is ``ignore_https_errors``."""
    return _BOUNDARY.sub("_", name).lower()


def context_options(values: Mapping[str, object], run: NodeRun, property_name: str) -> dict[str, object]:
    """Options of a browser context, ready for ``Browser.new_context``.

    Args:
        values: The object as it stands in the workflow.
        run: Resolves paths; its log gets a warning for each unknown option.
        property_name: What messages call the object.

    Raises:
        NodeDataError: A number or an object is expected and something else is there.
    """
    return _known(values, _CONTEXT_OPTIONS, run, property_name)


def launch_choice(values: Mapping[str, object], run: NodeRun) -> LaunchChoice:
    """What a `launchOptions` object asks for.

    Raises:
        NodeDataError: A number, an object or a list of texts is expected and something else is there.
    """
    own = {python_name(key): value for key, value in values.items() if value is not None}
    rest = {key: value for key, value in values.items() if python_name(key) not in _OWN_LAUNCH_OPTIONS}
    headless, ignored = own.get("headless"), own.get("ignore_default_args", ())
    if isinstance(ignored, bool):
        if ignored:
            # Without its default arguments the browser could not be talked to, let alone shared.
            run.log("warning", "launchOptions.ignoreDefaultArgs: true is ignored; list the arguments to drop")
        ignored = ()
    return LaunchChoice(
        headless=None if headless is None else headless is not False,
        devtools=own.get("devtools") is True,
        args=_texts(own.get("args", ()), "launchOptions.args"),
        ignore_default_args=_texts(ignored, "launchOptions.ignoreDefaultArgs"),
        options=_known(rest, _LAUNCH_OPTIONS, run, "launchOptions"),
    )


def with_settings(options: Mapping[str, object], settings: ExecutionSettings) -> dict[str, object]:
    """Context options with what the execution's settings add: certificate errors and video.

    A video gets the size of the viewport; what the options say about videos themselves goes first.
    """
    result = dict(options)
    if settings.ignore_https_errors:
        result["ignore_https_errors"] = True
    if settings.record_session:
        result.setdefault("record_video_dir", str(settings.videos))
        if not result.get("no_viewport"):
            width, height = DEFAULT_VIEWPORT
            result.setdefault(
                "record_video_size", result.get("viewport") or {"width": width, "height": height}
            )
    return result


def _known(
    values: Mapping[str, object], accepted: frozenset[str], run: NodeRun, property_name: str
) -> dict[str, object]:
    """The options that Playwright knows, under their Python names."""
    options: dict[str, object] = {}
    for key, value in values.items():
        name = python_name(key)
        members = _NESTED.get(name)
        if members is not None and isinstance(value, Mapping):
            nested = {members.get(python_name(member), f"{key}.{member}"): v for member, v in value.items()}
        else:
            nested = {name: value}
        for option, setting in nested.items():
            shown = f"{property_name}.{key if option == name else option}"
            if option in accepted:
                _put(options, option, setting, shown, run.path)
            else:
                run.log("warning", f"Option '{shown}' is unknown to Playwright and left out")
    return options


def _put(
    options: dict[str, object], name: str, value: object, shown: str, path: Callable[[str], Path]
) -> None:
    """Add an option in the form that Playwright takes, if it has a value."""
    if value is None:
        if name == "viewport":
            options["no_viewport"] = True
        elif name in _NULL_TEXTS:
            options[name] = "null"
    elif name in _PATHS and isinstance(value, str):
        options[name] = str(path(value))
    elif name in _NUMBERS:
        options[name] = _number(value, shown)
    elif name in _TEXT_MAPS:
        options[name] = {key: js_text(text) for key, text in _object(value, shown).items()}
    else:
        options[name] = value


def _number(value: object, name: str) -> float:
    number = parse_float_prefix(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise NodeDataError(f"Property '{name}' should be a number, got {value!r}", field=name)
    return float(number)


def _object(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise NodeDataError(f"Property '{name}' should be an object, got {value!r}", field=name)
    return value


def _texts(value: object, name: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise NodeDataError(f"Property '{name}' should be a list of texts, got {value!r}", field=name)
    return tuple(js_text(item) for item in value)
