"""The command line: what people type. Each command reads its options here and does its work elsewhere."""

from __future__ import annotations

import asyncio
import importlib.metadata
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from batches.request import FIFO, LONGEST_FIRST
from batches.scan import DEFAULT_PATTERN
from batches.spec import ExecutionOptions
from batchwright.exit_codes import EXIT_CODES_HELP, ExitCode
from batchwright.logs import set_up_logging
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

SELECT, BROWSE, STOP, SHOW = "Which workflows", "Browser", "Retries and limits", "Output"
DEBUG = "Debugger"
EXTEND = "Secrets and plugins"


class BrowserKind(StrEnum):
    """Browsers that Playwright drives."""

    CHROMIUM = "chromium"
    FIREFOX = "firefox"
    WEBKIT = "webkit"


class Order(StrEnum):
    """In which order workflows start."""

    FIFO = FIFO
    LONGEST_FIRST = LONGEST_FIRST


SecretsFile = Annotated[
    Path | None,
    typer.Option(
        "--secrets-file",
        metavar="FILE",
        help="Dotenv file whose values are secrets, for ${secrets.NAME} in workflows.",
        readable=False,
        rich_help_panel=EXTEND,
        envvar="BATCHWRIGHT_SECRETS_FILE",
    ),
]
SecretNames = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        help="A further secret, from the environment or the keyring; repeatable. Variables "
        "BATCHWRIGHT_SECRET_NAME need not be named.",
        rich_help_panel=EXTEND,
    ),
]
PluginFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugins",
        metavar="DIR",
        help="Folder of a plugin, or of several, with further node types; repeatable. Their code is run.",
        readable=False,
        rich_help_panel=EXTEND,
        envvar="BATCHWRIGHT_PLUGINS",
    ),
]

# "readable=False" below: what cannot be read is told by the run itself, with its exit code and a summary.
OutputFolder = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Folder for history, screenshots, videos.",
        readable=False,
        rich_help_panel=SHOW,
        envvar="BATCHWRIGHT_OUTPUT",
    ),
]


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
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Folders or workflow files.", show_default=False, readable=False),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into subfolders.", rich_help_panel=SELECT)
    ] = False,
    pattern: Annotated[
        str, typer.Option(help="File names to take in folders; * and ?.", rich_help_panel=SELECT)
    ] = DEFAULT_PATTERN,
    grep: Annotated[
        str | None,
        typer.Option(
            "--grep",
            "-g",
            metavar="REGEX",
            help="Only paths, names or tags that match.",
            rich_help_panel=SELECT,
        ),
    ] = None,
    last_failed: Annotated[
        bool,
        typer.Option(
            "--last-failed",
            help="Only what did not pass in the last run: failed, stopped, not run.",
            rich_help_panel=SELECT,
        ),
    ] = False,
    list_only: Annotated[
        bool,
        typer.Option("--list", help="List the selected workflows and run nothing.", rich_help_panel=SELECT),
    ] = False,
    workers: Annotated[
        str,
        typer.Option(
            "--workers", "-w", metavar="N|auto", help="How many run at once; auto: cores, at least 2."
        ),
    ] = "auto",
    order: Annotated[
        Order, typer.Option(help="Start in the given order, or the longest first as history knows them.")
    ] = Order.FIFO,
    variables: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="Set a variable of every workflow; repeatable."),
    ] = None,
    start_overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--start-override",
            metavar="NAME=VALUE",
            help="Override an option of the Start nodes; repeatable.",
        ),
    ] = None,
    browser: Annotated[
        BrowserKind | None, typer.Option(help="Use this browser in every workflow.", rich_help_panel=BROWSE)
    ] = None,
    headed: Annotated[
        bool, typer.Option("--headed", help="Show the windows.", rich_help_panel=BROWSE)
    ] = False,
    browser_args: Annotated[
        list[str] | None,
        typer.Option(
            "--browser-arg",
            metavar="ARG",
            help="Argument for every browser; repeatable.",
            rich_help_panel=BROWSE,
        ),
    ] = None,
    ignore_https_errors: Annotated[
        bool,
        typer.Option("--ignore-https-errors", help="Accept invalid certificates.", rich_help_panel=BROWSE),
    ] = False,
    reachable_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--reachable-host",
            metavar="HOST",
            help="Nodes may call only this host from the runner, such as *.example.com; repeatable.",
            rich_help_panel=STOP,
        ),
    ] = None,
    settle: Annotated[
        bool,
        typer.Option(
            "--settle",
            help="Wait for each page to come to rest after navigate (slower).",
            rich_help_panel=BROWSE,
        ),
    ] = False,
    record_session: Annotated[
        bool, typer.Option("--record-session", help="Record a video of every page.", rich_help_panel=BROWSE)
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.001, help="Limit for each execution.", rich_help_panel=STOP),
    ] = None,
    script_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.001,
            help="Limit for each script (JavaScript in a workflow).",
            rich_help_panel=STOP,
        ),
    ] = None,
    script_memory: Annotated[
        int,
        typer.Option(
            metavar="MB", min=16, max=4096, help="Memory that a script may take.", rich_help_panel=STOP
        ),
    ] = 256,
    retries: Annotated[
        int, typer.Option(min=0, help="Run a failed workflow again, up to N times.", rich_help_panel=STOP)
    ] = 0,
    fail_fast: Annotated[
        bool,
        typer.Option("-x", help="Stop after the first failure (--max-failures 1).", rich_help_panel=STOP),
    ] = False,
    max_failures: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Start nothing more after N failures.", rich_help_panel=STOP),
    ] = None,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            help="Ask what to do at breakpoints: nodes marked in the file, and the first node if there are none.",
            rich_help_panel=DEBUG,
        ),
    ] = False,
    break_nodes: Annotated[
        list[str] | None,
        typer.Option(
            "--break",
            metavar="NODE",
            help="Pause before this node; repeatable. Means --debug.",
            rich_help_panel=DEBUG,
        ),
    ] = None,
    break_on_error: Annotated[
        bool,
        typer.Option(
            "--break-on-error",
            help="Pause where a node fails, with the browser open. Means --debug.",
            rich_help_panel=DEBUG,
        ),
    ] = False,
    secrets_file: SecretsFile = None,
    secret_names: SecretNames = None,
    plugin_folders: PluginFolders = None,
    output: OutputFolder = Path("output"),
    events: Annotated[
        str | None,
        typer.Option(metavar="-|FILE", help="Write every event as a line of JSON.", rich_help_panel=SHOW),
    ] = None,
    summary_json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the result as JSON, on every ending.",
            readable=False,
            rich_help_panel=SHOW,
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only failures and totals.", rich_help_panel=SHOW)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Each node and log line.", rich_help_panel=SHOW)
    ] = False,
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

    from batchwright.extensions import open_plugins, open_secrets  # noqa: PLC0415 - start-up time
    from batchwright.options import debug_options  # noqa: PLC0415 - start-up time, after the usage errors
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
