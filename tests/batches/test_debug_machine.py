"""Controls, stops and node endings in any order: one outcome each, nothing hangs, slots stay within bounds."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from batches.breakpoints import DebugOptions
from batches.controls import parse_control
from batches.errors import ControlError, ControlInvalidError
from batches.events import ExecutionStatus
from batches.local import LocalEngine
from batches.memory_store import MemoryStore
from batches.pool import BrowserPool
from batches.runner import Runner
from batches.state import BatchState, ExecutionState
from nodes.catalogue import built_in_types
from nodes.context import NodeRun
from nodes.errors import NodeError
from nodes.model import NodeData
from nodes.registry import NodeType, Registry
from tests.batches.debugging import START
from tests.batches.runs import request
from tests.running import chain, node, workflow

T = TypeVar("T")

SLOTS = 2
MEMBERS = 4
PATIENCE_S = 20
TURNS = 40

NAMES = ("a", "b", "c")
ACTIONS = ("continue", "skip", "step", "stepOver", "retry", "continueWithoutBreakpoint", "pause")


class HeldData(NodeData):
    """Nothing."""


class Held(NodeType[HeldData]):
    """Runs until the test ends it."""

    name: ClassVar = "held"
    title: ClassVar = "Held"
    category: ClassVar = "test"
    uses_page: ClassVar = False
    running: ClassVar[dict[str, asyncio.Future[None]]] = {}

    async def run(self, data: HeldData, run: NodeRun) -> None:
        """Wait for the test."""
        del data
        name = str(run.data["executionId"])
        future = asyncio.get_running_loop().create_future()
        self.running[name] = future
        try:
            await future
        finally:
            del self.running[name]


def document(*, looped: bool) -> dict[str, Any]:
    held = [node(name, "held") for name in NAMES]
    if not looped:
        return chain(START, *held)
    given = node("given", "setConfig.setConfig", config={"items": [1, 2]})
    loop = node("loop", "loop", mode="forEach", arrayVariable="items")
    edges = [
        ("start", "given"),
        ("given", "loop"),
        ("loop", "a", "output"),
        ("a", "b"),
        ("loop", "c", "loopComplete"),
    ]
    return workflow([START, given, loop, *held], edges)


class Debugger(RuleBasedStateMachine):
    """Drives a real runner and engine on a loop of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        Held.running.clear()
        self.reasons: set[str] = set()
        """Why controls were refused: the field at fault, or the state."""
        self.state: BatchState
        self.runner: Runner

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE_S))

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    @initialize(
        looped=st.booleans(),
        workers=st.integers(1, 3),
        at=st.sampled_from(["pre", "post", "both"]),
        keep_slot=st.booleans(),
        first=st.booleans(),
        break_on=st.sampled_from([[], ["error"]]),
        retries=st.integers(0, 1),
        max_paused=st.sampled_from([None, 1, 2]),
    )
    def begin(
        self,
        *,
        looped: bool,
        workers: int,
        at: str,
        keep_slot: bool,
        first: bool,
        break_on: list[str],
        retries: int,
        max_paused: int | None,
    ) -> None:
        debug = {
            "breakpoints": [{"nodeId": "b", "at": at}, {"nodeId": "c"}],
            "breakOn": break_on,
            "first": first,
            "pause": {"keepSlot": keep_slot, "maxPaused": max_paused},
        }

        async def start() -> None:
            registry = Registry([*built_in_types(), Held])
            root = Path(self.folder.name)
            self.store = MemoryStore(root)
            await self.store.open()
            engine = LocalEngine(registry, BrowserPool(), slots=SLOTS)
            self.runner = Runner(store=self.store, engine=engine, output=root, root=root)
            await self.runner.start()
            documents = [document(looped=looped)] * MEMBERS
            options = DebugOptions.model_validate(debug)
            self.state = await self.runner.submit(
                request(*documents, workers=workers, debug=options, retries=retries)
            )
            await self.settle()

        self.keep_slot = keep_slot
        self.do(start())

    def member(self, number: int) -> ExecutionState:
        return list(self.state.executions.values())[number % MEMBERS]

    @rule(number=st.integers(0, MEMBERS - 1), fails=st.booleans())
    def a_node_ends(self, number: int, *, fails: bool) -> None:
        future = Held.running.get(self.member(number).execution_id)
        if future is None or future.done():
            return
        if fails:
            future.set_exception(NodeError("told to fail"))
        else:
            future.set_result(None)
        self.do(self.settle())

    @rule(number=st.integers(0, MEMBERS - 1), action=st.sampled_from(ACTIONS))
    def a_control(self, number: int, action: str) -> None:
        self.do(self.sent(self.member(number), {"action": action}))

    @rule(
        number=st.integers(0, MEMBERS - 1),
        action=st.sampled_from(["runTo", "repeatFrom"]),
        goal=st.sampled_from([*NAMES, "nowhere"]),
    )
    def a_control_with_a_goal(self, number: int, action: str, goal: str) -> None:
        self.do(self.sent(self.member(number), {"action": action, "nodeId": goal}))

    @rule(number=st.integers(0, MEMBERS - 1), names=st.sets(st.sampled_from(NAMES)))
    def other_breakpoints(self, number: int, names: set[str]) -> None:
        wanted = {"breakpoints": [{"nodeId": name} for name in names], "breakOn": "error"}
        self.do(self.sent(self.member(number), {"action": "setBreakpoints", "breakpoints": wanted}))

    @rule(
        number=st.integers(0, MEMBERS - 1),
        actions=st.lists(st.sampled_from(ACTIONS[:3]), min_size=2, max_size=4),
    )
    def controls_at_once(self, number: int, actions: list[str]) -> None:
        execution = self.member(number)

        async def all_at_once() -> None:
            calls = [self.attempt(execution, {"action": action}) for action in actions]
            taken = [applied for applied in await asyncio.gather(*calls) if applied]
            assert len(taken) <= 1
            await self.settle()

        self.do(all_at_once())

    @rule(number=st.integers(0, MEMBERS - 1), action=st.sampled_from(ACTIONS))
    def a_stop_beside_a_control(self, number: int, action: str) -> None:
        execution = self.member(number)

        async def both() -> None:
            stop = self.runner.stop_execution(execution.execution_id)
            await asyncio.gather(self.attempt(execution, {"action": action}), stop)
            assert execution.status.is_final
            await self.settle()

        self.do(both())

    async def attempt(self, execution: ExecutionState, control: dict[str, Any]) -> bool:
        """Whether a control was taken; one that was not says why."""
        try:
            await self.runner.pauses.control(execution.execution_id, parse_control(control))
        except ControlInvalidError as error:
            self.reasons.add(error.field)
        except ControlError as error:
            self.reasons.add(error.current)
        else:
            return True
        return False

    async def sent(self, execution: ExecutionState, control: dict[str, Any]) -> None:
        was = execution.status
        taken = await self.attempt(execution, control)
        if control["action"] not in {"pause", "setBreakpoints"}:
            assert not taken or was is ExecutionStatus.PAUSED
        if was.is_final:
            assert not taken
        await self.settle()

    @invariant()
    def slots_and_states_hold(self) -> None:
        if not hasattr(self, "state"):
            return
        assert self.reasons <= {"nodeId", *ExecutionStatus}
        queue, executions = self.runner.queue, list(self.state.executions.values())
        assert 0 <= queue.in_use <= SLOTS
        assert queue.parked == 0 or not self.keep_slot
        for execution in executions:
            assert (execution.status is ExecutionStatus.PAUSED) == (execution.pause is not None)
            if execution.status.is_final:
                assert execution.execution_id not in Held.running
        assert len(Held.running) <= queue.in_use
        assert self.state.counts.running <= queue.in_use
        assert sum(status for status in (queue.in_use, queue.waiting, queue.parked)) == sum(
            not execution.status.is_final for execution in executions
        )

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.do(self.finished())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        self.folder.cleanup()

    async def finished(self) -> None:
        """Let everything run to its end: whatever happened before, nothing hangs."""
        for _ in itertools.takewhile(lambda _: not self.state.is_over, range(500)):
            for execution in self.state.executions.values():
                if execution.pause is not None:
                    await self.attempt(execution, {"action": "continueWithoutBreakpoint"})
            for future in list(Held.running.values()):
                if not future.done():
                    future.set_result(None)
            await self.settle()
        assert self.state.is_over
        await self.runner.wait(self.state.batch_id)
        assert (self.runner.queue.in_use, self.runner.queue.waiting, self.runner.queue.parked) == (0, 0, 0)
        await self.runner.close()
        await self.store.close()
        assert not self.runner.pauses._members


TestDebugger = Debugger.TestCase
TestDebugger.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
