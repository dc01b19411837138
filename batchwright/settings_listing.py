"""``batchwright settings``: what holds, and where it comes from."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
from rich.table import Table
from rich.text import Text

from batchwright.console import make_console, print_error, print_table
from batchwright.exit_codes import ExitCode
from server.settings_sources import LoadedSettings, SettingsError, load_settings

__all__ = ["show_settings"]


def show_settings(config: Path | None, *, as_json: bool) -> ExitCode:
    """Print each setting with its value and where it came from; secrets are masked."""
    try:
        loaded = load_settings(config=config)
    except SettingsError as error:
        print_error(make_console(stderr=True), error.message)
        return ExitCode.USAGE
    if as_json:
        rows = {
            name: {"value": value, "origin": origin.kind.value, "from": origin.name}
            for name, value, origin in loaded.rows()
        }
        sys.stdout.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        _print_rows(loaded)
    return ExitCode.OK


def _print_rows(loaded: LoadedSettings) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("setting", "value", "origin"):
        table.add_column(column, overflow="fold")
    for name, value, origin in loaded.rows():
        table.add_row(Text(name), Text(_shown(value)), Text(str(origin)))
    print_table(make_console(), table)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
