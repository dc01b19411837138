"""Node types that merge JSON objects into ``data`` (nodes.md, ``loadConfigFile`` and ``setConfig.setConfig``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar

from nodes.context import NodeRun
from nodes.document import decode_document, read_document
from nodes.errors import FileAccessError, NodeDataError, WorkflowUnreadableError
from nodes.model import Flag, NodeData, Part, Text
from nodes.registry import NodeType

__all__ = [
    "ConfigEntry",
    "ConfigFilesData",
    "LoadConfigFile",
    "LoadConfigFileData",
    "SelectConfigFile",
    "SelectConfigFileData",
    "SetConfig",
    "SetConfigData",
]


class ConfigEntry(Part):
    """One configuration whose content is kept in the workflow."""

    file_name: Text = None
    """Name of the file that the content came from."""
    file_content: Text = None
    """A JSON object as text."""
    context_key: Text = None
    """Key of `data` for the whole object; without, each of its keys becomes a key of `data`."""
    enabled: Flag = True
    """`false` leaves the entry out."""


class ConfigFilesData(NodeData):
    """Configurations to merge, the later ones over the earlier."""

    configs: list[ConfigEntry] | None = None
    """The configurations, merged in order."""
    context_key: Text = None
    """Key of `data` for the object of an old workflow's single file."""


class LoadConfigFileData(ConfigFilesData):
    """Configurations, or the file of an old workflow."""

    file_path: Text = None
    """Old workflows: a JSON file to read, relative to the project's root."""


class SelectConfigFileData(ConfigFilesData):
    """Configurations, or the content of an old workflow's file."""

    file_content: Text = None
    """Old workflows: a JSON object as text."""
    file_name: Text = None
    """Old workflows: name of the file that the content came from."""


class SetConfigData(NodeData):
    """An object to merge."""

    config: Mapping[str, Any] | None = None
    """The object; its values are stored as they are written, references included."""
    context_key: Text = None
    """Key of `data` for the whole object; without, each of its keys becomes a key of `data`."""
    exported_file_name: Text = None
    """Name of the file that the editor exported the object to."""


class LoadConfigFile(NodeType[LoadConfigFileData]):
    """Merge JSON configurations into `data`, from the workflow or from a file."""

    name: ClassVar = "loadConfigFile"
    title: ClassVar = "Load Config File"
    category: ClassVar = "data"
    writes: ClassVar = ("<contextKey>",)
    uses_page: ClassVar = False

    async def run(self, data: LoadConfigFileData, run: NodeRun) -> None:
        """Merge the configurations; a file is read only when there are none.

        Raises:
            FileAccessError: The file cannot be read or is no JSON object.
        """
        if data.configs:
            _merge_all(run, data.configs)
            return
        path = run.path(run.require(data.file_path, "filePath"))
        try:
            content = await asyncio.to_thread(read_document, path)
        except WorkflowUnreadableError as error:
            raise FileAccessError(f"Configuration file {path} {error.message}") from error
        _merge(run, _object(content, f"Configuration file {path}", "filePath"), data.context_key)


class SelectConfigFile(NodeType[SelectConfigFileData]):
    """Merge JSON configurations that are kept in the workflow into `data`."""

    name: ClassVar = "selectConfigFile"
    title: ClassVar = "Select Config File"
    category: ClassVar = "data"
    writes: ClassVar = ("<contextKey>",)
    uses_page: ClassVar = False

    async def run(self, data: SelectConfigFileData, run: NodeRun) -> None:
        """Merge the configurations; the single content of old workflows counts only when there are none."""
        configs = data.configs or [
            ConfigEntry(
                file_name=data.file_name,
                file_content=run.require(data.file_content, "configs"),
                context_key=data.context_key,
            )
        ]
        _merge_all(run, configs)


class SetConfig(NodeType[SetConfigData]):
    """Merge an object into `data`."""

    name: ClassVar = "setConfig.setConfig"
    title: ClassVar = "Set Config"
    category: ClassVar = "data"
    writes: ClassVar = ("<contextKey>",)
    uses_page: ClassVar = False

    async def run(self, data: SetConfigData, run: NodeRun) -> None:
        """Store a copy, so that later nodes cannot change the workflow itself."""
        if data.config:
            _merge(run, deepcopy(dict(data.config)), data.context_key)


def _merge_all(run: NodeRun, entries: list[ConfigEntry]) -> None:
    """Read all contents before storing any, so that a bad one leaves ``data`` alone."""
    enabled = [entry for entry in entries if entry.enabled]
    objects = [_content(entry, number) for number, entry in enumerate(enabled, 1)]
    for entry, values in zip(enabled, objects, strict=True):
        _merge(run, values, entry.context_key)


def _content(entry: ConfigEntry, number: int) -> dict[str, object]:
    name = f"Configuration '{entry.file_name}'" if entry.file_name else f"Configuration {number}"
    try:
        content = decode_document((entry.file_content or "").encode())
    except WorkflowUnreadableError as error:
        raise NodeDataError(f"{name} {error.message}", field="fileContent") from error
    return _object(content, name, "fileContent")


def _object(content: object, name: str, field: str) -> dict[str, object]:
    if not isinstance(content, dict):
        found = "an array" if isinstance(content, list) else "a single value"
        raise NodeDataError(f"{name} must be a JSON object, not {found}", field=field)
    return content


def _merge(run: NodeRun, values: Mapping[str, object], context_key: str | None) -> None:
    """Shallow: a nested object replaces the one before it."""
    if context_key and context_key.strip():
        run.data[context_key] = values
    else:
        run.data.update(values)
