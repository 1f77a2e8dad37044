"""What code a tool or graph is, as a hash: so that a resumed run can say that a cell was edited.

Comments, formatting, docstrings and decorators do not count. Nothing needs a fingerprint to work:
without source the compiled code is hashed, without either it is `""`, unknown, which never differs.
Nothing here raises.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef


def fingerprint(fn: Callable[..., Any]) -> str:
    """Hash of a function's normalised code, 32 hex digits; `""` when unknown.

    The same source gives the same hash on every Python; without source it is of the compiled code and
    starts with the Python's version, because bytecode of two versions says nothing about a change.
    """
    try:
        tree = tree_of(fn)
        if tree is not None:
            return _digest(_of_tree(tree))
        code = _function(fn).__code__
        version = f"py{sys.version_info.major}.{sys.version_info.minor}"
        return f"{version}:{_digest(_of_code(code, _function(fn).__doc__))}"
    except Exception:  # noqa: BLE001 - unknown is an answer
        return ""


def source_of(fn: Callable[..., Any]) -> str:
    """The text of a function from its `def` on, dedented; `""` when it cannot be had."""
    try:
        lines, first = inspect.getsourcelines(_function(fn))
        tree = tree_of(fn)
        return textwrap.dedent("".join(lines[tree.lineno - first :])) if tree else ""
    except Exception:  # noqa: BLE001 - no source is an answer
        return ""


def tree_of(fn: Callable[..., Any]) -> FunctionDef | None:
    """The syntax tree of a function, with the line numbers of its file or cell; None without source."""
    try:
        function = _function(fn)
        lines, first = inspect.getsourcelines(function)
        module = ast.parse(textwrap.dedent("".join(lines)))
    except Exception:  # noqa: BLE001 - inspect and ast raise many things at odd source
        return None
    node = module.body[0] if module.body else None
    if (
        not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        or node.name != function.__code__.co_name
    ):
        return None  # a lambda, or a file that has changed under us
    ast.increment_lineno(node, max(first, 1) - 1)
    return node


def combined(prints: dict[str, str]) -> str:
    """One fingerprint for several; unknown when one of them is, of compiled code when one of them is."""
    if not prints or not all(prints.values()):
        return ""
    kinds = sorted({print_.rpartition(":")[0] for print_ in prints.values()} - {""})
    return "".join(f"{kind}:" for kind in kinds) + _digest(
        f"{name}={print_}" for name, print_ in sorted(prints.items())
    )


def _function(fn: Callable[..., Any]) -> types.FunctionType:
    while isinstance(fn, functools.partial):
        fn = fn.func
    fn = inspect.unwrap(fn)
    function = getattr(fn, "__func__", fn)
    if not isinstance(function, types.FunctionType):
        function = type(function).__call__  # a callable object: its class says what it does
    assert isinstance(function, types.FunctionType)
    return function


def _digest(parts: Iterator[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def _of_tree(node: ast.AST, *, top: bool = True) -> Iterator[str]:
    """A tree as text. Empty fields are left out: versions of Python add fields, and begin with empty ones."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        if name in {"kind", "type_comment"} or (top and name == "decorator_list"):
            continue
        if name == "body" and isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False):
            value = value[1:]  # noqa: PLW2901
        if isinstance(value, list):
            items = list(filter(_says_something, value)) if isinstance(node, ast.JoinedStr) else value
        else:
            items = [] if value is None and not isinstance(node, ast.Constant) else [value]
        if not items:
            continue
        yield f".{name}"
        for item in items:
            if isinstance(item, ast.AST):
                yield "("
                yield from _of_tree(item, top=False)
                yield ")"
            else:
                # what `repr` escapes depends on the Unicode of the Python
                yield f"{type(item).__name__}:{ascii(item) if isinstance(item, str) else repr(item)}"


def _says_something(part: ast.expr) -> bool:
    """Of an f-string: some versions put empty texts around what a format holds in braces."""
    return not (isinstance(part, ast.Constant) and part.value == "")


_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _of_code(code: types.CodeType, doc: str | None) -> Iterator[str]:
    yield code.co_code.hex()
    for i, const in enumerate(code.co_consts):
        if i == 0 and doc is not None and const == doc:
            yield "None"
        elif isinstance(const, types.CodeType):
            yield from _of_code(const, None)
        elif isinstance(const, frozenset):  # its order changes with every process
            yield ",".join(sorted(map(repr, const)))
        else:
            yield repr(const)
    yield " ".join((*code.co_names, *code.co_varnames, *code.co_freevars))
