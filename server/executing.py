"""``POST /api/workflows/execute``: start one workflow or a batch (api.md, section 1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from batches.encoding import to_bytes
from batches.events import ExecutionStatus
from batches.service import Service
from batches.state import BatchState, ExecutionState
from server.endpoints import Routes, json_answer
from server.execute_models import (
    Accepted,
    BatchAccepted,
    ExecuteRequest,
    MemberAccepted,
    SingleAccepted,
)
from server.idempotency import HEADER, AnswerCache
from server.keys import SERVICE, SETTINGS
from server.main_api import EXECUTION_WORDS, ValidationErrorView
from server.reading import from_texts, read_body
from server.submitting import batch_request
from server.uploads import FILES, MULTIPART, Upload, read_form

__all__ = ["ANSWERS", "accepted_batch", "add_routes"]

ANSWERS: Final = web.AppKey("answers", AnswerCache[Accepted])
"""Answers to requests with an ``Idempotency-Key``."""

_HELLO: Final = {
    "nodes": [
        {"id": "start", "type": "start", "position": {"x": 0, "y": 0}, "data": {"type": "start"}},
        {
            "id": "greet",
            "type": "stringValue",
            "position": {"x": 200, "y": 0},
            "data": {"type": "stringValue", "value": "hello"},
        },
    ],
    "edges": [{"id": "e1", "source": "start", "target": "greet"}],
}
"""The smallest workflow that does something, without a browser."""

_EXAMPLES: Final[Mapping[str, Mapping[str, object]]] = {
    "single": {"workflow": _HELLO, "workflowFileName": "hello.json"},
    "batch": {
        "workflows": [_HELLO, _HELLO],
        "workflowFileNames": ["first.json", "second.json"],
        "workers": 2,
        "batchPriority": 1,
        "tags": ["nightly"],
    },
    "reports": {
        "workflow": _HELLO,
        "reportConfig": {"enabled": True, "reportTypes": ["json", "junit"], "reportRetention": 5},
    },
}


def add_routes(app: web.Application) -> None:
    """Add the route."""
    app[ANSWERS] = AnswerCache[Accepted]()
    routes = Routes(app, tag="Execute")
    routes.post(
        "/api/workflows/execute",
        execute,
        body=ExecuteRequest,
        answer=Accepted,
        files=FILES,
        errors=(404, 409, 422, 503),
        examples=_EXAMPLES,
    )


async def execute(request: web.Request) -> web.Response:
    """Start one workflow, or a batch of many.

    Answers at once; the runs go on. One `workflow` is a single run; `workflows`, a `folderPath` or uploaded
    `files` are a batch. With the header `Idempotency-Key`, the same request sent again starts nothing and gets
    the same answer.
    """
    given, files = await _read(request)
    service, settings = request.app[SERVICE], request.app[SETTINGS]

    async def submit() -> Accepted:
        state = await service.submit(await batch_request(given, files, service, settings))
        return _single(state) if state.single else accepted_batch(state, service)

    key = request.headers.get(HEADER)
    fingerprint = _fingerprint(given, files) if key is not None else ""
    answer, replayed = await request.app[ANSWERS].once(key, fingerprint, submit)
    return json_answer(answer, headers={"Idempotency-Replayed": "true"} if replayed else None)


async def _read(request: web.Request) -> tuple[ExecuteRequest, list[Upload]]:
    if request.content_type != MULTIPART:
        return await read_body(request, ExecuteRequest), []
    form = await read_form(request, request.app[SETTINGS])
    return ExecuteRequest.model_validate(from_texts(form.fields, ExecuteRequest)), form.files


def _fingerprint(given: ExecuteRequest, files: list[Upload]) -> str:
    """What was asked, whatever its spelling."""
    digest = hashlib.sha256(to_bytes(given))
    for upload in files:
        digest.update(b"\0" + upload.name.encode("utf-8", "replace") + b"\0")
        digest.update(hashlib.sha256(upload.content).digest())
    return digest.hexdigest()


def _single(state: BatchState) -> SingleAccepted:
    (execution_id,) = state.executions
    return SingleAccepted(
        execution_id=execution_id, status="running", execution_mode="single", batch_id=state.batch_id
    )


def accepted_batch(state: BatchState, service: Service, *, rerun_of: str | None = None) -> BatchAccepted:
    """A batch that was just taken in (api.md, section 1.3)."""
    waiting = frozenset(service.runner.queue.waiting_of(state.batch_id))
    return BatchAccepted(
        batch_id=state.batch_id,
        execution_mode="parallel",
        source_type=state.source_type,
        folder_path=state.folder_path,
        total_workflows=len(state.executions) + len(state.invalid),
        valid_workflows=len(state.executions),
        invalid_workflows=len(state.invalid),
        validation_errors=tuple(
            ValidationErrorView(file_name=item.file_name, errors=item.errors) for item in state.invalid
        ),
        executions=tuple(_member(item, waiting) for item in state.executions.values()),
        rerun_of=rerun_of,
    )


def _member(execution: ExecutionState, waiting: frozenset[str]) -> MemberAccepted:
    """One that has a worker counts as running, also in the moment before it says so itself."""
    status = execution.status
    if status is ExecutionStatus.QUEUED and execution.execution_id not in waiting:
        status = ExecutionStatus.RUNNING
    return MemberAccepted(
        execution_id=execution.execution_id,
        workflow_file_name=execution.member.workflow_file_name,
        workflow_path=execution.member.workflow_path,
        status=EXECUTION_WORDS[status],
    )
