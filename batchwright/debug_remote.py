"""An execution on a server as what the debugger's prompt works on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from batches.breakpoints import BreakpointSet
from batchwright.client import AsyncClient
from batchwright.client_models import ClientError
from batchwright.debug_target import Point, Target, TargetError

__all__ = ["RemoteTarget"]

POLL_S: Final = 0.3
"""How often a server is asked whether an execution is paused, seconds."""

_API: Final = "/api/workflows/execution"


class RemoteTarget(Target):
    """One execution on a server.

    Args:
        client: Talks to the server.
        execution_id: The execution.
    """

    def __init__(self, client: AsyncClient, execution_id: str) -> None:
        self._client = client
        self._execution_id = execution_id
        self._told: set[tuple[int, int]] = set()

    async def check(self) -> None:
        """Find out whether there is such an execution.

        Raises:
            TargetError: The server does not know it.
        """
        await self._ask("GET", "")

    async def next_pause(self) -> Point | None:
        """Wait until it is paused anew."""
        while (status := await self._ask("GET", "")).get("endTime") is None:
            point = await self._new_pause(status) if status.get("pausedNodeId") is not None else None
            if point is not None:
                return point
            await asyncio.sleep(POLL_S)
        return None

    async def _new_pause(self, status: Mapping[str, Any]) -> Point | None:
        try:
            seen = await self._ask("GET", "/inspect")
        except TargetError:
            return None  # it went on meanwhile
        key = (status["attempts"], seen["pause"])
        if key in self._told:
            return None
        self._told.add(key)
        name = str(status.get("workflowFileName", self._execution_id))
        return Point(status["executionId"], name, seen["node"]["nodeId"], seen["reason"], seen["message"])

    async def control(self, point: Point, action: str, **fields: Any) -> str:
        """Send a control."""
        names = {"node_id": "nodeId"}
        body = {names.get(name, name): value for name, value in fields.items()}
        answer = await self._call(
            "POST", f"{_API}/pause-control", {"action": action, "executionId": point.execution_id, **body}
        )
        return str(answer["message"])

    async def inspect(self, point: Point, *include: str) -> Mapping[str, Any]:
        """Look at the pause."""
        del point
        return await self._ask("GET", f"/inspect?include={','.join(include)}")

    async def evaluate(self, point: Point, **question: str) -> Mapping[str, Any]:
        """Ask the pause."""
        del point
        return await self._ask("POST", "/evaluate", dict(question))

    async def set_variable(self, point: Point, name: str, value: object) -> None:
        """Change a variable."""
        del point
        await self._ask("PATCH", "/variables", {"variables": {name: value}})

    async def breakpoints(self, point: Point) -> BreakpointSet:
        """What makes it pause."""
        del point
        return BreakpointSet.model_validate(await self._ask("GET", "/breakpoints"))

    async def set_breakpoints(self, point: Point, wanted: BreakpointSet) -> None:
        """Replace that."""
        del point
        await self._ask("PUT", "/breakpoints", wanted.model_dump(mode="json"))

    async def workflow(self, point: Point) -> Mapping[str, Any]:
        """Its document."""
        del point
        return await self._ask("GET", "/workflow")

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return await self._call(method, f"{_API}/{self._execution_id}{path}", body)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            return await self._client.call(method, path, body)
        except ClientError as error:
            raise TargetError(error.message) from error
