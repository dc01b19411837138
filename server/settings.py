"""The server's settings: one typed object.

A value comes from the first of these that has it: an option of the command line, a ``BATCHWRIGHT_*`` variable,
the TOML file, the default; `server.settings_sources` reads them. Made in code, it has what the code says.
"""

from __future__ import annotations

import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

__all__ = [
    "ENV_PREFIX",
    "AccessLog",
    "LogFormat",
    "LogLevel",
    "ServerSettings",
    "is_loopback",
    "option_name",
]

ENV_PREFIX: Final = "BATCHWRIGHT_"

MAX_WORKERS: Final = 256

_OPTION_NAMES: Final = {
    "roots": "--root",
    "allowed_hosts": "--allowed-host",
    "cors_origins": "--cors-origin",
    "drain_s": "--drain",
    "secrets": "--secret",
}
"""Options that are not spelled like their field."""


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on log lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class AccessLog(StrEnum):
    """Which requests get a log line: none, those that may change something, or all."""

    OFF = "off"
    CHANGES = "changes"
    ALL = "all"


def _workers(value: object) -> object:
    return max(2, os.cpu_count() or 2) if value == "auto" else value


def _commas(value: object) -> object:
    """A variable lists several values with commas between them."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _path_list(value: object) -> object:
    """A variable lists several paths as PATH does."""
    if isinstance(value, str):
        return tuple(part for part in value.split(os.pathsep) if part)
    return value


class ServerSettings(BaseSettings):
    """Everything that ``batchwright serve`` can be told."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
    )

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address to listen on. Anything but loopback needs a token."""
    port: Annotated[int, Field(ge=0, le=65535)] = 3003
    """Port to listen on; 0 takes a free one."""
    port_file: Path | None = None
    """File that gets the port as text while the server runs, such as `.automflows-port`."""
    workers: Annotated[int, Field(ge=1, le=MAX_WORKERS), BeforeValidator(_workers)] = Field(
        default_factory=lambda: max(2, os.cpu_count() or 2)
    )
    """How many executions run at once, over all batches; `auto`: cores, at least 2."""
    output: Path = Path("output")
    """Folder for history, screenshots, videos."""
    roots: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_path_list), Field(min_length=1)] = Field(
        default_factory=lambda: (Path.cwd(),)
    )
    """Folders that requests may name files in; relative paths of requests start at the first one."""
    token: Annotated[SecretStr, Field(min_length=1)] | None = None
    """Secret that every request must carry (`Authorization: Bearer` or `X-API-Key`)."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_commas)] = ()
    """Further values of the Host header that are answered."""
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_commas)] = ()
    """Origins of web pages that may call this server; `*` for all."""
    drain_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """Seconds that running executions get to finish when the server is asked to end."""
    resume: bool = False
    """At start, run again what an earlier server left waiting when it died."""
    secrets_file: Path | None = None
    """Dotenv file whose values are secrets, for `${secrets.NAME}` in workflows."""
    secrets: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_commas)] = ()
    """Names of further secrets, looked for in the environment and in the keyring."""
    plugins: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_path_list)] = ()
    """Folders of plugins with further node types; their code is run."""
    browser: Literal["chromium", "firefox", "webkit"] | None = None
    """Use this browser in every workflow."""
    reuse_contexts: bool = False
    """Let executions find what earlier ones left in the browser, but for cookies: faster, and not isolated."""
    headed: bool = False
    """Show the windows."""
    keep_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Delete finished batches that ended so many days ago."""
    keep_batches: Annotated[int, Field(ge=1)] | None = None
    """Keep so many finished batches; the oldest go first."""
    keep_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Keep so many gigabytes (10^9 bytes) of finished batches; the oldest go first."""
    max_body_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    """Largest body of a request, in megabytes (2^20 bytes)."""
    max_upload_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    """Largest uploaded file, in megabytes (2^20 bytes)."""
    max_workflows: Annotated[int, Field(ge=1)] = 5000
    """Most workflows in one batch."""
    log_format: LogFormat = LogFormat.TEXT
    """Log lines as `text` or `json`."""
    log_level: LogLevel = LogLevel.INFO
    """Lowest level that is logged: `debug`, `info`, `warning`, `error`."""
    access_log: AccessLog = AccessLog.CHANGES
    """Requests that get a log line: `off`, `changes`, `all`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the code says; `server.settings_sources` reads the rest."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("output", "roots", "port_file", "secrets_file", "plugins", mode="after")
    @classmethod
    def _absolute(cls, value: Path | tuple[Path, ...] | None) -> Path | tuple[Path, ...] | None:
        if value is None:
            return None
        if isinstance(value, tuple):
            return tuple(path.expanduser().absolute() for path in value)
        return value.expanduser().absolute()

    @field_validator("token", mode="after")
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all("!" <= letter <= "~" for letter in value.get_secret_value()):
            raise ValueError("may only have visible ASCII characters, as it is sent in a header")
        return value

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines, which needs a token: set --token or "
                f"{ENV_PREFIX}TOKEN, or listen on 127.0.0.1"
            )
        return self


def option_name(field: str) -> str:
    """The option of the command line that sets a field."""
    return _OPTION_NAMES.get(field, "--" + field.replace("_", "-"))


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
