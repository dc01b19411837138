"""``batchwright validate``: every fault of every file, without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batches.errors import SourceError
from batches.scan import find_files
from batchwright.console import make_console, plural, print_error
from batchwright.exit_codes import ExitCode
from batchwright.extensions import registry_with
from nodes.document import read_document
from nodes.errors import WorkflowUnreadableError
from nodes.plugins import Plugins
from nodes.registry import Registry
from nodes.validation import check

__all__ = ["validate"]


def validate(
    paths: Sequence[Path], *, recursive: bool, pattern: str, plugins: Plugins | None = None
) -> ExitCode:
    """Print ``file: message`` for each fault, then how many files are fine.

    Returns:
        OK, FAILED if any file has a fault, USAGE if there is no file.
    """
    console, errors = make_console(), make_console(stderr=True)
    try:
        files = [found.file for found in find_files(paths, recursive=recursive, pattern=pattern)]
    except SourceError as error:
        print_error(errors, error.message)
        return ExitCode.USAGE
    if not files:
        where = ", ".join(map(str, paths))
        print_error(errors, f"No workflow files in {where} (pattern {pattern})")
        return ExitCode.USAGE
    broken = 0
    for file in files:
        problems = _problems(file, registry_with(plugins))
        broken += bool(problems)
        for problem in problems:
            console.print(f"{file}: {problem}", markup=False, soft_wrap=True)
    verdict = "all valid" if not broken else f"{broken} with problems"
    errors.print(f"{plural(len(files), 'file')}, {verdict}", style="red" if broken else "green")
    return ExitCode.FAILED if broken else ExitCode.OK


def _problems(file: Path, registry: Registry) -> list[str]:
    try:
        return check(read_document(file), registry)
    except WorkflowUnreadableError as error:
        return [error.message]
