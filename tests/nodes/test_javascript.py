"""The JavaScript node: the language, `context` and what comes back (workflow-format.md, section 14.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunSteps, RunWorkflow
from tests.nodes.scripts import failed, returned, script
from tests.running import chain, node, workflow


async def test_the_code_is_the_body_of_an_async_function(run_steps: RunSteps) -> None:
    code = (
        "const later = await new Promise(resolve => setTimeout(() => resolve(2), 1)); return 1 + later // end"
    )

    assert await returned(run_steps, code) == 3


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("return null", None),
        ("return false", False),
        ("return 0", 0),
        ("return ''", ""),
        ("return 1.5", 1.5),
        ("return [1, [2, {a: null}]]", [1, [2, {"a": None}]]),
        ("return {a: undefined, b: () => 1, c: Symbol('x'), d: [undefined, () => 1]}", {"d": [None, None]}),
        ("return 12345678901234567890n", "12345678901234567890"),
        ("return new Map([['a', 1], [2, 'b']])", {"a": 1, "2": "b"}),
        ("return new Set([1, 'b'])", [1, "b"]),
        ("return /a.c/gi", "/a.c/gi"),
        ("return new URL('http://h/p?q')", "http://h/p?q"),
        ("return {__proto__x: 1, ['__proto__']: 2}", {"__proto__x": 1, "__proto__": 2}),
        ("return [new Number(1), new String('x'), new Boolean(false)]", [1, "x", False]),
        ("const o = {a: 1}; o.self = o; return [o, o]", [{"a": 1, "self": "[Circular]"}] * 2),
        ("return '\\u{1F600} \\ud800'", "\U0001f600 \ud800"),
        ("class P { constructor() { this.x = 1 } get y() { return 2 } } return new P()", {"x": 1}),
        ("return Array.from({length: 3}, (_, i) => i * 2)", [0, 2, 4]),
    ],
)
async def test_a_returned_value_is_stored(run_steps: RunSteps, code: str, value: Any) -> None:
    outcome = await run_steps(script(code), data={"result": "before"}, open_browser=False)

    assert outcome.error is None
    assert outcome.data["result"] == value


@pytest.mark.parametrize("code", ["return", "return undefined", "1", "void 0;", "return () => 1"])
async def test_undefined_is_not_stored(run_steps: RunSteps, code: str) -> None:
    assert await returned(run_steps, code, data={"result": "before"}) == "before"


async def test_numbers_that_json_has_not_survive_from_script_to_script(run_steps: RunSteps) -> None:
    store = (
        "context.setData('o', {n: NaN, i: Infinity, b: 10n, d: new Date(5), r: /x/g, m: new Map([['a', {}]]),"
        " s: new Set([1]), x: new Uint8Array([1, 2]), e: new TypeError('no'), u: new URL('http://h/')})"
    )
    look = """
        const {n, i, b, d, r, m, s, x, e, u} = context.getData('o');
        return [Number.isNaN(n), i, typeof b, d instanceof Date && d.getTime(), r instanceof RegExp && r.flags,
                m instanceof Map && m.size, s instanceof Set && s.has(1), Buffer.isBuffer(x) && x[1],
                e instanceof Error && e.name + e.message, u]"""
    outcome = await run_steps(script(store), script(look), open_browser=False)

    assert outcome.error is None
    assert outcome.data["result"][:1] + outcome.data["result"][2:] == [
        True, "bigint", 5, "g", 1, True, 2, "TypeErrorno", "http://h/",
    ]  # fmt: skip


async def test_context_has_nothing_but_its_members(run_steps: RunSteps) -> None:
    code = "return [Object.keys(context), typeof context.page, typeof context.getPage, arguments.length]"

    members = ["page", "data", "variables", "getData", "setData", "getVariable", "setVariable"]
    assert await returned(run_steps, code) == [members, "undefined", "undefined", 1]


async def test_keys_are_flat(run_steps: RunSteps) -> None:
    code = """
        context.setData('a.b', 1); context.setVariable('x y', {deep: [true]});
        return [context.getData('a.b'), context.getData('a'), context.getVariable('x y').deep[0]]"""
    outcome = await run_steps(script(code), data={"a": {"b": 2}}, open_browser=False)

    assert outcome.data["result"] == [1, {"b": 2}, True]
    assert (outcome.data["a.b"], outcome.data["a"]) == (1, {"b": 2})
    assert outcome.variables == {"x y": {"deep": [True]}}


async def test_data_is_a_copy_of_before_the_script_ran(run_steps: RunSteps) -> None:
    code = """
        context.data.a = 'lost'; context.data.fresh = 'lost'; delete context.data.gone;
        context.setData('b', 'new'); context.setData('list', [9]); context.setData('gone', undefined);
        return [context.data.a, context.getData('a'), context.data.b, context.getData('b'), context.data.list,
                Object.keys(context.data).includes('list'), 'fresh' in context.data]"""
    data = {"a": 1, "b": 2, "list": [1], "gone": 3}
    outcome = await run_steps(script(code), data=data, open_browser=False)

    assert outcome.data["result"] == ["lost", 1, 2, "new", [1], True, True]
    assert {key: outcome.data.get(key) for key in data} == {"a": 1, "b": "new", "list": [9], "gone": None}
    assert "gone" not in outcome.data
    assert "fresh" not in outcome.data


async def test_changes_inside_objects_reach_the_store(run_steps: RunSteps) -> None:
    code = """
        context.data.list.push({n: 3}); context.data.list[0].n = 10; context.getData('object').inner.x = 1;
        delete context.data.object.old;
        const added = {}; context.setData('added', added); added.later = true;
        await null; context.variables.held.push(1);"""
    outcome = await run_steps(
        script("context.setVariable('held', [])"),
        script(code),
        data={"list": [{"n": 1}, {"n": 2}], "object": {"inner": {}, "old": 1}},
        open_browser=False,
    )

    assert outcome.error is None
    assert outcome.data["list"] == [{"n": 10}, {"n": 2}, {"n": 3}]
    assert outcome.data["object"] == {"inner": {"x": 1}}
    assert outcome.data["added"] == {"later": True}
    assert outcome.variables["held"] == [1]


async def test_an_object_that_is_stored_twice_stays_one(run_workflow: RunWorkflow) -> None:
    code = """
        const item = context.getVariable('item');
        item.seen = context.getData('rows')[context.getVariable('index')] === item;
        context.data.rows.sort((a, b) => b.n - a.n);"""
    document = workflow(
        [
            node("start", "start"),
            node("given", "setConfig.setConfig", config={"rows": [{"n": 1}, {"n": 2}]}),
            node("each", "loop", mode="forEach", arrayVariable="rows"),
            node("js", "javascriptCode", code=code),
        ],
        [("start", "given"), ("given", "each"), ("each", "js")],
    )
    outcome = await run_workflow(document)

    assert outcome.error is None
    assert outcome.data["rows"] == [{"n": 2, "seen": False}, {"n": 1, "seen": True}]


async def test_what_was_stored_before_an_error_stays(run_steps: RunSteps) -> None:
    code = "context.setData('a', 1); context.data.list.push(2); throw new Error('late')"
    outcome = await failed(run_steps, code, data={"list": [1]})

    assert outcome.data["a"] == 1
    assert outcome.data["list"] == [1, 2]
    assert "result" not in outcome.data


async def test_scripts_share_nothing_but_the_stores(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        script("globalThis.left = 1; Array.prototype.odd = 2; context.odd = 3"),
        script("return [typeof left, [].odd, context.odd]"),
        open_browser=False,
    )

    assert outcome.data["result"] == ["undefined", None, None]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("throw new Error('on purpose')", "on purpose"),
        ("throw 'a text'", "a text"),
        ("throw {code: 7}", "{ code: 7 }"),
        ("throw null", "null"),
        ("null.foo", "Cannot read properties of null (reading 'foo')"),
        ("const x = ;", "Unexpected token ';'"),
        ("await Promise.reject(new RangeError('far'))", "far"),
        ("return context.getPage()", "context.getPage is not a function"),
        ("context.setData('f', () => 1)", "A function cannot be stored under 'f'"),
        ("await new Promise(() => {})", "the script waits for something that can never happen"),
        ("return require('fs')", "require is not defined (scripts run without modules"),
        ("process.exit(1)", "process is not defined (scripts run without modules"),
        ("(function f() { f() })()", "Maximum call stack size exceeded"),
    ],
)
async def test_an_error_fails_the_node(run_steps: RunSteps, code: str, message: str) -> None:
    outcome = await failed(run_steps, code)

    assert outcome.error is not None
    assert outcome.error.code == "SCRIPT_FAILED"
    assert outcome.error.node_id == "n1"
    assert outcome.error.message.startswith(f"JavaScript execution error: {message}")


async def test_the_log_says_where_the_error_is(run_steps: RunSteps) -> None:
    outcome = await failed(
        run_steps, "const f = () => null.x;\n\nasync function g() { await 1; f() }\nawait g()"
    )

    assert outcome.log[-1].splitlines()[1:] == [
        "    at f (script:1:22)",
        "    at g (script:3:31)",
        "    at async script:4:1",
    ]


async def test_a_failed_script_can_be_passed_over(run_steps: RunSteps) -> None:
    steps = ("javascriptCode", {"code": "throw 1", "failSilently": True}), script("return 'went on'")
    outcome = await run_steps(*steps, open_browser=False)

    assert outcome.status == "completed"
    assert outcome.data["result"] == "went on"


@pytest.mark.parametrize("data", [{}, {"code": ""}, {"code": "  "}, {"code": None}])
async def test_code_is_required(run_steps: RunSteps, data: dict[str, Any]) -> None:
    outcome = await run_steps(("javascriptCode", data), open_browser=False)

    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"


async def test_the_code_is_not_interpolated(run_steps: RunSteps) -> None:
    assert await returned(run_steps, "return '${data.x}' + `${1 + 1}`", data={"x": 5}) == "${data.x}2"


async def test_a_bypassed_script_does_not_run(run_steps: RunSteps) -> None:
    outcome = await run_steps(("javascriptCode", {"code": "throw 1", "bypass": True}), open_browser=False)

    assert outcome.status == "completed"


async def test_initial_variables_are_not_changed_by_an_attempt(run_workflow: RunWorkflow) -> None:
    variables = {"list": [1]}
    code = "context.variables.list.push(2); return context.getVariable('list')"
    outcome = await run_workflow(
        chain(node("start", "start"), node("js", "javascriptCode", code=code)), variables=variables
    )

    assert outcome.data["result"] == [1, 2]
    assert variables == {"list": [1]}
