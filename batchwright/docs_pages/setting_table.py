"""The settings of the server, read from their model."""

from __future__ import annotations

from typing import Final

from pydantic.fields import FieldInfo

from batchwright.docs_pages.markdown import code, one_line, table
from nodes.field_docs import field_texts
from server.settings import ENV_PREFIX, ServerSettings, option_name

__all__ = ["setting_table"]

_MADE: Final = {"workers": "`auto`", "roots": "the working directory"}
"""Defaults that depend on the machine, in words."""


def setting_table() -> str:
    """Each setting with its default, the option that sets it, and its meaning."""
    texts = field_texts(ServerSettings)
    rows = [
        (code(name), _default(name, field), code(option_name(name)), one_line(texts.get(name, "")))
        for name, field in ServerSettings.model_fields.items()
    ]
    variable = code(f"{ENV_PREFIX}NAME")
    head = f"The variable of a setting is {variable} with its name in capitals.\n\n"
    return head + table(("Setting", "Default", "Option", "Meaning"), rows)


def _default(name: str, field: FieldInfo) -> str:
    if name in _MADE:
        return _MADE[name]
    default = field.default
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return code(str(default).lower())
    return code(f"{default:g}" if isinstance(default, float) else default)
