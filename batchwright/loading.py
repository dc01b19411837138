"""Loading the modules of a long command faster, and keeping them out of the collector's way."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["keep_loaded", "loading"]

_THRESHOLDS: Final = (10_000, 20, 20)
"""New objects before the youngest are looked at, and how many such looks come before one at older ones."""


@contextmanager
def loading() -> Iterator[None]:
    """Import modules in this block: they leave no garbage, so it is not searched for meanwhile."""
    gc.disable()
    try:
        yield
    finally:
        keep_loaded()
        gc.enable()


def keep_loaded() -> None:
    """Let the collector pass over what there is now: looking through it again would stop every run for a moment.

    For the same reason garbage in cycles, which is rare here, is searched for less often from now on.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
