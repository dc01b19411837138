"""The HTTP client of one execution: requests that nodes send from the runner (nodes.md, ``apiRequest``).

Requests share connections but no cookies: two requests know of each other only when a curl command keeps its
cookies in a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodes.context import NodeRun
from nodes.http_message import HttpRequest, HttpResponse, prepared
from nodes.network import NetworkPolicy

if TYPE_CHECKING:
    from nodes.http_wire import Wire

__all__ = ["HttpClient", "http_client"]


def http_client(run: NodeRun) -> HttpClient:
    """The client of a run's execution; it is closed with the execution."""
    settings = run.settings
    return run.context.resources.get(
        HttpClient, lambda: HttpClient(settings.network, verify=not settings.ignore_https_errors)
    )


class HttpClient:
    """Sends requests.

    Args:
        policy: Asked before each request and each redirect.
        verify: Whether certificates are checked at all.
    """

    def __init__(self, policy: NetworkPolicy, *, verify: bool = True) -> None:
        self._of_wire = (policy, verify)
        self._wire: Wire | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and read the answer.

        Raises:
            NodeDataError: URL, method or headers cannot be sent.
            FileAccessError: A file of a form is missing or cannot be read.
            NodeTimeoutError: No complete answer in time.
            TransportError: No answer at all.
            NetworkRefusedError: The network policy refuses the host.
        """
        request = prepared(request)
        if self._wire is None:
            # The library behind it is slow to import, and most workflows send no requests.
            from nodes.http_wire import Wire  # noqa: PLC0415 - see above

            policy, verify = self._of_wire
            self._wire = Wire(policy, verify=verify)
        return await self._wire.send(request)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._wire is not None:
            await self._wire.aclose()
