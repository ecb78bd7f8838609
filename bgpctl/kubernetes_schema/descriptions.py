"""What `kubectl explain` says of a model and its fields: their docstrings, out of the source.

A field's docstring is the string that stands behind it. Python forgets it, so it is read from the file: only here, and
not whenever a command is started.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise


class UndescribedError(Exception):
    """A model or field has no docstring."""


def description(model: type) -> str:
    """Of the model itself. Raises UndescribedError."""
    if "__doc__" not in vars(model) or not model.__doc__:
        raise UndescribedError(f"{model.__name__} has no docstring")
    return _flowing(model.__doc__)


def field_description(model: type, field: str) -> str:
    """Of one field, from the class that declares it. Raises UndescribedError."""
    for declaring in model.__mro__:
        if field in vars(declaring).get("__annotations__", {}):
            if field in (found := _field_docstrings(declaring)):
                return found[field]
            break
    raise UndescribedError(f"{model.__name__}.{field} has no docstring behind it")


@cache
def _field_docstrings(declaring: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(declaring)))
    body = [statement for each in tree.body if isinstance(each, ast.ClassDef) for statement in each.body]
    return {
        field.target.id: _flowing(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _flowing(text: str) -> str:
    """One line: whoever shows it breaks it."""
    return " ".join(text.split())
