"""Chromium's command line: what is added to Playwright's own, and lists of features as one.

Of several ``--disable-features`` Chromium takes the last and forgets the others, and so with ``--enable-features``.
Playwright gives one of each. What is added here or by a user would therefore take Playwright's away, unless it
is repeated.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["chromium_args"]

_FLAGS: Final = ("--disable-quic",)
"""Playwright's own flags stop background traffic already; QUIC goes around proxies."""

_OFF: Final = ("RenderDocument",)
"""Chromium makes a new frame host, frame and widget for each document, also where the next one is of the same site
and stays in the process. Kept as they are, as before it did so, a flow costs 4 to 5 % less."""

_DISABLE: Final = "--disable-features="
_ENABLE: Final = "--enable-features="

_KNOWN_PLAYWRIGHT: Final = "1.65.2"
"""The lists below are those of this release; with another one nothing is repeated and nothing switched off."""

_PLAYWRIGHT_DISABLES: Final = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "msForceBrowserSignIn",
    "msEdgeUpdateLaunchServicesPreferredVersion",
)
_PLAYWRIGHT_ENABLES: Final = ("CDPScreenshotNewSurface", "SkipListAccountsWithoutGaiaCookies")
_NOT_WITH_LEGACY_SCREENSHOT: Final = "CDPScreenshotNewSurface"


def chromium_args(given: Sequence[str], ignored: Sequence[str] = ()) -> list[str]:
    """The arguments to hand to Playwright for a launch of Chromium.

    Args:
        given: What the workflow and the settings ask for. A feature that is enabled here is not switched off by us.
        ignored: Default arguments to leave out, Playwright's (whole, as it writes them) and ours.

    Returns:
        ``given`` with our own flags; with at most one list of disabled and one of enabled features, in which
        Playwright's are, too.
    """
    flags = [flag for flag in _FLAGS if flag not in ignored]
    if importlib.metadata.version("playwright") != _KNOWN_PLAYWRIGHT:
        return [*given, *flags]
    made = [arg for arg in given if not arg.startswith((_DISABLE, _ENABLE))] + flags
    enabled, disabled = [*_features(given, _ENABLE)], [*_features(given, _DISABLE)]
    names = {feature.partition(":")[0].partition("<")[0] for feature in enabled}
    disabled += [feature for feature in _OFF if feature not in names]
    lists = ((_DISABLE, _PLAYWRIGHT_DISABLES, disabled), (_ENABLE, _playwright_enables(), enabled))
    for switch, theirs, wanted in lists:
        if wanted:
            kept = () if any(arg.startswith(switch) for arg in ignored) else theirs
            made.append(switch + ",".join(dict.fromkeys((*kept, *wanted))))
    return made


def _features(args: Sequence[str], switch: str) -> Iterator[str]:
    for arg in args:
        if arg.startswith(switch):
            yield from filter(None, (name.strip() for name in arg.removeprefix(switch).split(",")))


def _playwright_enables() -> tuple[str, ...]:
    legacy = os.environ.get("PLAYWRIGHT_LEGACY_SCREENSHOT")
    return tuple(name for name in _PLAYWRIGHT_ENABLES if not (legacy and name == _NOT_WITH_LEGACY_SCREENSHOT))
