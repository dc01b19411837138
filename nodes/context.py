"""What a node handler gets: the stores, the browser session, settings and the log of its execution.

Source: workflow-format.md, section 16.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Frame, Page

from nodes.document import Node
from nodes.errors import NodeDataError
from nodes.interpolation import interpolate, interpolate_deep
from nodes.masking import Masker
from nodes.network import NetworkPolicy
from nodes.questions import NobodyToAskError, Question, Reply
from nodes.resources import Resources
from nodes.script.pool import WorkerPool
from nodes.secrets import Secrets
from nodes.session import BrowserSession

__all__ = ["ExecutionContext", "ExecutionSettings", "NodeRun", "public_view", "resolve_path"]


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """How an execution runs; fixed before its first node.

    Attributes:
        output: The execution's own folder (absolute); screenshots, videos and downloads lie below it.
        root: What relative paths in a workflow resolve against.
        headless: Overrides every ``openBrowser`` node; None leaves it to the node.
        browser: Overrides the kind of browser of every ``openBrowser`` node.
        browser_args: Further arguments for every browser.
        ignore_https_errors: Accept invalid certificates.
        settle: Wait for the page to come to rest after ``navigate`` (nodes.md, navigation).
        record_session: Record a video of every page.
        scroll_then_action: Scroll smoothly to an element before acting on it.
        network: Which hosts nodes may call from the runner.
        script_timeout_s: Limit for each script of the workflow, seconds; without one, a script may compute for
            30 s at a stretch and take 300 s with all its waiting.
        script_memory_mb: Memory that a script may take, MB.
    """

    output: Path
    root: Path = field(default_factory=Path.cwd)
    headless: bool | None = None
    browser: str | None = None
    browser_args: tuple[str, ...] = ()
    ignore_https_errors: bool = False
    settle: bool = False
    record_session: bool = False
    scroll_then_action: bool = False
    network: NetworkPolicy = field(default_factory=NetworkPolicy)
    script_timeout_s: float | None = None
    script_memory_mb: int = 256

    @property
    def screenshots(self) -> Path:
        """Where screenshots go."""
        return self.output / "screenshots"

    @property
    def snapshots(self) -> Path:
        """Where accessibility snapshots go."""
        return self.output / "snapshots"

    @property
    def videos(self) -> Path:
        """Where videos go."""
        return self.output / "videos"


@dataclass(slots=True)
class ExecutionContext:
    """The state that all nodes of one execution share.

    Attributes:
        data: Results passed between nodes.
        variables: Global variables; value nodes and loops write here.
        session: The browser, its contexts and the current page.
        settings: How the execution runs.
        log: Called with a level (``debug``, ``info``, ``warning``, ``error``) and a message.
        tracing: Whether lines of level ``debug`` are kept now, so that it pays to make them.
        resources: What nodes opened besides the browser; closed with the execution.
        scripts: The processes that run user JavaScript; whoever made the pool closes it.
        secrets: What ``${secrets.NAME}`` stands for.
        masker: Takes their values out of what leaves the execution; a node may teach it more.
        pause: Stands still at a node until somebody continues; False means that what the node would do after it
            shall be left out. None where nobody can continue.
        source: The workflow's file, if it has one.
        callers: The files that run inside one another, this one last; empty outside of sub-workflows.
        ask: Suspends the execution at a node until somebody replies. None where nobody can.
    """

    session: BrowserSession
    settings: ExecutionSettings
    data: dict[str, object] = field(default_factory=dict)
    variables: dict[str, object] = field(default_factory=dict)
    log: Callable[[str, str], None] = lambda _level, _message: None
    resources: Resources = field(default_factory=Resources)
    scripts: WorkerPool = field(default_factory=WorkerPool)
    secrets: Secrets = field(default_factory=Secrets)
    masker: Masker = field(default_factory=Masker)
    source: Path | None = None
    callers: tuple[Path, ...] = ()
    pause: Callable[[Node], Awaitable[bool]] | None = None
    ask: Callable[[Node, Question], Awaitable[Reply]] | None = None
    tracing: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class NodeRun:
    """One node being run: what its handler works with.

    Attributes:
        node: The node as it stands in the document.
        context: The execution's shared state.
        screenshot: Set by a node that made a picture of the page, to be recorded as the node's image.
        result: Short text for the log and the node's result, such as the URL reached.
    """

    node: Node
    context: ExecutionContext
    screenshot: Path | None = None
    result: str | None = None

    @property
    def data(self) -> dict[str, object]:
        """The execution's data store."""
        return self.context.data

    @property
    def variables(self) -> dict[str, object]:
        """The execution's variables."""
        return self.context.variables

    @property
    def session(self) -> BrowserSession:
        """The execution's browser session."""
        return self.context.session

    @property
    def settings(self) -> ExecutionSettings:
        """The execution's settings."""
        return self.context.settings

    @property
    def page(self) -> Page:
        """The current page; raises `PageMissingError` when none is open."""
        return self.context.session.page

    @property
    def scope(self) -> Page | Frame:
        """Where selectors are looked up: the current frame or page."""
        return self.context.session.scope

    async def pause(self) -> bool:
        """Stand still until somebody continues the execution; its clock stands still with it.

        Returns:
            False if the rest of the node shall be left out.
        """
        if self.context.pause is None:
            self.log("warning", f"Node {self.node.title}: pause is skipped, nobody can continue it here")
            return True
        return await self.context.pause(self.node)

    async def ask(self, question: Question) -> Reply:
        """Suspend the execution until somebody replies.

        Where nobody could, a question that can do without a reply is as good as timed out.

        Raises:
            NobodyToAskError: It runs without anybody who could, and cannot do without.
        """
        if self.context.ask is not None:
            return await self.context.ask(self.node, question)
        if not question.optional:
            raise NobodyToAskError(
                f"Nobody can reply here to: {question.text}. Run the workflow on a server (batchwright serve) "
                "or with --debug, or say what happens without a reply"
            )
        self.log("warning", f"Node {self.node.title}: goes on without a reply, nobody can give one here")
        return Reply(timed_out=True)

    def log(self, level: str, message: str) -> None:
        """Write a line into the execution's log."""
        self.context.log(level, message)

    def interpolate(self, text: str) -> str:
        """Replace references in a text that is not a marked property (a part of a condition, say)."""
        return interpolate(text, self.context.data, self.context.variables, self.context.secrets)

    def interpolate_deep(self, value: object) -> object:
        """The same for every text inside a value."""
        return interpolate_deep(value, self.context.data, self.context.variables, self.context.secrets)

    def require(self, value: str | None, name: str) -> str:
        """A text property that must be there and not blank.

        Raises:
            NodeDataError: It is missing; the message names the property.
        """
        if value is None or not value.strip():
            raise NodeDataError(f"Property '{name}' is required for node type {self.node.type}", field=name)
        return value

    def path(self, text: str) -> Path:
        """A file path of the workflow, resolved against the root."""
        return resolve_path(text, self.settings.root)


def resolve_path(text: str, base: Path) -> Path:
    r"""A path as written in a workflow: ``\`` separates folders too, relative ones lie below ``base``."""
    return base / Path(text.strip().replace("\\", "/")).expanduser()


def public_view(values: Mapping[str, object]) -> dict[str, object]:
    """A store as JSON: browser objects are shown by their kind and URL."""
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    url = getattr(value, "url", None)
    return f"<{type(value).__name__.lower()}{f' {url}' if isinstance(url, str) else ''}>"
