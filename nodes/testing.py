"""For authors of node types: running one node in a test, with a real browser or without any.

::

    async def test_greet() -> None:
        async with NodeBench() as bench:
            await bench.run(Greet, {"who": "Ada"})
            assert bench.data["greeting"] == "Hello Ada"

Whole workflows are run by the command line and the server; `docs/writing-a-node.md` shows both.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Page
from pydantic import ValidationError

from nodes.catalogue import default_registry
from nodes.context import ExecutionContext, ExecutionSettings, NodeRun
from nodes.document import Node
from nodes.errors import BrowserStateError, NodeDataError
from nodes.model import describe
from nodes.provider import BrowserLease, BrowserProvider, LaunchRequest
from nodes.registry import NodeType, Registry
from nodes.secrets import Secrets
from nodes.session import BrowserSession

__all__ = ["NodeBench"]


class NodeBench:
    """One execution without a workflow: nodes are run one by one and share its stores and its browser.

    It is an async context manager; at its end everything is closed that the nodes have opened.

    Args:
        browsers: Where a browser comes from, such as `batches.pool.BrowserPool`; whoever made it closes it.
            Without, only nodes that need no page can be run.
        folder: Where relative paths start and files of nodes go; the working directory if not given.
        secrets: What ``${secrets.NAME}`` stands for.
        registry: Node types by name; the built-in ones if not given.
    """

    def __init__(
        self,
        browsers: BrowserProvider | None = None,
        *,
        folder: Path | None = None,
        secrets: Mapping[str, str] | None = None,
        registry: Registry | None = None,
    ) -> None:
        root = (folder or Path.cwd()).resolve()
        held = Secrets(secrets or {})
        self.log: list[tuple[str, str]] = []
        """What the nodes wrote into the log: level and message."""
        self.context = ExecutionContext(
            BrowserSession(browsers or _NoBrowsers(), log=self._write),
            ExecutionSettings(output=root / "output", root=root),
            log=self._write,
            secrets=held,
            masker=held.masker(),
        )
        self.data = self.context.data
        """The data store, to look at and to fill."""
        self.variables = self.context.variables
        """The variables, to look at and to fill."""
        self._registry = registry or default_registry()
        self._numbers = count(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def page(self) -> Page:
        """The current page; raises `PageMissingError` before `open`."""
        return self.context.session.page

    async def open(self, url: str | None = None) -> Page:
        """Open a browser as ``openBrowser`` does, and a page in it.

        Args:
            url: Where to go.

        Raises:
            BrowserStateError: The bench has no browser, or one is open.
            BrowserMissingError: None is installed.
        """
        page = await self.context.session.open(LaunchRequest(), {})
        if url is not None:
            await page.goto(url)
        return page

    async def run(
        self, node_type: type[NodeType[Any]] | str, properties: Mapping[str, object] | None = None
    ) -> NodeRun:
        """Run a node: references are replaced and types checked as in a workflow.

        Args:
            node_type: A class, or the name of a registered type.
            properties: The node's ``data`` as a file has it.

        Returns:
            What the handler worked with; ``result`` and ``screenshot`` are what it set.

        Raises:
            NodeDataError: A property has the wrong type.
            NodeTypeUnknownError: No type has this name.
            Exception: Whatever the handler raises, Playwright's errors too.
        """
        chosen = self._registry.get(node_type) if isinstance(node_type, str) else node_type()
        node = Node(f"node-{next(self._numbers)}", chosen.name, dict(properties or {}))
        resolved = chosen.model.resolve(node.data, self.data, self.variables, self.context.secrets)
        try:
            model = chosen.model.read(resolved)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise NodeDataError(f"Node {node.title}: {describe(first)}", field=field) from None
        run = NodeRun(node, self.context)
        await chosen.run(model, run)
        return run

    async def close(self) -> None:
        """Close what the nodes have opened; idempotent."""
        await self.context.resources.close()
        await self.context.scripts.close()
        await self.context.session.close()

    def _write(self, level: str, message: str) -> None:
        self.log.append((level, message))


class _NoBrowsers(BrowserProvider):
    """Has no browser."""

    async def lease(self, request: LaunchRequest, *, exclusive: bool = False) -> BrowserLease:
        del request, exclusive
        raise BrowserStateError("This bench has no browser; make it with one: NodeBench(BrowserPool())")

    async def close(self) -> None:
        """Nothing is open."""
