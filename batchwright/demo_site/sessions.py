"""What the shop knows about each visitor."""

from __future__ import annotations

import itertools
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

__all__ = ["MAX_SESSIONS", "Order", "Session", "SessionStore"]

MAX_SESSIONS: Final = 10_000
"""Visitors remembered at once; the one unseen for longest is forgotten first."""

_TOKEN_BYTES: Final = 16
_FIRST_ORDER_NUMBER: Final = 1001


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was placed; ``total`` is in cents."""

    number: str
    name: str
    email: str
    delivery: str
    total: int


@dataclass(slots=True)
class Session:
    """One visitor: who is signed in, what is in the cart (slug to quantity), and the orders placed."""

    user: str | None = None
    cart: dict[str, int] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    @property
    def cart_count(self) -> int:
        """Number of items in the cart."""
        return sum(self.cart.values())


class SessionStore:
    """The visitors of one running site."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._order_numbers = itertools.count(_FIRST_ORDER_NUMBER)

    def find_or_create(self, token: str) -> tuple[str, Session]:
        """The session with this token, or a new one with a new token."""
        session = self._sessions.get(token)
        if session is None:
            token, session = secrets.token_urlsafe(_TOKEN_BYTES), Session()
            self._sessions[token] = session
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(token)
        return token, session

    def next_order_number(self) -> str:
        """An order number that no other order of this site has."""
        return f"HS-{next(self._order_numbers)}"
