"""Reading option values: workers, ``name=value`` pairs, limits. Bad values are usage errors that name the option."""

from __future__ import annotations

import os
from collections.abc import Sequence

import orjson
import typer

from batches.breakpoints import BreakOn, Breakpoint, BreakpointConfig, DebugOptions, PauseRules
from batches.spec import START_OPTIONS

__all__ = ["debug_options", "default_workers", "parse_overrides", "parse_variables", "parse_workers"]

MAX_WORKERS = 256


def default_workers() -> int:
    """Cores, at least 2."""
    return max(2, os.cpu_count() or 2)


def parse_workers(value: str) -> int:
    """A number of workers, or ``auto``.

    Raises:
        typer.BadParameter: Neither.
    """
    if value.strip().lower() == "auto":
        return default_workers()
    try:
        workers = int(value)
    except ValueError:
        raise typer.BadParameter(
            f"'{value}' is neither a number nor 'auto'", param_hint="--workers"
        ) from None
    if not 1 <= workers <= MAX_WORKERS:
        raise typer.BadParameter(f"{workers} is not between 1 and {MAX_WORKERS}", param_hint="--workers")
    return workers


def parse_variables(pairs: Sequence[str]) -> dict[str, object]:
    """``name=value`` pairs; values stay texts, as in a shell.

    Raises:
        typer.BadParameter: A pair without ``=`` or without a name.
    """
    return dict(_split(pair, "--var") for pair in pairs)


def parse_overrides(pairs: Sequence[str]) -> dict[str, object]:
    """``name=value`` pairs for the Start node; values are JSON where they can be, else texts.

    Raises:
        typer.BadParameter: A pair without ``=``, or a name that no Start option has.
    """
    overrides: dict[str, object] = {}
    for pair in pairs:
        name, text = _split(pair, "--start-override")
        if name not in START_OPTIONS:
            known = ", ".join(START_OPTIONS)
            raise typer.BadParameter(
                f"'{name}' is no Start option (known: {known})", param_hint="--start-override"
            )
        try:
            overrides[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            overrides[name] = text
    return overrides


def _split(pair: str, option: str) -> tuple[str, str]:
    name, separator, value = pair.partition("=")
    if not separator or not name.strip():
        raise typer.BadParameter(f"'{pair}' is not of the form name=value", param_hint=option)
    return name.strip(), value


def debug_options(nodes: Sequence[str], *, debug: bool, on_error: bool) -> DebugOptions | None:
    """Where a run pauses; None if nobody wants to debug.

    Args:
        nodes: Ids of nodes to pause before.
        debug: Whether debugging was asked for as such; with nothing else said, it pauses before the first node.
        on_error: Whether to pause where a node fails.
    """
    if not (debug or nodes or on_error):
        return None
    return DebugOptions(
        breakpoint_config=BreakpointConfig(enabled=True),
        breakpoints=tuple(Breakpoint(node_id=name) for name in nodes),
        break_on=(BreakOn.ERROR,) if on_error else (),
        pause=PauseRules(at_start=not nodes and not on_error),
    )
