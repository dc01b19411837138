"""What a run gets from outside of the workflow: secrets and plugins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from batchwright.logs import set_up_logging
from nodes.catalogue import default_registry
from nodes.errors import ConfigurationError
from nodes.plugins import Plugins, load_plugins
from nodes.registry import Registry
from nodes.secrets import Secrets, load_secrets

__all__ = ["open_plugins", "open_secrets", "registry_with"]


def open_secrets(file: Path | None, names: Sequence[str], *, verbose: bool) -> Secrets:
    """The secrets, and logging that masks them.

    Args:
        file: The dotenv file of ``--secrets-file``.
        names: What ``--secret`` declares.
        verbose: How much is logged.

    Raises:
        typer.BadParameter: They cannot be read.
    """
    try:
        secrets = load_secrets(file=file, names=names)
    except ConfigurationError as error:
        option = "--secrets-file" if error.field == "secrets_file" else "--secret"
        raise typer.BadParameter(error.message, param_hint=option) from error
    set_up_logging(verbose=verbose, masker=secrets.masker())
    return secrets


def open_plugins(folders: Sequence[Path], *, quiet: bool = False) -> Plugins:
    """The plugins of ``--plugins`` and of installed packages; broken ones are warned of.

    Args:
        folders: What ``--plugins`` names.
        quiet: Warn of nothing: whoever asks reports them itself.

    Raises:
        typer.BadParameter: There is no such folder.
    """
    try:
        return load_plugins(folders, warn=not quiet)
    except ConfigurationError as error:
        raise typer.BadParameter(error.message, param_hint="--plugins") from error


def registry_with(plugins: Plugins | None) -> Registry:
    """The node types with those of the plugins, if there are any."""
    return plugins.registry if plugins is not None else default_registry()
