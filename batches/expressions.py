"""Small safe expressions over an execution's stores: conditions of breakpoints, and questions while paused.

The grammar is Python's for expressions without calls of methods: ``data.total > 100 and variables.item.id in
(1, 2)``. It is evaluated by ``simpleeval``, which walks the syntax tree with a list of what is allowed, in one small
module without dependencies, and bounds powers and lengths. JavaScript would need a process of its own for each
question, and a language such as CEL or JMESPath would be one more that people have to learn. Attributes are looked
up in JSON objects only, so that an expression cannot reach into Python objects.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

from simpleeval import (  # type: ignore[import-untyped]  # the library has no types
    DEFAULT_OPERATORS,
    FeatureNotAvailable,
    InvalidExpression,
    NameNotDefined,
    SimpleEval,
)

from nodes.errors import ConfigurationError

__all__ = ["MAX_EXPRESSION", "Expression", "ExpressionError"]

MAX_EXPRESSION: Final = 1_000
"""Longest expression, characters."""

_CONSTANTS: Final = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}

_FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "len": len,
    "str": str,
    "int": int,
    "float": float,
    "abs": abs,
    "min": min,
    "max": max,
    "lower": lambda text: str(text).lower(),
    "contains": lambda whole, part: part in whole,
    "has": lambda mapping, key: isinstance(mapping, Mapping) and key in mapping,
}

_JAVASCRIPT: Final = {"&&": "and", "||": "or", "===": "==", "!==": "!="}


class ExpressionError(ConfigurationError):
    """Raised for an expression that cannot be read or evaluated."""

    code = "EXPRESSION_INVALID"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="expression")


class Expression:
    """An expression, read once and evaluated as often as needed.

    Args:
        text: The expression; names are given at evaluation. Functions: ``len str int float abs min max lower
            contains(whole, part) has(object, key)``.

    Raises:
        ExpressionError: It is too long or no expression.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if len(self.text) > MAX_EXPRESSION:
            raise ExpressionError(f"An expression may have at most {MAX_EXPRESSION} characters")
        try:
            with warnings.catch_warnings():
                # Python warns of doubtful texts ("\\d"); here they mean what they mean.
                warnings.simplefilter("ignore")
                self._tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ExpressionError(f"'{self.text}' is no expression: {_reason(self.text, error)}") from None

    def value(self, names: Mapping[str, object]) -> Any:
        """Evaluate it.

        Args:
            names: What it may look at, as plain JSON values.

        Raises:
            ExpressionError: A name or key is missing, types do not fit, or it asks for something not allowed.
        """
        evaluator = _Evaluator(names)
        try:
            return evaluator.eval(self.text, previously_parsed=self._tree)
        except (
            InvalidExpression,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            raise ExpressionError(f"'{self.text}' cannot be evaluated: {_explained(error)}") from None


class _Evaluator(SimpleEval):  # type: ignore[misc]  # the library has no types
    """Attributes are keys of JSON objects, and nothing else."""

    def __init__(self, names: Mapping[str, object]) -> None:
        super().__init__(DEFAULT_OPERATORS, dict(_FUNCTIONS), {**_CONSTANTS, **names})
        self.nodes[ast.Attribute] = self._key
        self.nodes[ast.Tuple] = self._items
        self.nodes[ast.List] = self._items

    def _key(self, node: ast.Attribute) -> object:
        owner = self._eval(node.value)
        if not isinstance(owner, Mapping):
            raise FeatureNotAvailable(f"'{node.attr}' is asked of something that is no object")
        return owner[node.attr]

    def _items(self, node: ast.Tuple | ast.List) -> list[object]:
        return [self._eval(item) for item in node.elts]


def _explained(error: Exception) -> str:
    if isinstance(error, NameNotDefined):
        return f"unknown name '{error.name}'"
    if isinstance(error, KeyError):
        return f"there is no {error}"
    if isinstance(error, RecursionError):
        return "the values are nested too deeply"
    return str(error)


def _reason(text: str, error: Exception) -> str:
    for foreign, ours in _JAVASCRIPT.items():
        if foreign in text:
            return f"write '{ours}' for '{foreign}'"
    return error.msg if isinstance(error, SyntaxError) else type(error).__name__
