"""Options of ``batchwright serve``, one type for each; none has a default here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

__all__ = [
    "AccessLog",
    "AllowedHosts",
    "Browser",
    "CorsOrigins",
    "Drain",
    "Headed",
    "Host",
    "KeepBatches",
    "KeepDays",
    "KeepGb",
    "LogFormat",
    "LogLevel",
    "MaxBodyMb",
    "MaxUploadMb",
    "MaxWorkflows",
    "Output",
    "Plugins",
    "Port",
    "PortFile",
    "Resume",
    "ReuseContexts",
    "Roots",
    "Secrets",
    "SecretsFile",
    "ServerToken",
    "Workers",
]

LISTEN: Final = "Address and access"
RUNS: Final = "Runs"
KEEP: Final = "History"
LIMITS: Final = "Limits"
LOGS: Final = "Log"

Host = Annotated[
    str | None,
    typer.Option(help="Address to listen on; other than loopback needs a token.", rich_help_panel=LISTEN),
]
Port = Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", rich_help_panel=LISTEN)]
PortFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write the port to this file while the server runs.", rich_help_panel=LISTEN
    ),
]
ServerToken = Annotated[
    str | None,
    typer.Option(
        help="Secret that requests must carry. Others on the machine see options; the variable "
        "BATCHWRIGHT_TOKEN is safer.",
        rich_help_panel=LISTEN,
    ),
]
AllowedHosts = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Also answer to this Host; repeatable.", rich_help_panel=LISTEN),
]
CorsOrigins = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN", help="Web pages of this origin may call; repeatable.", rich_help_panel=LISTEN
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        "--workers",
        "-w",
        metavar="N|auto",
        help="How many run at once; auto: cores, at least 2.",
        rich_help_panel=RUNS,
    ),
]
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        help="Requests may name files below this folder; repeatable. Without it: the working directory.",
        readable=False,
        rich_help_panel=RUNS,
    ),
]
SecretsFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Dotenv file whose values are secrets, for ${secrets.NAME} in workflows.",
        readable=False,
        rich_help_panel=RUNS,
    ),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A further secret, from the environment or the keyring; repeatable.",
        rich_help_panel=RUNS,
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        help="Folder of a plugin, or of several, with further node types; repeatable. Their code is run.",
        readable=False,
        rich_help_panel=RUNS,
    ),
]
Browser = Annotated[
    str | None,
    typer.Option(
        metavar="chromium|firefox|webkit",
        help="Use this browser in every workflow.",
        rich_help_panel=RUNS,
    ),
]
Headed = Annotated[
    bool | None, typer.Option("--headed/--headless", help="Show the windows.", rich_help_panel=RUNS)
]
ReuseContexts = Annotated[
    bool | None,
    typer.Option(
        "--reuse-contexts/--fresh-contexts",
        help="Let executions find what earlier ones left in the browser, but for cookies (faster, not isolated).",
        rich_help_panel=RUNS,
    ),
]
Drain = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="When asked to end, let what runs finish for so long; else it is stopped at once.",
        rich_help_panel=RUNS,
    ),
]
Resume = Annotated[
    bool | None,
    typer.Option(
        "--resume/--no-resume",
        help="At start, run what an earlier server left waiting when it died.",
        rich_help_panel=RUNS,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Folder for history, screenshots, videos.",
        readable=False,
        rich_help_panel=KEEP,
    ),
]
KeepDays = Annotated[
    float | None, typer.Option(metavar="N", help="Delete batches older than that.", rich_help_panel=KEEP)
]
KeepBatches = Annotated[
    int | None, typer.Option(metavar="N", help="Keep so many batches.", rich_help_panel=KEEP)
]
KeepGb = Annotated[
    float | None, typer.Option(metavar="N", help="Keep so many gigabytes.", rich_help_panel=KEEP)
]
MaxBodyMb = Annotated[
    float | None, typer.Option(metavar="N", help="Largest request body.", rich_help_panel=LIMITS)
]
MaxUploadMb = Annotated[
    float | None, typer.Option(metavar="N", help="Largest uploaded file.", rich_help_panel=LIMITS)
]
MaxWorkflows = Annotated[
    int | None, typer.Option(metavar="N", help="Most workflows in a batch.", rich_help_panel=LIMITS)
]
LogFormat = Annotated[
    str | None, typer.Option(metavar="text|json", help="How log lines look.", rich_help_panel=LOGS)
]
LogLevel = Annotated[
    str | None,
    typer.Option(metavar="debug|info|warning|error", help="Lowest level logged.", rich_help_panel=LOGS),
]
AccessLog = Annotated[
    str | None,
    typer.Option(metavar="off|changes|all", help="Which requests are logged.", rich_help_panel=LOGS),
]
