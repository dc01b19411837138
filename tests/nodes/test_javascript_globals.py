"""What scripts find besides the language: the console, timers, URLs, text, `fetch`."""

from __future__ import annotations

import time
from typing import Any

import pytest

from batches.events import LogLine
from tests.conftest import RunSteps
from tests.nodes.scripts import failed, returned, script
from tests.site.api import Api


async def logged(run_steps: RunSteps, code: str, **options: Any) -> list[str]:
    outcome = await run_steps(script(code), open_browser=False, **options)
    assert outcome.error is None
    return outcome.log


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("console.log('plain', 'text')", "plain text"),
        ("console.log({a: 1, b: [1, 'x', null, undefined]})", "{ a: 1, b: [ 1, 'x', null, undefined ] }"),
        ("console.log('%s is %d, %j', 'a', 42.5, {b: 1})", 'a is 42.5, {"b":1}'),
        ("console.log(new Map([[1, {a: {b: {c: 1}}}]]))", "Map(1) { 1 => { a: { b: [Object] } } }"),
        ("console.log([1.5, true], /x/g, new Date(0))", "[ 1.5, true ] /x/g 1970-01-01T00:00:00.000Z"),
        (
            "console.log(class A {}, function f() {}, Symbol('s'), 10n)",
            "[class A] [Function: f] Symbol(s) 10n",
        ),
        ("console.log(new Error('boo'))", "Error: boo\n    at script:1:13"),
        ("console.log(new URLSearchParams('a=1'))", "URLSearchParams { 'a' => '1' }"),
        ("console.log(Buffer.from('hi'))", "<Buffer 68 69>"),
        ("const o = {}; o.o = o; console.log(o)", "<ref *1> { o: [Circular *1] }"),
        ("console.log()", ""),
        ("console.group('G'); console.log('in'); console.groupEnd(); console.log('out')", "out"),
        ("console.assert(1 === 2, 'sum')", "Assertion failed: sum"),
        ("console.count(); console.count()", "default: 2"),
        (
            "console.table([{a: 1}, {a: 'x'}])",
            "┌─────────┬─────┐\n│ (index) │ a   │\n├─────────┼─────┤\n│ 0       │ 1   │\n│ 1       │ 'x' │\n└─────────┴─────┘",
        ),
    ],
)
async def test_the_console_writes_into_the_log(run_steps: RunSteps, code: str, line: str) -> None:
    assert (await logged(run_steps, code))[-1] == line


async def test_each_console_method_has_its_level(run_steps: RunSteps) -> None:
    code = "for (const m of ['log', 'info', 'debug', 'warn', 'error']) console[m](m)"
    outcome = await run_steps(script(code), open_browser=False, trace_logs=True)

    found = [(event.message, event.level) for event in outcome.events if isinstance(event, LogLine)]
    levels = ("info", "info", "debug", "warning", "error")
    assert found[-5:] == list(zip(("log", "info", "debug", "warn", "error"), levels, strict=True))


async def test_a_flood_of_lines_is_cut(run_steps: RunSteps) -> None:
    log = await logged(
        run_steps, "for (let i = 0; i < 5000; i++) console.log(i); console.log('x'.repeat(1e5))"
    )

    assert len(log) == 2001
    assert log[-1] == "The script wrote 2000 lines; the rest is left out"


async def test_timers(run_steps: RunSteps) -> None:
    code = """
        const order = [];
        const never = setTimeout(() => order.push('never'), 1); clearTimeout(never);
        setTimeout((a, b) => order.push(a + b), 5, 'ti', 'mer'); setImmediate(() => order.push('immediate'));
        queueMicrotask(() => order.push('micro'));
        await new Promise(resolve => { let n = 0; const t = setInterval(() => { if (++n === 3) { clearInterval(t); resolve() } }, 1) });
        await new Promise(resolve => setTimeout(resolve, 20));
        return order"""

    assert await returned(run_steps, code) == ["micro", "immediate", "timer"]


async def test_what_a_timer_throws_is_logged(run_steps: RunSteps) -> None:
    code = "setTimeout(() => { throw new Error('late') }, 1); await new Promise(r => setTimeout(r, 10)); return 1"
    outcome = await run_steps(script(code), open_browser=False)

    assert outcome.data["result"] == 1
    assert outcome.log[-1].startswith("Uncaught Error: late\n    at ")


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("return new URL('https://ünï.de:443/ä/../b?x=ö#h').href", "https://xn--n-nga1b.de/b?x=%C3%B6#h"),
        ("return new URL('../c?d', 'http://h/a/b/').pathname", "/a/c"),
        ("return [...new URLSearchParams({a: 1, b: 'x y'})].join() + URL.canParse('x y')", "a,1,b,x yfalse"),
        ("return new TextDecoder().decode(new TextEncoder().encode('€😀')).length", 3),
        ("return new TextDecoder('utf-16le').decode(new Uint8Array([65, 0, 66, 0]))", "AB"),
        ("return new TextDecoder('latin1').decode(new Uint8Array([0xe4, 0x80]))", "ä€"),
        ("return btoa('hello') + atob('d29ybGQ=')", "aGVsbG8=world"),
        ("return Buffer.from('héllo').toString('base64') + Buffer.from('6869', 'hex')", "aMOpbGxvhi"),
        ("return Buffer.concat([Buffer.from('a'), Buffer.alloc(1)]).length", 2),
        ("const a = {d: new Date(5)}; a.o = a; const b = structuredClone(a); return [b !== a, b.o === b, +b.d]", [True, True, 5]),
        ("return structuredClone(new Map([[1, new Set([2])]])).get(1).has(2)", True),
        ("try { structuredClone(() => 1) } catch (e) { return e.name }", "DataCloneError"),
        ("return /^[0-9a-f-]{36}$/.test(crypto.randomUUID()) && crypto.getRandomValues(new Uint8Array(4)).length", 4),
        ("return typeof performance.now() + typeof globalThis + (global === globalThis)", "numberobjecttrue"),
        ("return new Intl.NumberFormat('de-DE').format(1234.5)", "1.234,5"),
        ("return new Date(0).toLocaleString('en-GB', {timeZone: 'Asia/Tokyo'})", "01/01/1970, 09:00:00"),
        ("return ['x'].at(-1)?.padStart(2) + `${[3, 1].toSorted()}` + 'aXb'.match(/x/iu).index", " x1,31"),
        ("return [typeof require, typeof process, typeof module, typeof __dirname].join()", "undefined," * 3 + "undefined"),
        ("const c = new AbortController(); c.signal.onabort = () => {}; c.abort(); return c.signal.aborted", True),
        ("return new Response('{\"a\":1}', {status: 201}).json()", {"a": 1}),
        ("return [...new Headers([['B', '2'], ['a', '1'], ['b', '3']])]", [["a", "1"], ["b", "2, 3"]]),
        ("return new Blob(['ab', new Uint8Array([99])]).text()", "abc"),
    ],
)  # fmt: skip
async def test_globals(run_steps: RunSteps, code: str, value: Any) -> None:
    assert await returned(run_steps, code) == value


async def test_fetch(run_steps: RunSteps, site_url: str) -> None:
    code = f"""
        const site = '{site_url}';
        const echo = await fetch(`${{site}}/echo?x=1`, {{headers: {{'X-A': 'b'}}}});
        const json = await echo.clone().json();
        const missing = await fetch(new URL('/status/404', site));
        const moved = await fetch(`${{site}}/redirect?to=/echo`);
        const still = await fetch(`${{site}}/redirect?to=/echo`, {{redirect: 'manual'}});
        return [echo.status, echo.ok, echo.headers.get('Content-Type'), json.query, json.headers['x-a'],
                missing.status, missing.ok, missing.statusText, (await missing.text()).includes('404'),
                moved.redirected, moved.url.endsWith('/echo'), still.status, (await echo.arrayBuffer()).byteLength > 0]"""

    assert await returned(run_steps, code) == [
        200, True, "application/json; charset=utf-8", {"x": "1"}, "b", 404, False, "Not Found", True, True, True, 302, True,
    ]  # fmt: skip


async def test_fetch_sends_bodies(run_steps: RunSteps, api: Api) -> None:
    code = f"""
        const send = (body, init) => fetch('{api.url}/echo', {{method: 'POST', body, ...init}});
        const form = new FormData(); form.append('a', 'ä'); form.append('f', new File(['xy'], 'n.txt', {{type: 'text/plain'}}));
        await send(JSON.stringify({{a: 1}}), {{headers: {{'Content-Type': 'application/json'}}}});
        await send(new URLSearchParams({{q: 'a b'}})); await send(form); await send(new Uint8Array([0, 255]));"""
    await returned(run_steps, code)

    bodies = [(item.header("Content-Type") or "", item.body) for item in api.received]
    assert bodies[0] == ("application/json", b'{"a":1}')
    assert bodies[1] == ("application/x-www-form-urlencoded;charset=UTF-8", b"q=a+b")
    assert bodies[2][0].startswith("multipart/form-data; boundary=")
    assert b'name="f"; filename="n.txt"\r\nContent-Type: text/plain\r\n\r\nxy\r\n' in bodies[2][1]
    assert bodies[3][1] == b"\x00\xff"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc/hostname", "only call http and https"),
        ("http://127.0.0.1:9/", "fetch failed"),
        ("not a url", "Invalid URL"),
    ],
)
async def test_fetch_reaches_nothing_else(run_steps: RunSteps, url: str, message: str) -> None:
    outcome = await failed(run_steps, f"await fetch('{url}')")

    assert outcome.error is not None
    assert message in outcome.error.message


async def test_fetch_obeys_the_network_policy(run_steps: RunSteps, site_url: str) -> None:
    code = f"return fetch('{site_url}/echo').catch(error => [error.name, error.message])"
    name, message = await returned(run_steps, code, reachable_hosts=("example.com",))

    assert name == "TypeError"
    assert "not among the allowed hosts" in message


async def test_fetch_can_be_aborted(run_steps: RunSteps, site_url: str) -> None:
    code = f"return fetch('{site_url}/slow?ms=60000', {{signal: AbortSignal.timeout(20)}}).catch(error => error.name)"
    before = time.monotonic()

    assert await returned(run_steps, code) == "TimeoutError"
    assert time.monotonic() - before < 60
