"""The AsyncAPI document of the socket tells the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from server.event_messages import MESSAGES
from server.event_schema import PATH, event_document
from server.socket_calls import CONTROLS
from tests.batches.runs import failing, passing, pausing
from tests.server.api import Api
from tests.server.serving import watching


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return event_document()


def validator(document: dict[str, Any], message: str) -> jsonschema_rs.Validator:
    """Checks the argument of one message."""
    payload = document["components"]["messages"][message]["payload"]
    return jsonschema_rs.validator_for({**payload, "components": document["components"]})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert target


def test_it_names_all_that_is_sent_and_all_that_may_be_asked(document: dict[str, Any]) -> None:
    operations = document["operations"]
    assert {name for name, item in operations.items() if item["action"] == "send"} == set(MESSAGES)
    asked = {name for name, item in operations.items() if item["action"] == "receive"}
    assert asked == {"subscribe", "unsubscribe", *CONTROLS}
    assert all("reply" in operations[name] for name in asked)


def test_every_field_of_a_message_has_a_type(document: dict[str, Any]) -> None:
    for name in MESSAGES:
        reference = document["components"]["messages"][name]["payload"]["$ref"]
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert {"seq", "timestamp"} <= set(schema["properties"]) or name == "gap"
        assert schema["description"]
    gap = document["components"]["schemas"]["Gap"]
    assert set(gap["properties"]) == {"from", "to", "timestamp"}


async def test_what_is_really_sent_fits_it(api: Api) -> None:
    async with api.session.get(PATH) as answer:
        assert answer.content_type == "application/json"
        served = json.loads(await answer.text())
    assert served == event_document()
    async with watching(api.server.url) as watcher:
        first = await api.run(passing(), failing())
        second = (await api.execute(workflows=[pausing()]))["batchId"]
        await api.at_node("pause")
        answers = {
            "Stopped": await watcher.socket.call("stop"),
            "BatchStopped": await watcher.socket.call("stop", {"batchId": second}),
            "AllStopped": await watcher.socket.call("stop-all"),
            "ControlErrorBody": await watcher.socket.call("subscribe", {"batchId": "x"}),
        }
        await watcher.until(lambda: len(watcher.of("batch-complete")) == 2)
        assert {body["batchId"] for body in watcher.of("batch-complete")} == {first, second}
        answers["Subscribed"] = await watcher.socket.call("subscribe", {"batchId": first, "after": 0})
        answers["Unsubscribed"] = await watcher.socket.call("unsubscribe")
    for name, body in [*watcher.seen, *answers.items()]:
        validator(served, name).validate(body)
    assert {name for name, _ in watcher.seen} == set(MESSAGES) - {"gap"}
