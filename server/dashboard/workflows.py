"""The workflows below the server's roots for the dashboard: browsing, looking at one, running a selection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from batches.breakpoints import BreakpointSet
from batches.events import Record
from batches.scan import Scan, scan
from batches.service import Service
from nodes.document import read_document
from nodes.errors import BatchwrightError, WorkflowInvalidError, WorkflowUnreadableError
from nodes.registry import Registry
from nodes.validation import check, prepare
from server.endpoints import Routes
from server.execute_models import Accepted, ExecuteRequest, SingleAccepted
from server.executing import accepted_batch
from server.folders import too_many
from server.keys import SERVICE, SETTINGS
from server.problems import Problem
from server.reading import Input, Maybe, PathText
from server.submitting import batch_request

__all__ = ["add_routes"]

MAX_CHECKED: Final = 500
"""So many files of a folder are read and checked for its list; of more, only names are shown."""

MAX_ENTRIES: Final = 5_000
"""So many entries of a folder are shown."""

_PLACE: Final = "/api/dashboard/workflows"


class BrowseQuery(Input):
    """Which folder."""

    path: PathText | None = None
    """Relative to the first root, or absolute below one of the roots; without it, the roots."""


class FolderEntry(Record):
    """A folder below the one that is shown."""

    name: str
    path: str
    """Absolute."""


class FileEntry(Record):
    """A workflow file of the folder that is shown."""

    name: str
    path: str
    """Absolute."""
    size: int
    """Bytes."""
    modified: int
    """Epoch ms."""
    title: Maybe[str] = None
    """The workflow's own name."""
    tags: tuple[str, ...] = ()
    nodes: Maybe[int] = None
    """How many it has; missing if it was not read or cannot be."""
    runs: Maybe[bool] = None
    """Whether it can be run at all; missing if it was not checked."""
    problems: tuple[str, ...] = ()
    """What is wrong with it, also what shows only when a node is reached."""


class Folder(Record):
    """What a folder holds."""

    path: Maybe[str] = None
    """Absolute; missing for the list of roots."""
    root: Maybe[str] = None
    """The root that it is below."""
    folders: tuple[FolderEntry, ...]
    files: tuple[FileEntry, ...] = ()
    truncated: bool = False
    """Whether there is more than is shown."""


class FileQuery(Input):
    """Which file."""

    path: PathText
    """Relative to the first root, or absolute below one of the roots."""


class WorkflowFile(FileEntry):
    """One workflow file."""

    root: str
    """The root that it is below."""
    document: Maybe[Mapping[str, Any]] = None
    """Its content, if that is an object in JSON."""
    warnings: tuple[str, ...] = ()
    breakpoints: BreakpointSet = Field(default_factory=BreakpointSet)
    """What was saved for it."""


class SavedRequest(BreakpointSet, Input):
    """Breakpoints to keep for a file."""

    path: PathText


class RunRequest(ExecuteRequest):
    """A selection of files and how to run them."""

    paths: Annotated[tuple[PathText, ...], Field(min_length=1)]
    """Files and folders, relative to the first root or absolute; folders with all that is below them."""


def add_routes(app: web.Application) -> None:
    """Add the routes."""
    routes = Routes(app, tag="Dashboard")
    routes.get(_PLACE, browse, errors=(403, 404))
    routes.get(f"{_PLACE}/file", show_file, errors=(403, 404))
    routes.put(f"{_PLACE}/breakpoints", save_breakpoints, errors=(403, 503))
    routes.post(
        f"{_PLACE}/run",
        run_selection,
        errors=(403, 404, 413, 503),
        examples={"two": {"paths": ["shop/login.json", "shop/buy.json"], "workers": 2}},
    )


async def browse(request: web.Request, query: BrowseQuery) -> Folder:
    """The workflow files and folders of a folder, each file with what is wrong with it.

    Without a path, or with the only root: the roots, or what is in it.
    """
    service = request.app[SERVICE]
    if query.path is None and len(service.roots) > 1:
        return Folder(folders=tuple(FolderEntry(name=root.name, path=str(root)) for root in service.roots))
    folder = await asyncio.to_thread(service.confine, query.path or ".", field="path")
    return await asyncio.to_thread(_folder, service, folder)


async def show_file(request: web.Request, query: FileQuery) -> WorkflowFile:
    """One workflow file: its document, what is wrong with it, and the breakpoints saved for it."""
    service = request.app[SERVICE]
    path = await asyncio.to_thread(service.confine, query.path, field="path")
    saved = (await service.runner.saved_breakpoints.all()).get(str(path), BreakpointSet())
    return await asyncio.to_thread(_file, service, path, saved)


async def save_breakpoints(request: web.Request, body: SavedRequest) -> BreakpointSet:
    """Keep breakpoints for a file, for runs that ask for saved ones; an empty set removes them."""
    service = request.app[SERVICE]
    path = await asyncio.to_thread(service.confine, body.path, field="path")
    wanted = BreakpointSet(**{name: getattr(body, name) for name in BreakpointSet.model_fields})
    await service.runner.saved_breakpoints.save({str(path): wanted})
    return wanted


async def run_selection(request: web.Request, body: RunRequest) -> Accepted:
    """Run files and folders as one batch, or one file as a single run; options are those of `execute`."""
    service, settings = request.app[SERVICE], request.app[SETTINGS]
    found = await asyncio.to_thread(_scan, service, body.paths)
    if found.total > settings.max_workflows:
        raise too_many(found.total, settings.max_workflows, "paths")
    single = found.total == 1 and len(found.items) == 1
    documents = [item.document for item in found.items]
    given = body.model_copy(
        update={
            "workflow": documents[0] if single else None,
            "workflows": None if single else tuple(documents),
            "workflow_file_name": found.items[0].file_name if single else None,
            "workflow_file_names": tuple(item.path for item in found.items),
            "folder_path": None,
            "execution_mode": "single" if single else "parallel",
            "source": "frontend",
        }
    )
    wanted = await batch_request(given, (), service, settings)
    # The files are known here, which a request with documents alone cannot say: history goes by them.
    state = await service.submit(
        replace(wanted, items=found.items, invalid=found.invalid, source_type="files")
    )
    if not state.single:
        return accepted_batch(state, service)
    (execution_id,) = state.executions
    return SingleAccepted(
        execution_id=execution_id, status="running", execution_mode="single", batch_id=state.batch_id
    )


def _folder(service: Service, folder: Path) -> Folder:
    try:
        if not folder.is_dir():
            raise Problem(404, "Folder not found", f"{folder.name!r} is no folder", field="path")
        entries = sorted(_entries(service, folder), key=lambda path: path.name.casefold())
    except OSError as error:
        raise Problem(
            403, "Folder not readable", f"{folder.name!r} cannot be read: {error.strerror}", field="path"
        ) from error
    folders = [path for path in entries if path.is_dir()]
    files = [path for path in entries if path.suffix.lower() == ".json" and path.is_file()]
    checked = len(files) <= MAX_CHECKED
    return Folder(
        path=str(folder),
        root=str(_root_of(service, folder)),
        folders=tuple(FolderEntry(name=path.name, path=str(path)) for path in folders[:MAX_ENTRIES]),
        files=tuple(
            FileEntry(**_facts(path, service.registry if checked else None)[0])
            for path in files[:MAX_ENTRIES]
        ),
        truncated=max(len(folders), len(files)) > MAX_ENTRIES,
    )


def _entries(service: Service, folder: Path) -> Iterator[Path]:
    """What is shown: nothing hidden, not the output folder, and no links that lead out."""
    for path in folder.iterdir():
        target = path.resolve()
        inside = any(target.is_relative_to(root) for root in service.roots)
        if inside and not path.name.startswith(".") and target != service.output:
            yield path


def _facts(path: Path, registry: Registry | None) -> tuple[dict[str, Any], object]:
    """The fields of a `FileEntry`, and the document.

    Args:
        path: The file.
        registry: To check it with; without, it is not read.
    """
    status = path.stat()
    facts: dict[str, Any] = {
        "name": path.name,
        "path": str(path),
        "size": status.st_size,
        "modified": status.st_mtime_ns // 1_000_000,
    }
    if registry is None:
        return facts, None
    try:
        document = read_document(path)
    except WorkflowUnreadableError as error:
        return facts | {"runs": False, "problems": (f"The file {error.message}",)}, None
    facts |= {"problems": tuple(check(document, registry)), **_described(document)}
    try:
        prepare(document, registry)
    except WorkflowInvalidError:
        return facts | {"runs": False}, document
    return facts | {"runs": True}, document


def _described(document: object) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        return {}
    metadata, nodes = document.get("metadata"), document.get("nodes")
    about = metadata if isinstance(metadata, Mapping) else {}
    name, tags = about.get("name"), about.get("tags")
    return {
        "title": name if isinstance(name, str) and name.strip() else None,
        "tags": tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        "nodes": len(nodes) if isinstance(nodes, list) else None,
    }


def _file(service: Service, path: Path, saved: BreakpointSet) -> WorkflowFile:
    if not path.is_file():
        raise Problem(404, "File not found", f"There is no file {path.name!r}", field="path")
    try:
        facts, document = _facts(path, service.registry)
    except OSError as error:
        raise Problem(
            403, "File not readable", f"{path.name!r} cannot be read: {error.strerror}", field="path"
        ) from error
    warnings: list[str] = []
    if facts["runs"]:
        warnings = prepare(document, service.registry)[1]
    return WorkflowFile(
        **facts,
        root=str(_root_of(service, path)),
        document=document if isinstance(document, Mapping) else None,
        warnings=tuple(warnings),
        breakpoints=saved,
    )


def _root_of(service: Service, path: Path) -> Path:
    return max(
        (root for root in service.roots if path.is_relative_to(root)), key=lambda root: len(root.parts)
    )


def _scan(service: Service, paths: tuple[str, ...]) -> Scan:
    files = [service.confine(path, field="paths") for path in paths]
    try:
        found = scan(files, recursive=True, exclude=[service.output])
    except BatchwrightError as error:
        raise Problem(404, "Workflow not found", error.message, code=error.code, field="paths") from error
    sources = [Path(item.source or "") for item in found.items] + [
        Path(item.source or "") for item in found.invalid
    ]
    outside = [path.name for path in sources if not any(path.is_relative_to(root) for root in service.roots)]
    if outside:
        raise Problem(
            403,
            "Path not allowed",
            f"{outside[0]} is a link that leads outside the allowed folders",
            code="PATH_NOT_ALLOWED",
            field="paths",
        )
    return found
