"""How much room folders take on the disk."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["folder_size"]


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; what cannot be read, or goes meanwhile, counts nothing."""
    total = 0
    for root, _folders, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(root) / name).lstat().st_size
            except OSError:
                continue
    return total
