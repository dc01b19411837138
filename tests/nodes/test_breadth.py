"""What node types share, in breadth: every selector type, modifier, match type and comparison wherever it is taken.

Each test runs one workflow with many nodes that may fail silently, and compares which of them did.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batches.events import LogLine
from tests.conftest import RunSteps, RunWorkflow
from tests.running import Outcome, Step, node, workflow
from tests.site.api import Api

pytestmark = pytest.mark.browser

START = node("start", "start")

PAGE = """
<title>Shop</title>
<style>li { min-height: 20px }</style>
<ul id=list>
  <li class=item>Apple <b>1</b></li>
  <li class=item>Pear <b>2</b> <i>new</i></li>
  <li class=item>Apple juice <b>3</b> <i>new</i></li>
</ul>
<label>City <input id=city value="New York" placeholder="Where to" title="Your city" data-testid=city
  alt="a city" role=textbox></label>
<p id=price class="big red" style="color: rgb(255, 0, 0)" data-kind="Total Sum">Total: 42 EUR</p>
<input id=box type=checkbox checked><input id=off disabled><p id=gone hidden>Gone</p>
<select id=size><option selected>Small</option></select>
<iframe srcdoc="<p id=inner>Inside</p>" title="The frame" data-testid=frame></iframe>
"""

CITY = {
    "css": "#city",
    "xpath": "//input[@id='city']",
    "getByRole": "role:textbox,name:City",
    "getByLabel": "label:City",
    "getByPlaceholder": "placeholder:where",
    "getByTestId": "testid:city",
    "getByTitle": "title:Your city",
    "text": "City",
}
"""The same field by each type; an alternative text and a text of its own are for other elements."""

ON_CITY: dict[str, Callable[[str, str], Step]] = {
    "action": lambda s, t: ("action", {"action": "hover", "selector": s, "selectorType": t}),
    "type": lambda s, t: ("type", {"selector": s, "selectorType": t, "text": "New York"}),
    "elementQuery": lambda s, t: ("elementQuery", {"action": "isEnabled", "selector": s, "selectorType": t}),
    "keyboard": lambda s, t: (
        "keyboard",
        {"action": "press", "key": "End", "selector": s, "selectorType": t},
    ),
    "scroll": lambda s, t: ("scroll", {"action": "scrollToElement", "selector": s, "selectorType": t}),
    "screenshot": lambda s, t: (
        "screenshot",
        {"action": "element", "selector": s, "selectorType": t, "path": "city.png"},
    ),
    "wait": lambda s, t: ("wait", {"waitType": "selector", "value": s, "selectorType": t}),
    "verify": lambda s, t: (
        "verify",
        {
            "domain": "browser",
            "verificationType": "formField",
            "selector": s,
            "selectorType": t,
            "expectedValue": "new york",
        },
    ),
    "playwright": lambda s, t: ("playwright", {"selector": s, "selectorType": t, "expect": "toBeVisible"}),
    "wait block": lambda s, t: (
        "playwright",
        {"method": "title", "waitForSelector": s, "waitForSelectorType": t},
    ),
    "retry block": lambda s, t: (
        "playwright",
        {
            "method": "title",
            "retryEnabled": True,
            "retryStrategy": "untilCondition",
            "retryUntilCondition": {"type": "selector", "value": s, "selectorType": t},
        },
    ),
    "target of a drag": lambda s, t: (
        "action",
        {"action": "dragAndDrop", "selector": "#price", "targetSelector": s, "targetSelectorType": t},
    ),
    "example.fillForm": lambda s, t: (
        "example.fillForm",
        {"fields": [{"selector": s, "selectorType": t, "value": "New York"}]},
    ),
    "example.scrollTo": lambda s, t: (
        "example.scrollTo",
        {"selector": s, "selectorType": t, "behavior": "auto"},
    ),
    "dataExtractor": lambda s, t: (
        "dataExtractor",
        {"containerSelector": s, "containerSelectorType": t, "fields": [{"name": "a", "selector": "b"}]},
    ),
    "formInput": lambda s, t: (
        "formInput",
        {"action": "select", "selector": "#size", "values": "Small", "waitForSelector": s, "waitForSelectorType": t},
    ),
    "element argument": lambda s, t: (
        "playwright",
        {"selector": "input", "method": "filter", "arguments": [{"has": {"locator": s, "selectorType": t}}]},
    ),
}  # fmt: skip


async def outcomes(run_steps: RunSteps, steps: dict[str, Step], **options: Any) -> dict[str, str]:
    """How each step ended on the page: ``ok``, or the error's message; each fails silently."""
    quick = {"timeout": 10_000, "failSilently": True}
    nodes = [(kind, {**quick, **data}) for kind, data in steps.values()]
    show: Step = ("playwright", {"method": "setContent", "arguments": [PAGE]})
    outcome: Outcome = await run_steps(show, *nodes, **options)
    assert outcome.error is None
    ended = [outcome.node(f"n{number}") for number in range(2, len(steps) + 2)]
    return {
        name: "ok" if item.error is None else item.error.message
        for name, item in zip(steps, ended, strict=True)
    }


async def all_pass(run_steps: RunSteps, steps: dict[str, Step], **options: Any) -> None:
    found = await outcomes(run_steps, steps, **options)
    assert {name: text for name, text in found.items() if text != "ok"} == {}


async def all_fail(run_steps: RunSteps, steps: dict[str, Step], code: str = "", **options: Any) -> None:
    found = await outcomes(run_steps, steps, **options)
    assert [name for name, text in found.items() if text == "ok" or code not in text] == []


@pytest.mark.parametrize("kind", CITY)
async def test_every_node_takes_every_selector_type(run_steps: RunSteps, kind: str) -> None:
    await all_pass(run_steps, {name: step(CITY[kind], kind) for name, step in ON_CITY.items()})


async def test_frames_are_found_by_every_type_too(run_steps: RunSteps) -> None:
    selectors = {"css": "iframe", "xpath": "//iframe", "getByTitle": "title:frame", "getByTestId": "testid:frame"}  # fmt: skip
    steps: dict[str, Step] = {}
    for kind, selector in selectors.items():
        read = {"action": "getIframeContent", "iframeSelector": selector, "selectorType": kind, "contentSelector": "#inner"}  # fmt: skip
        steps[f"read {kind}"] = ("iframe", read)
        switch = {"action": "switchToIframe", "selector": selector, "selectorType": kind}
        steps[f"switch {kind}"] = ("iframe", switch)
        steps[f"inside {kind}"] = ("elementQuery", {"action": "getText", "selector": "#inner"})
        steps[f"back {kind}"] = ("iframe", {"action": "switchToMainFrame"})
    await all_pass(run_steps, steps)


MODIFIED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "filterText": ("li", "css", {"filterText": "pear"}),
    "filterTextRegex": ("li", "css", {"filterText": "^Pear", "filterTextRegex": True}),
    "filterSelector": ("li", "css", {"filterSelector": "i", "nth": 0}),
    "filterSelectorType": (
        "//li",
        "xpath",
        {"filterSelector": "text:2", "filterSelectorType": "getByText"},
    ),
    "chainSelector": ("#list", "css", {"chainSelector": "li >> nth=1"}),
    "chainSelectorType": ("#list", "css", {"chainSelector": "./li[2]", "chainSelectorType": "xpath"}),
    "nth": ("role:listitem", "getByRole", {"nth": 1}),
    "pierceShadow": ("li:nth-child(2)", "css", {"pierceShadow": False}),
    "of a text": ("Apple", "text", {"nth": 0, "filterText": "Apple"}),
}

WITH_MODIFIERS: dict[str, Callable[[str, str, dict[str, Any]], Step]] = {
    "verify": lambda s, t, m: (
        "verify",
        {
            "domain": "browser",
            "verificationType": "element",
            "selector": s,
            "selectorType": t,
            "selectorModifiers": m,
        },
    ),
    "wait": lambda s, t, m: (
        "wait",
        {"waitType": "selector", "value": s, "selectorType": t, "selectorModifiers": m},
    ),
    "scroll": lambda s, t, m: (
        "scroll",
        {"action": "scrollToElement", "selector": s, "selectorType": t, "selectorModifiers": m},
    ),
    "screenshot": lambda s, t, m: (
        "screenshot",
        {"action": "element", "selector": s, "selectorType": t, "selectorModifiers": m, "path": "a.png"},
    ),
    "playwright": lambda s, t, m: (
        "playwright",
        {"selector": s, "selectorType": t, "selectorModifiers": m, "expect": "toHaveCount", "arguments": [1]},
    ),
    "wait block": lambda s, t, m: (
        "playwright",
        {
            "method": "title",
            "waitForSelector": s,
            "waitForSelectorType": t,
            "waitForSelectorModifiers": m,
        },
    ),
    "retry block": lambda s, t, m: (
        "playwright",
        {
            "method": "title",
            "retryEnabled": True,
            "retryStrategy": "untilCondition",
            "retryUntilCondition": {
                "type": "selector",
                "value": s,
                "selectorType": t,
                "selectorModifiers": m,
                "timeout": 10_000,
            },
        },
    ),
    "target of a drag": lambda s, t, m: (
        "action",
        {
            "action": "dragAndDrop",
            "selector": "#price",
            "targetSelector": s,
            "targetSelectorType": t,
            "targetSelectorModifiers": m,
        },
    ),
}


async def test_every_node_takes_every_modifier(run_steps: RunSteps) -> None:
    steps = {
        f"{name}: {modifier}": make(*MODIFIED[modifier])
        for name, make in WITH_MODIFIERS.items()
        for modifier in MODIFIED
    }
    await all_pass(run_steps, steps)


def check(kind: str, **values: Any) -> Step:
    domain = "database" if kind in {"columnValue", "queryResult", "rowCount"} else "browser"
    if kind in {"status", "header", "bodyPath", "bodyValue"}:
        domain = "api"
    return ("verify", {"domain": domain, "verificationType": kind, **values})


MATCHING = {
    "equals": ("Total Sum", "Total"),
    "contains": ("tal Su", "xyz"),
    "startsWith": ("Total", "Sum"),
    "endsWith": ("Sum", "Total"),
    "regex": ("^T.*m$", "^Sum"),
}
"""For each match type, what the text ``Total Sum`` matches and what not."""

TEXTS: dict[str, Callable[..., Step]] = {
    # Each of them looks at the text "Total Sum".
    "attribute": lambda **values: check("attribute", selector="#price", attributeName="data-kind", **values),
    "formField": lambda **values: check("formField", selector="#city", **values),
    "cookie": lambda **values: check("cookie", cookieName="kind", **values),
    "local storage": lambda **values: check("storage", storageType="local", storageKey="kind", **values),
    "storage by default": lambda **values: check("storage", storageKey="kind", **values),
    "session storage": lambda **values: check("storage", storageType="session", storageKey="kind", **values),
    "css": lambda **values: check("css", selector="#styled", cssProperty="--kind", **values),
    "header": lambda **values: check("header", headerName="X-KIND", **values),
    "bodyPath": lambda **values: check("bodyPath", jsonPath="sum.0.kind", **values),
    "bodyValue": lambda **values: check("bodyValue", apiContextKey="plain", **values),
    "columnValue": lambda **values: check("columnValue", columnName="kind", **values),
    "columnValue, path": lambda **values: check("columnValue", columnName="cell", jsonPath="kind", **values),
    "queryResult": lambda **values: check("queryResult", jsonPath="0.kind", **values),
}

STORED = {
    "apiResponse": {
        "status": 201,
        "headers": {"x-kind": "Total Sum"},
        "body": {"sum": [{"kind": "Total Sum"}], "nothing": None},
    },
    "plain": {"status": 200, "headers": {}, "body": "Total Sum"},
    "dbResult": {"rows": [{"kind": "Total Sum", "cell": {"kind": "Total Sum"}}], "rowCount": 1},
}

SETUP = """
document.cookie = 'kind=Total Sum';
localStorage.kind = sessionStorage.kind = 'Total Sum';
document.body.innerHTML = `<input id=city value="Total Sum"><p id=price data-kind="Total Sum">Total Sum</p>
<p id=styled style="--kind: Total Sum">x</p>`;
"""


PATIENT, QUICK = {"timeout": 10_000, "failSilently": True}, {"timeout": 20, "failSilently": True}


async def verified(
    run_steps: RunSteps, site_url: str, fits: list[Step], fails: list[Step]
) -> tuple[list[str], list[str]]:
    """How checks of the text ``Total Sum`` end."""
    steps = [(kind, {**PATIENT, **data}) for kind, data in fits]
    steps += [(kind, {**QUICK, **data}) for kind, data in fails]
    outcome = await run_steps(
        ("navigation", {"action": "navigate", "url": f"{site_url}/extract.html", "waitUntil": "load"}),
        ("playwright", {"method": "evaluate", "arguments": [SETUP]}),
        *steps,
        data=STORED,
    )
    assert outcome.error is None
    ended = [outcome.node(f"n{number}") for number in range(3, len(steps) + 3)]
    found = [item.error.code if item.error is not None else "ok" for item in ended]
    return found[: len(fits)], found[len(fits) :]


@pytest.mark.parametrize("match", MATCHING)
async def test_every_check_of_a_text_takes_every_match_type(
    run_steps: RunSteps, site_url: str, match: str
) -> None:
    good, bad = MATCHING[match]
    cased = [name for name in TEXTS if name in {"header", "bodyPath", "bodyValue", "columnValue", "queryResult"}]  # fmt: skip
    steps = [make(expectedValue=good, matchType=match) for make in TEXTS.values()]
    steps += [make(expectedValue=good.lower(), matchType=match) for make in TEXTS.values()]
    wrong = [make(expectedValue=bad, matchType=match) for make in TEXTS.values()]
    wrong += [TEXTS[name](expectedValue=good.lower(), matchType=match, caseSensitive=True) for name in cased]
    found = await verified(run_steps, site_url, steps, wrong)

    assert found == (["ok"] * len(steps), ["VERIFICATION_FAILED"] * len(wrong))


@pytest.mark.parametrize("match", MATCHING)
async def test_texts_and_urls_of_the_page(run_steps: RunSteps, site_url: str, match: str) -> None:
    good, bad = MATCHING[match]
    path = {"equals": f"{site_url}/EXTRACT.html", "contains": "/Extract", "startsWith": "HTTP:", "endsWith": ".HTML", "regex": "ex.ract\\.html$"}  # fmt: skip
    steps = [
        check("text", selector="#price", expectedText=good.upper(), matchType=match),
        check("url", urlPattern=path[match], matchType=match),
    ]
    wrong = [
        check("text", selector="#price", expectedText=bad, matchType=match),
        check("text", selector="#price", expectedText=good.upper(), matchType=match, caseSensitive=True),
        check("url", urlPattern="nowhere", matchType=match),
    ]
    found = await verified(run_steps, site_url, steps, wrong)

    assert found == (["ok"] * 2, ["VERIFICATION_FAILED"] * 3)


@pytest.mark.parametrize("match", MATCHING)
async def test_waits_for_a_stored_response(run_steps: RunSteps, match: str) -> None:
    good, bad = MATCHING[match]
    config = {"matchType": match}
    places: dict[str, dict[str, Any]] = {
        "header": {"checkType": "header", "path": "X-Kind"},
        "body-path": {"checkType": "body-path", "path": "sum.0.kind"},
        "body-value": {"checkType": "body-value", "contextKey": "plain"},
    }

    def wait(place: str, expected: str) -> Step:
        wanted = {"contextKey": "apiResponse", **config, **places[place], "expectedValue": expected}
        return ("wait", {"waitType": "api-response", "apiWaitConfig": wanted, "failSilently": True})

    steps = [wait(place, text) for place in places for text in (good, bad, good.lower().replace("^t", "^z"))]
    outcome = await run_steps(*steps, data=STORED, open_browser=False)
    found = ["ok" if item.error is None else "no" for item in outcome.nodes if item.node_id.startswith("n")]

    assert found == ["ok", "no", "no"] * len(places)


@pytest.mark.parametrize(
    ("comparison", "fits", "fails"),
    [
        ("equals", ["3"], ["2", "4"]),
        ("greaterThan", ["2"], ["3", "4"]),
        ("lessThan", ["4"], ["3", "2"]),
        ("greaterThanOrEqual", ["2", "3"], ["4"]),
        ("lessThanOrEqual", ["3", "4"], ["2"]),
    ],
)
async def test_numbers_are_compared_everywhere(
    run_steps: RunSteps, comparison: str, fits: list[str], fails: list[str]
) -> None:
    def steps(texts: list[str]) -> dict[str, Step]:
        found: dict[str, Step] = {}
        for text in texts:
            more: dict[str, Any] = {"expectedValue": int(text), "comparisonOperator": comparison}
            timeout = 10_000 if texts is fits else QUICK["timeout"]
            elements = {"selector": "li", "elementCheck": "count", **more, "timeout": timeout}
            found[f"count {text}"] = check("element", **elements)
            found[f"count as text {text}"] = check("element", **{**elements, "expectedValue": text})
            found[f"rows {text}"] = check("rowCount", **more)
        return found

    data = {"dbResult": {"rows": [], "rowCount": 3}}
    await all_pass(run_steps, steps(fits), data=data)
    await all_fail(run_steps, steps(fails), data=data)


ELEMENTS = {
    "visible": ("#price", "#gone"),
    "hidden": ("#gone", "#price"),
    "exists": ("#gone", "#nowhere"),
    "notExists": ("#nowhere", "#gone"),
    "enabled": ("#city", "#off"),
    "disabled": ("#off", "#city"),
    "checked": ("#box", "#city-box"),
    "selected": ("#box", "#city-box"),
}
"""For each check, an element that passes it and one that does not."""


async def test_every_check_of_an_element(run_steps: RunSteps) -> None:
    def steps(which: int) -> dict[str, Step]:
        return {
            name: check(
                "element",
                selector=pair[which],
                elementCheck=name,
                timeout=QUICK["timeout"] if which else 10_000,
            )
            for name, pair in ELEMENTS.items()
        }

    await all_pass(run_steps, steps(0))
    await all_fail(run_steps, steps(1))


async def test_every_condition_on_an_element(run_workflow: RunWorkflow) -> None:
    """The cases of a switch are tried in order, so one that does not hold comes before one that does."""
    cases = [
        {
            "id": f"{name}-{place}",
            "label": name,
            "condition": {"type": "ui-element", "selector": selector, "elementCheck": name, "timeout": 100},
        }
        for name, pair in ELEMENTS.items()
        for place, selector in zip(("no", "yes"), reversed(pair), strict=True)
    ]
    read = "return [...(context.data.result ?? []), context.data.switchOutput]"
    nodes = [
        START,
        node("open", "openBrowser"),
        node("show", "playwright", method="setContent", arguments=[PAGE]),
    ]
    edges: list[tuple[str, ...]] = [("start", "open"), ("open", "show")]
    for number in range(0, len(cases), 2):
        switch, note = f"switch-{number}", f"note-{number}"
        pair_of_cases = cases[number : number + 2]
        nodes.append(node(switch, "switch.switch", cases=pair_of_cases, defaultCase={"label": "none"}))
        nodes.append(node(note, "javascriptCode", code=read))
        edges.append((nodes[-3]["id"], switch))
        handles = [str(case["id"]) for case in pair_of_cases]
        edges += [(switch, note, handle, "input") for handle in [*handles, "default"]]
    outcome = await run_workflow(workflow(nodes, edges))

    assert outcome.error is None
    assert outcome.data["result"] == [f"{name}-yes" for name in ELEMENTS]


@pytest.mark.parametrize("scheme", ["light", "dark", "no-preference"])
async def test_colour_schemes(run_steps: RunSteps, scheme: str) -> None:
    asked = "matchMedia('(prefers-color-scheme: dark)').matches"
    outcome = await run_steps(
        ("contextManipulate", {"action": "setColorScheme", "colorScheme": scheme}),
        ("playwright", {"method": "evaluate", "arguments": [asked]}),
    )

    assert outcome.data["result"] == (scheme == "dark")


@pytest.mark.parametrize("same_site", ["Strict", "Lax"])
async def test_cookies_of_a_kind(run_steps: RunSteps, site_url: str, same_site: str) -> None:
    cookie = {"name": "a", "value": "1", "sameSite": same_site, "path": "/", "domain": "127.0.0.1"}
    outcome = await run_steps(
        ("navigation", {"action": "navigate", "url": f"{site_url}/extract.html", "waitUntil": "load"}),
        ("storage", {"action": "setCookie", "cookies": [cookie]}),
        ("storage", {"action": "getCookie"}),
    )

    assert [item["sameSite"] for item in outcome.data["storageResult"]] == [same_site]


async def test_where_the_browser_is_and_how_surely(run_steps: RunSteps, site_url: str) -> None:
    place = {"latitude": 1, "longitude": 2, "accuracy": 30}
    read = "new Promise(done => navigator.geolocation.getCurrentPosition(at => done(at.coords.accuracy)))"
    outcome = await run_steps(
        ("navigation", {"action": "navigate", "url": f"{site_url}/extract.html", "waitUntil": "load"}),
        ("contextManipulate", {"action": "setGeolocation", "geolocation": place}),
        ("playwright", {"method": "evaluate", "arguments": [read]}),
    )

    assert outcome.data["result"] == 30


@pytest.mark.parametrize(("paper", "box"), [("A4", "595"), ("Letter", "612"), (None, "595")])
async def test_paper_sizes(run_steps: RunSteps, tmp_path: Path, paper: str | None, box: str) -> None:
    margin = {"top": "1cm", "right": "10px", "bottom": "2cm", "left": 20}
    step: Step = ("screenshot", {"action": "pdf", "path": "page.pdf", "format": paper, "margin": margin})
    outcome = await run_steps(step)

    assert outcome.error is None
    content = (tmp_path / "page.pdf").read_bytes()
    assert f"/MediaBox [0 0 {box}".encode() in content


@pytest.mark.parametrize("kind", ["json", "raw"])
async def test_bodies_of_webhooks(run_steps: RunSteps, api: Api, kind: str) -> None:
    values = {"url": f"{api.url}/echo", "body": '{"a": 1}', "bodyType": kind}
    outcome = await run_steps(("webhook", values), open_browser=False)

    assert outcome.error is None
    assert api.last.body == (b'{"a":1}' if kind == "json" else b'{"a": 1}')
    wanted = "application/json" if kind == "json" else "text/plain"
    assert (api.last.header("Content-Type") or "").startswith(wanted)


SHOT = {"action": "viewport", "path": "a.png"}
WORKING: dict[str, dict[str, Any]] = {
    "type": {"selector": "#city", "text": "x"},
    "action": {"action": "hover", "selector": "#city"},
    "elementQuery": {"action": "getCount", "selector": "#city"},
    "formInput": {"action": "check", "selector": "#box"},
    "keyboard": {"action": "press", "key": "Tab"},
    "scroll": {"action": "scrollToTop"},
    "screenshot": SHOT,
    "storage": {"action": "getCookie"},
    "dialog": {"action": "accept"},
    "download": {"action": "getDownloadPath", "downloadObject": "nothing"},
    "iframe": {"action": "switchToMainFrame"},
    "playwright": {"method": "title"},
    "navigation": {"action": "reload", "waitUntil": "commit"},
}
"""A step of each type that has the wait block; dialog and download come to nothing, but after their waits."""

VAIN: dict[str, dict[str, Any]] = {
    "selector": {"waitForSelector": "#nowhere", "waitForSelectorTimeout": 20},
    "url": {"waitForUrl": "nowhere", "waitForUrlTimeout": 20},
    "condition": {"waitForCondition": "window.nothing", "waitForConditionTimeout": 20},
}


def logged(outcome: Outcome, node_id: str, word: str) -> bool:
    """Whether a node wrote a line with this word into the log."""
    return any(
        isinstance(event, LogLine) and event.node_id == node_id and word in event.message
        for event in outcome.events
    )


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_every_node_with_waits_waits(run_steps: RunSteps, after: bool) -> None:
    """A wait in vain is only logged, because the nodes may fail silently."""
    steps: dict[str, Step] = {}
    for kind, data in WORKING.items():
        if after and kind in {"dialog", "download"}:
            continue
        for name, wait in VAIN.items():
            more = {"timeout": 50 if kind == "dialog" else 10_000, "failSilently": True}
            steps[f"{kind} {name}"] = (kind, {**data, **wait, **more, "waitAfterOperation": after})
    show: Step = ("playwright", {"method": "setContent", "arguments": [PAGE]})
    outcome = await run_steps(show, *steps.values())
    waited = {
        name: logged(outcome, f"n{number}", "Going on after a failed wait")
        for number, name in enumerate(steps, 2)
    }

    assert [name for name, found in waited.items() if not found] == []


FAILING: dict[str, dict[str, Any]] = {
    "navigation": {"action": "switchTab", "urlPattern": "nowhere"},
    "type": {"selector": "#nowhere", "text": "x"},
    "action": {"action": "click", "selector": "#nowhere"},
    "elementQuery": {"action": "getText", "selector": "#nowhere"},
    "formInput": {"action": "check", "selector": "#nowhere"},
    "keyboard": {"action": "press", "key": "Tab", "selector": "#nowhere"},
    "scroll": {"action": "scrollToElement", "selector": "#nowhere"},
    "screenshot": {"action": "element", "selector": "#nowhere", "waitForSelectorTimeout": 20},
    "storage": {"action": "getLocalStorage", "key": "x"},
    "dialog": {"action": "accept"},
    "download": {"action": "waitForDownload"},
    "iframe": {"action": "switchToIframe", "name": "nowhere"},
    "wait": {"waitType": "selector", "value": "#nowhere"},
    "verify": {"domain": "browser", "verificationType": "element", "selector": "#nowhere"},
    "apiRequest": {"url": "http://127.0.0.1:9/"},
    "apiCurl": {"curlCommand": "curl http://127.0.0.1:9/"},
    "playwright": {"selector": "#nowhere", "method": "click"},
}
"""A step of each type that has the retry block, and fails."""


async def test_every_node_with_retries_retries(run_steps: RunSteps) -> None:
    more = {"timeout": 20, "failSilently": True, "retryEnabled": True, "retryCount": 2, "retryDelay": 1}
    show: Step = ("playwright", {"method": "setContent", "arguments": [PAGE]})
    outcome = await run_steps(show, *((kind, {**data, **more}) for kind, data in FAILING.items()))
    retried = {
        kind: sum(
            isinstance(event, LogLine) and event.node_id == f"n{number}" and "Retry" in event.message
            for event in outcome.events
        )
        for number, kind in enumerate(FAILING, 2)
    }

    assert retried == dict.fromkeys(FAILING, 2)
    assert {item.status for item in outcome.nodes if item.node_type in FAILING and item.node_id != "n1"} == {
        "failed"
    }
