"""``batchwright serve``, without typer."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from batches.errors import StoreError
from batchwright.console import make_console, print_error, seconds
from batchwright.exit_codes import ExitCode
from batchwright.interrupts import Interrupts
from batchwright.loading import keep_loaded
from nodes.errors import ConfigurationError
from nodes.secrets import Secrets
from server.logs import logging_to
from server.serving import ListenError, running_server, secrets_of
from server.settings import ServerSettings
from server.settings_sources import load_settings

__all__ = ["serve"]


async def serve(options: Mapping[str, object], config: Path | None) -> ExitCode:
    """Serve until a signal comes in. Errors are printed, not raised.

    Args:
        options: Settings from the command line, by field name.
        config: The settings file, if one was named.

    Returns:
        OK after a signal, USAGE for settings that cannot be used, RUNNER if address or output folder cannot.
    """
    errors = make_console(stderr=True)
    try:
        settings = load_settings(options, config=config).settings
        secrets = await asyncio.to_thread(secrets_of, settings)
        with logging_to(settings.log_level, settings.log_format, masker=secrets.masker()):
            await _serve(settings, secrets)
    except ConfigurationError as error:
        print_error(errors, error.message)
        return ExitCode.USAGE
    except (ListenError, StoreError) as error:
        print_error(errors, error.message)
        return ExitCode.RUNNER
    return ExitCode.OK


async def _serve(settings: ServerSettings, secrets: Secrets) -> None:
    console = make_console()

    def say_stopping() -> None:
        wait = (
            f"what runs gets {seconds(settings.drain_s * 1000)}"
            if settings.drain_s
            else "what runs is stopped"
        )
        console.print(f"Stopping: no new work, {wait}. Ctrl-C again kills.", markup=False)

    interrupts = Interrupts(say_stopping)
    with interrupts.watching(lambda: _remove(settings.port_file)):
        async with AsyncExitStack() as stack:
            server = await interrupts.guard(
                stack.enter_async_context(running_server(settings, secrets=secrets))
            )
            if server is None:
                return
            gc.collect()
            keep_loaded()
            console.print(
                f"Batchwright serves on {server.url} with {settings.workers} workers, "
                f"output in {settings.output}. Ctrl-C ends it.",
                markup=False,
                soft_wrap=True,
            )
            await interrupts.wait()
    console.print("Stopped.")


def _remove(file: Path | None) -> None:
    if file is not None:
        file.unlink(missing_ok=True)
