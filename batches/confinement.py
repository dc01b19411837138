"""Paths from outside, held within the folders that this process may touch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batches.errors import ConfinementError

__all__ = ["confined"]


def confined(path: str | Path, roots: Sequence[Path], *, field: str) -> Path:
    """The absolute path with symbolic links resolved, if it lies in one of the roots; it need not exist.

    Args:
        path: Relative ones start at the first root.
        roots: The allowed folders, absolute and resolved.
        field: Where the path came from, for the error.

    Raises:
        ConfinementError: It leads elsewhere, or cannot be a path at all.
    """
    try:
        resolved = (roots[0] / path).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfinementError(f"{field}: {str(path)!r} is not a usable path", field=field) from error
    if not any(resolved.is_relative_to(root) for root in roots):
        raise ConfinementError(
            f"{field}: {str(path)!r} is outside the folders that this server may use; add one with --root",
            field=field,
        )
    return resolved
