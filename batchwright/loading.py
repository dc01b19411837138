"""Loading the modules of a long command faster, and keeping them out of the collector's way."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["loading"]


@contextmanager
def loading() -> Iterator[None]:
    """Import modules in this block: they leave no garbage, so it is not searched for meanwhile.

    What is loaded at its end stays: looking through it again and again would stop every run for a moment.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
