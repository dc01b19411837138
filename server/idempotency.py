"""``Idempotency-Key``: the same request again gets the same answer again, and nothing happens twice.

The key with another request is refused (422). A request that comes while the first one is still being done
waits for its answer. Failed requests are forgotten, so they can be tried again. Memory is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from cachetools import TTLCache

from server.problems import Problem

__all__ = ["HEADER", "MAX_ANSWERS", "AnswerCache"]

HEADER: Final = "Idempotency-Key"

MAX_ANSWERS: Final = 1_000
"""So many answers are remembered; the oldest is forgotten first."""

KEPT_S: Final = 24 * 60 * 60
LONGEST_KEY: Final = 255

_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class _Entry(Generic[_Answer]):
    fingerprint: str
    done: asyncio.Event = field(default_factory=asyncio.Event)
    answer: list[_Answer] = field(default_factory=list)


class AnswerCache(Generic[_Answer]):
    """Answers by key.

    Args:
        most: How many are remembered.
        kept_s: For how long, seconds.
    """

    def __init__(self, most: int = MAX_ANSWERS, kept_s: float = KEPT_S) -> None:
        self._entries: TTLCache[str, _Entry[_Answer]] = TTLCache(most, kept_s)

    async def once(
        self, key: str | None, fingerprint: str, make: Callable[[], Awaitable[_Answer]]
    ) -> tuple[_Answer, bool]:
        """The answer to a request, made only if there is none for this key yet.

        Args:
            key: The client's; None makes the answer anyway.
            fingerprint: What was asked; the same key must come with the same.
            make: Does what was asked.

        Returns:
            The answer, and whether it was there already.

        Raises:
            Problem: The key came with another request (422), or is no key (400).
        """
        if key is None:
            return await make(), False
        if not 0 < len(key) <= LONGEST_KEY:
            raise Problem(
                400, "Invalid request", f"{HEADER} must have 1 to {LONGEST_KEY} characters", field=HEADER
            )
        while (entry := self._entries.get(key)) is not None:
            if entry.fingerprint != fingerprint:
                raise Problem(
                    422,
                    "Idempotency-Key was used before",
                    f"{HEADER} {key!r} came with another request before; take a new key for a new request",
                    code="IDEMPOTENCY_KEY_REUSED",
                    field=HEADER,
                )
            await entry.done.wait()
            if entry.answer:
                return entry.answer[0], True
        return await self._make(key, fingerprint, make), False

    async def _make(self, key: str, fingerprint: str, make: Callable[[], Awaitable[_Answer]]) -> _Answer:
        entry = self._entries[key] = _Entry[_Answer](fingerprint)
        try:
            answer = await make()
            entry.answer.append(answer)
            return answer
        finally:
            if not entry.answer and self._entries.get(key) is entry:
                del self._entries[key]
            entry.done.set()
