"""What a server tells over HTTP and sockets has no secret in it, in any form."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from nodes.errors import ConfigurationError
from tests.batches.runs import START, browsing
from tests.running import chain, node
from tests.server.api import BATCH, EXECUTION, Api, serving
from tests.server.serving import Watcher, watching

SECRET = "hunter2/&q+Zx9"
FORMS = (
    SECRET,
    quote(SECRET, safe=""),
    quote_plus(SECRET),
    html.escape(SECRET),
    json.dumps(SECRET)[1:-1],
    base64.b64encode(SECRET.encode()).decode(),
    "hunter2",
)
PAGE = (
    "data:text/html,<title>Login</title><input id=q><p id=p></p>"
    "<script>q.oninput=()=>{p.textContent=q.value;q.setAttribute('value',q.value);"
    "console.log('typed '+q.value);fetch('http://127.0.0.1:9/?'+encodeURIComponent(q.value)).catch(()=>{})}"
    "</script>"
)


def leaks(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


def leaky() -> dict[str, Any]:
    """Spreads a secret over stores and page, and then fails over it."""
    return browsing(
        PAGE,
        node("keep", "stringValue", value="Basic ${secrets.PASSWORD}", variableName="plain"),
        node("type", "type", selector="#q", text="${secrets.PASSWORD}"),
        node("read", "elementQuery", action="getText", selector="#p"),
        node("code", "javascriptCode", code="console.log(context.data.text); return btoa(context.data.text)"),
        node("wrong", "action", action="click", selector="#${data.text}", timeout=300),
    )


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    (tmp_path / "outside").mkdir()
    file = tmp_path / "outside" / "secrets.env"
    file.write_text(f"PASSWORD={SECRET}\n", "utf-8")
    root = tmp_path / "root"
    root.mkdir()
    async with serving(root, secrets_file=file) as api:
        yield api


async def every_answer(api: Api, name: str, batch: str) -> dict[str, str]:
    """The answers of all addresses that only tell, by address."""
    known = {"executionId": name, "batchId": batch}
    found = {}
    for path, methods in (await api.get("/api-docs.json"))["paths"].items():
        address = re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], match[0]), path)
        if "get" in methods and "{" not in address and "stream" not in path:
            async with api.session.get(address, params={"executionId": name}) as answer:
                if answer.content_type in {"application/json", "text/plain", "text/html"}:
                    found[address] = await answer.text()
    return found


async def paused_at(api: Api, watcher: Watcher, node_id: str) -> str:
    def names() -> list[str]:
        return [body["executionId"] for body in watcher.of("execution-event") if stops(body)]

    def stops(body: dict[str, Any]) -> bool:
        return "paused" in str(body.get("type")).lower() and body.get("nodeId") == node_id

    await watcher.until(lambda: bool(names()))
    await api.paused(names()[0])
    return names()[0]


async def test_nothing_that_is_told_of_a_paused_and_a_failed_execution_has_it(api: Api) -> None:
    async with watching(api.server.url) as watcher:
        accepted = await api.execute(
            workflow=leaky(),
            breakpoints=[{"nodeId": "wrong"}],
            variables={"given": SECRET},
            traceLogs=True,
            reportConfig={"enabled": True, "reportTypes": ["html", "json", "junit", "csv", "markdown"]},
        )
        name = await paused_at(api, watcher, "wrong")
        inspected = await api.get(f"{EXECUTION}/{name}/inspect?include=screenshot,aria,dom")
        evaluated = await api.post(
            f"{EXECUTION}/{name}/evaluate", {"selector": "#p", "expression": "variables.plain"}
        )
        captured = [
            await api.post(f"{EXECUTION}/{what}", {"executionId": name})
            for what in ("capture-dom", "capture-accessibility-snapshot")
        ]
        told = {**await every_answer(api, name, accepted["batchId"])}
        told |= {"inspect": json.dumps(inspected), "evaluate": json.dumps(evaluated)}
        told["capture"] = json.dumps(captured)
        assert "***" in told["inspect"]
        assert "***" in told["evaluate"]
        assert base64.b64decode(inspected["screenshot"].partition(",")[2]).startswith(b"\x89PNG")

        await api.post(f"{EXECUTION}/continue", {"executionId": name})
        await api.over(accepted["batchId"])
        await watcher.until(lambda: bool(watcher.of("batch-complete") or watcher.of("execution-event")[-1:]))
        after = await every_answer(api, name, accepted["batchId"])
        told |= {f"{address} after": text for address, text in after.items()}
        told["socket"] = json.dumps(watcher.seen)
    assert f"{EXECUTION}/{name}" in told
    assert {address: leaks(text) for address, text in told.items() if leaks(text)} == {}
    assert leaks("\n".join(file.read_text("latin-1") for file in api.root.rglob("*") if file.is_file())) == []


async def test_neither_invalid_workflows_nor_refusals_tell_it(api: Api) -> None:
    bad = chain(START, node("say", "stringValue", value="x"))
    bad["nodes"][1]["type"] = {"odd": SECRET}
    api.write("flows/bad.json", bad)
    api.write("flows/good.json", chain(START))
    accepted = await api.execute(folderPath="flows", startNodeOverrides={"label": f"Basic {SECRET}"})
    await api.over(accepted["batchId"])
    refused = await api.execute(status=400, workflows=[bad], timeout=f"x {SECRET}")
    status = await api.get(f"{BATCH}/{accepted['batchId']}")
    assert leaks(json.dumps([accepted, refused, status])) == []
    journal = (api.root / "output" / "batches" / accepted["batchId"] / "events.jsonl").read_text()
    assert leaks(journal) == []


async def test_a_reply_that_is_secret_is_told_nowhere(api: Api) -> None:
    ask = node("ask", "askHuman", question="Code?", secret=True, outputVariable="code")
    use = node("use", "stringValue", value="It was ${data.code}", variableName="said")
    async with watching(api.server.url) as watcher:
        accepted = await api.execute(workflow=chain(START, ask, use))
        name = accepted["executionId"]
        await api.asked(name)
        await api.post(f"{EXECUTION}/{name}/respond", {"answer": "482-913"})
        batch = await api.over(accepted["batchId"])
        told = json.dumps([watcher.seen, list((await every_answer(api, name, batch.batch_id)).values())])
    assert batch.executions[name].variables["said"] == "It was ***"
    assert "482-913" not in told
    assert not any("482-913" in file.read_text("latin-1") for file in api.root.rglob("*") if file.is_file())


async def test_settings_that_name_secrets_that_are_not_there_end_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.env cannot be read"):
        await asyncio.wait_for(serving(tmp_path, secrets_file=tmp_path / "nothing.env").__aenter__(), 60)
