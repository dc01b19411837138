"""The registry of node types, and the base class that every node type extends.

Adding a node type is one class in one module: give it a ``name``, a data model and a ``run`` method, and
list the module in `nodes.catalogue` (or register the class on a registry, as a plugin does).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar, get_args

from nodes.context import NodeRun
from nodes.errors import ConfigurationError, NodeTypeUnknownError
from nodes.model import NodeData
from nodes.selectors import selector_problems

__all__ = ["NodeType", "Registry"]

D = TypeVar("D", bound=NodeData)


class NodeType(ABC, Generic[D]):
    """A kind of node: its name in files, its properties and what it does.

    One instance serves all executions at once, so an implementation keeps its state in the run.
    The class docstring is what ``batchwright nodes`` shows.
    """

    name: ClassVar[str]
    """``type`` in workflow files."""
    title: ClassVar[str]
    """Display name in reports, Title Case."""
    category: ClassVar[str] = "other"
    """Where listings show it."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Keys of ``data``, or of ``variables`` with that word before them, that the node reads besides references."""
    writes: ClassVar[tuple[str, ...]] = ()
    """Those that it writes; both are for documentation."""
    uses_page: ClassVar[bool] = True
    """Whether the node works on a page: a dialog that is held open is dismissed before it runs."""
    supported: ClassVar[bool] = True
    """False for a type that the format has and this version does not run yet."""
    answers_dialogs: ClassVar[bool] = False
    """Whether the node takes a dialog that is held open, so that it must not be dismissed."""
    model: ClassVar[type[NodeData]]
    """Its data model, taken from the type argument: ``class Wait(NodeType[WaitData])``."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, NodeData):
                    cls.model = argument

    @property
    def summary(self) -> str:
        """The first line of the class docstring."""
        return (self.__doc__ or "").strip().split("\n", 1)[0]

    def touches_page(self, data: D) -> bool:  # noqa: ARG002 - for those that override it
        """Whether the node works on the page with these properties (see ``uses_page``)."""
        return self.uses_page

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Faults of these properties that stop a run only when the node is reached, such as a bad selector."""
        return selector_problems(values)

    @abstractmethod
    async def run(self, data: D, run: NodeRun) -> None:
        """Do the node's work.

        Args:
            data: The node's properties: inputs resolved, references replaced, types checked.
            run: The stores, the browser and the log.

        Raises:
            NodeError: The node fails.
        """


AnyNodeType = NodeType[Any]


class Registry:
    """Node types by name. Built-in names cannot be taken over; among others the last registration wins."""

    def __init__(self, types: Iterable[type[AnyNodeType]] = ()) -> None:
        self._types: dict[str, AnyNodeType] = {}
        self._built_in: set[str] = set()
        for node_type in types:
            self.register(node_type)
        self._built_in = set(self._types)

    def register(self, node_type: type[AnyNodeType]) -> None:
        """Add a node type.

        Raises:
            ConfigurationError: The name belongs to a built-in type (nodes.md, part III).
        """
        if node_type.name in self._built_in:
            raise ConfigurationError(
                f"Node type '{node_type.name}' is built in and cannot be replaced", field="type"
            )
        self._types[node_type.name] = node_type()

    def get(self, name: str) -> AnyNodeType:
        """The node type with this name.

        Raises:
            NodeTypeUnknownError: Nobody registered it.
        """
        try:
            return self._types[name]
        except KeyError:
            raise NodeTypeUnknownError(name) from None

    def find(self, name: str) -> AnyNodeType | None:
        """The node type with this name, or None."""
        return self._types.get(name)

    def __iter__(self) -> Iterator[AnyNodeType]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)
