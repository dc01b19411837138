"""Entry point of the ``batchwright`` command and of ``python -m batchwright``."""

from __future__ import annotations

import sys

from batchwright.cli import app
from batchwright.exit_codes import ExitCode

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C outside a batch ends with the interrupted status."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
