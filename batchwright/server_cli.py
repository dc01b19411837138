"""The commands around the server: ``serve``, ``settings``, ``status``, ``respond``, ``stop``, ``stop-all``.

Options of `serve` have no defaults here: what is not given comes from a variable, the settings file or
`server.settings`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["server_app"]

server_app = typer.Typer()

LISTEN, RUNS, KEEP, LIMITS, LOGS = "Address and access", "Runs", "History", "Limits", "Log"

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings file (TOML) instead of batchwright.toml in the working directory.",
        readable=False,
    ),
]
ServerUrl = Annotated[
    str, typer.Option("--server", metavar="URL", help="The server.", envvar="BATCHWRIGHT_SERVER")
]
Token = Annotated[
    str | None,
    typer.Option("--token", help="Its token, if it has one.", envvar="BATCHWRIGHT_TOKEN", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_SERVER = "http://127.0.0.1:3003"


@server_app.command("serve")
def serve_command(
    config: ConfigFile = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; other than loopback needs a token.", rich_help_panel=LISTEN),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0 takes a free one.", rich_help_panel=LISTEN)
    ] = None,
    port_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the port to this file while the server runs.", rich_help_panel=LISTEN
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="Secret that requests must carry. Others on the machine see options; the variable "
            "BATCHWRIGHT_TOKEN is safer.",
            rich_help_panel=LISTEN,
        ),
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Also answer to this Host; repeatable.", rich_help_panel=LISTEN),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN", help="Web pages of this origin may call; repeatable.", rich_help_panel=LISTEN
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            "--workers",
            "-w",
            metavar="N|auto",
            help="How many run at once; auto: cores, at least 2.",
            rich_help_panel=RUNS,
        ),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Requests may name files below this folder; repeatable. Without it: the working directory.",
            readable=False,
            rich_help_panel=RUNS,
        ),
    ] = None,
    secrets_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Dotenv file whose values are secrets, for ${secrets.NAME} in workflows.",
            readable=False,
            rich_help_panel=RUNS,
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further secret, from the environment or the keyring; repeatable.",
            rich_help_panel=RUNS,
        ),
    ] = None,
    plugins: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Folder of a plugin, or of several, with further node types; repeatable. Their code is run.",
            readable=False,
            rich_help_panel=RUNS,
        ),
    ] = None,
    browser: Annotated[
        str | None,
        typer.Option(
            metavar="chromium|firefox|webkit",
            help="Use this browser in every workflow.",
            rich_help_panel=RUNS,
        ),
    ] = None,
    headed: Annotated[
        bool | None, typer.Option("--headed/--headless", help="Show the windows.", rich_help_panel=RUNS)
    ] = None,
    drain: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="When asked to end, let what runs finish for so long; else it is stopped at once.",
            rich_help_panel=RUNS,
        ),
    ] = None,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--no-resume",
            help="At start, run what an earlier server left waiting when it died.",
            rich_help_panel=RUNS,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for history, screenshots, videos.",
            readable=False,
            rich_help_panel=KEEP,
        ),
    ] = None,
    keep_days: Annotated[
        float | None, typer.Option(metavar="N", help="Delete batches older than that.", rich_help_panel=KEEP)
    ] = None,
    keep_batches: Annotated[
        int | None, typer.Option(metavar="N", help="Keep so many batches.", rich_help_panel=KEEP)
    ] = None,
    keep_gb: Annotated[
        float | None, typer.Option(metavar="N", help="Keep so many gigabytes.", rich_help_panel=KEEP)
    ] = None,
    max_body_mb: Annotated[
        float | None, typer.Option(metavar="N", help="Largest request body.", rich_help_panel=LIMITS)
    ] = None,
    max_upload_mb: Annotated[
        float | None, typer.Option(metavar="N", help="Largest uploaded file.", rich_help_panel=LIMITS)
    ] = None,
    max_workflows: Annotated[
        int | None, typer.Option(metavar="N", help="Most workflows in a batch.", rich_help_panel=LIMITS)
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(metavar="text|json", help="How log lines look.", rich_help_panel=LOGS)
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(metavar="debug|info|warning|error", help="Lowest level logged.", rich_help_panel=LOGS),
    ] = None,
    access_log: Annotated[
        str | None,
        typer.Option(metavar="off|changes|all", help="Which requests are logged.", rich_help_panel=LOGS),
    ] = None,
) -> None:
    """Serve the HTTP API and Socket.IO events until Ctrl-C or a termination signal.

    Every option can also be set in batchwright.toml or by a variable BATCHWRIGHT_NAME; `batchwright settings`
    shows what holds. Exit codes: 0 ended by a signal · 2 unusable settings · 3 address or output folder unusable.
    """
    from batchwright.serve import serve  # noqa: PLC0415 - start-up time

    options = {
        "host": host,
        "port": port,
        "port_file": port_file,
        "token": token,
        "allowed_hosts": tuple(allowed_host) if allowed_host else None,
        "cors_origins": tuple(cors_origin) if cors_origin else None,
        "workers": workers,
        "roots": tuple(root) if root else None,
        "secrets_file": secrets_file,
        "secrets": tuple(secret) if secret else None,
        "plugins": tuple(plugins) if plugins else None,
        "browser": browser,
        "headed": headed,
        "drain_s": drain,
        "resume": resume,
        "output": output,
        "keep_days": keep_days,
        "keep_batches": keep_batches,
        "keep_gb": keep_gb,
        "max_body_mb": max_body_mb,
        "max_upload_mb": max_upload_mb,
        "max_workflows": max_workflows,
        "log_format": log_format,
        "log_level": log_level,
        "access_log": access_log,
    }
    raise typer.Exit(asyncio.run(serve(options, config)))


@server_app.command("settings")
def settings_command(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print the settings of `serve`: value and origin of each, from defaults, file and variables."""
    from batchwright.settings_listing import show_settings  # noqa: PLC0415 - start-up time

    raise typer.Exit(show_settings(config, as_json=as_json))


@server_app.command("status")
def status_command(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A batch or an execution.", show_default=False),
    ] = None,
    server: ServerUrl = DEFAULT_SERVER,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show what a server runs, or one batch or execution of it."""
    from batchwright.remote import show_status  # noqa: PLC0415 - start-up time

    raise typer.Exit(asyncio.run(show_status(server, token, target, as_json=as_json)))


@server_app.command("attach")
def attach_command(
    target: Annotated[str, typer.Argument(metavar="EXECUTION", help="An execution, by id or number.")],
    server: ServerUrl = DEFAULT_SERVER,
    token: Token = None,
) -> None:
    """Debug an execution of a server: ask what to do at each of its pauses."""
    from batchwright.attaching import attach  # noqa: PLC0415 - start-up time

    raise typer.Exit(asyncio.run(attach(target, server, token)))


@server_app.command("respond")
def respond_command(
    target: Annotated[str, typer.Argument(metavar="EXECUTION", help="An execution, by id or number.")],
    approve: Annotated[
        bool | None, typer.Option("--approve/--reject", help="What to decide.", show_default=False)
    ] = None,
    answer: Annotated[str | None, typer.Option(metavar="TEXT", help="The answer to a question.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Who replies.")] = None,
    server: ServerUrl = DEFAULT_SERVER,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Reply to an execution of a server that waits for a person: approve, reject, or answer."""
    from batchwright.remote import respond  # noqa: PLC0415 - start-up time

    if approve is None and answer is None:
        raise typer.BadParameter("say --approve, --reject or --answer")
    reply = {"approved": approve, "answer": answer, "reason": reason, "owner": owner}
    raise typer.Exit(asyncio.run(respond(server, token, target, reply, as_json=as_json)))


@server_app.command("stop")
def stop_command(
    target: Annotated[str, typer.Argument(metavar="ID", help="A batch or an execution.")],
    server: ServerUrl = DEFAULT_SERVER,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Stop a batch or an execution of a server."""
    from batchwright.remote import stop  # noqa: PLC0415 - start-up time

    raise typer.Exit(asyncio.run(stop(server, token, target, as_json=as_json)))


@server_app.command("stop-all")
def stop_all_command(
    server: ServerUrl = DEFAULT_SERVER, token: Token = None, as_json: AsJson = False
) -> None:
    """Stop everything that a server runs, and cancel what waits there."""
    from batchwright.remote import stop_all  # noqa: PLC0415 - start-up time

    raise typer.Exit(asyncio.run(stop_all(server, token, as_json=as_json)))
