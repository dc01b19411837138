"""Options of ``batchwright run``, one type for each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from batches.request import FIFO, LONGEST_FIRST
from batchwright.option_types import SHOW, BrowserKind

__all__ = [
    "BreakNodes",
    "BreakOnError",
    "Browser",
    "BrowserArgs",
    "Debug",
    "Events",
    "FailFast",
    "Grep",
    "Headed",
    "IgnoreHttpsErrors",
    "LastFailed",
    "ListOnly",
    "MaxFailures",
    "NoJournal",
    "Order",
    "Paths",
    "Pattern",
    "Quiet",
    "ReachableHosts",
    "RecordSession",
    "Recursive",
    "Retries",
    "ReuseContexts",
    "ScriptMemory",
    "ScriptTimeout",
    "Settle",
    "StartOrder",
    "StartOverrides",
    "SummaryJson",
    "Timeout",
    "Variables",
    "Verbose",
    "Workers",
]

SELECT: Final = "Which workflows"
BROWSE: Final = "Browser"
STOP: Final = "Retries and limits"
DEBUG: Final = "Debugger"


class Order(StrEnum):
    """In which order workflows start."""

    FIFO = FIFO
    LONGEST_FIRST = LONGEST_FIRST


Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH", help="Folders or workflow files.", show_default=False, readable=False),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Look into subfolders.", rich_help_panel=SELECT)
]
Pattern = Annotated[str, typer.Option(help="File names to take in folders; * and ?.", rich_help_panel=SELECT)]
Grep = Annotated[
    str | None,
    typer.Option(
        "--grep",
        "-g",
        metavar="REGEX",
        help="Only paths, names or tags that match.",
        rich_help_panel=SELECT,
    ),
]
LastFailed = Annotated[
    bool,
    typer.Option(
        "--last-failed",
        help="Only what did not pass in the last run: failed, stopped, not run.",
        rich_help_panel=SELECT,
    ),
]
ListOnly = Annotated[
    bool,
    typer.Option("--list", help="List the selected workflows and run nothing.", rich_help_panel=SELECT),
]
Workers = Annotated[
    str,
    typer.Option("--workers", "-w", metavar="N|auto", help="How many run at once; auto: cores, at least 2."),
]
StartOrder = Annotated[
    Order, typer.Option(help="Start in the given order, or the longest first as history knows them.")
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Set a variable of every workflow; repeatable."),
]
StartOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "--start-override",
        metavar="NAME=VALUE",
        help="Override an option of the Start nodes; repeatable.",
    ),
]
Browser = Annotated[
    BrowserKind | None, typer.Option(help="Use this browser in every workflow.", rich_help_panel=BROWSE)
]
Headed = Annotated[bool, typer.Option("--headed", help="Show the windows.", rich_help_panel=BROWSE)]
BrowserArgs = Annotated[
    list[str] | None,
    typer.Option(
        "--browser-arg",
        metavar="ARG",
        help="Argument for every browser; repeatable. "
        "Features that it switches on or off are added to the usual ones.",
        rich_help_panel=BROWSE,
    ),
]
IgnoreHttpsErrors = Annotated[
    bool,
    typer.Option("--ignore-https-errors", help="Accept invalid certificates.", rich_help_panel=BROWSE),
]
ReachableHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--reachable-host",
        metavar="HOST",
        help="Nodes may call only this host from the runner, such as *.example.com; repeatable.",
        rich_help_panel=STOP,
    ),
]
Settle = Annotated[
    bool,
    typer.Option(
        "--settle",
        help="Wait for each page to come to rest after navigate (slower).",
        rich_help_panel=BROWSE,
    ),
]
RecordSession = Annotated[
    bool, typer.Option("--record-session", help="Record a video of every page.", rich_help_panel=BROWSE)
]
ReuseContexts = Annotated[
    bool,
    typer.Option(
        "--reuse-contexts",
        help="Let executions find what earlier ones left in the browser, but for cookies (faster, not isolated).",
        rich_help_panel=BROWSE,
    ),
]
NoJournal = Annotated[
    bool,
    typer.Option(
        "--no-journal",
        help="Write results only when the batch is over (faster; lost if the run dies).",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0.001, help="Limit for each execution.", rich_help_panel=STOP),
]
ScriptTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.001,
        help="Limit for each script (JavaScript in a workflow).",
        rich_help_panel=STOP,
    ),
]
ScriptMemory = Annotated[
    int,
    typer.Option(metavar="MB", min=16, max=4096, help="Memory that a script may take.", rich_help_panel=STOP),
]
Retries = Annotated[
    int, typer.Option(min=0, help="Run a failed workflow again, up to N times.", rich_help_panel=STOP)
]
FailFast = Annotated[
    bool,
    typer.Option("-x", help="Stop after the first failure (--max-failures 1).", rich_help_panel=STOP),
]
MaxFailures = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Start nothing more after N failures.", rich_help_panel=STOP),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        help="Ask what to do at breakpoints: nodes marked in the file, and the first node if there are none.",
        rich_help_panel=DEBUG,
    ),
]
BreakNodes = Annotated[
    list[str] | None,
    typer.Option(
        "--break",
        metavar="NODE",
        help="Pause before this node; repeatable. Means --debug.",
        rich_help_panel=DEBUG,
    ),
]
BreakOnError = Annotated[
    bool,
    typer.Option(
        "--break-on-error",
        help="Pause where a node fails, with the browser open. Means --debug.",
        rich_help_panel=DEBUG,
    ),
]
Events = Annotated[
    str | None,
    typer.Option(metavar="-|FILE", help="Write every event as a line of JSON.", rich_help_panel=SHOW),
]
SummaryJson = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write the result as JSON, on every ending.",
        readable=False,
        rich_help_panel=SHOW,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only failures and totals.", rich_help_panel=SHOW)]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Each node and log line.", rich_help_panel=SHOW)
]
