"""The options of each command, read from the command line itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

from batchwright.cli import app
from batchwright.docs_pages.markdown import code, one_line, table

__all__ = ["command_blocks", "command_table"]

_TYPE_WORDS: Final[Mapping[object, str]] = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}
_NAMED: Final = "Options"
"""Group of the options that belong to no group of their own."""


def command_blocks() -> dict[str, Callable[[], str]]:
    """For each command a function that gives its tables, by the name ``command NAME``."""
    return {f"command {name}": partial(command_table, name) for name in _commands().commands}


def command_table(name: str) -> str:
    """The arguments and options of a command, one table for each group.

    Args:
        name: The command.
    """
    parameters = [item for item in _commands().commands[name].params if _is_shown(item)]
    order = list(dict.fromkeys(["Arguments", _NAMED, *map(_group, parameters)]))
    parts = []
    for group, items in groupby(sorted(parameters, key=lambda item: order.index(_group(item))), key=_group):
        parts += [f"**{group}**", table(("Option", "Default", "Meaning"), map(_row, items))]
    return "\n\n".join(parts)


def _commands() -> TyperGroup:
    command = get_command(app)
    if not isinstance(command, TyperGroup):
        raise TypeError("the command line has no commands")
    return command


def _is_shown(parameter: object) -> bool:
    return isinstance(parameter, TyperOption | TyperArgument) and not parameter.hidden


def _group(parameter: object) -> str:
    if isinstance(parameter, TyperArgument):
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or _NAMED


def _row(parameter: object) -> tuple[str, str, str]:
    if isinstance(parameter, TyperArgument):
        default = "required" if parameter.required else ""
        return code(parameter.metavar or str(parameter.name).upper()), default, one_line(parameter.help or "")
    if not isinstance(parameter, TyperOption):
        raise TypeError(f"{parameter!r} is neither an argument nor an option")
    names = [*parameter.opts, *parameter.secondary_opts]
    value = _value(parameter)
    shown = ", ".join(code(f"{name} {value}" if value and name == names[0] else name) for name in names)
    meaning = one_line(parameter.help or "")
    if parameter.envvar:
        meaning += f" Also set by the environment variable {code(parameter.envvar)}."
    return shown, _default(parameter), meaning


def _value(option: TyperOption) -> str:
    """What follows the option's name; empty for a switch."""
    if option.is_flag:
        return ""
    if option.metavar:
        return option.metavar
    kind = option.type_descriptor.annotation
    members = next((item for item in (kind, *getattr(kind, "__args__", ())) if _is_enum(item)), None)
    if members is not None:
        return "|".join(str(member.value) for member in members)
    return _TYPE_WORDS.get(kind, str(option.name).upper())


def _is_enum(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _default(option: TyperOption) -> str:
    if option.is_flag and option.secondary_opts:
        return code(option.opts[0] if option.default else option.secondary_opts[0])
    if option.is_flag or option.default is None:
        return ""
    default = option.default
    return code(default.value if isinstance(default, Enum) else default)
