"""Live pictures for the dashboard: who looks at which execution, and the pictures on their way there.

A page asks with the topics ``picture:<execution id>`` (small) and ``picture:<execution id>:large``. Browsers send
pictures only of executions that some page asks for; the largest wish counts. A page that is too slow skips pictures
and gets the newest one later.

Binary messages to the page: one byte with the length of the execution's id, the id, the JPEG.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from batches.pictures import Pictures
from batches.screen import PictureSize
from server.dashboard.feed import Feed, FeedClient

__all__ = ["PICTURE", "PictureDesk"]

PICTURE: Final = "picture:"
"""How topics of pictures begin."""

AGAIN_S: Final = 0.25
"""When a page that was too slow for a picture is offered the newest one, seconds."""

_LARGE: Final = ":large"
_MOST_ID: Final = 255


@dataclass(slots=True)
class _Watched:
    """An execution that somebody looks at."""

    viewers: dict[FeedClient, PictureSize] = field(default_factory=dict)
    size: PictureSize | None = None
    latest: bytes | None = None
    late: set[FeedClient] = field(default_factory=set)
    timer: asyncio.TimerHandle | None = None

    def largest(self) -> PictureSize:
        return PictureSize.LARGE if PictureSize.LARGE in self.viewers.values() else PictureSize.SMALL

    def forget_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class PictureDesk:
    """Counts viewers and hands pictures out.

    Args:
        feed: The open pages.
        pictures: Where pictures come from.
    """

    def __init__(self, feed: Feed, pictures: Pictures) -> None:
        self._pictures = pictures
        self._watched: dict[str, _Watched] = {}
        feed.on_topics.append(self._on_topics)

    @property
    def viewers(self) -> dict[str, int]:
        """How many pages look at each execution that is looked at."""
        return {name: len(watched.viewers) for name, watched in self._watched.items()}

    def close(self) -> None:
        """End all pictures; idempotent."""
        for execution_id in list(self._watched):
            self._drop(execution_id)

    def _on_topics(self, client: FeedClient) -> None:
        wishes = _wishes(client.topics)
        left = [name for name, item in self._watched.items() if client in item.viewers and name not in wishes]
        for execution_id in left:
            watched = self._watched[execution_id]
            del watched.viewers[client]
            watched.late.discard(client)
            self._settle(execution_id, watched)
        for execution_id, size in wishes.items():
            watched = self._watched.setdefault(execution_id, _Watched())
            new = client not in watched.viewers
            watched.viewers[client] = size
            self._settle(execution_id, watched)
            if new:
                watched.late.add(client)
                self._offer(watched)

    def _settle(self, execution_id: str, watched: _Watched) -> None:
        """Ask for pictures of the size that is wanted now, or for none."""
        if not watched.viewers:
            self._drop(execution_id)
            return
        size = watched.largest()
        if size is not watched.size:
            watched.size = size
            self._pictures.watch(execution_id, size, lambda picture: self._show(execution_id, picture))

    def _drop(self, execution_id: str) -> None:
        watched = self._watched.pop(execution_id)
        watched.forget_timer()
        self._pictures.unwatch(execution_id)

    def _show(self, execution_id: str, picture: bytes) -> None:
        watched = self._watched.get(execution_id)
        if watched is None:
            return
        name = execution_id.encode()
        watched.latest = bytes((len(name),)) + name + picture
        watched.late.update(watched.viewers)
        self._offer(watched)

    def _offer(self, watched: _Watched) -> None:
        """Give the newest picture to all that do not have it yet, and those who cannot take it a later chance."""
        watched.forget_timer()
        if watched.latest is None:
            return
        watched.late = {client for client in watched.late if not client.send_picture(watched.latest)}
        if watched.late:
            watched.timer = asyncio.get_running_loop().call_later(AGAIN_S, self._offer, watched)


def _wishes(topics: Iterable[str]) -> dict[str, PictureSize]:
    """The executions that topics ask for."""
    wishes: dict[str, PictureSize] = {}
    for topic in topics:
        if not topic.startswith(PICTURE):
            continue
        name = topic.removeprefix(PICTURE)
        size = PictureSize.LARGE if name.endswith(_LARGE) else PictureSize.SMALL
        name = name.removesuffix(_LARGE)
        if len(name.encode()) <= _MOST_ID and wishes.get(name) is not PictureSize.LARGE:
            wishes[name] = size
    return wishes
