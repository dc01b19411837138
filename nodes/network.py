"""Which hosts nodes may talk to from the runner, and the errors of doing so.

The policy is asked before every connection that a node opens, also for each redirect. It says nothing about
what a page in the browser loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar
from urllib.parse import urlsplit

from nodes.errors import NodeError

__all__ = ["NetworkPolicy", "NetworkRefusedError", "TransportError"]

_SCHEMES = ("http", "https")


class TransportError(NodeError):
    """Raised when a request got no answer: refused, unknown host, connection lost, bad certificate."""

    code = "HTTP_TRANSPORT"
    retryable: ClassVar[bool] = True


class NetworkRefusedError(NodeError):
    """Raised when the run's network policy does not let a node talk to ``host``."""

    code = "NETWORK_REFUSED"

    def __init__(self, message: str, *, host: str) -> None:
        super().__init__(message)
        self.host = host


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What a run may reach.

    Attributes:
        allowed_hosts: Host names or patterns such as ``*.example.com``; none means every host.
    """

    allowed_hosts: Sequence[str] = ()

    def check(self, url: str) -> None:
        """Let an HTTP URL pass.

        Raises:
            NetworkRefusedError: Its host is not allowed, or it is not HTTP at all.
        """
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise NetworkRefusedError(
                f"A node may only call http and https addresses, not '{parts.scheme}'", host=""
            )
        self.check_host(parts.hostname or "")

    def check_host(self, host: str) -> None:
        """Let a host name pass.

        Raises:
            NetworkRefusedError: It matches none of the allowed hosts.
        """
        name = host.lower().rstrip(".")
        if self.allowed_hosts and not any(
            fnmatchcase(name, pattern.lower()) for pattern in self.allowed_hosts
        ):
            allowed = ", ".join(self.allowed_hosts)
            raise NetworkRefusedError(
                f"The host '{host}' is not among the allowed hosts of this run ({allowed})", host=host
            )
