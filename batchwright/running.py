"""The main job: run the selected workflows and report. Everything ``batchwright run`` does, without typer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from batches.breakpoints import DebugOptions, PauseRules
from batches.errors import SourceError, StoreError
from batches.events import ExecutionStatus
from batches.local import LocalEngine
from batches.pool import BrowserPool, PoolSettings
from batches.request import FIFO, BatchRequest
from batches.runner import Runner
from batches.scan import Scan
from batches.spec import ExecutionOptions
from batches.state import BatchState
from batches.tinydb_store import TinyDbStore
from batchwright.console import make_console, plural, print_error
from batchwright.debug_prompt import Lines, Prompt
from batchwright.debug_target import LocalTarget
from batchwright.exit_codes import ExitCode
from batchwright.extensions import registry_with
from batchwright.interrupts import Interrupts
from batchwright.preflight import require_browser
from batchwright.progress import Progress
from batchwright.selection import Selection, failed_sources, select
from batchwright.streams import EventWriter
from batchwright.summary import (
    empty_view,
    mark_killed,
    print_invalid,
    print_result,
    view_of,
    write_summary,
)
from nodes.errors import BrowserMissingError
from nodes.plugins import Plugins
from nodes.secrets import Secrets
from server.main_api import BatchView

__all__ = ["RunOptions", "run"]

logger = logging.getLogger("batchwright.run")


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
    journal: bool = True
    """Write results down as they come; without, a run that dies loses them."""
    reuse_contexts: bool = False
    """Let executions use contexts that others have left."""
    quiet: bool = False
    verbose: bool = False
    secrets: Secrets = field(default_factory=Secrets)
    """What workflows may name as `${secrets.NAME}`."""
    plugins: Plugins | None = None
    """Node types beyond the built-in ones."""
    debug: DebugOptions | None = None
    """With it, the terminal asks what to do at each pause; without, nothing pauses."""


async def run(options: RunOptions) -> ExitCode:
    """Run, report, and say how it ended. Errors of use and of the runner are printed, not raised."""
    to_stderr = options.events == "-" or str(options.summary) == "-"
    return await _Session(options, make_console(stderr=to_stderr)).run()


class _Session:
    """One run from the command line."""

    def __init__(self, options: RunOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._progress = Progress(console, quiet=options.quiet, verbose=options.verbose)
        self._interrupts = Interrupts(self._say_stopping)
        self._state: BatchState | None = None
        self._found: Scan | None = None

    async def run(self) -> ExitCode:
        """Run; every way out writes the summary."""
        with self._interrupts.watching(self._save_at_kill):
            try:
                return await self._run()
            except SourceError as error:
                return self._give_up(error.message, ExitCode.USAGE)
            except (StoreError, BrowserMissingError) as error:
                return self._give_up(error.message, ExitCode.RUNNER)
            except Exception as error:  # a fault of ours must not end without a word and a summary
                logger.exception("the run failed")
                said = self._options.secrets.masker().text(f"Internal fault: {type(error).__name__}: {error}")
                return self._give_up(said, ExitCode.RUNNER)

    async def _run(self) -> ExitCode:
        async with AsyncExitStack() as stack:
            store = TinyDbStore(self._options.output, journal=self._options.journal)
            ready = await self._interrupts.guard(self._prepare(store, stack))
            if ready is None:
                self._save_summary(self._empty("stopped"))
                return ExitCode.INTERRUPTED
            if isinstance(ready, ExitCode):
                return ready
            return await self._run_batch(ready, store)

    async def _prepare(self, store: TinyDbStore, stack: AsyncExitStack) -> Scan | ExitCode:
        """Find what to run and open the store; the exit code if there is nothing to run."""
        options = self._options
        only = None
        if options.last_failed:
            await self._open(store, stack)
            only = await failed_sources(store)
            if not only:
                return self._no_op("Nothing to run: everything passed in the last run.")
        own = (options.output, options.summary, Path(options.events) if options.events else None)
        found = await select(options.selection, only=only, exclude=[path for path in own if path is not None])
        self._found = found = replace(found, invalid=options.secrets.masker().value(found.invalid))
        early = self._nothing_to_run(found)
        if early is not None:
            return early
        await asyncio.to_thread(require_browser, found.items, options.execution)
        await self._open(store, stack)
        return found

    async def _open(self, store: TinyDbStore, stack: AsyncExitStack) -> None:
        stack.push_async_callback(store.close)
        await store.open()

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
            return self._no_op("Nothing to run: no failed workflow of the last run is among these paths.")
        print_invalid(console, found.invalid)
        where = ", ".join(map(str, options.selection.paths)) or "the last run"
        if found.invalid:
            return self._give_up(f"No valid workflow in {where}", ExitCode.USAGE)
        looked_for = f"pattern {options.selection.pattern}"
        if options.selection.grep is not None:
            looked_for += f", --grep {options.selection.grep}"
        code = self._give_up(f"No workflow files in {where} ({looked_for})", ExitCode.USAGE)
        if not options.selection.recursive:
            console.print("Subfolders are searched with --recursive.", style="dim")
        return code

    async def _run_batch(self, found: Scan, store: TinyDbStore) -> ExitCode:
        options = self._options
        began = time.monotonic()
        registry = registry_with(options.plugins)
        pool = BrowserPool(PoolSettings(reuse_contexts=options.reuse_contexts))
        engine = LocalEngine(registry, pool, slots=options.workers, secrets=options.secrets)
        runner = Runner(
            store=store,
            engine=engine,
            output=options.output.resolve(),
            root=options.root,
            secrets=options.secrets,
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.close)
            await runner.start()
            runner.log.listen(self._progress.on_event)
            writer = stack.enter_context(EventWriter(options.events, runner.log))
            self._announce(found)
            if options.debug is None:
                stack.enter_context(self._progress)
            target = LocalTarget(runner, tuple(item.document for item in found.items))
            self._state = await runner.submit(self._request(found))
            if options.debug is not None:
                await stack.enter_async_context(self._prompting(target))
            await self._wait(runner, self._state.batch_id)
        wall_ms = (time.monotonic() - began) * 1000
        print_result(self._console, self._state, options.output, wall_ms)
        saved = self._save_summary(view_of(self._state, options.output))
        if runner.error is not None:
            print_error(self._console, runner.error.message)
            self._console.print("What had finished before is in the output folder.", style="dim")
        if writer.error is not None:
            print_error(self._console, writer.error)
        broken = not saved or runner.error is not None or writer.error is not None
        return self._exit_code(self._state, broken=broken)

    @asynccontextmanager
    async def _prompting(self, target: LocalTarget) -> AsyncIterator[None]:
        """Ask what to do at pauses while the batch runs."""
        prompt = Prompt(target, self._console, Lines())
        asking = asyncio.create_task(prompt.run(), name="debugger's prompt")
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _wait(self, runner: Runner, batch_id: str) -> None:
        over = asyncio.create_task(runner.wait(batch_id), name=f"wait {batch_id}")
        signalled = asyncio.create_task(self._interrupts.wait(), name="wait for a signal")
        try:
            await asyncio.wait({over, signalled}, return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                await runner.stop_all()
            await over
        finally:
            signalled.cancel()
            over.cancel()
            await asyncio.gather(signalled, over, return_exceptions=True)

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
            debug=options.debug or DebugOptions(pause=PauseRules(wait_nodes=False)),
        )

    def _exit_code(self, state: BatchState, *, broken: bool) -> ExitCode:
        if broken:
            return ExitCode.RUNNER
        if self._interrupts.received:
            return ExitCode.INTERRUPTED
        passed = all(item.status is ExecutionStatus.COMPLETED for item in state.executions.values())
        return ExitCode.OK if passed and not state.invalid else ExitCode.FAILED

    def _say_stopping(self) -> None:
        if self._state is None:
            self._progress.say("Stopping.")
        else:
            self._progress.say(
                "Stopping: running workflows are stopped and results written. Ctrl-C again kills."
            )

    def _save_at_kill(self) -> None:
        """A second signal: leave the terminal and the summary in order."""
        self._progress.stop()
        if self._state is None:
            self._save_summary(self._empty("stopped"))
            return
        mark_killed(self._state)
        self._save_summary(view_of(self._state, self._options.output))

    def _no_op(self, message: str) -> ExitCode:
        self._console.print(message)
        self._save_summary(self._empty("completed"))
        return ExitCode.OK

    def _give_up(self, message: str, code: ExitCode) -> ExitCode:
        print_error(self._console, message)
        if not self._options.list_only:
            self._save_summary(self._empty("error"))
        return code

    def _empty(self, status: str) -> BatchView:
        source = next((str(path) for path in self._options.selection.paths), None)
        return empty_view(status, source, self._found.invalid if self._found is not None else ())

    def _save_summary(self, view: BatchView) -> bool:
        """Write the summary file if one is wanted; False if it cannot be written."""
        try:
            write_summary(self._options.summary, view)
        except OSError as error:
            reason = error.strerror or str(error)
            print_error(self._console, f"the summary {self._options.summary} cannot be written: {reason}")
            return False
        return True
