"""``batchwright report``: a batch as one HTML file that opens from disk, made from what the run left."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from batches.errors import NotFoundError, StoreError
from batches.tinydb_store import TinyDbStore
from batchwright.console import make_console, print_error
from batchwright.exit_codes import ExitCode
from server.dashboard.report import report_page

__all__ = ["LATEST", "write_report"]

LATEST: Final = "latest"
"""In place of a batch's id: the newest one."""

_MEGABYTE: Final = 1024 * 1024


async def write_report(history: Path, batch_id: str, file: Path, *, max_mb: float) -> ExitCode:
    """Write the report of a batch.

    Args:
        history: The output folder of the run.
        batch_id: The batch, or `LATEST`.
        file: Where to write it; replaced if it is there.
        max_mb: How much of pictures to put in, megabytes (2^20 bytes).

    Returns:
        OK, USAGE for an unknown batch or a file that cannot be written, RUNNER if the history cannot be read.
    """
    errors = make_console(stderr=True)
    if not await asyncio.to_thread(history.exists):
        print_error(errors, f"There is no history in {history}; --history names the output folder of the run")
        return ExitCode.USAGE
    try:
        async with TinyDbStore(history) as store:
            if batch_id == LATEST:
                batch_id = await _latest(store)
            state = await store.load(batch_id)
            page = await report_page(store, state, history, max_bytes=int(max_mb * _MEGABYTE))
        await asyncio.to_thread(file.write_bytes, page.content)
    except NotFoundError as error:
        print_error(errors, error.message)
        return ExitCode.USAGE
    except StoreError as error:
        print_error(errors, error.message)
        return ExitCode.RUNNER
    except OSError as error:
        print_error(errors, f"{file} cannot be written: {error.strerror or error}")
        return ExitCode.USAGE
    size = len(page.content) / _MEGABYTE
    left_out = f"; {page.left_out} left out, see --max-mb" if page.left_out else ""
    make_console().print(
        f"{file}: {batch_id}, {len(state.executions)} executions, {page.pictures} screenshots{left_out} ({size:.1f} MB)",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return ExitCode.OK


async def _latest(store: TinyDbStore) -> str:
    rows = await store.rows(limit=1, include_single=True)
    if not rows:
        raise NotFoundError("The history is empty; start with: batchwright run FOLDER")
    return rows[0].batch_id
