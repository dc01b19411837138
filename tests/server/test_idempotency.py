"""Remembered answers: one for each key, bounded in number."""

from __future__ import annotations

import asyncio

import pytest

from server.idempotency import AnswerCache
from server.problems import Problem


class Counter:
    def __init__(self) -> None:
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def __call__(self) -> int:
        self.count += 1
        number = self.count
        await self.gate.wait()
        if self.fails:
            raise Problem(404, "No")
        return number


async def test_the_oldest_answers_are_forgotten() -> None:
    cache, make = AnswerCache[int](most=3), Counter()
    for key in "abcd":
        await cache.once(key, "same", make)
    assert await cache.once("d", "same", make) == (4, True)
    assert await cache.once("a", "same", make) == (5, False)


async def test_without_a_key_everything_is_done() -> None:
    cache, make = AnswerCache[int](), Counter()
    assert [await cache.once(None, "same", make) for _ in range(2)] == [(1, False), (2, False)]


async def test_another_request_with_the_key_is_refused() -> None:
    cache, make = AnswerCache[int](), Counter()
    await cache.once("a", "one", make)
    with pytest.raises(Problem) as refused:
        await cache.once("a", "two", make)
    assert (refused.value.status, make.count) == (422, 1)


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_has_a_length(key: str) -> None:
    with pytest.raises(Problem) as refused:
        await AnswerCache[int]().once(key, "same", Counter())
    assert refused.value.status == 400


async def test_who_comes_meanwhile_waits_for_the_first() -> None:
    cache, make = AnswerCache[int](), Counter()
    make.gate.clear()
    calls = [asyncio.create_task(cache.once("a", "same", make)) for _ in range(3)]
    await asyncio.sleep(0)
    make.gate.set()
    assert await asyncio.gather(*calls) == [(1, False), (1, True), (1, True)]


async def test_when_the_first_fails_or_leaves_the_next_one_tries() -> None:
    cache, make = AnswerCache[int](), Counter()
    make.gate.clear()
    first, second, third = (asyncio.create_task(cache.once("a", "same", make)) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    make.fails = True
    make.gate.set()
    results = await asyncio.gather(first, second, third, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert [type(result) for result in results[1:]] == [Problem, Problem]
    make.fails = False
    assert await cache.once("a", "same", make) == (4, False)
