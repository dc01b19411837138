"""The parts of the debugger that decide without an execution: expressions, breakpoints, clocks, suggestions."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batches.breakpoints import BreakpointSet, DebugOptions, Stops, merged
from batches.controls import CONTROLS, parse_control
from batches.events import PauseAt
from batches.expressions import MAX_EXPRESSION, Expression, ExpressionError
from batches.memory_store import MemoryStore
from batches.node_times import known_p95
from batches.saved_breakpoints import FILE_NAME, SavedBreakpoints
from batches.similar import SelectorParts
from nodes.clock import CLOCK, Clock, elapsed
from nodes.document import Node
from nodes.errors import NodeTimeoutError
from nodes.limits import time_limit
from tests.batches.debugging import at, debugging, trail
from tests.batches.event_samples import state_of as sample_state
from tests.batches.event_samples import whole_batch
from tests.batches.runs import request, stage

VALUES: dict[str, Any] = {
    "data": {"total": 120, "rows": [1, 2]},
    "variables": {"who": {"name": "Ada"}},
    "index": 3,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.total > 100 and index in (1, 3)", True),
        ("variables.who.name == 'Ada'", True),
        ("len(data.rows) + data['rows'][1]", 4),
        ("has(data, 'missing') or contains(lower('ABC'), 'b')", True),
        ("null == None and true != false", True),
        ("'x' if index > 5 else 'y'", "y"),
    ],
)
def test_expressions(text: str, value: object) -> None:
    assert Expression(text).value(VALUES) == value


@pytest.mark.parametrize(
    "text",
    [
        *("data.missing", "unknown", "1 / 0", "data + 1", "index.real", "data.total.bit_length()"),
        *("().__class__", "data.__class__", "len.__globals__", "'{0.__class__}'.format(1)", "9**9**9"),
        *("'a' * 10**9", "[x for x in data]", "(lambda: 1)()", "__import__('os')", "open('/etc/passwd')"),
    ],
)
def test_what_expressions_cannot_do(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text).value(VALUES)


@pytest.mark.parametrize(
    ("text", "says"),
    [("a ===", "write '=='"), ("a && b", "write 'and'"), ("", "''"), ("1 +", "invalid"), ("x = 1", "syntax")],
)
def test_what_is_no_expression(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        Expression(text)


def test_an_expression_has_a_limit() -> None:
    with pytest.raises(ExpressionError, match=str(MAX_EXPRESSION)):
        Expression("1" * (MAX_EXPRESSION + 1))


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    with suppress(ExpressionError):
        Expression(text).value(VALUES)


def stops(**fields: Any) -> Stops:
    return Stops(BreakpointSet.model_validate(fields))


def hits(found: Stops, times: int) -> list[bool]:
    node = Node("n", "wait")
    return [found.at_node(node, PauseAt.PRE, lambda: VALUES) is not None for _ in range(times)]


def test_hit_counts_and_once() -> None:
    assert hits(stops(breakpoints=[{"nodeId": "n", "hitCount": 3}]), 4) == [False, False, True, True]
    assert hits(stops(breakpoints=[{"nodeId": "n", "once": True}]), 3) == [True, False, False]
    assert hits(stops(breakpoints=[{"nodeId": "n", "at": "post"}]), 1) == [False]


def test_replacing_keeps_the_counts_of_what_stays() -> None:
    kept = {"nodeId": "n", "hitCount": 3}
    found = stops(breakpoints=[kept])
    assert hits(found, 2) == [False, False]
    found.replace(BreakpointSet.model_validate({"breakpoints": [kept, {"nodeId": "m"}]}))
    assert hits(found, 1) == [True]
    found.replace(BreakpointSet.model_validate({"breakpoints": [{**kept, "hitCount": 2}]}))
    assert hits(found, 2) == [False, True]
    found.mute()
    assert hits(found, 1) == [False]
    assert not found.active


def test_sets_are_merged_by_name() -> None:
    first = BreakpointSet.model_validate(
        {"breakpoints": [{"nodeId": "a"}, {"nodeId": "b"}], "breakOn": "slow"}
    )
    second = BreakpointSet.model_validate(
        {"breakpoints": [{"nodeId": "b", "once": True}], "breakOn": ["error"]}
    )
    both = merged((first, second))
    assert [(item.node_id, item.once) for item in both.breakpoints] == [("a", False), ("b", True)]
    assert both.break_on == ("slow", "error")


def test_an_empty_set_never_pauses() -> None:
    assert BreakpointSet.model_validate({"breakpointConfig": {"enabled": False}}).is_empty
    assert BreakpointSet.model_validate({"breakpoints": [{"nodeId": "a", "enabled": False}]}).is_empty
    assert not BreakpointSet.model_validate({"breakOn": "error"}).is_empty


@pytest.mark.parametrize(
    "control",
    [
        {"action": "runTo", "nodeId": "a", "owner": "Ada", "wait": True},
        {"action": "setValues", "data": {"a": [1]}, "removeVariables": ["b"]},
        {"action": "setBreakpoints", "breakpoints": {"breakpoints": [{"nodeId": "a"}]}},
        {"action": "inspect", "include": ["aria"]},
    ],
)
def test_controls_survive_the_wire(control: dict[str, Any]) -> None:
    parsed = parse_control(control)
    assert CONTROLS.validate_json(CONTROLS.dump_json(parsed)) == parsed


def test_an_unknown_control_is_refused() -> None:
    with pytest.raises(ValidationError):
        parse_control({"action": "jump"})


@pytest.mark.parametrize(
    ("selector", "parts"),
    [
        ("div#main .card.big", SelectorParts(None, (), ("card", "big"))),
        (
            "form > input[name='user'][type=text]",
            SelectorParts("input", (), (), {"name": "user", "type": "text"}),
        ),
        ("button#buy:nth-child(2)", SelectorParts("button", ("buy",))),
        (
            "//div/button[@id='buy' and @title=\"Buy it\"]",
            SelectorParts("button", ("buy",), (), {"title": "Buy it"}),
        ),
        ("xpath=//a[contains(@class, 'link')]", SelectorParts("a", (), ("link",))),
        ("", SelectorParts()),
    ],
)
def test_reading_a_selector(selector: str, parts: SelectorParts) -> None:
    assert SelectorParts.of(selector) == parts


@given(st.text(max_size=80))
def test_any_text_may_be_a_selector(text: str) -> None:
    assert isinstance(SelectorParts.of(text), SelectorParts)


async def test_limits_stand_still_with_the_clock() -> None:
    clock = Clock()
    token = CLOCK.set(clock)
    try:
        async with time_limit(100, "The test"):
            before = elapsed()
            clock.stop()
            clock.stop()
            await asyncio.sleep(0.3)
            assert elapsed() == pytest.approx(before, abs=0.05)
            clock.start()
            clock.start()
        with pytest.raises(NodeTimeoutError):
            async with time_limit(50, "The test"):
                await asyncio.sleep(60)
        clock.stop()
        async with time_limit(20, "One that begins during a pause"):
            await asyncio.sleep(0.1)
            clock.start()
    finally:
        CLOCK.reset(token)


async def test_saved_breakpoints(tmp_path: Path) -> None:
    saved = SavedBreakpoints(tmp_path / "output")
    assert await saved.all() == {}
    wanted = BreakpointSet.model_validate({"breakpoints": [{"nodeId": "a"}]})
    await saved.save({"one.json": wanted, "two.json": wanted})
    await saved.save({"two.json": BreakpointSet()})
    assert await SavedBreakpoints(tmp_path / "output").all() == {"one.json": wanted}
    (tmp_path / "output" / FILE_NAME).write_text("{broken")
    assert await saved.all() == {}
    await saved.save({"three.json": wanted})
    assert await saved.all() == {"three.json": wanted}


async def test_what_history_knows_of_nodes(tmp_path: Path) -> None:
    async with MemoryStore(tmp_path) as store:
        batch = (await store.reserve(4)).batch_id
        state = sample_state(whole_batch(batch, 4))
        for execution in state.executions.values():
            execution.member = execution.member.model_copy(update={"source": "/flows/one.json"})
        await store.save(state)
        assert await known_p95(store, {"/flows/one.json"}) == {"/flows/one.json": {"n1": 12.5}}
        assert await known_p95(store, {"/flows/other.json"}) == {}


async def test_a_node_is_slow_by_what_history_knows(tmp_path: Path) -> None:
    async with stage(tmp_path) as run:
        for _ in range(3):
            state = await run.runner.submit(request(trail("a", "b")))
            await run.over(state.batch_id)
        options = DebugOptions.model_validate({"breakOn": "slow"})
        state = await run.runner.submit(request(trail("a", "b"), debug=options))
        (name,) = state.executions
        used = run.runner.pauses.options(name)
        assert used is not None
        assert set(used.known_p95) == {"start", "a", "b"}
        await run.runner.stop_batch(state.batch_id)
        await run.over(state.batch_id)


async def test_no_breakpoint_means_no_pause_and_no_set(tmp_path: Path) -> None:
    async with debugging(tmp_path, trail("a"), debug=at("nowhere")) as run:
        await run.over()
        assert run.pauses == []
        assert run.run.runner.pauses.breakpoints(run.only.execution_id) is None
