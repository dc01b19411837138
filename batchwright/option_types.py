"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

__all__ = ["EXTEND", "SHOW", "BrowserKind", "OutputFolder", "PluginFolders", "SecretNames", "SecretsFile"]

SHOW: Final = "Output"
EXTEND: Final = "Secrets and plugins"
"""Headings of groups of options in the help."""


class BrowserKind(StrEnum):
    """Browsers that Playwright drives."""

    CHROMIUM = "chromium"
    FIREFOX = "firefox"
    WEBKIT = "webkit"


SecretsFile = Annotated[
    Path | None,
    typer.Option(
        "--secrets-file",
        metavar="FILE",
        help="Dotenv file whose values are secrets, for ${secrets.NAME} in workflows.",
        readable=False,
        rich_help_panel=EXTEND,
        envvar="BATCHWRIGHT_SECRETS_FILE",
    ),
]
SecretNames = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        help="A further secret, from the environment or the keyring; repeatable. Variables "
        "BATCHWRIGHT_SECRET_NAME need not be named.",
        rich_help_panel=EXTEND,
    ),
]
PluginFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugins",
        metavar="DIR",
        help="Folder of a plugin, or of several, with further node types; repeatable. Their code is run.",
        readable=False,
        rich_help_panel=EXTEND,
        envvar="BATCHWRIGHT_PLUGINS",
    ),
]

# "readable=False" below: what cannot be read is told by the run itself, with its exit code and a summary.
OutputFolder = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder for history, screenshots, videos.",
        readable=False,
        rich_help_panel=SHOW,
        envvar="BATCHWRIGHT_OUTPUT",
    ),
]
