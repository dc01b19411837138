"""Reading the server's settings: which source has which value, and what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from nodes.errors import ConfigurationError
from server.settings import ENV_PREFIX, ServerSettings, option_name

__all__ = ["CONFIG_FILE", "LoadedSettings", "Origin", "OriginKind", "SettingsError", "load_settings"]

CONFIG_FILE: Final = "batchwright.toml"
"""Looked for in the working directory."""

MASK: Final = "********"

_PATHS: Final = frozenset({"output", "roots", "port_file", "secrets_file", "plugins"})


class SettingsError(ConfigurationError):
    """Raised for settings that cannot be used; each line of the message names field and origin.

    ``field`` is the first one at fault.
    """

    code = "SETTINGS_INVALID"


class OriginKind(StrEnum):
    """Where a value may come from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; ``name`` is the option, the variable or the file."""

    kind: OriginKind
    name: str = OriginKind.DEFAULT.value

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and the origin of each field."""

    settings: ServerSettings
    origins: Mapping[str, Origin]

    def rows(self) -> list[tuple[str, object, Origin]]:
        """Name, value as JSON could have it, and origin of each field; secrets are masked."""
        values = self.settings.model_dump(mode="json")
        if self.settings.token is not None:
            values["token"] = MASK
        return [(name, value, self.origins[name]) for name, value in values.items()]


def load_settings(
    options: Mapping[str, object] | None = None, *, config: Path | None = None
) -> LoadedSettings:
    """Read the settings of this process.

    Args:
        options: Values of the command line by field name; None values count as absent.
        config: The TOML file; without one, `batchwright.toml` of the working directory if it is there.

    Raises:
        SettingsError: A value cannot be used, or the file cannot be read; field and origin are named.
    """
    values: dict[str, Any] = {}
    origins = {name: Origin(OriginKind.DEFAULT) for name in ServerSettings.model_fields}
    file = config or Path(CONFIG_FILE)
    for name, value in _from_file(file, required=config is not None).items():
        values[name], origins[name] = value, Origin(OriginKind.FILE, str(file))
    for name, value in EnvSettingsSource(ServerSettings)().items():
        values[name], origins[name] = value, Origin(OriginKind.ENVIRONMENT, f"{ENV_PREFIX}{name.upper()}")
    for name, value in (options or {}).items():
        if value is not None:
            values[name], origins[name] = value, Origin(OriginKind.OPTION, option_name(name))
    try:
        # From here on pydantic says what type each value must have.
        settings = ServerSettings(**values)
    except ValidationError as error:
        raise _explained(error, origins) from None
    return LoadedSettings(settings, origins)


def _from_file(file: Path, *, required: bool) -> dict[str, Any]:
    """The values of a TOML file; relative paths in it start at its folder."""
    try:
        if not file.exists() and not required:
            return {}
        if not file.is_file():
            raise SettingsError(f"{file}: there is no such settings file", field="config")
        found = TomlConfigSettingsSource(ServerSettings, toml_file=file)()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}", field="config") from error
    except TOMLDecodeError as error:
        raise SettingsError(f"{file}: is no TOML: {error}", field="config") from error
    for name in found:
        if name not in ServerSettings.model_fields:
            near = difflib.get_close_matches(name, ServerSettings.model_fields, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{name} ({file}): there is no such setting{hint}", field=name)
    return {
        name: _from_folder(file.parent, value) if name in _PATHS else value for name, value in found.items()
    }


def _from_folder(folder: Path, value: object) -> object:
    if isinstance(value, str):
        return folder / Path(value).expanduser()
    if isinstance(value, list):
        return [_from_folder(folder, part) for part in value]
    return value


def _explained(error: ValidationError, origins: Mapping[str, Origin]) -> SettingsError:
    lines = [_line(details, origins) for details in error.errors(include_url=False)]
    return SettingsError("\n".join(lines), field=_field(error.errors(include_url=False)[0]))


def _line(details: ErrorDetails, origins: Mapping[str, Origin]) -> str:
    field = _field(details)
    message = details["msg"].removeprefix("Value error, ")
    return f"{field} ({origins.get(field, 'option')}): {message[0].lower()}{message[1:]}"


def _field(details: ErrorDetails) -> str:
    """The field at fault; what concerns several fields concerns the address first."""
    return str(details["loc"][0]) if details["loc"] else "host"
