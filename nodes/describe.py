"""What a node type is and which properties it has, as JSON: for ``batchwright nodes`` and the documentation.

Everything comes from the class and its data model, so that the description cannot differ from what runs.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock, WaitBlock
from nodes.conditions import ConditionData
from nodes.field_docs import field_texts
from nodes.model import INTERPOLATED, INTERPOLATED_DEEP, REQUIRED, NodeData, OneOf
from nodes.registry import NodeType
from nodes.samples import Sample, samples_of
from nodes.verify_model import RESOLVED

__all__ = ["common_properties", "condition_properties", "describe_type"]

_BLOCKS: Final[Mapping[str, type[NodeData]]] = {
    "selector": SelectorBlock,
    "wait": WaitBlock,
    "retry": RetryBlock,
    "timeout": TimeoutBlock,
}

_STORES: Final = frozenset({"data", "variables"})

_UNIT: Final = re.compile(r"\b(ms|seconds|pixels|degrees)\b")

_TYPE_NAMES: Final[Mapping[object, str]] = {
    str: "text",
    bool: "boolean",
    int: "whole number",
    float: "number",
    Any: "any",
    object: "any",
}

_INTERPOLATIONS: Final = {INTERPOLATED: "text", INTERPOLATED_DEEP: "deep", RESOLVED: "value"}


def describe_type(node_type: type[NodeType[Any]]) -> dict[str, object]:
    """A node type as JSON.

    Returns:
        ``name``, ``title``, ``category``, ``summary``, ``description``, ``supported``, ``usesPage``, ``reads``
        and ``writes`` (places in the stores), ``properties`` (its own and those of its blocks), ``common`` (those of
        every node type; each property as in `common_properties`) and ``examples``: each with a ``title``, what is
        ``shown`` (a node or a workflow), the whole as a ``document`` that can be run, ``files`` and ``variables``
        for it, what it ``leaves``, and the server that it ``needs`` and tests have not (or null).
    """
    description = re.sub(r"\n[ \t]+", "\n", (node_type.__doc__ or "").strip())
    return {
        "name": node_type.name,
        "title": node_type.title,
        "category": node_type.category,
        "summary": description.split("\n", 1)[0],
        "description": description,
        "supported": node_type.supported,
        "usesPage": node_type.uses_page,
        "reads": [_place(key) for key in node_type.reads],
        "writes": [_place(key) for key in node_type.writes],
        "properties": _own_properties(node_type.model),
        "common": common_properties(),
        "examples": [_sample(sample) for sample in samples_of(node_type.name)],
    }


def common_properties() -> list[dict[str, object]]:
    """The properties of every node type.

    Returns:
        One object for each: ``name``, ``type``, ``default``, ``unit`` (or null), ``required``,
        ``interpolated`` (false, or how: ``text``, ``deep``, ``value``), ``choices``, ``block`` (the group of
        shared properties it belongs to, or null), ``description``, and ``properties`` for an object.
    """
    return [
        _described(name, info, NodeData)
        for name, info in NodeData.model_fields.items()
        if name in NodeData.common_fields
    ]


def condition_properties() -> list[dict[str, object]]:
    """The properties of a condition object (switch cases, doWhile loops), as in `common_properties`."""
    return _own_properties(ConditionData)


def _place(key: str) -> str:
    """A place in the stores: keys without a store are of ``data``."""
    return key if key.partition(".")[0] in _STORES else f"data.{key}"


def _sample(sample: Sample) -> dict[str, object]:
    return {
        "title": sample.title,
        "shown": sample.shown,
        "document": sample.document,
        **sample.model_dump(include={"files", "variables", "leaves", "needs"}),
    }


def _own_properties(model: type[NodeData]) -> list[dict[str, object]]:
    """All but the common ones; those of the shared blocks come last."""
    properties = [
        _described(name, info, model)
        for name, info in model.model_fields.items()
        if name not in NodeData.common_fields
    ]
    return sorted(properties, key=lambda item: item["block"] is not None)


def _described(name: str, info: FieldInfo, owner: type[BaseModel]) -> dict[str, object]:
    marks = [*info.metadata, *_marks(info.annotation)]
    text = field_texts(owner).get(name, "")
    unit = _UNIT.search(text)
    described: dict[str, object] = {
        "name": info.alias or name,
        "type": _type_name(info.annotation),
        "default": None
        if info.is_required()
        else _plain(info.get_default(call_default_factory=True, validated_data={})),
        "unit": unit[1] if unit else None,
        "required": REQUIRED in marks or info.is_required(),
        "interpolated": next((how for mark, how in _INTERPOLATIONS.items() if mark in marks), False),
        "choices": [value for mark in marks if isinstance(mark, OneOf) for value in mark.values],
        "block": _block(name, owner),
        "description": text,
    }
    nested = next(_models(info.annotation), None)
    if nested is not None:
        described["properties"] = [
            _described(key, inner, nested) for key, inner in nested.model_fields.items()
        ]
    return described


def _plain(default: object) -> object:
    """A default as JSON has it."""
    if isinstance(default, BaseModel):
        return default.model_dump(mode="json", by_alias=True)
    return list(default) if isinstance(default, tuple) else default


def _block(name: str, owner: type[BaseModel]) -> str | None:
    """The block that a property comes from: the one that declares it itself."""
    for label, block in _BLOCKS.items():
        if issubclass(owner, block) and name in block.model_fields and name not in NodeData.common_fields:
            return label
    return None


def _parts(annotation: object) -> Sequence[Any]:
    """The members of a union, without null; else the annotation itself."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [
            part for member in get_args(annotation) if member is not type(None) for part in _parts(member)
        ]
    return [annotation]


def _type_name(annotation: object) -> str:
    names = dict.fromkeys(_simple_name(part) for part in _parts(annotation))
    return " or ".join(names)


def _simple_name(annotation: Any) -> str:
    if annotation in _TYPE_NAMES:
        return _TYPE_NAMES[annotation]
    origin = get_origin(annotation) or annotation
    if isinstance(origin, type) and issubclass(origin, list | tuple | Sequence):
        items = [item for item in get_args(annotation) if item is not Ellipsis]
        return f"array of {_type_name(items[0])}" if items else "array"
    return "object"


def _marks(annotation: object) -> Iterator[object]:
    """The marks inside an annotation; pydantic lifts only the outermost to the field."""
    if get_origin(annotation) is Annotated:
        yield from getattr(annotation, "__metadata__", ())
    for member in get_args(annotation):
        yield from _marks(member)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for member in get_args(annotation):
        yield from _models(member)
