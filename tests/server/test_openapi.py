"""The OpenAPI document: valid, complete, and true."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy
from openapi_pydantic.v3.v3_1 import OpenAPI
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from server.endpoints import ENDPOINTS
from tests.batches.runs import MINUTE_MS, PATIENCE_S, START, browsing, failing, passing
from tests.conftest import RunSteps
from tests.running import chain, node
from tests.server.api import BATCH, EXECUTION, Api

EXAMPLES = 6
"""Requests of each kind for each operation."""

METHODS = frozenset({"get", "post", "put", "patch", "delete"})

CHECKED = frozenset(
    {
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
    }
)
"""What an answer must be; the server takes more than its document says (texts for numbers, null for absent)."""

SEED_REPORT = {"enabled": True, "reportTypes": ["json", "junit"]}


async def document_of(api: Api) -> dict[str, Any]:
    document = await api.get("/api-docs.json")
    assert isinstance(document, dict)
    return document


async def test_the_document_is_openapi_3_1(shared: Api) -> None:
    document = await document_of(shared)
    assert document["openapi"].startswith("3.1")
    OpenAPI.model_validate(document)
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


async def test_every_route_of_the_api_is_in_the_document(shared: Api) -> None:
    document = await document_of(shared)
    described = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }
    declared = {(item.method, re.sub(r":[^{}]+}", "}", item.path)) for item in shared.server.app[ENDPOINTS]}
    served = {
        (route.method, route.resource.canonical)
        for route in shared.server.app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/api/")
        and route.method != "HEAD"
    }
    assert described == declared
    assert served <= described
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["summary"]


@pytest.mark.browser
async def test_every_example_works(api: Api, site_url: str) -> None:
    over = await api.run(passing(), failing())
    for path in ("shop/login.json", "shop/buy.json"):
        api.write(path, passing())
    document = await document_of(api)
    tried = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, example in content.get("examples", {}).items():
                ids = (
                    {"batchId": over}
                    if path.endswith("/rerun")
                    else await _at_work(api, path, name, site_url)
                )
                await api.call(method, path.format(**ids), json=example["value"])
                await api.post(f"{EXECUTION}/stop-all")
                tried.add(operation["operationId"])
    assert {"execute", "stopExecution", "stopAll", "rerunBatch", "setTraceLogs", "continueExecution"} <= tried


async def _at_work(api: Api, path: str, name: str, site_url: str) -> dict[str, str]:
    """Start an execution that such a control applies to: one that runs a node or asks, else one that is paused."""
    if not path.startswith(EXECUTION):
        return {}
    if path.endswith("/respond"):
        asks = (
            node("ask", "askHuman", question="?")
            if name == "answer"
            else node("ask", "approvalGate", message="?")
        )
        execution_id = (await api.execute(workflow=chain(START, asks)))["executionId"]
        await api.asked(execution_id)
        return {"executionId": execution_id}
    runs = path.endswith(("/pause", "/trace-logs"))
    steps = (
        node("stay", "wait", waitType="timeout", value=MINUTE_MS, pause=not runs),
        node("checkout", "stringValue", value="paid"),
    )
    looks = path.endswith(("/pause", "capture-dom", "capture-accessibility-snapshot", "/evaluate"))
    document = browsing(f"{site_url}/action-form.html", *steps) if looks else chain(START, *steps)
    answer = await api.execute(workflows=[document])
    execution_id = str(answer["executions"][0]["executionId"])
    await (api.at_node("stay") if runs else api.paused(execution_id))
    return {"executionId": execution_id, "batchId": str(answer["batchId"])}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.links += [value for name, value in attrs if name in {"src", "href"} and value]


async def test_the_page_needs_nothing_from_elsewhere(shared: Api) -> None:
    async with shared.session.get("/api-docs") as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        parser = _Links()
        parser.feed(await answer.text())
    assert len(parser.links) >= 3
    for link in parser.links:
        assert link.startswith("/")
        async with shared.session.get(link) as part:
            assert part.status == 200


@pytest.mark.browser
async def test_the_page_shows_operations_and_sends_requests(shared: Api, run_steps: RunSteps) -> None:
    operation = 'details[data-words*="/api/workflows/executions/active"]'
    outcome = await run_steps(
        ("navigation", {"action": "navigate", "url": f"{shared.server.url}/api-docs"}),
        ("action", {"action": "click", "selector": f"{operation} > summary"}),
        ("action", {"action": "click", "selector": f"{operation} button"}),
        ("wait", {"waitType": "selector", "value": f'{operation} pre:has-text("totalActive")'}),
        ("elementQuery", {"action": "getCount", "selector": "details[data-words]", "outputVariable": "all"}),
    )
    assert outcome.error is None
    paths = (await document_of(shared))["paths"].values()
    assert outcome.data["all"] == sum(len(item) for item in paths)


@pytest.mark.timeout(300)
async def test_schemathesis_finds_no_violation(api: Api) -> None:
    """Random requests, right and wrong ones, on made-up and on existing things."""
    known = await _seed(api)
    await asyncio.to_thread(_attack, f"{api.server.url}/api-docs.json", api.server.url, known)
    await api.get("/healthz")
    await api.execute(workflow=passing())


async def _seed(api: Api) -> Mapping[str, str]:
    api.write("flows/a.json", passing())
    answer = await api.execute(folderPath="flows", reportConfig=SEED_REPORT, traceLogs=True)
    await api.over(answer["batchId"])
    batch = await api.get(f"{BATCH}/{answer['batchId']}")
    reports = await api.get("/api/reports/list")
    return {
        "batchId": answer["batchId"],
        "executionId": batch["executions"][0]["executionId"],
        "folderName": reports[0]["folderName"] if reports else "none",
        "reportType": "json",
        "filename": "report.json",
    }


def _attack(document_url: str, base_url: str, known: Mapping[str, str]) -> None:
    load_all_checks()
    registered: list[Any] = [check for check in CHECKS.get_all() if check.__name__ in CHECKED]
    assert len(registered) == len(CHECKED)
    schema = schemathesis.openapi.from_url(document_url)
    count = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        ids = {name: value for name, value in known.items() if f"{{{name}}}" in operation.path}
        _send(operation.as_strategy(GenerationMode.POSITIVE), base_url, registered)
        if operation.query or operation.body:
            _send(operation.as_strategy(GenerationMode.NEGATIVE), base_url, registered)
        if ids:
            _send(operation.as_strategy(path_parameters=ids), base_url, registered)
        count += 1
    assert count > 25


def _send(cases: SearchStrategy[Any], base_url: str, checks: list[Any]) -> None:
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=cases)
    def send(case: Any) -> None:
        case.call_and_validate(base_url=base_url, checks=checks, timeout=PATIENCE_S)

    send()
