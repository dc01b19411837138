"""The dashboard: its pages, the feed that keeps them up to date, and what they ask for beyond the other surfaces.

No build step: ES modules as they are in ``static/``, and one vendored file of libraries.
"""

from __future__ import annotations

from aiohttp import web

from server.dashboard import actions, asking, insights, login, pages, workflows
from server.dashboard.feed import Feed

__all__ = ["Feed", "add_routes"]


def add_routes(app: web.Application) -> None:
    """Add the routes of all of it."""
    for part in (pages, login, actions, insights, workflows, asking):
        part.add_routes(app)
