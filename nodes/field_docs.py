"""What fields of models mean: the texts below them in the source, looked up when a document is made.

Pydantic can collect them itself (``use_attribute_docstrings``), but reads and parses the source of every model
for that when the model is made, which is a tenth of the time that each start of a program takes.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

__all__ = ["DocumentedJsonSchema", "field_texts"]


class DocumentedJsonSchema(GenerateJsonSchema):
    """JSON Schema whose properties are described by the texts below the fields."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a model, see pydantic."""
        made = super().model_schema(schema)
        model: type[Any] = schema["cls"]
        for name, text in field_texts(model).items() if issubclass(model, BaseModel) else ():
            info = model.model_fields[name]
            for key in (name, info.alias, info.serialization_alias):
                if key in made.get("properties", {}):
                    made["properties"][key].setdefault("description", text)
        return made


def field_texts(model: type[BaseModel]) -> Mapping[str, str]:
    """What the fields of a model mean, by their Python names; those without a text are left out.

    Args:
        model: The model. A ``Field(description=...)`` goes before the text below the field.
    """
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            texts |= _texts_of(sys.modules.get(base.__module__)).get(base.__qualname__, {})
    given = {name: info.description for name, info in model.model_fields.items() if info.description}
    return {name: text for name, text in {**texts, **given}.items() if name in model.model_fields}


@lru_cache(maxsize=256)
def _texts_of(module: ModuleType | None) -> Mapping[str, Mapping[str, str]]:
    """The texts of a module, by class and field; none if it has no source."""
    try:
        tree = ast.parse(inspect.getsource(module) if module is not None else "")
    except (OSError, TypeError, SyntaxError):
        return {}
    return {name: dict(_texts_in(node)) for name, node in _classes(tree, "")}


def _classes(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield f"{prefix}{node.name}", node
            yield from _classes(node, f"{prefix}{node.name}.")


def _texts_in(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(node.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, inspect.cleandoc(said)
