"""One script while it runs: turns of JavaScript over there, timers, calls and stores over here.

JavaScript runs in turns. A turn begins with a list of messages (start, a timer went off, a call was answered, ...)
and ends when the script has nothing to do but to wait. In between it may ask questions, for which it stands still.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from nodes.script.api import description
from nodes.script.bridge import Bridge, BridgeError, CallFailure, ScriptOverError
from nodes.script.errors import ScriptError, ScriptMemoryError, ScriptTimeoutError
from nodes.script.process import WorkerProcess
from nodes.script.stores import Stores
from nodes.script.values import Wire

__all__ = ["Limits", "Script", "ScriptHost"]

Message = dict[str, Any]
T = TypeVar("T")

_MOST_PENDING: Final = 2_000
_MOST_LINES: Final = 2_000
_LONGEST_LINE: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a script may take.

    Attributes:
        turn_s: Longest time of computing at a stretch, seconds.
        total_s: Longest time from start to end, waiting included, seconds.
        memory_mb: Memory, MB.
    """

    turn_s: float
    total_s: float
    memory_mb: int


class ScriptHost(Protocol):
    """What a script needs of its execution."""

    def log(self, level: str, message: str) -> None:
        """Write into the execution's log."""

    async def fetch(self, message: Message) -> Wire:
        """Send a request of the script; raises `BridgeError`."""


class Script:
    """A script in a process.

    Args:
        worker: The process; it belongs to the script until `over`.
        bridge: Makes the bridge to the browser, given how to call a function of the script.
        stores: The execution's stores.
        host: The log and the network.
        limits: What the script may take.
    """

    def __init__(
        self,
        worker: WorkerProcess,
        bridge: Callable[[Callable[[int, list[Wire]], Coroutine[Any, Any, Wire]]], Bridge],
        stores: Callable[[Bridge], Stores],
        host: ScriptHost,
        limits: Limits,
    ) -> None:
        self.worker = worker
        self.bridge = bridge(self._call_back)
        self._stores = stores(self.bridge)
        self._host = host
        self._limits = limits
        self._inbox: list[Message] = []
        self._changed = asyncio.Event()
        self._in_turn = False
        self._turn_end = 0.0
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._replies: dict[int, asyncio.Future[Wire]] = {}
        self._last_reply = 0
        self._lines = 0
        self._stopped = False
        self._done: Message | None = None
        self._receivers: Mapping[str, Callable[[Message], None]] = {
            "call": self._on_call,
            "fetch": self._on_fetch,
            "abort": self._on_abort,
            "timer": self._on_timer,
            "clear": self._on_clear,
            "log": self._on_log,
            "set": self._on_set,
            "reply": self._on_reply,
            "done": self._on_done,
        }

    @property
    def quiet(self) -> bool:
        """Whether nothing can happen in the script any more."""
        return not (self._in_turn or self._inbox or self._tasks or self._timers or self.bridge.listens)

    @property
    def stuck(self) -> bool:
        """Whether the process is in the middle of a turn, so that nobody else can use it."""
        return self._in_turn

    async def run(self, start: Message) -> object:
        """Run to the end of the script's own function.

        Args:
            start: The first message.

        Returns:
            What the function returned, as the stores keep it; `UNDEFINED` for nothing.

        Raises:
            ScriptError: It threw, exceeded a limit, or waits for something that cannot happen.
        """
        self._post({"op": "start", **start, **self._stores.overview()})
        limit = asyncio.timeout(self._limits.total_s)
        try:
            async with limit:
                await self._turns(lambda: self._done is not None and not self._in_turn)
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._too_long("the script", self._limits.total_s) from None
        return self._outcome(self._done or {})

    async def live_on(self) -> None:
        """Serve what the script left behind (listeners, timers, calls nobody waits for) until it is quiet.

        Raises:
            ScriptError: A limit was exceeded.
        """
        await self._turns(lambda: self.quiet)

    async def stop(self) -> None:
        """Cancel everything that is under way here; functions of the script are not called any more."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(ScriptOverError("The script ended before its function did"))

    async def _turns(self, finished: Callable[[], bool]) -> None:
        while not finished():
            if self._in_turn:
                await self._take_frame()
            elif self._inbox:
                messages, self._inbox = self._inbox, []
                self.worker.write(b"T", json.dumps(messages).encode())
                self._in_turn = True
                self._turn_end = asyncio.get_running_loop().time() + self._limits.turn_s
                await self._within_turn(self.worker.flush())
            elif self.quiet:
                raise ScriptError(
                    "the script waits for something that can never happen (a promise nobody settles)"
                )
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _take_frame(self) -> None:
        kind, payload = await self._within_turn(self.worker.read())
        if kind == b"D":
            self._in_turn = False
            return
        message: Message = json.loads(payload)
        if kind == b"M":
            self._receivers[message["op"]](message)
            return
        self.worker.write(b"S", json.dumps(self._answer(message)).encode())
        await self._within_turn(self.worker.flush())

    async def _within_turn(self, work: Coroutine[Any, Any, T]) -> T:
        limit = asyncio.timeout_at(self._turn_end)
        try:
            async with limit:
                return await work
        except TimeoutError as error:
            if not limit.expired() or isinstance(error, ScriptError):
                raise
            raise self._too_long("the script computed without a pause and", self._limits.turn_s) from None

    def _too_long(self, what: str, limit_s: float) -> ScriptTimeoutError:
        return ScriptTimeoutError(
            f"{what} exceeded the limit of {limit_s:g} s; raise --script-timeout if it needs longer",
            limit_s=limit_s,
        )

    def _outcome(self, done: Message) -> object:
        error = done.get("error")
        if error is None:
            return self._stores.decode(done["value"])
        message = str(error["message"])
        if "Array buffer allocation failed" in message:
            raise ScriptMemoryError("The script", limit_mb=self._limits.memory_mb)
        hint = _hint(message)
        raise ScriptError(f"{message}{hint}", stack=str(error.get("stack") or ""))

    def _answer(self, question: Message) -> Message:
        match question["op"]:
            case "load":
                return {"value": self._stores.load(question["store"], question["key"])}
            case "class":
                return {"value": description(question["name"])}
            case _:
                try:
                    value = self.bridge.demand(
                        question["on"], question["name"], question["title"], question["args"]
                    )
                except BridgeError as error:
                    return {"error": {"name": error.name, "message": error.message}}
                return {"value": value}

    def _post(self, message: Message) -> None:
        self._inbox.append(message)
        self._changed.set()

    def _begin(self, message: Message, name: str, work: Callable[[], Coroutine[Any, Any, Wire]]) -> None:
        """Do what the script asked for in a task; the answer is posted to it."""
        number = message["id"]
        self._count_pending()
        task = asyncio.create_task(self._settle(number, work), name=name)
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._ended(number))

    def _count_pending(self) -> None:
        if len(self._tasks) + len(self._timers) >= _MOST_PENDING:
            raise ScriptError(f"more than {_MOST_PENDING} calls and timers are under way at once")

    def _ended(self, number: object) -> None:
        self._tasks.pop(number, None)
        self._changed.set()

    def _on_call(self, message: Message) -> None:
        on, name, title, args = (message[key] for key in ("on", "name", "title", "args"))
        self._begin(message, f"script call {title}", lambda: self.bridge.call(on, name, title, args))

    def _on_fetch(self, message: Message) -> None:
        self._begin(message, "script fetch", lambda: self._host.fetch(message))

    async def _settle(self, number: object, work: Callable[[], Coroutine[Any, Any, Wire]]) -> None:
        answer: Message = {"op": "settle", "id": number}
        try:
            answer["value"] = await work()
        except BridgeError as error:
            answer["error"] = {"name": error.name, "message": error.message}
        self._post(answer)

    def _on_abort(self, message: Message) -> None:
        if (task := self._tasks.get(message["id"])) is not None:
            task.cancel()

    def _on_timer(self, message: Message) -> None:
        number = message["id"]
        self._on_clear(message)
        self._count_pending()
        loop = asyncio.get_running_loop()
        self._timers[number] = loop.call_later(message["ms"] / 1000, self._fire, number)

    def _fire(self, number: int) -> None:
        del self._timers[number]
        self._post({"op": "timer", "id": number})

    def _on_clear(self, message: Message) -> None:
        if (timer := self._timers.pop(message["id"], None)) is not None:
            timer.cancel()

    def _on_log(self, message: Message) -> None:
        self._lines += 1
        if self._lines <= _MOST_LINES:
            text = message["text"]
            if len(text) > _LONGEST_LINE:
                text = f"{text[:_LONGEST_LINE]}... ({len(text)} characters)"
            self._host.log(message["level"], text)
        elif self._lines == _MOST_LINES + 1:
            self._host.log("warning", f"The script wrote {_MOST_LINES} lines; the rest is left out")

    def _on_set(self, message: Message) -> None:
        self._stores.set(message["store"], message["key"], message["value"])

    def _on_done(self, message: Message) -> None:
        self._done = message

    def _on_reply(self, message: Message) -> None:
        reply = self._replies.pop(message["id"], None)
        if reply is None or reply.done():
            return
        if "error" in message:
            reply.set_exception(CallFailure(message["error"]["message"]))
        else:
            reply.set_result(message["value"])

    async def _call_back(self, number: int, args: list[Wire]) -> Wire:
        """Call a function of the script and wait for what it returns."""
        if self._stopped:
            raise ScriptOverError("The script that this function belongs to is over")
        self._last_reply += 1
        reply: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        self._replies[self._last_reply] = reply
        self._post({"op": "callback", "id": self._last_reply, "fn": number, "args": args})
        return await reply


def _hint(message: str) -> str:
    for name in ("require", "process", "module", "__dirname"):
        if message == f"{name} is not defined":
            return " (scripts run without modules, files and processes; see docs/javascript.md)"
    return ""
