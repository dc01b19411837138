"""The node that calls a URL with retries of its own (nodes.md, ``webhook``)."""

from __future__ import annotations

from itertools import count
from typing import Annotated, ClassVar

from nodes.api import RequestData, build_request
from nodes.blocks import RetryBlock
from nodes.context import NodeRun
from nodes.http_client import http_client
from nodes.model import Flag, OneOf, Text, Unparsable
from nodes.registry import NodeType
from nodes.retries import with_retries

__all__ = ["Webhook", "WebhookData"]


class WebhookData(RequestData):
    """The call, and how often to try it."""

    method: Annotated[Text, OneOf("POST", "PUT", "PATCH", "GET", "DELETE")] = "POST"
    """The HTTP method; a body goes with all but GET."""
    body_type: Annotated[Text, OneOf("json", "form-data", "raw")] = "json"
    """How the body is sent, and its content type unless a header names one."""
    context_key: Text = "webhookResult"
    """Key of `data` for the response."""
    retry_enabled: Flag = False
    """Try again when there is no answer."""
    retry_count: Annotated[float, Unparsable(3)] = 3
    """Number of retries after the first attempt."""
    retry_delay: Annotated[float, Unparsable(1000)] = 1000
    """Delay before each retry, ms."""


class Webhook(NodeType[WebhookData]):
    """Call a URL, again when there is no answer, and store the response.

    Every status counts as success and is not tried again.
    """

    name: ClassVar = "webhook"
    title: ClassVar = "Webhook"
    category: ClassVar = "api"
    writes: ClassVar = ("webhookResult",)
    uses_page: ClassVar = False

    async def run(self, data: WebhookData, run: NodeRun) -> None:
        """Call and store the answer with the number of the attempt, counted from 1.

        Raises:
            NodeDataError: URL, method, body type or headers cannot be used.
            NodeTimeoutError: No complete answer in time, at any attempt.
            TransportError: No answer at all, at any attempt.
        """
        request = build_request(run, data, data.method or "POST", data.body_type)
        attempts = count(1)

        async def attempt() -> None:
            number = next(attempts)
            response = await http_client(run).send(request)
            run.data[data.context_key or "webhookResult"] = {**response.stored(), "attempt": number}
            run.result = response.summary

        if not data.retry_enabled:
            await attempt()
            return
        retries = RetryBlock(retry_enabled=True, retry_count=data.retry_count, retry_delay=data.retry_delay)
        await with_retries(run, retries, attempt)
