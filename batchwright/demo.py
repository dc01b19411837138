"""``batchwright demo``: the demo site and the examples that run against it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batches.spec import ExecutionOptions
from batchwright.console import make_console, print_error
from batchwright.demo_site import serve_site
from batchwright.exit_codes import ExitCode
from batchwright.interrupts import Interrupts
from batchwright.running import RunOptions, run
from batchwright.selection import Selection

__all__ = ["DemoOptions", "demo", "examples_folder"]

GREEN: Final = ("smoke", "shop", "forms")
"""Example folders that pass."""

BROKEN: Final = "broken"
"""The folder that shows what failures look like."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What ``batchwright demo`` can be told."""

    workers: int = 4
    broken: bool = False
    serve_only: bool = False
    port: int = 0
    headed: bool = False
    output: Path = Path("output")


def examples_folder() -> Path:
    """Where the examples are: beside the package in a checkout, inside it in an installed wheel."""
    inside = Path(__file__).parent / "_examples"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "examples"


async def demo(options: DemoOptions) -> ExitCode:
    """Serve the site; run the examples against it, or wait for Ctrl-C."""
    console = make_console()
    examples = examples_folder()
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(serve_site(examples / "site", port=options.port))
        except OSError as error:
            reason = error.strerror or str(error)
            print_error(make_console(stderr=True), f"the demo site cannot use port {options.port}: {reason}")
            return ExitCode.RUNNER
        console.print(f"Demo site: {url}", markup=False)
        if options.serve_only:
            return await _serve(url, examples)
        return await run(_run_options(options, url, examples))


async def _serve(url: str, examples: Path) -> ExitCode:
    console = make_console()
    console.print("Run examples against it in another terminal, then stop it with Ctrl-C:")
    console.print(
        f"  batchwright run {examples / 'smoke'} --var baseUrl={url} --var examplesDir={examples}",
        markup=False,
        soft_wrap=True,
    )
    interrupts = Interrupts(lambda: None)
    with interrupts.watching(lambda: None):
        await interrupts.wait()
    return ExitCode.OK


def _run_options(options: DemoOptions, url: str, examples: Path) -> RunOptions:
    folders = (*GREEN, BROKEN) if options.broken else GREEN
    return RunOptions(
        selection=Selection(tuple(examples / name for name in folders)),
        output=options.output,
        workers=options.workers,
        execution=ExecutionOptions(
            headless=False if options.headed else None,
            variables={"baseUrl": url, "examplesDir": str(examples)},
        ),
    )
