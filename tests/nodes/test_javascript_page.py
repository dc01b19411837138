"""`context.page`: the browser library under its JavaScript names (workflow-format.md, section 14.2)."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import playwright
import pytest

from nodes.script.api import description, js_name, python_name
from tests.conftest import RunSteps, RunWorkflow
from tests.nodes.scripts import failed, returned, script
from tests.running import node, workflow

pytestmark = pytest.mark.browser

HTML = """
<title>Shop</title>
<h1>Cart</h1>
<ul><li class=item>Apple <b>1</b></li><li class=item>Pear <b>2</b></li><li class=item>Fig <b>3</b></li></ul>
<label>Name <input id=name value=Ada placeholder="Your name" data-testid=who></label>
<select id=size><option value=s>Small</option><option value=m>Medium</option></select>
<select id=many multiple><option>a</option><option>b</option><option>c</option></select>
<input id=box type=checkbox><input id=file type=file>
<button title=Send onclick="console.log('clicked', 1); this.textContent += '!'">Go</button>
<button onclick="setTimeout(() => document.body.append('Late'), 50)">Wait</button>
<img alt=Logo><div id=empty></div><iframe name=inner srcdoc="<p id=p>Inside</p>"></iframe>
"""


async def on_page(run_steps: RunSteps, code: str, **options: Any) -> Any:
    """What a script returns whose page holds `HTML`."""
    setup = f"const {{page}} = context; await page.setContent({HTML!r});\n"
    return await returned(run_steps, setup + code, open_browser=True, **options)


async def test_calls_of_published_workflows(run_steps: RunSteps, site_url: str) -> None:
    code = f"""
        await context.page.goto('{site_url}/action-form.html');
        const url = context.page.url();
        const found = await context.page.locator('#nope').isVisible().catch(() => false);
        await context.page.fill('#name', 'text', {{timeout: 1000}});
        await context.page.selectOption('#colour', 'g');
        await context.page.press('#spied', 'Enter');
        const hidden = await context.page.locator('p:has-text("Green"), #none').first().isVisible();
        await context.page.locator('#name').dblclick({{timeout: 1000}});
        return {{
            url, found, hidden,
            html: (await context.page.content()).startsWith('<!DOCTYPE html>'),
            body: (await context.page.textContent('#chosen')),
            value: await context.page.$eval('#name', element => element.value),
            scan: await context.page.evaluate(list => list.map(id => document.getElementById(id)?.tagName), ['name', 'x', 'box']),
            keys: await context.page.textContent('#events'),
        }}"""
    result = await returned(run_steps, code, open_browser=True)

    assert result == {
        "url": f"{site_url}/action-form.html",
        "found": False,
        "hidden": True,
        "html": True,
        "body": "Green",
        "value": "text",
        "scan": ["INPUT", None, "INPUT"],
        "keys": "Enter,",
    }


async def test_locators(run_steps: RunSteps) -> None:
    code = r"""
        const items = page.locator('.item');
        const texts = locator => locator.allTextContents();
        return {
            count: await items.count(),
            first: await items.first().textContent(),
            last: await items.last().locator('b').innerText(),
            nth: await items.nth(1).innerHTML(),
            filtered: await texts(items.filter({hasText: /^p/i})),
            without: await items.filter({hasNotText: 'Apple', has: page.locator('b', {hasText: '2'})}).count(),
            and: await items.and(page.getByText('Fig')).count(),
            or: await page.locator('h1').or(page.locator('#empty')).count(),
            all: await Promise.all((await items.all()).map(item => item.textContent())),
            role: await page.getByRole('button', {name: 'Go', exact: true}).count(),
            roleRegex: await page.getByRole('heading', {name: /c\w+T/i, level: 1}).textContent(),
            text: await page.getByText('Apple').count(),
            label: await page.getByLabel('Name').inputValue(),
            placeholder: await page.getByPlaceholder(/your/i).count(),
            testId: await page.getByTestId('who').getAttribute('value'),
            title: await page.getByTitle('Send').isEnabled(),
            alt: await page.getByAltText('Logo').count(),
            xpath: await page.locator('xpath=//li[2]').count(),
            unicode: await page.getByText(/\u{46}[\u0069]g/u).count(),
            frame: await page.frameLocator('iframe').locator('#p').textContent(),
            contentFrame: await page.locator('iframe').contentFrame().getByText('Inside').count(),
            evaluated: await items.evaluateAll((elements, more) => elements.length + more, 10),
            element: await items.first().evaluate((element, suffix) => element.className + suffix, '!'),
            none: await page.locator('#empty').getAttribute('class'),
            box: Object.keys(await page.locator('h1').boundingBox()),
            samePage: items.page() === page,
            chained: await page.locator('ul').locator('li').nth(-1).locator('..').evaluate(e => e.tagName),
        }"""

    assert await on_page(run_steps, code) == {
        "count": 3, "first": "Apple 1", "last": "3", "nth": "Pear <b>2</b>", "filtered": ["Pear 2"], "without": 1,
        "and": 1, "or": 2, "all": ["Apple 1", "Pear 2", "Fig 3"], "role": 1, "roleRegex": "Cart", "text": 1, "label": "Ada",
        "placeholder": 1, "testId": "Ada", "title": True, "alt": 1, "xpath": 1, "unicode": 1, "frame": "Inside",
        "contentFrame": 1, "evaluated": 13, "element": "item!", "none": None, "box": ["x", "y", "width", "height"],
        "samePage": True, "chained": "UL",
    }  # fmt: skip


async def test_input(run_steps: RunSteps) -> None:
    code = """
        const value = selector => page.inputValue(selector);
        const chosen = () => page.$$eval('#many option:checked', options => options.map(option => option.value));
        const out = [];
        await page.fill('#name', ''); await page.locator('#name').pressSequentially('ab', {delay: 1});
        await page.keyboard.press('Home'); await page.keyboard.type('x'); await page.keyboard.down('Shift');
        await page.keyboard.press('KeyC'); await page.keyboard.up('Shift'); out.push(await value('#name'));
        out.push(await page.selectOption('#size', 'm'), await page.selectOption('#size', {label: 'Small'}));
        out.push(await page.locator('#size').selectOption({index: 1}), await value('#size'));
        await page.selectOption('#many', ['a', {label: 'c'}], {timeout: 1000}); out.push(await chosen());
        await page.selectOption('#many', []); out.push(await chosen());
        await page.check('#box'); out.push(await page.isChecked('#box')); await page.locator('#box').setChecked(false);
        out.push(await page.locator('#box').isChecked());
        await page.setInputFiles('#file', {name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('hello')});
        out.push(await page.evaluate(() => document.querySelector('#file').files[0].text()));
        await page.click('text=Go', {clickCount: 2, button: 'left', position: {x: 2, y: 2}});
        out.push(await page.locator('button').first().textContent());
        const box = await page.locator('#box').boundingBox();
        await page.mouse.move(box.x + 3, box.y + 3, {steps: 2}); await page.mouse.down(); await page.mouse.up();
        await page.mouse.wheel(0, 10); out.push(await page.isChecked('#box'));
        await page.locator('#name').focus(); await page.locator('#name').blur(); await page.hover('h1');
        await page.dispatchEvent('#box', 'click', {bubbles: true}); out.push(await page.isChecked('#box'));
        return out"""

    assert await on_page(run_steps, code) == [
        "xCab", ["m"], ["s"], ["m"], "m", ["a", "c"], [], True, False, "hello", "Go!!", True, False,
    ]  # fmt: skip


async def test_values_to_and_from_the_page(run_steps: RunSteps) -> None:
    code = """
        const o = {method() { return 'method' }, async later() { return 'later' }};
        const handle = await page.evaluateHandle(() => ({deep: {x: 1}}));
        const body = await page.$('body');
        return [
            await page.evaluate('1 + 1'), await page.evaluate('() => 7'), await page.evaluate(([a, b]) => a * b, [3, 4]),
            await page.evaluate(() => undefined) === undefined, await page.evaluate(() => null),
            await page.evaluate((value = 'default') => value), await page.evaluate(o.method), await page.evaluate(o.later),
            await page.evaluate(given => [given.d.getTime(), Number.isNaN(given.n), 'u' in given, given.z],
                                {d: new Date(5), n: NaN, u: undefined, z: null}),
            (await page.evaluate(() => new Date(9))).getTime(), await page.evaluate(() => [NaN, -Infinity].map(String)),
            await page.evaluate(handle => handle.deep.x, handle), await handle.evaluate(value => value.deep),
            await (await handle.getProperty('deep')).jsonValue(), await page.evaluate(e => e.tagName, body),
            body.asElement() === body, await body.$eval('h1', e => e.textContent), await body.$$eval('li', l => l.length),
            (await page.$$('li')).length, await page.$('nothing'), await page.locator('nothing').count(),
        ]"""

    assert await on_page(run_steps, code) == [
        2, 7, 12, True, None, "default", "method", "later", [5, True, False, None], 9, ["NaN", "-Infinity"], 1, {"x": 1},
        {"x": 1}, "BODY", True, "Cart", 3, 3, None, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        ("page.click('#no', {timeout: 50})", "TimeoutError",
         "page.click: Timeout 50ms exceeded.\nCall log:\n  - waiting for locator('#no')"),
        ("page.locator('#no').click({timeout: 50})", "TimeoutError", "locator.click: Timeout 50ms exceeded."),
        ("page.waitForSelector('#no', {timeout: 50})", "TimeoutError", "page.waitForSelector: Timeout 50ms exceeded."),
        ("page.waitForFunction(() => false, null, {timeout: 50})", "TimeoutError", "page.waitForFunction: Timeout 50ms"),
        ("page.waitForEvent('popup', {timeout: 50})", "TimeoutError",
         'page.waitForEvent: Timeout 50ms exceeded while waiting for event "popup"'),
        ("page.locator('li').click({timeout: 5000})", "Error",
         "locator.click: Error: strict mode violation: locator('li') resolved to 3 elements:"),
        ("page.$eval('#no', e => e)", "Error", 'page.$eval: Failed to find element matching selector "#no"'),
        ("page.evaluate(() => missing.thing)", "Error", "page.evaluate: ReferenceError: missing is not defined"),
        ("page.fill('#name')", "Error", "page.fill: value: expected string, got undefined"),
        ("page.fill('#name', 5)", "Error", "page.fill: value: expected string, got number"),
        ("page.click()", "Error", "page.click: selector: expected string, got undefined"),
        ("page.goto('http://127.0.0.1:9/')", "Error", "page.goto: net::ERR_"),
        ("page.getByText(/\\p{L}/u).count()", "Error", "locator.count: /\\p{L}/u: Unicode properties"),
        ("page.evaluate(parseInt)", "Error", "page.evaluate: Passed function is not well-serializable!"),
    ],
)  # fmt: skip
async def test_errors_have_their_real_messages(
    run_steps: RunSteps, call: str, name: str, message: str
) -> None:
    code = f"try {{ await {call} }} catch (e) {{ return [e.name, e.message, e instanceof Error, e.stack.includes('script:')] }}"
    result = await on_page(run_steps, code)

    assert result[0] == name
    assert result[1].startswith(message)
    assert result[2:] == [True, True]


async def test_what_does_not_exist_is_no_function(run_steps: RunSteps) -> None:
    outcome = await failed(run_steps, "await context.page.clickk('a')", open_browser=True)

    assert outcome.error is not None
    assert outcome.error.message == "JavaScript execution error: context.page.clickk is not a function"


async def test_a_rejection_nobody_catches_fails_the_node(run_steps: RunSteps) -> None:
    outcome = await failed(run_steps, "await context.page.click('#no', {timeout: 50})", open_browser=True)

    assert outcome.error is not None
    assert outcome.error.code == "SCRIPT_FAILED"
    assert outcome.error.message.startswith("JavaScript execution error: page.click: Timeout 50ms exceeded.")
    assert outcome.error.screenshot is not None


async def test_waiting(run_steps: RunSteps, site_url: str) -> None:
    code = f"""
        const site = '{site_url}';
        await page.getByRole('button', {{name: 'Wait'}}).click();
        await page.getByText('Late').waitFor({{state: 'attached', timeout: 10000}});
        await page.waitForTimeout(1);
        const out = [(await page.waitForSelector('h1')).constructor.name];
        await page.waitForFunction(least => document.body.innerText.length > least, 3);
        const [message] = await Promise.all([page.waitForEvent('console'), page.click('text=Go')]);
        out.push(message.text(), message.type(), await message.args()[1].jsonValue());
        const [popup] = await Promise.all([page.waitForEvent('popup'), page.evaluate(() => {{ window.open('about:blank') }})]);
        out.push(popup.url(), page.context().pages().length, popup.isClosed()); await popup.close(); out.push(popup.isClosed());
        const [response] = await Promise.all([
            page.waitForResponse(response => response.url().endsWith('/echo') && response.ok()), page.goto(site + '/echo')]);
        out.push(response.status(), response.headers()['content-type'], (await response.json()).query, response.request().method());
        const [request] = await Promise.all([page.waitForRequest(/status\\/404/), page.goto(site + '/status/404')]);
        out.push(request.url().replace(site, ''), (await request.response()).statusText(), request.failure());
        await Promise.all([page.waitForURL('**/browser-frames.html'), page.goto(site + '/browser-frames.html')]);
        await page.evaluate(() => setTimeout(() => location.hash = 'x', 20)); await page.waitForURL(url => url.hash === '#x');
        await page.evaluate(() => setTimeout(() => location.hash = 'y', 20)); await page.waitForURL(/#y$/);
        await page.waitForLoadState('domcontentloaded'); await page.waitForLoadState();
        return [...out, page.url().slice(-2)]"""

    assert await on_page(run_steps, code) == [
        "ElementHandle", "clicked 1", "log", 1, "about:blank", 2, False, True, 200, "application/json; charset=utf-8", {}, "GET",
        "/status/404", "Not Found", None, "#y",
    ]  # fmt: skip


async def test_frames(run_steps: RunSteps) -> None:
    code = """
        await page.frameLocator('iframe').locator('#p').waitFor();
        const frame = page.frame('inner') ?? page.frames()[1];
        const [main] = page.frames();
        return [frame.name(), frame.parentFrame() === page.mainFrame(), main === page.mainFrame(), main.childFrames().length,
                frame.page() === page, frame.isDetached(), await frame.textContent('#p'), await frame.evaluate(() => location.href),
                await (await frame.frameElement()).getAttribute('name'), page.frame({url: /nowhere/}),
                await frame.locator('#p').isVisible(), main.parentFrame()]"""

    assert await on_page(run_steps, code) == [
        "inner", True, True, 1, True, False, "Inside", "about:srcdoc", "inner", None, True, None,
    ]  # fmt: skip


async def test_listeners_and_routes(run_steps: RunSteps, site_url: str) -> None:
    code = f"""
        const site = '{site_url}', seen = [];
        const onConsole = message => seen.push(message.text());
        page.on('console', onConsole).once('console', message => seen.push('once ' + message.text()));
        await page.evaluate(() => {{ console.log('a'); console.log('b') }}); await page.waitForTimeout(20);
        page.off('console', onConsole); await page.evaluate(() => console.log('c')); await page.waitForTimeout(20);
        page.on('dialog', async dialog => {{ seen.push(dialog.type(), dialog.message(), dialog.defaultValue()); await dialog.accept('typed') }});
        seen.push(await page.evaluate(() => prompt('q', 'd'))); page.removeAllListeners('dialog');
        await page.goto(site + '/action-form.html');
        const get = path => page.evaluate(async path => {{ const r = await fetch(path); return [r.status, await r.text()] }}, path);
        await page.route('**/mock/*', route => route.fulfill({{status: 201, json: {{url: route.request().url().slice(-1)}}}}));
        await page.route(url => url.pathname === '/echo', async (route, request) =>
            route.continue({{headers: {{...request.headers(), 'x-added': request.method()}}}}));
        await page.route(/abort/, route => route.abort(), {{times: 1}});
        seen.push(await get('/mock/7'), JSON.parse((await get('/echo'))[1]).headers['x-added'], await get('/abort').catch(() => 'aborted'));
        await page.unrouteAll(); seen.push((await get('/mock/7'))[0]);
        await page.exposeFunction('add', (a, b) => a + b); seen.push(await page.evaluate(() => add(1, 2)));
        await page.exposeFunction('fails', async () => {{ throw new Error('from the script') }});
        seen.push(await page.evaluate(() => fails().catch(error => error.message)));
        await page.addInitScript(value => {{ window.injected = value }}, {{n: 1}}); await page.reload();
        seen.push(await page.evaluate('injected'));
        return seen"""

    assert await on_page(run_steps, code) == [
        "a", "once a", "b", "prompt", "q", "d", "typed", [201, '{"url":"7"}'], "GET", "aborted", 404, 3, "from the script", {"n": 1},
    ]  # fmt: skip


async def test_listeners_outlive_their_script(run_steps: RunSteps) -> None:
    listen = "context.page.on('dialog', async d => { context.setData('asked', d.message()); context.data.list.push(1); await d.accept() })"
    ask = "return context.page.evaluate(() => confirm('sure?'))"
    look = "return [context.getData('asked'), context.getData('list')]"
    outcome = await run_steps(script(listen), script(ask), script(look), data={"list": []})

    assert outcome.error is None
    assert outcome.data["result"] == ["sure?", [1]]


async def test_a_listener_whose_script_was_ended_does_not_hold_the_page(
    run_steps: RunSteps, site_url: str
) -> None:
    listen = """
        await context.page.route('**/*', route => route.continue());
        context.page.on('dialog', dialog => dialog.accept()); context.page.on('close', () => {});
        setTimeout(() => { while (true) {} }, 1)"""
    use = f"""
        await new Promise(resolve => setTimeout(resolve, 1));
        const asked = context.page.evaluate(() => confirm('sure?'));
        await context.page.goto('{site_url}/echo').catch(() => null);
        return Promise.race([asked.catch(() => 'gone'), 1])"""
    outcome = await run_steps(
        script(listen), script(use), script("return context.page.url()"), script_timeout_s=3
    )

    assert outcome.error is None
    assert outcome.data["result"] == f"{site_url}/echo"
    assert [line for line in outcome.log if line.startswith("Uncaught")] == []


async def test_calls_that_were_not_waited_for_go_on(run_workflow: RunWorkflow) -> None:
    forget = "context.page.evaluate(() => new Promise(r => setTimeout(r, 20, 'late'))).then(v => context.setVariable('v', v))"
    condition = {"type": "javascript", "javascriptExpression": "!context.getVariable('v')"}
    document = workflow(
        [
            node("start", "start"),
            node("browser", "openBrowser"),
            node("forget", "javascriptCode", code=forget),
            node("until", "loop", mode="doWhile", condition=condition),
            node("pause", "wait", waitType="timeout", value=20),
        ],
        [("start", "browser"), ("browser", "forget"), ("forget", "until"), ("until", "pause")],
    )
    outcome = await run_workflow(document)

    assert outcome.error is None
    assert outcome.variables["v"] == "late"


async def test_pictures_and_contexts(run_steps: RunSteps, site_url: str, tmp_path: Path) -> None:
    code = f"""
        const png = await page.screenshot({{clip: {{x: 0, y: 0, width: 4, height: 4}}}});
        const part = await page.locator('h1').screenshot({{path: 'shots/h1.png', mask: [page.locator('b')]}});
        await page.context().addCookies([{{name: 'c', value: '1', url: '{site_url}', httpOnly: true}}]);
        await page.setViewportSize({{width: 500, height: 400}}); await page.emulateMedia({{colorScheme: 'dark', media: null}});
        const state = await page.context().storageState();
        const answer = await page.request.get('{site_url}/echo', {{params: {{x: 1}}, headers: {{'X-H': 'y'}}}});
        return [png instanceof Uint8Array, Buffer.isBuffer(png), png.toString('base64').slice(0, 11), part.length > 0,
                (await page.context().cookies()).map(cookie => [cookie.name, cookie.httpOnly]), page.viewportSize(),
                await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches), state.cookies.length,
                answer.status(), (await answer.json()).query, typeof page.context().browser().version(),
                typeof page.context().browser().close, page.video(), page.isClosed()]"""
    result = await on_page(run_steps, code)

    assert result == [
        True, True, "iVBORw0KGgo", True, [["c", True]], {"width": 500, "height": 400}, True, 1, 200, {"x": "1"}, "string",
        "undefined", None, False,
    ]  # fmt: skip
    assert (tmp_path / "shots" / "h1.png").stat().st_size > 0


async def test_browser_objects_pass_through_the_stores(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        ("navigation", {"action": "newTab"}),
        script(
            "await context.getData('newPage').setContent('<title>Second</title>'); context.setData('again', context.page)"
        ),
        script(
            "return [await context.getData('newPage').title(), context.getData('again') === context.page]"
        ),
    )

    assert outcome.error is None
    assert outcome.data["result"] == ["Second", True]


async def test_the_current_page_is_that_of_the_workflow(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        script("await context.page.setContent('<title>First</title>')"),
        ("navigation", {"action": "newTab"}),
        ("navigation", {"action": "switchTab", "tabIndex": 1}),
        script("return [await context.page.title(), context.page.context().pages().length]"),
    )

    assert outcome.data["result"] == ["", 2]


async def test_objects_of_the_library_read_well_in_the_log(run_steps: RunSteps) -> None:
    outcome = await run_steps(
        script("console.log(context.page, context.page.locator('a'), context.page.keyboard)")
    )

    assert outcome.log[-1] == "Page {} Locator {} Keyboard {}"


JS_ONLY = {
    "BrowserContext": {"setHTTPCredentials"},
    "Download": {"createReadStream"},
    "Locator": {"ariaSnapshotJSON", "toString"},
    "Page": {"ariaSnapshotJSON", "cancelPickLocator", "coverage", "pause", "pickLocator"},
}
"""What the Python library has not, or needs a person."""


def javascript_api() -> dict[str, dict[str, str]]:
    """Members of each interface of the JavaScript library: ``method`` or ``property``."""
    text = resources.files(playwright).joinpath("driver/package/types/types.d.ts").read_text("utf-8")
    found: dict[str, dict[str, str]] = {}
    for name, body in re.findall(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        plain = re.sub(r"/\*\*.*?\*/", "", body, flags=re.DOTALL)
        members = re.findall(r"^  (?:readonly )?([$\w]+)\??([<(:])", plain, re.MULTILINE)
        found.setdefault(name, {}).update({m: "property" if mark == ":" else "method" for m, mark in members})
    return found


@pytest.mark.parametrize(
    "name", ["Page", "Locator", "FrameLocator", "Frame", "BrowserContext", "Keyboard", "Mouse", "Touchscreen", "Dialog",
             "Download", "Request", "Response", "Route", "ConsoleMessage", "FileChooser", "APIRequestContext", "APIResponse", "Clock"],
)  # fmt: skip
def test_the_whole_api_is_there(name: str) -> None:
    wanted = {
        member: kind for member, kind in javascript_api()[name].items() if member not in JS_ONLY.get(name, ())
    }
    wanted.pop("removeAllListeners", None)
    members = description(name)

    assert set(wanted) - set(members) == set()
    assert {m for m, kind in wanted.items() if (members[m][0] == "part") != (kind == "property")} == set()


def test_options_are_spelled_both_ways() -> None:
    names = (
        "no_wait_after",
        "has_text",
        "base_url",
        "ignore_https_errors",
        "set_extra_http_headers",
        "timeout",
    )

    assert [python_name(js_name(name)) for name in names] == list(names)
    assert js_name("set_extra_http_headers") == "setExtraHTTPHeaders"


@pytest.mark.parametrize("name", ["Browser", "BrowserType", "Playwright"])
def test_a_script_cannot_touch_the_browser_that_others_share(name: str) -> None:
    assert set(description(name)) <= {"version", "isConnected", "browserType", "name"}
