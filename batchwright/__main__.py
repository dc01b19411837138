"""Entry point of the ``batchwright`` command and of ``python -m batchwright``."""

from __future__ import annotations

import sys

from batchwright.cli import app
from batchwright.console import make_console, print_error
from batchwright.exit_codes import ExitCode

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C outside a batch ends with the interrupted status.

    What the system refuses outside of a batch (a full disk behind standard output, say) is told in one line.
    """
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except OSError as error:
        print_error(make_console(stderr=True), str(error))
        sys.exit(ExitCode.RUNNER)


if __name__ == "__main__":
    main()
