"""Finds tools that a graph function calls and forgets to await, while it is decorated.

Only looks at calls that stand as a statement of their own: what is assigned, passed on or returned may
well be awaited elsewhere.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from aether_nb.authoring.fingerprint import tree_of
from aether_nb.authoring.steps import Step


def forgotten_awaits(fn: Callable[..., Any]) -> list[str]:
    """One sentence for each call of a tool or graph that nobody awaits; empty without source."""
    tree = tree_of(fn)
    if tree is None:
        return []
    names = _around(fn)
    for own in _bound_inside(tree):  # a local name hides the tool of that name
        names.pop(own, None)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            step = _resolve(node.value.func, names)
            if isinstance(step, Step):
                text = ast.unparse(node.value)
                text = text if len(text) <= 60 else f"{ast.unparse(node.value.func)}(...)"
                found.append(
                    (node.lineno, f"line {node.lineno}: `{text}` is not awaited; write `await {text}`.")
                )
    return [sentence for _, sentence in sorted(found)]


def _around(fn: Callable[..., Any]) -> dict[str, Any]:
    fn = inspect.unwrap(fn)
    names = dict(vars(builtins))
    names.update(getattr(fn, "__globals__", {}))
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            names.pop(name, None)
    return names


def _bound_inside(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name


def _resolve(func: ast.expr, names: dict[str, Any]) -> Any:
    """What a name or `module.name` means; attributes of anything but modules are left alone."""
    if isinstance(func, ast.Name):
        return names.get(func.id)
    if isinstance(func, ast.Attribute):
        owner = _resolve(func.value, names)
        if isinstance(owner, types.ModuleType):
            return vars(owner).get(func.attr)
    return None
