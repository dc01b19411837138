from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error

from batches import processes
from batches.browsers import find_browser
from batches.pool import BrowserPool, PoolSettings
from batches.processes import ProcessId
from nodes.errors import BrowserLostError, BrowserMissingError, BrowserStateError
from nodes.provider import BrowserLease, LaunchRequest
from tests.batches.debugging import START
from tests.batches.runs import request, stage
from tests.running import chain, node, run_document, steps_document

pytestmark = pytest.mark.browser

REQUEST = LaunchRequest()
PAGE = "data:text/html,<title>works</title>"


@asynccontextmanager
async def open_pool(**settings: Any) -> AsyncIterator[BrowserPool]:
    """A pool of its own that leaves no process and no task behind."""
    pool = BrowserPool(PoolSettings(**settings))
    try:
        yield pool
    finally:
        await pool.close()
    assert await asyncio.to_thread(processes.find_marked, pool._launcher._id, prefix=True) == []
    assert (
        pool._driver is None or pool._driver.process is None or not processes.is_alive(pool._driver.process)
    )
    assert pool._tasks == set()
    assert pool.stats.browsers == 0


async def works(lease: BrowserLease) -> bool:
    context = await lease.new_context()
    page = await context.new_page()
    await page.goto(PAGE)
    return await page.title() == "works"


async def members(root: ProcessId) -> list[ProcessId]:
    return [root, *await asyncio.to_thread(processes.descendants, root)]


async def gone(group: Sequence[ProcessId]) -> bool:
    return await asyncio.to_thread(processes.wait_gone, group, 20) == []


def send(root: ProcessId, number: signal.Signals) -> None:
    os.killpg(root.pid, number)


async def test_equal_requests_share_a_browser_and_not_their_cookies() -> None:
    async with open_pool() as pool:
        first, second = await asyncio.gather(pool.lease(REQUEST), pool.lease(LaunchRequest()))
        assert first.browser is second.browser
        assert not first.exclusive

        mine, theirs = await first.new_context(), await second.new_context(locale="de-DE")
        await mine.add_cookies([{"name": "a", "value": "b", "url": "http://127.0.0.1/"}])
        assert await theirs.cookies() == []

        await first.release()
        assert len(second.browser.contexts) == 1
        assert await works(second)
        await second.release()
        assert (pool.stats.launched, pool.stats.browsers, pool.stats.leases) == (1, 1, 0)


async def test_an_idle_browser_is_used_again() -> None:
    async with open_pool() as pool:
        for _ in range(3):
            lease = await pool.lease(REQUEST)
            assert await works(lease)
            await lease.release()
        assert (pool.stats.launched, pool.stats.contexts) == (1, 3)


async def test_different_requests_have_different_browsers() -> None:
    async with open_pool() as pool:
        await asyncio.gather(pool.lease(REQUEST), pool.lease(LaunchRequest(args=("--lang=de",))))
        assert pool.stats.launched == 2


async def test_concurrent_leases_launch_no_more_browsers_than_needed() -> None:
    async with open_pool(max_leases_per_browser=4) as pool:
        leases = await asyncio.gather(*(pool.lease(REQUEST) for _ in range(9)))
        assert pool.stats.launched == 3
        assert len({id(lease.browser) for lease in leases[:4]}) == 1


async def test_no_more_idle_browsers_are_kept_than_set() -> None:
    async with open_pool(max_leases_per_browser=1, max_idle_browsers=1) as pool:
        leases = await asyncio.gather(*(pool.lease(REQUEST) for _ in range(3)))
        await asyncio.gather(*(lease.release() for lease in leases))
        assert pool.stats.browsers == 1


async def test_an_unused_browser_closes_after_a_while() -> None:
    async with open_pool(idle_timeout_s=0.05) as pool:
        first = await pool.lease(REQUEST)
        group = await members(pool.processes[0])
        await first.release()
        assert await gone(group)
        assert pool.stats.browsers == 0
        second = await pool.lease(REQUEST)
        assert await works(second)
        await second.release()


async def test_a_retired_pool_keeps_no_browser_but_those_in_use() -> None:
    async with open_pool() as pool:
        used, unused = await pool.lease(REQUEST), await pool.lease(LaunchRequest(args=("--lang=de",)))
        group = [process for root in pool.processes for process in await members(root)]
        await unused.release()
        pool.retire()
        assert pool.stats.browsers == 1
        assert await works(used)
        fresh = await pool.lease(REQUEST)
        assert fresh.browser is not used.browser
        await used.release()
        assert await gone(group)
        assert await works(fresh)
        await fresh.release()


async def test_a_browser_that_was_retired_while_it_started_closes_at_once() -> None:
    async with open_pool() as pool:
        waiter = asyncio.create_task(pool.lease(REQUEST))
        await asyncio.sleep(0)
        (browser,) = pool._browsers
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        pool.retire()
        await browser.ready()
        assert await gone([browser.launched.process] if browser.launched.process else [])
        assert pool.stats.browsers == 0


async def test_an_exclusive_browser_is_shared_with_nobody_and_closes_on_release() -> None:
    async with open_pool() as pool:
        lease = await pool.lease(REQUEST, exclusive=True)
        other = await pool.lease(REQUEST)
        assert lease.exclusive
        assert lease.browser is not other.browser
        group = await members(pool.processes[0])
        assert await works(lease)

        await lease.release()

        assert await gone(group)
        assert await works(other)
        assert pool.stats.crashed == 0


async def test_a_browser_is_retired_after_its_contexts_and_closes_with_its_last_lease() -> None:
    async with open_pool(contexts_per_browser=2) as pool:
        old = await pool.lease(REQUEST)
        staying = await pool.lease(REQUEST)
        assert await works(old)
        assert await works(staying)
        group = await members(pool.processes[0])

        new = await pool.lease(REQUEST)

        assert new.browser is not old.browser
        await old.release()
        assert await works(staying)
        await staying.release()
        assert await gone(group)
        assert (pool.stats.recycled, pool.stats.crashed, pool.stats.browsers) == (1, 0, 1)
        assert await works(new)


async def test_a_crash_is_told_to_its_leases_and_to_no_others() -> None:
    async with open_pool(max_leases_per_browser=2) as pool:
        first, second, third = [await pool.lease(REQUEST) for _ in range(3)]
        page = await (await first.new_context()).new_page()
        root, _ = pool.processes
        group = await members(root)

        send(root, signal.SIGKILL)
        with pytest.raises(Error):
            await page.wait_for_timeout(60_000)

        assert (first.lost, second.lost, third.lost) == (True, True, False)
        with pytest.raises(BrowserLostError):
            await second.new_context()
        await first.release()
        await second.release()
        assert await gone(group)
        assert await works(third)
        assert pool.stats.crashed == 1
        assert await works(await pool.lease(REQUEST))


async def test_a_hung_browser_is_killed_when_it_opens_no_context() -> None:
    async with open_pool(context_timeout_s=0.5) as pool:
        lease = await pool.lease(REQUEST)
        group = await members(pool.processes[0])
        send(group[0], signal.SIGSTOP)

        with pytest.raises(BrowserLostError, match=r"0\.5 s"):
            await lease.new_context()

        assert lease.lost
        assert await gone(group)
        assert pool.stats.crashed == 1
        await lease.release()


async def test_a_hung_browser_is_killed_when_it_closes_no_context() -> None:
    async with open_pool(close_timeout_s=0.5) as pool:
        lease, other = await pool.lease(REQUEST), await pool.lease(REQUEST)
        assert await works(lease)
        group = await members(pool.processes[0])
        send(group[0], signal.SIGSTOP)

        await lease.release()

        assert other.lost
        assert await gone(group)
        await other.release()


async def test_a_hung_idle_browser_does_not_stop_the_pool_from_closing() -> None:
    async with open_pool(close_timeout_s=0.5) as pool:
        await (await pool.lease(REQUEST)).release()
        send(pool.processes[0], signal.SIGSTOP)


async def test_a_page_that_never_yields_is_closed_with_its_lease() -> None:
    async with open_pool() as pool:
        lease, other = await pool.lease(REQUEST), await pool.lease(REQUEST)
        page = await (await lease.new_context()).new_page()
        endless = asyncio.ensure_future(page.evaluate("() => { for (;;); }"))

        await lease.release()

        with pytest.raises(Error):
            await endless
        assert not other.lost
        assert await works(other)


async def test_a_cancelled_lease_leaks_nothing_and_its_browser_is_used_by_the_next() -> None:
    async with open_pool() as pool:
        waiting = [asyncio.ensure_future(pool.lease(REQUEST, exclusive=own)) for own in (False, True)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError)
            for end in await asyncio.gather(*waiting, return_exceptions=True)
        )

        lease = await pool.lease(REQUEST)

        assert await works(lease)
        while pool._tasks:
            await asyncio.wait(set(pool._tasks))
        assert (pool.stats.launched, pool.stats.browsers, pool.stats.leases) == (2, 1, 1)


async def test_closing_while_browsers_start_leaves_none() -> None:
    async with open_pool(max_leases_per_browser=1) as pool:
        waiting = [asyncio.ensure_future(pool.lease(REQUEST)) for _ in range(3)]
        await asyncio.sleep(0)
        await pool.close()
        for end in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(end, BrowserLease | BrowserLostError)
        with pytest.raises(BrowserStateError, match="closed"):
            await pool.lease(REQUEST)


async def drivers() -> set[ProcessId]:
    return set(await asyncio.to_thread(processes.children, "run-driver"))


async def test_a_driver_that_was_started_ahead_serves_those_who_come() -> None:
    before = await drivers()
    async with open_pool() as pool:
        pool.warm_up()
        pool.warm_up()
        assert all([await works(lease) for lease in (await pool.lease(REQUEST), await pool.lease(REQUEST))])
        pool.warm_up()
        assert len(await drivers() - before) == 1


async def test_closing_while_a_driver_is_started_ahead_leaves_none() -> None:
    before = await drivers()
    async with open_pool() as pool:
        pool.warm_up()
        await asyncio.sleep(0)
    assert await drivers() <= before


async def test_a_driver_is_started_ahead_for_batches_that_open_a_browser_alone(tmp_path: Path) -> None:
    before = await drivers()
    async with stage(tmp_path) as run:
        say = chain(START, node("say", "stringValue", value="x"))
        bypassed = chain(START, node("open", "openBrowser", bypass=True))
        await run.over((await run.runner.submit(request(say, bypassed))).batch_id)
        assert await drivers() <= before
        waiting = chain(
            START, node("gate", "wait", waitType="timeout", value=3_600_000), node("open", "openBrowser")
        )
        state = await run.runner.submit(request(waiting))
        assert run.pool._warming is not None
        await run.pool._warming
        assert (len(await drivers() - before), run.pool.stats.launched) == (1, 0)
        await run.runner.stop_all()
        await run.over(state.batch_id)


async def test_a_cancelled_context_is_closed() -> None:
    async with open_pool() as pool:
        lease = await pool.lease(REQUEST)
        opening = asyncio.ensure_future(lease.new_context())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        while pool._tasks:
            await asyncio.wait(set(pool._tasks))
        assert lease.browser.contexts == []
        assert await works(lease)


async def test_a_cancelled_release_goes_on() -> None:
    async with open_pool() as pool:
        lease = await pool.lease(REQUEST, exclusive=True)
        assert await works(lease)
        releasing = asyncio.ensure_future(lease.release())
        await asyncio.sleep(0)
        releasing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await releasing
        await lease.release()
        assert pool.stats.browsers == 0
        with pytest.raises(BrowserStateError, match="given back"):
            await lease.new_context()


async def test_a_dead_driver_is_replaced() -> None:
    async with open_pool() as pool:
        lease = await pool.lease(REQUEST)
        page = await (await lease.new_context()).new_page()
        group = await members(pool.processes[0])
        driver = pool._driver
        assert driver is not None
        assert driver.process is not None

        os.kill(driver.process.pid, signal.SIGKILL)
        with pytest.raises(Error):
            await page.wait_for_timeout(60_000)

        assert lease.lost
        assert await works(await pool.lease(REQUEST))
        await lease.release()
        assert await gone(group)


async def test_a_browser_that_is_not_there_says_what_to_run(tmp_path: Path) -> None:
    async with open_pool(executable={"chromium": str(tmp_path / "chromium")}) as pool:
        for _ in range(2):
            with pytest.raises(BrowserMissingError, match=r"is not installed.*batchwright install"):
                await pool.lease(REQUEST)
    async with open_pool() as pool:
        with pytest.raises(BrowserMissingError, match="is not installed"):
            await pool.lease(LaunchRequest(options={"channel": "chrome-canary"}))


async def test_a_browser_that_dies_while_starting_fails_all_who_wait() -> None:
    async with open_pool(executable={"chromium": "/bin/false"}) as pool:
        ends = await asyncio.gather(*(pool.lease(REQUEST) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(end, BrowserLostError) for end in ends)
        assert "did not start" in str(ends[0])
        assert "--disable" not in str(ends[0])


async def test_what_cannot_start_like_this_is_not_called_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    async with open_pool() as pool:
        with pytest.raises(BrowserStateError, match="display"):
            await pool.lease(LaunchRequest(headless=False))
        with pytest.raises(BrowserStateError, match="colour"):
            await pool.lease(LaunchRequest(options={"colour": "red"}))
        with pytest.raises(BrowserStateError, match="colour"):
            await (await pool.lease(REQUEST)).new_context(colour="red")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot use Chromium's sandbox")
async def test_the_missing_sandbox_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async with open_pool(max_leases_per_browser=1) as pool:
        await asyncio.gather(pool.lease(REQUEST), pool.lease(REQUEST))
    assert [record.name for record in caplog.records if "sandbox" in record.message] == [
        "batchwright.browsers"
    ]
    async with open_pool(no_sandbox=False) as pool:
        with pytest.raises(BrowserStateError, match="sandbox"):
            await pool.lease(REQUEST)


async def test_a_hundred_browsers_started_crashed_and_closed_leave_no_process() -> None:
    async def use(pool: BrowserPool, number: int) -> None:
        lease = await pool.lease(LaunchRequest(args=(f"--window-name=b{number}",)), exclusive=number % 2 == 0)
        await lease.new_context()
        if number % 3 == 0:
            root = next(root for root in pool.processes if root not in crashed)
            crashed.add(root)
            send(root, signal.SIGKILL)
        await lease.release()

    crashed: set[ProcessId] = set()
    async with open_pool(max_idle_browsers=1) as pool:
        for wave in range(25):
            ends = await asyncio.gather(*(use(pool, 4 * wave + n) for n in range(4)), return_exceptions=True)
            assert all(end is None or isinstance(end, BrowserLostError) for end in ends), ends
        assert pool.stats.launched == 100
        assert pool.stats.leases == 0
        assert 0 < pool.stats.crashed <= len(crashed)
    assert await gone(list(crashed))


_RUNNER = """
import asyncio
from batches.pool import BrowserPool
from nodes.provider import LaunchRequest

async def main():
    pool = BrowserPool()
    lease = await pool.lease(LaunchRequest())
    await (await lease.new_context()).new_page()
    print(pool.processes[0].pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_runner_leaves_no_browser() -> None:
    runner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RUNNER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert runner.stdout is not None
    async with asyncio.timeout(60):
        root = processes.identify(int(await runner.stdout.readline()))
    assert root is not None
    group = await members(root)
    assert len(group) > 2

    runner.kill()
    await runner.communicate()

    assert await gone(group)


@pytest.mark.parametrize(
    "options", [{"proxy": {"server": "::bad::"}}, {"proxy": {"server": 5}}, {"slow_mo": "x"}]
)
async def test_an_unusable_launch_option_is_the_workflows_fault_and_not_tried_again(
    options: dict[str, Any],
) -> None:
    async with open_pool() as pool:
        with pytest.raises(BrowserStateError) as caught:
            await pool.lease(LaunchRequest(options=options))
        assert caught.value.code == "LAUNCH_OPTION_INVALID"
        assert not caught.value.retryable


async def test_a_video_without_ffmpeg_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable = find_browser("chromium", headless=True).path
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "nothing-here"))
    async with open_pool(executable={"chromium": executable}) as pool:
        document = steps_document((("wait", {"waitType": "timeout", "value": 1}),), None, True)
        outcome = await run_document(document, pool, tmp_path / "output", tmp_path, record_session=True)
    assert outcome.error is not None
    assert outcome.error.code == "VIDEO_NOT_POSSIBLE"
    assert "batchwright install" in outcome.error.message
