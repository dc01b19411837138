"""The node that runs another workflow file as a part of this one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from nodes.context import ExecutionContext, NodeRun
from nodes.document import read_document
from nodes.errors import NodeDataError, NodeError, WorkflowInvalidError, WorkflowUnreadableError
from nodes.interpolation import interpolate, lookup
from nodes.matching import MISSING
from nodes.model import INTERPOLATED, REQUIRED, NodeData, Text
from nodes.plan import Plan
from nodes.registry import NodeType, Registry
from nodes.validation import prepare
from nodes.verify_model import RESOLVED

__all__ = ["MAX_DEPTH", "SubWorkflow", "SubWorkflowData", "SubWorkflowError"]

MAX_DEPTH: Final = 10
"""So many workflow files may run inside one another."""

_WHOLE: Final = re.compile(r"\$\{(data|variables)\.([^{}]+)\}")
_OPEN_BROWSER: Final = "openBrowser"

_ENGINE_KEYS: Final = (
    "scrollThenAction",
    "isParallelExecution",
    "executionId",
    "batchId",
    "traceLogs",
    "outputDirectory",
    "screenshotsDirectory",
)


class SubWorkflowError(NodeError):
    """Raised when another workflow file cannot be run inside this one; ``path`` is the file."""

    code = "SUB_WORKFLOW_INVALID"

    def __init__(self, message: str, *, path: Path, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.path = path


class SubWorkflowData(NodeData):
    """Which file to run, and what goes in and out."""

    file: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """The workflow file, relative to the folder of this workflow or to the root; it must lie in one of them."""
    input: Annotated[dict[str, Any] | None, RESOLVED] = None
    """Variables of the called workflow by name; a text that is one whole reference keeps the type of its value."""
    output: Annotated[dict[str, Any] | None, RESOLVED] = None
    """Data keys to set here by what the called workflow leaves, such as `{"total": "${data.total}"}`."""


class SubWorkflow(NodeType[SubWorkflowData]):
    """Run another workflow file with data and variables of its own.

    It works on this workflow's browser: its Open Browser nodes are bypassed if one is open. Its nodes are reported
    as `<this node>/<its node>`. Of its Start node, no options count. Files may call one another ten deep.
    """

    name: ClassVar = "subWorkflow"
    title: ClassVar = "Sub-Workflow"
    category: ClassVar = "flow"
    writes: ClassVar = ("<keys of output>",)
    uses_page: ClassVar = False

    async def run(self, data: SubWorkflowData, run: NodeRun) -> None:
        """Check the property; the walker runs the other workflow's nodes."""
        run.require(data.file, "file")

    async def open(
        self, data: SubWorkflowData, run: NodeRun, registry: Registry
    ) -> tuple[Plan, ExecutionContext]:
        """The other workflow, ready to be walked, and what its nodes work with.

        Raises:
            SubWorkflowError: The file is missing, lies elsewhere, is no valid workflow, or is too deep inside others.
            NodeDataError: An input refers to something that is not there.
        """
        path = _find(run.require(data.file, "file"), run)
        first = (run.context.source,) if run.context.source is not None else ()
        chain = (*(run.context.callers or first), path)
        if len(chain) > MAX_DEPTH:
            names = " -> ".join(item.name for item in chain)
            raise SubWorkflowError(
                f"Workflow files call one another more than {MAX_DEPTH} deep: {names}",
                path=path,
                code="SUB_WORKFLOW_DEPTH",
            )
        variables = _resolved(data.input or {}, run.context, "input")
        try:
            document = await asyncio.to_thread(read_document, path)
            plan, warnings = prepare(_in_this_browser(document, run), registry)
        except WorkflowUnreadableError as error:
            raise SubWorkflowError(f"The workflow file {path.name} {error.message}", path=path) from error
        except WorkflowInvalidError as error:
            raise SubWorkflowError(f"{path.name}: {error.message}", path=path) from error
        for warning in warnings:
            run.log("warning", f"{path.name}: {warning}")
        kept: dict[str, object] = {key: run.data[key] for key in _ENGINE_KEYS if key in run.data}
        context = replace(run.context, data=kept, variables=variables, source=path, callers=chain)
        return plan, context

    def close(self, data: SubWorkflowData, run: NodeRun, context: ExecutionContext) -> None:
        """Take over what the other workflow left.

        Raises:
            NodeDataError: An output refers to something that it did not leave.
        """
        run.data.update(_resolved(data.output or {}, context, "output"))


def _find(text: str, run: NodeRun) -> Path:
    """The file, which must lie below the root or the calling workflow's folder."""
    source = run.context.source
    folders = [
        folder.resolve() for folder in (source.parent if source else None, run.settings.root) if folder
    ]
    wanted = text.strip().replace("\\", "/")
    found = [(folder / wanted).resolve() for folder in folders]
    allowed = [path for path in found if any(path.is_relative_to(folder) for folder in folders)]
    if not allowed:
        raise SubWorkflowError(
            f"The workflow file {text} lies outside of {' and '.join(map(str, dict.fromkeys(folders)))}",
            path=found[-1],
            code="SUB_WORKFLOW_OUTSIDE",
        )
    return next((path for path in allowed if path.is_file()), allowed[0])


def _in_this_browser(document: object, run: NodeRun) -> object:
    """The document with its Open Browser nodes bypassed if this execution has a browser."""
    nodes = document.get("nodes") if isinstance(document, dict) else None
    if not run.session.is_open or not isinstance(nodes, list):
        return document
    changed = [
        {**node, "data": {**(node.get("data") or {}), "bypass": True}}
        if isinstance(node, Mapping) and node.get("type") == _OPEN_BROWSER
        else node
        for node in nodes
    ]
    return {**document, "nodes": changed} if isinstance(document, dict) else document


def _resolved(values: Mapping[str, object], context: ExecutionContext, name: str) -> dict[str, object]:
    return {key: _value(item, context, f"{name}.{key}") for key, item in values.items()}


def _value(value: object, context: ExecutionContext, name: str) -> object:
    """A value with its references replaced; one that is a single reference becomes what it refers to."""
    if isinstance(value, Mapping):
        return {str(key): _value(item, context, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, context, f"{name}.{index}") for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    whole = _WHOLE.fullmatch(value.strip())
    if whole is None:
        try:
            return interpolate(value, context.data, context.variables, context.secrets)
        except ValueError as error:
            raise NodeDataError(f"Property '{name}': {error}", field=name) from error
    found = lookup(whole[2], context.data if whole[1] == "data" else context.variables)
    if found is MISSING:
        raise NodeDataError(
            f"Property '{name}' refers to {whole[1]}.{whole[2]}, which is not set", field=name
        )
    return found
