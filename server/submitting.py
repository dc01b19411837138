"""From what a client sent to what is run: the input of a single run or a batch, and its options.

Source: api.md, section 1; structural checks are those of workflow-format.md, section 5.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from batches.events import InvalidWorkflow
from batches.reports.config import ReportConfig
from batches.request import BatchRequest, WorkItem
from batches.service import Service
from batches.spec import ExecutionOptions, ScreenshotConfig
from nodes.document import START, decode_document, structural_problems
from nodes.errors import WorkflowUnreadableError
from server.execute_models import DEFAULT_WORKERS, ExecuteRequest, ExecutionMode
from server.folders import find_folder, scan_folder, too_many
from server.main_api import ValidationErrorView
from server.problems import Problem
from server.settings import ServerSettings
from server.uploads import Upload

__all__ = ["batch_request"]

_FAILED: Final = "Failed to execute workflow"

_Input = tuple[tuple[WorkItem, ...], tuple[InvalidWorkflow, ...]]


async def batch_request(
    given: ExecuteRequest, files: Sequence[Upload], service: Service, settings: ServerSettings
) -> BatchRequest:
    """What to run.

    Args:
        given: The request.
        files: Uploaded workflows; with any, they are the input.
        service: Knows the roots.
        settings: Limits, and what holds for every run.

    Raises:
        Problem: There is no input, too much of it, or none that is valid (400, 404, 413).
        ConfinementError: A path lies outside the roots.
    """
    report, output_path = await asyncio.to_thread(_output, given, service)
    source_type, (items, invalid) = await _input(given, files, service, settings)
    single = source_type == "single"
    if not items:
        raise Problem(
            400,
            "No valid workflows found",
            _none_valid(len(invalid)),
            code="NO_VALID_WORKFLOWS",
            more={"validationErrors": [_invalid_view(item) for item in invalid]},
        )
    return BatchRequest(
        items=items,
        invalid=invalid,
        source_type="workflows" if single else source_type,
        folder_path=given.folder_path if source_type == "folder" else None,
        workers=given.workers or DEFAULT_WORKERS,
        options=_options(given, settings),
        retries=given.retries,
        priority=given.batch_priority,
        single=single,
        debug=given.debug(),
        tags=given.tags,
        source=given.source,
        report=report,
        output_path=output_path,
    )


async def _input(
    given: ExecuteRequest, files: Sequence[Upload], service: Service, settings: ServerSettings
) -> tuple[str, _Input]:
    """The kind of input and what is in it."""
    if files:
        return "files", await asyncio.to_thread(_sorted_out, files, _of_upload)
    mode = _mode(given)
    if mode is ExecutionMode.SINGLE:
        return "single", ((_single(given),), ())
    if given.folder_path is not None:
        folder = await find_folder(service, given.folder_path, title=_FAILED)
        found = await scan_folder(
            service, folder, recursive=given.recursive, pattern=given.pattern, most=settings.max_workflows
        )
        return "folder", (found.items, found.invalid)
    documents = given.workflows or ()
    if len(documents) > settings.max_workflows:
        raise too_many(len(documents), settings.max_workflows, "workflows")
    named = [(_name(given, index), document) for index, document in enumerate(documents)]
    return "workflows", await asyncio.to_thread(_sorted_out, named, _of_document)


def _mode(given: ExecuteRequest) -> ExecutionMode:
    """Single or parallel.

    Raises:
        Problem: The input fits neither, or both.
    """
    several = given.workflows is not None or given.folder_path is not None
    if given.mode is ExecutionMode.AUTO:
        if given.workflow is not None and several:
            raise _no_input("Give either workflow, or workflows or folderPath, not both", "workflow")
        if given.workflow is None and not several:
            raise _no_input("Give workflow, workflows, folderPath or files", "workflow")
        return ExecutionMode.PARALLEL if several else ExecutionMode.SINGLE
    if given.mode is ExecutionMode.PARALLEL and not several:
        raise _no_input("Parallel mode needs folderPath, workflows or files", "folderPath")
    return given.mode


def _no_input(message: str, field: str) -> Problem:
    return Problem(400, message, code="INPUT_MISSING", field=field)


def _single(given: ExecuteRequest) -> WorkItem:
    """The one workflow; the rest of its faults show when it runs (workflow-format.md, section 5.1)."""
    document = given.workflow
    if not isinstance(document, dict) or not all(_is_truthy(document.get(key)) for key in ("nodes", "edges")):
        raise Problem(
            400,
            "Invalid workflow format",
            "workflow must be an object with nodes and edges",
            code="WORKFLOW_INVALID",
            field="workflow",
        )
    name = given.workflow_file_name or _start_label(document) or "workflow"
    return WorkItem(name, name, document)


def _is_truthy(value: object) -> bool:
    """What the reference takes for present: empty arrays and objects count."""
    return isinstance(value, list | dict) or bool(value)


def _start_label(document: dict[str, Any]) -> str | None:
    nodes = document["nodes"]
    for node in nodes if isinstance(nodes, list) else ():
        if isinstance(node, dict) and node.get("type") == START:
            data = node.get("data")
            label = data.get("label") if isinstance(data, dict) else None
            return label.strip()[:200] or None if isinstance(label, str) else None
    return None


def _name(given: ExecuteRequest, index: int) -> str:
    names = given.workflow_file_names
    return (names[index] if index < len(names) else "") or f"workflow-{index + 1}.json"


def _sorted_out(given: Sequence[Any], read: Callable[[Any], WorkItem | InvalidWorkflow]) -> _Input:
    """Valid and invalid workflows, each in input order."""
    found = [read(item) for item in given]
    return (
        tuple(item for item in found if isinstance(item, WorkItem)),
        tuple(item for item in found if isinstance(item, InvalidWorkflow)),
    )


def _of_document(named: tuple[str, object]) -> WorkItem | InvalidWorkflow:
    name, document = named
    problems = structural_problems(document)
    if problems:
        return InvalidWorkflow(file_name=name, errors=tuple(problems))
    return WorkItem(name, name, cast("dict[str, object]", document))


def _of_upload(upload: Upload) -> WorkItem | InvalidWorkflow:
    if not upload.name.lower().endswith(".json"):
        return InvalidWorkflow(file_name=upload.name, errors=("File name must end in .json",))
    try:
        document = decode_document(upload.content, limit=None)
    except WorkflowUnreadableError as error:
        return InvalidWorkflow(file_name=upload.name, errors=(error.message,))
    result = _of_document((upload.name, document))
    if isinstance(result, WorkItem):
        return WorkItem(upload.name.rpartition("/")[2], upload.name, result.document)
    return result


def _none_valid(invalid: int) -> str:
    return f"None of {invalid} workflow(s) is valid" if invalid else "There is no workflow in what was given"


def _invalid_view(item: InvalidWorkflow) -> ValidationErrorView:
    return ValidationErrorView(file_name=item.file_name, errors=item.errors)


def _output(given: ExecuteRequest, service: Service) -> tuple[ReportConfig | None, str | None]:
    """Where reports go, confined."""
    report, output_path = given.report_config, given.output_path
    if output_path is not None:
        output_path = str(service.confine(output_path, field="outputPath"))
    if report is not None and report.output_path is not None:
        confined = service.confine(report.output_path, field="reportConfig.outputPath")
        report = report.model_copy(update={"output_path": str(confined)})
    return report, output_path


def _options(given: ExecuteRequest, settings: ServerSettings) -> ExecutionOptions:
    screenshots, overrides = given.screenshot_config, given.start_node_overrides
    return ExecutionOptions(
        headless=False if settings.headed else None,
        browser=settings.browser,
        timeout_s=given.timeout / 1000 or None,
        record_session=given.record_session,
        screenshot_config=(
            ScreenshotConfig(enabled=screenshots.enabled, timing=screenshots.timing)
            if screenshots is not None
            else None
        ),
        variables=given.variables,
        start_overrides=(
            overrides.model_dump(by_alias=True, exclude_none=True) if overrides is not None else {}
        ),
        trace_logs=given.trace_logs,
    )
