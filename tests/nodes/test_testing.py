"""The kit with which authors test their node types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import pytest

from batches.pool import BrowserPool
from nodes.context import NodeRun
from nodes.errors import (
    BrowserStateError,
    NodeDataError,
    NodeTimeoutError,
    NodeTypeUnknownError,
    PageMissingError,
)
from nodes.model import INTERPOLATED, Milliseconds, NodeData, Text
from nodes.registry import NodeType
from nodes.secrets import SecretMissingError
from nodes.testing import NodeBench


class ShoutData(NodeData):
    """What to shout, and how."""

    text: Annotated[Text, INTERPOLATED] = None
    timeout: Milliseconds = 1_000


class Shout(NodeType[ShoutData]):
    """Put a text on the page in capitals."""

    name: ClassVar = "test.shout"
    title: ClassVar = "Shout"

    async def run(self, data: ShoutData, run: NodeRun) -> None:
        text = run.require(data.text, "text").upper()
        run.log("info", f"shouting {text}")
        await run.page.evaluate("text => document.body.append(text)", text)
        run.data["shouted"] = text
        run.result = f"{len(text)} letters"


async def test_a_node_runs_on_a_page(pool: BrowserPool) -> None:
    async with NodeBench(pool, secrets={"NAME": "ada"}) as bench:
        await bench.open("data:text/html,<body>")
        bench.variables["word"] = "hello"

        run = await bench.run(Shout, {"text": "${variables.word} ${secrets.NAME}"})

        assert await bench.page.text_content("body") == "HELLO ADA"
        assert (run.result, bench.data["shouted"]) == ("9 letters", "HELLO ADA")
        assert bench.log == [("info", "shouting HELLO ADA")]
    with pytest.raises(PageMissingError):
        _ = bench.page


async def test_nodes_share_stores_and_built_in_types_have_names(tmp_path: Path) -> None:
    async with NodeBench(folder=tmp_path) as bench:
        bench.data["x"] = 2
        await bench.run("stringValue", {"value": "${data.x} apples", "variableName": "text"})
        await bench.run("javascriptCode", {"code": "return context.variables.text + '!'"})
        assert bench.variables["text"] == "2 apples"
        assert "2 apples!" in bench.data.values()


async def test_what_is_wrong_is_raised() -> None:
    async with NodeBench() as bench:
        with pytest.raises(NodeDataError, match="Property 'text' is required"):
            await bench.run(Shout)
        with pytest.raises(NodeDataError, match="'timeout'") as caught:
            await bench.run(Shout, {"text": "x", "timeout": "long"})
        assert caught.value.field == "timeout"
        with pytest.raises(SecretMissingError):
            await bench.run(Shout, {"text": "${secrets.GONE}"})
        with pytest.raises(NodeTypeUnknownError):
            await bench.run("test.shout")
        with pytest.raises(PageMissingError):
            await bench.run(Shout, {"text": "x"})
        with pytest.raises(BrowserStateError, match="has no browser"):
            await bench.open()


async def test_a_failing_handler_shows_its_own_error(pool: BrowserPool) -> None:
    async with NodeBench(pool) as bench:
        await bench.open("data:text/html,<body>")
        with pytest.raises((NodeTimeoutError, Exception), match="Timeout"):
            await bench.run("action", {"action": "click", "selector": "#none", "timeout": 50})
