"""The commands around the server: ``serve``, ``settings``, ``status``, ``respond``, ``stop``, ``stop-all``.

Options of `serve` have no defaults here: what is not given comes from a variable, the settings file or
`server.settings`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from batchwright import serve_options
from batchwright.loading import loading

__all__ = ["server_app"]

server_app = typer.Typer()

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
    host: serve_options.Host = None,
    port: serve_options.Port = None,
    port_file: serve_options.PortFile = None,
    token: serve_options.ServerToken = None,
    allowed_host: serve_options.AllowedHosts = None,
    cors_origin: serve_options.CorsOrigins = None,
    workers: serve_options.Workers = None,
    root: serve_options.Roots = None,
    secrets_file: serve_options.SecretsFile = None,
    secret: serve_options.Secrets = None,
    plugins: serve_options.Plugins = None,
    browser: serve_options.Browser = None,
    headed: serve_options.Headed = None,
    reuse_contexts: serve_options.ReuseContexts = None,
    drain: serve_options.Drain = None,
    resume: serve_options.Resume = None,
    output: serve_options.Output = None,
    keep_days: serve_options.KeepDays = None,
    keep_batches: serve_options.KeepBatches = None,
    keep_gb: serve_options.KeepGb = None,
    max_body_mb: serve_options.MaxBodyMb = None,
    max_upload_mb: serve_options.MaxUploadMb = None,
    max_workflows: serve_options.MaxWorkflows = None,
    log_format: serve_options.LogFormat = None,
    log_level: serve_options.LogLevel = None,
    access_log: serve_options.AccessLog = None,
) -> None:
    """Serve the HTTP API and Socket.IO events until Ctrl-C or a termination signal.

    Every option can also be set in batchwright.toml or by a variable BATCHWRIGHT_NAME; `batchwright settings`
    shows what holds. Exit codes: 0 ended by a signal · 2 unusable settings · 3 address or output folder unusable.
    """
    with loading():
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
        "reuse_contexts": reuse_contexts,
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
