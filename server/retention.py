"""Deleting old history while the server runs: at its start, and then every hour."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from batches.errors import StoreError
from batches.history import Retention
from batches.service import Service
from server.settings import ServerSettings

__all__ = ["INTERVAL_S", "retaining", "retention_of"]

INTERVAL_S: Final = 3600.0
"""Time between two looks, seconds."""

_DAY_S: Final = 86_400
_GB: Final = 10**9

logger = logging.getLogger("batchwright.retention")


def retention_of(settings: ServerSettings) -> Retention:
    """What the settings say about keeping history."""
    return Retention(
        max_age_s=None if settings.keep_days is None else settings.keep_days * _DAY_S,
        max_batches=settings.keep_batches,
        max_bytes=None if settings.keep_gb is None else int(settings.keep_gb * _GB),
    )


@asynccontextmanager
async def retaining(service: Service, settings: ServerSettings) -> AsyncIterator[None]:
    """Delete what need not be kept, again and again during the block."""
    retention = retention_of(settings)
    if not retention.is_limited:
        yield
        return
    task = asyncio.create_task(_repeat(service, retention), name="retention")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _repeat(service: Service, retention: Retention) -> None:
    while True:
        try:
            cleared = await service.retain(retention)
        except StoreError as error:
            logger.warning("old history could not be deleted: %s", error.message)
        else:
            if cleared.batches:
                logger.info("deleted %d old batches, %d executions", cleared.batches, cleared.executions)
        await asyncio.sleep(INTERVAL_S)
