"""The command line: what people type. Each command reads its options here and does its work elsewhere."""

from __future__ import annotations

import asyncio
import importlib.metadata
from pathlib import Path
from typing import Annotated

import typer

from batches.scan import DEFAULT_PATTERN
from batches.spec import ExecutionOptions
from batchwright import run_options
from batchwright.exit_codes import EXIT_CODES_HELP, ExitCode
from batchwright.loading import loading
from batchwright.logs import set_up_logging
from batchwright.option_types import BrowserKind, OutputFolder, PluginFolders, SecretNames, SecretsFile
from batchwright.options import parse_overrides, parse_variables, parse_workers
from batchwright.server_cli import server_app

__all__ = ["app"]

app = typer.Typer(
    name="batchwright",
    help="Run folders of browser workflows in parallel batches.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(server_app)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"batchwright {importlib.metadata.version('batchwright')}")
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run folders of browser workflows in parallel batches."""


@app.command("run", epilog=EXIT_CODES_HELP)
def run_command(
    paths: run_options.Paths = None,
    recursive: run_options.Recursive = False,
    pattern: run_options.Pattern = DEFAULT_PATTERN,
    grep: run_options.Grep = None,
    last_failed: run_options.LastFailed = False,
    list_only: run_options.ListOnly = False,
    workers: run_options.Workers = "auto",
    order: run_options.StartOrder = run_options.Order.FIFO,
    variables: run_options.Variables = None,
    start_overrides: run_options.StartOverrides = None,
    browser: run_options.Browser = None,
    headed: run_options.Headed = False,
    browser_args: run_options.BrowserArgs = None,
    ignore_https_errors: run_options.IgnoreHttpsErrors = False,
    reachable_hosts: run_options.ReachableHosts = None,
    settle: run_options.Settle = False,
    record_session: run_options.RecordSession = False,
    reuse_contexts: run_options.ReuseContexts = False,
    timeout: run_options.Timeout = None,
    script_timeout: run_options.ScriptTimeout = None,
    script_memory: run_options.ScriptMemory = 256,
    retries: run_options.Retries = 0,
    fail_fast: run_options.FailFast = False,
    max_failures: run_options.MaxFailures = None,
    debug: run_options.Debug = False,
    break_nodes: run_options.BreakNodes = None,
    break_on_error: run_options.BreakOnError = False,
    secrets_file: SecretsFile = None,
    secret_names: SecretNames = None,
    plugin_folders: PluginFolders = None,
    output: OutputFolder = Path("output"),
    events: run_options.Events = None,
    summary_json: run_options.SummaryJson = None,
    no_journal: run_options.NoJournal = False,
    quiet: run_options.Quiet = False,
    verbose: run_options.Verbose = False,
) -> None:
    """Run the workflows of folders and files in parallel.

    Examples:
      batchwright run flows/                             every *.json of the folder

      batchwright run flows -r --workers 4 --retries 1   with subfolders, flaky ones counted apart

      batchwright run --last-failed                      what did not pass the last time
    """
    if not paths and not last_failed:
        raise typer.BadParameter("name a folder or workflow file, or use --last-failed", param_hint="PATH")
    if events == "-" and str(summary_json) == "-":
        raise typer.BadParameter("only one of --events and --summary-json can be standard output")
    slots = parse_workers(workers)
    execution = ExecutionOptions(
        headless=False if headed else None,
        browser=browser.value if browser else None,
        browser_args=tuple(browser_args or ()),
        ignore_https_errors=ignore_https_errors,
        reachable_hosts=tuple(reachable_hosts or ()),
        timeout_s=timeout,
        script_timeout_s=script_timeout,
        script_memory_mb=script_memory,
        settle=settle,
        record_session=record_session,
        variables=parse_variables(variables or ()),
        start_overrides=parse_overrides(start_overrides or ()),
        trace_logs=verbose,
    )

    with loading():
        from batchwright.extensions import open_plugins, open_secrets  # noqa: PLC0415 - start-up time
        from batchwright.options import debug_options  # noqa: PLC0415 - as above, after the usage errors
        from batchwright.running import RunOptions, run  # noqa: PLC0415 - as above
        from batchwright.selection import Selection  # noqa: PLC0415 - as above

    secrets = open_secrets(secrets_file, secret_names or (), verbose=verbose)
    options = RunOptions(
        selection=Selection(tuple(paths or ()), recursive, pattern, grep),
        output=output,
        workers=slots,
        retries=retries,
        max_failures=1 if fail_fast and max_failures is None else max_failures,
        order=order.value,
        last_failed=last_failed,
        list_only=list_only,
        execution=execution,
        events=events,
        summary=summary_json,
        journal=not no_journal,
        reuse_contexts=reuse_contexts,
        quiet=quiet,
        verbose=verbose,
        secrets=secrets,
        plugins=open_plugins(plugin_folders or ()),
        debug=debug_options(break_nodes or (), debug=debug, on_error=break_on_error),
    )
    raise typer.Exit(asyncio.run(run(options)))


@app.command("validate", epilog=EXIT_CODES_HELP)
def validate_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Folders or workflow files.", readable=False)
    ],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders.")] = False,
    pattern: Annotated[str, typer.Option(help="File names to take in folders; * and ?.")] = DEFAULT_PATTERN,
    plugin_folders: PluginFolders = None,
) -> None:
    """Check workflow files without running them: `file: message`, one line for each fault."""
    from batchwright.extensions import open_plugins  # noqa: PLC0415 - start-up time
    from batchwright.validating import validate  # noqa: PLC0415 - as above

    set_up_logging(verbose=False)
    plugins = open_plugins(plugin_folders or ())
    raise typer.Exit(validate(paths, recursive=recursive, pattern=pattern, plugins=plugins))


@app.command("nodes")
def nodes_command(
    name: Annotated[
        str | None, typer.Argument(help="A node type, to explain it.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    plugin_folders: PluginFolders = None,
) -> None:
    """List the node types, or explain one with its properties, types and defaults."""
    from batchwright.extensions import open_plugins  # noqa: PLC0415 - start-up time
    from batchwright.node_listing import show_nodes  # noqa: PLC0415 - as above

    set_up_logging(verbose=False)
    raise typer.Exit(show_nodes(name, open_plugins(plugin_folders or ()), as_json=as_json))


@app.command("history")
def history_command(
    batch: Annotated[
        str | None,
        typer.Argument(metavar="[BATCH]", help="A batch, to list its executions.", show_default=False),
    ] = None,
    output: OutputFolder = Path("output"),
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many batches.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List past batches, newest first, or the executions of one."""
    from batchwright.history import show_history  # noqa: PLC0415 - start-up time

    set_up_logging(verbose=False)
    raise typer.Exit(asyncio.run(show_history(output, batch, limit=limit, as_json=as_json)))


@app.command("report", epilog=EXIT_CODES_HELP)
def report_command(
    batch: Annotated[
        str, typer.Argument(metavar="[BATCH]", help="A batch; without one, the newest.")
    ] = "latest",
    file: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.", dir_okay=False)
    ] = Path("report.html"),
    history: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="The output folder of the run.",
            readable=False,
            envvar="BATCHWRIGHT_OUTPUT",
        ),
    ] = Path("output"),
    max_mb: Annotated[
        float, typer.Option(metavar="MB", min=0, help="Put in screenshots up to so much, failures first.")
    ] = 25,
) -> None:
    """Write a batch as one HTML file that opens from disk: table, timeline, failures, graphs, logs, screenshots."""
    from batchwright.report import write_report  # noqa: PLC0415 - start-up time

    set_up_logging(verbose=False)
    raise typer.Exit(asyncio.run(write_report(history, batch, file, max_mb=max_mb)))


@app.command("demo", epilog=EXIT_CODES_HELP)
def demo_command(
    workers: Annotated[
        str, typer.Option("--workers", "-w", metavar="N|auto", help="How many run at once.")
    ] = "4",
    broken: Annotated[
        bool, typer.Option("--broken", help="Also run the examples that fail on purpose.")
    ] = False,
    serve_only: Annotated[
        bool, typer.Option("--serve-only", help="Only serve the demo site, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the demo site; 0 takes a free one.")
    ] = 0,
    headed: Annotated[bool, typer.Option("--headed", help="Show the windows.")] = False,
    output: OutputFolder = Path("output"),
) -> None:
    """Serve the demo site on a loopback port and run the examples against it."""
    from batchwright.demo import DemoOptions, demo  # noqa: PLC0415 - start-up time

    set_up_logging(verbose=False)
    options = DemoOptions(
        workers=parse_workers(workers),
        broken=broken,
        serve_only=serve_only,
        port=port,
        headed=headed,
        output=output,
    )
    raise typer.Exit(asyncio.run(demo(options)))


@app.command("install")
def install_command(
    browser: Annotated[BrowserKind, typer.Option(help="Which browser.")] = BrowserKind.CHROMIUM,
    ffmpeg: Annotated[
        bool, typer.Option("--with-ffmpeg/--no-ffmpeg", help="Also make video recording possible.")
    ] = True,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Limit for Playwright's own download.")
    ] = 120,
) -> None:
    """Get a browser: Playwright's own download, else the system's package manager, else what to run."""
    from batchwright.install import install  # noqa: PLC0415 - start-up time

    raise typer.Exit(install(browser.value, ffmpeg=ffmpeg, download_timeout_s=timeout, say=typer.echo))


@app.command("doctor")
def doctor_command(output: OutputFolder = Path("output"), plugin_folders: PluginFolders = None) -> None:
    """Check this machine: Python, Playwright, browsers, video, output folder, plugins. Exit 1 if a run would fail."""
    from batchwright.doctor import examine, print_report  # noqa: PLC0415 - start-up time
    from batchwright.extensions import open_plugins  # noqa: PLC0415 - as above

    report = examine(output, open_plugins(plugin_folders or (), quiet=True))
    print_report(report)
    raise typer.Exit(ExitCode.OK if report.usable else ExitCode.FAILED)
