"""``python -m batchwright.docs_pages docs [--check] [--pictures]``: write the generated pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from batchwright.docs_pages import outdated, render
from batchwright.exit_codes import ExitCode

__all__ = ["main"]


def main(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the pages.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a page is out of date.")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Also run the examples and picture the terminal.")
    ] = False,
) -> None:
    """Write what is generated into the pages of a folder."""
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder", param_hint="FOLDER")
    stale = outdated(folder)
    if check:
        for path in stale:
            typer.echo(f"{path} is out of date: run python -m batchwright.docs_pages {folder}")
        sys.exit(ExitCode.FAILED if stale else ExitCode.OK)
    pages = render(folder)
    for path in stale:
        path.write_text(pages[path], "utf-8", newline="\n")
        typer.echo(f"{path} written")
    if pictures:
        from batchwright.docs_pages.picture import write_pictures  # noqa: PLC0415 - needs a pseudo-terminal

        for path in write_pictures(folder):
            typer.echo(f"{path} written")


if __name__ == "__main__":
    typer.run(main)
