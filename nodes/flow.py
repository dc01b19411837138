"""Node types that steer the flow: loop, switch and the call of a reusable flow.

Source: workflow-format.md, sections 11 to 13, and nodes.md. The walker does the steering itself; these
classes hold the properties, the checks and what is written into the stores.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator

from nodes.arrays import stored_array
from nodes.choices import choose
from nodes.conditions import Condition, condition_problems, holds
from nodes.context import NodeRun
from nodes.errors import LoopLimitError, NodeDataError
from nodes.matching import js_text
from nodes.model import REQUIRED, AbsentAs, LooseText, NodeData, OneOf, Part, Text
from nodes.registry import NodeType
from nodes.script.errors import ScriptError
from nodes.script.session import run_script

__all__ = [
    "DEFAULT_HANDLE",
    "Case",
    "DefaultCase",
    "Loop",
    "LoopData",
    "ReusableData",
    "RunReusable",
    "Switch",
    "SwitchData",
]

DEFAULT_HANDLE: Final = "default"
"""Handle of a switch's default branch."""


class LoopData(NodeData):
    """What a loop goes through."""

    mode: Annotated[Text, REQUIRED, OneOf("forEach", "doWhile")] = None
    """Once for each element of an array, or while a condition holds."""
    array_variable: Text = None
    """Key of `data` with the array, for `forEach`."""
    condition: Mapping[str, Any] | None = None
    """The condition (as in a switch case), tested before each iteration, for `doWhile`."""
    update_step: Text = None
    """JavaScript to run after each iteration, for `doWhile`: the body of an async function like that of a
    JavaScript node. What it returns is dropped; its errors are only logged."""
    max_iterations: Annotated[int, BeforeValidator(int), AbsentAs(1000)] = 1000
    """Most iterations of a `doWhile` loop; going on beyond them is an error."""


class Loop(NodeType[LoopData]):
    """Run the nodes behind the handle `output` again and again.

    `variables.index` counts from 0; `variables.item` is the array's element.
    """

    name: ClassVar = "loop"
    title: ClassVar = "Loop"
    category: ClassVar = "flow"
    reads: ClassVar = ("<arrayVariable>",)
    writes: ClassVar = ("variables.index", "variables.item")
    uses_page: ClassVar = False

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Name a condition that never holds."""
        return condition_problems(values.get("condition") if values.get("mode") == "doWhile" else None)

    async def run(self, data: LoopData, run: NodeRun) -> None:
        """Check the properties and set what `index` and `item` are at first; the iterations are the walker's."""
        first = choose({"forEach": _first, "doWhile": _nothing}, data.mode, "mode")(data, run)
        run.variables["index"], run.variables["item"] = 0, first

    def iterations(self, data: LoopData, run: NodeRun) -> AsyncIterator[int]:
        """Count the iterations, with ``index`` and ``item`` set for each.

        The body runs while this is suspended; a doWhile condition is tested after it.

        Raises:
            NodeDataError: A property is missing or wrong, or the array is none.
            LoopLimitError: The condition still holds after ``maxIterations``.
        """
        return choose({"forEach": _each, "doWhile": _while}, data.mode, "mode")(data, run)


def _first(data: LoopData, run: NodeRun) -> object:
    return next(iter(stored_array(run, data.array_variable, "arrayVariable")), None)


def _nothing(data: LoopData, _run: NodeRun) -> None:
    _condition(data)


def _condition(data: LoopData) -> Condition:
    if not data.condition:
        raise NodeDataError("Property 'condition' is required for a doWhile loop", field="condition")
    return Condition(data.condition)


async def _each(data: LoopData, run: NodeRun) -> AsyncIterator[int]:
    for index, item in enumerate(stored_array(run, data.array_variable, "arrayVariable")):
        run.variables["index"], run.variables["item"] = index, item
        yield index


async def _while(data: LoopData, run: NodeRun) -> AsyncIterator[int]:
    condition = _condition(data)
    index = 0
    while await holds(run, condition):
        if index >= data.max_iterations:
            raise LoopLimitError(f"Loop exceeded maximum iterations limit of {data.max_iterations}")
        run.variables["index"] = index
        yield index
        await _update(data, run)
        index += 1


async def _update(data: LoopData, run: NodeRun) -> None:
    """Run the update step; its errors are not the loop's (workflow-format.md, section 12.2)."""
    if data.update_step is None or not data.update_step.strip():
        return
    try:
        await run_script(run, data.update_step)
    except ScriptError as error:
        run.log("warning", f"Node {run.node.title}: the update step failed: {error.message}")


class Case(Part):
    """One branch of a switch."""

    id: LooseText = None
    """Handle of the branch."""
    label: LooseText = None
    """Display name of the branch."""
    condition: Mapping[str, Any] | None = None
    """When the branch is taken; a case without a condition never is."""

    @cached_property
    def asked(self) -> Condition | None:
        """The condition, to be asked; an empty one is none."""
        return Condition(self.condition) if self.condition else None


class DefaultCase(Part):
    """The branch that is taken when no case holds."""

    label: LooseText = None
    """Display name of the branch."""


class SwitchData(NodeData):
    """The branches of a switch."""

    cases: Annotated[list[Case] | None, REQUIRED] = None
    """The branches, tried in order; the first whose condition holds is taken."""
    default_case: Annotated[DefaultCase | None, REQUIRED] = None
    """The branch for everything else."""


class Switch(NodeType[SwitchData]):
    """Go on with the first branch whose condition holds, else with the default branch."""

    name: ClassVar = "switch.switch"
    title: ClassVar = "Switch"
    category: ClassVar = "flow"
    reads: ClassVar = ("<apiContextKey>", "variables.<variableName>")
    writes: ClassVar = ("switchOutput", "switchOutputLabel")
    uses_page: ClassVar = False

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Name the cases whose condition never holds."""
        cases = values.get("cases")
        conditions = [
            case.get("condition")
            for case in (cases if isinstance(cases, list) else ())
            if isinstance(case, Mapping)
        ]
        return [problem for condition in conditions for problem in condition_problems(condition)]

    async def run(self, data: SwitchData, run: NodeRun) -> None:
        """Evaluate the cases and store the selected branch."""
        handle, label = await _branch(data, run)
        run.data["switchOutput"], run.data["switchOutputLabel"] = handle, label
        run.result = f"Took the branch '{label}'"

    def selected(self, run: NodeRun) -> str:
        """The handle that the last switch selected; the default branch if none did."""
        return js_text(run.data.get("switchOutput", DEFAULT_HANDLE))


async def _branch(data: SwitchData, run: NodeRun) -> tuple[str, str]:
    """Handle and label of the branch to take."""
    if data.cases is None:
        raise NodeDataError("Property 'cases' is required; it must be an array", field="cases")
    default_label = run.require(data.default_case.label if data.default_case else None, "defaultCase.label")
    for number, case in enumerate(data.cases, 1):
        if case.asked is not None and await holds(run, case.asked):
            handle = case.id or f"case-{number}"
            return handle, case.label or handle
    return DEFAULT_HANDLE, default_label


class ReusableData(NodeData):
    """Which flow is meant."""

    context_name: Annotated[Text, REQUIRED] = None
    """Name of the flow."""


class RunReusable(NodeType[ReusableData]):
    """Run a reusable flow; it shares page, data and variables with the caller."""

    name: ClassVar = "reusable.runReusable"
    title: ClassVar = "Run Reusable Flow"
    category: ClassVar = "flow"
    uses_page: ClassVar = False

    async def run(self, data: ReusableData, run: NodeRun) -> None:
        """Check the name; the walker runs the flow's nodes."""
        run.require(data.context_name, "contextName")
