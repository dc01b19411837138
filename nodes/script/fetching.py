"""`fetch` of scripts: the request is sent from here, under the run's network policy."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from nodes.context import NodeRun
from nodes.errors import NodeError
from nodes.http_client import http_client
from nodes.http_message import MAX_REDIRECTS, HttpRequest
from nodes.script.bridge import BridgeError
from nodes.script.values import Wire

__all__ = ["fetch"]

_TIMEOUT_MS: Final = 300_000.0
"""As Node's own limit; scripts shorten it with an AbortSignal."""

_REDIRECTS: Final = range(300, 400)


async def fetch(run: NodeRun, message: Mapping[str, Any]) -> Wire:
    """Send a request of a script.

    Args:
        run: The node's run.
        message: ``url``, ``method``, ``headers`` (pairs), ``body`` (base64 or None) and ``redirect``.

    Returns:
        ``url``, ``status``, ``statusText``, ``headers``, ``redirected`` and ``content`` (bytes), marked.

    Raises:
        BridgeError: No answer, or the network policy refuses the host.
    """
    follows = message["redirect"] == "follow"
    request = HttpRequest(
        method=message["method"],
        url=message["url"],
        headers=tuple((name, value) for name, value in message["headers"]),
        body=base64.b64decode(message["body"]) if message["body"] is not None else None,
        timeout_ms=_TIMEOUT_MS,
        max_redirects=MAX_REDIRECTS if follows else 0,
    )
    try:
        run.settings.network.check(request.url)
        response = await http_client(run).send(request)
    except NodeError as error:
        raise BridgeError("TypeError", error.message) from error
    if message["redirect"] == "error" and response.status in _REDIRECTS:
        raise BridgeError("TypeError", f"{request.title}: unexpected redirect")
    headers = [
        {"a": [name, value], "id": number} for number, (name, value) in enumerate(response.headers.items(), 1)
    ]
    return {
        "o": {
            "url": response.url,
            "status": response.status,
            "statusText": response.status_text,
            "redirected": response.url != message["url"],
            "headers": {"a": headers},
            "content": {"x": base64.b64encode(response.content).decode("ascii")},
        }
    }
