"""The debugger's prompt: shows where an execution is paused, and asks what to do."""

from __future__ import annotations

import asyncio
import base64
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import orjson
from rich.console import Console

from batches.breakpoints import Breakpoint
from batches.encoding import to_bytes
from batchwright.debug_target import Point, Target, TargetError
from nodes.document import parse_workflow
from nodes.errors import WorkflowInvalidError
from nodes.plan import Plan
from nodes.questions import APPROVAL

__all__ = ["HELP", "Lines", "Prompt"]

HELP: Final = """\
c, continue          go on to the next breakpoint
n, step              run one node
o, over              the same, with a whole loop or flow as one step
u, until NODE        go on to a node
k, skip              leave this node out
r, retry             run the node again that has just run or failed
from NODE            go back to a node and run on from there
b, break [NODE]      pause before a node; without one, list the breakpoints
clear NODE           remove that breakpoint
l, list              the nodes around this one
v, vars              variables and data
p, print EXPRESSION  an expression over data, variables and index
s, select SELECTOR   what a CSS selector finds on the page
set NAME=VALUE       set a variable; the value is JSON, else text
i, info              node, page, console, failed requests
shot [FILE]          save a picture of the page
run                  go on without breakpoints
q, quit              stop this execution
h, help              this list"""

_AROUND: Final = 3
_DECISIONS: Final = {"y": True, "yes": True, "n": False, "no": False}
_SHORT: Final = 200

Command = Callable[[Point, str], Awaitable[bool]]
"""Does what a line says; True if the execution goes on."""


class Lines:
    """Lines that somebody types, read by a thread that does not keep the program from ending.

    Args:
        source: Where they come from.
    """

    def __init__(self, source: TextIO | None = None) -> None:
        self._source = source or sys.stdin
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._thread: threading.Thread | None = None

    async def next(self) -> str | None:
        """The next line without its end; None when there will be no more."""
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._read, args=(loop,), name="prompt", daemon=True)
            self._thread.start()
        line = await self._queue.get()
        if line is None:
            self._queue.put_nowait(None)
        return line

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for line in self._source:
                loop.call_soon_threadsafe(self._queue.put_nowait, line.rstrip("\r\n"))
            loop.call_soon_threadsafe(self._queue.put_nowait, None)
        except RuntimeError:
            return  # the loop was closed: nobody asks any more


class Prompt:
    """Asks at each pause of a target what to do.

    Args:
        target: What is debugged.
        console: Where it writes.
        lines: What is typed; when it ends, executions go on without breakpoints.
    """

    def __init__(self, target: Target, console: Console, lines: Lines) -> None:
        self._target = target
        self._console = console
        self._lines = lines
        self._last = ""
        self._commands: dict[str, Command] = {
            **dict.fromkeys(("c", "continue"), self._resuming("continue")),
            **dict.fromkeys(("n", "step"), self._resuming("step")),
            **dict.fromkeys(("o", "over"), self._resuming("stepOver")),
            **dict.fromkeys(("u", "until"), self._resuming("runTo", node=True)),
            **dict.fromkeys(("k", "skip"), self._resuming("skip")),
            **dict.fromkeys(("r", "retry"), self._resuming("retry")),
            "from": self._resuming("repeatFrom", node=True),
            "run": self._resuming("continueWithoutBreakpoint"),
            **dict.fromkeys(("q", "quit"), self._resuming("stop")),
            **dict.fromkeys(("b", "break"), self._break),
            "clear": self._clear,
            **dict.fromkeys(("l", "list"), self._list),
            **dict.fromkeys(("v", "vars"), self._vars),
            **dict.fromkeys(("p", "print"), self._print),
            **dict.fromkeys(("s", "select"), self._select),
            "set": self._set,
            **dict.fromkeys(("i", "info"), self._info),
            "shot": self._shot,
            **dict.fromkeys(("h", "help", "?"), self._help),
        }

    async def run(self) -> None:
        """Ask at every pause until nothing runs any more."""
        while (point := await self._target.next_pause()) is not None:
            self._say(f"\n{point.name}: {point.message}")
            ask = self._ask if point.question is None else self._reply
            while not await ask(point):
                continue

    async def _ask(self, point: Point) -> bool:
        """Take one line; True if the execution goes on."""
        self._console.print(f"{point.node_id}> ", end="", markup=False, highlight=False)
        line = await self._lines.next()
        if line is None:
            self._say("")
            line = "run"
        line = line.strip() or self._last
        word, _, rest = line.partition(" ")
        command = self._commands.get(word)
        if command is None:
            self._say(f"Unknown command '{word}'; 'help' lists them" if word else "'help' lists the commands")
            return False
        self._last = line
        try:
            return await command(point, rest.strip())
        except TargetError as error:
            self._say(str(error))
            return "is over" in str(error)

    async def _reply(self, point: Point) -> bool:
        """Take a person's reply to a question; True if the execution goes on."""
        wants = "approve? y/n [reason]" if point.question == APPROVAL else "answer"
        self._console.print(f"{point.node_id} {wants}> ", end="", markup=False, highlight=False)
        line = await self._lines.next()
        fields: dict[str, object] = {"answer": line}
        if line is None:
            fields = {"approved": False, "reason": "nobody is there to reply"}
        elif point.question == APPROVAL:
            word, _, reason = line.strip().partition(" ")
            if word.lower() not in _DECISIONS:
                self._say("Say y or n, and why if you like")
                return False
            fields = {"approved": _DECISIONS[word.lower()], "reason": reason.strip() or None}
        try:
            self._say(await self._target.control(point, "respond", **fields))
        except TargetError as error:
            self._say(str(error))
            return "is over" in str(error) or line is None
        return True

    def _resuming(self, action: str, *, node: bool = False) -> Command:
        async def command(point: Point, rest: str) -> bool:
            if node and not rest:
                self._say("Name a node")
                return False
            fields = {"node_id": rest} if node else {}
            self._say(await self._target.control(point, action, **fields))
            return True

        return command

    async def _break(self, point: Point, rest: str) -> bool:
        wanted = await self._target.breakpoints(point)
        if rest:
            added = (*wanted.breakpoints, Breakpoint(node_id=rest))
            await self._target.set_breakpoints(point, wanted.model_copy(update={"breakpoints": added}))
            self._say(f"Breakpoint before {rest}")
            return False
        for item in wanted.breakpoints:
            condition = f" if {item.condition}" if item.condition else ""
            self._say(f"  {item.node_id} ({item.at}){condition}")
        self._say("" if wanted.breakpoints else "No breakpoints on single nodes")
        return False

    async def _clear(self, point: Point, rest: str) -> bool:
        wanted = await self._target.breakpoints(point)
        kept = tuple(item for item in wanted.breakpoints if item.node_id != rest)
        await self._target.set_breakpoints(point, wanted.model_copy(update={"breakpoints": kept}))
        self._say(f"{len(wanted.breakpoints) - len(kept)} removed")
        return False

    async def _list(self, point: Point, _rest: str) -> bool:
        try:
            plan = Plan(parse_workflow(await self._target.workflow(point)))
        except WorkflowInvalidError as error:
            self._say(error.message)
            return False
        order = plan.main.order if point.node_id in plan.main.order else tuple(plan.nodes)
        at = order.index(point.node_id) if point.node_id in order else 0
        for name in order[max(0, at - _AROUND) : at + _AROUND + 1]:
            mark = "->" if name == point.node_id else "  "
            self._say(f"{mark} {plan.nodes[name].title}  {plan.nodes[name].type}")
        return False

    async def _vars(self, point: Point, _rest: str) -> bool:
        seen = await self._target.inspect(point)
        self._values("variables", seen["variables"])
        self._values("data", seen["data"])
        return False

    async def _print(self, point: Point, rest: str) -> bool:
        answer = await self._target.evaluate(point, expression=rest)
        self._say(orjson.dumps(answer.get("value"), option=orjson.OPT_INDENT_2, default=str).decode())
        return False

    async def _select(self, point: Point, rest: str) -> bool:
        answer = await self._target.evaluate(point, selector=rest)
        self._say(f"{answer['count']} element(s)")
        for item in answer["elements"]:
            self._say(f"  {'visible' if item['visible'] else 'hidden '}  {item['text'][:_SHORT]}")
        return False

    async def _set(self, point: Point, rest: str) -> bool:
        name, equals, text = rest.partition("=")
        if not equals or not name.strip():
            self._say("Write it as set NAME=VALUE")
            return False
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text
        await self._target.set_variable(point, name.strip(), value)
        return False

    async def _info(self, point: Point, _rest: str) -> bool:
        seen = await self._target.inspect(point)
        self._values("node", seen["node"])
        if seen.get("page") is not None:
            self._say(f"page: {seen['page']['title']}  {seen['page']['url']}")
        for item in seen.get("console") or ():
            self._say(f"  console {item['type']}: {item['text'][:_SHORT]}")
        for item in seen.get("networkFailures") or ():
            self._say(f"  {item['method']} {item['url'][:_SHORT]}: {item['status'] or item['failure']}")
        return False

    async def _shot(self, point: Point, rest: str) -> bool:
        picture = (await self._target.inspect(point, "screenshot")).get("screenshot")
        if not isinstance(picture, str):
            self._say("No page is open")
            return False
        target = Path(rest or f"{point.execution_id}-{point.node_id}.png")
        try:
            await asyncio.to_thread(target.write_bytes, base64.b64decode(picture.partition(",")[2]))
        except OSError as error:
            self._say(f"{target} cannot be written: {error.strerror}")
            return False
        self._say(f"Saved {target}")
        return False

    async def _help(self, _point: Point, _rest: str) -> bool:
        self._say(HELP)
        return False

    def _values(self, title: str, values: Mapping[str, Any]) -> None:
        self._say(f"{title}:")
        for name, value in values.items():
            text = value if isinstance(value, str) else to_bytes(value).decode()
            self._say(f"  {name} = {text[:_SHORT]}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
