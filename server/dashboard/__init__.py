"""The dashboard: its pages, and the feed that keeps them up to date.

No build step: ES modules as they are in ``static/``, and one vendored file of libraries.
"""

from __future__ import annotations

from server.dashboard.feed import Feed
from server.dashboard.pages import add_routes

__all__ = ["Feed", "add_routes"]
