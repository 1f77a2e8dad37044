"""Code of a page or a document, executed as a notebook executes a cell."""

from __future__ import annotations

import ast
import inspect
import textwrap


class Cell:
    """Executes code as a notebook does: one namespace, `await` at the top, the last value given back."""

    def __init__(self, **names):
        self.names = {"__name__": "__main__", **names}

    async def run(self, code):
        tree = ast.parse(textwrap.dedent(code))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        await self._execute(
            compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        )
        if last is None:
            return None
        value = ast.Expression(last.value)
        return await self._execute(
            compile(value, "<cell>", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        )

    async def _execute(self, code):
        value = eval(code, self.names)
        return await value if inspect.iscoroutine(value) and code.co_flags & inspect.CO_COROUTINE else value
