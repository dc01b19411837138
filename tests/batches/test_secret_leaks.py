"""No file that a run leaves has a secret in it, in any form."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from batches.local import LocalEngine
from batches.pool import BrowserPool
from batches.reports.config import ReportConfig, ReportType
from batches.rerun import Rerun, rerun_request
from batches.runner import Runner
from batches.spec import ExecutionOptions
from batches.state import BatchState
from batches.tinydb_store import TinyDbStore
from batchwright.logs import set_up_logging
from nodes.catalogue import default_registry
from nodes.masking import Masker
from nodes.secrets import Secrets
from server.logs import logging_to
from server.settings import LogFormat, LogLevel
from tests.batches.runs import PATIENCE_S, browsing, request
from tests.running import chain, node

SECRET = "hunter2/&q+Zx9"
FORMS = (
    SECRET,
    quote_plus(SECRET),
    SECRET.replace("&", "&amp;"),
    base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(f"ada:{SECRET}".encode()).decode()[8:20],
)
SECRETS = Secrets({"PASSWORD": SECRET})
START = node("start", "start", screenshotAllNodes=True, snapshotAllNodes=True)
PAGE = (
    "data:text/html,<title>Login</title><input id=q><p id=p></p>"
    "<script>q.oninput=()=>{p.textContent=q.value;q.setAttribute('value',q.value);console.log('typed '+q.value)}</script>"
)


def leaky() -> dict[str, Any]:
    """A workflow that spreads a secret wherever it can, and then fails over it."""
    document = browsing(
        PAGE,
        node("type", "type", selector="#q", text="${secrets.PASSWORD}"),
        node("read", "elementQuery", action="getText", selector="#p"),
        node("keep", "stringValue", value="Basic ${secrets.PASSWORD}", variableName="header"),
        node(
            "script",
            "javascriptCode",
            code="console.log(context.data.text); return {"
            "b64: btoa('ada:' + context.data.text), url: encodeURIComponent(context.data.text)}",
        ),
        node("wrong", "verify", domain="browser", verificationType="text", selector="#p", expectedText="no"),
    )
    document["nodes"][0] = START
    return document


async def run(
    tmp_path: Path, *documents: dict[str, Any], rerun: bool = False
) -> tuple[list[BatchState], Runner]:
    store, pool = TinyDbStore(tmp_path), BrowserPool()
    await store.open()
    engine = LocalEngine(default_registry(), pool, slots=2, secrets=SECRETS)
    runner = Runner(store=store, engine=engine, output=tmp_path, root=tmp_path, secrets=SECRETS)
    await runner.start()
    states = []
    try:
        wanted = request(
            *documents,
            report=ReportConfig(enabled=True, report_types=tuple(ReportType)),
            options=ExecutionOptions(trace_logs=True, variables={"password": SECRET}),
        )
        while True:
            state = await runner.submit(wanted)
            states.append(await asyncio.wait_for(runner.wait(state.batch_id), PATIENCE_S))
            if not rerun or len(states) == 2:
                return states, runner
            wanted = await rerun_request(store, states[0], Rerun.ALL, secrets=SECRETS)
    finally:
        await asyncio.wait_for(runner.close(), PATIENCE_S)
        await store.close()


def texts_of(folder: Path) -> dict[str, str]:
    """Everything in every file, archives unpacked."""
    found: dict[str, str] = {}
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes()
        if file.suffix == ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    found[f"{file}/{name}"] = archive.read(name).decode("latin-1")
        found[str(file)] = content.decode("latin-1")
    return found


async def test_no_file_of_a_run_has_a_secret(tmp_path: Path) -> None:
    (state,), _ = await run(tmp_path, leaky())

    (execution,) = state.executions.values()
    assert execution.error is not None
    assert execution.error.node_id == "wrong"
    texts = texts_of(tmp_path)
    for part in ("events.jsonl", "batch.json", "workflows.zip", "debug/", "snapshots/", "logs/", ".xml"):
        assert any(part in name for name in texts), part
    leaks = [(name, form) for name, text in texts.items() for form in FORMS if form in text]
    assert leaks == []
    assert "***" in next(text for name, text in texts.items() if name.endswith("events.jsonl"))


async def test_a_run_again_has_the_values_that_were_hidden(tmp_path: Path) -> None:
    say = node("say", "stringValue", value="${variables.password}")
    literal = node("literal", "inputValue", value=SECRET, dataType="string")
    check = node(
        "same",
        "switch.switch",
        cases=[
            {
                "id": "yes",
                "label": "yes",
                "condition": {"type": "variable", "variableName": "literal", "comparisonValue": SECRET},
            }
        ],
        defaultCase={"label": "no"},
    )

    states, _ = await run(tmp_path, chain(START, say, literal, check), rerun=True)

    for state in states:
        (execution,) = state.executions.values()
        assert execution.data["switchOutput"] == "yes"
        assert execution.variables["password"] == "***"
    assert not any(SECRET in text for text in texts_of(tmp_path).values())


async def test_a_secret_that_is_not_there_fails_its_node(tmp_path: Path) -> None:
    (state,), _ = await run(tmp_path, chain(START, node("say", "stringValue", value="${secrets.NOPE}")))

    (execution,) = state.executions.values()
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_id) == ("SECRET_MISSING", "say")


def test_the_servers_log_lines_are_masked() -> None:
    for form in LogFormat:
        stream = io.StringIO()
        with logging_to(LogLevel.INFO, form, stream, masker=Masker([SECRET])):
            try:
                int(SECRET)
            except ValueError:
                logging.getLogger("batchwright.server").exception("cannot use %s", SECRET)
        assert "cannot use ***" in stream.getvalue()
        assert SECRET not in stream.getvalue()


def test_the_command_lines_log_lines_are_masked(capsys: Any) -> None:
    logger = logging.getLogger("batchwright")
    before = (logger.handlers, logger.level, logger.propagate)
    set_up_logging(verbose=True, masker=Masker([SECRET]))
    try:
        int(SECRET)
    except ValueError:
        logger.exception("cannot use %s", SECRET)
    finally:
        logger.handlers, logger.level, logger.propagate = before
    said = capsys.readouterr().err
    assert "cannot use ***" in said
    assert SECRET not in said
