"""``storage``: cookies, local storage and session storage."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step

pytestmark = pytest.mark.browser


def store(action: str, **data: Any) -> Step:
    return ("storage", {"action": action, **data})


def open_page(site_url: str) -> Step:
    return ("navigation", {"action": "navigate", "url": f"{site_url}/browser-downloads.html"})


def results(outcome: Outcome, *names: str) -> list[Any]:
    assert outcome.status == "completed", outcome.error
    return [outcome.data[name] for name in names]


async def test_cookies_are_set_for_the_page_and_read(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        open_page(site_url),
        store("setCookie", cookies=[{"name": "${data.key}", "value": 17, "httpOnly": True, "path": None}]),
        store("getCookie", name="user", contextKey="one"),
        store("getCookie", name="nobody", contextKey="none"),
        store("getCookie", contextKey="all"),
        store("getCookie", url="https://other.test/", contextKey="elsewhere"),
        data={"key": "user"},
    )
    stored, one, none, cookies, elsewhere = results(
        outcome, "storageResult", "one", "none", "all", "elsewhere"
    )
    assert stored == [{"name": "user", "value": "17", "httpOnly": True}]
    assert (one, none, elsewhere) == ("17", None, [])
    assert [(cookie["name"], cookie["domain"], cookie["httpOnly"]) for cookie in cookies] == [
        ("user", "127.0.0.1", True)
    ]


async def test_a_cookie_may_name_url_domain_or_path(run_steps: RunSteps, site_url: str) -> None:
    wanted = [
        {"name": "a", "value": "1", "domain": ".example.test", "secure": True, "sameSite": "None"},
        {"name": "b", "value": "2", "path": "/orders"},
        {"name": "c", "value": "", "domain": "shop.test", "path": "/cart", "expires": 4102444800},
    ]
    outcome = await run_steps(
        open_page(site_url),
        store("setCookie", cookies=wanted),
        store("setCookie", cookies=[{"name": "d", "value": "4"}], url="https://${data.host}/x"),
        store("getCookie", contextKey="all"),
        data={"host": "bank.test"},
    )
    [cookies] = results(outcome, "all")
    places = {cookie["name"]: (cookie["domain"], cookie["path"]) for cookie in cookies}
    assert places == {
        "a": (".example.test", "/"),
        "b": ("127.0.0.1", "/orders"),
        "c": ("shop.test", "/cart"),
        "d": ("bank.test", "/"),
    }


async def test_cookies_are_cleared_by_domain_or_all(run_steps: RunSteps, site_url: str) -> None:
    domains = ("example.test", ".example.test", "shop.example.test", "notexample.test")
    outcome = await run_steps(
        open_page(site_url),
        store(
            "setCookie", cookies=[{"name": f"c{i}", "value": "x", "domain": d} for i, d in enumerate(domains)]
        ),
        store("clearCookies", domain="Example.test", contextKey="some"),
        store("getCookie", contextKey="left"),
        store("clearCookies", contextKey="rest"),
        store("getCookie", contextKey="none"),
    )
    some, left, rest, none = results(outcome, "some", "left", "rest", "none")
    assert some == {"deleted": 3, "kept": 1}
    assert [cookie["domain"] for cookie in left] == ["notexample.test"]
    assert (rest, none) == ({"deleted": "all"}, [])


@pytest.mark.parametrize("area", ["Local", "Session"])
async def test_storage_is_set_read_and_cleared(run_steps: RunSteps, site_url: str, area: str) -> None:
    outcome = await run_steps(
        open_page(site_url),
        store(f"set{area}Storage", key="name-${data.n}", value="Ada ${data.n}", contextKey="set"),
        store(f"set{area}Storage", key="length", value=3),
        store(f"set{area}Storage", key="empty", value=""),
        store(f"set{area}Storage", key="object", value={"a": [1, True, None]}),
        store(f"get{area}Storage", key="name-7", contextKey="one"),
        store(f"get{area}Storage", key="nobody", contextKey="none"),
        store(f"get{area}Storage", contextKey="all"),
        store(f"clear{area}Storage", contextKey="cleared"),
        store(f"get{area}Storage", contextKey="after"),
        data={"n": 7},
    )
    assert results(outcome, "set", "one", "none", "all", "cleared", "after") == [
        {"key": "name-7", "value": "Ada 7"},
        "Ada 7",
        None,
        {"name-7": "Ada 7", "length": "3", "empty": "", "object": '{"a":[1,true,null]}'},
        {"cleared": True},
        {},
    ]


async def test_storage_areas_do_not_mix(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        open_page(site_url),
        store("setLocalStorage", key="where", value="local"),
        store("getSessionStorage", contextKey="session"),
    )
    assert results(outcome, "session") == [{}]


async def test_it_waits_before_it_reads(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        open_page(site_url),
        store(
            "getLocalStorage",
            key="state",
            waitForCondition="(localStorage.setItem('state', 'ready'), true)",
            contextKey="state",
        ),
    )
    assert results(outcome, "state") == ["ready"]


async def test_it_tries_again(run_steps: RunSteps, site_url: str) -> None:
    """A blank page has no storage until the retry's condition has led it to the site."""
    lead = f"location.href.startsWith('http') || void (location.href = '{site_url}/browser-downloads.html')"
    outcome = await run_steps(
        store(
            "setLocalStorage",
            key="a",
            value="1",
            retryEnabled=True,
            retryStrategy="untilCondition",
            retryDelay=20,
            retryUntilCondition={"type": "javascript", "value": lead},
        ),
    )
    assert outcome.status == "completed", outcome.error


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "'action' is required"),
        ({"action": "eatCookie"}, "'action' has the unknown value 'eatCookie'"),
        ({"action": "setCookie"}, "'cookies'"),
        ({"action": "setCookie", "cookies": [{"value": "x"}]}, "each cookie needs 'name' and 'value'"),
        ({"action": "setLocalStorage", "value": "x"}, "'key'"),
        ({"action": "setSessionStorage", "key": "x"}, "'value'"),
    ],
)
async def test_what_is_missing_or_unknown_is_named(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], message: str
) -> None:
    outcome = await run_steps(open_page(site_url), ("storage", data))
    assert outcome.error is not None
    assert outcome.error.node_id == "n2"
    assert message in outcome.error.message


async def test_storage_needs_a_page(run_steps: RunSteps) -> None:
    outcome = await run_steps(store("getCookie"), open_browser=False)
    assert outcome.error is not None
    assert outcome.error.code == "PAGE_MISSING"


async def test_a_failed_wait_fails_the_node(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        open_page(site_url), store("getCookie", waitForSelector="#nowhere", waitForSelectorTimeout=50)
    )
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"
