"""What a request for a batch tells about its workflows."""

from __future__ import annotations

from typing import Any

import pytest

from batches.request import WorkItem
from tests.batches.debugging import START
from tests.batches.runs import request, stage, words
from tests.running import chain, node


def item(document: dict[str, Any]) -> WorkItem:
    return WorkItem("a.json", "a.json", document)


def test_the_browsers_that_a_workflow_opens() -> None:
    document = chain(
        START,
        node("one", "openBrowser", browser="firefox"),
        node("two", "openBrowser", bypass=True),
        node("three", "openBrowser"),
        node("four", "stringValue", value="x"),
    )
    assert [data.get("browser") for data in item(document).opened_browsers()] == ["firefox", None]


BROKEN: dict[str, Any] = {
    "no node": {"nodes": ["x", None, START], "edges": []},
    "no list": {"nodes": {"start": START}, "edges": []},
    "data is a text": {"nodes": [START, {"id": "o", "type": "openBrowser", "data": "x"}], "edges": []},
    "data is a list": {"nodes": [START, {"id": "o", "type": "openBrowser", "data": ["x"]}], "edges": []},
    "nothing": {},
}


@pytest.mark.parametrize("document", BROKEN.values(), ids=BROKEN)
async def test_a_single_run_of_a_broken_workflow_fails_with_its_faults(
    tmp_path: Any, document: dict[str, Any]
) -> None:
    # Single runs come here unchecked; only the execution looks at them.
    async with stage(tmp_path) as run:
        state = await run.runner.submit(request(document, single=True))
        assert words(await run.over(state.batch_id)) == ["failed"]
        (execution,) = state.executions.values()
        assert execution.error is not None
        assert execution.error.code == "WORKFLOW_INVALID"
