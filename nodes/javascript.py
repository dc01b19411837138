"""The JavaScript node (nodes.md, ``javascriptCode``; workflow-format.md, section 14)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nodes.context import NodeRun
from nodes.model import REQUIRED, NodeData, Text
from nodes.registry import NodeType
from nodes.script.session import run_script
from nodes.script.values import UNDEFINED

__all__ = ["JavaScriptCode", "JavaScriptCodeData"]


class JavaScriptCodeData(NodeData):
    """The code to run."""

    code: Annotated[Text, REQUIRED] = None
    """Body of an async function with the parameter `context`; taken as it is, references included."""


class JavaScriptCode(NodeType[JavaScriptCodeData]):
    """Run JavaScript in the runner, with the page, `data` and `variables` at hand.

    The code runs in a V8 of its own, with limits on time and memory. What it returns is stored, unless that is
    `undefined`.
    """

    name: ClassVar = "javascriptCode"
    title: ClassVar = "JavaScript Code"
    category: ClassVar = "code"
    reads: ClassVar = ("data", "variables")
    writes: ClassVar = ("result",)

    async def run(self, data: JavaScriptCodeData, run: NodeRun) -> None:
        """Run the code.

        Raises:
            ScriptError: It threw, or exceeded a limit.
        """
        value = await run_script(run, run.require(data.code, "code"))
        if value is not UNDEFINED:
            run.data["result"] = value
