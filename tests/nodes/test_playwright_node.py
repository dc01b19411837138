"""The node ``playwright``: methods of every target, and assertions that wait, in a real browser."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.running import Outcome, Step

pytestmark = pytest.mark.browser

HTML = """
<title>Shop</title>
<h1 id=title class="big head">Cart</h1>
<ul><li class=item>Apple</li><li class=item>Pear</li><li class=item>Fig</li></ul>
<label>Name <input id=name value=Ada></label>
<select id=many multiple><option>a</option><option>b</option><option>c</option></select>
<input id=box type=checkbox checked><input id=file type=file>
<button id=go onclick="this.textContent = 'Gone'">Go</button>
<p id=hidden style="display: none">hidden</p>
<p id=log></p>
<script>
  const log = text => { document.getElementById('log').textContent += text + ';'; };
  addEventListener('mousedown', event => log(`down ${event.clientX},${event.clientY}`));
  addEventListener('keydown', event => log(event.key));
  addEventListener('wheel', event => log(`wheel ${event.deltaY}`));
</script>
"""


def play(**values: Any) -> Step:
    return ("playwright", values)


async def on_page(run_steps: RunSteps, *steps: Step, html: str = HTML, **options: Any) -> Outcome:
    """Steps on a page that holds ``html``; theirs are the nodes n2, n3, ..."""
    return await run_steps(play(method="setContent", arguments=[html]), *steps, **options)


async def result(run_steps: RunSteps, *steps: Step, html: str = HTML, **options: Any) -> Any:
    """What the last of the steps stores."""
    outcome = await on_page(run_steps, *steps, html=html, **options)
    assert outcome.error is None, outcome.error
    return outcome.data.get("result")


async def failure(run_steps: RunSteps, *steps: Step, **options: Any) -> tuple[str, str]:
    """Code and message with which the steps fail."""
    outcome = await on_page(run_steps, *steps, **options)
    assert outcome.error is not None
    return outcome.error.code, outcome.error.message


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"method": "title"}, "Shop"),
        ({"target": "page", "method": "textContent", "arguments": ["#title"]}, "Cart"),
        ({"method": "evaluate", "arguments": ["(a) => a.x * 2", {"x": 21}]}, 42),
        ({"method": "evaluate", "arguments": ["document.title"]}, "Shop"),
        ({"method": "$eval", "arguments": ["#name", "e => e.value"]}, "Ada"),
        ({"method": "url"}, "about:blank"),
        ({"method": "viewportSize"}, {"width": 1280, "height": 720}),
        ({"method": "getAttribute", "arguments": {"selector": "#title", "name": "class"}}, "big head"),
        ({"method": "is_checked", "arguments": ["#box"]}, True),
        ({"target": "frame", "method": "title"}, "Shop"),
        ({"selector": ".item", "method": "count"}, 3),
        ({"selector": ".item", "method": "allTextContents"}, ["Apple", "Pear", "Fig"]),
        (
            {"selector": "li", "selectorModifiers": {"filterText": "Pear"}, "method": "innerText"},
            "Pear",
        ),
        (
            {
                "selector": "ul",
                "selectorModifiers": {"chainSelector": "li", "nth": -1},
                "method": "textContent",
            },
            "Fig",
        ),
        ({"selector": "label:Name", "selectorType": "getByLabel", "method": "inputValue"}, "Ada"),
        ({"selector": "#many", "method": "selectOption", "arguments": [["a", "c"]]}, ["a", "c"]),
        ({"selector": "#many", "method": "selectOption", "arguments": [{"label": "b"}]}, ["b"]),
        ({"selector": ".item", "method": "evaluateAll", "arguments": ["(e, n) => e.length + n", 4]}, 7),
        ({"target": "context", "method": "cookies"}, []),
        ({"target": "page", "method": "pageErrors"}, []),
    ],
    ids=lambda value: str(value.get("method")) if isinstance(value, dict) and "method" in value else "",
)
async def test_what_a_method_returns_is_stored(
    run_steps: RunSteps, values: dict[str, Any], expected: Any
) -> None:
    assert await result(run_steps, play(**values)) == expected


async def test_nothing_is_stored_for_methods_that_return_nothing(run_steps: RunSteps) -> None:
    assert await result(run_steps, play(selector="#go", method="click")) is None


async def test_the_result_goes_where_it_is_wanted(run_steps: RunSteps) -> None:
    outcome = await on_page(
        run_steps,
        play(method="title", outputVariable="heading"),
        play(selector="#name", method="fill", arguments=["${data.heading} of ${variables.who}"]),
        play(selector="#name", method="inputValue", outputVariable="typed"),
        variables={"who": "Ann"},
    )

    assert (outcome.data["heading"], outcome.data["typed"]) == ("Shop", "Shop of Ann")
    assert "result" not in outcome.data


async def test_results_that_are_no_json_are_stored_as_text(run_steps: RunSteps) -> None:
    outcome = await on_page(
        run_steps,
        play(selector="#go", method="screenshot", outputVariable="picture"),
        play(method="evaluate", arguments=["() => new Date(0)"], outputVariable="date"),
        play(selector="#go", method="first", outputVariable="element"),
        play(method="evaluate", arguments=["() => undefined"], outputVariable="nothing"),
    )

    assert base64.b64decode(outcome.data["picture"]).startswith(b"\x89PNG")
    assert outcome.data["date"].startswith("1970-01-01T00:00:00")
    assert outcome.data["element"] == "<locator>"
    assert outcome.data.get("nothing") is None


async def test_options_stand_last_as_in_javascript(run_steps: RunSteps) -> None:
    log = await result(
        run_steps,
        play(selector="#go", method="click", arguments=[{"position": {"x": 3, "y": 4}, "clickCount": 2}]),
        play(method="textContent", arguments=["#log", {"timeout": 15_000, "strict": True}]),
    )

    assert log.count("down ") == 2


async def test_mouse_and_keyboard(run_steps: RunSteps) -> None:
    log = await result(
        run_steps,
        play(target="mouse", method="move", arguments=[5, 6]),
        play(target="mouse", method="down"),
        play(target="mouse", method="up"),
        play(target="mouse", method="click", arguments=[7, 8, {"button": "right"}]),
        play(selector="#name", method="focus"),
        play(target="keyboard", method="press", arguments=["End"]),
        play(target="keyboard", method="type", arguments=["xy"]),
        play(target="keyboard", method="insertText", arguments=["z"]),
        play(target="mouse", method="wheel", arguments={"deltaX": 0, "deltaY": 9}),
        play(selector="#log", expect="toContainText", arguments=["wheel 9"]),
        play(selector="#log", method="textContent"),
    )

    assert log == "down 5,6;down 7,8;End;x;y;wheel 9;"


async def test_what_was_typed_arrives(run_steps: RunSteps) -> None:
    outcome = await on_page(
        run_steps,
        play(selector="#name", method="focus"),
        play(target="keyboard", method="press", arguments=["End"]),
        play(target="keyboard", method="insertText", arguments=[" Lovelace"]),
        play(selector="#name", expect="toHaveValue", arguments=["Ada Lovelace"]),
    )

    assert outcome.error is None


async def test_the_context(run_steps: RunSteps, site_url: str) -> None:
    cookie = {"name": "seen", "value": "${variables.what}", "url": site_url, "sameSite": "Lax"}
    outcome = await run_steps(
        play(target="context", method="addCookies", arguments=[[cookie]]),
        play(target="context", method="cookies", arguments=[site_url], outputVariable="cookies"),
        play(target="context", method="newPage", outputVariable="tab"),
        variables={"what": "yes"},
    )

    assert outcome.error is None
    assert [(item["name"], item["value"]) for item in outcome.data["cookies"]] == [("seen", "yes")]
    assert outcome.data["tab"] == "<page about:blank>"


async def test_the_clock_of_the_page(run_steps: RunSteps) -> None:
    year = await result(
        run_steps,
        play(target="clock", method="setFixedTime", arguments=["2020-02-02T12:00:00Z"]),
        play(method="evaluate", arguments=["() => new Date().getUTCFullYear()"]),
    )

    assert year == 2020


async def test_elements_and_regular_expressions_as_arguments(run_steps: RunSteps) -> None:
    outcome = await on_page(
        run_steps,
        play(
            selector=".item",
            method="filter",
            arguments=[{"hasText": {"regex": "^p", "flags": "i"}}],
            outputVariable="p",
        ),
        play(
            selector=".item",
            expect="toHaveText",
            arguments=[["Apple", {"regex": "P\\w{3}"}, {"regex": "^fig$", "flags": "i"}]],
        ),
        play(
            selector="ul",
            method="screenshot",
            arguments=[{"mask": [{"locator": "//li[1]", "selectorType": "xpath"}], "path": "masked.png"}],
        ),
        play(selector="#go", method="or", arguments=[{"locator": "#nowhere"}]),
    )

    assert outcome.error is None
    assert outcome.data["p"] == "<locator>"


async def test_an_element_is_dragged_onto_another_one(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        play(method="goto", arguments=[f"{site_url}/action-mouse.html", {"waitUntil": "load"}]),
        play(selector="#note", method="dragTo", arguments=[{"locator": "#target"}]),
        play(selector="#log", expect="toContainText", arguments=["note dropped"]),
    )

    assert outcome.error is None


async def test_paths_are_relative_to_the_root(run_steps: RunSteps, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "letter.txt").write_text("Dear", "utf-8")
    name = await result(
        run_steps,
        play(method="screenshot", arguments=[{"path": "shots/page.png"}], outputVariable="shot"),
        play(selector="#file", method="setInputFiles", arguments=[["in/letter.txt"]]),
        play(selector="#file", method="evaluate", arguments=["e => e.files[0].name"]),
    )

    assert name == "letter.txt"
    assert (tmp_path / "shots" / "page.png").read_bytes().startswith(b"\x89PNG")


async def test_a_method_fails_in_its_time(run_steps: RunSteps) -> None:
    code, message = await failure(run_steps, play(selector="#nowhere", method="click", timeout=100))

    assert code == "NODE_TIMEOUT"
    assert "100ms" in message


async def test_an_own_timeout_wins(run_steps: RunSteps) -> None:
    code, message = await failure(
        run_steps, play(selector="#nowhere", method="click", timeout=60_000, arguments=[{"timeout": 90}])
    )

    assert (code, "90ms" in message) == ("NODE_TIMEOUT", True)


async def test_a_method_without_a_timeout_ends_in_the_nodes(run_steps: RunSteps) -> None:
    code, message = await failure(
        run_steps, play(method="evaluate", arguments=["() => new Promise(() => {})"], timeout=150)
    )

    assert code == "NODE_TIMEOUT"
    assert message == "page.evaluate did not finish within 150 ms"


async def test_an_error_of_the_page_has_its_message(run_steps: RunSteps) -> None:
    code, message = await failure(
        run_steps, play(method="evaluate", arguments=["() => { throw new Error('no way') }"])
    )

    assert code == "BROWSER_CALL_FAILED"
    assert "no way" in message


async def test_retries_and_waits(run_steps: RunSteps, site_url: str) -> None:
    outcome = await run_steps(
        play(method="goto", arguments=[f"{site_url}/action-late.html?after=100"]),
        play(selector="#late", method="click", waitForSelector="#late", waitForCondition="window.ready"),
        play(
            selector="#third",
            method="click",
            retryEnabled=True,
            retryStrategy="untilCondition",
            retryUntilCondition={"type": "selector", "value": "#done"},
            retryDelay=10,
        ),
        play(selector="#count", expect="toHaveText", arguments=["3"]),
    )

    assert outcome.error is None


ASSERTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # What holds on the page, and what makes it fail.
    ({"expect": "toHaveTitle", "arguments": ["Shop"]}, {"arguments": ["Stop"]}),
    ({"expect": "toHaveTitle", "arguments": [{"regex": "sh.p", "flags": "i"}]}, {"arguments": [{"regex": "x"}]}),
    ({"expect": "toHaveURL", "arguments": ["about:blank"]}, {"arguments": [{"regex": "https"}]}),
    ({"selector": "#title", "expect": "toBeAttached"}, {"selector": "#nowhere"}),
    ({"selector": "#box", "expect": "toBeChecked"}, {"not": True}),
    ({"selector": "#box", "expect": "toBeChecked", "arguments": [{"checked": True}]}, {"arguments": [{"checked": False}]}),
    ({"selector": "#hidden", "expect": "toBeHidden"}, {"selector": "#title"}),
    ({"selector": "#title", "expect": "toBeVisible"}, {"selector": "#hidden"}),
    ({"selector": "#title", "expect": "not.toBeHidden"}, {"selector": "#hidden"}),
    ({"selector": "#hidden", "expect": "toBeVisible", "not": True}, {"selector": "#title"}),
    ({"selector": "#go", "expect": "toBeEnabled"}, {"expect": "toBeDisabled"}),
    ({"selector": "#name", "expect": "toBeEditable"}, {"not": True}),
    ({"selector": "#log", "expect": "toBeEmpty"}, {"selector": "#title"}),
    ({"selector": "#name", "expect": "toBeFocused", "not": True}, {"not": False}),
    ({"selector": "#title", "expect": "toBeInViewport"}, {"selector": "#hidden"}),
    ({"selector": "#title", "expect": "toContainText", "arguments": ["ar"]}, {"arguments": ["AR"]}),
    (
        {"selector": "#title", "expect": "toContainText", "arguments": ["AR", {"ignoreCase": True}]},
        {"arguments": ["x", {"ignoreCase": True}]},
    ),
    ({"selector": "#title", "expect": "toContainClass", "arguments": ["head"]}, {"arguments": ["foot"]}),
    ({"selector": "#title", "expect": "toHaveClass", "arguments": ["big head"]}, {"arguments": ["big"]}),
    ({"selector": "#title", "expect": "toHaveId", "arguments": ["title"]}, {"arguments": ["x"]}),
    ({"selector": "#title", "expect": "toHaveRole", "arguments": ["heading"]}, {"arguments": ["link"]}),
    (
        {"selector": "#name", "expect": "toHaveAccessibleName", "arguments": ["Name"]},
        {"arguments": ["x"]},
    ),
    (
        {"selector": "#name", "expect": "toHaveAccessibleDescription", "arguments": [""]},
        {"arguments": ["x"]},
    ),
    (
        {"selector": "#name", "expect": "toHaveAccessibleErrorMessage", "arguments": [""]},
        {"arguments": ["x"]},
    ),
    (
        {"selector": "#title", "expect": "toHaveAttribute", "arguments": ["id", "title"]},
        {"arguments": ["id", "x"]},
    ),
    ({"selector": ".item", "expect": "toHaveCount", "arguments": [3]}, {"arguments": [4]}),
    (
        {"selector": "#hidden", "expect": "toHaveCSS", "arguments": ["display", "none"]},
        {"arguments": ["display", "block"]},
    ),
    (
        {"selector": "#box", "expect": "toHaveJSProperty", "arguments": ["checked", True]},
        {"arguments": ["checked", False]},
    ),
    ({"selector": "#title", "expect": "to_have_text", "arguments": ["Cart"]}, {"arguments": ["Car"]}),
    ({"selector": "#name", "expect": "toHaveValue", "arguments": ["Ada"]}, {"arguments": ["Eve"]}),
    ({"selector": "#many", "expect": "not.toHaveValues", "arguments": [["a"]]}, {"expect": "toHaveValues"}),
    (
        {"selector": "ul", "expect": "toMatchAriaSnapshot", "arguments": ["- listitem: Pear"]},
        {"arguments": ["- listitem: Plum"]},
    ),
]  # fmt: skip


async def test_every_assertion_passes_and_fails(run_steps: RunSteps) -> None:
    holds = [play(**{"timeout": 5_000, **values}) for values, _ in ASSERTIONS]
    fails = [
        play(**{**values, **change, "timeout": 60, "failSilently": True}) for values, change in ASSERTIONS
    ]
    chosen = play(selector="#many", method="selectOption", arguments=[["b"]])
    outcome = await on_page(run_steps, chosen, *holds, *fails)
    ended = outcome.nodes[-2 * len(ASSERTIONS) :]
    passed = [node.status for node in ended[: len(ASSERTIONS)]]
    errors = [node.error.code if node.error else None for node in ended[len(ASSERTIONS) :]]

    assert outcome.error is None
    assert [str(item["expect"]) for (item, _), status in zip(ASSERTIONS, passed, strict=True) if status != "completed"] == []  # fmt: skip
    assert [str(item["expect"]) for (item, _), code in zip(ASSERTIONS, errors, strict=True) if code != "VERIFICATION_FAILED"] == []  # fmt: skip


def test_no_assertion_is_left_out() -> None:
    from playwright.async_api import _generated as generated  # noqa: PLC0415 - of the installed version

    from nodes.playwright_api import assertion  # noqa: PLC0415 - see above

    tested = {
        assertion(
            "locator" if values.get("selector") else "page",
            change.get("expect", values["expect"]),
            negated=False,
        ).name.removeprefix("not_")
        for pair in ASSERTIONS
        for values, change in [pair, (pair[0], {})]
    }
    known = {
        name
        for kind in (generated.PageAssertions, generated.LocatorAssertions)
        for name in vars(kind)
        if name.startswith("to_")
    }
    assert known - tested == set()


async def test_an_assertion_waits_and_says_what_it_saw(run_steps: RunSteps, site_url: str) -> None:
    late = play(method="goto", arguments=[f"{site_url}/action-late.html?after=300"])
    outcome = await run_steps(
        late,
        play(selector="#state", expect="toHaveText", arguments=["ready"], timeout=10_000),
        play(selector="#state", expect="toHaveText", arguments=["over"], timeout=100),
    )

    assert outcome.node("n2").status == "completed"
    assert outcome.error is not None
    assert outcome.error.code == "VERIFICATION_FAILED"
    assert outcome.error.message.startswith(
        "expect(locator).toHaveText: Locator expected to have text 'over'"
    )
    assert "ready" in outcome.error.message


async def test_without_a_page_the_node_says_so(run_steps: RunSteps) -> None:
    outcome = await run_steps(play(method="title"), open_browser=False)

    assert outcome.error is not None
    assert outcome.error.code == "PAGE_MISSING"


async def test_what_references_bring_is_checked_when_they_are_known(run_steps: RunSteps) -> None:
    code, message = await failure(
        run_steps,
        play(target="mouse", method="move", arguments=["${variables.x}", 1]),
        variables={"x": "far"},
    )

    assert code == "NODE_PROPERTY_INVALID"
    assert message.startswith("mouse.move: 'x': ")


async def test_numbers_may_come_from_references(run_steps: RunSteps) -> None:
    log = await result(
        run_steps,
        play(target="mouse", method="click", arguments=["${variables.x}", 9]),
        play(selector="#log", method="textContent"),
        variables={"x": 4},
    )

    assert log == "down 4,9;"


async def test_in_a_frame(run_steps: RunSteps) -> None:
    outcome = await on_page(
        run_steps,
        ("iframe", {"action": "switchToIframe", "selector": "iframe"}),
        play(selector="#p", method="textContent", outputVariable="inner"),
        play(selector="#p", expect="toHaveText", arguments=["Inside"]),
        html='<iframe srcdoc="<p id=p>Inside</p>"></iframe>',
    )

    assert outcome.error is None
    assert outcome.data["inner"] == "Inside"
