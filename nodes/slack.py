"""The node that posts to a Slack webhook (nodes.md, ``slack``)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from nodes.api import value_text
from nodes.blocks import TimeoutBlock
from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.http_body import parse_json, utf8
from nodes.http_client import http_client
from nodes.http_message import HttpRequest
from nodes.matching import MISSING, json_text
from nodes.model import INTERPOLATED, INTERPOLATED_DEEP, REQUIRED, LooseText, Text
from nodes.registry import NodeType

__all__ = ["Slack", "SlackData"]


class SlackData(TimeoutBlock):
    """What to post, and where; a message or blocks are needed."""

    webhook_url: Annotated[Text, REQUIRED, INTERPOLATED] = None
    """Address of the incoming webhook."""
    message: Annotated[LooseText, INTERPOLATED] = None
    """The text."""
    channel: Annotated[Text, INTERPOLATED] = None
    """Channel to post to, if the webhook allows another than its own."""
    username: Annotated[Text, INTERPOLATED] = None
    """Name to post under."""
    icon_emoji: Annotated[Text, INTERPOLATED] = None
    """Emoji to show as the icon, such as `:rocket:`."""
    blocks: Annotated[Any, INTERPOLATED_DEEP] = None
    """Layout blocks as JSON, or as an array."""
    context_key: Text = "slackResult"
    """Key of `data` for the answer."""


class Slack(NodeType[SlackData]):
    """Post a message to Slack and store the answer; a status that is no success does not fail the node."""

    name: ClassVar = "slack"
    title: ClassVar = "Slack"
    category: ClassVar = "messages"
    writes: ClassVar = ("slackResult",)
    uses_page: ClassVar = False

    async def run(self, data: SlackData, run: NodeRun) -> None:
        """Post.

        Raises:
            NodeDataError: The URL is missing, nothing is to be said, or the blocks are no JSON.
            NodeTimeoutError: No complete answer in time.
            TransportError: No answer at all.
        """
        url = run.require(data.webhook_url, "webhookUrl")
        given = {
            "text": data.message,
            "channel": data.channel,
            "username": data.username,
            "icon_emoji": data.icon_emoji,
            "blocks": _blocks(data.blocks),
        }
        content = {name: value for name, value in given.items() if value}
        if not content.keys() & {"text", "blocks"}:
            raise NodeDataError("Property 'message' or 'blocks' is required", field="message")
        response = await http_client(run).send(
            HttpRequest(
                "POST",
                url,
                (("Content-Type", "application/json"),),
                body=utf8(json_text(content)),
                timeout_ms=data.timeout,
                shown_url="(Slack webhook)",
            )
        )
        stored = response.stored()
        del stored["headers"]
        run.data[data.context_key or "slackResult"] = stored
        run.result = response.summary


def _blocks(blocks: object) -> object:
    text = value_text(blocks)
    if not text.strip():
        return None
    value = parse_json(text)
    if value is MISSING:
        raise NodeDataError("Property 'blocks' is not valid JSON", field="blocks")
    return value
