"""Every example of the documentation runs and leaves what it says, each with the real part behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from batches.attempt import Attempt
from batches.controls import Respond
from batches.events import Event, ExecutionEnded, ExecutionSuspended
from batches.pool import BrowserPool
from batches.spec import ExecutionOptions, ExecutionSpec
from nodes.catalogue import built_in_types, default_registry
from nodes.describe import describe_type
from nodes.samples import Sample, samples_of
from nodes.script.pool import WorkerPool
from nodes.secrets import Secrets
from nodes.validation import check
from tests.nodes.database.servers import Settings, mysql_server, postgres_server, redis_server
from tests.nodes.test_mail import Mailbox, serve
from tests.running import Outcome
from tests.site.api import Api

TYPES = [node_type.name for node_type in built_in_types()]
SAMPLES = [
    pytest.param(
        sample,
        id=f"{name}-{number}",
        marks=[pytest.mark.browser] if '"openBrowser"' in orjson.dumps(sample.document).decode() else [],
    )
    for name in TYPES
    for number, sample in enumerate(samples_of(name), 1)
]
SERVERS = {"postgres": postgres_server, "mysql": mysql_server, "redis": redis_server}


def on_its_own(sample: Sample) -> bool:
    """Whether it needs no database server."""
    text = orjson.dumps(sample.document).decode()
    return sample.needs is None and not any(f'"dbType":"{kind}"' in text for kind in SERVERS)


RUN = [item for item in SAMPLES if isinstance(item.values[0], Sample) and on_its_own(item.values[0])]


@pytest.fixture
async def smtp_port() -> AsyncIterator[int]:
    mailbox = Mailbox()
    server = await serve(mailbox)
    yield mailbox.port
    server.close()
    await server.wait_closed()


@pytest.fixture
def hosts(site_url: str, api: Api, smtp_port: int) -> Mapping[str, str]:
    """What stands for the servers of the examples."""
    return {
        "https://shop.example.com": site_url,
        "https://api.example.com": api.url,
        "https://hooks.slack.com/services": f"{api.url}/echo",
        '"smtp.example.com","smtpPort":587': f'"127.0.0.1","smtpPort":{smtp_port}',
    }


def localised(document: Mapping[str, Any], hosts: Mapping[str, str]) -> dict[str, Any]:
    """A document whose hosts are those of the tests."""
    text = orjson.dumps(document).decode()
    for name, ours in hosts.items():
        text = text.replace(name, ours)
    found: dict[str, Any] = orjson.loads(text)
    return found


def write_files(root: Path, sample: Sample) -> None:
    for name, content in sample.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else orjson.dumps(content).decode(), "utf-8")


async def run_sample(
    sample: Sample,
    document: Mapping[str, Any],
    root: Path,
    *,
    pool: BrowserPool,
    scripts: WorkerPool,
    secrets: Mapping[str, str],
) -> Outcome:
    """Run an example; whoever it asks gives its reply."""
    events: list[Event] = []
    replies: list[asyncio.Task[object]] = []

    def take(event: Event) -> None:
        events.append(event)
        if isinstance(event, ExecutionSuspended):
            reply = attempt.control(Respond(**(sample.reply or {})))
            replies.append(asyncio.create_task(reply, name="reply"))

    spec = ExecutionSpec(
        execution_id="exec-1-1",
        batch_id="batch-1",
        workflow_file_name="sample.json",
        workflow=document,
        output=str(root / "output"),
        artifacts="batches/batch-1/exec-1-1",
        root=str(root),
        options=ExecutionOptions(variables=sample.variables),
    )
    attempt = Attempt(spec, default_registry(), pool, take, scripts, secrets=Secrets(secrets))
    await attempt.run()
    await asyncio.gather(*replies)
    end = events[-1]
    assert isinstance(end, ExecutionEnded)
    return Outcome(end, events, root / "output")


def check_left(sample: Sample, outcome: Outcome, root: Path) -> None:
    """It did what it says."""
    assert outcome.error is None, outcome.error
    assert [item.node_id for item in outcome.nodes if item.error is not None] == []
    left: dict[str, Mapping[str, Any]] = {"data": outcome.data, "variables": outcome.variables}
    for store in ("data", "variables"):
        expected = sample.leaves.get(store, {})
        assert {name: left[store].get(name) for name in expected} == expected
    for name, text in sample.leaves.get("files", {}).items():
        assert (root / name).read_text("utf-8") == text


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_example_has_no_faults(sample: Sample) -> None:
    assert check(sample.document, default_registry()) == []


@pytest.mark.parametrize("sample", RUN)
async def test_an_example_runs(
    sample: Sample, hosts: Mapping[str, str], tmp_path: Path, pool: BrowserPool, scripts: WorkerPool
) -> None:
    write_files(tmp_path, sample)
    document = localised(sample.document, hosts)
    outcome = await run_sample(
        sample, document, tmp_path, pool=pool, scripts=scripts, secrets={"SLACK": "hook-secret"}
    )
    check_left(sample, outcome, tmp_path)


@pytest.mark.parametrize("kind", SERVERS)
async def test_the_example_of_a_database_runs(
    kind: str, tmp_path: Path, pool: BrowserPool, scripts: WorkerPool
) -> None:
    (sample,) = (item for item in samples_of("dbConnect") if item.node and item.node.data["dbType"] == kind)
    async with SERVERS[kind]() as settings:
        document = on_server(sample, settings)
        secrets = {"DB_PASSWORD": str(settings.get("password", ""))}
        outcome = await run_sample(sample, document, tmp_path, pool=pool, scripts=scripts, secrets=secrets)
    check_left(sample, outcome, tmp_path)


def on_server(sample: Sample, settings: Settings) -> dict[str, Any]:
    """An example whose connection leads to a server of ours."""
    document = sample.document
    for node in document["nodes"]:
        if node["type"] == "dbConnect":
            ours = {name: settings[name] for name in ("host", "port", "user", "database") if name in settings}
            node["data"] = {**node["data"], **ours}
    return document


@pytest.mark.parametrize("name", TYPES)
def test_every_type_has_an_example_that_shows_it(name: str) -> None:
    samples = samples_of(name)

    assert samples
    for sample in samples:
        assert name in [node["type"] for node in sample.document["nodes"]]
        assert (sample.node is None) != (sample.workflow is None)
        assert sample.title.endswith(".")
    described: Any = describe_type(default_registry().get(name).__class__)
    assert [item["title"] for item in described["examples"]] == [sample.title for sample in samples]
    assert [item["document"] for item in described["examples"]] == [sample.document for sample in samples]


def test_only_what_cannot_be_had_is_not_run() -> None:
    needed = {sample.needs for name in TYPES for sample in samples_of(name) if sample.needs}

    assert needed == {"MongoDB", "SQL Server", "Oracle"}


def test_there_are_no_examples_of_other_types() -> None:
    folder = Path(__file__).parents[2] / "nodes" / "samples"
    named = {name for file in folder.glob("*.json") for name in orjson.loads(file.read_bytes())}

    assert named == set(TYPES)
