"""Plugins: node types from folders with a ``plugin.json`` and from installed Python packages.

Source: nodes.md, part III. A folder's handlers are Python modules. A plugin that cannot be loaded is reported and left
out as a whole. A later plugin that registers the same type wins; built-in types cannot be taken over. Packages name
their node types as entry points of the group ``batchwright.nodes``; they come before folders.

Loading runs the plugins' code, so only folders that the user named are looked into.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import itertools
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from nodes.catalogue import built_in_types
from nodes.describe import describe_type
from nodes.errors import BatchwrightError, ConfigurationError
from nodes.plugin_manifest import MANIFEST, NodeEntry, PluginError, read_manifest
from nodes.registry import NodeType, Registry

__all__ = ["ENTRY_POINTS", "Plugin", "PluginError", "Plugins", "load_plugins"]

ENTRY_POINTS: Final = "batchwright.nodes"
"""Group of entry points: each names a node type, or a module whose node types all count."""

logger = logging.getLogger("batchwright.plugins")

_numbers = itertools.count(1)

AnyType = type[NodeType[Any]]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin whose node types can be used.

    Attributes:
        id: The folder's name, or the entry point's.
        manifest: The contents of its ``plugin.json``; for a package the same, made of what it says about itself.
        path: Its folder.
        types: The names of its node types.
    """

    id: str
    manifest: Mapping[str, object]
    path: Path
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plugins:
    """The plugins of a process, and the node types there are with them.

    Attributes:
        registry: Built-in types and those of the plugins.
        plugins: What was loaded, in the order of loading.
        failures: What was left out and why.
    """

    registry: Registry
    plugins: tuple[Plugin, ...] = ()
    failures: tuple[PluginError, ...] = field(default=())

    def loaded(self) -> Sequence[Plugin]:
        """What was loaded, by id."""
        return sorted(self.plugins, key=lambda plugin: plugin.id)


def load_plugins(folders: Iterable[Path] = (), *, packages: bool = True, warn: bool = True) -> Plugins:
    """Load plugins; blocks, because it imports code. What cannot be loaded is left out.

    Args:
        folders: Plugin folders, or folders of plugin folders: those without a manifest of their own.
        packages: Whether to load those of installed packages.
        warn: Log what is left out; else only the answer tells.

    Raises:
        ConfigurationError: A folder does not exist.
    """
    registry = Registry(built_in_types())
    loaded: dict[str, Plugin] = {}
    failures: list[PluginError] = []
    sources: list[_Source] = [_Package(point) for point in _entry_points()] if packages else []
    sources += [_Folder(path) for path in _plugin_folders(folders)]
    for source in sources:
        try:
            plugin, types = source.load()
            _register(registry, source.id, types)
        except PluginError as error:
            logger.log(logging.WARNING if warn else logging.DEBUG, "%s", error.message)
            failures.append(error)
        else:
            loaded.pop(source.id, None)
            loaded[source.id] = plugin
    return Plugins(registry, tuple(loaded.values()), tuple(failures))


def _register(registry: Registry, plugin_id: str, types: Sequence[AnyType]) -> None:
    """Register all or none."""
    trial = Registry(built_in_types())
    for node_type in types:
        if not hasattr(node_type, "model"):
            name = node_type.__name__
            raise PluginError(plugin_id, f"{name} names no data model: class {name}(NodeType[{name}Data])")
        try:
            trial.register(node_type)
            describe_type(node_type)
        except BatchwrightError as error:
            raise PluginError(plugin_id, error.message) from error
        except Exception as error:
            raise PluginError(plugin_id, _said(error)) from error
    for node_type in types:
        registry.register(node_type)


def _plugin_folders(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationError(f"There is no plugin folder {folder}", field="plugins")
        try:
            several = not (folder / MANIFEST).is_file()
            inside = [item for item in folder.iterdir() if _may_be(item)] if several else []
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(f"{folder} cannot be read: {reason}", field="plugins") from error
        yield from (item.resolve() for item in sorted(inside) or [folder])


def _may_be(item: Path) -> bool:
    """Whether something in a folder of plugins is there as one; the others are caches and the like."""
    return item.is_dir() and not item.name.startswith((".", "_")) and item.name != "node_modules"


def _entry_points() -> list[importlib.metadata.EntryPoint]:
    return sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda point: point.name)


@dataclass(frozen=True, slots=True)
class _Folder:
    """A plugin in a folder."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    def load(self) -> tuple[Plugin, list[AnyType]]:
        """Read the manifest and import the handlers.

        Raises:
            PluginError: Something of it cannot be used.
        """
        manifest, raw = read_manifest(self.path)
        package = f"batchwright_plugin_{next(_numbers)}"
        try:
            root = ModuleType(package)
            root.__path__ = [str(self.path)]
            sys.modules[package] = root
            types = [self._type(entry, package) for entry in manifest.nodes]
        except BaseException as error:
            for name in [name for name in sys.modules if name.partition(".")[0] == package]:
                del sys.modules[name]
            if isinstance(error, PluginError | KeyboardInterrupt):
                raise
            raise PluginError(self.id, _said(error)) from error
        return Plugin(self.id, raw, self.path, tuple(item.name for item in types)), types

    def _type(self, entry: NodeEntry, package: str) -> AnyType:
        text, _, class_name = entry.handler_path.partition(":")
        file = (self.path / text.replace("\\", "/")).resolve()
        if not file.suffix:
            file = file.with_suffix(".py")
        if not file.is_relative_to(self.path):
            raise PluginError(self.id, f"the handler {text} lies outside of the plugin's folder")
        if file.suffix != ".py":
            raise PluginError(self.id, f"the handler {text} is no Python module (*.py)")
        if not file.is_file():
            raise PluginError(self.id, f"there is no handler {text}")
        found = _types_in(_imported(package, file, self.path))
        if class_name:
            found = [item for item in found if item.__name__ == class_name]
        named = [item for item in found if vars(item).get("name") == entry.type]
        if not named and len(found) == 1 and "name" not in vars(found[0]):
            named = found
        if len(named) != 1:
            raise PluginError(
                self.id,
                f"{text} must have one class for the node type '{entry.type}': a NodeType whose name is "
                f"'{entry.type}', or the only NodeType of the module, without a name",
            )
        return _completed(named[0], entry)


@dataclass(frozen=True, slots=True)
class _Package:
    """A plugin of an installed package."""

    point: importlib.metadata.EntryPoint

    @property
    def id(self) -> str:
        return self.point.name

    def load(self) -> tuple[Plugin, list[AnyType]]:
        """Import it.

        Raises:
            PluginError: It cannot be imported, or is neither a node type nor a module with some.
        """
        try:
            value = self.point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(self.id, _said(error)) from error
        types = _types_in(value) if isinstance(value, ModuleType) else [value]
        if not types or not all(_is_node_type(item) for item in types):
            raise PluginError(self.id, f"{self.point.value} is neither a NodeType nor a module with some")
        missing = [item.__name__ for item in types if not isinstance(getattr(item, "name", None), str)]
        if missing:
            raise PluginError(self.id, f"the node type {missing[0]} has no name")
        for item in types:
            item.title = getattr(item, "title", item.name)
        names = tuple(item.name for item in types)
        return Plugin(self.id, self._manifest(types), _folder_of(types[0]), names), types

    def _manifest(self, types: Sequence[AnyType]) -> Mapping[str, object]:
        about = self.point.dist.metadata if self.point.dist is not None else None
        entries = [
            {
                "type": item.name,
                "label": item.title,
                "category": item.category,
                "handlerPath": item.__module__,
            }
            for item in types
        ]
        return {
            "name": about["Name"] if about is not None else self.id,
            "version": about["Version"] if about is not None else "0",
            "description": about["Summary"] if about is not None and "Summary" in about else "",
            "nodes": entries,
        }


_Source = _Folder | _Package


def _imported(package: str, file: Path, folder: Path) -> ModuleType:
    """A handler's module, imported once for each plugin; its own folder's modules are reached by relative imports."""
    parts = file.relative_to(folder).with_suffix("").parts
    name = ".".join((package, *parts))
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    if len(parts) > 1 and all(part.isidentifier() for part in parts):
        importlib.import_module(name.rpartition(".")[0])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _types_in(module: ModuleType) -> list[AnyType]:
    """The node types of a module or package; those that it only imports from elsewhere are not its own."""
    found = [item for item in vars(module).values() if _is_node_type(item)]
    return [item for item in found if f"{item.__module__}.".startswith(f"{module.__name__}.")]


def _is_node_type(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, NodeType) and not inspect.isabstract(value)


def _completed(node_type: AnyType, entry: NodeEntry) -> AnyType:
    """The class with what it leaves to the manifest; one without a name may serve several types."""
    given = {"name": entry.type, "title": entry.label, "category": entry.category}
    lacking: dict[str, object] = {key: value for key, value in given.items() if key not in vars(node_type)}
    described = {"__doc__": node_type.__doc__ or entry.description, "__module__": node_type.__module__}
    return type(node_type.__name__, (node_type,), {**lacking, **described})


def _folder_of(node_type: AnyType) -> Path:
    return Path(inspect.getfile(node_type)).parent


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
