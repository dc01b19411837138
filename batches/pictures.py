"""Who watches which execution, across its attempts: the runner's side of live pictures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from batches.engine import Handle
from batches.screen import PictureSize, ShowPicture

__all__ = ["Pictures"]


class Pictures:
    """Live pictures of a runner's executions; costs nothing for those that nobody watches."""

    def __init__(self) -> None:
        self._handles: dict[str, Handle] = {}
        self._wishes: dict[str, tuple[PictureSize, ShowPicture]] = {}

    @property
    def watched(self) -> Mapping[str, PictureSize]:
        """The executions that are watched, and how large."""
        return MappingProxyType({name: size for name, (size, _) in self._wishes.items()})

    def watch(self, execution_id: str, size: PictureSize, show: ShowPicture) -> None:
        """Show pictures of an execution while it runs, now or later; replaces what was wished before."""
        self._wishes[execution_id] = (size, show)
        if handle := self._handles.get(execution_id):
            handle.watch(size, show)

    def unwatch(self, execution_id: str) -> None:
        """Show none any more."""
        gone = self._wishes.pop(execution_id, None)
        if gone is not None and (handle := self._handles.get(execution_id)):
            handle.watch(None)

    def attach(self, execution_id: str, handle: Handle) -> None:
        """An attempt of an execution began."""
        self._handles[execution_id] = handle
        if wish := self._wishes.get(execution_id):
            handle.watch(*wish)

    def detach(self, execution_id: str) -> None:
        """The attempt is over."""
        self._handles.pop(execution_id, None)
