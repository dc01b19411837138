"""Scripts as published workflow files have them, several in one workflow, on a real page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunWorkflow
from tests.running import Outcome, chain, node, workflow

pytestmark = pytest.mark.browser

LOGIN = """
<!doctype html><title>Login</title>
<form id="login" onsubmit="return enter(event)">
  <label for="username">User</label><input id="username" name="username" autocomplete="off">
  <label for="password">Password</label><input id="password" type="password">
  <select id="role"><option value="">-</option><option value="admin">Admin</option></select>
  <label><input type="checkbox" id="remember"> Remember me</label>
  <button type="submit">Sign in</button>
</form>
<p id="error" hidden></p>
<ul class="list"></ul>
<script>
  function enter(event) {
    event.preventDefault();
    const name = document.getElementById('username').value, word = document.getElementById('password').value;
    setTimeout(() => {
      if (word !== 'secret') {
        const error = document.getElementById('error');
        error.hidden = false;
        error.textContent = `Wrong password for ${name}`;
        return;
      }
      history.pushState(null, '', '#/home?user=' + name);
      document.title = 'Home';
      document.body.innerHTML = '<h1>Welcome, ' + name + '!</h1><div class="card" data-id="1"><span>Ana 12,50 EUR'
        + '</span></div><div class="card" data-id="2"><span>Bob 7,00 EUR</span></div><button>Log out</button>';
    }, 60);
    return false;
  }
</script>
"""


def script(name: str, code: str, **more: Any) -> dict[str, Any]:
    return node(name, "javascriptCode", code=code, **more)


async def run(run_workflow: RunWorkflow, *codes: str, **options: Any) -> Outcome:
    """Run scripts one after the other on the login page; the last one's result is that of the run."""
    start = [node("start", "start"), node("open", "openBrowser")]
    page = node("page", "playwright", method="setContent", arguments=[LOGIN])
    steps = [script(f"js{number}", code) for number, code in enumerate(codes, 1)]
    return await run_workflow(chain(*start, page, *steps), **options)


async def result(run_workflow: RunWorkflow, *codes: str, **options: Any) -> Any:
    outcome = await run(run_workflow, *codes, **options)
    assert outcome.error is None, outcome.error
    return outcome.data.get("result")


async def test_a_login_with_checks_on_the_way(run_workflow: RunWorkflow) -> None:
    login = """
        const page = context.page;
        console.log('Current URL:', page.url());
        if (page.url().includes('#/home')) { return { skipped: true }; }
        const user = context.getVariable('user') || 'guest_' + Math.random().toString(36).substring(2, 8);
        context.setVariable('user', user);
        await page.fill('#username', user, { timeout: 5000 });
        await page.fill('#password', 'secret');
        await page.selectOption('#role', 'admin').catch(() => null);
        await page.locator('#remember').check();
        const visible = await page.locator('.popup, .modal:has-text("Cookies")').isVisible().catch(() => false);
        if (visible) await page.locator('.popup button').first().click();
        await page.press('#password', 'Enter');
        await page.waitForTimeout(50);
        await page.waitForFunction(() => document.title === 'Home');
        return { url: page.url(), visible, title: await page.title() };
    """
    cards = """
        const { page } = context;
        const items = [];
        for (const card of await page.locator('.card').all()) {
            const text = (await card.textContent())?.trim() ?? '';
            const match = text.match(/^(?<name>\\p{L}+)\\s+(\\d+),(\\d{2})\\s*EUR$/u);
            items.push({ id: await card.getAttribute('data-id'), name: match?.groups?.name, price: Number(`${match[2]}.${match[3]}`) });
        }
        context.setData('items', items);
        const total = items.reduce((sum, { price }) => sum + price, 0);
        console.log('Items', items, 'total', total);
        context.setVariable('total', total.toFixed(2));
        return items.map(item => item?.name?.toUpperCase());
    """
    outcome = await run(run_workflow, login, cards, variables={"user": "ada"})

    assert outcome.error is None, outcome.error
    assert outcome.data["result"] == ["ANA", "BOB"]
    assert outcome.data["items"] == [
        {"id": "1", "name": "Ana", "price": 12.5},
        {"id": "2", "name": "Bob", "price": 7},
    ]
    assert outcome.variables["total"] == "19.50"
    assert "Current URL: about:blank" in outcome.log
    assert (
        "Items [\n  { id: '1', name: 'Ana', price: 12.5 },\n  { id: '2', name: 'Bob', price: 7 }\n] total 19.5"
        in outcome.log
    )


async def test_an_error_message_is_read_and_thrown(run_workflow: RunWorkflow) -> None:
    code = """
        const page = context.page;
        await page.fill('#username', 'bob');
        await page.fill('#password', 'wrong');
        await Promise.all([
            page.waitForSelector('#error', { state: 'visible' }),
            page.click('button[type=submit]'),
        ]);
        const text = await page.textContent('#error');
        if (/wrong/i.test(text)) throw new Error(`Login failed: ${text.replace(/\\s+/g, ' ')}`);
    """
    outcome = await run(run_workflow, code)

    assert outcome.error is not None
    assert outcome.error.message == "JavaScript execution error: Login failed: Wrong password for bob"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return context.page.url().length", 11),
        ("return typeof context.page.url", "function"),
        ("return await context.page.evaluate(({a}) => a, {a: 1})", 1),
        ("return await context.page.evaluate(([a, b]) => a + b, [1, 2])", 3),
        ("return await context.page.evaluate(function (x) { return x * 2 }, 21)", 42),
        (
            "return await context.page.evaluate(async () => { await null; return [...document.forms].length })",
            1,
        ),
        ("return await context.page.evaluate(() => window.nothing?.at?.all ?? 'none')", "none"),
        ("const twice = x => x * 2; return await context.page.evaluate(twice, 4)", 8),
        (
            (
                "const isShown = async s => await context.page.locator(s).isVisible().catch(() => false);"
                "return [await isShown('#login'), await isShown('#error'), await isShown('#nowhere')]"
            ),
            [True, False, False],
        ),
        (
            (
                "const [title, count, html] = await Promise.all([context.page.title(),"
                "context.page.locator('input').count(), context.page.innerHTML('#role')]);"
                "return [title, count, html.includes('Admin')]"
            ),
            ["Login", 3, True],
        ),
        (
            (
                "const found = await Promise.allSettled([context.page.textContent('#nowhere', {timeout: 50}),"
                "context.page.title()]); return found.map(item => [item.status, item.value ?? item.reason.name])"
            ),
            [["rejected", "TimeoutError"], ["fulfilled", "Login"]],
        ),
        (
            (
                "const first = await Promise.race([context.page.waitForSelector('#nowhere', {timeout: 5000})"
                ".catch(() => 'no'), context.page.waitForTimeout(20).then(() => 'late')]); return first"
            ),
            "late",
        ),
        (
            (
                "async function* walk() { for (const name of ['#username', '#password'])"
                " yield await context.page.locator(name).getAttribute('type') }"
                " const types = []; for await (const type of walk()) types.push(type); return types"
            ),
            [None, "password"],
        ),
        (
            (
                "const types = []; for await (const input of await context.page.locator('input').all())"
                " types.push(await input.evaluate(element => element.type)); return types"
            ),
            ["text", "password", "checkbox"],
        ),
        (
            (
                "try { await context.page.click('#nowhere', {timeout: 60}); return 'clicked' }"
                " catch (error) { return [error.name, error.message.includes('#nowhere'), error instanceof Error] }"
            ),
            ["TimeoutError", True, True],
        ),
        (
            "const data = context.getData('nothing') ?? {}; return data.deep?.er?.[0]?.() ?? 'none'",
            "none",
        ),
        (
            (
                "const texts = await context.page.$$eval('label', all => all.map(one => one.innerText.trim()));"
                " return texts.filter(Boolean).sort((a, b) => a.localeCompare(b))"
            ),
            ["Password", "Remember me", "User"],
        ),
        (
            "const box = await context.page.$('#remember'); await box.click(); return await box.isChecked()",
            True,
        ),
        (
            "const handles = await context.page.$$('input'); return handles.length",
            3,
        ),
        (
            (
                "await context.page.locator('#username').fill('x'); await context.page.keyboard.press('Tab');"
                "await context.page.keyboard.type('geheim', {delay: 1});"
                "return await context.page.inputValue('#password')"
            ),
            "geheim",
        ),
        (
            (
                "const until = Date.now() + 2000; let n = 0;"
                "while (Date.now() < until && !(await context.page.evaluate(() => (window.tries = (window.tries ?? 0) + 1) >= 3))) n++;"
                "return n"
            ),
            2,
        ),
        (
            (
                "await new Promise(resolve => setTimeout(resolve, 5));"
                "const sleep = ms => new Promise(r => setTimeout(r, ms)); await sleep(5); return 'slept'"
            ),
            "slept",
        ),
        (
            (
                "const seen = new Map([['a', 1]]); const unique = new Set([1, 1, 2]);"
                "return { ...Object.fromEntries(seen), size: unique.size, list: [...unique], json: JSON.stringify({a: [1]}) }"
            ),
            {"a": 1, "size": 2, "list": [1, 2], "json": '{"a":[1]}'},
        ),
        (
            (
                "const price = '1.234,50 \\u20ac'.replace(/[^\\d,]/g, '').replace(',', '.');"
                "return [parseFloat(price), 'a-b_c'.split(/[-_]/), 'x1y22'.match(/\\d+/g), [...'a1b2'.matchAll(/[a-z](\\d)/g)].map(m => m[1])]"
            ),
            [1234.5, ["a", "b", "c"], ["1", "22"], ["1", "2"]],
        ),
        (
            (
                "const id = Array.from({length: 8}, () => Math.floor(Math.random() * 16).toString(16)).join('');"
                "return /^[0-9a-f]{8}$/.test(id)"
            ),
            True,
        ),
        (
            (
                "const when = new Date(Date.UTC(2024, 0, 31)); when.setUTCDate(when.getUTCDate() + 1);"
                "return [when.toISOString().split('T')[0], new Intl.NumberFormat('en-US').format(1234.5)]"
            ),
            ["2024-02-01", "1,234.5"],
        ),
        ("return await context.page.locator('#role option').allTextContents()", ["-", "Admin"]),
        ("return (await context.page.content()).includes('<form id=\"login\"')", True),
        ("return await context.page.getByRole('button', { name: /sign/i }).innerText()", "Sign in"),
        ("return await context.page.frameLocator('iframe').locator('p').count()", 0),
        ("return context.page.context().pages().length", 1),
        ("return context.page.viewportSize()", {"width": 1280, "height": 720}),
        (
            (
                "const [popup] = await Promise.all([context.page.waitForEvent('popup'),"
                " context.page.evaluate(() => { window.open('about:blank') })]); const n ="
                " context.page.context().pages().length; await popup.close(); return n"
            ),
            2,
        ),
        (
            (
                "context.page.once('dialog', dialog => dialog.accept('Ada'));"
                "return await context.page.evaluate(() => prompt('Name?'))"
            ),
            "Ada",
        ),
        (
            (
                "const lines = []; context.page.on('console', message => lines.push(`${message.type()}: ${message.text()}`));"
                "await context.page.evaluate(() => console.warn('careful', 5)); await context.page.waitForTimeout(50);"
                "return lines"
            ),
            ["warning: careful 5"],
        ),
        (
            (
                "await context.page.exposeFunction('double', x => x * 2);"
                "return await context.page.evaluate(() => window.double(21))"
            ),
            42,
        ),
        (
            (
                "await context.page.route('**/api/**', route => route.fulfill({ json: { ok: true } }));"
                "return await context.page.evaluate(async () => (await fetch('http://shop.test/api/x')).json()).catch(e => String(e))"
            ),
            {"ok": True},
        ),
    ],
)
async def test_a_script(run_workflow: RunWorkflow, code: str, expected: Any) -> None:
    assert await result(run_workflow, code) == expected


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("console.log({a: 1, b: {c: [1, 2]}})", "{ a: 1, b: { c: [ 1, 2 ] } }"),
        ("console.log('Found', [{name: 'x', tags: []}])", "Found [ { name: 'x', tags: [] } ]"),
        ("console.log(`n=${1 + 1}`, null, undefined, true)", "n=2 null undefined true"),
        ("console.log(new Error('bad').message)", "bad"),
        ("console.log('%s has %d', 'cart', 3)", "cart has 3"),
        ("console.log(JSON.stringify({a: [1]}, null, 1))", '{\n "a": [\n  1\n ]\n}'),
    ],
)
async def test_what_is_logged_reads_well(run_workflow: RunWorkflow, code: str, line: str) -> None:
    outcome = await run(run_workflow, code)

    assert outcome.error is None
    assert line in outcome.log


async def test_scripts_in_a_loop_with_a_branch(run_workflow: RunWorkflow) -> None:
    case = {
        "id": "case-long",
        "label": "long",
        "condition": {
            "type": "javascript",
            "javascriptExpression": "(context.getVariable('item')?.name?.length ?? 0) > 3 && context.data.seen !== undefined",
        },
    }
    note = "context.setData('long', [...(context.getData('long') || []), context.getVariable('item').name]);"
    count = """
        const item = context.getVariable('item');
        const seen = context.getData('seen') || [];
        seen.push(`${context.getVariable('index')}:${item.name}`);
        context.setData('seen', seen);
    """
    document = workflow(
        [
            node("start", "start"),
            script("make", "context.setData('people', ['Ana', 'Robert', 'Joe', 'Maria'].map((name, i) => ({ name, i })));"),
            node("each", "loop", mode="forEach", arrayVariable="people"),
            script("count", count),
            node("which", "switch.switch", cases=[case], defaultCase={"label": "short"}),
            script("note", note),
            script("end", "return context.getData('long').join() + ' of ' + context.data.seen.length"),
        ],
        [
            ("start", "make"),
            ("make", "each"),
            ("each", "count", "output"),
            ("count", "which"),
            ("which", "note", "case-long"),
            ("each", "end", "loopComplete"),
        ],
    )  # fmt: skip
    outcome = await run_workflow(document)

    assert outcome.error is None
    assert outcome.data["result"] == "Robert,Maria of 4"
    assert outcome.data["seen"] == ["0:Ana", "1:Robert", "2:Joe", "3:Maria"]


async def test_helpers_of_other_hosts_that_files_look_for(run_workflow: RunWorkflow) -> None:
    """Files written for a server of JavaScript ask for what it has before they use it."""
    code = """
        const hasRequire = typeof require !== 'undefined';
        const stage = typeof process !== 'undefined' ? (process.env?.STAGE ?? 'none') : 'none';
        const encoded = typeof Buffer !== 'undefined' ? Buffer.from('ab').toString('base64') : btoa('ab');
        return { hasRequire, stage, encoded, url: new URL('/a?b=1', 'https://x.test').searchParams.get('b') };
    """
    assert await result(run_workflow, code) == {
        "hasRequire": False,
        "stage": "none",
        "encoded": "YWI=",
        "url": "1",
    }
