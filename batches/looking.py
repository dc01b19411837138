"""Looking at a paused execution: where it stands, what is in its stores, what is on its page.

Everything is read-only but `highlight`, which marks elements on the page. Secrets are masked by their names. Each
question has a time limit, so that a hung page answers with an error instead of holding the caller.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Error, Page
from pydantic.alias_generators import to_camel

from batches.controls import ControlOutcome, Evaluate, Inspect
from batches.expressions import Expression, ExpressionError
from batches.gate import Standing, conflict, invalid
from batches.secret_names import masked
from batches.walk import Walker
from nodes.accessibility import accessibility_snapshot
from nodes.context import ExecutionContext, NodeRun, public_view
from nodes.errors import NodeError
from nodes.limits import time_limit
from nodes.registry import Registry
from nodes.selectors import locate

__all__ = ["Looking", "no_page"]

_LIMIT_MS: Final = 10_000.0
"""How long one question may take, ms."""

_TEXTS: Final = 20
"""Elements of which an evaluation tells the text."""

_MESSAGES: Final = 50
"""Console messages and failed requests that an inspection tells."""

_MAX_TEXT: Final = 2_000


class Looking:
    """Answers questions about one execution while it is paused.

    Args:
        walk: Tells the walk that is going on; that of a sub-workflow while it stands in one.
        registry: The node types, to resolve properties.
    """

    def __init__(self, walk: Callable[[], Walker], registry: Registry) -> None:
        self._walk = walk
        self._registry = registry
        self._marked: list[Page] = []

    @property
    def _context(self) -> ExecutionContext:
        return self._walk().context

    def values(self, index: object) -> dict[str, object]:
        """What expressions see.

        Args:
            index: Number of the loop's iteration, or None.
        """
        return {
            "data": public_view(self._context.data),
            "variables": public_view(self._context.variables),
            "index": index,
        }

    async def inspect(self, standing: Standing, wanted: Inspect) -> ControlOutcome:
        """Everything about the point where the execution stands."""
        node = standing.spot.node
        answer: dict[str, object] = {
            "node": {**_camel(standing.spot.place), "properties": masked(self._resolved(standing))},
            "pause": standing.number,
            "reason": standing.hit.reason,
            "at": standing.at,
            "message": standing.hit.message,
            "data": masked(public_view(self._context.data)),
            "variables": masked(public_view(self._context.variables)),
            "page": None,
        }
        page = self._context.session.page_or_none
        if page is not None:
            async with _answers() as faults:
                answer |= await self._page(page)
                answer |= await _parts(page, wanted.include)
            if faults:
                answer["fault"] = faults[0]
        return ControlOutcome(message=f"Paused at node {node.title}", answer=answer)

    async def evaluate(self, standing: Standing, question: Evaluate) -> ControlOutcome:
        """Count, read and mark elements, or evaluate an expression over the stores."""
        answer: dict[str, object] = {}
        if question.expression is not None:
            try:
                values = self.values(standing.spot.place.get("iteration"))
                answer["value"] = masked(Expression(question.expression).value(values))
            except ExpressionError as error:
                return invalid(error.message, "expression", error.code)
        if question.selector is not None:
            page = self._context.session.page_or_none
            if page is None:
                return no_page()
            async with _answers() as faults:
                answer |= await self._elements(standing, question, page)
            if faults:
                return invalid(faults[0], "selector", "SELECTOR_NOT_USABLE")
        if not answer:
            return invalid("Give a 'selector' or an 'expression'", "selector")
        return ControlOutcome(message="Evaluated", answer=answer)

    async def unmark(self) -> None:
        """Take the marks away that evaluations left on pages."""
        pages, self._marked = self._marked, []
        for page in pages:
            async with _answers():
                await page.hide_highlight()

    def _cut(self, text: str) -> str:
        """Cut after masking: a part of a secret that is cut off would no longer be known as one."""
        return self._context.masker.text(text)[:_MAX_TEXT]

    def _resolved(self, standing: Standing) -> Mapping[str, object]:
        node = standing.spot.node
        node_type = self._registry.find(node.type)
        values = self._walk().properties(node.id) or node.data
        if node_type is None:
            return values
        return node_type.model.resolve(values, self._context.data, self._context.variables)

    async def _page(self, page: Page) -> dict[str, object]:
        session = self._context.session
        tabs = [
            {"url": tab.url, "title": await tab.title(), "current": tab is page, "context": key}
            for key, context in list(session.contexts.items())  # some may close meanwhile
            for tab in context.pages
        ]
        messages = await page.console_messages()
        return {
            "page": {"url": page.url, "title": await page.title()},
            "tabs": tabs,
            "console": [{"type": item.type, "text": self._cut(item.text)} for item in messages[-_MESSAGES:]],
            "pageErrors": [self._cut(str(item)) for item in (await page.page_errors())[-_MESSAGES:]],
            "networkFailures": [
                {**item, "url": self._cut(str(item["url"]))} for item in await _network_failures(page)
            ],
        }

    async def _elements(self, standing: Standing, question: Evaluate, page: Page) -> dict[str, object]:
        run = NodeRun(standing.spot.node, self._context)
        locator = await locate(
            run, question.selector, question.selector_type, timeout_ms=_LIMIT_MS, many=True
        )
        count = await locator.count()
        elements = []
        for index in range(min(count, _TEXTS)):
            element = locator.nth(index)
            text = (await element.text_content(timeout=_LIMIT_MS)) or ""
            elements.append({"visible": await element.is_visible(), "text": self._cut(text.strip())})
        if question.highlight and count:
            await locator.highlight()
            self._marked.append(page)
        return {"count": count, "elements": elements, "highlighted": question.highlight and count > 0}


async def _network_failures(page: Page) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for request in await page.requests():
        response = request.existing_response
        if request.failure or (response is not None and response.status >= 400):
            status = response.status if response is not None else None
            found.append(
                {
                    "method": request.method,
                    "url": request.url,
                    "status": status,
                    "failure": request.failure,
                }
            )
    return found[-_MESSAGES:]


async def _parts(page: Page, include: Iterable[str]) -> dict[str, object]:
    """The costly parts of an inspection."""
    answer: dict[str, object] = {}
    for part in include:
        if part == "screenshot":
            picture = await page.screenshot(timeout=_LIMIT_MS)
            answer[part] = "data:image/png;base64," + base64.b64encode(picture).decode()
        elif part == "aria":
            answer[part] = await accessibility_snapshot(page)
        else:
            answer[part] = await page.content()
    return answer


@asynccontextmanager
async def _answers() -> AsyncIterator[list[str]]:
    """Collect why a page did not answer instead of raising it."""
    faults: list[str] = []
    try:
        async with time_limit(_LIMIT_MS, "Looking at the page"):
            yield faults
    except (Error, NodeError) as error:
        faults.append(error.message)
    except asyncio.InvalidStateError as error:
        faults.append(str(error))


def _camel(fields: Mapping[str, object]) -> dict[str, object]:
    return {to_camel(name): value for name, value in fields.items()}


def no_page() -> ControlOutcome:
    """The outcome of a question about a page when none is open."""
    outcome = conflict("No active page: the workflow has not opened a browser yet", "paused")
    return outcome.model_copy(update={"code": "NO_PAGE"})
