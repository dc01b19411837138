"""Secrets: values that workflows name as ``${secrets.NAME}`` and that no record of a run shows.

They come from the environment, a dotenv file and the system's keyring, and are read once, before a run. Nothing but
`interpolate` hands them out; `nodes.masking` takes them out of everything that leaves an execution.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from dotenv import dotenv_values

from nodes.errors import ConfigurationError, NodeError
from nodes.masking import SHORTEST, Masker

__all__ = ["ENV_PREFIX", "KEYRING_SERVICE", "SecretMissingError", "Secrets", "load_secrets"]

ENV_PREFIX: Final = "BATCHWRIGHT_SECRET_"
"""A variable of the environment with this prefix is a secret, named without it."""

KEYRING_SERVICE: Final = "batchwright"
"""Service under which the keyring has them."""

_NAME: Final = re.compile(r"[A-Za-z0-9_]+")
_HIDDEN: Final = re.compile(r"\$\{secrets\.([A-Za-z0-9_]+):hidden\}")


class SecretMissingError(NodeError):
    """Raised when a node refers to a secret that is not there; ``secret_name`` names it."""

    code = "SECRET_MISSING"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Secret '{name}' is not set. Set the environment variable {ENV_PREFIX}{name}, put {name} into the "
            f"secrets file, or declare it with --secret {name} and put it into the keyring"
        )
        self.secret_name = name


class Secrets(Mapping[str, str]):
    """The secrets of a process, by name; their representation shows names only.

    Args:
        values: The values by name.
    """

    def __init__(self, values: Mapping[str, str] = MappingProxyType({})) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise SecretMissingError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"

    def masker(self) -> Masker:
        """Masks the values; each call gives one of its own, which may learn more of them."""
        return Masker(self._values.values())

    def hide(self, value: Any) -> Any:
        """Plain data in which marks of the names stand for the values, to be written to a file.

        References that the data has itself stay what they are.
        """
        longest = sorted(self._values.items(), key=lambda item: -len(item[1]))
        known = {secret: f"${{secrets.{name}:hidden}}" for name, secret in longest if len(secret) >= SHORTEST}
        if not known:
            return value
        pattern = re.compile("|".join(map(re.escape, known)))
        return _each_text(value, lambda text: pattern.sub(lambda match: known[match[0]], text))

    def show(self, value: Any) -> Any:
        """The opposite of `hide`; marks of secrets that are not there stay."""
        if not self._values:
            return value
        return _each_text(
            value, lambda text: _HIDDEN.sub(lambda match: self._values.get(match[1], match[0]), text)
        )


def load_secrets(
    *, file: Path | None = None, names: Collection[str] = (), environ: Mapping[str, str] | None = None
) -> Secrets:
    """Read the secrets of this process; blocks, because it reads files and may ask the keyring.

    All variables ``BATCHWRIGHT_SECRET_<NAME>`` and everything in the file are secrets. A declared name is looked for
    in the environment under its own name, in the file, and in the keyring under the service ``batchwright``.

    Args:
        file: A dotenv file.
        names: Declared names.
        environ: The environment; that of the process if not given.

    Raises:
        ConfigurationError: The file cannot be read, a name is not usable, or a declared one is nowhere.
    """
    variables = os.environ if environ is None else environ
    values = _from_file(file) if file is not None else {}
    for name, value in variables.items():
        if name.startswith(ENV_PREFIX) and len(name) > len(ENV_PREFIX):
            values[name.removeprefix(ENV_PREFIX)] = value
    for name in names:
        _require_name(name, "secrets")
        if name in variables and ENV_PREFIX + name not in variables:
            values[name] = variables[name]
        elif name not in values:
            values[name] = _from_keyring(name)
    return Secrets({name: value for name, value in values.items() if value})


def _from_file(file: Path) -> dict[str, str]:
    try:
        with file.open(encoding="utf-8") as stream:
            found = dotenv_values(stream=stream, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(
            f"The secrets file {file} cannot be read: {reason}", field="secrets_file"
        ) from error
    for name, value in found.items():
        _require_name(name, "secrets_file")
        if value is None:
            raise ConfigurationError(
                f"The secrets file {file}: '{name}' has no value; write {name}=value", field="secrets_file"
            )
    return {name: value for name, value in found.items() if value is not None}


def _from_keyring(name: str) -> str:
    try:
        import keyring  # noqa: PLC0415 - an optional extra
        from keyring.errors import KeyringError  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigurationError(
            f"Secret '{name}' is neither in the environment nor in the secrets file. To look for it in the keyring: "
            "pip install 'batchwright[keyring]'",
            field="secrets",
        ) from None
    try:
        value: str | None = keyring.get_password(KEYRING_SERVICE, name)
    except KeyringError as error:
        raise ConfigurationError(
            f"Secret '{name}': the keyring cannot be read: {error}", field="secrets"
        ) from error
    if not value:
        raise ConfigurationError(
            f"Secret '{name}' is nowhere: not in the environment, the secrets file or the keyring "
            f"(keyring set {KEYRING_SERVICE} {name})",
            field="secrets",
        )
    return value


def _require_name(name: str, field: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"'{name}' cannot name a secret: only letters, digits and _ can", field=field
        )


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {_each_text(key, change): _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(item, change) for item in value]
    return value
