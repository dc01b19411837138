"""The main job: run the selected workflows and report. Everything ``batchwright run`` does, without typer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from batches.browsers import find_browser
from batches.errors import SourceError, StoreError
from batches.events import ExecutionStatus
from batches.local import LocalEngine
from batches.pool import BrowserPool
from batches.request import FIFO, BatchRequest, WorkItem
from batches.runner import Runner
from batches.scan import Scan
from batches.spec import ExecutionOptions
from batches.state import BatchState
from batches.tinydb_store import TinyDbStore
from batchwright.console import make_console, plural
from batchwright.exit_codes import ExitCode
from batchwright.interrupts import Interrupts
from batchwright.progress import Progress
from batchwright.selection import Selection, failed_sources, select
from batchwright.streams import event_writer
from batchwright.summary import empty_view, print_invalid, print_result, view_of, write_summary
from nodes.catalogue import default_registry
from nodes.errors import BatchwrightError, BrowserMissingError

__all__ = ["RunOptions", "default_workers", "run"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Everything that ``batchwright run`` can be told."""

    selection: Selection
    output: Path = field(default_factory=lambda: Path("output"))
    root: Path = field(default_factory=Path.cwd)
    workers: int = 2
    retries: int = 0
    max_failures: int | None = None
    order: str = FIFO
    last_failed: bool = False
    list_only: bool = False
    execution: ExecutionOptions = field(default_factory=ExecutionOptions)
    events: str | None = None
    summary: Path | None = None
    quiet: bool = False
    verbose: bool = False


def default_workers() -> int:
    """Cores, at least 2."""
    return max(2, os.cpu_count() or 2)


async def run(options: RunOptions) -> ExitCode:
    """Run, report, and say how it ended. Errors of use and of the runner are printed, not raised."""
    to_stderr = options.events == "-" or str(options.summary) == "-"
    console = make_console(stderr=to_stderr)
    try:
        return await _Session(options, console).run()
    except SourceError as error:
        return _give_up(options, console, error, ExitCode.USAGE)
    except (StoreError, BrowserMissingError) as error:
        return _give_up(options, console, error, ExitCode.RUNNER)


def _give_up(
    options: RunOptions, console: Console, error: BatchwrightError, code: ExitCode
) -> ExitCode:
    console.print(f"[red]Error:[/] {_escaped(error.message)}", soft_wrap=True)
    _save_summary(options, console, None, None)
    return code


class _Session:
    """One run from the command line."""

    def __init__(self, options: RunOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._state: BatchState | None = None

    async def run(self) -> ExitCode:
        options = self._options
        store = TinyDbStore(options.output)
        async with AsyncExitStack() as stack:
            only = None
            if options.last_failed:
                await store.open()
                stack.push_async_callback(store.close)
                only = await failed_sources(store)
                if not only:
                    self._console.print("Nothing to run: everything passed in the last run.")
                    return ExitCode.OK
            found = await select(options.selection, only=only)
            early = self._nothing_to_run(found)
            if early is not None:
                return early
            await asyncio.to_thread(_require_browser, found.items, options.execution)
            if not options.last_failed:
                await store.open()
                stack.push_async_callback(store.close)
            return await self._run_batch(found, store)

    def _nothing_to_run(self, found: Scan) -> ExitCode | None:
        options, console = self._options, self._console
        if options.list_only:
            for item in found.items:
                console.print(item.path, markup=False, soft_wrap=True)
            print_invalid(console, found.invalid)
            return ExitCode.FAILED if found.invalid else ExitCode.OK
        if found.items:
            return None
        if options.last_failed and not found.total:
            console.print("Nothing to run: no failed workflow of the last run is among these paths.")
            return ExitCode.OK
        print_invalid(console, found.invalid)
        where = ", ".join(map(str, options.selection.paths)) or "the last run"
        what = (
            f"No valid workflow in {where}"
            if found.invalid
            else f"No workflow files in {where} (pattern {options.selection.pattern})"
        )
        console.print(f"[red]Error:[/] {_escaped(what)}", soft_wrap=True)
        if not found.invalid and not options.selection.recursive:
            console.print("Subfolders are searched with --recursive.", style="dim")
        _save_summary(options, console, None, found)
        return ExitCode.USAGE

    async def _run_batch(self, found: Scan, store: TinyDbStore) -> ExitCode:
        options = self._options
        began = time.monotonic()
        registry = default_registry()
        engine = LocalEngine(registry, BrowserPool(), slots=options.workers)
        runner = Runner(store=store, engine=engine, output=options.output.resolve(), root=options.root)
        progress = Progress(self._console, quiet=options.quiet, verbose=options.verbose)
        interrupts = Interrupts(progress.say)
        async with AsyncExitStack() as stack:
            await runner.start()
            stack.push_async_callback(runner.close)
            runner.log.listen(progress.on_event)
            if options.events is not None:
                stack.enter_context(event_writer(options.events, runner.log))
            self._announce(found)
            stack.enter_context(interrupts.watching(self._save_at_kill))
            stack.enter_context(progress)
            self._state = await runner.submit(self._request(found))
            await self._wait(runner, interrupts, self._state.batch_id)
        wall_ms = (time.monotonic() - began) * 1000
        state = self._state
        print_result(self._console, state, options.output, wall_ms)
        saved = _save_summary(options, self._console, state, found)
        if runner.error is not None:
            self._console.print(f"[red]Error:[/] {_escaped(runner.error.message)}", soft_wrap=True)
            self._console.print("What had finished before is in the output folder.", style="dim")
        return _exit_code(state, interrupted=interrupts.received, broken=not saved or runner.error is not None)

    async def _wait(self, runner: Runner, interrupts: Interrupts, batch_id: str) -> None:
        over = asyncio.create_task(runner.wait(batch_id), name=f"wait {batch_id}")
        signalled = asyncio.create_task(interrupts.wait(), name="wait for a signal")
        await asyncio.wait({over, signalled}, return_when=asyncio.FIRST_COMPLETED)
        if signalled.done() and not over.done():
            await runner.stop_all()
        await over
        signalled.cancel()
        await asyncio.gather(signalled, return_exceptions=True)

    def _announce(self, found: Scan) -> None:
        options = self._options
        if options.quiet:
            return
        workers = min(options.workers, len(found.items))
        text = f"Running {plural(len(found.items), 'workflow')} with {plural(workers, 'worker')}"
        if found.invalid:
            text += f" ({len(found.invalid)} invalid left out)"
        self._console.print(text, style="bold")

    def _request(self, found: Scan) -> BatchRequest:
        options = self._options
        paths = options.selection.paths
        folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
        return BatchRequest(
            items=found.items,
            invalid=found.invalid,
            source_type="folder" if folder is not None else "files",
            folder_path=str(folder) if folder is not None else None,
            workers=options.workers,
            options=options.execution,
            retries=options.retries,
            max_failures=options.max_failures,
            order=options.order,
        )

    def _save_at_kill(self) -> None:
        _save_summary(self._options, self._console, self._state, None)


def _exit_code(state: BatchState, *, interrupted: bool, broken: bool) -> ExitCode:
    if broken:
        return ExitCode.RUNNER
    if interrupted:
        return ExitCode.INTERRUPTED
    passed = all(item.status is ExecutionStatus.COMPLETED for item in state.executions.values())
    return ExitCode.OK if passed and not state.invalid else ExitCode.FAILED


def _save_summary(
    options: RunOptions, console: Console, state: BatchState | None, found: Scan | None
) -> bool:
    """Write the summary file if one is wanted; False if it cannot be written."""
    if state is not None:
        view = view_of(state, options.output)
    else:
        source = next((str(path) for path in options.selection.paths), None)
        view = empty_view("error", source, found.invalid if found is not None else ())
    try:
        write_summary(options.summary, view)
    except OSError as error:
        console.print(f"[red]Error:[/] the summary {options.summary} cannot be written: {error.strerror}")
        return False
    return True


def _require_browser(items: Sequence[WorkItem], options: ExecutionOptions) -> None:
    """Fail early when no workflow could open its browser.

    Raises:
        BrowserMissingError: None of the wanted browsers is on this machine.
    """
    wanted = {kind for item in items for kind in _browsers_of(item, options)}
    missing: BrowserMissingError | None = None
    for kind in sorted(wanted):
        try:
            find_browser(kind, headless=options.headless is not False)
        except BrowserMissingError as error:
            missing = missing or error
        else:
            return
    if missing is not None:
        raise missing


def _browsers_of(item: WorkItem, options: ExecutionOptions) -> set[str]:
    nodes = item.document.get("nodes")
    kinds = set()
    for node in nodes if isinstance(nodes, list) else ():
        data = node.get("data") or {}
        if node.get("type") == "openBrowser" and data.get("bypass") is not True:
            kinds.add(options.browser or str(data.get("browser") or "chromium"))
    return kinds & {"chromium", "firefox", "webkit"}


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")

