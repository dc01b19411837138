"""The manifest of a plugin folder, ``plugin.json`` (nodes.md, part III)."""

from __future__ import annotations

import codecs
import importlib.metadata
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from nodes.errors import BatchwrightError

__all__ = ["MANIFEST", "Manifest", "NodeEntry", "PluginError", "Requirements", "read_manifest"]

MANIFEST: Final = "plugin.json"

_MAX_BYTES: Final = 1024 * 1024

logger = logging.getLogger("batchwright.plugins")

Word = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class PluginError(BatchwrightError):
    """Raised for a plugin that cannot be used; ``plugin_id`` names it."""

    code = "PLUGIN_NOT_USABLE"

    def __init__(self, plugin_id: str, reason: str) -> None:
        super().__init__(f"Plugin '{plugin_id}' is left out: {reason}")
        self.plugin_id = plugin_id
        self.reason = reason


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="allow", frozen=True
    )


class NodeEntry(_Part):
    """One node type of a plugin."""

    type: Word
    label: Word
    category: Word
    handler_path: Word
    """A Python file below the plugin's folder, its ending may be left out; also as ``file.py:ClassName``."""
    icon: str | None = None
    description: str | None = None
    config_component_path: str | None = None
    default_data: Mapping[str, Any] | None = None


class Requirements(_Part):
    """Versions of Batchwright that the plugin was written for, both included; another one is only warned of."""

    min_version: str | None = None
    max_version: str | None = None


class Manifest(_Part):
    """What a plugin says about itself; `author` and `dependencies` are kept for people."""

    name: Word
    version: Word
    description: str
    author: Any = None
    dependencies: Any = None
    requirements: Requirements = Requirements()
    nodes: Annotated[tuple[NodeEntry, ...], Field(min_length=1)]


def read_manifest(folder: Path) -> tuple[Manifest, Mapping[str, object]]:
    """The manifest of a plugin folder, checked, and as it is written.

    Raises:
        PluginError: It cannot be read or lacks something.
    """
    name = folder.name
    try:
        content = (folder / MANIFEST).read_bytes()
        if len(content) > _MAX_BYTES:
            raise PluginError(name, f"{MANIFEST} is larger than {_MAX_BYTES} bytes")
        raw = orjson.loads(content.removeprefix(codecs.BOM_UTF8))
        manifest = Manifest.model_validate(raw)
    except FileNotFoundError:
        raise PluginError(name, f"there is no {MANIFEST} in {folder}") from None
    except OSError as error:
        raise PluginError(name, f"{MANIFEST} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise PluginError(name, f"{MANIFEST} is no JSON: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise PluginError(name, f"{MANIFEST}: {where}: {first['msg']}") from error
    _check_version(name, manifest.requirements)
    return manifest, raw


def _check_version(name: str, wanted: Requirements) -> None:
    """Warn of a version that the plugin was not written for: whether it works shows when it is loaded."""
    try:
        ours = Version(importlib.metadata.version("batchwright"))
        least = Version(wanted.min_version) if wanted.min_version else ours
        most = Version(wanted.max_version) if wanted.max_version else ours
    except InvalidVersion as error:
        logger.warning("Plugin '%s': %s: requirements: %s", name, MANIFEST, error)
        return
    if not least <= ours <= most:
        bounds = [f">= {least}"] * bool(wanted.min_version) + [f"<= {most}"] * bool(wanted.max_version)
        logger.warning("Plugin '%s' asks for Batchwright %s; this is %s", name, " and ".join(bounds), ours)
